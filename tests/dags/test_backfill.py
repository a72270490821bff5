"""Three past Mondays around the end of summer time, made up for by the DAG monday_playlists."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.utils.state import DagRunState, TaskInstanceState

from recommenders.store import Artifacts, Store
from tests.dags.conftest import RunDag
from tests.playlists.conftest import Service, plant

# 05:00 in Stockholm, where summer time ended on 27 October 2024 at 01:00 UTC.
MONDAYS = {
    dt.date(2024, 10, 21): dt.datetime(2024, 10, 21, 3, tzinfo=dt.UTC),
    dt.date(2024, 10, 28): dt.datetime(2024, 10, 28, 4, tzinfo=dt.UTC),
    dt.date(2024, 11, 4): dt.datetime(2024, 11, 4, 4, tzinfo=dt.UTC),
}
BEFORE, AT_THE_CHANGE, AFTER = MONDAYS
SERVED = dt.date(2024, 11, 25)
HALF_AN_HOUR = dt.timedelta(minutes=30)

Backfill = Callable[..., None]


@pytest.fixture
def service(store: Store, tmp_path: Path) -> Service:
    """A planted service with two champions, the first from 26 October, the second from 1 November, and a week out."""
    planted = Service(store, Artifacts((tmp_path / "home" / "artifacts").as_uri()))
    factors = plant(planted, 3, users=12, tracks=200)
    planted.promote(factors)
    planted.promote(factors[::-1])
    planted.sql("UPDATE models SET promoted_at = '2024-10-26', retired_at = '2024-11-01' WHERE model_id = 1")
    planted.sql("UPDATE models SET promoted_at = '2024-11-01' WHERE model_id = 2")
    planted.sql("CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')")
    planted.run(week=SERVED, run_key="served")
    return planted


@pytest.fixture
def backfill(run_dag: RunDag, monkeypatch: pytest.MonkeyPatch) -> Backfill:
    """Runs the DAG as of these Mondays, all three by default, for a service in Stockholm."""
    monkeypatch.setenv("MIXTAPE_TIMEZONE", "Europe/Stockholm")

    def run(*weeks: dt.date) -> None:
        for week in weeks or MONDAYS:
            done = run_dag("monday_playlists", run_after=MONDAYS[week], logical_date=MONDAYS[week])
            assert done.state == DagRunState.SUCCESS
            assert done.get_task_instance("announce").state == TaskInstanceState.SKIPPED

    return run


def _lists(service: Service) -> dict[dt.date, list[tuple]]:
    """Every byte of what is published, by week."""
    rows = service.sql("""
        SELECT p.week, user_id, track_ids, scores, sources, reason_codes, reason_ids, bends, short_reason
        FROM weeks w JOIN playlists p ON p.week = w.week AND p.edition_id = w.edition_id ORDER BY p.week, user_id
    """)
    return {week: [row for row in rows if row[0] == week] for week in dict.fromkeys(row[0] for row in rows)}


def _songs(service: Service, week: dt.date, user: int) -> list[int]:
    return next(row[2] for row in _lists(service)[week] if row[1] == user)


def test_past_mondays_are_made_up_for_and_readers_notice_nothing(
    service: Service, backfill: Backfill, asset_events: Callable[[str], list[dict[str, Any]]]
) -> None:
    current = "SELECT * FROM current_mixtapes ORDER BY user_id, position"
    read_before = service.sql(current)
    backfill()
    assert service.sql("SELECT week, cutoff FROM weeks WHERE edition_id > 1 ORDER BY week") == list(MONDAYS.items())
    made = service.sql("SELECT model_id, warnings FROM editions WHERE week <> :served ORDER BY week", served=SERVED)
    assert [model for model, _ in made] == [1, 1, 2], "the champion of that moment, else the oldest"
    assert [sum("No model was champion" in warning for warning in warnings) for _, warnings in made] == [1, 0, 0]
    assert {len(lists) for lists in _lists(service).values()} == {12}
    assert asset_events("playlists") == []
    assert len(read_before) > 300 and service.sql(current) == read_before
    given = service.sql("""
        SELECT count(*) FROM playlist_tracks p JOIN weeks w USING (week, edition_id) JOIN tracks t USING (track_id)
        GROUP BY user_id, work_id ORDER BY 1 DESC LIMIT 1
    """)
    assert given == [(1,)], "no song twice in the weeks around"


def test_a_backfill_knows_what_was_played_until_five_and_gives_the_same_bytes_again(
    service: Service, backfill: Backfill
) -> None:
    backfill()
    made, listener = _lists(service), service.users[5]
    for week in MONDAYS:
        for track in _songs(service, week, listener)[:5]:
            service.event(listener, track, MONDAYS[AFTER] + HALF_AN_HOUR)
    backfill()
    assert _lists(service) == made, "a later play is not known, and the same work gives the same bytes"
    before_five, after_five = _songs(service, AT_THE_CHANGE, listener)[10:12]
    service.event(listener, before_five, MONDAYS[AT_THE_CHANGE] - HALF_AN_HOUR)
    service.event(listener, after_five, MONDAYS[AT_THE_CHANGE] + HALF_AN_HOUR)
    backfill(AT_THE_CHANGE)
    songs = _songs(service, AT_THE_CHANGE, listener)
    assert len(songs) == 30 and before_five not in songs and after_five in songs
