"""Work for a fence that misbehaves as it is asked to."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np


def prepare(options: dict[str, Any]) -> Any:
    """What is called for each file: `asked["do"]` names what it does instead of reading it."""
    if options.get("fails"):
        raise ImportError("no such library")

    def work(path: Path, name: str, asked: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        match asked.get("do"):
            case "eat memory":
                hoard = []
                while True:
                    hoard.append(np.ones(1 << 22))
            case "hang":
                time.sleep(3600)
            case "spin":
                while True:
                    pass
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "exit":
                os._exit(7)
            case "raise":
                raise KeyError("a bug")
            case "babble":
                os.write(1, b"loud\n" * 2_000_000)
                print("x" * 10_000_000, flush=True)
            case "lie":
                return {"a": 1}, {"x": np.array(["text"])}
        return {"text": path.read_text(), "name": name, "pid": os.getpid()}, {"numbers": np.arange(6).reshape(2, 3)}

    return work
