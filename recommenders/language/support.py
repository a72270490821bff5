"""Whether a name in a text means the artist: what speaks for it, what against, in points.

A distinct name begins with points enough; a plain one has to earn them from the text around it. The points are set by
hand, and held to the truth of the demo service and of real posts by tests.
"""

import re

from recommenders.language.plainness import Plainness
from recommenders.language.surface import Case, LineStyle, Surface
from recommenders.language.tokens import is_unspaced, tokens
from recommenders.language.word_sets import (
    AFTER_NAMES,
    BEFORE_A_BAND,
    BEFORE_NAMES,
    DETERMINERS,
    SMALL_WORDS,
    VERBS_OF_MUSIC,
)

ENOUGH = 2.5
SURE = 4.0  # so much makes others of the same name in the article likely
NEVER = -100.0

_BASE = {
    Plainness.DISTINCT: 4.0,
    Plainness.PROPER: 0.0,
    Plainness.PHRASE: 0.0,
    Plainness.WORD: 0.0,
    Plainness.FILLER: -1.5,
}
_HARD = frozenset('.,;:!?()[]{}"“”„«»\n…|。、，！？：「」『』《》')
_ABBREVIATED = frozenset(("mr", "mrs", "ms", "dr", "st", "jr", "sr", "mt", "vs", "feat", "ft", "no", "vol"))
_SUFFIX = frozenset(("esque", "like", "style", "ish", "inspired", "core", "type", "era", "adjacent", "s"))
_JOINED = re.compile(r"^[-_@#/.~]$")
_JOINS_BEFORE = re.compile(r"[-_@#/.~]$")
_SPACE = re.compile(r"^[ \u00a0]$")
_APOSTROPHE = re.compile(r"^['’]$")


def local_support(surface: Surface, first: int, last: int, written: str, plain: Plainness) -> float:
    """The points of the name from word `first` to `last` by what stands around it."""
    if not fits(surface, first, last, written):
        return NEVER
    points = _BASE[plain] + (2.0 if last > first and plain == Plainness.DISTINCT else 0.0)
    if is_unspaced(surface.words[first][0]):
        return points + _unspaced(surface, first, last)
    return (
        points
        + _capitals(surface, first, last, written, plain)
        + _place(surface, first, last, plain)
        + _neighbours(surface, first, last, plain)
    )


def fits(surface: Surface, first: int, last: int, written: str) -> bool:
    """Whether no sentence ends, and no list goes on, inside the name, unless it is written so."""
    if first == last:
        return True
    allowed: set[str] | None = None
    for i in range(first + 1, last + 1):
        gap = surface.before(i)
        if gap in (" ", ""):
            continue
        hard = _HARD.intersection(gap)
        if " - " in gap or " – " in gap:
            hard = hard | {"-"}
        if not hard or (hard == {"."} and (surface.words[i - 1] in _ABBREVIATED or len(surface.words[i - 1]) == 1)):
            continue
        if allowed is None:
            allowed = _between(written)
        if not hard <= allowed:
            return False
    return True


def _between(written: str) -> set[str]:
    inside = tokens(written)
    return set("".join(written[end:start] for end, start in zip(inside.ends, inside.starts[1:], strict=False)))


def _capitals(surface: Surface, first: int, last: int, written: str, plain: Plainness) -> float:
    """Points for capitals where small letters would stand, and against small ones where capitals belong."""
    raw = surface.raw(first, last)
    content = [i for i in range(first, last + 1) if surface.words[i] not in SMALL_WORDS] or [first]
    cases = [surface.case(i) for i in content]
    if all(case == Case.NONE for case in cases):
        points = 0.0
    elif all(case <= Case.LOWER for case in cases):
        points = _small_letters(surface.is_cased, last > first, raw == written, plain)
    elif surface.line(first).style != LineStyle.SENTENCE:
        points = 0.5 if raw == written and raw.isupper() else 0.0
    elif plain == Plainness.DISTINCT:
        points = 0.0
    elif any(case == Case.LOWER for case in cases):
        points = -2.0
    elif len(raw) > 1 and raw.isupper():
        points = 2.0 if raw == written else -1.0
    elif all(surface.opens(i) for i in content):
        points = 0.0
    elif plain == Plainness.PROPER:
        points = 0.5
    else:
        points = 3.0 if last > first else 2.0
    return points


def _small_letters(is_cased: bool, is_long: bool, as_written: bool, plain: Plainness) -> float:
    if as_written:
        return 1.0 if plain == Plainness.PHRASE else 0.0
    if plain == Plainness.DISTINCT:
        return -2.0 if is_long or not is_cased else -4.0
    return -6.0 if is_cased else -2.0


def _place(surface: Surface, first: int, last: int, plain: Plainness) -> float:
    """Points for standing where headings name an artist, against standing where they name a work."""
    line = surface.line(first)
    if line.first == first and line.last == last + 1:
        return 1.0
    if line.dash is None:
        return 0.0
    whole = surface.part_of_heading(first, last)
    if whole is None:
        return -4.0 if first >= line.dash else 0.0
    if whole:
        return 5.0
    return -2.5


def _neighbours(surface: Surface, first: int, last: int, plain: Plainness) -> float:
    """Points for words of music beside the name, against being a piece of something longer."""
    points = 0.0
    before = surface.before(first) if first else "\n"
    after = surface.after(last)
    previous = surface.words[first - 1] if first else ""
    following = surface.words[last + 1] if last + 1 < len(surface.words) else ""
    if _SPACE.match(before):
        if previous in BEFORE_A_BAND:
            points += 2.0
        elif previous in BEFORE_NAMES:
            points += 0.5
        elif previous in DETERMINERS and following not in AFTER_NAMES:
            points -= 1.5
        elif previous == "the" and following not in AFTER_NAMES:
            points -= 1.0
    possessive = _APOSTROPHE.match(after) and following == "s"
    if possessive:
        points += 1.0
        following = surface.words[last + 2] if last + 2 < len(surface.words) else ""
    if (possessive or after == " ") and following in AFTER_NAMES:
        points += 1.5
    elif after == " " and following in VERBS_OF_MUSIC:
        points += 1.0
    if plain != Plainness.DISTINCT or last == first:
        points += _longer(surface, first, last, before, after)
    return points


def _longer(surface: Surface, first: int, last: int, before: str, after: str) -> float:
    """Points against a name that goes on, with a hyphen or with another word in capitals."""
    points = 0.0
    joined_after = _JOINED.match(after) and last + 1 < len(surface.words)
    if (_JOINS_BEFORE.search(before) and first) or (joined_after and surface.words[last + 1] not in _SUFFIX):
        points -= 4.0
    if surface.line(first).style != LineStyle.SENTENCE:
        return points
    if first and before == " " and surface.case(first - 1) > 0 and surface.words[first - 1] not in SMALL_WORDS:
        points -= 3.0 if not surface.opens(first - 1) else 1.0
    if after == " " and last + 1 < len(surface.words) and surface.case(last + 1) > 0:
        points -= 3.0 if surface.words[last + 1] not in SMALL_WORDS else 0.0
    return points


def _unspaced(surface: Surface, first: int, last: int) -> float:
    """Points for a name in a script without spaces: between marks or spaces it is whole."""
    before = surface.before(first) if first else "\n"
    after = surface.after(last)
    free_before = before != "" or not first or not is_unspaced(surface.words[first - 1][0])
    free_after = after != "" or last + 1 == len(surface.words) or not is_unspaced(surface.words[last + 1][0])
    if surface.part_of_heading(first, last):
        return 5.0
    points = 1.0 * free_before + 1.0 * free_after
    if _is_katakana(surface.words[first]) and not free_before and _is_katakana(surface.words[first - 1]):
        points -= 8.0
    if _is_katakana(surface.words[last]) and not free_after and _is_katakana(surface.words[last + 1]):
        points -= 8.0
    if _is_hangul(surface.words[first]) and not free_before and _is_hangul(surface.words[first - 1]):
        points -= 8.0
    if any(mark in before for mark in "「『《〈【") and any(mark in after for mark in "」』》〉】"):
        points += 1.0
    return points


def _is_katakana(word: str) -> bool:
    return "\u30a0" <= word[0] <= "\u30ff"


def _is_hangul(word: str) -> bool:
    return "\uac00" <= word[0] <= "\ud7a3"
