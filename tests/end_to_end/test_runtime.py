"""The running Airflow through its REST API: runs, failures and their logs, a second `mixtape up`."""

from recommenders.runtime.airflow import Service, running
from recommenders.runtime.api import RunState
from recommenders.runtime.demo import failure, watch
from recommenders.settings import PROJECT_ROOT
from tests.end_to_end.conftest import RunningService


def test_every_dag_is_known_and_none_fails_to_import(service: RunningService) -> None:
    for file in (PROJECT_ROOT / "dags").glob("[a-z]*.py"):
        service.api.wait_for_dag(file.stem)
    assert service.api.import_errors() == {}


def test_a_second_up_finds_what_runs(service: RunningService) -> None:
    before = running(service.settings)
    done = service.mixtape_command("up")
    assert done.returncode == 0, done.stderr
    assert service.url in done.stdout and service.passwords["admin"] in done.stdout
    after = running(service.settings)
    assert isinstance(before, Service) and after == before


def test_a_night_of_housekeeping_succeeds(service: RunningService) -> None:
    seen: list[RunState] = []
    run = watch(service.api, "housekeeping", service.api.trigger("housekeeping"), lambda state, _: seen.append(state))
    assert run.state == "success"
    assert run.done == len(run.tasks) == 5
    assert [state.done for state in seen] == sorted(state.done for state in seen)
    assert all(task.duration_s is not None for task in run.tasks)


def test_a_failed_run_names_its_task_and_shows_the_error_and_where_to_look(service: RunningService) -> None:
    run = watch(
        service.api,
        "monday_playlists",
        service.api.trigger("monday_playlists", {"week": "2026-03-04"}),
        lambda state, elapsed_s: None,
    )
    assert run.state == "failed"
    said = failure(service.api, run)
    assert "The run of monday_playlists has failed." in said
    assert "Task plan, try 1" in said
    assert "2026-03-02" in said  # the Monday of that week
    assert f"{service.url}/dags/monday_playlists/runs/{run.run_id}" in said
