"""Whether a name in a text means the artist: what speaks for it, what against, in points.

A distinct name begins with points enough; a plain one has to earn them from the text around it. The points are set by
hand, and held to the truth of the demo service and of real posts by tests.
"""

from recommenders.language.plainness import Plainness, plainness
from recommenders.language.surface import Case, Heads, LineStyle, Surface
from recommenders.language.tokens import is_unspaced, tokens
from recommenders.language.word_sets import (
    ABBREVIATIONS,
    AFTER_NAMES,
    BEFORE_A_BAND,
    BEFORE_NAMES,
    BEFORE_TITLES,
    DETERMINERS,
    ENSEMBLES,
    EVENTS,
    IRREGULAR_PLURALS,
    SMALL_WORDS,
    VERBS_OF_MANY,
    VERBS_OF_MUSIC,
    VERBS_OF_RECORDS,
)

ENOUGH = 2.5
SURE = 3.0  # so much makes others of the same name in the article likely
NEVER = -100.0

HEADS = 5.0  # for a name left of the dash of "Artist – Title"
HEADS_WEAKLY = 2.0  # for the band Live in "Live: ...", and for Ruth in "Bing & Ruth – Species"
IN_TITLE = 1.0
BEHIND_A_RUBRIC = 2.5  # for all that follows "Review:"
_BASE = {
    Plainness.DISTINCT: 4.0,
    Plainness.PROPER: 0.0,
    Plainness.PHRASE: 0.0,
    Plainness.WORD: 0.0,
    Plainness.FILLER: -1.5,
}
_INSIDE_TITLES = frozenset(("of", "in", "the", "to", "from"))
_GOES_ON_WITHOUT = AFTER_NAMES | VERBS_OF_MUSIC | VERBS_OF_MANY | VERBS_OF_RECORDS
_MARKS = frozenset("!?*$")
_OF_RECORDS = frozenset(("new", "latest", "debut", "first", "second", "third", "last", "best", "early", "old", "live"))
_ARTICLES = frozenset(("the", "a", "an"))
_WHO = frozenset(("who", "whose", "whom"))
_SHORT = 4  # letters of an abbreviation, which stands in capitals
_HARD = frozenset('.,;:!?()[]{}"“”„«»\n…|。、，！？：「」『』《》')
_SUFFIXES = frozenset(("esque", "like", "style", "ish", "inspired", "core", "type", "era", "adjacent", "s"))
_JOINS = frozenset("-_@#/.~")
_SPACES = frozenset(" \u00a0")
_APOSTROPHES = frozenset("'’")
_GENITIVES = frozenset(("' ", "’ "))


def local_support(surface: Surface, first: int, last: int, written: str, plain: Plainness) -> float:
    """The points of the name from word `first` to `last` by what stands around it."""
    if not fits(surface, first, last, written):
        return NEVER
    points = _BASE[plain] + (2.0 if last > first and plain == Plainness.DISTINCT else 0.0)
    heads = surface.heads(first, last)
    if heads:
        line = surface.line(first)
        weak = line.is_colon or heads == Heads.JOINED
        return points + (HEADS_WEAKLY if weak else HEADS) + IN_TITLE * (line.first == 0)
    if is_unspaced(surface.words[first][0]):
        return points + _unspaced(surface, first, last)
    return (
        points
        + _capitals(surface, first, last, written, plain)
        + _marks(surface, last, written)
        + _place(surface, first, last)
        + _before(surface, first, last)
        + _after(surface, first, last, plain)
        + _longer(surface, first, last, plain)
    )


def fits(surface: Surface, first: int, last: int, written: str) -> bool:
    """Whether no sentence ends, and no list goes on, inside the name, unless it is written so."""
    allowed: set[str] | None = None
    for i in range(first + 1, last + 1):
        gap = surface.before(i)
        if gap in (" ", ""):
            continue
        hard = set(_HARD.intersection(gap))
        if " - " in gap or " – " in gap:
            hard.add("-")
        before = surface.words[i - 1]
        if not hard or (hard == {"."} and (before in ABBREVIATIONS or len(before) == 1)):
            continue
        if allowed is None:
            allowed = _between(written)
        if not hard <= allowed:
            return False
    return True


def _between(written: str) -> set[str]:
    inside = tokens(written)
    return set("".join(written[end:start] for end, start in zip(inside.ends, inside.starts[1:], strict=False)))


def content_words(surface: Surface, first: int, last: int) -> list[int]:
    """The words that a name or title writes with capitals."""
    return [i for i in range(first, last + 1) if surface.words[i] not in SMALL_WORDS] or [first]


def _capitals(surface: Surface, first: int, last: int, written: str, plain: Plainness) -> float:
    """Points for capitals where small letters would stand, and against small ones where capitals belong."""
    raw = surface.raw(first, last)
    content = content_words(surface, first, last)
    cases = [surface.case(i) for i in content]
    small = set(range(first, last + 1)).difference(content)
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
    elif raw.isupper() and (len(raw) > 1 or not surface.opens(first)):
        points = 2.0 if raw == written else -1.0
    elif len(written) <= _SHORT and written.isupper():
        points = -3.0
    elif all(surface.opens(i) for i in content):
        points = 0.0
    elif plain == Plainness.PROPER:
        points = 0.5
    elif len(content) > 1:
        points = 3.0
    else:
        points = 3.0 if any(surface.is_capital(i) and not surface.opens(i) for i in small) else 2.0
    return points


def _small_letters(is_cased: bool, is_long: bool, as_written: bool, plain: Plainness) -> float:
    if as_written:
        return 1.0 if plain == Plainness.PHRASE else 0.0
    if plain == Plainness.DISTINCT:
        return -1.0 if not is_cased else -2.0 if is_long else -4.0
    return -6.0 if is_cased else -2.0


def _marks(surface: Surface, last: int, written: str) -> float:
    """A point for a mark with which the name is written: Wham!"""
    mark = written[-1:]
    return 1.0 if mark in _MARKS and surface.text.startswith(mark, surface.ends[last]) else 0.0


def _place(surface: Surface, first: int, last: int) -> float:
    """Points for standing alone in a line, or in the title; against being a piece of a heading, or a work named."""
    line = surface.line(first)
    if line.begin == first and line.last == last + 1:
        return (1.0 if line.begin == line.first else BEHIND_A_RUBRIC) + IN_TITLE * (line.first == 0)
    if line.is_heading and line.dash is not None:
        return -4.0 if first >= line.dash else -2.5
    if tuple(surface.words[first : last + 1]) in surface.works:
        return -3.0
    return IN_TITLE * (line.first == 0)


def _before(surface: Surface, first: int, last: int) -> float:
    """Points for and against by the word before."""
    if not first or surface.before(first) not in _SPACES:
        return 0.0
    previous = surface.words[first - 1]
    if previous in BEFORE_A_BAND:
        return 2.0
    if previous in BEFORE_TITLES or (previous == "like" and surface.word(first - 2) in BEFORE_TITLES):
        return -3.0
    if previous in BEFORE_NAMES:
        return 0.5
    if (previous in DETERMINERS or previous == "the") and surface.word(last + 1) not in AFTER_NAMES:
        return -0.5 if last > first else -1.5 if previous != "the" else -1.0
    return 0.0


def _after(surface: Surface, first: int, last: int, plain: Plainness) -> float:
    """Points for what comes after: the name's own music, or what it does."""
    points, at = 0.0, last + 1
    if surface.after(last) in _APOSTROPHES and surface.word(at) == "s":
        points, at = 1.0, last + 2
    space, following = surface.before(at) if at < len(surface.words) else "", surface.word(at)
    if space in _GENITIVES and surface.words[last].endswith("s"):
        points, space = 1.0, " "
    if space != " ":
        return points + _apposition(surface, at, space)
    if following in AFTER_NAMES or (following in _OF_RECORDS and surface.word(at + 1) in AFTER_NAMES):
        return points + (0.0 if plain == Plainness.PROPER and following in EVENTS else 2.0)
    return points or _does(surface, first, last, following, plain)


def _does(surface: Surface, first: int, last: int, verb: str, plain: Plainness) -> float:
    """Points for a verb after the name: what bands do."""
    if verb in VERBS_OF_MANY and plain in {Plainness.PROPER, Plainness.WORD} and not _is_many(surface.words[last]):
        return 2.5
    if verb in VERBS_OF_RECORDS and surface.opens(first) and _speaks_of_music(surface, last + 1):
        return 2.5
    return 1.0 if verb in VERBS_OF_MUSIC | VERBS_OF_MANY | VERBS_OF_RECORDS else 0.0


def _apposition(surface: Surface, at: int, space: str) -> float:
    """Points for "who ..." and "the French duo" after a comma."""
    if space != ", ":
        return 0.0
    if surface.word(at) in _WHO:
        return 1.5
    is_band = surface.word(at) in _ARTICLES and any(surface.word(i) in BEFORE_A_BAND for i in range(at + 1, at + 5))
    return 2.5 if is_band else 0.0


def _is_many(word: str) -> bool:
    """Whether many are meant: "children are", but one band when it is "Air are"."""
    return word.endswith("s") or word in IRREGULAR_PLURALS


def _speaks_of_music(surface: Surface, at: int) -> bool:
    """Whether one of the next words is of records."""
    return any(surface.word(i) in AFTER_NAMES for i in range(at + 1, at + 6))


def _longer(surface: Surface, first: int, last: int, plain: Plainness) -> float:
    """Points against a name that goes on, with a hyphen or with another word in capitals."""
    before, after = surface.before(first), surface.after(last)
    points = -4.0 if after == " " and surface.word(last + 1) in ENSEMBLES and surface.is_capital(last + 1) else 0.0
    if plain == Plainness.DISTINCT and last > first:
        return points
    joined_before = first and before[-1:] in _JOINS and before
    if joined_before or (after in _JOINS and surface.word(last + 1) not in {"", *_SUFFIXES}):
        points -= 4.0
    if before == " " and surface.is_capital(first - 1) and surface.words[first - 1] not in BEFORE_A_BAND:
        points -= _belongs(surface, first - 1)
    if after == " " and surface.is_capital(last + 1) and surface.word(last + 1) not in _GOES_ON_WITHOUT:
        points -= 3.0
    if plain != Plainness.DISTINCT and _in_title(surface, first, last):
        points -= 2.0
    return points


def _in_title(surface: Surface, first: int, last: int) -> bool:
    """Whether the name is a piece of a title with small words inside, or what somebody's work is called."""
    if surface.word(last + 1) == "of" and surface.after(last) == " ":
        return True
    if surface.word(first - 1) == "s" and surface.before(first - 1) in _APOSTROPHES:
        return True
    is_inside = surface.word(first - 1) in _INSIDE_TITLES and surface.before(first) == " "
    return is_inside and surface.is_capital(first - 2) and not surface.opens(first - 2)


def _belongs(surface: Surface, i: int) -> float:
    """Points against the name that comes after word `i`, which has a capital: it may begin a longer one."""
    if not surface.opens(i):
        return 3.0
    plain = plainness([surface.words[i]])
    return {Plainness.FILLER: 0.0, Plainness.WORD: 1.0}.get(plain, 2.0)


def _unspaced(surface: Surface, first: int, last: int) -> float:
    """Points for a name in a script without spaces: between marks or spaces it is whole."""
    before, after = surface.before(first), surface.after(last)
    free_before = before != "" or not first or not is_unspaced(surface.words[first - 1][0])
    free_after = after != "" or last + 1 == len(surface.words) or not is_unspaced(surface.words[last + 1][0])
    points = 1.0 * free_before + 1.0 * free_after
    for is_script in (_is_katakana, _is_hangul):
        if not free_before and is_script(surface.words[first]) and is_script(surface.words[first - 1]):
            points -= 8.0
    if not free_after and _is_katakana(surface.words[last]) and _is_katakana(surface.words[last + 1]):
        points -= 8.0
    if any(mark in before for mark in "「『《〈【") and any(mark in after for mark in "」』》〉】"):
        points += 1.0
    return points


def _is_katakana(word: str) -> bool:
    return "\u30a0" <= word[0] <= "\u30ff"


def _is_hangul(word: str) -> bool:
    return "\uac00" <= word[0] <= "\ud7a3"
