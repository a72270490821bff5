"""The child inside a `Fence`: takes one open file after the other, within its limits; runs as `python -m`."""

import ctypes
import importlib
import math
import os
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recommenders.audio.analysis import Refusal, UnreadableAudioError
from recommenders.audio.fence import Arrays, Reply, receive, send

_PR_SET_PDEATHSIG = 1
_MOST_NOISE = 4 << 20  # bytes that a child may print, or write anywhere else
_MOST_FILES = 256

Work = Callable[[Path, str, dict[str, Any]], tuple[dict[str, Any], Arrays]]


def main(channel: socket.socket, parent: int) -> None:
    """Work until the parent closes the socket."""
    _die_with(parent)
    plan = receive(channel).fields
    module, function = plan["work"].split(":")
    work: Work = getattr(importlib.import_module(module), function)(plan["options"])
    _limit(plan["memory_mb"])
    send(channel, {"ready": True})
    while True:
        try:
            _, files, _, _ = socket.recv_fds(channel, 1, 1)
            if not files:
                return
            question = receive(channel)
        except (EOFError, ConnectionError):
            return
        try:
            _allow_processor_time(plan["cpu_s"])
            fields, arrays = _work_on(work, files[0], question)
        finally:
            os.close(files[0])
        send(channel, fields, arrays)
        if fields.get("last"):
            return


def _work_on(work: Work, file: int, question: Reply) -> tuple[dict[str, Any], Arrays]:
    """What was found, or why nothing could be. After running out of memory a child does not go on."""
    name, path = question.fields["name"], Path(f"/proc/self/fd/{file}")
    try:
        return work(path, name, question.fields["asked"])
    except UnreadableAudioError as error:
        detail = str(error).replace(repr(path.name), repr(name)).replace(str(path), name)
        return _refused(error.refusal, detail), {}
    except MemoryError:
        return _refused(Refusal.MEMORY, f"{name!r} can't be analysed: it takes too much memory.") | {"last": True}, {}
    except Exception as error:
        if "bad_alloc" in str(error):
            detail = f"{name!r} can't be analysed: it takes too much memory."
            return _refused(Refusal.MEMORY, detail) | {"last": True}, {}
        where = " | ".join(line.strip() for line in traceback.format_exc().splitlines()[-6:])
        return _refused(Refusal.CRASHED, f"{name!r} can't be analysed: {where}"), {}


def _refused(refusal: Refusal, detail: str) -> dict[str, Any]:
    return {"refusal": refusal.name, "detail": detail}


def _die_with(parent: int) -> None:
    """End when the parent does, even when that is killed in the middle of a file."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)


def _limit(memory_mb: int) -> None:
    """Limits for good: memory above what is in use by now, what may be written, open files, no dumps.

    RLIMIT_DATA counts what is really writable; RLIMIT_AS would count the gigabytes that thread pools only reserve.
    """
    with Path("/proc/self/status").open() as file:
        in_use = next(int(line.split()[1]) << 10 for line in file if line.startswith("VmData:"))
    _lower(resource.RLIMIT_DATA, in_use + (memory_mb << 20))
    _lower(resource.RLIMIT_FSIZE, _MOST_NOISE)
    _lower(resource.RLIMIT_NOFILE, _MOST_FILES)
    _lower(resource.RLIMIT_CORE, 0)


def _lower(limit: int, value: int) -> None:
    _, hard = resource.getrlimit(limit)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(limit, (value, value))


def _allow_processor_time(seconds: int) -> None:
    """So many seconds from now on; then SIGXCPU ends the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used.ru_utime + used.ru_stime) + seconds, hard))


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))
