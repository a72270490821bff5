"""Top terms: what artists and tracks are called, as of a day, as people and services read them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.store.bulk import copy_out
from recommenders.store.terms import KEY, Columns

LOOKED_AT = 100  # heaviest terms of each artist or track


@dataclass(frozen=True)
class TopTerm:
    """A term of an artist or track: its kind (word, pair, phrase, adjective, artist) and weight, from 0 to 1."""

    term: str
    kind: str
    weight: float


@dataclass(frozen=True)
class TermsAsOf:
    """The top terms of a day, heaviest first: (n,) ids and weights, and how many articles there were."""

    as_of: dt.date
    articles: int
    term_ids: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]


def terms_as_of(connection: sa.Connection, entity_kind: str, entity_id: int, day: dt.date) -> TermsAsOf | None:
    """The top terms as of the last day up to `day` that brought something new; None where none did."""
    return _one_day(connection, "AND as_of <= :day ORDER BY as_of DESC", kind=entity_kind, id=entity_id, day=day)


def first_terms(connection: sa.Connection, entity_kind: str, entity_id: int) -> TermsAsOf | None:
    """The top terms as of the first day that there were any; None where there never were."""
    return _one_day(connection, "ORDER BY as_of", kind=entity_kind, id=entity_id)


def _one_day(connection: sa.Connection, chosen: str, **values: object) -> TermsAsOf | None:
    query = f"""SELECT as_of, articles, term_ids, weights FROM top_terms
                WHERE entity_kind = CAST(:kind AS entity_kind) AND entity_id = :id {chosen} LIMIT 1"""  # noqa: S608
    row = connection.execute(sa.text(query), values).one_or_none()
    if row is None:
        return None
    return TermsAsOf(row[0], row[1], np.array(row[2], dtype=np.int64), np.array(row[3], dtype=np.float64))


def top_terms(
    connection: sa.Connection,
    entity_kind: str,
    entity_id: int,
    as_of: dt.date,
    kinds: Sequence[str] = (),
    limit: int = 20,
) -> list[TopTerm]:
    """The `limit` heaviest terms (of these kinds; all where none is named) of an artist or track as of a day.

    A text comes once, with its heaviest kind: an adjective is a word, too.
    """
    rows = connection.execute(
        sa.text(
            """SELECT term, kind, weight FROM (
                   SELECT DISTINCT ON (term) term, t.kind::text AS kind, weight, rank
                   FROM (SELECT term_ids, weights FROM top_terms
                         WHERE entity_kind = CAST(:kind AS entity_kind) AND entity_id = :id AND as_of <= :day
                         ORDER BY as_of DESC LIMIT 1) newest,
                        unnest(term_ids, weights) WITH ORDINALITY AS each (term_id, weight, rank)
                   JOIN terms t USING (term_id)
                   WHERE cardinality(CAST(:kinds AS text[])) = 0 OR t.kind::text = ANY(:kinds)
                   ORDER BY term, weight DESC,
                            array_position(ARRAY['artist', 'adjective', 'phrase'], t.kind::text), rank
               ) one
               ORDER BY weight DESC, rank LIMIT :limit"""
        ),
        {"kind": entity_kind, "id": entity_id, "day": as_of, "kinds": list(kinds), "limit": limit},
    )
    return [TopTerm(*row) for row in rows]


def name_terms(connection: sa.Connection, term_ids: Sequence[int]) -> list[tuple[str, str]]:
    """The text and the kind of each term, in the order given."""
    rows = connection.execute(
        sa.text("SELECT term_id, term, kind::text FROM terms WHERE term_id = ANY(:ids)"), {"ids": list(term_ids)}
    )
    found = {row[0]: (row[1], row[2]) for row in rows}
    return [found[one] for one in term_ids]


def weighed_until(connection: sa.Connection) -> dt.date | None:
    """The last day as of which there are top terms; None where there never were any."""
    day: dt.date | None = connection.execute(sa.text("SELECT max(as_of) FROM top_terms")).scalar()
    return day


def describing_terms(connection: sa.Connection, day: dt.date, most: int) -> Columns:
    """The terms that describe each artist and track as of a day, at most the `most` heaviest of each: `key` (see
    `terms.KEY`), `term_id`, `weight`, ascending by the first two.

    Adjectives describe, and so do words and phrases that somebody gives as tags. A text comes once.
    """
    return copy_out(
        connection,
        f"""
        WITH newest AS (
            SELECT DISTINCT ON (entity_kind, entity_id) {KEY} AS key, term_ids, weights
            FROM top_terms WHERE as_of <= %(day)s ORDER BY entity_kind, entity_id, as_of DESC
        ), tags AS (
            SELECT lower(value) AS term FROM track_tags
            UNION SELECT lower(tag) FROM editorial_tags JOIN editorial_playlists USING (list_id)
                  WHERE withdrawn_at IS NULL
            UNION SELECT t.term FROM (SELECT DISTINCT unnest(term_ids) AS term_id
                                      FROM article_terms JOIN articles USING (article_id) WHERE source = 'tags') given
                  JOIN terms t USING (term_id)
        ), describing AS MATERIALIZED (
            SELECT term_id, term, kind FROM terms
            WHERE kind = 'adjective' OR kind IN ('word', 'phrase') AND term IN (SELECT term FROM tags)
        ), each AS (
            SELECT DISTINCT ON (key, term) key, term_id, weight
            FROM newest, unnest(term_ids[:{LOOKED_AT}], weights[:{LOOKED_AT}]) AS one (term_id, weight)
                 JOIN describing USING (term_id)
            ORDER BY key, term, kind = 'word', term_id
        )
        SELECT key, term_id, weight
        FROM (SELECT *, row_number() OVER (PARTITION BY key ORDER BY weight DESC, term_id) AS rank FROM each) ranked
        WHERE rank <= %(most)s ORDER BY key, term_id
        """,  # noqa: S608 - constants
        [("key", "i8"), ("term_id", "i4"), ("weight", "f4")],
        {"day": day, "most": most},
    )
