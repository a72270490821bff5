"""Work for a fence that misbehaves as it is asked to."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def _eat_memory() -> None:
    hoard = []
    while True:
        hoard.append(np.ones(1 << 22))


def _spin(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def _complain_and_crash() -> None:
    os.write(2, b"the decoder is confused\n")
    os.abort()


def _babble() -> None:
    with contextlib.suppress(OSError):
        os.write(1, b"loud\n" * 2_000_000)


def _fail() -> None:
    raise KeyError("a bug")


DEEDS: dict[str, Callable[[], object]] = {
    "eat memory": _eat_memory,
    "take 60 MB": lambda: np.ones(60 << 17),
    "hang": lambda: time.sleep(3600),
    "spin": lambda: _spin(3600),
    "work for 0.5 s": lambda: _spin(0.5),
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "complain and crash": _complain_and_crash,
    "exit": lambda: os._exit(7),
    "raise": _fail,
    "babble": _babble,
}


def prepare(options: dict[str, Any]) -> Any:
    """What is called for each file: `asked["do"]` names what it does before it reads it."""
    if options.get("fails"):
        raise ImportError("no such library")

    def work(path: Path, name: str, asked: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        if asked.get("do") == "lie":
            return {}, {"x": np.array(["text"])}
        DEEDS.get(asked.get("do") or "", lambda: None)()
        return {"text": path.read_text(), "name": name, "pid": os.getpid()}, {"numbers": np.arange(6).reshape(2, 3)}

    return work
