"""Sites and their crawls: what is due when, what a crawl may cost, what it cost, how it ended."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from recommenders.errors import UnknownNameError

FIRST_DELAY = dt.timedelta(minutes=15)
LONGEST_DELAY = dt.timedelta(weeks=1)


class SiteKind(StrEnum):
    """What stands at a site's address."""

    FEED = "feed"
    SITEMAP = "sitemap"
    PAGES = "pages"


class CrawlOutcome(StrEnum):
    """How a crawl of a site ended."""

    FINISHED = "finished"  # nothing waits any more
    BUDGET_SPENT = "budget_spent"  # the rest is for the next crawl
    ASKED_TO_WAIT = "asked_to_wait"  # by the server: 429 or 503 with Retry-After
    FAILED = "failed"
    INTERRUPTED = "interrupted"  # its process ended in the middle

    @property
    def is_failure(self) -> bool:
        """Whether the site is to be left alone for longer and longer."""
        return self in (CrawlOutcome.FAILED, CrawlOutcome.ASKED_TO_WAIT)


@dataclass(frozen=True)
class Site:
    """A site; a budget or delay that is None is the crawl's default."""

    site_id: int
    url: str
    name: str
    kind: SiteKind
    allow_private: bool
    max_pages: int | None
    max_bytes: int | None
    max_seconds: int | None
    delay_s: float | None
    failures: int


@dataclass(frozen=True)
class CrawlFigures:
    """What a crawl of one site cost and brought."""

    requests: int = 0
    not_modified: int = 0
    bytes: int = 0
    articles: int = 0
    refused: int = 0


@dataclass(frozen=True)
class CrawlEnd:
    """How a crawl ended. `next_crawl_at`: when the site is due again, if it did not fail."""

    outcome: CrawlOutcome
    detail: str
    finished_at: dt.datetime
    next_crawl_at: dt.datetime


@dataclass(frozen=True)
class SiteCrawl:
    """One crawl of one site, as it is recorded; `outcome` None: it goes on, or was cut off."""

    crawl_id: int
    site_id: int
    url: str
    figures: CrawlFigures
    outcome: CrawlOutcome | None
    detail: str | None


def add_site(
    connection: sa.Connection,
    url: str,
    *,
    name: str,
    kind: SiteKind,
    now: dt.datetime,
    allow_private: bool = False,
    max_pages: int | None = None,
    max_bytes: int | None = None,
    max_seconds: int | None = None,
    delay_s: float | None = None,
) -> int:
    """Note a site, due at once; one of this address is changed to what is given. Its id."""
    values = {key: value for key, value in locals().items() if key != "connection"}
    return int(
        connection.execute(
            sa.text("""
                INSERT INTO sites (url, name, kind, allow_private, max_pages, max_bytes, max_seconds, delay_s, added_at,
                                   next_crawl_at)
                VALUES (:url, :name, :kind, :allow_private, :max_pages, :max_bytes, :max_seconds, :delay_s, :now, :now)
                ON CONFLICT (url) DO UPDATE SET
                    name = excluded.name, kind = excluded.kind, allow_private = excluded.allow_private,
                    max_pages = excluded.max_pages, max_bytes = excluded.max_bytes, delay_s = excluded.delay_s,
                    max_seconds = excluded.max_seconds, active = true, failures = 0,
                    next_crawl_at = excluded.next_crawl_at
                RETURNING site_id
            """),
            values,
        ).scalar_one()
    )


def remove_site(connection: sa.Connection, site_id: int) -> None:
    """Forget a site and its pages; the articles stay."""
    connection.execute(sa.text("DELETE FROM sites WHERE site_id = :id"), {"id": site_id})


def find_sites(connection: sa.Connection, names: Sequence[str]) -> list[int]:
    """The ids of the sites of these addresses or names; raises UnknownNameError for one that there is not."""
    found: dict[int, None] = {}
    for name in names:
        ids = connection.execute(
            sa.text("SELECT site_id FROM sites WHERE url = :name OR name = :name ORDER BY site_id"), {"name": name}
        ).scalars()
        named = dict.fromkeys(ids)
        found |= named
        if not named:
            raise UnknownNameError(f"There is no site {name}. `mixtape sites list` shows those that there are.")
    return list(found)


def due_sites(connection: sa.Connection, now: dt.datetime) -> list[int]:
    """The active sites that are due, those that wait longest first."""
    return list(
        connection.execute(
            sa.text("SELECT site_id FROM sites WHERE active AND next_crawl_at <= :now ORDER BY next_crawl_at, site_id"),
            {"now": now},
        ).scalars()
    )


def get_sites(connection: sa.Connection, site_ids: Sequence[int]) -> list[Site]:
    """The sites of these ids, ascending."""
    rows = connection.execute(
        sa.text("""
            SELECT site_id, url, name, kind, allow_private, max_pages, max_bytes, max_seconds, delay_s, failures
            FROM sites WHERE site_id = ANY(:ids) ORDER BY site_id
        """),
        {"ids": list(site_ids)},
    )
    return [Site(**dict(row._mapping) | {"kind": SiteKind(row.kind)}) for row in rows]


def hold_site(connection: sa.Connection, site_id: int) -> bool:
    """Hold a site for as long as this connection lives; False when another crawl holds it."""
    return bool(
        connection.execute(
            sa.text("SELECT pg_try_advisory_lock(hashtextextended('mixtape.site.' || CAST(:id AS text), 0))"),
            {"id": site_id},
        ).scalar_one()
    )


def begin_crawl(connection: sa.Connection, site_id: int, run_key: str | None, now: dt.datetime) -> int:
    """Open the record of a crawl; those of the site that were cut off are closed."""
    end_interrupted(connection, [site_id], now)
    return int(
        connection.execute(
            sa.text("""
                INSERT INTO crawls (site_id, run_key, started_at) VALUES (:site_id, :run_key, :now)
                RETURNING crawl_id
            """),
            {"site_id": site_id, "run_key": run_key, "now": now},
        ).scalar_one()
    )


def end_interrupted(connection: sa.Connection, site_ids: Sequence[int], now: dt.datetime) -> None:
    """Close the records of these sites' crawls that never ended."""
    connection.execute(
        sa.text("""
            UPDATE crawls SET finished_at = :now, outcome = 'interrupted'
            WHERE site_id = ANY(:ids) AND finished_at IS NULL
        """),
        {"ids": list(site_ids), "now": now},
    )


def count_crawl(connection: sa.Connection, crawl_id: int, figures: CrawlFigures) -> None:
    """Note what a crawl has cost and brought so far, in the transaction that stores what it brought."""
    connection.execute(
        sa.text("""
            UPDATE crawls SET requests = :requests, not_modified = :not_modified, bytes = :bytes, articles = :articles,
                              refused = :refused
            WHERE crawl_id = :crawl_id
        """),
        {"crawl_id": crawl_id, **vars(figures)},
    )


def note_crawl(connection: sa.Connection, crawl_id: int, end: CrawlEnd) -> None:
    """Close the record of a crawl and say when its site is due again.

    After a failure that is 15 minutes, and twice as long after each further one, up to a week; never sooner than
    `end.next_crawl_at` where the server said so. Of a site that was removed meanwhile, nothing is noted.
    """
    failures = connection.execute(
        sa.text("""
            UPDATE crawls SET finished_at = :now, outcome = :outcome, detail = nullif(:detail, '')
            WHERE crawl_id = :crawl_id
            RETURNING (SELECT failures FROM sites s WHERE s.site_id = crawls.site_id)
        """),
        {"crawl_id": crawl_id, "now": end.finished_at, "outcome": end.outcome, "detail": end.detail},
    ).scalar()
    if failures is None:
        return
    due = end.next_crawl_at
    if end.outcome.is_failure:
        due = max(due, end.finished_at + back_off(failures))
    connection.execute(
        sa.text("""
            UPDATE sites SET failures = CASE WHEN :failed THEN failures + 1 ELSE 0 END, next_crawl_at = :due
            WHERE site_id = (SELECT site_id FROM crawls WHERE crawl_id = :crawl_id)
        """),
        {"crawl_id": crawl_id, "failed": end.outcome.is_failure, "due": due},
    )


def back_off(failures: int) -> dt.timedelta:
    """How long a site is left alone that failed `failures` times before, and now again."""
    longer: int = 2 ** min(failures, 20)
    return min(FIRST_DELAY * longer, LONGEST_DELAY)


def crawls_since(connection: sa.Connection, site_ids: Sequence[int], crawl_id: int) -> list[SiteCrawl]:
    """The crawls of these sites that began after the crawl `crawl_id`, in their order."""
    rows = connection.execute(
        sa.text("""
            SELECT c.crawl_id, c.site_id, s.url, c.requests, c.not_modified, c.bytes, c.articles, c.refused, c.outcome,
                   c.detail
            FROM crawls c JOIN sites s USING (site_id)
            WHERE c.site_id = ANY(:ids) AND c.crawl_id > :after ORDER BY c.crawl_id
        """),
        {"ids": list(site_ids), "after": crawl_id},
    )
    return [
        SiteCrawl(
            row.crawl_id,
            row.site_id,
            row.url,
            CrawlFigures(row.requests, row.not_modified, row.bytes, row.articles, row.refused),
            CrawlOutcome(row.outcome) if row.outcome else None,
            row.detail,
        )
        for row in rows
    ]


def last_crawl(connection: sa.Connection) -> int:
    """The number of the newest crawl; 0 before the first."""
    return int(connection.execute(sa.text("SELECT coalesce(max(crawl_id), 0) FROM crawls")).scalar_one())
