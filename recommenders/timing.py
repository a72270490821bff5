"""How long things take, and how old they are: the log's line for each stage, and ages in words."""

import datetime as dt
import logging
import time

log = logging.getLogger(__name__)

_UNITS = [
    ("week", dt.timedelta(weeks=1)),
    ("day", dt.timedelta(days=1)),
    ("hour", dt.timedelta(hours=1)),
    ("minute", dt.timedelta(minutes=1)),
]
_WEEKS_FROM = dt.timedelta(weeks=8)  # below it days say more


class Stage:
    """One stage of a run: made when it begins, `done` when it ends. Every stage of every DAG logs itself this way."""

    def __init__(self, name: str) -> None:
        self.name, self._start = name, time.perf_counter()

    def done(self, count: int, unit: str = "rows", note: str = "") -> float:
        """Log how many `unit` the stage did, in how many seconds, and how many that is a second; return the seconds."""
        seconds = time.perf_counter() - self._start
        rate = count / max(seconds, 1e-6)
        log.info(
            "%s: %s %s in %.2f s (%s %s/s)%s",
            self.name,
            f"{count:,}",
            unit,
            seconds,
            f"{rate:,.0f}" if rate >= 10 else f"{rate:.2f}",
            unit,
            f", {note}" if note else "",
        )
        return seconds


def duration(passed: dt.timedelta) -> str:
    """`passed` in words, in the largest unit that it holds once, rounded down: 3 hours, 9 days."""
    for name, unit in _UNITS:
        if passed >= unit and (name != "week" or passed >= _WEEKS_FROM):
            return f"{passed // unit} {name}{'s' if passed >= 2 * unit else ''}"
    return "less than a minute"


def moment(when: dt.datetime, zone: dt.tzinfo) -> str:
    """A moment as clocks in `zone` show it: Mon 23 Nov 2026, 05:03 CET."""
    local = when.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M %Z}"


def ago(when: dt.datetime, now: dt.datetime) -> str:
    """How long before `now` the moment `when` was: 3 hours ago, just now."""
    passed = now - when
    if passed >= dt.timedelta(minutes=1):
        return f"{duration(passed)} ago"
    return "just now" if passed > -dt.timedelta(minutes=1) else "in the future"
