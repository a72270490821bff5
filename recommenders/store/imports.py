"""The ledger of imports, and the lines that were set aside."""

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import sqlalchemy as sa

from recommenders.store.bulk import stage
from recommenders.store.database import Store


@dataclass(frozen=True)
class ImportedFile:
    """What a file is known by: its kind, where it came from, and the hash of its content."""

    kind: str
    source: str
    content_hash: str


def record_import(
    connection: sa.Connection,
    file: ImportedFile,
    started_at: datetime,
    finished_at: datetime,
    rows_read: int,
    rows_new: int,
    rows_rejected: int,
) -> None:
    """Add one line to the ledger."""
    connection.execute(
        sa.text("""
            INSERT INTO imports
                (kind, source, content_hash, started_at, finished_at, rows_read, rows_new, rows_rejected)
            VALUES (:kind, :source, :content_hash, :started_at, :finished_at, :rows_read, :rows_new, :rows_rejected)
        """),
        {
            "kind": file.kind,
            "source": file.source,
            "content_hash": file.content_hash,
            "started_at": started_at,
            "finished_at": finished_at,
            "rows_read": rows_read,
            "rows_new": rows_new,
            "rows_rejected": rows_rejected,
        },
    )


def set_aside(
    connection: sa.Connection,
    file: ImportedFile,
    first_line: int,
    last_line: int | None,
    rejected: pa.Table,
    at: datetime,
) -> None:
    """Make `rejected` (line int64, reason, detail, raw) all that is set aside of these lines of the file.

    A line that is already set aside for the same reason stays as it is; one that has become good disappears.
    `last_line` None means to the end of the file.
    """
    stage(connection, "set_aside", "line bigint, reason text, detail text, raw text", rejected)
    facts = {
        "kind": file.kind,
        "source": file.source,
        "content_hash": file.content_hash,
        "first": first_line,
        "last": last_line,
        "at": at,
    }
    connection.execute(
        sa.text("""
            DELETE FROM rejected r
            WHERE kind = :kind AND content_hash = :content_hash
              AND line >= :first AND line <= coalesce(cast(:last AS bigint), line)
              AND NOT EXISTS (SELECT FROM set_aside s WHERE s.line = r.line AND s.reason = r.reason)
        """),
        facts,
    )
    connection.execute(
        sa.text("""
            INSERT INTO rejected (kind, source, content_hash, line, reason, detail, raw, rejected_at)
            SELECT :kind, :source, :content_hash, line, reason, detail, raw, :at
            FROM set_aside s
            WHERE NOT EXISTS (
                SELECT FROM rejected r
                WHERE r.kind = :kind AND r.content_hash = :content_hash AND r.line = s.line AND r.reason = s.reason)
            ORDER BY line
        """),
        facts,
    )


_TABLES = {
    "catalogue": "tracks, track_artists, track_ids, artists, artist_ids, releases, works",
    "users": "users, user_ids",
    "listening": "events, listening_totals, heard, users, user_ids",
}


def refresh_statistics(store: Store, kind: str) -> None:
    """Tell the planner what an import changed; without it, the first queries take minutes."""
    with store.begin() as connection:
        connection.execute(sa.text(f"ANALYZE {_TABLES[kind]}"))
