"""Measuring: seconds and peak memory of one call, each in a process of its own."""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MIB = 1 << 20


@dataclass(frozen=True)
class Measured:
    """What a call returned, how many seconds it took, and the most memory that its process ever had."""

    result: Any
    seconds: float
    peak_bytes: int


def measured(function: Callable[..., Any], *arguments: Any) -> Measured:
    """Call a module's function in a new process; its arguments and its result must be picklable.

    The seconds are those of the call alone; the memory is the whole process's, its libraries included.
    """
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        result: Measured = pool.apply(_call, (function, arguments))
        pool.close()  # its libraries clean up only when it ends by itself
        pool.join()
    return result


def _call(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Measured:
    start = time.perf_counter()
    result = function(*arguments)
    seconds = time.perf_counter() - start
    return Measured(result, seconds, peak_bytes())


def peak_bytes() -> int:
    """The most memory that this process ever had.

    As the kernel keeps it for its memory; `ru_maxrss` also counts that of the process which started it.
    """
    return _status_bytes("VmHWM")


def resident_bytes() -> int:
    """The memory that this process has now."""
    return _status_bytes("VmRSS")


def _status_bytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def median(values: Sequence[float]) -> float:
    """The median of the rounds."""
    return float(statistics.median(values))
