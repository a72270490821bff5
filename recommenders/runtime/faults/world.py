"""The throwaway service that is struck: a home of its own, a real Airflow, few invented listeners, snapshots of it."""

import datetime as dt
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

from recommenders.demo.world import generate_world, write_world
from recommenders.errors import MixtapeError
from recommenders.runtime import airflow
from recommenders.runtime.api import AirflowApi, RunState, TaskState
from recommenders.runtime.demo import last_monday
from recommenders.runtime.faults.digest import digests
from recommenders.runtime.faults.striker import PLUGIN, RECORDING, Strike, has_struck
from recommenders.runtime.postgres import database_url
from recommenders.settings import Settings
from recommenders.store import Artifacts, Store

USERS, TRACKS, WEEKS = 60, 300, 6
SHARDS = 2
DAGS = ("import_listening", "retrain_collaborative", "monday_playlists")
CONF: dict[str, dict[str, Any]] = {
    "retrain_collaborative": {"factors": [8], "alpha": [1.0], "regularisation": [1.0, 10.0]},
}
DISK = "size=24m,nr_inodes=2000"
SETTLED = 60  # seconds since the landing files were written
RUN_WITHIN_S = 900
LOOK_EVERY_S = 0.15

# Tasks are forked from the scheduler: what it has imported they need not.
WARM = """
import sys

if "scheduler" in sys.argv:
    import recommenders.evaluation.retraining
    import recommenders.exchange.imports
    import recommenders.mixing.kernels
    import recommenders.playlists.kernels
    import recommenders.playlists.monday
"""

# Airflow looks at its own processes as often as it can: a fault costs seconds, not minutes.
QUICK = {
    "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "6",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "10",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "1",
    "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",  # only what the bench triggers runs
    "MIXTAPE_RETRY_DELAY_S": "0.5",
    "MIXTAPE_SHARDS": str(SHARDS),
    "MIXTAPE_TIMEZONE": "UTC",
}


class World:
    """A running throwaway service; `folder` is where strikes are ordered and seen."""

    def __init__(self, home: Path, seed: int, service: airflow.Service, settings: Settings, mounted: bool) -> None:
        self.home, self.settings, self.service, self.mounted = home, settings, service, mounted
        self.folder = home / "faults"
        self.api: AirflowApi = service.api()
        self.url = sa.make_url(database_url(settings))
        self.monday = last_monday(settings, dt.datetime.now(dt.UTC))
        self.artifacts, self.landing = home / "artifacts", home / "landing"
        self.seed, self.runs = seed, 0
        self.server = sa.create_engine(
            self.url.set(drivername="postgresql+psycopg2", database="postgres"),
            isolation_level="AUTOCOMMIT",
            poolclass=sa.NullPool,
        )

    def fill_landing(self) -> None:
        """Put the invented service's files into the landing folder, as if they had lain there for a while."""
        world = generate_world(self.seed, self.monday, users=USERS, tracks=TRACKS, weeks=WEEKS)
        write_world(world, self.landing)
        settle(self.landing)

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> str:
        """Trigger a DAG as if it were the first moment of this week's Monday; the run's id."""
        self.runs += 1
        given = CONF.get(dag_id, {}) | (conf or {})
        return self.api.trigger(dag_id, given, run_after=self.monday, run_id=f"fault-{self.runs}")

    def wait(self, dag_id: str, run_id: str) -> RunState:
        """Follow a run to its end, through times in which Airflow does not answer. Raises MixtapeError on time-out."""
        deadline = time.monotonic() + RUN_WITHIN_S
        while True:
            with suppress(MixtapeError):
                run = self.api.run(dag_id, run_id)
                if run.finished:
                    return run
            if time.monotonic() > deadline:
                raise MixtapeError(f"{dag_id} has not ended within {RUN_WITHIN_S} s.")
            time.sleep(LOOK_EVERY_S)

    def wait_for_strike(self, strike: Strike) -> None:
        """Return when the task has come to its point. Raises MixtapeError on time-out."""
        deadline = time.monotonic() + RUN_WITHIN_S
        while not has_struck(self.folder, strike):
            if time.monotonic() > deadline:
                raise MixtapeError(f"{strike.task_id} has not come to its point within {RUN_WITHIN_S} s.")
            time.sleep(0.02)

    def wait_for_begun(self, dag_id: str, run_id: str) -> None:
        """Return when a task of the run has ended, or waits for something. Raises MixtapeError on time-out."""
        self._wait_for_tasks(dag_id, run_id, lambda task: task.state in {"success", "up_for_reschedule", "failed"})

    def wait_for_retry(self, dag_id: str, run_id: str) -> None:
        """Return when a task of the run has failed once. Raises MixtapeError on time-out."""
        self._wait_for_tasks(dag_id, run_id, lambda task: task.state == "up_for_retry" or task.try_number > 1)

    def _wait_for_tasks(self, dag_id: str, run_id: str, fits: Callable[[TaskState], bool]) -> None:
        deadline = time.monotonic() + RUN_WITHIN_S
        while not any(map(fits, self.api.run(dag_id, run_id).tasks)):
            if time.monotonic() > deadline:
                raise MixtapeError(f"No task of {dag_id} comes so far within {RUN_WITHIN_S} s.")
            time.sleep(LOOK_EVERY_S)

    def clear_strikes(self) -> None:
        """Forget the strikes of an earlier fault."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()

    def digests(self) -> dict[str, str]:
        """The fingerprints of everything that the service holds."""
        with self.store() as store:
            return digests(store, Artifacts(self.settings.artifacts))

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The service's store."""
        opened = Store(self.url.render_as_string(hide_password=False))
        try:
            yield opened
        finally:
            opened.close()

    def save(self, name: str) -> None:
        """Keep the service as it is under `name`."""
        self._copy_database("mixtape", f"kept_{name}")
        for folder in (self.artifacts, self.landing):
            shutil.copytree(folder, self.home / "kept" / name / folder.name)

    def put_back(self, name: str) -> None:
        """Make the service what it was when it was kept under `name`; what still runs of an earlier fault is ended."""
        self.end_strays()
        for folder in (self.artifacts, self.landing):
            for entry in folder.iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            shutil.copytree(self.home / "kept" / name / folder.name, folder, dirs_exist_ok=True)
        self._copy_database(f"kept_{name}", "mixtape")
        self.clear_strikes()

    def _copy_database(self, source: str, target: str) -> None:
        with self.server.connect() as connection:
            connection.execute(
                sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
                {"name": source},
            )
            connection.execute(sa.text(f'DROP DATABASE IF EXISTS "{target}" WITH (FORCE)'))
            connection.execute(sa.text(f'CREATE DATABASE "{target}" TEMPLATE "{source}"'))

    def record(self, on: bool) -> None:
        """Let every task write down the points that it comes to, or no longer."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / RECORDING).touch() if on else (self.folder / RECORDING).unlink(missing_ok=True)

    def wait_healthy(self) -> None:
        """Return when every part of Airflow is alive again."""
        deadline = time.monotonic() + RUN_WITHIN_S
        while not self.api.is_healthy():
            if time.monotonic() > deadline:
                raise MixtapeError("Airflow does not come back.")
            time.sleep(LOOK_EVERY_S)

    def component(self, name: str) -> psutil.Process:
        """The process of Airflow that is called `name` (scheduler, dag-processor, api-server)."""
        for process in psutil.Process(self.service.pid).children():
            with suppress(psutil.NoSuchProcess):
                if name.replace("-", "_") in " ".join(process.cmdline()).replace("-", "_"):
                    return process
        raise MixtapeError(f"Airflow's {name} does not run.")

    def kill_postgres(self) -> None:
        """kill -9 of Postgres' first process, once it is there."""
        pid = int((self.settings.postgres_dir / "postmaster.pid").read_text().split("\n", 1)[0])
        os.kill(pid, signal.SIGKILL)

    def end_strays(self) -> None:
        """End the tasks whose supervisor was killed and that go on by themselves."""
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                stray = os.getsid(process.pid) == self.service.pid and process.ppid() == 1
                if stray and process.pid != self.service.pid:
                    process.kill()


@contextmanager
def throwaway_world(seed: int, say: Callable[[str], None]) -> Iterator[World]:
    """A running service with files in its landing folder and nothing else; gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="mixtape-faults-"))
    home.chmod(0o755)  # the embedded Postgres of root is another user's
    with _no_settings_of_another_service():
        settings = Settings(home=home, web_port=18123)
        mounted = False
        try:
            mounted = _mount_small_disks(home)
            (home / "plugins").mkdir()
            watched = [str(home / "artifacts"), str(home / "landing")]
            (home / "plugins" / "faults.py").write_text(PLUGIN.format(folder=str(home / "faults"), watched=watched))
            (home / "airflow" / "config").mkdir(parents=True)
            (home / "airflow" / "config" / "airflow_local_settings.py").write_text(WARM)
            environment = QUICK | {"AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins")}
            service = airflow.up(settings, say, environment)
            world = World(home, seed, service, settings, mounted)
            world.fill_landing()
            for dag_id in DAGS:
                world.api.wait_for_dag(dag_id)
            yield world
            world.server.dispose()
        finally:
            airflow.down(settings)
            if mounted:
                for name in ("artifacts", "landing"):
                    subprocess.run(["umount", "-l", str(home / name)], check=False)
            shutil.rmtree(home, ignore_errors=True)


def settle(folder: Path) -> None:
    """Make every file of a folder look as if nobody had written to it for a while."""
    then = time.time() - SETTLED
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


def _mount_small_disks(home: Path) -> bool:
    """Put artifacts and landing on small disks of their own, which can be filled; whether that is allowed here."""
    for name in ("artifacts", "landing"):
        (home / name).mkdir()
    for name in ("artifacts", "landing"):
        mount = ["mount", "-t", "tmpfs", "-o", DISK, "tmpfs", str(home / name)]
        if os.getuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
            return False
    return True


@contextmanager
def _no_settings_of_another_service() -> Iterator[None]:
    """Hide the environment's settings of Monday Mixtape and Airflow."""
    own = {name: value for name, value in os.environ.items() if name.startswith(("MIXTAPE_", "AIRFLOW_"))}
    for name in own:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(own)
