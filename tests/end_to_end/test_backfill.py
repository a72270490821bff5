"""Three past Mondays made up for by a real backfill, whose runs Airflow starts all at once."""

import datetime as dt
import time
from collections.abc import Sequence
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from recommenders.playlists.calendar import monday_morning, week_of
from tests.end_to_end.conftest import RunningService

FINISHED_WITHIN_S = 900
LISTS = """
    SELECT p.week, p.user_id, md5(CAST((p.track_ids, p.scores, p.sources, p.reason_codes, p.reason_ids, p.bends,
                                        p.short_reason) AS text))
    FROM weeks w JOIN playlists p ON p.week = w.week AND p.edition_id = w.edition_id
    WHERE p.week = ANY (:weeks) ORDER BY p.week, p.user_id
"""
AGAIN = """
    SELECT count(*) FROM (SELECT FROM playlist_tracks p JOIN weeks w USING (week, edition_id) JOIN tracks t
                          USING (track_id) GROUP BY user_id, work_id HAVING count(*) > 1) AS given_again
"""


class Airflow:
    """What these tests ask of Airflow's REST API."""

    def __init__(self, service: RunningService) -> None:
        self.url, self.session = f"{service.url}/api/v2", requests.Session()
        login = {"username": "admin", "password": service.passwords["admin"]}
        token = requests.post(f"{service.url}/auth/token", json=login, timeout=60).json()["access_token"]
        self.session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **params: Any) -> Any:
        """The answer to a GET."""
        answer = self.session.get(f"{self.url}/{path}", params=params, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def backfill(self, first: dt.date, last: dt.date, again: bool = False) -> list[dict[str, Any]]:
        """Backfill from the day before `first` to the day after `last`; its runs, when no run is left to finish."""
        day = dt.timedelta(days=1)
        asked = {
            "dag_id": "monday_playlists",
            "from_date": f"{first - day}T00:00:00Z",
            "to_date": f"{last + day}T00:00:00Z",
            "max_active_runs": 10,  # Airflow's own default
            "reprocess_behavior": "completed" if again else "none",
        }
        started = self.session.post(f"{self.url}/backfills", json=asked, timeout=60)
        started.raise_for_status()
        deadline = time.monotonic() + FINISHED_WITHIN_S
        while time.monotonic() < deadline:
            time.sleep(1)
            over = self.get(f"backfills/{started.json()['id']}")["completed_at"]  # until then no other may begin
            runs = self.get("dags/monday_playlists/dagRuns", limit=100)["dag_runs"]
            if over and {run["state"] for run in runs} <= {"success", "failed"}:
                return [run for run in runs if run["run_type"] == "backfill"]
        raise AssertionError(f"The backfill is not over after {FINISHED_WITHIN_S} s.")

    def announcements(self) -> int:
        """How often mixtapes were announced."""
        events = self.get("assets/events", limit=100)["asset_events"]
        return sum(event["source_dag_id"] == "monday_playlists" for event in events)


def _rows(service: RunningService, query: str, **values: Any) -> Sequence[tuple]:
    with service.store.begin() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query), values)]


@pytest.mark.endurance
@pytest.mark.timeout(2000)
def test_three_past_mondays_go_one_after_another_and_readers_notice_nothing(service: RunningService) -> None:
    airflow, zone = Airflow(service), service.settings.zone
    this_week = week_of(dt.datetime.now(dt.UTC), zone)
    weeks = [this_week - dt.timedelta(days=7 * back) for back in (5, 4, 3)]
    served = "SELECT * FROM current_mixtapes ORDER BY user_id, position"
    before, announced = _rows(service, served), airflow.announcements()

    runs = airflow.backfill(weeks[0], weeks[-1])
    assert [run["state"] for run in runs] == ["success"] * 3
    editions = _rows(
        service,
        "SELECT week, w.cutoff, e.model_id, e.warnings FROM weeks w JOIN editions e USING (week, edition_id) "
        "WHERE week = ANY (:weeks) ORDER BY e.created_at",
        weeks=weeks,
    )
    assert [(week, cutoff) for week, cutoff, *_ in editions] == [(week, monday_morning(week, zone)) for week in weeks]
    assert all("No model was champion" in warnings[0] for *_, warnings in editions)
    assert _rows(service, AGAIN) == [(0,)], "no song twice in the weeks around"
    heard = """SELECT count(*) FROM playlist_tracks p JOIN weeks w USING (week, edition_id)
               JOIN tracks t USING (track_id) JOIN tracks v USING (work_id)
               JOIN heard h ON h.user_id = p.user_id AND h.track_id = v.track_id
               WHERE week = ANY (:weeks) AND h.first_at """
    assert _rows(service, f"{heard} < w.cutoff", weeks=weeks) == [(0,)]
    assert _rows(service, f"{heard} >= w.cutoff", weeks=weeks)[0][0] > 100, "what was first heard later is not known"
    assert _rows(service, served) == before
    assert airflow.announcements() == announced

    made = _rows(service, LISTS, weeks=weeks)
    assert len(made) > 1000
    airflow.backfill(weeks[1], weeks[1], again=True)
    assert _rows(service, "SELECT count(*) FROM editions WHERE week = :week", week=weeks[1]) == [(2,)]
    assert _rows(service, LISTS, weeks=weeks) == made
    assert _rows(service, served) == before
    assert airflow.announcements() == announced
