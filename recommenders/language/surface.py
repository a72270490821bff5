"""How a text is written: capitals, sentences, lines, what stands between two words. Found once for an article."""

import re
from bisect import bisect_right
from enum import IntEnum
from functools import cached_property

from recommenders.language.tokens import Tokens, is_unspaced

_NEW_SENTENCE = re.compile(r"[.!?…:;\n\"“”„«»(\[{*•|。！？：「」『』《》【】（]|(?:^|\s)[-–—'‘](?=\s|$)|\s['‘]")
_DASH = re.compile(r"\s[-‐‑‒–—―~]+\s|\w?[-–—]\s|\s[-–—]\w?|[：:|]\s")
_SENTENCE_ENDS = re.compile(r"[.!?。！？]\s*$")
_PARTS = re.compile(r"^\s*(?:[,;/&+×、]|\s[xX]\s)[\s/]*$")
_PART_WORDS = frozenset(("and", "feat", "ft", "featuring", "with", "vs", "x", "und", "et", "y"))
HEADING_CHARACTERS = 140
HEADING_NAMES = 12  # words


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
    LOWER = 2  # none has one


class Line:
    """A line of the text: its words [first, last), its style, and where a heading "Artist – Title" parts."""

    def __init__(self, surface: "Surface", first: int, last: int) -> None:
        self.first, self.last = first, last
        self.style = _style([surface.case(i) for i in range(first, last)], surface.words[first:last])
        self.dash = self._dash(surface)

    def _dash(self, surface: "Surface") -> int | None:
        """The first word of the title."""
        start, end = surface.starts[self.first], surface.ends[self.last - 1]
        tail = surface.after(self.last - 1)
        if end - start > HEADING_CHARACTERS or _SENTENCE_ENDS.search(tail.split("\n", 1)[0]):
            return None
        for i in range(self.first + 1, min(self.last, self.first + HEADING_NAMES)):
            gap = surface.before(i)
            if _DASH.search(gap):
                return i
            if _SENTENCE_ENDS.search(gap):
                return None
        return None


def _style(cases: list[Case], words: list[str]) -> LineStyle:
    telling = [case for case, word in zip(cases, words, strict=True) if case >= 0 and len(word) > 3]
    capitals = sum(case > 0 for case in telling)
    if not capitals:
        return LineStyle.LOWER
    return LineStyle.TITLE if len(telling) > 1 and capitals / len(telling) >= 0.7 else LineStyle.SENTENCE


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
        opening = [i for i in range(len(self.words)) if self.opens(i) and self.case(i) >= 0][:200]
        return 2 * sum(self.case(i) > 0 for i in opening) >= len(opening)

    def raw(self, first: int, last: int) -> str:
        """The text from one word to another, both included."""
        return self.text[self.starts[first] : self.ends[last]]

    def before(self, i: int) -> str:
        """What stands between this word and the one before."""
        return self.text[self.ends[i - 1] if i else 0 : self.starts[i]]

    def after(self, i: int) -> str:
        """What stands between this word and the next."""
        return self.text[self.ends[i] : self.starts[i + 1] if i + 1 < len(self.starts) else len(self.text)]

    def case(self, i: int) -> Case:
        """How word `i` is written."""
        return case_of(self.text[self.starts[i] : self.ends[i]])

    def opens(self, i: int) -> bool:
        """Whether a sentence, a line, a quotation or the like begins with word `i`."""
        return i == 0 or _NEW_SENTENCE.search(self.before(i)) is not None

    def line(self, i: int) -> Line:
        """The line of word `i`."""
        number = bisect_right(self._breaks, self.starts[i])
        if number not in self._lines:
            begin = self._breaks[number - 1] if number else -1
            end = self._breaks[number] if number < len(self._breaks) else len(self.text)
            self._lines[number] = Line(self, bisect_right(self.starts, begin), bisect_right(self.starts, end))
        return self._lines[number]

    def part_of_heading(self, first: int, last: int) -> bool | None:
        """Of words left of the dash of a heading: whether they are a whole name of its list; else None."""
        line = self.line(first)
        if line.dash is None or last >= line.dash:
            return None
        begins = first == line.first or self._parts(first) or all(w.isdigit() for w in self.words[line.first : first])
        return begins and (last + 1 == line.dash or self._parts(last + 1))

    def _parts(self, i: int) -> bool:
        """Whether word `i` parts, or what stands before it parts, two names."""
        return (
            self.words[i] in _PART_WORDS or self.words[i - 1] in _PART_WORDS or _PARTS.match(self.before(i)) is not None
        )


def case_of(word: str) -> Case:
    """How a word is written."""
    first = word[0]
    if first.islower():
        return Case.LOWER
    if not first.isupper() or is_unspaced(first):
        return Case.NONE if not any(letter.isalpha() and not is_unspaced(letter) for letter in word) else Case.LOWER
    return Case.UPPER if len(word) > 1 and word.isupper() else Case.CAPITAL
