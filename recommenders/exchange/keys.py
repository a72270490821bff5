"""64-bit keys of rows, the same in every run, and the rows of a file whose key has come before."""

import hashlib
import tempfile
from dataclasses import dataclass
from types import TracebackType

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Keys = npt.NDArray[np.uint64]

PART_ROWS = 2_000_000


def text_keys(column: pa.Array) -> Keys:
    """(n,) uint64: BLAKE2b (RFC 7693) of each text, cut to 64 bits; 0 where it is null."""
    encoded = column.dictionary_encode()
    digests = b"".join(
        hashlib.blake2b(text.encode(), digest_size=8).digest() for text in encoded.dictionary.to_pylist()
    )
    distinct = np.append(np.frombuffer(digests, dtype="<u8"), np.uint64(0))
    keys: Keys = distinct[np.asarray(encoded.indices.fill_null(len(distinct) - 1))].astype(np.uint64)
    return keys


def mix(*parts: Keys) -> Keys:
    """One key of several numbers: the finaliser of SplitMix64 (Steele, Lea & Flood 2014) over each in turn."""
    key = np.zeros(len(parts[0]), dtype=np.uint64)
    for part in parts:
        key = (key ^ part) + np.uint64(0x9E3779B97F4A7C15)
        key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        key = key ^ (key >> np.uint64(31))
    return key


@dataclass(frozen=True)
class Repeats:
    """The rows whose key has come before: their places (n,) int64 ascending, and how often it had come (n,) int64."""

    rows: npt.NDArray[np.int64]
    ordinals: npt.NDArray[np.int64]

    def between(self, first: int, end: int) -> npt.NDArray[np.int64]:
        """(end - first,) int64: for each of these rows how often its key has come before."""
        ordinals = np.zeros(end - first, dtype=np.int64)
        chosen = slice(*np.searchsorted(self.rows, [first, end]))
        ordinals[self.rows[chosen] - first] = self.ordinals[chosen]
        return ordinals


class KeyLog:
    """The key of each row of a file, 8 bytes a row on disk, so that memory does not grow with the file."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._count = 0

    def __enter__(self) -> "KeyLog":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def add(self, keys: Keys) -> None:
        """Note the keys of the next rows."""
        self._file.write(keys.tobytes())
        self._count += len(keys)

    def repeats(self, part_rows: int = PART_ROWS) -> Repeats:
        """Every row whose key an earlier row has; looks at `part_rows` rows at a time, those that may be equal."""
        parts = max(1, -(-self._count // part_rows))
        found = [self._repeats_in(part, parts) for part in range(parts)]
        rows = np.concatenate([rows for rows, _ in found])
        ordinals = np.concatenate([ordinals for _, ordinals in found])
        order = np.argsort(rows)
        return Repeats(rows[order], ordinals[order])

    def _repeats_in(self, part: int, parts: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        rows, keys = self._part(part, parts)
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        first = np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]
        starts = np.flatnonzero(first)
        ordinals = np.arange(len(ordered)) - np.repeat(starts, np.diff(np.append(starts, len(ordered))))
        return rows[order][~first], ordinals[~first]

    def _part(self, part: int, parts: int) -> tuple[npt.NDArray[np.int64], Keys]:
        """The rows, ascending, with key % parts == part, and their keys."""
        self._file.seek(0)
        rows, keys = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.uint64)]
        first = 0
        while octets := self._file.read(8 * PART_ROWS):
            block = np.frombuffer(octets, dtype=np.uint64)
            chosen = np.flatnonzero(block % np.uint64(parts) == part)
            rows.append(first + chosen)
            keys.append(block[chosen])
            first += len(block)
        return np.concatenate(rows), np.concatenate(keys)
