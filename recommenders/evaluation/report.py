"""The weekly report: what a week's mixtapes held, what listeners did with them, what changed, who wins a trial."""

import datetime as dt
import logging
from collections.abc import Iterable, Sequence
from statistics import mean
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from recommenders.errors import NotEnoughDataError
from recommenders.evaluation.alarms import alarms, own_sources
from recommenders.evaluation.repeats import Repeats, count_repeats
from recommenders.evaluation.report_parameters import ReportParameters
from recommenders.playlists.calendar import monday_morning
from recommenders.store import Store, mixtapes, models, reports
from recommenders.store.housekeeping import first_month_kept
from recommenders.store.mixtapes import Edition
from recommenders.store.reports import FIGURES, Given, Report, Taken, Window
from recommenders.timing import Stage

log = logging.getLogger(__name__)

Figures = dict[str, Any]

WEEKS_BEFORE = 4  # that a week is compared with


class Week(NamedTuple):
    """A Monday, the window in which events count for its mixtapes, and whether the week was over by then."""

    monday: dt.date
    window: Window
    complete: bool


def week_until(monday: dt.date, at: dt.datetime, zone: ZoneInfo) -> Week:
    """The week of `monday` (00:00 in `zone`) as far as it had come at `at`: at most until the next mixtapes come."""
    since = dt.datetime.combine(monday, dt.time(), zone).astimezone(dt.UTC)
    end = monday_morning(monday + dt.timedelta(weeks=1), zone)
    return Week(monday, Window(since, max(since, min(at, end)).astimezone(dt.UTC)), at >= end)


def earlier(week: Week, n_weeks: int, zone: ZoneInfo) -> Week:
    """The week `n_weeks` before, as far as it had come at the same time of the week, by the clocks of `zone`."""
    passed = dt.timedelta(weeks=n_weeks)
    return week_until(week.monday - passed, week.window.until.astimezone(zone) - passed, zone)


def weeks_of_run(store: Store, asked: dt.date | None) -> list[dt.date]:
    """The Mondays that a run reports on: the one asked for, else the newest published and the one before it.

    Raises NotEnoughDataError where nothing was ever published.
    """
    with store.begin() as connection:
        weeks = [asked] if asked else reports.weeks_to_report(connection)
    if not weeks:
        raise NotEnoughDataError("No mixtapes were ever published: trigger the DAG monday_playlists first.")
    return weeks


def report_week(
    store: Store,
    monday: dt.date,
    parameters: ReportParameters,
    *,
    run_key: str,
    at: dt.datetime,
    now: dt.datetime,
    zone: ZoneInfo,
    retention_months: int | None = None,
) -> Report:
    """Report on the mixtapes of `monday` as of the moment `at`, and store it: one row a week and run.

    Weeks whose events `retention_months` may have dropped by `now` have no figures of listening.
    """
    stage = Stage("report")
    kept = first_month_kept(now.date(), retention_months)
    with store.begin() as connection:
        weeks = [earlier(week_until(monday, at, zone), n, zone) for n in range(WEEKS_BEFORE + 1)]
        figures, *before = _read(connection, weeks, parameters, zone, kept)
        week, edition = weeks[0], figures.pop("edition_id")
        drifts = drift(figures, [each for each in before if each["mixtapes"]])
        report = Report(
            week=monday,
            run_key=run_key,
            edition_id=edition,
            until=week.window.until,
            complete=week.complete,
            figures=figures,
            drift=drifts,
            alarms=alarms(monday, figures, drifts, parameters),
            made_at=now,
        )
        reports.save_report(connection, report)
    stage.done(figures["mixtapes"], "mixtapes", f"{len(report.alarms)} alarms")
    for alarm in report.alarms:
        log.warning(alarm)
    return report


def _read(
    connection: sa.Connection,
    weeks: Sequence[Week],
    parameters: ReportParameters,
    zone: ZoneInfo,
    kept: dt.date | None,
) -> list[Figures]:
    """The figures of each week, with the edition that they are about; events are there from the day `kept` on."""
    mondays, within = [week.monday for week in weeks], parameters.repeat_weeks
    served = reports.editions_served(connection, min(mondays) - dt.timedelta(weeks=within), max(mondays), zone)
    editions = {week: edition_id for week, (edition_id, _) in served.items()}
    again = count_repeats(connection, editions, mondays, within, max(week.window.until for week in weeks))
    found = []
    for week in weeks:
        edition_id, in_time = served.get(week.monday, (None, False))
        if edition_id is None:
            found.append({"edition_id": None, "mixtapes": 0, "published": False})
            continue
        edition = mixtapes.edition(connection, edition_id)
        figures = given_figures(reports.count_given(connection, edition), again[week.monday])
        if in_time and (kept is None or kept <= week.window.since.date()):
            before = week_until(week.monday - dt.timedelta(weeks=1), week.window.until, zone).window
            taken = reports.count_taken(connection, edition, week.window, before)
            figures |= taken_figures(taken, figures["mixtapes"])
            if week == weeks[0] and edition.trial_model_id is not None:
                from recommenders.evaluation.trials import trial_figures

                figures["trial"] = trial_figures(connection, edition, week.window, complete=week.complete)
        found.append(figures | _made(connection, edition) | {"published": True, "complete": week.complete})
    return found


def _made(connection: sa.Connection, edition: Edition) -> Figures:
    """How an edition came about."""
    champion = models.model(connection, edition.model_id) if edition.model_id else None
    return {
        "edition_id": edition.edition_id,
        "model_id": edition.model_id,
        "model_age_days": (edition.cutoff - champion.cutoff) / dt.timedelta(days=1) if champion else None,
    }


def given_figures(given: Given, again: Repeats) -> Figures:
    """The figures of what the mixtapes held."""
    own = own_sources()
    fallbacks = sum(n for source, n in given.by_source.items() if source not in own)
    return {
        "users": given.users,
        "mixtapes": given.mixtapes,
        "songs": given.n_songs,
        "empty": given.empty,
        "short": given.short,
        "duplicates": _share(given.alike, given.mixtapes),
        "repeated_songs": _share(again.songs, again.returning),
        "repeated_artists": _share(again.artists, again.returning),
        "freshness": _share(given.fresh, given.n_songs),
        "coverage": _share(given.n_tracks, max(given.catalogue, given.n_tracks)),
        "gini": exposure_gini(given),
        "fallbacks": _share(fallbacks, given.n_songs),
        "sources": {source: n / given.n_songs for source, n in given.by_source.items()},
    }


def taken_figures(taken: Taken, n_mixtapes: int) -> Figures:
    """The figures of what users did with the mixtapes."""
    return {
        "opened": taken.opened,
        "opened_before": taken.opened_before,
        "depth_counts": {str(n): users for n, users in taken.depth.items()},
        "reach": _share(taken.opened, n_mixtapes),
        "depth": _share(sum(n * users for n, users in taken.depth.items()), taken.opened),
        "retention": _share(taken.returned, taken.opened_before),
        "saves": _share(taken.saved, taken.opened),
        "skips": _share(taken.skipped, taken.started),
        "started": taken.started,
    }


def exposure_gini(given: Given) -> float | None:
    """How unequally the mixtapes are spread over the catalogue: 0 = every song equally often, near 1 = a few only.

    With x sorted and i = 1 ... n: 2 sum(i x) / (n sum(x)) - (n + 1) / n (Gini 1912, as Sen 1973 writes it). Songs that
    are on no mixtape come first, and move the ranks of the others.
    """
    n, total = max(given.catalogue, given.n_tracks), given.n_songs
    if not total:
        return None
    ranked = given.ranked_exposure + (n - given.n_tracks) * total
    return 2 * ranked / (n * total) - (n + 1) / n


def drift(figures: Figures, before: Sequence[Figures]) -> dict[str, Any]:
    """Each figure against its mean in the weeks `before` that have it: the mean, of how many weeks, and the change.

    The change is a share of the mean: .1 is a tenth more. It is None where the mean is 0.
    """
    found = {
        figure.name: _drift(figures.get(figure.name), [each.get(figure.name) for each in before]) for figure in FIGURES
    }
    by_source = [each["sources"] for each in before]
    names = set(figures.get("sources", {})).union(*by_source)
    sources = {
        name: _drift(figures.get("sources", {}).get(name, 0.0), [each.get(name, 0.0) for each in by_source])
        for name in sorted(names)
    }
    return {name: each for name, each in found.items() if each} | {"sources": sources}


def _drift(value: float | None, before: Iterable[float | None]) -> dict[str, Any] | None:
    known = [each for each in before if each is not None]
    if value is None or not known:
        return None
    usual = mean(known)
    return {"mean": usual, "weeks": len(known), "change": value / usual - 1 if usual else None}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
