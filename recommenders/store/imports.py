"""The ledger of imports, and the lines that were set aside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import sqlalchemy as sa

from recommenders.store.bulk import stage
from recommenders.store.database import Store, glance


@dataclass(frozen=True)
class ImportedFile:
    """What a file is known by: its kind, where it came from, and the hash of its content."""

    kind: str
    source: str
    content_hash: str


def begin_import(connection: sa.Connection, file: ImportedFile, started_at: datetime, run_key: str | None) -> int:
    """Open a line of the ledger for the file; return its id.

    A run (`run_key`) takes over the line of an import that was cut off before the file was out of the way, with its new
    rows. Without a run, each import has a line of its own.
    """
    values = vars(file) | {"at": started_at, "run_key": run_key}
    import_id = connection.execute(
        sa.text("""
            UPDATE imports SET run_key = :run_key
            WHERE CAST(:run_key AS text) IS NOT NULL AND NOT settled
              AND kind = :kind AND source = :source AND content_hash = :content_hash
            RETURNING import_id
        """),
        values,
    ).scalar()
    if import_id is None:
        import_id = connection.execute(
            sa.text("""
                INSERT INTO imports (kind, source, content_hash, started_at, finished_at, rows_read, rows_new,
                                     rows_rejected, run_key, settled)
                VALUES (:kind, :source, :content_hash, :at, :at, 0, 0, 0, :run_key, CAST(:run_key AS text) IS NULL)
                RETURNING import_id
            """),
            values,
        ).scalar_one()
    return int(import_id)


def add_new_rows(connection: sa.Connection, import_id: int, rows_new: int) -> None:
    """Count new rows in the transaction that writes them: a load that is cut off and done again counts each once."""
    connection.execute(
        sa.text("UPDATE imports SET rows_new = rows_new + :new WHERE import_id = :id"),
        {"id": import_id, "new": rows_new},
    )


def finish_import(
    connection: sa.Connection, import_id: int, finished_at: datetime, rows_read: int, rows_rejected: int
) -> int:
    """Complete a line of the ledger; return its new rows, those before it was cut off included."""
    rows_new: int = connection.execute(
        sa.text("""
            UPDATE imports SET finished_at = :at, rows_read = :read, rows_rejected = :rejected
            WHERE import_id = :id RETURNING rows_new
        """),
        {"id": import_id, "at": finished_at, "read": rows_read, "rejected": rows_rejected},
    ).scalar_one()
    return rows_new


def settle_imports(connection: sa.Connection, kind: str, waiting: list[str]) -> None:
    """Close the ledger's lines of the kind but for the files that still wait: the same file again is another import."""
    connection.execute(
        sa.text("UPDATE imports SET settled = true WHERE NOT settled AND kind = :kind AND source <> ALL (:waiting)"),
        {"kind": kind, "waiting": waiting},
    )


def imported_by(connection: sa.Connection, run_key: str, kinds: Sequence[str]) -> dict[str, int]:
    """The rows, new and rejected rows of a run's files of these kinds, in whichever of its tries they were loaded."""
    row = connection.execute(
        sa.text("""
            SELECT coalesce(sum(rows_read), 0) AS rows, coalesce(sum(rows_new), 0) AS new,
                   coalesce(sum(rows_rejected), 0) AS rejected
            FROM imports WHERE run_key = :run_key AND kind = ANY(:kinds)
        """),
        {"run_key": run_key, "kinds": list(kinds)},
    ).one()
    return {name: int(count) for name, count in row._mapping.items()}


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
    "tags": "articles",
    "biographies": "articles",
    "articles": "articles, article_bands",
    "editorial": "editorial_playlists, editorial_tracks, editorial_tags",
}


def refresh_statistics(store: Store, kind: str) -> None:
    """Tell the planner what an import changed; without it, the first queries take minutes."""
    with store.begin() as connection:
        glance(connection, _TABLES[kind])


@dataclass(frozen=True)
class RejectedRow:
    """A file, page or line that can't be used: where it came from, and why."""

    source: str
    reason: str
    detail: str
    rejected_at: datetime


def last_set_aside(connection: sa.Connection, kind: str, most: int = 100) -> list[RejectedRow]:
    """What of this kind can't be used, the last ones first."""
    rows = connection.execute(
        sa.text("""
            SELECT source, reason, detail, rejected_at FROM rejected WHERE kind = :kind
            ORDER BY rejected_at DESC, rejected_id DESC LIMIT :most
        """),
        {"kind": kind, "most": most},
    )
    return [RejectedRow(*row) for row in rows]
