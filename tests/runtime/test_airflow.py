"""How Airflow is set up: nothing leaves the home folder, secrets are private, the port is free."""

import json
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

from recommenders.runtime.airflow import (
    airflow_connection,
    airflow_environment,
    down,
    passwords,
    running,
    stop_airflow,
    was_started,
)
from recommenders.settings import Settings
from recommenders.store.database import connection_url

URL = sa.make_url("postgresql://ada:pass%20word@db.example:5433/mixtape?sslmode=require")
SOCKET = sa.make_url("postgresql://postgres@/mixtape?host=/srv/mixtape/postgres")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a home of the test's own and a database that is not ours to start."""
    (tmp_path / "airflow").mkdir()
    return Settings(home=tmp_path, database_url="postgresql://nobody@127.0.0.1:9/x")


def _environment(settings: Settings, port: int = 18099) -> dict[str, str]:
    return airflow_environment(settings, URL, URL.set(database="mixtape_airflow"), port)


@pytest.mark.parametrize("url", [URL, SOCKET])
def test_a_dag_opens_the_same_database_through_the_connection(url: sa.URL) -> None:
    fields = json.loads(airflow_connection(url))
    opened = connection_url(
        fields["host"],
        fields["port"],
        fields["login"],
        fields["password"],
        fields["schema"],
        options=fields["extra"],
    )
    assert sa.make_url(opened) == url


def test_every_folder_of_airflow_lies_below_home(settings: Settings) -> None:
    environment = _environment(settings)
    assert environment["AIRFLOW_HOME"] == str(settings.home / "airflow")
    assert environment["MIXTAPE_HOME"] == str(settings.home)
    assert environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"].startswith(str(settings.home))
    assert environment["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] == "False"


def test_tasks_reach_the_api_on_its_own_port_and_past_any_proxy(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    environment = _environment(settings, port=18123)
    assert environment["AIRFLOW__API__PORT"] == "18123"
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://localhost:18123/execution/"
    assert environment["NO_PROXY"].split(",") == ["intranet.example", "localhost", "127.0.0.1"]


def test_the_web_ui_listens_on_this_machine_only_unless_told_otherwise(settings: Settings) -> None:
    assert _environment(settings)["AIRFLOW__API__HOST"] == "127.0.0.1"
    everywhere = settings.model_copy(update={"web_host": "0.0.0.0"})
    assert _environment(everywhere)["AIRFLOW__API__HOST"] == "0.0.0.0"


def test_keys_and_passwords_are_made_once_and_are_their_owners_only(settings: Settings) -> None:
    first, users = _environment(settings), passwords(settings)
    assert set(users) == {"admin", "viewer"}
    assert min(map(len, users.values())) >= 12
    assert passwords(settings) == users
    secret = [name for name in first if name.endswith(("_KEY", "JWT_SECRET"))]
    assert len(secret) == 3
    assert {name: _environment(settings)[name] for name in secret} == {name: first[name] for name in secret}
    for file in ("passwords.json", "secrets.json"):
        assert stat.S_IMODE((settings.airflow_home / file).stat().st_mode) == 0o600


def test_two_homes_have_different_keys_and_passwords(settings: Settings, tmp_path: Path) -> None:
    other = Settings(home=tmp_path / "other", database_url=settings.database_url)
    other.airflow_home.mkdir(parents=True)
    assert passwords(other) != passwords(settings)
    assert _environment(other)["AIRFLOW__API__SECRET_KEY"] != _environment(settings)["AIRFLOW__API__SECRET_KEY"]


def _remember(settings: Settings, pid: int, started_at: float) -> None:
    passwords(settings)
    (settings.airflow_home / "service.json").write_text(
        json.dumps({"pid": pid, "started_at": started_at, "url": "http://127.0.0.1:9", "username": "admin"})
    )


def test_stopping_ends_the_whole_session_and_children_that_ignore_a_polite_request(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recommenders.runtime.airflow.STOPPED_WITHIN_S", 1)
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(99)"
    )
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {stubborn!r}])"
    parent = subprocess.Popen(
        [sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert parent.stdout is not None and parent.stdout.readline() == b"1\n"
    leader = psutil.Process(parent.pid)
    (child,) = leader.children()
    _remember(settings, parent.pid, leader.create_time())
    assert was_started(settings)
    assert stop_airflow(settings)
    parent.wait(timeout=10)
    psutil.wait_procs([child], timeout=10)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert not was_started(settings)
    assert down(settings) == []


def test_a_process_that_got_the_number_of_a_former_service_is_left_alone(settings: Settings) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(99)"], start_new_session=True)
    try:
        _remember(settings, other.pid, started_at=time.time() - 3600)
        assert running(settings) is None
        assert not stop_airflow(settings)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_taken_port_is_not_used(settings: Settings) -> None:
    from recommenders.runtime.airflow import free_port

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port("127.0.0.1", port) != port
    assert free_port("127.0.0.1", port) == port
