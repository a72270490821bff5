"""Partitions: events by month, playlists by week; made ahead, dropped when their time is over."""

import datetime as dt
from collections.abc import Iterable

import sqlalchemy as sa

from recommenders.store.database import SCHEMA, advisory_lock
from recommenders.timing import Stage


def _months(first: dt.date, last: dt.date) -> list[dt.date]:
    count = (last.year - first.year) * 12 + last.month - first.month
    return [
        dt.date(first.year + (first.month - 1 + i) // 12, (first.month - 1 + i) % 12 + 1, 1) for i in range(count + 1)
    ]


def ensure_event_months(connection: sa.Connection, months: Iterable[dt.date]) -> list[str]:
    """Make the partitions of `events` for these months (any day of each); return the names of the new ones."""
    wanted = sorted({month.replace(day=1) for month in months})
    made = []
    missing = [month for month in wanted if not _exists(connection, f"events_{month:%Y_%m}")]
    if missing:
        advisory_lock(connection, "partitions")
    for month in missing:
        name = f"events_{month:%Y_%m}"
        if _exists(connection, name):
            continue
        end = (month + dt.timedelta(days=32)).replace(day=1)
        connection.execute(
            sa.text(f"CREATE TABLE {name} PARTITION OF events FOR VALUES FROM ('{month}T00:00Z') TO ('{end}T00:00Z')")
        )
        made.append(name)
    return made


def ensure_months_ahead(connection: sa.Connection, today: dt.date, months: int = 3) -> list[str]:
    """Make the partitions of this month and the next ones."""
    stage = Stage("prepare partitions")
    made = ensure_event_months(connection, _months(today, today + dt.timedelta(days=31 * months)))
    stage.done(len(made), "months")
    return made


def playlist_partition(week: dt.date) -> str:
    """The name of the partition of `playlists` for this Monday."""
    return f"playlists_{week:%Y_%m_%d}"


def ensure_playlist_week(connection: sa.Connection, week: dt.date) -> bool:
    """Make the partition of `playlists` for this Monday; True when it is new."""
    name = playlist_partition(week)
    if _exists(connection, name):
        return False
    advisory_lock(connection, "partitions")
    if _exists(connection, name):
        return False
    connection.execute(sa.text(f"CREATE TABLE {name} PARTITION OF playlists FOR VALUES IN ('{week}')"))
    return True


def drop_event_months(connection: sa.Connection, before: dt.date) -> list[str]:
    """Drop the partitions of `events` that end at or before the first of `before`'s month; `heard` remembers them."""
    names = connection.execute(
        sa.text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'events'::regclass")
    ).scalars()
    limit = f"events_{before:%Y_%m}"
    old = sorted(name for name in (full.removeprefix(f"{SCHEMA}.") for full in names) if name < limit)
    for name in old:
        connection.execute(sa.text(f"DROP TABLE {name}"))
    return old


def _exists(connection: sa.Connection, table: str) -> bool:
    """Looked up in the catalogue's own tables: within a transaction `to_regclass` may remember that there was none."""
    query = (
        "SELECT EXISTS (SELECT FROM pg_class WHERE relname = :name AND relnamespace = CAST(:schema AS regnamespace))"
    )
    return bool(connection.execute(sa.text(query), {"name": table, "schema": SCHEMA}).scalar())
