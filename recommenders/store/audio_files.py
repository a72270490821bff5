"""The audio files that were found: which wait to be heard, and what became of the others."""

import datetime as dt
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from recommenders.store.bulk import stage
from recommenders.store.database import Store

UPLOADS = "uploads"  # the kind under which `rejected` knows them
MOST_ATTEMPTS = 3  # a file whose analysis ended the process so often is given up


@dataclass(frozen=True)
class AudioFile:
    """One file. `track_id`: the track of which the catalogue names it, or None. `attempts` counts the one going on."""

    file_id: int
    uri: str
    size: int
    modified_at: dt.datetime
    attempts: int
    track_id: int | None


@contextmanager
def claims(store: Store) -> Iterator[sa.Connection]:
    """A connection to claim files with; what it has claimed is free again when it closes, however the process ends."""
    connection = store.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        yield connection
    finally:
        connection.detach()
        connection.close()


@dataclass(frozen=True)
class AudioCounts:
    """How many files there are in each state; when the newest was analysed, and since when the oldest waits."""

    waiting: int
    analysed: int
    duplicate: int
    rejected: int
    newest_at: dt.datetime | None
    waiting_since: dt.datetime | None

    @property
    def all(self) -> int:
        """All of them."""
        return self.waiting + self.analysed + self.duplicate + self.rejected


_WAIT = "state = 'waiting', attempts = 0, reason = NULL, detail = NULL, concluded_at = NULL"


def register(connection: sa.Connection, found: pa.Table, now: dt.datetime) -> int:
    """Let files wait that are new or changed, or turn out to be a track's; return how many wait because of it.

    `found`: uri text (distinct), size int, modified_at timestamp; and, null where it is not known: track_id int, the
    track that names the file, and audio_uri text, how it spells the uri.
    """
    stage(
        connection,
        "found_files",
        "uri text, size bigint, modified_at timestamptz, track_id bigint, audio_uri text",
        found,
    )
    query = f"""
        INSERT INTO audio_files AS f (uri, size, modified_at, track_id, audio_uri, found_at)
        SELECT uri, size, modified_at, track_id, audio_uri, :now FROM found_files g
        WHERE NOT EXISTS (SELECT FROM audio_files k WHERE k.uri = g.uri AND k.size = g.size
                          AND k.modified_at = g.modified_at
                          AND (g.track_id IS NULL OR (g.track_id, g.audio_uri) = (k.track_id, k.audio_uri)))
        ORDER BY uri
        ON CONFLICT (uri) DO UPDATE
        SET size = excluded.size, modified_at = excluded.modified_at, {_WAIT},
            track_id = coalesce(excluded.track_id, f.track_id), audio_uri = coalesce(excluded.audio_uri, f.audio_uri)
        """  # noqa: S608 - a constant
    new = connection.execute(sa.text(query), {"now": now}).rowcount
    connection.execute(sa.text("DROP TABLE found_files"))
    return int(new)


def register_outdated(connection: sa.Connection, version: int) -> int:
    """Let files wait that an analysis older than `version` has heard, or could not use; return how many."""
    query = f"UPDATE audio_files SET {_WAIT} WHERE state <> 'waiting' AND analysis_version < :version"  # noqa: S608
    return int(connection.execute(sa.text(query), {"version": version}).rowcount)


def register_again(connection: sa.Connection, states: tuple[str, ...]) -> int:
    """Let every file wait that is in one of `states`; return how many."""
    query = f"UPDATE audio_files SET {_WAIT} WHERE state = ANY(:states)"  # noqa: S608 - a constant
    return int(connection.execute(sa.text(query), {"states": list(states)}).rowcount)


def unregistered_tracks(connection: sa.Connection) -> list[tuple[int, str]]:
    """(track_id, audio_uri) of the tracks whose file is not registered; of those of one uri, the smallest id."""
    rows = connection.execute(
        sa.text("""
            SELECT min(t.track_id) AS track_id, t.audio_uri FROM tracks t
            WHERE t.audio_uri IS NOT NULL
              AND NOT EXISTS (SELECT FROM audio_files f WHERE f.uri = t.audio_uri)
              AND NOT EXISTS (SELECT FROM audio_files f WHERE f.audio_uri = t.audio_uri)
            GROUP BY t.audio_uri ORDER BY 1
        """)
    )
    return [(int(row.track_id), str(row.audio_uri)) for row in rows]


def waiting_files(connection: sa.Connection, most: int) -> list[int]:
    """The ids of files that wait, at most so many, those found first."""
    query = sa.text("SELECT file_id FROM audio_files WHERE state = 'waiting' ORDER BY file_id LIMIT :most")
    return list(connection.execute(query, {"most": most}).scalars())


def claim(connection: sa.Connection, file_id: int) -> AudioFile | None:
    """Begin an attempt at a file; None when it does not wait any more, or another process is at it.

    `connection` is one of `claims`. The file stays claimed until `release`.
    """
    locked = connection.execute(
        sa.text("SELECT pg_try_advisory_lock(hashtextextended('mixtape.audio_files', :id))"), {"id": file_id}
    ).scalar_one()
    if not locked:
        return None
    row = connection.execute(
        sa.text("""
            UPDATE audio_files SET attempts = attempts + 1 WHERE file_id = :id AND state = 'waiting'
            RETURNING file_id, uri, size, modified_at, attempts, CASE WHEN audio_uri IS NOT NULL THEN track_id END
        """),
        {"id": file_id},
    ).one_or_none()
    if row is None:
        release(connection, file_id)
        return None
    return AudioFile(*row)


def release(connection: sa.Connection, file_id: int) -> None:
    """Let go of a file that this connection has claimed."""
    connection.execute(
        sa.text("SELECT pg_advisory_unlock(hashtextextended('mixtape.audio_files', :id))"), {"id": file_id}
    )


def track_of_uri(connection: sa.Connection, uri: str) -> int | None:
    """The track whose `audio_uri` is `uri`."""
    query = sa.text("SELECT min(track_id) FROM tracks WHERE audio_uri = :uri")
    found: int | None = connection.execute(query, {"uri": uri}).scalar()
    return found


def outside_ids_of_uris(connection: sa.Connection, uris: list[str]) -> dict[str, str]:
    """The service's id of the track that has each `audio_uri`; those that no track has are left out."""
    query = sa.text("""
        SELECT t.audio_uri, i.outside_id FROM tracks t JOIN track_ids i ON i.track_id = t.track_id
        WHERE i.source = 'service' AND t.audio_uri = ANY(:uris) ORDER BY t.track_id DESC
    """)
    return {row.audio_uri: row.outside_id for row in connection.execute(query, {"uris": uris})}


def track_without_file(connection: sa.Connection, outside_ids: list[str], uri: str) -> int | None:
    """The track that has one of the service's ids, the first that has one, if no other file than `uri` is its own.

    The file is then that track's, also for the catalogue, where that names none.
    """
    track_id: int | None = connection.execute(
        sa.text("""
            SELECT i.track_id FROM track_ids i
            WHERE i.source = 'service' AND i.outside_id = ANY(:ids)
              AND NOT EXISTS (SELECT FROM audio_files f
                              WHERE f.track_id = i.track_id AND f.uri <> :uri AND f.state <> 'duplicate')
            ORDER BY array_position(:ids, i.outside_id) LIMIT 1
        """),
        {"ids": outside_ids, "uri": uri},
    ).scalar()
    if track_id is not None:
        query = sa.text("UPDATE tracks SET audio_uri = :uri WHERE track_id = :id AND audio_uri IS NULL")
        connection.execute(query, {"uri": uri, "id": track_id})
    return track_id


def forget(connection: sa.Connection, file_id: int) -> None:
    """Remove a file that is gone before anything was known of it."""
    connection.execute(sa.text("DELETE FROM audio_files WHERE file_id = :id AND state = 'waiting'"), {"id": file_id})


def conclude(
    connection: sa.Connection, file: AudioFile, *, state: str, track_id: int, version: int, now: dt.datetime
) -> None:
    """Say that an analysis of `version` heard a file: it is the track's (analysed), or repeats it (duplicate)."""
    _finish(connection, file, state=state, track_id=track_id, version=version, now=now, reason=None, detail=None)
    connection.execute(sa.text("DELETE FROM rejected WHERE kind = :kind AND content_hash = :hash"), _named(file.uri))


def reject(
    connection: sa.Connection, file: AudioFile, *, reason: str, detail: str, version: int, now: dt.datetime
) -> None:
    """Set a file aside that an analysis of `version` can't use, with the reason."""
    values = {"state": "rejected", "track_id": file.track_id, "version": version, "now": now}
    _finish(connection, file, **values, reason=reason, detail=_storable(detail))
    set_aside(connection, file.uri, reason=reason, detail=detail, now=now)


def set_aside(connection: sa.Connection, source: str, *, reason: str, detail: str, now: dt.datetime) -> bool:
    """Record in `rejected` what can't be used; False when it is there already, for the same reason."""
    values = _named(source) | {"reason": reason, "detail": _storable(detail), "now": now}
    query = "SELECT reason FROM rejected WHERE kind = :kind AND content_hash = :hash"
    if reason in connection.execute(sa.text(query), values).scalars().all():
        return False
    connection.execute(sa.text("DELETE FROM rejected WHERE kind = :kind AND content_hash = :hash"), values)
    connection.execute(
        sa.text("""
            INSERT INTO rejected (kind, source, content_hash, reason, detail, rejected_at)
            VALUES (:kind, :source, :hash, :reason, :detail, :now)
        """),
        values,
    )
    return True


def count_files(connection: sa.Connection, since: dt.datetime | None = None) -> AudioCounts:
    """How many files are in each state; with `since`, those that came to it at or after that moment."""
    row = connection.execute(
        sa.text("""
            SELECT count(*) FILTER (WHERE state = 'waiting') AS waiting,
                   count(*) FILTER (WHERE state = 'analysed') AS analysed,
                   count(*) FILTER (WHERE state = 'duplicate') AS duplicate,
                   count(*) FILTER (WHERE state = 'rejected') AS rejected,
                   max(concluded_at) FILTER (WHERE state = 'analysed') AS newest_at,
                   min(found_at) FILTER (WHERE state = 'waiting') AS waiting_since
            FROM audio_files WHERE :since IS NULL OR coalesce(concluded_at, found_at) >= CAST(:since AS timestamptz)
        """),
        {"since": since},
    ).one()
    return AudioCounts(**row._mapping)


def _finish(connection: sa.Connection, file: AudioFile, **values: Any) -> None:
    connection.execute(
        sa.text("""
            UPDATE audio_files
            SET state = :state, track_id = :track_id, analysis_version = :version, reason = :reason, detail = :detail,
                concluded_at = :now
            WHERE file_id = :file_id AND size = :size AND modified_at = :modified_at
        """),
        values | {"file_id": file.file_id, "size": file.size, "modified_at": file.modified_at},
    )


def _named(source: str) -> dict[str, str]:
    """How `rejected` knows a file: its content need not be readable, so its name is hashed."""
    name = source.encode(errors="backslashreplace")
    return {"kind": UPLOADS, "source": name.decode(), "hash": hashlib.sha256(name).hexdigest()}


def _storable(text: str) -> str:
    """`text` as Postgres takes it."""
    return text.replace("\0", "\\x00").encode(errors="backslashreplace").decode()[:2_000]
