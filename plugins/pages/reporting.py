"""The route of the weekly reports: what became of a week's mixtapes, and how its figures moved over the weeks."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from fastapi import APIRouter, Response

from plugins.pages.connection import Database, Now
from plugins.pages.rendering import render
from recommenders.errors import UnknownNameError
from recommenders.store import reports
from recommenders.store.reports import FIGURES, SHARE, Figure, Report
from recommenders.store.trials import side_rows

SHOWN_WEEKS = 13  # a quarter of a year
WIDTH, HEIGHT, MARGIN = 120, 28, 4  # of the small picture of the weeks
DEPTHS = [(0, 0), (1, 2), (3, 5), (6, 10), (11, 20), (21, 10_000)]  # songs, from and to

router = APIRouter()


@router.get("/report")
def report(connection: Database, now: Now, week: dt.date | None = None) -> Response:
    """The report of `week`, or else of the newest week that was over."""
    weeks = reports.reported_weeks(connection)
    if not weeks:
        return render("report.html", now, report=None, weeks=[], alarms=reports.standing_alarms(connection))
    try:
        shown = reports.report_of(connection, week)
    except UnknownNameError:
        return render("report.html", now, 404, report=None, weeks=weeks, week=week, alarms=[])
    past = reports.newest_reports(connection, SHOWN_WEEKS, shown.week)[::-1]
    return render(
        "report.html",
        now,
        report=shown,
        weeks=weeks,
        week=shown.week,
        alarms=shown.alarms,
        standing=[alarm for alarm in reports.standing_alarms(connection) if alarm not in shown.alarms],
        figures=[(figure, picture(past, figure)) for figure in FIGURES],
        depths=depths(shown),
        trial=shown.figures.get("trial"),
        side_rows=side_rows,
        share=SHARE,
        changed=reports.changed,
        size=(WIDTH, HEIGHT),
    )


class Picture(NamedTuple):
    """A figure over the weeks: the lines' points as SVG has them, the last point if it is this week's, and in words."""

    lines: list[str]
    last: tuple[float, float] | None
    words: str


def picture(past: Sequence[Report], figure: Figure) -> Picture:
    """The figure in the reports `past` (the oldest first), on a scale from 0; a line breaks where a week has none.

    What is heard counts of weeks that were over only: a week that goes on can't be compared with them.
    """
    first, last = past[0].week, past[-1].week
    known = {
        each.week: float(each.figures[figure.name])
        for each in past
        if each.figures.get(figure.name) is not None and (each.complete or not figure.heard)
    }
    n_weeks, top = (last - first).days // 7, max(known.values(), default=0.0) or 1.0
    lines: list[list[str]] = [[]]
    point = None
    for n in range(n_weeks + 1):
        value = known.get(first + dt.timedelta(weeks=n))
        if value is None:
            lines.append([])
            continue
        x = MARGIN + (WIDTH - 2 * MARGIN) * (n / n_weeks if n_weeks else 1)
        point = (round(x, 1), round(HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * value / top, 1))
        lines[-1].append(f"{point[0]},{point[1]}")
    words = ", ".join(f"{week}: {figure.text(value)}" for week, value in sorted(known.items()))
    return Picture([" ".join(line) for line in lines if len(line) > 1], point if last in known else None, words)


def depths(shown: Report) -> list[tuple[str, int, float]]:
    """How many users played how many songs of theirs: what to call it, users, and their share of those who opened."""
    counts = {int(n): int(users) for n, users in shown.figures.get("depth_counts", {}).items()}
    opened = sum(counts.values())
    found = []
    for low, high in DEPTHS:
        users = sum(n for songs, n in counts.items() if low <= songs <= high)
        called = f"{low}" if low == high else f"{low} and more" if high > 1_000 else f"{low} to {high}"
        found.append((called, users, users / opened if opened else 0.0))
    return found if opened else []
