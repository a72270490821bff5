"""Near-duplicates: the same press release on ten blogs is one article. MinHash bands find the pairs worth comparing."""

import re
import zlib
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

SHINGLE_WORDS = 5
BANDS = 20
ROWS = 4  # of the signature in each band: two texts of similarity .6 share a band in 94 of 100 cases, .3 in 15
SAME = 0.6  # from this similarity on two articles say the same

_SEED = 20_260_101
# A letter of a script without spaces between words is a word of its own.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0e7f]|[^\W_]+")


def signature(text: str) -> npt.NDArray[np.uint64]:
    """(BANDS * ROWS,) uint64: the MinHash (Broder 1997) of the text's shingles; the same in every run."""
    from datasketch import MinHash

    sketch = MinHash(num_perm=BANDS * ROWS, hashfunc=int, scheme="affine32", permutations=_permutations())
    sketch.update_batch(_shingles(text).tolist())
    return np.asarray(sketch.hashvalues, dtype=np.uint64)


@cache
def _permutations() -> Any:
    from datasketch import MinHash

    return MinHash(num_perm=BANDS * ROWS, seed=_SEED, scheme="affine32").permutations


def bands(signature: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """(BANDS,) int64: a key of each band of a signature. Texts that say the same share at least one key."""
    parts = signature.reshape(BANDS, ROWS)
    keys = np.arange(1, BANDS + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for row in range(ROWS):
        keys = (keys ^ parts[:, row]) * np.uint64(0xBF58476D1CE4E5B9)
        keys = keys ^ (keys >> np.uint64(29))
    return keys.view(np.int64)


def similarity(a_text: str, b_text: str) -> float:
    """The share of the shingles of either text that are in both (Jaccard): 0 to 1."""
    a, b = np.unique(_shingles(a_text)), np.unique(_shingles(b_text))
    shared = len(np.intersect1d(a, b, assume_unique=True))
    return shared / (len(a) + len(b) - shared)


def says_the_same(a_text: str, b_text: str) -> bool:
    """Whether two texts are one article, told twice."""
    return similarity(a_text, b_text) >= SAME


def _shingles(text: str) -> npt.NDArray[np.uint32]:
    """(n,) uint32: a number for every five words in a row; a shorter text is one shingle."""
    words = [zlib.crc32(word.encode()) for word in _WORD.findall(text.casefold())]
    padded = np.array(words + [0] * max(0, SHINGLE_WORDS - len(words)), dtype=np.uint64)
    windows = np.lib.stride_tricks.sliding_window_view(padded, SHINGLE_WORDS)
    mixed = (windows * _FACTORS).sum(axis=1, dtype=np.uint64) >> np.uint64(32)
    numbers: npt.NDArray[np.uint32] = mixed.astype(np.uint32)
    return numbers


_FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F],
    dtype=np.uint64,
)
