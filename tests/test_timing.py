"""The line that each stage logs, and ages in words."""

import datetime as dt
import logging
import re
from zoneinfo import ZoneInfo

import pytest

from recommenders import timing
from recommenders.timing import Stage, ago, moment

NOW = dt.datetime(2026, 3, 4, 12, tzinfo=dt.UTC)


def test_a_stage_logs_how_much_it_did_in_how_many_seconds_and_how_much_that_is_a_second(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([100.0, 104.0, 200.0, 202.0])
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(clock))
    with caplog.at_level(logging.INFO, logger="recommenders"):
        assert Stage("score").done(25_000, "users") == 4.0
        Stage("drop old events").done(3, "months", "none left")
    assert caplog.messages == [
        "score: 25,000 users in 4.00 s (6,250 users/s)",
        "drop old events: 3 months in 2.00 s (1.50 months/s), none left",
    ]


def test_a_stage_that_takes_no_time_at_all_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="recommenders"):
        Stage("plan").done(0)
    assert re.fullmatch(r"plan: 0 rows in 0\.00 s \(0\.00 rows/s\)", caplog.messages[0])


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        (dt.timedelta(seconds=-30), "just now"),
        (dt.timedelta(seconds=59), "just now"),
        (dt.timedelta(seconds=60), "1 minute ago"),
        (dt.timedelta(minutes=59, seconds=59), "59 minutes ago"),
        (dt.timedelta(hours=1), "1 hour ago"),
        (dt.timedelta(hours=3, minutes=50), "3 hours ago"),
        (dt.timedelta(days=1), "1 day ago"),
        (dt.timedelta(days=55), "55 days ago"),
        (dt.timedelta(days=56), "8 weeks ago"),
        (dt.timedelta(days=-2), "in the future"),
    ],
)
def test_an_age_is_told_in_the_largest_unit_that_it_holds(passed: dt.timedelta, said: str) -> None:
    assert ago(NOW - passed, NOW) == said


def test_a_moment_is_told_as_the_service_s_clocks_show_it() -> None:
    stockholm = ZoneInfo("Europe/Stockholm")
    assert moment(dt.datetime(2026, 3, 29, 0, 59, tzinfo=dt.UTC), stockholm) == "Sun 29 Mar 2026, 01:59 CET"
    assert moment(dt.datetime(2026, 3, 29, 1, 0, tzinfo=dt.UTC), stockholm) == "Sun 29 Mar 2026, 03:00 CEST"
