"""Worker processes that read pages beside the reactor; one that crashes or hangs costs its page, nothing else."""

import asyncio
import logging
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

from crawlers.reading import PageBody, PageRead
from crawlers.worker import CRASHED

START_SECONDS = 120.0
TOO_SLOW = "too_slow"

log = logging.getLogger(__name__)


class Workers:
    """Some worker processes. Use as a context manager."""

    def __init__(self, n_workers: int, seconds: float) -> None:
        """Start them; a page may take `seconds`."""
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(n_workers, thread_name_prefix="worker")
        self._all = [_Worker() for _ in range(n_workers)]
        self._idle: asyncio.Queue[_Worker] = asyncio.Queue()
        for worker in self._all:
            self._idle.put_nowait(worker)

    async def read(self, page: PageBody) -> PageRead:
        """What a page holds, read by the next worker that is free."""
        worker = await self._idle.get()
        answer = asyncio.get_running_loop().run_in_executor(self._threads, worker.read, page, self._seconds)
        answer.add_done_callback(lambda _: self._idle.put_nowait(worker))  # also when nobody waits any more
        return await answer

    def close(self) -> None:
        """End them all, whatever they do."""
        for worker in self._all:
            worker.end()
        self._threads.shutdown(wait=True)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Worker:
    """One worker process, and the next one after a crash."""

    def __init__(self) -> None:
        self._closed = False
        self._start()

    def _start(self) -> None:
        mine, its = socket.socketpair()
        with its:
            command = [sys.executable, "-m", "crawlers.worker", str(its.fileno()), str(os.getpid())]
            self._process = subprocess.Popen(command, pass_fds=(its.fileno(),), stdin=subprocess.DEVNULL)
        self._channel = Connection(mine.detach())
        self._is_ready = False

    def read(self, page: PageBody, seconds: float) -> PageRead:
        """What `page` holds. Blocks; after a crash, or `seconds`, a new process is started and that is the answer."""
        try:
            self._await_ready()
            self._channel.send(page)
            if self._channel.poll(seconds):
                answer: PageRead = self._channel.recv()
                return answer
            reason, detail = TOO_SLOW, f"not read after {seconds:g} seconds"
        except (EOFError, OSError):
            reason, detail = CRASHED, f"its reading ended with exit code {self._exit_code()}"
        if not self._closed:
            log.warning("%s: %s", page.url, detail)
            self._stop()
            self._start()
        return PageRead(reason=reason, detail=detail)

    def _await_ready(self) -> None:
        if not self._is_ready:
            if not self._channel.poll(START_SECONDS):
                raise OSError("the worker does not start")
            self._channel.recv()
            self._is_ready = True

    def _exit_code(self) -> int | None:
        try:
            return self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        """End the process for good."""
        self._closed = True
        self._stop()

    def _stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._channel.close()
