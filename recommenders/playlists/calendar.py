"""Weeks and cut-offs: which Monday a run is about, and up to which moment it may know."""

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from recommenders.errors import ConfigurationError

MORNING = dt.time(5)


@dataclass(frozen=True)
class Moment:
    """The Monday that a run is about, what happened before `cutoff` (UTC) is known to it; `past`: that week is over."""

    week: dt.date
    cutoff: dt.datetime
    past: bool


def week_of(moment: dt.datetime, zone: ZoneInfo) -> dt.date:
    """The Monday of the week in which `moment` (aware) lies; weeks begin on Monday 00:00 in `zone`."""
    day = moment.astimezone(zone).date()
    return day - dt.timedelta(days=day.weekday())


def monday_morning(week: dt.date, zone: ZoneInfo) -> dt.datetime:
    """When the scheduled run of that Monday starts: 05:00 in `zone`, as UTC."""
    return dt.datetime.combine(week, MORNING, zone).astimezone(dt.UTC)


def asked_week(text: str) -> dt.date:
    """`text` (YYYY-MM-DD) as a Monday; raises ConfigurationError when it is no date or no Monday."""
    try:
        day = dt.date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"week = {text!r} is not a date; write it as YYYY-MM-DD.") from error
    if day.weekday():
        raise ConfigurationError(
            f"week = {day} is no Monday; the Monday of its week is {day - dt.timedelta(day.weekday())}."
        )
    return day


def resolve_moment(
    week: dt.date | None, *, run_at: dt.datetime, now: dt.datetime, recorded: dt.datetime | None, zone: ZoneInfo
) -> Moment:
    """What a run is about.

    Without `week`: the week of `run_at` (when its schedule or somebody called the run), up to that moment. With it: up
    to the cut-off `recorded` for that week; without a record up to its Monday morning or, for the current week, up to
    `run_at`. Raises ConfigurationError for a week that has not begun at `now`.
    """
    current = week_of(now, zone)
    about = week or week_of(run_at, zone)
    if about > current:
        raise ConfigurationError(f"The week of {about} has not begun; the current week is {current}.")
    cutoff = recorded or monday_morning(about, zone)
    if week is None or (about == current and recorded is None):
        cutoff = run_at
    return Moment(about, cutoff.astimezone(dt.UTC), past=about < current)
