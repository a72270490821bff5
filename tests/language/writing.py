"""Articles put straight into the store, and what they say."""

import datetime as dt
import itertools
from collections.abc import Mapping

import sqlalchemy as sa

from recommenders.language.terms import EntityKind, EntityTerms
from recommenders.language.words import TermKind
from recommenders.store.terms import put_article_terms

TODAY = dt.date(2026, 3, 1)
_numbers = itertools.count(1)


def add_article(connection: sa.Connection, source: str = "import", artist_id: int | None = None) -> int:
    """An article without text; its id."""
    query = sa.text(
        """INSERT INTO articles (source, url, fetched_at, published_at, published_is_known, title, text, content_hash,
                                 about_artist_id)
           VALUES (:source, :url, now(), now(), true, '', '', 0, :artist) RETURNING article_id"""
    )
    values = {"source": source, "url": f"test:{next(_numbers)}", "artist": artist_id}
    return int(connection.execute(query, values).scalar_one())


def says(entity_id: int, words: Mapping[str, float], mass: float = 1.0, kind: str = "artist") -> EntityTerms:
    """What an article says of one artist or track: words."""
    return EntityTerms(
        EntityKind(kind), entity_id, mass, {(TermKind.WORD, word): share * mass for word, share in words.items()}
    )


def write(connection: sa.Connection, day: dt.date, *said: EntityTerms, article_id: int | None = None) -> int:
    """Store one article's sayings, dated `day`; its id."""
    article_id = article_id or add_article(connection)
    put_article_terms(connection, [article_id], [day], [said])
    return article_id


def rows_touched(connection: sa.Connection) -> int:
    """Rows of the schema's tables that this session has read or written."""
    return int(
        connection.execute(
            sa.text(
                """SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0) + n_tup_ins + n_tup_upd + n_tup_del)
                   FROM pg_stat_xact_all_tables
                   WHERE schemaname = 'mixtape' AND relname IN ('articles', 'article_terms', 'entity_terms', 'terms',
                                                                'top_terms', 'withdrawn_terms', 'weighed_entities',
                                                                'artist_vectors', 'track_vectors')"""
            )
        ).scalar_one()
    )
