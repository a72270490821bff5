"""How old what mixtapes are made from is, and whether that is too old."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from recommenders.timing import duration

MODEL_STALE = dt.timedelta(days=8)  # trained on Sundays, so never much older than a week
LISTENING_STALE = dt.timedelta(days=8)  # a Monday needs what was played in the week before it
CATALOGUE_STALE = dt.timedelta(weeks=8)  # a service that gets no new songs for so long is one whose import has stopped
READING_STALE = dt.timedelta(days=3)  # blogs are crawled every day
UPLOAD_WAITS = dt.timedelta(hours=6)  # they are looked for every ten minutes, and heard within hours even in thousands
LATELY = dt.timedelta(days=7)

_SENTENCES = {
    "Listening": "The {what} is {age} old: does the import still run?",
    "Catalogue": "The {what} is {age} old: does the import of the catalogue still run?",
    "Uploads": "The {what} has waited for {age}: does the DAG analyse_uploads still run?",
    "Blogs": "The {what} is {age} old: does the DAG crawl_blogs still run?",
    "Audio network": "The audio network is stale ({what}: {age} ago): see the last run of retrain_audio_network.",
    "Ranker": "The ranker is stale ({what}: {age} ago): see the last run of retrain_ranker.",
    "Champion model": "The champion model is stale ({what}: {age} ago): see the last run of retrain_collaborative.",
}


class Freshness(StrEnum):
    """How an input is: fresh, older than its limit, or not there."""

    FRESH = "fresh"
    STALE = "stale"
    MISSING = "missing"


@dataclass(frozen=True)
class Input:
    """How old one thing is that mixtapes are made from, or they themselves; `limit`: it is stale when older than that.

    `name` says of what it is a part, `what` which moment `at` is, `detail` what there is to know besides.
    """

    name: str
    what: str
    at: dt.datetime | None
    state: Freshness
    limit: dt.timedelta | None = None
    detail: str = ""


@dataclass(frozen=True)
class SetAside:
    """Rows of the last seven days' imports that could not be used, by kind; `newest_at`: the last import with any."""

    rows_read: int
    by_kind: dict[str, int]
    newest_at: dt.datetime | None

    @property
    def rows(self) -> int:
        """All of them."""
        return sum(self.by_kind.values())


@dataclass(frozen=True)
class ImportStatus:
    """The last import that brought a file in."""

    kind: str
    source: str
    finished_at: dt.datetime
    rows_read: int
    rows_new: int
    rows_rejected: int


def aged(
    now: dt.datetime,
    name: str,
    what: str,
    at: dt.datetime | None,
    limit: dt.timedelta | None,
    detail: str = "",
    there: bool = False,
) -> Input:
    """The input as its age at `now` makes it; `there`: it is not missing though nobody knows since when."""
    state = Freshness.FRESH if at or there else Freshness.MISSING
    if at and limit and now - at > limit:
        state = Freshness.STALE
    return Input(name, what, at, state, limit, detail)


def last_import(now: dt.datetime, name: str, done: ImportStatus | None, limit: dt.timedelta) -> Input:
    """The input that the import `done` brought in."""
    if done is None:
        return Input(name, "last import", None, Freshness.MISSING, limit)
    detail = f"{done.source}: {done.rows_new:,} new of {done.rows_read:,} rows"
    detail += f", {done.rows_rejected:,} set aside" if done.rows_rejected else ""
    return aged(now, name, "last import", done.finished_at, limit, detail)


def sentences(inputs: Iterable[Input], now: dt.datetime) -> list[str]:
    """What is stale, one sentence for each name."""
    found: dict[str, str] = {}
    for each in inputs:
        if each.state is Freshness.STALE and each.at and each.name in _SENTENCES:
            sentence = _SENTENCES[each.name].format(what=each.what, age=duration(now - each.at))
            found.setdefault(each.name, sentence)
    return list(found.values())


def last_imports(connection: sa.Connection) -> dict[str, ImportStatus]:
    """The last import of each kind."""
    rows = connection.execute(
        sa.text("""
            SELECT DISTINCT ON (kind) kind, source, finished_at, rows_read, rows_new, rows_rejected FROM imports
            ORDER BY kind, finished_at DESC, import_id DESC
        """)
    )
    return {row.kind: ImportStatus(*row) for row in rows}


def set_aside(connection: sa.Connection, now: dt.datetime) -> SetAside:
    """What the imports of the last days set aside; of a file that was imported again, only the last time counts."""
    rows = connection.execute(
        sa.text("""
            WITH last AS (
                SELECT DISTINCT ON (kind, content_hash) kind, finished_at, rows_read, rows_rejected FROM imports
                WHERE finished_at > :since ORDER BY kind, content_hash, finished_at DESC
            )
            SELECT kind, sum(rows_read) AS rows_read, sum(rows_rejected) AS rejected,
                   max(finished_at) FILTER (WHERE rows_rejected > 0) AS newest_at
            FROM last GROUP BY kind ORDER BY kind
        """),
        {"since": now - LATELY},
    ).all()
    return SetAside(
        rows_read=sum(int(row.rows_read) for row in rows),
        by_kind={row.kind: int(row.rejected) for row in rows if row.rejected},
        newest_at=max((row.newest_at for row in rows if row.newest_at), default=None),
    )


def newest(connection: sa.Connection, table: str, column: str, now: dt.datetime) -> dt.datetime | None:
    """The newest moment in a column that is not after `now`."""
    moment = sa.column(column, sa.DateTime(timezone=True))
    found: dt.datetime | None = connection.execute(
        sa.select(sa.func.max(moment)).select_from(sa.table(table)).where(moment <= now)
    ).scalar()
    return found
