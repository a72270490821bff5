"""The DAG weekly_report, run by a real Airflow on mixtapes that the DAG monday_playlists published."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.utils.state import DagRunState

from recommenders.playlists.calendar import week_of
from recommenders.settings import Settings
from recommenders.store import Artifacts, Store
from recommenders.store.partitions import ensure_event_months
from recommenders.store.status import service_status
from tests.dags.conftest import RunDag
from tests.playlists.conftest import Service, plant

THIS_WEEK = week_of(dt.datetime.now(dt.UTC), Settings().zone)
LAST_WEEK = THIS_WEEK - dt.timedelta(weeks=1)


@pytest.fixture
def service(store: Store, tmp_path: Path) -> Service:
    """A planted service with a champion of today, and mixtapes of last week that two of twelve users open."""
    planted = Service(store, Artifacts((tmp_path / "home" / "artifacts").as_uri()))
    factors = plant(planted, 3, users=12, tracks=200)
    planted.promote(factors)
    planted.sql("UPDATE models SET cutoff = now() - interval '1 day'")
    lists = planted.lists(planted.run(week=LAST_WEEK))
    earlier = LAST_WEEK - dt.timedelta(weeks=1)
    with store.begin() as connection:
        ensure_event_months(connection, [earlier, LAST_WEEK, LAST_WEEK + dt.timedelta(days=1)])
    planted.event(1, 1, dt.datetime.combine(earlier, dt.time(12), dt.UTC))
    tuesday = dt.datetime.combine(LAST_WEEK + dt.timedelta(days=1), dt.time(12), dt.UTC)
    for user, songs in ((3, 5), (4, 1)):
        for n, song in enumerate(lists[user][:songs]):
            planted.event(user, song, tuesday + dt.timedelta(minutes=n), context=f"mixtape:{LAST_WEEK}", ms=180_000)
    return planted


def test_after_a_monday_both_weeks_are_reported_and_announced(
    service: Service, run_dag: RunDag, asset_events: Callable[[str], list[dict[str, Any]]]
) -> None:
    assert run_dag("monday_playlists").state == DagRunState.SUCCESS
    run = run_dag("weekly_report", {"max_duplicates": 1, "max_fallbacks": 1})
    assert run.state == DagRunState.SUCCESS
    rows = service.sql(
        "SELECT week, complete, figures ->> 'reach', figures ->> 'depth', edition_id, alarms FROM reports ORDER BY week"
    )
    assert [(week, complete) for week, complete, *_ in rows] == [(LAST_WEEK, True), (THIS_WEEK, False)]
    assert float(rows[0][2]) == pytest.approx(2 / 12)
    assert float(rows[0][3]) == 3
    assert [edition for *_, edition, _ in rows] == [1, 2]
    assert asset_events("report") == [
        {"weeks": [LAST_WEEK.isoformat(), THIS_WEEK.isoformat()], "alarms": sum(len(row[-1]) for row in rows)}
    ]
    labels = {task.rendered_map_index for task in run.get_task_instances() if task.task_id == "report"}
    assert labels == {f"week of {LAST_WEEK}", f"week of {THIS_WEEK}"}


def test_it_waits_for_new_mixtapes(dag_bag: Any) -> None:
    dag = dag_bag.dags["weekly_report"]
    assert [asset.name for asset in dag.timetable.asset_condition.objects] == ["playlists"]


def test_any_week_can_be_asked_for_again(service: Service, run_dag: RunDag) -> None:
    for _ in range(2):
        assert run_dag("weekly_report", {"week": LAST_WEEK.isoformat()}).state == DagRunState.SUCCESS
    assert {row[0] for row in service.sql("SELECT week FROM reports")} == {LAST_WEEK}
    assert len({row[0] for row in service.sql("SELECT run_key FROM reports")}) == 2
    assert len(service.sql("SELECT DISTINCT figures, drift FROM reports")) == 1


def test_a_stale_champion_is_told_once_by_monday_and_its_report(service: Service, run_dag: RunDag) -> None:
    service.sql("UPDATE models SET cutoff = now() - interval '30 days'")
    assert run_dag("monday_playlists").state == DagRunState.SUCCESS
    assert run_dag("weekly_report").state == DagRunState.SUCCESS
    said = "The champion model 1 knows nothing of the last 30 days."
    assert service.sql("SELECT :said = ANY (alarms) FROM reports ORDER BY week", said=said)[-1] == (True,)
    with service.store.begin() as connection:
        assert service_status(connection, dt.datetime.now(dt.UTC)).problems.count(said) == 1


def test_a_week_without_mixtapes_is_an_alarm_and_a_service_without_any_ends_the_run(
    store: Store, service: Service, run_dag: RunDag, capfd: pytest.CaptureFixture[str]
) -> None:
    missed = LAST_WEEK - dt.timedelta(weeks=3)
    assert run_dag("weekly_report", {"week": missed.isoformat()}).state == DagRunState.SUCCESS
    assert service.sql("SELECT alarms[1] FROM reports")[0][0].startswith("There are no mixtapes of the week of")
    service.sql("UPDATE weeks SET edition_id = NULL")
    assert run_dag("weekly_report").state == DagRunState.FAILED
    assert "No mixtapes were ever published" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("week", "said"), [("2026-11-18", "the Monday of its week is 2026-11-16"), ("2126-11-18", "has not begun")]
)
def test_a_day_that_is_no_monday_or_lies_ahead_fails_at_once(
    store: Store, run_dag: RunDag, capfd: pytest.CaptureFixture[str], week: str, said: str
) -> None:
    assert run_dag("weekly_report", {"week": week}).state == DagRunState.FAILED
    assert said in capfd.readouterr().out
