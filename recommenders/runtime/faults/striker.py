"""Strikes a task at a point of its work: kills its process, or holds it while the bench does something to the world.

It lives in the task processes of a throwaway Airflow, brought there as a listener by a plugin file that only the bench
writes; nothing in the product knows of it. It looks through hooks that exist anyway: SQLAlchemy's events, Python's
audit events, and the message by which a task tells Airflow that it has succeeded.
"""

import json
import os
import re
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pluggy

hookimpl = pluggy.HookimplMarker("airflow")

BEGIN, DONE = "begin", "done"
HELD_AT_MOST_S = 120
WRITING = os.O_WRONLY | os.O_RDWR
RECORDING = "recording"
STRIKES = "strikes.json"

PLUGIN = """
from pathlib import Path
from airflow.plugins_manager import AirflowPlugin
from recommenders.runtime.faults.striker import Striker

class Faults(AirflowPlugin):
    name = "faults"
    listeners = [Striker(Path({folder!r}), {watched!r})]
"""


@dataclass(frozen=True)
class Strike:
    """Do `deed` (kill, supervisor, hold) when the task comes to its point number `point`, the first time that it does.

    `map_index` is -1 for a task that is not mapped; `name` names the files by which the bench learns of it.
    """

    name: str
    dag_id: str
    task_id: str
    map_index: int
    point: int
    deed: str


def order(folder: Path, strikes: list[Strike]) -> None:
    """Let the tasks that begin from now on be struck so."""
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"{STRIKES}.part"
    unfinished.write_text(json.dumps([asdict(strike) for strike in strikes]))
    unfinished.rename(folder / STRIKES)


def has_struck(folder: Path, strike: Strike) -> bool:
    """Whether the task came to the point."""
    return (folder / f"{strike.name}.struck").exists()


def release(folder: Path, strike: Strike) -> None:
    """Let a task that is held go on."""
    (folder / f"{strike.name}.go").touch()


class Striker:
    """A listener of Airflow's: see `PLUGIN`. `watched` are the folders in which files count as points."""

    def __init__(self, folder: Path, watched: list[str]) -> None:
        self.folder, self.watched = folder, tuple(watched)

    @hookimpl
    def on_task_instance_running(self, previous_state: Any, task_instance: Any) -> None:
        """Called by Airflow in the task's own process, just before the task's own code."""
        index = -1 if task_instance.map_index is None else task_instance.map_index
        found = (task_instance.dag_id, task_instance.task_id, index)
        strikes = self._strikes(found)
        recording = (self.folder / RECORDING).exists()
        if strikes or recording:
            log = self.folder / "points" / f"{'.'.join(map(str, found))}.{os.getpid()}.jsonl" if recording else None
            _Points(self.folder, self.watched, strikes, log).watch()

    def _strikes(self, found: tuple[str, str, int]) -> list[Strike]:
        try:
            every = [Strike(**strike) for strike in json.loads((self.folder / STRIKES).read_text())]
        except FileNotFoundError:
            return []
        mine = [strike for strike in every if (strike.dag_id, strike.task_id, strike.map_index) == found]
        return [strike for strike in mine if not has_struck(self.folder, strike)]


class _Points:
    """Counts the points of this process's task, and strikes."""

    def __init__(self, folder: Path, watched: tuple[str, ...], strikes: list[Strike], log: Path | None) -> None:
        self.folder, self.watched, self.strikes, self.log = folder, watched, strikes, log
        self.count = 0
        self.busy = False
        if log:
            log.parent.mkdir(exist_ok=True)

    def watch(self) -> None:
        """Look at everything from now on; the first point is the beginning itself."""
        self.reach(BEGIN)
        self._watch_database()
        sys.addaudithook(self._audit)
        self._watch_end()

    def reach(self, what: str) -> None:
        """The task has come to its next point."""
        if self.busy:
            return
        self.busy = True
        try:
            if self.log:
                with self.log.open("a") as file:
                    file.write(json.dumps([self.count, what]) + "\n")
            for strike in self.strikes:
                if strike.point == self.count:
                    self._do(strike)
            self.count += 1
        finally:
            self.busy = False

    def _do(self, strike: Strike) -> None:
        (self.folder / f"{strike.name}.struck").write_text(str(os.getpid()))
        if strike.deed == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif strike.deed == "supervisor":
            os.kill(os.getppid(), signal.SIGKILL)
        elif strike.deed == "hold":
            deadline = time.monotonic() + HELD_AT_MOST_S
            while not (self.folder / f"{strike.name}.go").exists() and time.monotonic() < deadline:
                time.sleep(0.01)

    def _watch_database(self) -> None:
        import sqlalchemy as sa

        @sa.event.listens_for(sa.Engine, "after_cursor_execute")
        def executed(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
            self.reach(f"in a transaction, after {_short(statement)}")

        @sa.event.listens_for(sa.Engine, "commit")
        def committing(connection: Any) -> None:
            self.reach("before a commit")

        @sa.event.listens_for(sa.Pool, "checkin")
        def returned(dbapi_connection: Any, record: Any) -> None:
            self.reach("after a transaction")

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str) and flags & WRITING and path.startswith(self.watched):
                self.reach(f"before writing {_file(path)}")
        elif event in {"os.rename", "os.remove", "os.mkdir"}:
            path = str(arguments[0])
            if path.startswith(self.watched):
                self.reach(f"before {event.removeprefix('os.')} of {_file(path)}")

    def _watch_end(self) -> None:
        channel = type(sys.modules["airflow.sdk.execution_time.task_runner"].SUPERVISOR_COMMS)
        send = channel.send

        def send_or_strike(this: Any, *arguments: Any, **named: Any) -> Any:
            message = named.get("msg", arguments[0] if arguments else None)
            if type(message).__name__ == "SucceedTask":
                self.reach(DONE)
            return send(this, *arguments, **named)

        channel.send = send_or_strike


def _short(statement: str) -> str:
    """The beginning of a statement, up to its first bracket or comma."""
    return " ".join(re.split(r"[(,=]", statement, maxsplit=1)[0].split()[:5])


def _file(path: str) -> str:
    name = path.rsplit("/", 1)[-1]
    stem, _, rest = name.partition(".parquet.")
    return f"{stem}.parquet.part" if rest else name
