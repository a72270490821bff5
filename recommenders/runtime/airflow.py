"""Airflow as one child session of this machine, kept alive by a keeper; all that it writes is under MIXTAPE_HOME."""

import base64
import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import psutil
import sqlalchemy as sa

from recommenders.errors import ConfigurationError
from recommenders.runtime.api import AirflowApi
from recommenders.runtime.postgres import database_url, ensure_database, stop_postgres
from recommenders.settings import PROJECT_ROOT, Settings
from recommenders.store import Store

ADMIN = "admin"
READY_WITHIN_S = 240
STOPPED_WITHIN_S = 30
LOG_LINES_SHOWN = 25


@dataclass(frozen=True)
class Service:
    """A running Airflow: `pid` leads its session, `started_at` is when that process was made (epoch seconds)."""

    pid: int
    started_at: float
    url: str
    username: str
    password: str

    def api(self) -> AirflowApi:
        """A client of this Airflow's REST API."""
        return AirflowApi(self.url, self.username, self.password)


def up(
    settings: Settings, say: Callable[[str], None] = lambda _: None, environment: Mapping[str, str] | None = None
) -> Service:
    """Postgres, the schema and Airflow, each started unless it runs; returns when Airflow takes runs.

    `say` is told each step; an Airflow that is started gets the variables of `environment` as well. Raises
    ConfigurationError when one of them does not come up.
    """
    settings.airflow_home.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(settings.home / "up.lock"):
        say("Starting Postgres" if not settings.database_url else "Opening the database")
        url = sa.make_url(database_url(settings))
        service = running(settings)
        if service is None:
            stop_airflow(settings)
            metadata = _metadata_url(settings, url)
            say("Starting Airflow (about 20 s)")
            service = _start(settings, url, metadata, environment or {})
        _migrate(url)
        _wait_until_ready(settings, service)
        for name, pool in json.loads((PROJECT_ROOT / "dags" / "common" / "pools.json").read_text()).items():
            service.api().ensure_pool(name, pool["slots"], pool["description"])
    return service


def down(settings: Settings) -> list[str]:
    """Stop Airflow, then the embedded Postgres; returns what was stopped."""
    stopped = []
    if stop_airflow(settings):
        stopped.append("Airflow")
    if not settings.database_url and stop_postgres(settings.postgres_dir):
        stopped.append("Postgres")
    return stopped


def running(settings: Settings) -> Service | None:
    """The service that `up` started, if it still answers and its scheduler lives."""
    service = _remembered(settings)
    if service is None or not _processes(service):
        return None
    deadline = time.monotonic() + 15  # a busy machine may miss a heartbeat
    while time.monotonic() < deadline:
        if service.api().is_healthy():
            return service
        time.sleep(0.5)
    return None


def was_started(settings: Settings) -> bool:
    """Whether `up` has started an Airflow that nobody stopped since."""
    return _state_file(settings).exists()


def stop_airflow(settings: Settings) -> bool:
    """End every process of the Airflow that `up` started; False when there was none."""
    service = _remembered(settings)
    processes = _processes(service) if service else []
    for process in sorted(processes, key=lambda process: not (service and process.pid == service.pid)):
        _signal(process, signal.SIGTERM)  # the keeper first: it would start the others again
    deadline = time.monotonic() + STOPPED_WITHIN_S
    while service and _processes(service) and time.monotonic() < deadline:
        time.sleep(0.1)
    for process in _processes(service) if service else []:
        _signal(process, signal.SIGKILL)
    _state_file(settings).unlink(missing_ok=True)
    return bool(processes)


def airflow_environment(settings: Settings, url: sa.URL, metadata: sa.URL, port: int) -> dict[str, str]:
    """The environment of every Airflow process: `url` is the store, `metadata` Airflow's own database."""
    home = settings.airflow_home
    cores = len(os.sched_getaffinity(0))
    keys = _keys(home / "secrets.json")
    address = _address(settings, port)
    own = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW_CONN_MIXTAPE": airflow_connection(url),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__HOST": settings.web_host,
        "AIRFLOW__API__INSTANCE_NAME": "Monday Mixtape",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__SECRET_KEY": keys["secret_key"],
        "AIRFLOW__API_AUTH__JWT_SECRET": keys["jwt_secret"],
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT_ROOT / "dags"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__FERNET_KEY": keys["fernet_key"],
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": str(max(2, cores)),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT_ROOT / "plugins"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(_passwords_file(settings)),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin,viewer:viewer",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata.render_as_string(hide_password=False),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port("0.0.0.0", 8794)),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port("0.0.0.0", 8793)),
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "MIXTAPE_HOME": str(settings.home),
        # implicit is up to ten times slower with a threaded BLAS under it; one thread also makes a week repeatable.
        "OPENBLAS_NUM_THREADS": "1",
        "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), "localhost", "127.0.0.1"])),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    return {**os.environ, **own}


def airflow_connection(url: sa.URL) -> str:
    """`url` as Airflow wants a connection in an environment variable: JSON, with a socket's folder as the host."""
    options = dict(url.query)
    host = options.pop("host", None) or url.host
    return json.dumps(
        {
            "conn_type": "postgres",
            "host": host,
            "login": url.username,
            "password": url.password,
            "port": url.port,
            "schema": url.database,
            "extra": options,
        }
    )


def run_in_foreground(settings: Settings, dag_id: str, conf: dict[str, Any]) -> bool:
    """Run one DAG without a scheduler, its output going to this process's; whether it succeeded.

    Its run is kept in a small database of its own, where no scheduler can take it up as well.
    """
    settings.airflow_home.mkdir(parents=True, exist_ok=True)
    url = sa.make_url(database_url(settings))
    _migrate(url)
    own = sa.URL.create("sqlite", database=str(settings.airflow_home / "foreground.db"))
    environment = airflow_environment(settings, url, own, settings.web_port) | {
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "PYTHONWARNINGS": "ignore",
    }
    command = [sys.executable, "-m", "dags.common.foreground", dag_id, json.dumps(conf)]
    return subprocess.run(command, env=environment, cwd=settings.airflow_home, check=False).returncode == 0


def _migrate(url: sa.URL) -> None:
    store = Store(url.render_as_string(hide_password=False))
    store.migrate()
    store.close()


def _start(settings: Settings, url: sa.URL, metadata: sa.URL, environment: Mapping[str, str]) -> Service:
    """Start Airflow and its keeper in a session of its own, and remember it."""
    port = free_port(settings.web_host, settings.web_port)
    password = passwords(settings)[ADMIN]
    log = log_file(settings)
    if log.exists():
        log.replace(log.with_suffix(".previous.log"))
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "recommenders.runtime.keeper"],
            env={**airflow_environment(settings, url, metadata, port), **environment},
            cwd=settings.airflow_home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    service = Service(
        pid=process.pid,
        started_at=psutil.Process(process.pid).create_time(),
        url=_address(settings, port),
        username=ADMIN,
        password=password,
    )
    state = asdict(service)
    del state["password"]
    _state_file(settings).write_text(json.dumps(state))
    return service


def _wait_until_ready(settings: Settings, service: Service) -> None:
    """Return when the API answers and scheduler and DAG processor live; raises ConfigurationError when they don't."""
    api = service.api()
    deadline = time.monotonic() + READY_WITHIN_S
    while not api.is_healthy():
        alive = any(process.pid == service.pid for process in _processes(service))
        if not alive or time.monotonic() > deadline:
            why = f"is not ready after {READY_WITHIN_S} s" if alive else "has ended"
            stop_airflow(settings)
            log = log_file(settings)
            last = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:])
            raise ConfigurationError(f"Airflow {why}. The end of its log, {log}:\n{last}")
        time.sleep(0.25)


def log_file(settings: Settings) -> Path:
    """What Airflow's own processes and their keeper print; the logs of tasks are in `airflow/logs`."""
    return settings.airflow_home / "airflow.log"


def _remembered(settings: Settings) -> Service | None:
    """The service that was started last, running or not."""
    try:
        state: dict[str, Any] = json.loads(_state_file(settings).read_text())
        password = json.loads(_passwords_file(settings).read_text())[ADMIN]
    except (FileNotFoundError, json.JSONDecodeError, KeyError):
        return None
    return Service(**state, password=password)


def _processes(service: Service) -> list[psutil.Process]:
    """The living processes of the service's session; none when its leader's number is another process by now."""
    with suppress(psutil.NoSuchProcess):  # its children may be left
        if abs(psutil.Process(service.pid).create_time() - service.started_at) > 1:
            return []
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == service.pid and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _metadata_url(settings: Settings, url: sa.URL) -> sa.URL:
    """Airflow's own database: the configured one, else NAME_airflow beside the store's, made when it is missing."""
    if settings.airflow_database_url:
        found = sa.make_url(settings.airflow_database_url)
    else:
        found = ensure_database(url, f"{url.database}_airflow")
    return found.set(drivername="postgresql+psycopg2")


def _state_file(settings: Settings) -> Path:
    return settings.airflow_home / "service.json"


def _passwords_file(settings: Settings) -> Path:
    return settings.airflow_home / "passwords.json"


def passwords(settings: Settings) -> dict[str, str]:
    """The passwords of the web UI's users, made on the first start."""
    return _private_json(
        _passwords_file(settings), lambda: {name: secrets.token_urlsafe(12) for name in (ADMIN, "viewer")}
    )


def _keys(path: Path) -> dict[str, str]:
    """Airflow's keys, made on the first start."""
    return _private_json(
        path,
        lambda: {
            "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "jwt_secret": secrets.token_urlsafe(32),
            "secret_key": secrets.token_urlsafe(32),
        },
    )


def _private_json(path: Path, make: Callable[[], dict[str, str]]) -> dict[str, str]:
    """The content of `path`; where it is missing it is made, readable by its owner only."""
    try:
        content: dict[str, str] = json.loads(path.read_text())
    except FileNotFoundError:
        content = make()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(content, file)
    return content


def _address(settings: Settings, port: int) -> str:
    host = "localhost" if settings.web_host in {"127.0.0.1", "0.0.0.0", "::"} else settings.web_host
    return f"http://{host}:{port}"


def free_port(host: str, wanted: int) -> int:
    """`wanted` if nothing listens there, else any free port."""
    for port in (wanted, 0):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            bound: int = probe.getsockname()[1]
            return bound
    raise ConfigurationError(f"No free port on {host}: check MIXTAPE_WEB_HOST.")


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[IO[str]]:
    """Hold the lock `path`: two `mixtape up` at once would start two Airflows."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
