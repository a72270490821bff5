"""Names made comparable: one key for every way in which the same name is written."""

import functools
import re
import unicodedata

from recommenders.folding import fold

LONGEST_KEY = 400  # characters; a key has to fit into an index

_AND = re.compile(r"[&+]")
_INSIDE_A_WORD = frozenset("'’‘ʼ`´.·")


def name_key(name: str) -> str:
    """A key that is equal for `name` however its case, accents, punctuation, width or "&" is written.

    Letters of every script are kept. Empty only where `name` has no visible character.
    """
    folded = _AND.sub(" and ", fold(name))
    words = "".join(_plain(character) for character in folded).split()
    if not words:
        words = unicodedata.normalize("NFKC", name).casefold().split()
    return " ".join(words)[:LONGEST_KEY].rstrip()


@functools.cache
def _plain(character: str) -> str:
    """A letter, digit or mark as it is; nothing for what stands inside a word; a space for all else."""
    if character in _INSIDE_A_WORD:
        return ""
    return character if unicodedata.category(character)[0] in "LNM" else " "
