"""The state of the service in one look: what is in the store, what is fresh, what is stale, what is broken."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from recommenders.settings import Settings
from recommenders.store import freshness
from recommenders.store.audio_files import count_files
from recommenders.store.freshness import (
    CATALOGUE_STALE,
    LISTENING_STALE,
    MODEL_STALE,
    READING_STALE,
    UPLOAD_WAITS,
    Freshness,
    ImportStatus,
    Input,
    SetAside,
)
from recommenders.store.models import ModelRow, champion, model
from recommenders.store.reading import count_reading
from recommenders.store.reports import standing_alarms

COUNTED_EXACTLY = 1_000_000
MONDAY_DUE = dt.timedelta(hours=12)  # after Monday 00:00; the run begins at 05:00


@dataclass(frozen=True)
class WeekStatus:
    """A week and its edition: the published one, else the newest attempt.

    `sources` holds the share of all songs by where they came from, in [0, 1]; `failed_since` is the newest attempt at
    this week, if it failed after the one shown here; `trial_model_id` is tried on the mixtapes of `trial_share` of the
    users.
    """

    week: dt.date
    edition_id: int
    state: str
    cutoff: dt.datetime
    published_at: dt.datetime | None
    model_id: int | None
    n_playlists: int
    n_short: int
    warnings: list[str]
    sources: dict[str, float]
    failed_since: int | None
    trial_model_id: int | None
    trial_share: float | None


@dataclass(frozen=True)
class ServiceStatus:
    """What `mixtape status` and the web page show. `stale`, `alarms` (of the weekly reports) and `broken` are plain
    sentences, empty when all is well."""

    now: dt.datetime
    this_week: dt.date
    n_users: int
    n_artists: int
    n_tracks: int
    n_events: int
    n_totals: int
    newest_event_at: dt.datetime | None
    last_import: ImportStatus | None
    champion: ModelRow | None
    last_rejected: ModelRow | None
    week: WeekStatus | None
    inputs: list[Input]
    set_aside: SetAside
    stale: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """Everything that is not well, the worst first."""
        return self.broken + self.alarms + self.stale


def service_status(connection: sa.Connection, now: dt.datetime, zone: ZoneInfo | None = None) -> ServiceStatus:
    """The state of the service at `now` (aware); weeks begin on Monday in `zone`, the configured one by default."""
    zone = zone or Settings().zone
    today = now.astimezone(zone).date()
    monday = today - dt.timedelta(days=today.isoweekday() - 1)
    imports = freshness.last_imports(connection)
    status = ServiceStatus(
        now=now,
        this_week=monday,
        n_users=_count(connection, "users"),
        n_artists=_count(connection, "artists"),
        n_tracks=_count(connection, "tracks"),
        n_events=_count(connection, "events"),
        n_totals=_count(connection, "listening_totals"),
        newest_event_at=_newest_event(connection, now),
        last_import=max(imports.values(), key=lambda done: done.finished_at, default=None),
        champion=champion(connection, "collaborative"),
        last_rejected=_last_rejected(connection, "collaborative"),
        week=_newest_week(connection),
        inputs=[],
        set_aside=freshness.set_aside(connection, now),
    )
    status.inputs.extend(_inputs(connection, status, imports))
    status.broken.extend(_broken(status, dt.datetime.combine(monday, dt.time(), zone)))
    status.stale.extend(_stale(status))
    status.alarms.extend(alarm for alarm in standing_alarms(connection) if alarm not in status.stale)
    return status


def _broken(status: ServiceStatus, monday: dt.datetime) -> list[str]:
    """What keeps listeners from getting this week's mixtapes."""
    found = []
    week = status.week
    if week and week.state == "failed":
        found.append(
            f"Edition {week.edition_id} of the week of {week.week} has failed: see its run of monday_playlists."
        )
    if week and week.failed_since:
        found.append(
            f"Edition {week.failed_since} of the week of {week.week} has failed; edition {week.edition_id} is still "
            "served. See its run of monday_playlists."
        )
    served = week and week.state == "published" and week.week >= status.this_week
    if not served and status.n_users and status.n_tracks and status.now >= monday + MONDAY_DUE:
        found.append(
            f"The mixtapes of the week of {status.this_week} are not published: trigger the DAG monday_playlists."
        )
    return found


def _stale(status: ServiceStatus) -> list[str]:
    """What is older than it should be, or not there yet."""
    found = []
    if not (status.n_users and status.n_tracks):
        found.append("There are no users or no tracks yet: import a catalogue and listening.")
    elif not (status.n_events or status.n_totals):
        found.append("There is no listening yet: everybody gets popular or editorial songs.")
    elif status.champion is None:
        found.append("No model has been trained yet: trigger the DAG retrain_collaborative.")
    found += freshness.sentences(status.inputs, status.now)
    if status.last_import and status.last_import.rows_rejected:
        found.append(
            f"The last import of {status.last_import.kind} set {status.last_import.rows_rejected:,} of "
            f"{status.last_import.rows_read:,} rows aside: see the table mixtape.rejected."
        )
    return found + (status.week.warnings if status.week else [])


def _count(connection: sa.Connection, table: str) -> int:
    """How many rows a table has: exactly, or as the planner estimates where counting would take seconds."""
    estimate = connection.execute(
        sa.text("""
            SELECT sum(reltuples) FROM pg_class
            WHERE oid = to_regclass(:table)
               OR relispartition AND oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass(:table))
        """),
        {"table": table},
    ).scalar()
    if estimate and estimate > COUNTED_EXACTLY:
        return int(estimate)
    return int(connection.execute(sa.select(sa.func.count()).select_from(sa.table(table))).scalar_one())


def _newest_event(connection: sa.Connection, now: dt.datetime) -> dt.datetime | None:
    newest: dt.datetime | None = connection.execute(
        sa.text("SELECT max(occurred_at) FROM events WHERE occurred_at <= :now"), {"now": now}
    ).scalar()
    return newest


def _inputs(connection: sa.Connection, status: ServiceStatus, imports: dict[str, ImportStatus]) -> Iterator[Input]:
    """What mixtapes are made from, in the order in which it comes about, and they themselves."""
    aged = partial(freshness.aged, status.now)
    events = f"{status.n_events:,} events" + (f", {status.n_totals:,} undated counts" if status.n_totals else "")
    songs = f"{status.n_tracks:,} songs by {status.n_artists:,} artists"
    uploaded_at = freshness.newest(connection, "tracks", "uploaded_at", status.now)
    joined_at = freshness.newest(connection, "users", "created_at", status.now)
    best, week = status.champion, status.week
    n_undated = status.n_totals if not status.newest_event_at else 0
    yield aged("Listening", "newest event", status.newest_event_at, LISTENING_STALE, events, there=n_undated > 0)
    yield freshness.last_import(status.now, "Listening", imports.get("listening"), LISTENING_STALE)
    yield aged("Catalogue", "newest upload", uploaded_at, CATALOGUE_STALE, songs, there=status.n_tracks > 0)
    yield freshness.last_import(status.now, "Catalogue", imports.get("catalogue"), CATALOGUE_STALE)
    yield from _uploads(connection, status.now)
    yield from _reading(connection, status.now)
    yield aged("Users", "newest user", joined_at, None, f"{status.n_users:,} users", there=status.n_users > 0)
    number = f"model {best.model_id}" if best else ""
    yield aged("Champion model", "trained", best.trained_at if best else None, MODEL_STALE, number)
    yield aged("Champion model", "end of its data", best.cutoff if best else None, MODEL_STALE)
    network = champion(connection, "audio")
    if network:
        yield aged("Audio network", "trained", network.trained_at, MODEL_STALE, f"model {network.model_id}")
    ranker = champion(connection, "ranker")
    if ranker:
        yield aged("Ranker", "trained", ranker.trained_at, MODEL_STALE, f"model {ranker.model_id}")
    if week and week.state == "published":
        detail = f"week of {week.week}, edition {week.edition_id}, {week.n_playlists:,} mixtapes"
        state = Freshness.FRESH if week.week >= status.this_week else Freshness.STALE
        yield Input("Mixtapes", "published", week.published_at, state, None, detail)
    else:
        yield Input("Mixtapes", "published", None, Freshness.MISSING)


def _uploads(connection: sa.Connection, now: dt.datetime) -> Iterator[Input]:
    """The files of audio, where there are any: the newest that was heard, and the one that has waited longest."""
    files = count_files(connection)
    if not files.all:
        return
    detail = f"{files.analysed:,} files heard"
    detail += f", {files.duplicate:,} of known songs" if files.duplicate else ""
    detail += f", {files.rejected:,} set aside" if files.rejected else ""
    yield freshness.aged(now, "Uploads", "newest analysis", files.newest_at, None, detail)
    if files.waiting:
        waits = f"{files.waiting:,} files wait"
        yield freshness.aged(now, "Uploads", "oldest waiting file", files.waiting_since, UPLOAD_WAITS, waits)


def _reading(connection: sa.Connection, now: dt.datetime) -> Iterator[Input]:
    """The blogs, where there are any, and what was read in them."""
    read = count_reading(connection)
    if read.sites:
        detail = f"{read.sites:,} sites" + (f", {read.failing:,} of them failing" if read.failing else "")
        yield freshness.aged(now, "Blogs", "last crawl", read.crawled_at, READING_STALE, detail)
    if read.articles:
        detail = f"{read.articles:,} articles, {read.described:,} artists described"
        detail += f", {read.waiting:,} not read yet" if read.waiting else ""
        yield freshness.aged(now, "Blogs", "newest article", read.newest_at, None, detail)


def _last_rejected(connection: sa.Connection, kind: str) -> ModelRow | None:
    """The last candidate that did not become champion."""
    model_id = connection.execute(
        sa.text("SELECT max(model_id) FROM models WHERE kind = :kind AND status = 'rejected'"), {"kind": kind}
    ).scalar()
    return None if model_id is None else model(connection, model_id)


def _newest_week(connection: sa.Connection) -> WeekStatus | None:
    """The newest week that was attempted for real: dry runs don't count."""
    row = connection.execute(
        sa.text("""
            SELECT e.week, e.edition_id, e.state, e.cutoff, e.published_at, e.model_id, e.figures, e.warnings,
                   e.trial_model_id, e.trial_share,
                   (SELECT max(f.edition_id) FROM editions f
                    WHERE f.week = e.week AND f.edition_id > e.edition_id AND f.state = 'failed') AS failed_since
            FROM editions e JOIN weeks w USING (week)
            WHERE NOT e.dry_run
            ORDER BY e.week DESC, e.edition_id = w.edition_id DESC NULLS LAST, e.edition_id DESC LIMIT 1
        """)
    ).one_or_none()
    if row is None:
        return None
    by_source = row.figures.get("songs_by_source", {})
    songs = sum(by_source.values())
    return WeekStatus(
        week=row.week,
        edition_id=row.edition_id,
        state=row.state,
        cutoff=row.cutoff,
        published_at=row.published_at,
        model_id=row.model_id,
        n_playlists=row.figures.get("playlists", 0),
        n_short=row.figures.get("short", 0),
        warnings=list(row.warnings),
        sources={source: count / songs for source, count in by_source.items()},
        failed_since=row.failed_since,
        trial_model_id=row.trial_model_id,
        trial_share=row.trial_share,
    )
