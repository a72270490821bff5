"""The frontier: every address of a site that was found, and what came of it."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa
import sqlalchemy as sa

from recommenders.store.bulk import stage


class PageRole(StrEnum):
    """What a page is to be: it leads to others, or it is an article."""

    FEED = "feed"
    SITEMAP = "sitemap"
    LISTING = "listing"
    ARTICLE = "article"


class PageState(StrEnum):
    """What came of a page."""

    WAITING = "waiting"
    FETCHED = "fetched"
    REFUSED = "refused"


@dataclass(frozen=True)
class Page:
    """A page that is to be fetched. `depth` 0: asked for at each crawl; `etag`, `last_modified`: of the last answer."""

    page_id: int
    site_id: int
    url: str
    role: PageRole
    depth: int
    tries: int
    found_at: dt.datetime
    published_at: dt.datetime | None
    etag: str | None
    last_modified: str | None


@dataclass(frozen=True)
class FoundAddress:
    """An address that a page names.

    It waits from now on if it is new, or if it was fetched before this crawl and is `again` to be looked at, or has
    changed since (`changed_at`).
    """

    site_id: int
    url: str
    role: PageRole
    depth: int
    published_at: dt.datetime | None = None
    changed_at: dt.datetime | None = None
    again: bool = False


@dataclass(frozen=True)
class PageResult:
    """What came of a page that was asked for. `reason`, `detail`: why it is refused, or waits for another try.

    `role`: what it turned out to be, where that is not what it was taken for.

    `etag` and `last_modified` None on a page that is `not_modified` stay as they were.
    """

    page_id: int
    state: PageState
    fetched_at: dt.datetime
    tries: int = 0
    etag: str | None = None
    last_modified: str | None = None
    not_modified: bool = False
    reason: str | None = None
    detail: str | None = None
    role: PageRole | None = None


def open_frontier(
    connection: sa.Connection, site_id: int, entry: str, role: PageRole, limit: int, now: dt.datetime
) -> list[Page]:
    """The pages with which a crawl begins: those asked for each time, then at most `limit` that wait, last found first.

    `entry` is the site's own address.
    """
    connection.execute(
        sa.text("""
            INSERT INTO pages (site_id, url, role, depth, found_at) VALUES (:site_id, :url, :role, 0, :now)
            ON CONFLICT (site_id, md5(url)) DO UPDATE SET role = excluded.role, depth = 0
        """),
        {"site_id": site_id, "url": entry, "role": role, "now": now},
    )
    rows = connection.execute(
        sa.text("""
            SELECT * FROM (
                (SELECT * FROM pages p WHERE site_id = :site_id AND depth = 0)
                UNION ALL
                (SELECT * FROM pages p WHERE site_id = :site_id AND state = 'waiting' AND depth > 0
                 ORDER BY found_at DESC, page_id LIMIT :limit)
            ) p ORDER BY depth > 0, found_at DESC, page_id
        """),
        {"site_id": site_id, "limit": limit},
    )
    return [_page(row) for row in rows]


def count_addresses(connection: sa.Connection, site_id: int) -> int:
    """How many addresses of a site are known."""
    return int(
        connection.execute(
            sa.text("SELECT count(*) FROM pages WHERE site_id = :site_id"), {"site_id": site_id}
        ).scalar_one()
    )


def count_waiting(connection: sa.Connection, site_id: int) -> int:
    """How many pages of a site wait."""
    return int(
        connection.execute(
            sa.text("SELECT count(*) FROM pages WHERE site_id = :site_id AND state = 'waiting'"), {"site_id": site_id}
        ).scalar_one()
    )


def add_addresses(
    connection: sa.Connection, found: Sequence[FoundAddress], now: dt.datetime
) -> tuple[list[Page], list[bool]]:
    """Note addresses; those that wait from now on, and for each given one whether it was unknown before.

    `now` is when the crawl began: what was fetched since then is not asked for again.
    """
    if not found:
        return [], []
    stage(connection, "found_addresses", _FOUND, _as_table(found))
    again = connection.execute(
        sa.text("""
            UPDATE pages p SET
                state = 'waiting', tries = 0, reason = NULL, detail = NULL, found_at = :now,
                published_at = coalesce(f.published_at, p.published_at)
            FROM found_addresses f
            WHERE p.site_id = f.site_id AND md5(p.url) = md5(f.url) AND p.url = f.url AND p.depth > 0
              AND p.state <> 'waiting' AND p.fetched_at < :now
              AND (f.again AND p.state = 'fetched' OR f.changed_at > p.fetched_at)
            RETURNING p.*
        """),
        {"now": now},
    ).all()
    added = connection.execute(
        sa.text("""
            INSERT INTO pages (site_id, url, role, depth, found_at, published_at)
            SELECT site_id, url, role, depth, :now, published_at FROM found_addresses ORDER BY place
            ON CONFLICT (site_id, md5(url)) DO NOTHING
            RETURNING *
        """),
        {"now": now},
    ).all()
    connection.execute(sa.text("DROP TABLE found_addresses"))
    new = {(row.site_id, row.url) for row in added}
    pages = sorted((_page(row) for row in [*again, *added]), key=lambda page: page.page_id)
    return pages, [(each.site_id, each.url) in new for each in found]


_FOUND = (
    "place integer, site_id bigint, url text, role text, depth smallint, published_at timestamptz, "
    "changed_at timestamptz, again boolean"
)
_TIME = pa.timestamp("us", "UTC")


def _as_table(found: Sequence[FoundAddress]) -> pa.Table:
    kept = list({(each.site_id, each.url): each for each in reversed(found)}.values())[::-1]
    types = {
        "site_id": pa.int64(),
        "url": pa.string(),
        "role": pa.string(),
        "depth": pa.int16(),
        "published_at": _TIME,
        "changed_at": _TIME,
        "again": pa.bool_(),
    }
    columns = {name: pa.array([getattr(each, name) for each in kept], kind) for name, kind in types.items()}
    return pa.table({"place": pa.array(range(len(kept)), pa.int32()), **columns})


def save_results(connection: sa.Connection, results: Sequence[PageResult]) -> None:
    """Note what came of pages."""
    names = (
        "page_id",
        "state",
        "fetched_at",
        "tries",
        "etag",
        "last_modified",
        "not_modified",
        "reason",
        "detail",
        "role",
    )
    connection.execute(
        sa.text("""
            UPDATE pages p SET
                state = r.state, fetched_at = r.fetched_at, tries = r.tries, reason = r.reason, detail = r.detail,
                role = coalesce(r.role, p.role),
                etag = CASE WHEN r.not_modified THEN coalesce(r.etag, p.etag) ELSE r.etag END,
                last_modified = CASE WHEN r.not_modified THEN coalesce(r.last_modified, p.last_modified)
                                     ELSE r.last_modified END
            FROM unnest(CAST(:page_id AS bigint[]), CAST(:state AS text[]), CAST(:fetched_at AS timestamptz[]),
                        CAST(:tries AS smallint[]), CAST(:etag AS text[]), CAST(:last_modified AS text[]),
                        CAST(:not_modified AS boolean[]), CAST(:reason AS text[]), CAST(:detail AS text[]),
                        CAST(:role AS text[]))
                 r (page_id, state, fetched_at, tries, etag, last_modified, not_modified, reason, detail, role)
            WHERE p.page_id = r.page_id
        """),
        {name: [getattr(each, name) for each in results] for name in names},
    )


def set_aside(connection: sa.Connection, urls: Sequence[str], results: Sequence[PageResult]) -> None:
    """Show operators which pages were refused, and why; what was refused before and is not any more is taken out."""
    names = ("state", "fetched_at", "reason", "detail")
    values = {"url": list(urls)} | {name: [getattr(each, name) for each in results] for name in names}
    connection.execute(
        sa.text("DELETE FROM rejected WHERE kind = 'crawl' AND content_hash = ANY(:hashes)"),
        {"hashes": [_hash(url) for url in urls]},
    )
    connection.execute(
        sa.text("""
            INSERT INTO rejected (kind, source, content_hash, reason, detail, rejected_at)
            SELECT 'crawl', url, hash, reason, coalesce(detail, ''), fetched_at
            FROM unnest(CAST(:url AS text[]), CAST(:hash AS text[]), CAST(:state AS text[]),
                        CAST(:fetched_at AS timestamptz[]), CAST(:reason AS text[]), CAST(:detail AS text[]))
                 r (url, hash, state, fetched_at, reason, detail)
            WHERE state = 'refused'
        """),
        values | {"hash": [_hash(url) for url in urls]},
    )


def _hash(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def _page(row: sa.Row[tuple[object, ...]]) -> Page:
    fields = {name: getattr(row, name) for name in Page.__dataclass_fields__}
    return Page(**fields | {"role": PageRole(row.role)})
