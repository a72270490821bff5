"""The DAG monday_playlists, run by a real Airflow on a planted service."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from airflow.utils.state import DagRunState, TaskInstanceState

from recommenders.playlists.calendar import monday_morning, week_of
from recommenders.settings import Settings
from recommenders.store import Artifacts, Store
from tests.dags.conftest import RunDag
from tests.playlists.conftest import Service, plant
from tests.playlists.test_trial import candidate


@pytest.fixture
def service(store: Store, tmp_path: Path) -> Service:
    """A planted service whose artifacts lie where the DAG looks for them."""
    planted = Service(store, Artifacts((tmp_path / "home" / "artifacts").as_uri()))
    planted.promote(plant(planted, 3, users=12, tracks=150))
    return planted


def _states(run: Any) -> dict[str, set[str]]:
    states: dict[str, set[str]] = {}
    for task in run.get_task_instances():
        states.setdefault(task.task_id, set()).add(task.state)
    return states


def test_a_manual_run_publishes_this_week_and_announces_it(
    service: Service, run_dag: RunDag, asset_events: Callable[[str], list[dict[str, Any]]]
) -> None:
    run = run_dag("monday_playlists")
    assert run.state == DagRunState.SUCCESS
    week = week_of(run.run_after, Settings().zone)
    assert service.sql("SELECT week, cutoff FROM weeks WHERE edition_id > 0") == [(week, run.run_after)]
    assert service.sql("SELECT count(*) FROM current_mixtapes") == [(30 * 12,)]
    assert asset_events("playlists") == [{"edition": 1, "week": week.isoformat()}]
    labels = {task.rendered_map_index for task in run.get_task_instances() if task.task_id == "finish"}
    assert labels == {"users 1 to 3", "users 4 to 6", "users 7 to 9", "users 10 to 12"}


def test_a_past_week_is_published_as_its_own_and_announced_to_nobody(
    service: Service, run_dag: RunDag, asset_events: Callable[[str], list[dict[str, Any]]]
) -> None:
    week = week_of(dt.datetime.now(dt.UTC), Settings().zone) - dt.timedelta(days=14)
    run = run_dag("monday_playlists", {"week": week.isoformat()})
    assert run.state == DagRunState.SUCCESS
    assert service.sql("SELECT week, cutoff FROM weeks") == [(week, monday_morning(week, Settings().zone))]
    assert _states(run)["announce"] == {TaskInstanceState.SKIPPED}
    assert not asset_events("playlists")


def test_a_dry_run_is_kept_and_not_published(service: Service, run_dag: RunDag) -> None:
    run = run_dag("monday_playlists", {"dry_run": True})
    assert run.state == DagRunState.SUCCESS
    assert service.sql("SELECT state, dry_run FROM editions") == [("dry_run", True)]
    assert service.sql("SELECT count(*) FROM current_mixtapes") == [(0,)]


def test_a_trial_is_started_with_its_params_and_one_that_cannot_be_fails_at_once(
    service: Service, run_dag: RunDag, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_dag("monday_playlists", {"trial_model": 77}).state == DagRunState.FAILED
    assert "There is no model 77" in capfd.readouterr().out
    assert service.sql("SELECT count(*) FROM editions") == [(0,)]
    tried = candidate(service, np.random.default_rng(1).normal(size=(150, 8)))
    run = run_dag("monday_playlists", {"trial_model": tried, "trial_share": 0.6})
    assert run.state == DagRunState.SUCCESS
    assert service.sql("SELECT state, trial_model_id, trial_share FROM editions") == [("published", tried, 0.6)]
    sides = dict(service.sql("SELECT team, count(*) FROM playlists, unnest(teams) AS team GROUP BY 1"))
    assert set(sides) == {1, 2} and sum(sides.values()) < 30 * 12


def test_a_day_that_is_no_monday_fails_at_once_and_names_the_monday(
    service: Service, run_dag: RunDag, capfd: pytest.CaptureFixture[str]
) -> None:
    run = run_dag("monday_playlists", {"week": "2026-11-18"})
    assert run.state == DagRunState.FAILED
    assert "the Monday of its week is 2026-11-16" in capfd.readouterr().out
    assert service.sql("SELECT count(*) FROM editions") == [(0,)]
