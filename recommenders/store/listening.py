"""Writing what was listened to: users, events, totals, and what of it counts as heard."""

import datetime as dt
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from psycopg2.errors import UniqueViolation

from recommenders.store.bulk import copy_in_binary, copy_in_typed, copy_out, stage
from recommenders.store.outside_ids import KnownIds

_HEARD_BY = pa.array(["play", "save", "love", "rating"])
_EVENTS = pa.schema(
    [
        ("occurred_at", pa.timestamp("us", "UTC")),
        ("event_id", pa.int64()),
        ("user_id", pa.int64()),
        ("track_id", pa.int64()),
        ("artist_id", pa.int64()),
        ("kind", pa.string()),
        ("ms_played", pa.int32()),
        ("rating", pa.int16()),
        ("device", pa.string()),
        ("context", pa.string()),
    ]
)
_EVENT_COLUMNS = """
    occurred_at timestamptz, event_id bigint, user_id bigint, track_id bigint, artist_id bigint,
    kind event_kind, ms_played integer, rating smallint, device text, context text
"""


def ensure_users(connection: sa.Connection, outside_ids: pa.Array, known: KnownIds) -> npt.NDArray[np.int64]:
    """(n,) int64: the user id of each outside id (n,) text, none of them null; a user not yet known is created."""
    ids = known.find(connection, "user", outside_ids)
    unknown = outside_ids.filter(pa.array(ids == 0)).unique()
    if not len(unknown):
        return ids
    stage(connection, "unknown_users", "outside_id text", pa.table({"outside_id": unknown}))
    connection.execute(
        sa.text("""
            WITH new AS MATERIALIZED (
                SELECT outside_id, nextval(pg_get_serial_sequence('users', 'user_id')) AS user_id FROM unknown_users
            ), named AS (
                INSERT INTO users (user_id, name) OVERRIDING SYSTEM VALUE SELECT user_id, outside_id FROM new
            )
            INSERT INTO user_ids (source, outside_id, user_id) SELECT 'service', outside_id, user_id FROM new
        """)
    )
    connection.execute(sa.text("DROP TABLE unknown_users"))
    return known.find(connection, "user", outside_ids)


def write_users(connection: sa.Connection, users: pa.Table, known: KnownIds) -> set[int]:
    """Create or change users (outside_id text, name text or null, created_at timestamp or null).

    A null leaves what is known; a new user without a name is called by the outside id. Returns the ids of the users
    that are new or changed.
    """
    outside_ids = users["outside_id"].combine_chunks()
    before = known.find(connection, "user", outside_ids)
    ids = ensure_users(connection, outside_ids, known)
    rows = users.append_column("user_id", pa.array(ids)).drop_columns(["outside_id"])
    stage(connection, "given_users", "name text, created_at timestamptz, user_id bigint", rows)
    changed = connection.execute(
        sa.text("""
            UPDATE users u SET name = coalesce(g.name, u.name), created_at = coalesce(g.created_at, u.created_at)
            FROM given_users g
            WHERE g.user_id = u.user_id
              AND (u.name IS DISTINCT FROM coalesce(g.name, u.name)
                   OR u.created_at IS DISTINCT FROM coalesce(g.created_at, u.created_at))
            RETURNING u.user_id
        """)
    ).scalars()
    return set(changed) | set(ids[before == 0].tolist())


def event_months(times: pa.Array) -> list[dt.date]:
    """The first day of each month (UTC) in which one of `times` (n,) timestamp lies."""
    months = np.unique(np.asarray(times.cast(pa.timestamp("us"))).astype("datetime64[M]"))
    return [month.astype("datetime64[D]").astype(object) for month in months]


def write_events(connection: sa.Connection, events: pa.Table) -> int:
    """Add the events that are not yet there; return how many.

    Columns: occurred_at timestamp, event_id, user_id int64, track_id, artist_id int64 or null, kind text, ms_played,
    rating int or null, device, context text or null. Their months must have partitions. What was played, saved, loved
    or rated is heard; a ban blocks its track, or else its artist, from its time on.
    """
    added = _add_events(connection, events)
    on_track = pc.and_(pc.is_valid(events["track_id"]), pc.is_in(events["kind"], _HEARD_BY))
    heard = events.filter(on_track).group_by(["user_id", "track_id"])
    _remember_heard(connection, heard.aggregate([("occurred_at", "min"), ("occurred_at", "max")]))
    _block_banned(connection, events.filter(pc.equal(events["kind"], "ban")))
    return added


def _add_events(connection: sa.Connection, events: pa.Table) -> int:
    """COPY straight into the table, which is fast; row by row only where some of the events are there already."""
    try:
        with connection.begin_nested():
            copy_in_typed(connection, "events", events.select(_EVENTS.names).cast(_EVENTS))
    except UniqueViolation:
        stage(connection, "new_events", _EVENT_COLUMNS, events)
        return _execute(
            connection,
            """
            INSERT INTO events
                (occurred_at, event_id, user_id, track_id, artist_id, kind, ms_played, rating, device, context)
            SELECT occurred_at, event_id, user_id, track_id, artist_id, kind, ms_played, rating, device, context
            FROM new_events
            ON CONFLICT DO NOTHING
            """,
        )
    return len(events)


def _remember_heard(connection: sa.Connection, heard: pa.Table) -> None:
    """Widen what is known by (user_id, track_id, occurred_at_min, occurred_at_max), each pair once."""
    heard = heard.sort_by([("user_id", "ascending"), ("track_id", "ascending")])
    columns = {
        "user_id": heard["user_id"].to_numpy(),
        "track_id": heard["track_id"].to_numpy(),
        "first_at": heard["occurred_at_min"].to_numpy().astype("M8[us]"),
        "last_at": heard["occurred_at_max"].to_numpy().astype("M8[us]"),
    }
    place = np.arange(len(heard), dtype=np.int32)
    connection.execute(sa.text("CREATE TEMPORARY TABLE new_heard (place integer, LIKE heard) ON COMMIT DROP"))
    copy_in_binary(connection, "new_heard", {"place": place, **columns})
    connection.execute(sa.text("ANALYZE new_heard"))
    known = copy_out(
        connection,
        "SELECT n.place, h.first_at > n.first_at OR h.last_at < n.last_at "
        "FROM new_heard n JOIN heard h USING (user_id, track_id)",
        [("place", "i4"), ("wider", "?")],
    )
    if known["wider"].any():
        _execute(
            connection,
            """
            UPDATE heard h SET first_at = least(h.first_at, n.first_at), last_at = greatest(h.last_at, n.last_at)
            FROM new_heard n
            WHERE h.user_id = n.user_id AND h.track_id = n.track_id AND n.place = ANY (:wider)
            """,
            {"wider": known["place"][known["wider"]].tolist()},
        )
    new = np.delete(place, known["place"])
    copy_in_binary(connection, "heard", {name: values[new] for name, values in columns.items()})
    connection.execute(sa.text("DROP TABLE new_heard"))


def _block_banned(connection: sa.Connection, bans: pa.Table) -> None:
    if not bans.num_rows:
        return
    columns = ["user_id", "track_id", "artist_id", "occurred_at"]
    stage(
        connection,
        "new_bans",
        "user_id bigint, track_id bigint, artist_id bigint, occurred_at timestamptz",
        bans.select(columns),
    )
    _execute(
        connection,
        """
        INSERT INTO blocks (user_id, track_id, artist_id, since)
        SELECT user_id, track_id, CASE WHEN track_id IS NULL THEN artist_id END, occurred_at
        FROM new_bans
        ON CONFLICT DO NOTHING
        """,
    )


def write_totals(connection: sa.Connection, source: str, totals: pa.Table) -> int:
    """Write counts without dates (user_id, track_id int64, plays int64); the newest count of a source stands.

    Returns the number of rows that are new or changed.
    """
    stage(connection, "new_totals", "user_id bigint, track_id bigint, plays integer", totals)
    written = _execute(
        connection,
        """
        INSERT INTO listening_totals AS t (user_id, track_id, source, plays)
        SELECT user_id, track_id, :source, plays FROM new_totals
        ON CONFLICT (user_id, track_id, source) DO UPDATE SET plays = excluded.plays
        WHERE t.plays <> excluded.plays
        """,
        {"source": source},
    )
    _execute(
        connection,
        """
        INSERT INTO heard AS h (user_id, track_id, first_at, last_at)
        SELECT user_id, track_id, '-infinity', '-infinity' FROM new_totals
        ON CONFLICT (user_id, track_id) DO UPDATE SET first_at = '-infinity' WHERE h.first_at > '-infinity'
        """,
    )
    return written


def _execute(connection: sa.Connection, statement: str, parameters: dict[str, Any] | None = None) -> int:
    """Execute, and return the number of rows written."""
    return connection.execute(sa.text(statement), parameters or {}).rowcount
