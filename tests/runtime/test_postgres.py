"""The embedded PostgreSQL: started, found again, stopped, and started again after it died."""

import os
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

from recommenders.errors import ConfigurationError
from recommenders.runtime.postgres import (
    database_url,
    ensure_database,
    postgres_runs,
    start_postgres,
    stop_postgres,
)
from recommenders.settings import Settings

SOCKET_PATH_LIMIT = 107


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """A data directory of this module's own, with or without a running server; it is stopped afterwards."""
    home = Path(tempfile.mkdtemp(prefix="mixtape-tests-"))
    yield home / "postgres"
    stop_postgres(home / "postgres")
    shutil.rmtree(home)


def _ask(url: sa.URL, query: str) -> object:
    engine = sa.create_engine(url.set(drivername="postgresql+psycopg2"), poolclass=sa.NullPool)
    with engine.connect() as connection:
        return connection.execute(sa.text(query)).scalar()


def _pid(data_dir: Path) -> int:
    return int((data_dir / "postmaster.pid").read_text().split("\n", 1)[0])


def _kill(server: psutil.Process) -> None:
    server.send_signal(signal.SIGKILL)
    while server.is_running() and server.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.001)


def test_it_is_started_once_and_has_vectors_and_no_port(data_dir: Path) -> None:
    stop_postgres(data_dir)
    assert not postgres_runs(data_dir)
    url = start_postgres(data_dir)
    first = _pid(data_dir)
    assert start_postgres(data_dir) == url
    assert _pid(data_dir) == first
    assert postgres_runs(data_dir)
    assert int(str(_ask(url, "SHOW server_version_num"))) >= 150_000
    assert _ask(url, "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'") == 1
    assert _ask(url, "SHOW listen_addresses") == ""


def test_a_stopped_server_starts_again_with_its_data(data_dir: Path) -> None:
    url = ensure_database(start_postgres(data_dir), "kept")
    assert stop_postgres(data_dir)
    assert not postgres_runs(data_dir)
    assert not stop_postgres(data_dir)
    start_postgres(data_dir)
    assert _ask(url, "SELECT current_database()") == "kept"


def test_a_killed_server_starts_again(data_dir: Path) -> None:
    url = ensure_database(start_postgres(data_dir), "kept")
    _kill(psutil.Process(_pid(data_dir)))
    start_postgres(data_dir)
    assert _ask(url, "SELECT current_database()") == "kept"


def test_a_killed_server_starts_again_only_when_what_it_left_has_ended(data_dir: Path) -> None:
    url = start_postgres(data_dir)
    server = psutil.Process(_pid(data_dir))
    with ThreadPoolExecutor(1) as pool:
        # Counting asks nobody: this process ends when it has its answer, however long its server is dead.
        busy = pool.submit(_ask, url, "SELECT count(*) FROM generate_series(1, 50000000)")
        while not (
            pid := _ask(
                url,
                "SELECT max(pid) FROM pg_stat_activity WHERE query LIKE '%count(*) FROM gen%' "
                "AND state = 'active' AND pid != pg_backend_pid()",
            )
        ):
            time.sleep(0.01)
        counting = psutil.Process(int(str(pid)))
        _kill(server)
        assert counting.is_running()
        start_postgres(data_dir)
        assert not counting.is_running() or counting.status() == psutil.STATUS_ZOMBIE
        wait([busy])
    assert _ask(url, "SELECT 1") == 1


def test_a_pid_that_is_another_process_by_now_is_not_taken_for_the_server(data_dir: Path) -> None:
    url = start_postgres(data_dir)
    left = (data_dir / "postmaster.pid").read_text().split("\n", 1)[1]
    stop_postgres(data_dir)
    (data_dir / "postmaster.pid").write_text(f"{os.getpid()}\n{left}")
    assert not postgres_runs(data_dir)
    start_postgres(data_dir)
    assert _ask(url, "SELECT 1") == 1


def test_a_path_too_long_for_a_socket_works_and_lets_nobody_else_in(data_dir: Path) -> None:
    deep = data_dir.parent / ("x" * SOCKET_PATH_LIMIT) / "postgres"
    try:
        url = start_postgres(deep)
        assert _ask(url, "SELECT 1") == 1
        socket_dir = Path(str(url.query["host"]))
        assert stat.S_IMODE(socket_dir.stat().st_mode) == 0o700
        assert socket_dir.stat().st_uid == deep.stat().st_uid
    finally:
        stop_postgres(deep)


def test_a_database_is_made_once(data_dir: Path) -> None:
    server = start_postgres(data_dir)
    first = ensure_database(server, "twice")
    assert ensure_database(server, "twice") == first
    assert _ask(server, "SELECT count(*) FROM pg_database WHERE datname = 'twice'") == 1


def test_a_configured_database_is_used_as_it_is(tmp_path: Path) -> None:
    given = "postgresql://ada:secret@db.example:5433/mixtape"
    assert database_url(Settings(home=tmp_path, database_url=given)) == given
    assert not (tmp_path / "postgres").exists()


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    started = time.monotonic()
    with pytest.raises(ConfigurationError, match=r"127\.0\.0\.1:9") as caught:
        ensure_database(sa.make_url("postgresql://ada:secret@127.0.0.1:9/mixtape"), "mixtape_airflow")
    assert "secret" not in str(caught.value)
    assert time.monotonic() - started < 10
