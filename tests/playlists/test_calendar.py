"""Which Monday a run is about, also where clocks change."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from recommenders.errors import ConfigurationError
from recommenders.playlists.calendar import asked_week, monday_morning, resolve_moment, week_of

STOCKHOLM = ZoneInfo("Europe/Stockholm")
UTC = ZoneInfo("UTC")


def _utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("moment", "zone", "monday"),
    [
        ("2026-11-22T23:30", "UTC", "2026-11-16"),
        ("2026-11-22T23:30", "Europe/Stockholm", "2026-11-23"),  # already Monday there
        ("2026-11-23T04:00", "America/Los_Angeles", "2026-11-16"),  # still Sunday there
        ("2027-01-01T12:00", "UTC", "2026-12-28"),  # the week of the year's end
        ("2028-03-01T12:00", "UTC", "2028-02-28"),  # a week with a leap day
    ],
)
def test_a_week_begins_on_monday_in_the_service_s_own_zone(moment: str, zone: str, monday: str) -> None:
    assert week_of(_utc(moment), ZoneInfo(zone)).isoformat() == monday


@pytest.mark.parametrize(
    ("monday", "utc"),
    [("2026-03-23", "2026-03-23T04:00"), ("2026-03-30", "2026-03-30T03:00"), ("2026-10-26", "2026-10-26T04:00")],
)
def test_five_o_clock_stays_five_o_clock_when_summer_time_begins_and_ends(monday: str, utc: str) -> None:
    assert monday_morning(dt.date.fromisoformat(monday), STOCKHOLM) == _utc(utc)


def test_without_a_week_a_run_is_about_its_own_week_and_knows_all_until_then() -> None:
    at = _utc("2026-11-25T15:00")
    moment = resolve_moment(None, run_at=at, now=at, recorded=None, zone=UTC)
    assert (moment.week.isoformat(), moment.cutoff, moment.past) == ("2026-11-23", at, False)


def test_a_redo_of_this_week_uses_the_recorded_cut_off() -> None:
    at, recorded = _utc("2026-11-25T15:00"), _utc("2026-11-23T05:00")
    moment = resolve_moment(dt.date(2026, 11, 23), run_at=at, now=at, recorded=recorded, zone=UTC)
    assert (moment.cutoff, moment.past) == (recorded, False)


def test_a_missed_week_ends_at_its_monday_morning() -> None:
    at = _utc("2026-11-25T15:00")
    moment = resolve_moment(dt.date(2026, 10, 26), run_at=at, now=at, recorded=None, zone=STOCKHOLM)
    assert (moment.cutoff, moment.past) == (_utc("2026-10-26T04:00"), True)


def test_a_backfilled_run_is_past_though_its_own_moment_is_its_week() -> None:
    moment = resolve_moment(
        None, run_at=_utc("2026-11-02T05:00"), now=_utc("2026-11-25T15:00"), recorded=None, zone=UTC
    )
    assert (moment.week.isoformat(), moment.past) == ("2026-11-02", True)


def test_a_week_to_come_and_a_day_that_is_no_monday_are_refused() -> None:
    at = _utc("2026-11-25T15:00")
    with pytest.raises(ConfigurationError, match="has not begun"):
        resolve_moment(dt.date(2026, 11, 30), run_at=at, now=at, recorded=None, zone=UTC)
    with pytest.raises(ConfigurationError, match="the Monday of its week is 2026-11-23"):
        asked_week("2026-11-25")
    with pytest.raises(ConfigurationError, match="YYYY-MM-DD"):
        asked_week("next week")
