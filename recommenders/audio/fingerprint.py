"""Chromaprint's words: comparing two recordings, and finding one among many."""

import base64

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]

LONGEST_S = 120.0  # of a recording that are fingerprinted


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
