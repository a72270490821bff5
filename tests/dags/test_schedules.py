"""When the DAGs run: once each Monday and once each Sunday, in any time zone, over every change of the clocks."""

import datetime as dt
import itertools
import json
import runpy
from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import TimeRestriction

from recommenders.playlists.calendar import monday_morning, resolve_moment, week_of
from recommenders.settings import PROJECT_ROOT, Settings

ZONES = [
    "UTC",
    "Europe/Stockholm",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",  # its clocks change by half an hour
    "Pacific/Auckland",
    "Pacific/Kiritimati",  # 14 hours ahead of UTC
]
TEN_YEARS = (dt.datetime(2024, 1, 3, tzinfo=dt.UTC), dt.datetime(2034, 1, 2, tzinfo=dt.UTC))

# 05:00 of each Monday as UTC, by hand from the published rules: summer time is UTC+2 in Stockholm from the last Sunday
# of March to the last of October, UTC-4 in New York from the second of March to the first of November, UTC+13 in
# Auckland from the last of September to the first of April, UTC+11 on Lord Howe from the first of October to the first
# of April (else UTC+10:30).
MONDAYS = {
    "UTC": {"2016-02-29": "2016-02-29T05:00", "2024-12-30": "2024-12-30T05:00", "2027-01-04": "2027-01-04T05:00"},
    "Europe/Stockholm": {
        "2016-02-29": "2016-02-29T04:00",
        "2024-12-30": "2024-12-30T04:00",
        "2026-03-23": "2026-03-23T04:00",
        "2026-03-30": "2026-03-30T03:00",
        "2026-10-19": "2026-10-19T03:00",
        "2026-10-26": "2026-10-26T04:00",
        "2026-12-28": "2026-12-28T04:00",
        "2027-01-04": "2027-01-04T04:00",
        "2028-02-28": "2028-02-28T04:00",
        "2028-03-06": "2028-03-06T04:00",
    },
    "America/New_York": {
        "2016-02-29": "2016-02-29T10:00",
        "2026-03-02": "2026-03-02T10:00",
        "2026-03-09": "2026-03-09T09:00",
        "2026-10-26": "2026-10-26T09:00",
        "2026-11-02": "2026-11-02T10:00",
        "2027-01-04": "2027-01-04T10:00",
    },
    "Asia/Kolkata": {"2026-11-23": "2026-11-22T23:30", "2028-02-28": "2028-02-27T23:30"},
    "Australia/Lord_Howe": {
        "2026-03-30": "2026-03-29T18:00",
        "2026-04-06": "2026-04-05T18:30",
        "2026-09-28": "2026-09-27T18:30",
        "2026-10-05": "2026-10-04T18:00",
    },
    "Pacific/Auckland": {
        "2024-12-30": "2024-12-29T16:00",
        "2026-03-30": "2026-03-29T16:00",
        "2026-04-06": "2026-04-05T17:00",
        "2026-09-21": "2026-09-20T17:00",
        "2026-09-28": "2026-09-27T16:00",
        "2026-12-28": "2026-12-27T16:00",
    },
    "Pacific/Kiritimati": {
        "2016-02-29": "2016-02-28T15:00",
        "2026-12-28": "2026-12-27T15:00",
        "2027-01-04": "2027-01-03T15:00",
    },
}

# 02:30 of each Sunday as UTC. Where clocks go forward over it, it is an hour later on them; where they go back over it,
# it is the second of the two.
SUNDAYS = {
    "Europe/Stockholm": {
        "2026-03-22": "2026-03-22T01:30",
        "2026-03-29": "2026-03-29T01:30",  # there is no 02:30: it is 03:30 summer time
        "2026-04-05": "2026-04-05T00:30",
        "2026-10-18": "2026-10-18T00:30",
        "2026-10-25": "2026-10-25T01:30",  # the second 02:30, winter time
        "2026-11-01": "2026-11-01T01:30",
        "2032-02-29": "2032-02-29T01:30",  # a leap day that is a Sunday
    },
    "America/New_York": {
        "2026-03-01": "2026-03-01T07:30",
        "2026-03-08": "2026-03-08T07:30",  # there is no 02:30: it is 03:30 summer time
        "2026-03-15": "2026-03-15T06:30",
        "2026-10-25": "2026-10-25T06:30",
        "2026-11-01": "2026-11-01T07:30",  # 01:30 is there twice, 02:30 once
    },
    "Asia/Kolkata": {"2026-11-22": "2026-11-21T21:00"},
    "Australia/Lord_Howe": {
        "2026-04-05": "2026-04-04T16:00",
        "2026-09-27": "2026-09-26T16:00",
        "2026-10-04": "2026-10-03T15:30",  # the moment to which clocks are put forward
    },
    "Pacific/Auckland": {
        "2026-04-05": "2026-04-04T14:30",  # the second 02:30
        "2026-09-27": "2026-09-26T14:30",  # there is no 02:30: it is 03:30 summer time
    },
    "Pacific/Kiritimati": {"2027-01-03": "2027-01-02T12:30"},
}

Schedule = Callable[[str, str], Any]


@pytest.fixture
def schedule(monkeypatch: pytest.MonkeyPatch) -> Schedule:
    """`schedule(dag_id, zone)`: the DAG as the scheduler reads it, of a service in that time zone."""

    def read(dag_id: str, zone: str) -> Any:
        monkeypatch.setattr("dags.common.defaults.SETTINGS", Settings(timezone=zone))
        dag = runpy.run_path(str(PROJECT_ROOT / "dags" / f"{dag_id}.py"))[dag_id]()
        return DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))

    return read


def _utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def _table(table: dict[str, dict[str, str]]) -> Iterator[tuple[str, dt.date, dt.datetime]]:
    for zone, days in table.items():
        for day, utc in days.items():
            yield zone, dt.date.fromisoformat(day), _utc(utc)


def _backfilled(dag: Any, first: dt.datetime, last: dt.datetime) -> list[Any]:
    return list(dag.iter_dagrun_infos_between(first, last))


def _scheduled(
    dag: Any, first: dt.datetime, last: dt.datetime, step: dt.timedelta, monkeypatch: pytest.MonkeyPatch
) -> list[dt.datetime]:
    """What a scheduler runs that looks every `step`, and asks anew each time, as after a restart."""
    runs = _backfilled(dag, first - dt.timedelta(days=8), first)[-1:]
    restriction = TimeRestriction(None, None, catchup=False)
    for now in itertools.takewhile(lambda now: now <= last, (first + n * step for n in itertools.count())):
        monkeypatch.setattr("airflow.timetables.trigger.utcnow", lambda now=now: now)
        due = dag.timetable.next_dagrun_info(
            last_automated_data_interval=runs[-1].data_interval, restriction=restriction
        )
        if due.run_after <= now:
            runs.append(due)
    return [run.run_after for run in runs[1:]]


@pytest.mark.parametrize(("zone", "monday", "utc"), _table(MONDAYS))
def test_monday_mixtapes_run_at_five_o_clock_of_the_service(
    schedule: Schedule, zone: str, monday: dt.date, utc: dt.datetime
) -> None:
    day = dt.timedelta(days=1)
    (run,) = _backfilled(schedule("monday_playlists", zone), utc - day, utc + day)
    assert run.run_after == run.data_interval.end == utc
    assert monday_morning(monday, ZoneInfo(zone)) == utc
    assert week_of(utc, ZoneInfo(zone)) == monday


@pytest.mark.parametrize(("zone", "sunday", "utc"), _table(SUNDAYS))
def test_the_retraining_runs_once_on_a_sunday_also_when_clocks_change(
    schedule: Schedule, zone: str, sunday: dt.date, utc: dt.datetime
) -> None:
    midnight = dt.datetime.combine(sunday, dt.time(), ZoneInfo(zone))
    next_midnight = dt.datetime.combine(sunday + dt.timedelta(days=1), dt.time(), ZoneInfo(zone))
    (run,) = _backfilled(schedule("retrain_collaborative", zone), midnight, next_midnight)
    assert run.run_after == run.data_interval.end == utc


@pytest.mark.parametrize("zone", ZONES)
def test_ten_years_have_one_run_for_each_week_on_its_monday(
    schedule: Schedule, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    dag, local = schedule("monday_playlists", zone), ZoneInfo(zone)
    runs = _scheduled(dag, *TEN_YEARS, dt.timedelta(hours=60), monkeypatch)
    assert runs == [run.run_after for run in _backfilled(dag, runs[0], runs[-1])], "a backfill has the same Mondays"
    clocks = [run.astimezone(local) for run in runs]
    assert {(clock.weekday(), clock.time()) for clock in clocks} == {(0, dt.time(5))}
    moments = [resolve_moment(None, run_at=run, now=run, recorded=None, zone=local) for run in runs]
    weeks = [moment.week for moment in moments]
    assert weeks == [clock.date() for clock in clocks]
    assert {(later - earlier).days for earlier, later in itertools.pairwise(weeks)} == {7}
    assert len({week.isocalendar()[:2] for week in weeks}) == len(weeks) >= 520
    assert all(earlier.cutoff < later.cutoff for earlier, later in itertools.pairwise(moments))


@pytest.mark.parametrize("zone", ZONES)
def test_ten_years_have_one_retraining_each_sunday(
    schedule: Schedule, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    dag, local = schedule("retrain_collaborative", zone), ZoneInfo(zone)
    runs = _scheduled(dag, *TEN_YEARS, dt.timedelta(hours=60), monkeypatch)
    clocks = [run.astimezone(local) for run in runs]
    assert {(later.date() - earlier.date()).days for earlier, later in itertools.pairwise(clocks)} == {7}
    assert {clock.weekday() for clock in clocks} == {6}
    assert {clock.time() for clock in clocks} <= {dt.time(2, 30), dt.time(3, 30)}
    assert len(clocks) >= 520


@pytest.mark.parametrize("dag_id", ["monday_playlists", "retrain_collaborative"])
@pytest.mark.parametrize(
    ("zone", "sunday"),
    [
        ("Europe/Stockholm", "2026-03-29"),
        ("Europe/Stockholm", "2026-10-25"),
        ("America/New_York", "2026-03-08"),
        ("America/New_York", "2026-11-01"),
        ("Australia/Lord_Howe", "2026-04-05"),
        ("Australia/Lord_Howe", "2026-10-04"),
        ("Pacific/Auckland", "2026-04-05"),
        ("Pacific/Auckland", "2026-09-27"),
    ],
)
def test_a_scheduler_that_is_restarted_all_weekend_runs_each_once(
    schedule: Schedule, monkeypatch: pytest.MonkeyPatch, dag_id: str, zone: str, sunday: str
) -> None:
    dag, noon = schedule(dag_id, zone), _utc(sunday) + dt.timedelta(hours=12)
    two_days, ten_minutes = dt.timedelta(days=2), dt.timedelta(minutes=10)
    runs = _scheduled(dag, noon - two_days, noon + two_days, ten_minutes, monkeypatch)
    days = [run.astimezone(ZoneInfo(zone)).date() for run in runs]
    assert days == [dt.date.fromisoformat(sunday) + dt.timedelta(days=dag_id == "monday_playlists")]
