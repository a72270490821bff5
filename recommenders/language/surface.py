"""How a text is written: capitals, sentences, lines, what stands between two words. Found once for an article."""

import re
from bisect import bisect_right
from collections.abc import Iterable
from enum import IntEnum
from functools import cached_property, lru_cache

from recommenders.language.tokens import Tokens, is_unspaced
from recommenders.language.word_sets import ABBREVIATIONS, RUBRICS, SMALL_WORDS

_NEW_SENTENCE = re.compile(r"[.!?…:;\n\"“”„«»(\[{*•|。！？：「」『』《》【】（]|(?:^|\s)[-–—'‘](?=\s|$)|\s['‘]")
_DASH = re.compile(r"\s[-‐‑‒–—―~]+\s|\w?[-–—]\s|\s[-–—]\w?|\|\s")
_OPENING = re.compile(r"(?:\A|\n|[.!?]\s)[\W\d_]*([^\W\d_])")
_COLON = re.compile(r"[：:](?:\s|$)")
_DASH_AT_END = re.compile(r"\s[-–—]\s*[^\s.,]")
_SENTENCE_ENDS = re.compile(r"\s*[.!?。！？]")
_STOP = re.compile(r"\.[\"”’)\]]*\s|[。！？]")
_PARTS = re.compile(r"[,;/&+×、]")
_JOINING = frozenset(("and", "feat", "ft", "featuring", "with", "vs", "x", "und", "et", "y"))
HEADING_CHARACTERS = 140
HEADING_NAMES = 12  # words left of the dash
TITLE_CAPITALS = 0.7  # of the words of four letters and more
TITLE_WORDS = 8  # right of it; a line that goes on for longer and ends with a full stop is a sentence


class Case(IntEnum):
    """How a word is written."""

    NONE = -1  # digits, scripts without capitals
    LOWER = 0
    CAPITAL = 1
    UPPER = 2  # all of two letters and more


class LineStyle(IntEnum):
    """What capitals of a line tell."""

    SENTENCE = 0  # a capital inside marks a name
    TITLE = 1  # most words have one: it tells nothing


class Heads(IntEnum):
    """What a name is of that which stands left of the dash of a heading."""

    NOTHING = 0
    JOINED = 1  # of two names with an "and" between: or is it one name?
    LISTED = 2
    ALL = 3


class Line:
    """A line of the text: its words [first, last), its style, and where "Artist – Title" or "Artist: Title" parts.

    `begin` is the first word behind what only says of which kind the line is, as "Album of the week: ..." does.
    `dash` is the first word right of the mark that parts it.
    """

    def __init__(self, surface: "Surface", first: int, last: int) -> None:
        self.first, self.last = first, last
        self.begin = first
        self._surface = surface
        self.is_colon = False
        self.dash = self._dash(surface)
        is_rubric = _is_rubric(surface.words[self.begin : self.dash])
        self.is_heading = self.dash is not None and not self.is_colon and not is_rubric

    @cached_property
    def style(self) -> LineStyle:
        """Whether its capitals mark names."""
        return _style(self._surface, self.first, self.last)

    def _dash(self, surface: "Surface") -> int | None:
        start, end = surface.starts[self.first], surface.ends[self.last - 1]
        if end - start > HEADING_CHARACTERS:
            return None
        for i in range(self.first + 1, min(self.last, self.first + HEADING_NAMES)):
            gap = surface.before(i)
            is_colon = _COLON.search(gap) is not None
            if is_colon or _DASH.search(gap):
                if is_colon and _is_rubric(surface.words[self.begin : i]):
                    self.begin = i
                    continue
                self.is_colon = is_colon
                is_prose = self.last - i > TITLE_WORDS and _SENTENCE_ENDS.match(surface.after(self.last - 1))
                return None if is_prose else i
            if surface.ends_sentence(i):
                return None
        return self.last if _DASH_AT_END.match(surface.after(self.last - 1)) else None


def _is_rubric(words: list[str]) -> bool:
    """Whether these words only say of which kind something is; "The The" don't."""
    return RUBRICS.issuperset(words) and not SMALL_WORDS.issuperset(words)


def _style(surface: "Surface", first: int, last: int) -> LineStyle:
    """A title writes its words with capitals, and has no full stop."""
    words = surface.words[first:last]
    cases = [surface.case(first + i) for i, word in enumerate(words) if len(word) > 3 or i == 0]
    telling = [case for case in cases if case != Case.NONE]
    if not telling or sum(case > 0 for case in telling) < TITLE_CAPITALS * len(telling):
        return LineStyle.SENTENCE
    if any(is_unspaced(word[0]) for word in words) or any(map(surface.ends_sentence, range(first + 1, last))):
        return LineStyle.SENTENCE
    return LineStyle.SENTENCE if surface.after(last - 1).startswith(".") else LineStyle.TITLE


class Surface:
    """An article's title and text, with its words."""

    def __init__(self, text: str, found: Tokens) -> None:
        self.text = text
        self.words, self.starts, self.ends = found.words, found.starts, found.ends
        self._lines: dict[int, Line] = {}

    @cached_property
    def _breaks(self) -> list[int]:
        return [match.start() for match in re.finditer("\n", self.text)]

    @cached_property
    def is_cased(self) -> bool:
        """Whether sentences of this text begin with capitals."""
        opening = _OPENING.findall(self.text)
        return 2 * sum(map(str.isupper, opening)) >= sum(map(_has_case, opening))

    def raw(self, first: int, last: int) -> str:
        """The text from one word to another, both included."""
        return self.text[self.starts[first] : self.ends[last]]

    def before(self, i: int) -> str:
        """What stands between this word and the one before."""
        return self.text[self.ends[i - 1] if i else 0 : self.starts[i]]

    def after(self, i: int) -> str:
        """What stands between this word and the next."""
        return self.text[self.ends[i] : self.starts[i + 1] if i + 1 < len(self.starts) else len(self.text)]

    def word(self, i: int) -> str:
        """The folded word `i`; empty before the first and after the last."""
        return self.words[i] if 0 <= i < len(self.words) else ""

    def case(self, i: int) -> Case:
        """How word `i` is written."""
        return case_of(self.text[self.starts[i] : self.ends[i]])

    def is_capital(self, i: int) -> bool:
        """Whether there is a word `i` with a capital."""
        return 0 <= i < len(self.words) and self.case(i) > 0

    def opens(self, i: int) -> bool:
        """Whether a sentence, a line, a quotation or the like begins with word `i`."""
        return i == 0 or _NEW_SENTENCE.search(self.before(i)) is not None

    def ends_sentence(self, i: int) -> bool:
        """Whether a full stop stands before word `i` that is not the point of an initial or an abbreviation."""
        word = self.words[i - 1]
        return _STOP.search(self.before(i)) is not None and len(word) > 1 and word not in ABBREVIATIONS

    def line(self, i: int) -> Line:
        """The line of word `i`."""
        number = bisect_right(self._breaks, self.starts[i])
        if number not in self._lines:
            begin = self._breaks[number - 1] if number else -1
            end = self._breaks[number] if number < len(self._breaks) else len(self.text)
            self._lines[number] = Line(self, bisect_right(self.starts, begin), bisect_right(self.starts, end))
        return self._lines[number]

    def heads(self, first: int, last: int) -> Heads:
        """What these words are of what stands left of the dash of their line."""
        line = self.line(first)
        if line.dash is None or last >= line.dash:
            return Heads.NOTHING
        begins = Heads.ALL if all(map(str.isdigit, self.words[line.begin : first])) else self._parted(first)
        ends = Heads.ALL if last + 1 == line.dash else self._parted(last + 1)
        if line.is_colon or (first == last and self.words[first] in _JOINING):
            return Heads.ALL if begins == ends == Heads.ALL else Heads.NOTHING
        return min(begins, ends)

    def _parted(self, i: int) -> Heads:
        """How two names part before word `i`, or at it."""
        if self.words[i] in _JOINING or self.words[i - 1] in _JOINING:
            return Heads.JOINED
        return Heads.LISTED if _PARTS.search(self.before(i)) else Heads.NOTHING

    def find_headings(self, names: Iterable[tuple[int, int]]) -> None:
        """Make headings of the lines in which one of these names (first, last word) stands left of a colon."""
        for first, last in names:
            if self.line(first).is_colon and self.heads(first, last):
                self.line(first).is_heading = True

    @cached_property
    def works(self) -> set[tuple[str, ...]]:
        """The titles of works that headings name, but for those called as their artist."""
        found = set()
        for line in self._lines.values():
            if line.is_heading and line.dash is not None:
                work = tuple(self.words[line.dash : line.last])
                if work != tuple(self.words[line.begin : line.dash]):
                    found.add(work)
        return found


def _has_case(letter: str) -> bool:
    return letter.isupper() or letter.islower()


@lru_cache(maxsize=1 << 16)
def case_of(word: str) -> Case:
    """How a word is written."""
    first = word[0]
    if first.islower():
        return Case.LOWER
    if not first.isupper() or is_unspaced(first):
        return Case.NONE if not any(letter.isalpha() and not is_unspaced(letter) for letter in word) else Case.LOWER
    return Case.UPPER if len(word) > 1 and word.isupper() else Case.CAPITAL
