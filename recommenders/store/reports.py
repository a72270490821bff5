"""Weekly reports: what a week's mixtapes held, what listeners did with them, and the rows that say so."""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import sqlalchemy as sa

from recommenders.errors import UnknownNameError
from recommenders.store.bulk import copy_out
from recommenders.store.mixtapes import Edition
from recommenders.store.served import count_exposure


@dataclass(frozen=True)
class Given:
    """What the lists of an edition hold, counted.

    `users` there were before the cut-off; `alike` mixtapes hold exactly the songs of another one, `n_songs` places are
    on all of them, `fresh` of these with songs uploaded shortly before. `n_tracks` of the `catalogue` are on some list;
    `ranked_exposure` is the sum of rank x lists over them, the rarest first.
    """

    users: int
    mixtapes: int
    empty: int
    short: int
    alike: int
    n_songs: int
    by_source: dict[str, int]
    n_tracks: int
    catalogue: int
    ranked_exposure: int
    fresh: int


@dataclass(frozen=True)
class Taken:
    """What users did with an edition's mixtapes, counted: from events with its context, of songs that are on the list.

    `depth[n]` users played 30 s or more of n songs of theirs; `started` songs were played at all, `skipped` of these
    were skipped and not played otherwise, `saved` saved or loved. Of the `opened_before` users who opened the mixtape
    of the week before, `returned` opened this one.
    """

    opened: int
    depth: dict[int, int]
    started: int
    skipped: int
    saved: int
    opened_before: int
    returned: int


@dataclass(frozen=True)
class Window:
    """The events that count for the mixtapes of a week: from its Monday on, before `until`."""

    since: dt.datetime
    until: dt.datetime


_LISTS = "FROM playlists p WHERE p.week = :week AND p.edition_id = :edition_id"
_SONGS = f"FROM (SELECT p.* {_LISTS}) p, unnest(p.track_ids, p.sources) AS song (track_id, source)"

_COUNTS = f"""
    SELECT count(*) AS mixtapes, count(*) FILTER (WHERE cardinality(track_ids) = 0) AS empty,
           count(*) FILTER (WHERE short_reason > 0) AS short,
           (SELECT count(*) FROM users WHERE created_at IS NULL OR created_at < :cutoff) AS users,
           (SELECT count(*) FROM tracks WHERE uploaded_at IS NULL OR uploaded_at < :cutoff) AS catalogue
    {_LISTS}
"""  # noqa: S608
_BY_SOURCE = f"""
    SELECT coalesce(source_name(song.source), 'source ' || song.source) AS source, count(*) AS n {_SONGS}
    GROUP BY song.source ORDER BY song.source
"""
_TRACKS = """
    SELECT track_id, coalesce(uploaded_at < %(cutoff)s AND uploaded_at >= %(fresh_since)s, false) FROM tracks
    ORDER BY track_id
"""
_TAKEN = """
    WITH mixtape AS MATERIALIZED (
        SELECT user_id, track_ids FROM playlists WHERE week = :week AND edition_id = :edition_id
    ), feedback AS MATERIALIZED (
        SELECT e.user_id, e.track_id, bool_or(e.kind = 'play') AS started,
               bool_or(e.kind = 'play' AND coalesce(e.ms_played >= 30000, true)) AS played,
               bool_or(e.kind = 'play' AND is_skip(e.ms_played, t.duration_s)) AS skipped,
               bool_or(e.kind IN ('save', 'love')) AS saved
        FROM events e LEFT JOIN tracks t ON t.track_id = e.track_id
        WHERE e.context = 'mixtape:' || CAST(CAST(:week AS date) AS text)
          AND e.occurred_at >= :since AND e.occurred_at < :until
        GROUP BY e.user_id, e.track_id
    ), opened AS MATERIALIZED (
        SELECT user_id FROM mixtape WHERE user_id IN (SELECT user_id FROM feedback)
    ), songs AS MATERIALIZED (
        SELECT f.* FROM feedback f JOIN mixtape m USING (user_id) WHERE f.track_id = ANY (m.track_ids)
    ), depth AS (
        SELECT o.user_id, count(*) FILTER (WHERE s.played) AS n FROM opened o LEFT JOIN songs s USING (user_id)
        GROUP BY o.user_id
    ), opened_before AS MATERIALIZED (
        SELECT p.user_id FROM playlists p JOIN weeks w ON w.week = p.week AND w.edition_id = p.edition_id
        WHERE w.week = CAST(:week AS date) - 7
          AND p.user_id IN (SELECT e.user_id FROM events e
                            WHERE e.context = 'mixtape:' || CAST(CAST(:week AS date) - 7 AS text)
                              AND e.occurred_at >= :since_before AND e.occurred_at < :until_before)
    )
    SELECT (SELECT count(*) FROM opened) AS opened,
           (SELECT coalesce(jsonb_object_agg(n, users), '{}')
            FROM (SELECT n, count(*) AS users FROM depth GROUP BY n) counted) AS depth,
           (SELECT count(*) FROM songs WHERE started) AS started,
           (SELECT count(*) FROM songs WHERE skipped AND NOT played) AS skipped,
           (SELECT count(*) FROM songs WHERE saved) AS saved,
           (SELECT count(*) FROM opened_before) AS opened_before,
           (SELECT count(*) FROM opened_before JOIN opened USING (user_id)) AS returned
"""


def editions_served(
    connection: sa.Connection, first: dt.date, last: dt.date, zone: ZoneInfo
) -> dict[dt.date, tuple[int, bool]]:
    """The id of the edition that users had, for each week from `first` to `last` that is published, and whether they
    had it before the next Monday, 05:00 in `zone`: where the week was made again later, the last one before counts."""
    rows = connection.execute(
        sa.text("""
            SELECT DISTINCT ON (w.week) w.week, e.edition_id, served.in_time
            FROM weeks w JOIN editions e ON e.week = w.week,
                 LATERAL (SELECT coalesce(e.published_at < (w.week + 7 + time '05:00') AT TIME ZONE :zone, false)
                          AS in_time) served
            WHERE w.week BETWEEN :first AND :last AND w.edition_id IS NOT NULL
              AND (e.edition_id = w.edition_id OR e.state = 'published')
            ORDER BY w.week, served.in_time DESC, e.edition_id DESC
        """),
        {"first": first, "last": last, "zone": zone.key},
    )
    return {row.week: (row.edition_id, row.in_time) for row in rows}


def count_given(connection: sa.Connection, edition: Edition) -> Given:
    """What the lists of `edition` hold."""
    values = {
        "week": edition.week,
        "edition_id": edition.edition_id,
        "cutoff": edition.cutoff,
        "fresh_since": edition.cutoff - dt.timedelta(weeks=edition.parameters.get("fresh_weeks", 8)),
    }
    row = connection.execute(sa.text(_COUNTS), values).one()
    by_source = {row.source: int(row.n) for row in connection.execute(sa.text(_BY_SOURCE), values)}
    tracks = copy_out(connection, _TRACKS, [("track_id", "i8"), ("fresh", "?")], values)
    exposure, alike = count_exposure(connection, edition.week, edition.edition_id, tracks["track_id"])
    ranked = np.sort(exposure[exposure > 0])
    return Given(
        **{name: int(n) for name, n in row._mapping.items()},
        by_source=by_source,
        alike=alike,
        n_tracks=len(ranked),
        n_songs=int(ranked.sum()),
        ranked_exposure=int(ranked @ np.arange(1, len(ranked) + 1)),
        fresh=int(exposure[tracks["fresh"]].sum()),
    )


def count_taken(connection: sa.Connection, edition: Edition, window: Window, before: Window) -> Taken:
    """What users did with the mixtapes of `edition` within `window`; `before` is that of the week before."""
    row = connection.execute(
        sa.text(_TAKEN),
        {
            "week": edition.week,
            "edition_id": edition.edition_id,
            "since": window.since,
            "until": window.until,
            "since_before": before.since,
            "until_before": before.until,
        },
    ).one()
    counts: dict[str, Any] = dict(row._mapping)
    depth = {int(n): int(users) for n, users in counts.pop("depth").items()}
    return Taken(**{name: int(n) for name, n in counts.items()}, depth=dict(sorted(depth.items())))


@dataclass(frozen=True)
class Report:
    """What became of the mixtapes of one week, as one run saw it.

    `figures` and `drift` are by name, as `FIGURES` lists them; alarms are plain sentences, the worst first.
    """

    week: dt.date
    run_key: str
    edition_id: int | None
    until: dt.datetime
    complete: bool
    figures: dict[str, Any]
    drift: dict[str, Any]
    alarms: list[str]
    made_at: dt.datetime


_COLUMNS = "week, run_key, edition_id, until, complete, figures, drift, alarms, made_at"


def save_report(connection: sa.Connection, report: Report) -> None:
    """Write the row of this week and run; a run that reports again replaces its own."""
    connection.execute(
        sa.text("""
            INSERT INTO reports (week, run_key, edition_id, until, complete, figures, drift, alarms, made_at)
            VALUES (:week, :run_key, :edition_id, :until, :complete, :figures, :drift, :alarms, :made_at)
            ON CONFLICT (week, run_key) DO UPDATE
                SET edition_id = excluded.edition_id, until = excluded.until, complete = excluded.complete,
                    figures = excluded.figures, drift = excluded.drift, alarms = excluded.alarms,
                    made_at = excluded.made_at
        """),
        report.__dict__ | {"figures": json.dumps(report.figures), "drift": json.dumps(report.drift)},
    )


def newest_reports(connection: sa.Connection, count: int, until: dt.date | None = None) -> list[Report]:
    """The newest report of each week, of the `count` newest weeks (up to the week `until`), the newest week first."""
    rows = connection.execute(
        sa.text(f"""
            SELECT DISTINCT ON (week) {_COLUMNS} FROM reports WHERE week <= coalesce(CAST(:until AS date), week)
            ORDER BY week DESC, made_at DESC, run_key DESC LIMIT :count
        """),  # noqa: S608
        {"until": until, "count": count},
    )
    return [Report(**row._mapping) for row in rows]


def report_of(connection: sa.Connection, week: dt.date | None = None) -> Report:
    """The newest report of `week`; without it that of the newest week that was over, else of the newest week.

    Raises UnknownNameError where there is none.
    """
    row = connection.execute(
        sa.text(f"""
            SELECT {_COLUMNS} FROM reports WHERE week = coalesce(CAST(:week AS date), week)
            ORDER BY CAST(:week AS date) IS NULL AND complete DESC, week DESC, made_at DESC, run_key DESC LIMIT 1
        """),  # noqa: S608
        {"week": week},
    ).one_or_none()
    if row is None:
        about = f"no report of the week of {week}" if week else "no report yet"
        advice = f" with week = {week}" if week else ", once mixtapes are published"
        raise UnknownNameError(f"There is {about}: trigger the DAG weekly_report{advice}.")
    return Report(**row._mapping)


def reported_weeks(connection: sa.Connection) -> list[dt.date]:
    """Every week that has a report, the newest first."""
    return list(connection.execute(sa.text("SELECT DISTINCT week FROM reports ORDER BY week DESC")).scalars())


def standing_alarms(connection: sa.Connection) -> list[str]:
    """The alarms of the newest reports of the last published week and of the one before, while they hold.

    Those about an edition that was replaced since hold no more.
    """
    rows = connection.execute(
        sa.text("""
            WITH last AS (SELECT max(week) AS week FROM weeks WHERE edition_id IS NOT NULL),
            newest AS (
                SELECT DISTINCT ON (r.week) r.week, r.edition_id, r.alarms FROM reports r, last
                WHERE r.week BETWEEN last.week - 7 AND last.week ORDER BY r.week, r.made_at DESC, r.run_key DESC
            )
            SELECT n.alarms FROM newest n LEFT JOIN weeks w USING (week)
            WHERE n.edition_id IS NOT DISTINCT FROM w.edition_id ORDER BY n.week DESC
        """)
    ).scalars()
    return [alarm for alarms in rows for alarm in alarms]


def weeks_to_report(connection: sa.Connection) -> list[dt.date]:
    """The newest published week, and the Monday before it where there were mixtapes before; the earlier one first."""
    row = connection.execute(
        sa.text("SELECT max(week) AS newest, min(week) AS oldest FROM weeks WHERE edition_id IS NOT NULL")
    ).one()
    if row.newest is None:
        return []
    return [row.newest - dt.timedelta(weeks=1), row.newest] if row.oldest < row.newest else [row.newest]


@dataclass(frozen=True)
class Figure:
    """How a figure is shown. `unit`: a share (in [0, 1]), a mean, or a count; `heard`: it comes from listening."""

    name: str
    label: str
    explained: str
    unit: str
    heard: bool

    def text(self, value: float | None) -> str:
        """The figure as people read it; a dash where there is none."""
        if value is None:
            return "–"
        return {"share": f"{100 * value:.1f} %", "mean": f"{value:.2f}", "count": f"{value:,.0f}"}[self.unit]


SHARE = Figure("share", "Share", "", "share", False)
FIGURES = [
    Figure("reach", "Reach", "of users with a mixtape opened it", "share", True),
    Figure("depth", "Depth", "songs played for 30 s or more, per opened mixtape", "mean", True),
    Figure("retention", "Retention", "of those who opened the week before opened again", "share", True),
    Figure("saves", "Saves", "songs saved or loved, per opened mixtape", "mean", True),
    Figure("skips", "Skips", "of songs that were started were skipped", "share", True),
    Figure("mixtapes", "Mixtapes", "", "count", False),
    Figure("short", "Short", "mixtapes with fewer songs than they should have", "count", False),
    Figure("duplicates", "Duplicates", "of mixtapes hold the very songs of another", "share", False),
    Figure("repeated_songs", "Repeated songs", "of songs were on an earlier mixtape of the user's", "share", False),
    Figure("repeated_artists", "Repeated artists", "of songs are by an artist of an earlier one", "share", False),
    Figure("freshness", "Freshness", "of songs came in the last weeks before the mixtape", "share", False),
    Figure("coverage", "Coverage", "of the catalogue is on some mixtape", "share", False),
    Figure("gini", "Gini of exposure", "0: every song on equally many mixtapes, 1: one song on all", "mean", False),
    Figure("fallbacks", "Fallbacks", "of songs come from the lower rungs of the ladder", "share", False),
]


def changed(drift: Mapping[str, Any] | None) -> str:
    """How a figure differs from the mean of the weeks before, in words: +12 %, or a dash where there is nothing."""
    if not drift or drift["change"] is None:
        return "–"
    return f"{100 * drift['change']:+.0f} %".replace("-", "−")
