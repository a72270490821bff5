"""The mood of a sentence: TextBlob's PatternAnalyzer, for English (De Smedt & Daelemans 2012)."""

import re
from bisect import bisect_right
from functools import cached_property

_ENDS = re.compile(r"[.!?…]+[\"'”’)\]]*\s+|\n")
LONGEST = 600  # characters around a name; longer sentences are cut


class Moods:
    """The moods of the sentences of one text, each told once."""

    def __init__(self, text: str, language: str | None) -> None:
        self._text = text
        self._is_english = language in (None, "en")
        self._known: dict[tuple[int, int], float] = {}

    @cached_property
    def _bounds(self) -> list[int]:
        return [0, *(match.end() for match in _ENDS.finditer(self._text)), len(self._text)]

    def at(self, start: int, end: int) -> float:
        """The mood of the sentence that holds this place: -1 to 1, 0 where it can't be told."""
        if not self._is_english:
            return 0.0
        at = bisect_right(self._bounds, start)
        first = max(self._bounds[at - 1], start - LONGEST)
        last = min(self._bounds[min(at, len(self._bounds) - 1)], end + LONGEST)
        if (first, last) not in self._known:
            self._known[first, last] = mood(self._text[first:last])
        return self._known[first, last]


def mood(text: str) -> float:
    """The polarity of an English text, -1 to 1."""
    from textblob.en import sentiment

    polarity, _ = sentiment(text)
    return float(polarity)
