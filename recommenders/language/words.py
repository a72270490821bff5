"""Words of a text: its sentences, its words and pairs of words, its adjectives and noun phrases."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from recommenders.language.stopwords import PLAIN_ADJECTIVES, PLAIN_CHARACTERS, STOPWORDS

NAME = "\ue000"  # stands for the name of an artist or track; no text holds it
LONGEST_TERM = 80  # characters
LONGEST_SENTENCE = 2_000  # characters; what is longer is no sentence, and is cut
LONGEST_PHRASE = 4  # words
HEADING_WORDS = 14

_SENTENCE_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’)\]]*+\s+|(?<![。！？])[。！？]++[”』」]*+")
_LINE = re.compile(r"[^\r\n]+")
_WORD = re.compile(rf"{NAME}|\w+(?:[-'’.]\w+)*")
_POSSESSIVE = re.compile(r"['’]s\b")
_UNSPACED = re.compile(r"[぀-ヿ㐀-䶿一-鿿豈-﫿]+")  # kana and Han: written without spaces
_HIRAGANA = re.compile(r"[぀-ゟ]+")
_BREAK = re.compile(r"[^\w\s'’-]|_")


class TermKind(StrEnum):
    """What a term is (Whitman & Lawrence 2002)."""

    WORD = "word"
    PAIR = "pair"
    PHRASE = "phrase"
    ADJECTIVE = "adjective"
    ARTIST = "artist"


Term = tuple[TermKind, str]


@dataclass(frozen=True)
class Sentence:
    """A sentence as offsets into the text, and the number of the line, a paragraph, that it stands in."""

    start: int
    end: int
    line: int
    heads: bool  # a line by itself without a full stop, as headings are


def sentences(text: str) -> list[Sentence]:
    """The sentences of `text`, in order. Each line is a paragraph."""
    found = []
    for number, line in enumerate(_LINE.finditer(text)):
        ends = [mark.end() for mark in _SENTENCE_END.finditer(text, line.start(), line.end())]
        starts = [line.start(), *ends]
        heads = not ends and len(line.group().split()) <= HEADING_WORDS and not line.group().rstrip().endswith(".")
        for start, end in zip(starts, [*ends, line.end()], strict=True):
            for piece in range(start, end, LONGEST_SENTENCE):
                cut = min(piece + LONGEST_SENTENCE, end)
                if text[piece:cut].strip():
                    found.append(Sentence(piece, cut, number, heads))
    return found


def terms_in(text: str, language: str | None) -> set[Term]:
    """The terms that a sentence holds: words, pairs, and where it is English, adjectives and noun phrases.

    `NAME` in it, and marks of punctuation, come between two words of a pair.
    """
    text = unicodedata.normalize("NFKC", text)
    found = set(_words_and_pairs(text, language))
    if language in (None, "en") and any(character.isalpha() for character in text):
        found.update(_adjectives_and_phrases(text))
    return {(kind, term) for kind, term in found if len(term) <= LONGEST_TERM}


def _words_and_pairs(text: str, language: str | None) -> Iterator[Term]:
    stopwords = STOPWORDS["en"] | STOPWORDS.get(language or "en", frozenset())
    for piece in _BREAK.split(_POSSESSIVE.sub("", text)):
        before = ""
        for match in _WORD.finditer(piece):
            word = match.group().casefold().replace("’", "'")
            unspaced = _UNSPACED.findall(word)
            if unspaced:
                yield from _pairs_of_characters(unspaced)
            if unspaced or word in stopwords or not _tells(word):
                before = ""
                continue
            yield TermKind.WORD, word
            if before:
                yield TermKind.PAIR, f"{before} {word}"
            before = word


def _pairs_of_characters(runs: list[str]) -> Iterator[Term]:
    """Pairs of neighbouring characters stand for words where there are no spaces; endings and particles are none."""
    for run in runs:
        pairs = (run[i : i + 2] for i in range(len(run) - 1))
        yield from (
            (TermKind.WORD, pair)
            for pair in pairs
            if PLAIN_CHARACTERS.isdisjoint(pair) and not _HIRAGANA.fullmatch(pair)
        )


def _tells(word: str) -> bool:
    return len(word) > 1 and NAME not in word and not word.replace(".", "").replace("-", "").isdigit()


def _adjectives_and_phrases(text: str) -> Iterator[Term]:
    """Adjectives, and noun phrases of two words and more: (adjective | noun)+ noun (Justeson & Katz 1995)."""
    from textblob.en import parse

    phrase: list[tuple[str, bool]] = []
    for sentence in parse(_POSSESSIVE.sub("", text), chunks=False).split():
        for token, tag, *_ in [*sentence, ("", "")]:
            word = token.casefold().replace("’", "'")
            sounds = _tells(word) and word not in STOPWORDS["en"] and word.replace("-", "").isalnum()
            if sounds and tag.startswith("JJ") and word not in PLAIN_ADJECTIVES:
                yield TermKind.ADJECTIVE, word
            if sounds and tag.startswith(("JJ", "NN")):
                phrase.append((word, tag.startswith("NN")))
                continue
            while phrase and not phrase[-1][1]:
                phrase.pop()
            if 2 <= len(phrase) <= LONGEST_PHRASE:
                yield TermKind.PHRASE, " ".join(word for word, _ in phrase)
            phrase = []
