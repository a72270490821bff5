"""What is to be seen of reading: the sites and their last crawls, the articles, what was set aside, artists by name."""

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa


@dataclass(frozen=True)
class SiteState:
    """A site and its last crawl. `outcome` None: it was never crawled, or is crawled now (`crawl_began_at` is set)."""

    url: str
    name: str
    kind: str
    active: bool
    failures: int
    next_crawl_at: dt.datetime
    crawl_began_at: dt.datetime | None
    crawl_ended_at: dt.datetime | None
    outcome: str | None
    detail: str | None
    articles: int
    waiting: int
    refused: int


@dataclass(frozen=True)
class ReadingCounts:
    """How much was read: sites, articles and what of them is a duplicate or waits, who was mentioned how often."""

    sites: int
    articles: int
    duplicates: int
    waiting: int
    mentions: int
    described: int
    failing: int
    crawled_at: dt.datetime | None
    newest_at: dt.datetime | None
    weighed_on: dt.date | None


@dataclass(frozen=True)
class RefusedPage:
    """A page that can't be used, and why."""

    url: str
    reason: str
    detail: str
    rejected_at: dt.datetime


@dataclass(frozen=True)
class ArtistRow:
    """An artist by the service's own id, if it has one, with the articles that mention it."""

    artist_id: int
    outside_id: str | None
    name: str
    articles: int


@dataclass(frozen=True)
class ArticleRow:
    """An article that mentions an artist: where it is, and the mean sentiment of its mentions, in [-1, 1]."""

    url: str
    title: str
    published_at: dt.datetime
    mentions: int
    sentiment: float


def count_reading(connection: sa.Connection) -> ReadingCounts:
    """How much was read."""
    row = connection.execute(
        sa.text("""
            SELECT (SELECT count(*) FROM sites WHERE active) AS sites, count(*) AS articles,
                   count(duplicate_of) AS duplicates,
                   count(*) FILTER (WHERE read_version IS NULL AND duplicate_of IS NULL) AS waiting,
                   (SELECT count(*) FROM mentions) AS mentions,
                   (SELECT count(*) FROM entity_terms WHERE entity_kind = 'artist') AS described,
                   (SELECT count(*) FROM sites WHERE active AND failures > 0) AS failing,
                   (SELECT max(finished_at) FROM crawls) AS crawled_at, max(fetched_at) AS newest_at,
                   (SELECT max(as_of) FROM top_terms) AS weighed_on
            FROM articles
        """)
    ).one()
    return ReadingCounts(**row._mapping)


def site_states(connection: sa.Connection) -> list[SiteState]:
    """Every site with its last crawl, those in trouble first."""
    rows = connection.execute(
        sa.text("""
            SELECT s.url, s.name, s.kind, s.active, s.failures, s.next_crawl_at, c.started_at AS crawl_began_at,
                   c.finished_at AS crawl_ended_at, c.outcome, c.detail,
                   (SELECT count(*) FROM articles a WHERE a.site_id = s.site_id) AS articles,
                   (SELECT count(*) FROM pages p WHERE p.site_id = s.site_id AND p.state = 'waiting') AS waiting,
                   (SELECT count(*) FROM pages p WHERE p.site_id = s.site_id AND p.state = 'refused') AS refused
            FROM sites s LEFT JOIN LATERAL (
                SELECT * FROM crawls WHERE site_id = s.site_id ORDER BY crawl_id DESC LIMIT 1
            ) c ON true
            ORDER BY s.failures DESC, s.name, s.url
        """)
    )
    return [SiteState(**row._mapping) for row in rows]


def refused_pages(connection: sa.Connection, most: int = 100) -> list[RefusedPage]:
    """The pages that could not be used, the last ones first."""
    rows = connection.execute(
        sa.text("""
            SELECT source, reason, detail, rejected_at FROM rejected WHERE kind = 'crawl'
            ORDER BY rejected_at DESC, rejected_id DESC LIMIT :most
        """),
        {"most": most},
    )
    return [RefusedPage(*row) for row in rows]


def find_artists(connection: sa.Connection, text: str, limit: int = 20) -> list[ArtistRow]:
    """Artists whose name, alias or id contains `text`, in any case: an equal one first, then the most written about.

    Without text, those most written about.
    """
    text = text.replace("\0", "\ufffd")
    pattern = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    rows = connection.execute(
        sa.text("""
            SELECT a.artist_id, min(i.outside_id) AS outside_id, a.name, coalesce(max(e.articles), 0) AS articles
            FROM artists a
            LEFT JOIN artist_ids i ON i.artist_id = a.artist_id AND i.source = 'service'
            LEFT JOIN entity_terms e ON e.entity_kind = 'artist' AND e.entity_id = a.artist_id
            WHERE :text = '' AND e.entity_id IS NOT NULL
               OR :text <> '' AND (a.name ILIKE :contains OR i.outside_id = :text OR EXISTS (
                   SELECT FROM artist_aliases n WHERE n.artist_id = a.artist_id AND n.alias ILIKE :contains))
            GROUP BY a.artist_id
            ORDER BY min(i.outside_id) = :text DESC NULLS LAST, lower(a.name) = lower(:text) DESC,
                     coalesce(max(e.articles), 0) DESC, a.name, a.artist_id
            LIMIT :limit
        """),
        {"text": text, "contains": f"%{pattern}%", "limit": limit},
    )
    return [ArtistRow(**row._mapping) for row in rows]


def articles_about(connection: sa.Connection, artist_id: int, most: int = 20) -> list[ArticleRow]:
    """The newest articles that mention the artist."""
    rows = connection.execute(
        sa.text("""
            SELECT a.url, a.title, a.published_at, count(*) AS mentions, avg(m.sentiment) AS sentiment
            FROM mentions m JOIN articles a USING (article_id)
            WHERE m.artist_id = :artist_id
            GROUP BY a.article_id ORDER BY a.published_at DESC, a.article_id DESC LIMIT :most
        """),
        {"artist_id": artist_id, "most": most},
    )
    return [ArticleRow(**row._mapping) for row in rows]
