"""A fence around what reads files from outside: a child process with limits, that costs one file when it dies.

The child (`recommenders.audio.fenced`) is started once and reads one file after the other. Files are handed to it open,
so that no name, however odd, and no link can lead it elsewhere; what comes back is JSON and plain arrays, never code.
"""

import contextlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from recommenders.audio.analysis import Refusal, UnreadableAudioError
from recommenders.errors import ConfigurationError

LONGEST_MESSAGE = 1 << 30
KEPT_NOISE = 600  # characters of what a child last said

# A child is told no secrets: of the environment it gets what the libraries need.
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR", "MIXTAPE_HOME", "NUMBA_CACHE_DIR")
_QUIET = {
    "CUDA_VISIBLE_DEVICES": "",
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
}

Arrays = dict[str, npt.NDArray[Any]]


class Limits(BaseModel):
    """What one file may cost."""

    model_config = ConfigDict(frozen=True)

    memory_mb: int = Field(3072, ge=64, description="Memory above that of the idle process, in MiB.")
    cpu_s: int = Field(300, ge=1, description="Processor time, in seconds.")
    wall_s: float = Field(600, gt=0, description="Time, in seconds.")
    startup_s: float = Field(180, gt=0, description="Time until the process is ready for its first file, in seconds.")


@dataclass(frozen=True)
class Reply:
    """What was found in a file: `fields` (JSON), and arrays by name."""

    fields: dict[str, Any]
    arrays: Arrays


class Fence:
    """One child process that does `work`, "module:function", on one file after the other; started when it is needed.

    The function is called once in the child with `options`, and returns what is called for each file: with the path of
    the open file, its name and what was asked; it returns fields and arrays. The child ends with its parent, however
    that ends, and with the thread that started it.
    """

    def __init__(self, work: str, limits: Limits | None = None, options: dict[str, Any] | None = None) -> None:
        self.work, self.limits, self.options = work, limits or Limits(), options or {}
        self._child: _Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is no child."""
        return self._child.process.pid if self._child else None

    def run(self, file: int, name: str, asked: dict[str, Any] | None = None) -> Reply:
        """Do the work on the open file (a descriptor). `name` is what messages call it.

        Raises UnreadableAudioError when the file can't be used, or when the child crashes, hangs, or outgrows its
        limits over it: the next file gets a new one. Raises ConfigurationError when no child can be started.
        """
        if self._child is None:
            self._child = _Child(self.work, self.limits, self.options)
        try:
            answer = self._child.ask(file, {"name": name, "asked": asked or {}}, self.limits.wall_s)
        except _EndedError as end:
            self.close()
            raise UnreadableAudioError(end.refusal, f"{name!r} can't be analysed: {end}.") from end
        except BaseException:
            self.close()
            raise
        if answer.fields.get("last"):
            self.close()
        if "refusal" in answer.fields:
            raise UnreadableAudioError(Refusal[answer.fields["refusal"]], str(answer.fields["detail"]))
        return answer

    def close(self) -> None:
        """End the child."""
        if self._child:
            self._child.end()
            self._child = None


class _EndedError(Exception):
    """The child is no more; `refusal` says what that means for the file."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal


class _Child:
    """The process, the socket to it, and the file that takes what it prints."""

    def __init__(self, work: str, limits: Limits, options: dict[str, Any]) -> None:
        self.noise: BinaryIO = tempfile.TemporaryFile("ab+", buffering=0)  # noqa: SIM115 - lives as long as the child
        self.channel, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "recommenders.audio.fenced", str(theirs.fileno()), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=self.noise,
                stderr=self.noise,
                pass_fds=[theirs.fileno()],
                env=_environment(),
                start_new_session=True,
            )
        try:
            send(self.channel, {"work": work, "options": options, "memory_mb": limits.memory_mb, "cpu_s": limits.cpu_s})
            receive(self.channel, time.monotonic() + limits.startup_s)
        except (OSError, EOFError, TimeoutError) as error:
            self.end()
            raise ConfigurationError(f"The process that is to do {work} does not start: {self.last_words()}") from error

    def ask(self, file: int, question: dict[str, Any], wall_s: float) -> Reply:
        """Hand the file over and wait for the answer; raises _EndedError when the child does not live to give it."""
        self.noise.truncate(0)
        try:
            socket.send_fds(self.channel, [b"F"], [file])
            send(self.channel, question)
            return receive(self.channel, time.monotonic() + wall_s)
        except TimeoutError as error:
            self.end()
            raise _EndedError(Refusal.TIMEOUT, f"it takes longer than {wall_s:g} s{self._noise()}") from error
        except (OSError, EOFError) as error:
            raise self._ended() from error
        except (ValueError, KeyError, TypeError) as error:
            raise _EndedError(Refusal.CRASHED, f"the process that heard it answers nonsense: {error}") from error

    def end(self) -> None:
        """Kill the child, whatever it is doing."""
        self.channel.close()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()

    def last_words(self) -> str:
        """The end of what the child printed."""
        self.noise.seek(max(0, self.noise.seek(0, os.SEEK_END) - 8 * KEPT_NOISE))
        text = self.noise.read().decode(errors="backslashreplace").replace("\0", "")
        return " | ".join(line.strip() for line in text.splitlines() if line.strip())[-KEPT_NOISE:]

    def _ended(self) -> _EndedError:
        try:
            code = self.process.wait(5)
        except subprocess.TimeoutExpired:  # it has only closed the socket
            self.end()
            code = self.process.returncode
        if "bad_alloc" in self.last_words():
            return _EndedError(Refusal.MEMORY, f"it takes too much memory{self._noise()}")
        if code == -signal.SIGXCPU:
            return _EndedError(Refusal.CPU_TIME, f"it takes too much processor time{self._noise()}")
        if code in (-signal.SIGKILL, -signal.SIGTERM):
            return _EndedError(Refusal.KILLED, f"the process that heard it was killed{self._noise()}")
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        return _EndedError(Refusal.CRASHED, f"the process that heard it ended {how}{self._noise()}")

    def _noise(self) -> str:
        words = self.last_words()
        return f" ({words})" if words else ""


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return kept | _QUIET | {"PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}


_HEADER = struct.Struct(">II")


def send(channel: socket.socket, fields: dict[str, Any], arrays: Arrays | None = None) -> None:
    """Write one message: two lengths, JSON, the arrays' bytes."""
    listed, parts = [], []
    for name, array in (arrays or {}).items():
        listed.append({"name": name, "dtype": array.dtype.str, "shape": array.shape})
        parts.append(np.ascontiguousarray(array).tobytes())
    head = json.dumps({"fields": fields, "arrays": listed}).encode()
    body = b"".join(parts)
    channel.sendall(_HEADER.pack(len(head), len(body)) + head + body)


def receive(channel: socket.socket, deadline: float | None = None) -> Reply:
    """Read one message, until `deadline` (of `time.monotonic`).

    Raises EOFError at the other side's end, TimeoutError at the deadline, ValueError where it is no message.
    """
    n_head, n_body = _HEADER.unpack(_read(channel, _HEADER.size, deadline))
    if max(n_head, n_body) > LONGEST_MESSAGE:
        raise ValueError("the message is too long")
    head = json.loads(_read(channel, n_head, deadline))
    body, arrays, start = _read(channel, n_body, deadline), {}, 0
    for part in head["arrays"]:
        dtype = np.dtype(part["dtype"])
        if dtype.kind not in "fiu":
            raise ValueError(f"an array of {dtype}")
        count = int(np.prod(part["shape"], dtype=np.int64))
        arrays[part["name"]] = np.frombuffer(body, dtype, count, start).reshape(part["shape"])
        start += count * dtype.itemsize
    return Reply(head["fields"], arrays)


def _read(channel: socket.socket, length: int, deadline: float | None) -> bytes:
    parts, missing = [], length
    while missing:
        if deadline is not None:
            ready, _, _ = select.select([channel], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
        part = channel.recv(min(missing, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
