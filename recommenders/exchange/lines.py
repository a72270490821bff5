"""The lines of a text file, in stretches of bounded memory; what is no readable line is set aside here."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from recommenders.exchange.rejections import Reason, Rejection, readable

BLOCK_BYTES = 16 << 20
LONGEST_LINE = 1 << 20

_NEWLINE, _RETURN = b"\n"[0], b"\r"[0]


@dataclass(frozen=True)
class Lines:
    """Lines of one stretch of a file that are UTF-8, without NUL, not blank and at most 1 MiB long.

    Line i is `data[starts[i]:ends[i]]`, without its line end, and is the `numbers[i]`-th of the file, counted from 1.
    `last` is the number of the last line of the stretch, readable or not.
    """

    data: bytes
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]
    last: int
    rejected: list[Rejection]

    def __len__(self) -> int:
        return len(self.starts)

    def line(self, index: int) -> bytes:
        """Line `index` of the stretch."""
        return self.data[self.starts[index] : self.ends[index]]

    def select(self, keep: npt.NDArray[np.bool_], rejected: list[Rejection]) -> "Lines":
        """Only the lines marked in `keep`; `rejected` are further lines set aside."""
        return Lines(
            self.data,
            self.starts[keep],
            self.ends[keep],
            self.numbers[keep],
            self.last,
            self.rejected + rejected,
        )

    def joined(self) -> bytes:
        """These lines alone, each ended by a newline."""
        gaps = np.flatnonzero(np.diff(self.numbers) != 1) + 1
        firsts = self.starts[np.append(0, gaps)].tolist()
        ends = self.ends[np.append(gaps, len(self)) - 1].tolist()
        return b"\n".join(self.data[first:end] for first, end in zip(firsts, ends, strict=True)) + b"\n"

    def lines_of(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The index of the line in which each position of `data` lies; every position must lie in one of the lines."""
        return np.searchsorted(self.starts, positions, side="right") - 1


def read_lines(file: BinaryIO, block_bytes: int = BLOCK_BYTES) -> Iterator[Lines]:
    """The lines of `file`, a stretch of about `block_bytes` at a time. A byte-order mark is passed over."""
    number = 1
    for index, data in enumerate(_blocks(file, block_bytes)):
        lines = _scan(data.removeprefix(codecs.BOM_UTF8) if index == 0 else data, number)
        number = lines.last + 1
        yield lines


def _blocks(file: BinaryIO, block_bytes: int) -> Iterator[bytes]:
    """The file in pieces that end where a line ends. The middle of a line that outgrows a block is left out."""
    pending = b""
    while chunk := file.read(block_bytes):
        cut = chunk.rfind(b"\n") + 1
        if cut:
            yield pending + chunk[:cut]
            pending = chunk[cut:]
        elif len(pending) <= LONGEST_LINE:
            pending += chunk
    if pending:
        yield pending


def _scan(data: bytes, first: int) -> Lines:
    octets = np.frombuffer(data, dtype=np.uint8)
    newlines = np.flatnonzero(octets == _NEWLINE)
    starts = np.concatenate([[0], newlines + 1])
    ends = np.concatenate([newlines, [len(data)]])
    if starts[-1] == len(data):
        starts, ends = starts[:-1], ends[:-1]
    numbers = np.arange(first, first + len(starts))
    ends = ends - ((ends > starts) & (octets[np.maximum(ends - 1, 0)] == _RETURN))
    every = Lines(data, starts, ends, numbers, first + len(starts) - 1, [])

    faults: dict[int, tuple[Reason, str]] = {}
    for index in np.flatnonzero(ends - starts > LONGEST_LINE).tolist():
        faults[index] = (Reason.LINE_TOO_LONG, "the line is longer than 1 MiB")
    if b"\0" in data:
        for index in np.unique(every.lines_of(np.flatnonzero(octets == 0))).tolist():
            faults.setdefault(index, (Reason.NUL_BYTE, "the line contains a NUL byte"))
    for index, error in _undecodable(every, octets):
        faults.setdefault(index, (Reason.ENCODING, f"the line is not UTF-8: {error}"))

    keep = ends > starts
    keep[list(faults)] = False
    if keep.all():
        return every
    rejected = [
        Rejection(int(numbers[index]), reason, detail, readable(every.line(index)))
        for index, (reason, detail) in sorted(faults.items())
    ]
    return every.select(keep, rejected)


def _undecodable(lines: Lines, octets: npt.NDArray[np.uint8]) -> Iterator[tuple[int, str]]:
    """The lines that are not UTF-8, each with what is wrong in it."""
    try:
        lines.data.decode()
    except UnicodeDecodeError:
        for index in np.unique(lines.lines_of(np.flatnonzero(octets >= 0x80))):
            try:
                lines.line(index).decode()
            except UnicodeDecodeError as error:
                yield int(index), f"byte 0x{error.object[error.start]:02x} at place {error.start + 1}"
