"""Chromaprint's words: comparing two recordings, and finding one among many."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]

LONGEST_S = 120.0  # of a recording that are fingerprinted
WORD_S = 1365 / 11_025  # from one word to the next
SAME_BELOW = 0.15  # of the bits differ: other codecs, bitrates, gains and cuts stay below .04
ALIKE_BELOW = 0.30  # different recordings never came below .38
LEAST_OVERLAP = 80  # words, about ten seconds
_SHORT_SHARE = 0.8  # of the shorter one, where it has fewer words than that
_LEAST_WORDS = 24  # below that nothing is told apart


class Likeness(StrEnum):
    """What two fingerprints say of their recordings."""

    SAME = "same"
    ALIKE = "alike"
    DIFFERENT = "different"


@dataclass(frozen=True)
class Alignment:
    """Where two fingerprints fit best: b begins `offset` words into a, and `error` of the bits differ in `overlap`."""

    error: float
    offset: int
    overlap: int

    @property
    def likeness(self) -> Likeness:
        """What it means."""
        if self.error <= SAME_BELOW:
            return Likeness.SAME
        return Likeness.ALIKE if self.error <= ALIKE_BELOW else Likeness.DIFFERENT


@dataclass(frozen=True)
class Vote:
    """How many words of a query a candidate holds at one `offset` (give or take a word)."""

    track_id: int
    votes: int
    offset: int


NO_ALIGNMENT = Alignment(error=1.0, offset=0, overlap=0)


def bit_error(a: Words, b: Words) -> Alignment:
    """The alignment of `a` (n,) and `b` (m,) at which the smallest share of bits differs.

    Only words that change count: a stretch of silence, or one long tone, is the same in many recordings. Alignments
    that overlap in fewer than 80 of them (or, of a shorter recording, in less than four fifths) are not looked at.
    """
    changing_a, changing_b = _changing(a), _changing(b)
    needed = min(LEAST_OVERLAP, _SHORT_SHARE * min(changing_a.sum(), changing_b.sum()))
    if needed < _SHORT_SHARE * _LEAST_WORDS:
        return NO_ALIGNMENT
    counts = (changing_a[:, None] | changing_b[None, :]).ravel()
    differing = np.bitwise_count(a[:, None] ^ b[None, :]).ravel() * counts
    diagonal = (np.arange(len(a))[:, None] - np.arange(len(b))[None, :] + len(b) - 1).ravel()
    overlap = np.bincount(diagonal, weights=counts)
    error = np.bincount(diagonal, weights=differing) / np.maximum(32 * overlap, 1)
    error[overlap < needed] = 1.0
    best = int(error.argmin())
    return Alignment(float(error[best]), best - (len(b) - 1), int(overlap[best]))


def same_recording(a: Words, b: Words) -> Likeness:
    """Whether `a` and `b` are of the same recording: the same master, whatever its codec, bitrate, gain or cut."""
    return bit_error(a, b).likeness


def vote(query: Words, candidates: Mapping[int, Words], most: int = 10) -> tuple[Vote, ...]:
    """The candidates, by track id, that hold most of the words of `query` at one offset, best first.

    Whole words vote (Haitsma & Kalker 2002, section 4.2), so that most candidates need not be compared bit by bit.
    """
    heard = np.flatnonzero(_changing(query))
    order = heard[np.argsort(query[heard], kind="stable")]
    ranked = [_vote(query[order], order, track_id, words) for track_id, words in candidates.items()]
    ranked.sort(key=lambda found: (-found.votes, found.track_id))
    return tuple(found for found in ranked[:most] if found.votes)


def _vote(ascending: Words, places: npt.NDArray[np.int64], track_id: int, words: Words) -> Vote:
    """The votes for one candidate; `ascending` are the query's words and `places` where they stand in it."""
    kept = np.flatnonzero(_changing(words))
    first = np.searchsorted(ascending, words[kept], "left")
    n_equal = np.searchsorted(ascending, words[kept], "right") - first
    if not n_equal.sum():
        return Vote(track_id, 0, 0)
    within = np.arange(n_equal.sum()) - np.repeat(np.cumsum(n_equal) - n_equal, n_equal)
    offsets = np.repeat(kept, n_equal) - places[np.repeat(first, n_equal) + within]
    lowest = offsets.min()
    counts = np.convolve(np.bincount(offsets - lowest), np.ones(3, dtype=np.int64), "same")
    best = int(counts.argmax())
    return Vote(track_id, int(counts[best]), best + int(lowest))


def _changing(words: Words) -> npt.NDArray[np.bool_]:
    """Which words (n,) differ from the one before."""
    return np.concatenate([[True], words[1:] != words[:-1]])[: len(words)]


def unpack(text: str) -> Words:
    """The words (n,) of a fingerprint as Chromaprint writes it: base64 of a header and packed bits.

    Each word is given as its difference (exclusive or) from the one before: the distances between the bits that are
    set, in three bits each, zero at the end; distances of seven and more continue among five-bit ones after them.
    """
    packed = np.frombuffer(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), dtype=np.uint8)
    if len(packed) < 4:
        return np.empty(0, dtype=np.uint32)
    n_words = int(packed[1]) << 16 | int(packed[2]) << 8 | int(packed[3])
    bits = np.unpackbits(packed[4:], bitorder="little")
    threes = bits[: len(bits) // 3 * 3].reshape(-1, 3) @ np.array([1, 2, 4])
    ends = np.flatnonzero(threes == 0)[:n_words]
    if n_words == 0 or len(ends) < n_words:
        return np.empty(0, dtype=np.uint32)
    distances = threes[: ends[-1] + 1].astype(np.int64)
    long = np.flatnonzero(distances == 7)
    start = -(-3 * len(distances) // 8) * 8  # they begin with a whole byte
    fives = bits[start : start + 5 * len(long)].reshape(-1, 5) @ np.array([1, 2, 4, 8, 16])
    distances[long] += fives
    return _words(distances, ends)


def _words(distances: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> Words:
    """Distances between set bits, of all words in a row, each word ended by a zero at `ends`, as words."""
    places = np.cumsum(distances)
    word = np.searchsorted(ends, np.arange(len(distances)))
    before = np.concatenate([[0], places[ends[:-1]]])[word]
    bit = places - before - 1
    inside = distances > 0
    changes = np.zeros(len(ends), dtype=np.uint32)
    np.bitwise_or.at(changes, word[inside], np.uint32(1) << bit[inside].astype(np.uint32))
    words: Words = np.bitwise_xor.accumulate(changes)
    return words
