"""How plain a name is: whether its words are also said of other things than an artist or a song.

The words are those of TextBlob's lexicon of English, by part of speech, and of lists here.
"""

from collections.abc import Sequence
from enum import IntEnum
from functools import cache

from recommenders.language.tokens import AND, is_unspaced
from recommenders.language.word_sets import FILLERS, MONTHS_AND_DAYS, MUSIC_WORDS


class Plainness(IntEnum):
    """How much support from the text a name needs."""

    DISTINCT = 0  # Radiohead, Sigur Rós
    PROPER = 1  # also a person, place or month: Boston, Adele, July; capitals tell nothing
    PHRASE = 2  # several words of the dictionary: Beach House, The End
    WORD = 3  # one word of the dictionary: Air, Low
    FILLER = 4  # one letter, a number, words that hold sentences together: A, Yes, 311, The The


_GENITIVE = "s"
_SHORT = 3  # letters; so short a name is somebody's abbreviation


def plainness(words: Sequence[str]) -> Plainness:
    """How plain the name of these folded words is."""
    if is_unspaced(words[0][0]):
        return _plainness_unspaced(words)
    words = [word for word in words if word != _GENITIVE] or words
    if all(word in FILLERS or len(word) == 1 or word.isdigit() for word in words):
        return Plainness.FILLER
    common, proper = _dictionary()
    if len(words) > 1:
        plain = all(word in common or word in FILLERS or word.isdigit() or word == AND for word in words)
        return Plainness.PHRASE if plain else Plainness.DISTINCT
    word = words[0]
    if word in MONTHS_AND_DAYS or (word in proper and word not in common):
        return Plainness.PROPER
    if word in common:
        return Plainness.WORD
    return Plainness.PROPER if len(word) <= _SHORT else Plainness.DISTINCT


def _plainness_unspaced(words: Sequence[str]) -> Plainness:
    """Two characters of a script without spaces are most often a word of it."""
    if len(words) > 2 or not all(is_unspaced(word[0]) for word in words):
        return Plainness.DISTINCT
    return Plainness.WORD if len(words) == 2 else Plainness.FILLER


@cache
def _dictionary() -> tuple[frozenset[str], frozenset[str]]:
    """The words of the lexicon that are said of things, and those that are names."""
    from textblob.en import lexicon

    common: set[str] = set(MUSIC_WORDS)
    proper: set[str] = set()
    for word, tag in lexicon.items():
        if word.isalpha():
            (proper if tag.startswith("NNP") else common).add(word.lower())
    return frozenset(common), frozenset(proper)
