"""Names made comparable: one key for every way in which the same name is written."""

import functools
import re
import unicodedata

LONGEST_KEY = 400  # characters; a key has to fit into an index

# Letters that Unicode does not decompose, as libraries transliterate them.
_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i", "ħ": "h", "ŋ": "n", "ə": "e"}
)
_AND = re.compile(r"[&+]")
_INSIDE_A_WORD = frozenset("'’‘ʼ`´.·")

# A mark above a Latin, Greek or Cyrillic letter is often left out. In other scripts it makes another letter: か, が.
_LAST_CYRILLIC = 0x052F
_GREEK_EXTENDED = range(0x1E00, 0x2000)


def name_key(name: str) -> str:
    """A key that is equal for `name` however its case, accents, punctuation, width or "&" is written.

    Letters of every script are kept. Empty only where `name` has no visible character.
    """
    folded = _AND.sub(" and ", _without_accents(name.casefold()).casefold().translate(_LETTERS))
    words = "".join(_plain(character) for character in folded).split()
    if not words:
        words = unicodedata.normalize("NFKC", name).casefold().split()
    return " ".join(words)[:LONGEST_KEY].rstrip()


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


@functools.cache
def _plain(character: str) -> str:
    """A letter, digit or mark as it is; nothing for what stands inside a word; a space for all else."""
    if character in _INSIDE_A_WORD:
        return ""
    return character if unicodedata.category(character)[0] in "LNM" else " "
