"""Sentences with names in them: templates are filled, and where each name stands is known to the letter."""

import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

_VOWELS = tuple("aeiouAEIOU8")


@dataclass(frozen=True)
class Named:
    """The name of an artist, or with `track` of a song of theirs, as it is to be written; both are indices."""

    text: str
    artist: int
    track: int | None = None
    marks: tuple[str, str] = ("", "")  # what is written around it, such as quotation marks


@dataclass(frozen=True)
class Span:
    """Where a name stands: offsets into a text, and whom it means."""

    start: int
    end: int
    artist: int
    track: int | None = None

    def moved(self, by: int) -> "Span":
        """The same name in a text that has `by` more letters before it."""
        return replace(self, start=self.start + by, end=self.end + by)


@dataclass(frozen=True)
class Prose:
    """A text and the names in it."""

    text: str
    spans: tuple[Span, ...] = ()

    @property
    def artists(self) -> frozenset[int]:
        """Everybody who is named, or whose song is."""
        return frozenset(span.artist for span in self.spans)


Value = str | Named


def compose(template: str, values: Mapping[str, Value]) -> Prose:
    """`template` with its holes filled. `{A:s}` is a genitive; "a" becomes "an" where it must."""
    text, spans = "", list[Span]()
    for literal, hole, form in _pieces(template):
        text += literal
        if hole is None:
            continue
        value = values[hole]
        written = value.text if isinstance(value, Named) else value
        if _begins(text):
            written = written[:1].upper() + written[1:]
        if written.startswith(_VOWELS) and (text.endswith((" a ", " A ")) or text in ("a ", "A ")):
            text = f"{text[:-1]}n "
        if isinstance(value, Named):
            before, after = value.marks
            start = len(text) + len(before)
            spans.append(Span(start, start + len(written), value.artist, value.track))
            written = f"{before}{written}{after}"
        text += written
        if form == "s":
            text += "’" if written.endswith("s") else "’s"
    return Prose(text, tuple(spans))


def joined(parts: Iterable[Prose], between: str = " ") -> Prose:
    """One text of several."""
    text, spans = "", list[Span]()
    for number, part in enumerate(parts):
        text += between if number else ""
        spans += [span.moved(len(text)) for span in part.spans]
        text += part.text
    return Prose(text, tuple(spans))


def _begins(text: str) -> bool:
    """Whether a sentence begins after `text`."""
    return not text or text.endswith((". ", "? ", "! ", ": “"))


@lru_cache(maxsize=4096)
def _pieces(template: str) -> tuple[tuple[str, str | None, str | None], ...]:
    return tuple((text, hole, form) for text, hole, form, _ in string.Formatter().parse(template))
