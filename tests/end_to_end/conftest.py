"""One running service for every end-to-end test: what `mixtape demo` leaves behind, in a home and on a port of its own.

Any test in this folder takes the fixture `service`.
"""

import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from recommenders.playlists.mixtape import Mixtape
from recommenders.runtime.airflow import Service, down, passwords, running
from recommenders.runtime.api import AirflowApi
from recommenders.runtime.demo import showcase
from recommenders.runtime.postgres import database_url
from recommenders.settings import Settings
from recommenders.store import Store

PORT = 18080
DEMO_WITHIN_S = 840  # other tests run beside it
SONGS = 400  # of those that the demo sings: enough to learn from


@dataclasses.dataclass(frozen=True)
class RunningService:
    """A running Airflow in which the demo's three DAGs have succeeded.

    `passwords` holds the web UI's users, "admin" and "viewer"; `mixtape` is the one that the demo shows, `output` what
    it printed. `environment` is for further commands on the same home.
    """

    settings: Settings
    url: str
    passwords: dict[str, str]
    api: AirflowApi
    store: Store
    mixtape: Mixtape
    output: str
    environment: dict[str, str]

    def mixtape_command(self, *arguments: str, within_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run `mixtape ARGUMENTS` on this service."""
        return _mixtape(self.environment, *arguments, within_s=within_s)


@pytest.fixture(scope="session")
def service() -> Iterator[RunningService]:
    """The running, demo-loaded service; it is stopped and deleted after the last test."""
    # Not below pytest's own folder, which is closed to the user as whom root's Postgres runs.
    home = Path(tempfile.mkdtemp(prefix="mixtape-end-to-end-"))
    settings = Settings(home=home, web_port=PORT)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "MIXTAPE_"))}
    environment |= {"MIXTAPE_HOME": str(home), "MIXTAPE_WEB_PORT": str(PORT), "MIXTAPE_DEMO_SONGS": str(SONGS)}
    store = None
    try:
        done = _mixtape(environment, "demo", within_s=DEMO_WITHIN_S)
        assert done.returncode == 0, done.stdout + done.stderr
        airflow = running(settings)
        assert isinstance(airflow, Service), "the demo does not leave Airflow running"
        store = Store(database_url(settings))
        yield RunningService(
            settings=settings,
            url=airflow.url,
            passwords=passwords(settings),
            api=airflow.api(),
            store=store,
            mixtape=showcase(store),
            output=done.stdout,
            environment=environment,
        )
    finally:
        if store:
            store.close()
        down(settings)
        shutil.rmtree(home, ignore_errors=True)


def _mixtape(environment: dict[str, str], *arguments: str, within_s: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("mixtape")), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )
