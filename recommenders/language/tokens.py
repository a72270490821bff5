"""A text as folded words with their places; scripts that are written without spaces as single characters."""

import re
import sys
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache

from recommenders.folding import fold

AND = "and"

# Thai to Myanmar, Hangul, kana, Han: words have no spaces between them, or endings grow on them.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3100-\u318f\u31a0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff"
)
_VOICED = "\uff9e\uff9f"  # half-width marks of kana, letters to Unicode


@dataclass(frozen=True)
class Tokens:
    """The words of a text in order: folded, and where each begins and ends."""

    words: list[str]
    starts: list[int]
    ends: list[int]


@cache
def _pattern() -> re.Pattern[str]:
    marks = _ranges([code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code))[0] == "M"])
    inside = rf"(?:[^\W_{_UNSPACED}]|[{marks}])"
    return re.compile(rf"[^\W_{_UNSPACED}]{inside}*|[{_UNSPACED}][{marks}{_VOICED}]*|[&+＆＋]")


def _ranges(codes: list[int]) -> str:
    """Ascending codes as ranges of a character class."""
    parts: list[str] = []
    first = last = codes[0]
    for code in [*codes[1:], 0]:
        if code != last + 1:
            parts.append(f"\\U{first:08x}-\\U{last:08x}")
            first = code
        last = code
    return "".join(parts)


def tokens(text: str) -> Tokens:
    """The words of `text`. "&" and "+" are "and"; all other punctuation only parts words, apostrophes too."""
    spans = [match.span() for match in _pattern().finditer(text)]
    return Tokens(
        [_folded(text[start:end]) for start, end in spans],
        [start for start, _ in spans],
        [end for _, end in spans],
    )


def words(text: str) -> list[str]:
    """The folded words of `text`."""
    return [_folded(word) for word in _pattern().findall(text)]


def is_unspaced(character: str) -> bool:
    """Whether `character` is of a script that is written without spaces between words."""
    return not character.isascii() and _is_unspaced(character)


@cache
def _unspaced() -> re.Pattern[str]:
    return re.compile(f"[{_UNSPACED}]")


@lru_cache(maxsize=1 << 16)
def _is_unspaced(character: str) -> bool:
    return _unspaced().match(character) is not None


@lru_cache(maxsize=1 << 18)
def _folded(word: str) -> str:
    return AND if word in "&+＆＋" else fold(word)
