"""Programs of this floor in processes of their own: tensorflow and essentia in one process abort it."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import tempfile

from recommenders.errors import ModelError

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONUNBUFFERED": "1"}
_KEPT = 2000  # characters of what a program complained about


def run_program(module: str, *arguments: str) -> None:
    """Run `python -m module arguments` to its end; every line that it prints is logged here as it comes.

    The program ends when this process does, however that ends. Raises ModelError when it fails, with its last words.
    """
    with tempfile.TemporaryFile() as complaints:
        with subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, **_QUIET, "MIXTAPE_PARENT": str(os.getpid())},
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        ) as process:
            try:
                for line in process.stdout or ():
                    log.info("%s", line.rstrip())
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            complaints.seek(0)
            words = complaints.read().decode(errors="replace").strip()[-_KEPT:]
            raise ModelError(f"{module} ended with code {process.returncode}: {words}")


def end_with_parent() -> None:
    """End this program as soon as the process that started it does, even if that is killed."""
    parent = os.environ.get("MIXTAPE_PARENT")
    if parent:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(parent):
            sys.exit(1)
