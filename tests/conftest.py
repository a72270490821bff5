"""Fixtures that every test may use: a real, migrated Postgres of its own, and a folder for artifacts."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from xdist.scheduler import LoadScopeScheduling

from recommenders.compiled import cache_folder
from recommenders.runtime.postgres import ensure_database, start_postgres, stop_postgres
from recommenders.settings import Settings
from recommenders.store import Artifacts, Store

# Airflow reads it when it is imported, and without it would write to the user's folder.
AIRFLOW_HOME = tempfile.mkdtemp(prefix="mixtape-airflow-")
os.environ["AIRFLOW_HOME"] = AIRFLOW_HOME

# Tests make many homes; what numba compiles is the same for all of them.
os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder(Settings().home)))


class ByFolder(LoadScopeScheduling):
    """Gives the tests of one folder to one process: what they share, a service or an Airflow, is started once."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.split("::", maxsplit=1)[0].rpartition("/")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFolder:
    """Of `pytest --numprocesses`."""
    return ByFolder(config, log)


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    shutil.rmtree(AIRFLOW_HOME, ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With MIXTAPE_REQUIRE_ALL=1 a test that was skipped, for whatever reason, makes the whole run fail."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("MIXTAPE_REQUIRE_ALL") == "1" and reporter and reporter.stats.get("skipped"):
        reporter.write_line("\nMIXTAPE_REQUIRE_ALL=1, and tests were skipped: this run has failed.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def postgres() -> Iterator[sa.URL]:
    """The URL of a running embedded PostgreSQL with a migrated database `template`."""
    # Not below pytest's own folder: each start of pytest closes that to other users, such as root's Postgres runs as.
    home = Path(tempfile.mkdtemp(prefix="mixtape-tests-"))
    data_dir = home / "postgres"
    server = start_postgres(data_dir)
    _be_quick(server)
    template = Store(ensure_database(server, "template").render_as_string(hide_password=False))
    template.migrate()
    template.close()
    yield server
    stop_postgres(data_dir)
    shutil.rmtree(home)


def _be_quick(server: sa.URL) -> None:
    """Let Postgres not wait for the disk: what tests write need not outlive a power cut."""
    engine = sa.create_engine(server.set(drivername="postgresql+psycopg2"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(sa.text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(sa.text("SELECT pg_reload_conf()"))
    engine.dispose()


@pytest.fixture
def store(postgres: sa.URL) -> Iterator[Store]:
    """An empty, migrated database of the test's own."""
    url = ensure_database(postgres, f"test_{uuid.uuid4().hex}", template="template")
    opened = Store(url.render_as_string(hide_password=False))
    yield opened
    opened.close()


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    """An empty artifacts folder of the test's own."""
    return Artifacts((tmp_path / "artifacts").as_uri())


RealData = Callable[[str], Path]


@pytest.fixture(scope="session")
def real_data() -> RealData:
    """Finds a file or folder of the real data by its path there; where it is missing the test is skipped."""

    def find(path: str) -> Path:
        found = Settings().test_data / path
        if not found.exists():
            pytest.skip(f"no data at {found}; set MIXTAPE_TEST_DATA")
        return found

    return find


@pytest.fixture(scope="session")
def hetrec(real_data: RealData) -> Path:
    """The folder of the HetRec Last.fm data."""
    return real_data("listening/hetrec2011-lastfm-2k")
