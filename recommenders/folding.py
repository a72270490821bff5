"""Letters made comparable: one form for every way in which the same word is written."""

import unicodedata

# Letters that Unicode does not decompose, as libraries transliterate them.
_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i", "ħ": "h", "ŋ": "n", "ə": "e"}
)

# A mark above a Latin, Greek or Cyrillic letter is often left out. In other scripts it makes another letter: か, が.
_LAST_CYRILLIC = 0x052F
_GREEK_EXTENDED = range(0x1E00, 0x2000)


def fold(text: str) -> str:
    """`text` without case, accents and width: equal for Beyoncé and BEYONCE, for か and が not."""
    if text.isascii():
        return text.lower()
    return _without_accents(text.casefold()).casefold().translate(_LETTERS)


def _without_accents(text: str) -> str:
    if text.isascii():
        return text
    kept = []
    keeps_marks = False
    for character in unicodedata.normalize("NFKD", text):
        if not unicodedata.combining(character):
            keeps_marks = _keeps_marks(character)
        elif not keeps_marks:
            continue
        kept.append(character)
    return unicodedata.normalize("NFKC", "".join(kept))


def _keeps_marks(character: str) -> bool:
    if ord(character) <= _LAST_CYRILLIC or ord(character) in _GREEK_EXTENDED:
        return False
    return unicodedata.category(character)[0] in "LN"
