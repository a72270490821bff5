"""Text vectors: the sums that they are made of, and where they are stored."""

import datetime as dt

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.store.bulk import HalfVectors, copy_in_binary, copy_out
from recommenders.store.models import ModelRow
from recommenders.store.terms import KEY, Columns

Ids = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]

_KIND_CODES = "array_position(enum_range(NULL::term_kind), t.kind)"


def term_kinds(connection: sa.Connection) -> list[str]:
    """The kinds of terms, in the order of their codes."""
    kinds = connection.execute(sa.text("SELECT unnest(enum_range(NULL::term_kind))::text"))
    return list(kinds.scalars())


def read_artist_sums(connection: sa.Connection, most_artists: int, least_entities: int) -> tuple[Ids, Columns]:
    """What is said of artists, at most so many, those of whom most is said: their keys (n,) ascending, and (key,
    term_id, kind as a number, mass) of each term that at least so many artists or tracks have."""
    chosen = f"""SELECT {KEY} AS key, term_ids, masses FROM entity_terms WHERE entity_kind = 'artist'
                 ORDER BY mass DESC, entity_id LIMIT {most_artists:d}"""  # noqa: S608 - constants and a number
    keys = copy_out(connection, f"SELECT key FROM ({chosen}) chosen ORDER BY key", [("key", "i8")])["key"]  # noqa: S608
    terms = copy_out(
        connection,
        f"""SELECT key, t.term_id, {_KIND_CODES}, each.mass
            FROM ({chosen}) chosen, unnest(term_ids, masses) AS each (term_id, mass)
                 JOIN terms t ON t.term_id = each.term_id
            WHERE t.entities >= {least_entities:d}""",  # noqa: S608 - constants and a number
        [("key", "i8"), ("term_id", "i4"), ("kind", "i4"), ("mass", "f8")],
    )
    return keys, terms


def take_unplaced(connection: sa.Connection, most: int) -> tuple[Ids, Columns]:
    """At most `most` artists and tracks whose sums have changed since they were placed: their keys (n,) ascending, and
    their terms (key, term_id, mass)."""
    keys = copy_out(
        connection,
        f"""SELECT {KEY} FROM (SELECT entity_kind, entity_id FROM entity_terms WHERE placed_by IS NULL
                               ORDER BY entity_kind, entity_id LIMIT {most:d}) unplaced
            ORDER BY 1""",  # noqa: S608 - constants and a number
        [("key", "i8")],
    )["key"]
    terms = copy_out(
        connection,
        f"""SELECT {KEY}, each.term_id, each.mass
            FROM (SELECT entity_kind, entity_id, term_ids, masses FROM entity_terms WHERE placed_by IS NULL
                  ORDER BY entity_kind, entity_id LIMIT {most:d}) unplaced,
                 unnest(term_ids, masses) AS each (term_id, mass)""",  # noqa: S608 - constants and a number
        [("key", "i8"), ("term_id", "i4"), ("mass", "f8")],
    )
    return keys, terms


def put_text_vectors(connection: sa.Connection, of: ModelRow, keys: Ids, vectors: Vectors, now: dt.datetime) -> None:
    """Store the vectors (n, n_dimensions) of artists and tracks, by key, in place of what they had; a vector of zeros
    is none."""
    connection.execute(sa.text("CREATE TEMPORARY TABLE placed (key bigint, vector public.halfvec) ON COMMIT DROP"))
    copy_in_binary(connection, "placed", {"key": keys, "vector": HalfVectors(vectors)})
    connection.execute(sa.text("ANALYZE placed"))
    values = {"model_id": of.model_id, "space": of.space, "now": now}
    for entity, odd in (("artist", 0), ("track", 1)):
        known = f"FROM placed JOIN {entity}s ON {entity}_id = key / 2 WHERE key % 2 = {odd}"
        connection.execute(
            sa.text(
                f"""DELETE FROM {entity}_vectors WHERE kind = 'text' AND {entity}_id IN
                    (SELECT key / 2 FROM placed WHERE key % 2 = {odd} AND public.l2_norm(vector) = 0)"""  # noqa: S608
            )
        )
        connection.execute(
            sa.text(
                f"""INSERT INTO {entity}_vectors ({entity}_id, kind, model_id, space, vector, made_at)
                    SELECT {entity}_id, 'text', :model_id, :space, vector, :now {known}
                      AND public.l2_norm(vector) > 0
                    ON CONFLICT (kind, {entity}_id) DO UPDATE
                    SET model_id = excluded.model_id, space = excluded.space, vector = excluded.vector,
                        made_at = excluded.made_at"""  # noqa: S608 - constants
            ),
            values,
        )
    connection.execute(
        sa.text(
            """UPDATE entity_terms SET placed_by = :model_id FROM placed
               WHERE entity_id = key / 2
                 AND entity_kind = CASE key % 2 WHEN 0 THEN 'artist' ELSE 'track' END::entity_kind"""
        ),
        values,
    )
    connection.execute(sa.text("DROP TABLE placed"))


def forget_text_vectors(connection: sa.Connection) -> None:
    """Let everybody be placed anew, in another space."""
    for table in ("artist_vectors", "track_vectors"):
        connection.execute(sa.text(f"DELETE FROM {table} WHERE kind = 'text'"))  # noqa: S608 - constants
    connection.execute(sa.text("UPDATE entity_terms SET placed_by = NULL WHERE placed_by IS NOT NULL"))


def count_unplaced(connection: sa.Connection) -> int:
    """How many artists and tracks have sums that have changed since they were placed."""
    query = sa.text("SELECT count(*) FROM entity_terms WHERE placed_by IS NULL")
    return int(connection.execute(query).scalar_one())
