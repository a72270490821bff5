"""Articles: each known by its address and stored once, near-duplicates marked; what waits to be read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import sqlalchemy as sa

from recommenders.store.bulk import stage
from recommenders.store.database import advisory_lock

CANDIDATES = 8  # articles that share the most bands with a new one, compared word by word


@dataclass(frozen=True)
class ArticleRow:
    """An article to be stored. `source` is crawl, import, biography or tags.

    `published_at` None: not known. `bands`: the keys by which near-duplicates meet; empty for what can be no duplicate,
    such as a biography.
    """

    source: str
    url: str
    fetched_at: datetime
    published_at: datetime | None
    title: str
    text: str
    content_hash: int
    author: str | None = None
    language: str | None = None
    site_id: int | None = None
    about_artist_id: int | None = None
    about_track_id: int | None = None
    bands: tuple[int, ...] = ()


@dataclass(frozen=True)
class Likeness:
    """How near-duplicates are told: whether two texts say the same, and the bands of a text."""

    same: Callable[[str, str], bool]
    bands_of: Callable[[str], Sequence[int]]


@dataclass(frozen=True)
class Saved:
    """What became of rows: the id of each, in their order; which articles are new, changed, near-duplicates."""

    ids: list[int]
    new: frozenset[int]
    changed: frozenset[int]
    duplicates: frozenset[int]


def save_articles(connection: sa.Connection, rows: Sequence[ArticleRow], likeness: Likeness) -> Saved:
    """Store articles by their addresses, in the caller's transaction; of two rows of one address the last counts.

    An article that says what it said before stays as it is, and so does one that was crawled when a file holds it, too:
    feeds shorten. One that changed waits to be read again. A new one that says what an earlier one says is marked as
    its duplicate; what was read once stays an original.
    """
    if not rows:
        return Saved([], frozenset(), frozenset(), frozenset())
    advisory_lock(connection, "articles")
    stage(connection, "given_articles", _COLUMNS, _as_table(rows))
    written = connection.execute(sa.text(_UPSERT)).all()
    new = frozenset(row.article_id for row in written if row.is_new)
    changed = frozenset(row.article_id for row in written if not row.is_new)
    found = connection.execute(
        sa.text("""
            SELECT g.place, a.article_id FROM given_articles g
            CROSS JOIN LATERAL (SELECT article_id FROM articles WHERE md5(url) = md5(g.url) LIMIT 1) a
        """)
    )
    place_of = {row.place: row.article_id for row in found}
    by_url = {row.url: place_of[place] for place, row in enumerate(rows) if place in place_of}
    connection.execute(sa.text("DROP TABLE given_articles"))
    bands = {by_url[row.url]: row.bands for row in rows if by_url[row.url] in new | changed}
    bands |= _released(connection, changed, likeness)
    duplicates = _find_duplicates(connection, bands, likeness)
    return Saved([by_url[row.url] for row in rows], new, changed, frozenset(duplicates))


_COLUMNS = (
    "place integer, source text, url text, fetched_at timestamptz, published_at timestamptz, title text, text text, "
    "content_hash bigint, author text, language text, site_id bigint, about_artist_id bigint, about_track_id bigint"
)
_TIME = pa.timestamp("us", "UTC")


def _as_table(rows: Sequence[ArticleRow]) -> pa.Table:
    last = {row.url: (place, row) for place, row in enumerate(rows)}
    kept = [row for _, row in last.values()]
    types = {
        "source": pa.string(),
        "url": pa.string(),
        "fetched_at": _TIME,
        "published_at": _TIME,
        "title": pa.string(),
        "text": pa.string(),
        "content_hash": pa.int64(),
        "author": pa.string(),
        "language": pa.string(),
        "site_id": pa.int64(),
        "about_artist_id": pa.int64(),
        "about_track_id": pa.int64(),
    }
    columns = {name: pa.array([getattr(row, name) for row in kept], kind) for name, kind in types.items()}
    return pa.table({"place": pa.array([place for place, _ in last.values()], pa.int32()), **columns})


# The earlier published comes first, so that it has the smaller id.
_UPSERT = """
INSERT INTO articles AS a
    (source, site_id, url, fetched_at, published_at, published_is_known, title, text, author, language, content_hash,
     about_artist_id, about_track_id)
SELECT source, site_id, url, fetched_at, coalesce(published_at, fetched_at), published_at IS NOT NULL, title, text,
       author, language, content_hash, about_artist_id, about_track_id
FROM given_articles ORDER BY coalesce(published_at, fetched_at), place
ON CONFLICT (md5(url)) DO UPDATE SET
    source = excluded.source, site_id = excluded.site_id, fetched_at = excluded.fetched_at,
    published_at = CASE WHEN excluded.published_is_known OR NOT a.published_is_known
                        THEN least(excluded.published_at, a.published_at) ELSE a.published_at END,
    published_is_known = a.published_is_known OR excluded.published_is_known,
    title = excluded.title, text = excluded.text, author = excluded.author, language = excluded.language,
    content_hash = excluded.content_hash, about_artist_id = excluded.about_artist_id,
    about_track_id = excluded.about_track_id, read_version = NULL,
    duplicate_of = NULL
WHERE a.content_hash <> excluded.content_hash AND NOT (a.source = 'crawl' AND excluded.source = 'import')
RETURNING article_id, xmax = 0 AS is_new
"""


def _released(connection: sa.Connection, changed: frozenset[int], likeness: Likeness) -> dict[int, tuple[int, ...]]:
    """The bands of the duplicates that no longer say what their original says, now that this has changed."""
    if not changed:
        return {}
    dependents = connection.execute(
        sa.text("""
            SELECT d.article_id, d.text, a.text AS original
            FROM articles d JOIN articles a ON a.article_id = d.duplicate_of
            WHERE d.duplicate_of = ANY(:changed)
        """),
        {"changed": list(changed)},
    ).all()
    released = {
        row.article_id: tuple(likeness.bands_of(row.text))
        for row in dependents
        if not likeness.same(row.text, row.original)
    }
    connection.execute(
        sa.text("UPDATE articles SET duplicate_of = NULL WHERE article_id = ANY(:ids)"), {"ids": list(released)}
    )
    return released


def _find_duplicates(connection: sa.Connection, bands: dict[int, tuple[int, ...]], likeness: Likeness) -> set[int]:
    """Mark those of the articles that say what an original says; the bands of the others are kept."""
    if not bands:
        return set()
    keys = [(article_id, band) for article_id, of_one in bands.items() for band in set(of_one)]
    table = pa.table(
        {
            "article_id": pa.array([article_id for article_id, _ in keys], pa.int64()),
            "band": pa.array([band for _, band in keys], pa.int64()),
        }
    )
    stage(connection, "given_bands", "article_id bigint, band bigint", table)
    ids = {"ids": list(bands)}
    connection.execute(sa.text("DELETE FROM article_bands WHERE article_id = ANY(:ids)"), ids)
    connection.execute(sa.text("INSERT INTO article_bands (article_id, band) SELECT article_id, band FROM given_bands"))
    pairs = [(row.article_id, row.other_id) for row in connection.execute(sa.text(_CANDIDATES), {"most": CANDIDATES})]
    connection.execute(sa.text("DROP TABLE given_bands"))
    duplicate_of = _compared(connection, pairs, likeness)
    if duplicate_of:
        connection.execute(
            sa.text("UPDATE articles SET duplicate_of = :original WHERE article_id = :article_id"),
            [{"article_id": copy, "original": original} for copy, original in duplicate_of.items()],
        )
        copies = {"ids": list(duplicate_of)}
        connection.execute(sa.text("DELETE FROM article_bands WHERE article_id = ANY(:ids)"), copies)
    return set(duplicate_of)


def _compared(connection: sa.Connection, pairs: Sequence[tuple[int, int]], likeness: Likeness) -> dict[int, int]:
    """Of each article that says what an original says, that original's id. One that was read stays an original."""
    texts = connection.execute(
        sa.text("SELECT article_id, text, read_at IS NOT NULL AS was_read FROM articles WHERE article_id = ANY(:ids)"),
        {"ids": list({article_id for pair in pairs for article_id in pair})},
    )
    known = {row.article_id: row for row in texts} if pairs else {}
    duplicate_of: dict[int, int] = {}
    for article_id, other_id in pairs:
        settled = article_id in duplicate_of or other_id in duplicate_of or known[article_id].was_read
        if not settled and likeness.same(known[article_id].text, known[other_id].text):
            duplicate_of[article_id] = other_id
    return duplicate_of


# Each article with the earlier ones that it shares the most bands with; of a band that many share, the first.
_CANDIDATES = """
SELECT article_id, other_id
FROM (
    SELECT g.article_id, b.article_id AS other_id,
           row_number() OVER (PARTITION BY g.article_id ORDER BY count(*) DESC, b.article_id) AS rank
    FROM given_bands g
    CROSS JOIN LATERAL (SELECT article_id FROM article_bands WHERE band = g.band AND article_id < g.article_id
                        ORDER BY article_id LIMIT 100) b
    GROUP BY g.article_id, b.article_id
) shared
WHERE rank <= :most
ORDER BY article_id, rank
"""


@dataclass(frozen=True)
class ArticleText:
    """An article as it is read. `source` crawl, import: mentions are looked for; biography, tags: about one entity."""

    article_id: int
    source: str
    title: str
    text: str
    language: str | None
    published_at: datetime
    fetched_at: datetime
    content_hash: int
    about_artist_id: int | None
    about_track_id: int | None


def waiting_articles(connection: sa.Connection, version: int, limit: int | None = None) -> list[int]:
    """The ids of the articles that no reading of this version or a newer one has read, ascending; no duplicates."""
    query = """
        (SELECT article_id FROM articles WHERE read_version IS NULL AND duplicate_of IS NULL ORDER BY article_id
         LIMIT :most)
        UNION ALL
        (SELECT article_id FROM articles WHERE read_version < :version AND duplicate_of IS NULL ORDER BY article_id
         LIMIT :most)
        ORDER BY article_id LIMIT :most
    """
    return list(connection.execute(sa.text(query), {"version": version, "most": limit}).scalars())


def article_texts(connection: sa.Connection, article_ids: Sequence[int]) -> list[ArticleText]:
    """The articles with these ids, ascending."""
    rows = connection.execute(
        sa.text("""
            SELECT article_id, source, title, text, language, published_at, fetched_at, content_hash, about_artist_id,
                   about_track_id
            FROM articles WHERE article_id = ANY(:ids) ORDER BY article_id
        """),
        {"ids": list(article_ids)},
    )
    return [ArticleText(**row._mapping) for row in rows]


def mark_read(connection: sa.Connection, articles: Sequence[ArticleText], version: int, now: datetime) -> None:
    """Note that these articles, as they were when they were taken, are read; one that has changed since waits still."""
    connection.execute(
        sa.text("""
            UPDATE articles a SET read_version = :version, read_at = :now
            FROM unnest(CAST(:ids AS bigint[]), CAST(:hashes AS bigint[])) r (id, hash)
            WHERE a.article_id = r.id AND a.content_hash = r.hash
        """),
        {
            "version": version,
            "now": now,
            "ids": [article.article_id for article in articles],
            "hashes": [article.content_hash for article in articles],
        },
    )


def mark_unread(connection: sa.Connection, since: datetime) -> int:
    """Let the originals published since then wait to be read again, whatever read them; how many that are."""
    result = connection.execute(
        sa.text("""
            UPDATE articles SET read_version = NULL
            WHERE read_version IS NOT NULL AND duplicate_of IS NULL AND published_at >= :since
        """),
        {"since": since},
    )
    return result.rowcount


def article_counts(connection: sa.Connection) -> dict[str, int]:
    """How many articles there are of each source, how many say what another says, and how many wait to be read."""
    rows = connection.execute(
        sa.text("SELECT source, count(*) AS articles FROM articles GROUP BY source ORDER BY source")
    )
    counts = {row.source: int(row.articles) for row in rows}
    state = connection.execute(
        sa.text("""
            SELECT count(*) FILTER (WHERE duplicate_of IS NOT NULL) AS duplicates,
                   count(*) FILTER (WHERE duplicate_of IS NULL AND read_version IS NULL) AS waiting
            FROM articles
        """)
    ).one()
    return counts | {"duplicates": int(state.duplicates), "waiting": int(state.waiting)}
