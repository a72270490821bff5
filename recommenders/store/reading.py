"""What is to be seen of reading: the sites and their last crawls, the articles, what was set aside, artists by name."""

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from recommenders.errors import UnknownNameError


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


@dataclass(frozen=True)
class Rising:
    """A term that is said more of an artist than before: its weights, in [0, 1]."""

    artist_id: int
    name: str
    term: str
    weight: float
    before: float


def rising_now(
    connection: sa.Connection, today: dt.date, days: int = 7, artists: int = 500, terms: int = 40, most: int = 12
) -> list[Rising]:
    """What is said more of artists than `days` ago: one term of each, those that grew most first.

    Of the `artists` most written about lately, and the first `terms` of each. Whoever had no terms then is new, not
    rising.
    """
    rows = connection.execute(
        sa.text("""
            WITH now AS (
                SELECT * FROM (
                    SELECT DISTINCT ON (entity_id) entity_id, articles, term_ids, weights FROM top_terms
                    WHERE entity_kind = 'artist' AND as_of > CAST(:then AS date) AND as_of <= :today
                    ORDER BY entity_id, as_of DESC
                ) newest ORDER BY articles DESC, entity_id LIMIT :artists
            ), grown AS (
                SELECT DISTINCT ON (now.entity_id) now.entity_id, said.term_id, said.weight,
                       coalesce(old.weight, 0) AS before
                FROM now
                JOIN LATERAL (
                    SELECT term_ids, weights FROM top_terms b
                    WHERE b.entity_kind = 'artist' AND b.entity_id = now.entity_id AND b.as_of <= :then
                    ORDER BY as_of DESC LIMIT 1
                ) earlier ON cardinality(earlier.term_ids) > 0
                JOIN LATERAL unnest(now.term_ids[1 : :terms], now.weights[1 : :terms]) said (term_id, weight) ON true
                JOIN terms t ON t.term_id = said.term_id AND t.kind <> 'artist'
                LEFT JOIN LATERAL unnest(earlier.term_ids, earlier.weights) old (term_id, weight)
                  ON old.term_id = said.term_id
                ORDER BY now.entity_id, said.weight - coalesce(old.weight, 0) DESC, said.term_id
            )
            SELECT a.artist_id, a.name, t.term, g.weight, g.before
            FROM grown g JOIN artists a ON a.artist_id = g.entity_id JOIN terms t USING (term_id)
            WHERE g.weight > g.before
            ORDER BY g.weight - g.before DESC, a.artist_id LIMIT :most
        """),
        {"today": today, "then": today - dt.timedelta(days=days), "artists": artists, "terms": terms, "most": most},
    )
    return [Rising(**row._mapping) for row in rows]


def get_artist(connection: sa.Connection, artist_id: int) -> ArtistRow:
    """The artist; raises UnknownNameError when there is none."""
    row = connection.execute(
        sa.text("""
            SELECT a.artist_id, (SELECT min(outside_id) FROM artist_ids i
                                 WHERE i.artist_id = a.artist_id AND i.source = 'service') AS outside_id,
                   a.name, coalesce(e.articles, 0) AS articles
            FROM artists a LEFT JOIN entity_terms e ON e.entity_kind = 'artist' AND e.entity_id = a.artist_id
            WHERE a.artist_id = :id
        """),
        {"id": artist_id},
    ).one_or_none()
    if row is None:
        raise UnknownNameError(f"There is no artist {artist_id}.")
    return ArtistRow(**row._mapping)


@dataclass(frozen=True)
class Alike:
    """An artist that is described like another: the cosine of their vectors by text."""

    artist_id: int
    name: str
    cosine: float


def described_alike(connection: sa.Connection, artist_id: int, most: int = 10) -> list[Alike]:
    """The artists nearest to this one by text, the nearest first; none where it has no vector."""
    rows = connection.execute(
        sa.text("""
            SELECT a.artist_id, a.name, 1 - (v.vector OPERATOR(public.<=>) mine.vector) AS cosine
            FROM artist_vectors mine
            JOIN artist_vectors v ON v.kind = mine.kind AND v.space = mine.space AND v.artist_id <> mine.artist_id
            JOIN artists a ON a.artist_id = v.artist_id
            WHERE mine.kind = 'text' AND mine.artist_id = :id
            ORDER BY v.vector OPERATOR(public.<=>) mine.vector, a.artist_id LIMIT :most
        """),
        {"id": artist_id, "most": most},
    )
    return [Alike(**row._mapping) for row in rows]
