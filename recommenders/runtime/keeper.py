"""Keeps Airflow's processes, the embedded Postgres and the demo's blogs alive, from `mixtape up` to `mixtape down`.

`airflow standalone` does not notice when one of its processes dies. This does: what died is started again at once, and
later and later when it dies again and again.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from recommenders.errors import MixtapeError
from recommenders.runtime.postgres import postgres_runs, start_postgres
from recommenders.settings import Settings

COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
LOOK_EVERY_S = 0.25
STEADY_AFTER_S = 60  # one that lived as long did not die of its start
LONGEST_WAIT_S = 30.0


@dataclass
class Component:
    """One process that is kept alive, and when it may be started again; not before the file `needs` is there."""

    name: str
    command: Sequence[str]
    needs: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    wait_s: float = 0.0
    start_at_s: float = field(default=0.0)

    def look(self, now_s: float) -> None:
        """Start it when its time has come; notice its death. `now_s` is monotonic."""
        if self.process is None:
            if now_s >= self.start_at_s and (self.needs is None or self.needs.exists()):
                self.started_s = now_s
                # A process group of its own: what it leaves behind when it is killed can be told from the others'.
                self.process = subprocess.Popen(self.command, process_group=0)
        elif self.process.poll() is not None:
            _say(f"{self.name} has ended ({_how(self.process.returncode)}): it is started again")
            end_group(self.process.pid)
            steady = now_s - self.started_s > STEADY_AFTER_S
            self.wait_s = 0.0 if steady else min(LONGEST_WAIT_S, 2 * self.wait_s or 1.0)
            self.start_at_s = now_s + (0.0 if steady or self.wait_s == 1.0 else self.wait_s)
            self.process = None


def keep(components: Sequence[Component], stopping: Callable[[], bool], keep_postgres: Callable[[], None]) -> None:
    """Start every component, and again what dies, until `stopping`; then end them."""
    while not stopping():
        keep_postgres()
        for component in components:
            component.look(time.monotonic())
        time.sleep(LOOK_EVERY_S)
    for component in components:
        if component.process:
            component.process.terminate()
    for component in components:
        if component.process:
            component.process.wait()


def end_group(leader: int) -> None:
    """End what a killed process left behind: its process group, and the tasks that those processes started.

    A task that went on would be started a second time beside itself, as soon as a new scheduler finds it without one.
    """
    session, left = os.getsid(0), []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getsid(process.pid) == session and os.getpgid(process.pid) == leader:
                left += [*process.children(recursive=True), process]
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def main() -> None:
    """Bring Airflow's own tables up to date, then keep everything alive until SIGTERM."""
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: stopping.append(received))
    airflow = [sys.executable, "-m", "airflow"]
    subprocess.run([*airflow, "db", "migrate"], check=True)
    settings = Settings()
    components = [Component(name, [*airflow, name]) for name in COMPONENTS]
    file = settings.demo_blogs_file
    blogs = [sys.executable, "-m", "recommenders.demo.blog_server", str(file)]
    components.append(Component("the demo's blogs", blogs, needs=file))
    keep(components, lambda: bool(stopping), _postgres_keeper(settings))


def _postgres_keeper(settings: Settings) -> Callable[[], None]:
    """Starts the embedded Postgres when it is gone; a database that is configured is not ours to start."""

    def keep_postgres() -> None:
        if settings.database_url or postgres_runs(settings.postgres_dir):
            return
        _say("Postgres has ended: it is started again")
        try:
            start_postgres(settings.postgres_dir)
        except MixtapeError as error:
            _say(str(error))

    return keep_postgres


def _how(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _say(text: str) -> None:
    print(f"mixtape: {text}", flush=True)


if __name__ == "__main__":
    main()
