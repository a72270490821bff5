"""Terms: what each article says of whom, how it is read to be weighed, and each day's top terms."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from recommenders.store.bulk import copy_in_binary, copy_in_typed, copy_out

Columns = dict[str, npt.NDArray[Any]]

KEY = "2 * entity_id + (entity_kind = 'track')::int"  # artists and tracks as one column of numbers
_EPOCH = "DATE '1970-01-01'"


class SaidOf(Protocol):
    """What one article says of one artist or track; terms are (kind, term)."""

    @property
    def entity_kind(self) -> str: ...
    @property
    def entity_id(self) -> int: ...
    @property
    def mass(self) -> float: ...
    @property
    def masses(self) -> Mapping[tuple[Any, str], float]: ...


def day_number(day: dt.date) -> int:
    """Days since 1970-01-01."""
    return (day - dt.date(1970, 1, 1)).days


def put_article_terms(
    connection: sa.Connection,
    article_ids: Sequence[int],
    days: Sequence[dt.date],
    said: Sequence[Sequence[SaidOf]],
) -> int:
    """Store what the articles say, each dated with one of `days`, in place of what they said before; rows written."""
    withdraw_article_terms(connection, article_ids)
    rows = [
        (article_id, day_number(day), one)
        for article_id, day, all_said in zip(article_ids, days, said, strict=True)
        for one in all_said
    ]
    owners = np.repeat(np.arange(len(rows), dtype=np.int32), [len(one.masses) for _, _, one in rows])
    terms = [(str(kind), term) for _, _, one in rows for kind, term in one.masses]
    _stage_rows(
        connection,
        {
            "place": np.arange(len(rows), dtype=np.int32),
            "article_id": np.array([row[0] for row in rows], dtype=np.int64),
            "entity_id": np.array([row[2].entity_id for row in rows], dtype=np.int64),
            "is_track": np.array([str(row[2].entity_kind) == "track" for row in rows], dtype=bool),
            "day": np.array([row[1] for row in rows], dtype=np.int32),
            "mass": np.array([row[2].mass for row in rows], dtype=np.float32),
        },
        "place integer, article_id bigint, entity_id bigint, is_track boolean, day integer, mass real",
        {
            "place": owners,
            "term_id": _term_ids(connection, terms),
            "mass": np.array([mass for _, _, one in rows for mass in one.masses.values()], dtype=np.float32),
        },
    )
    connection.execute(
        sa.text(
            f"""INSERT INTO article_terms (article_id, entity_kind, entity_id, day, mass, term_ids, masses)
                SELECT article_id, CASE WHEN is_track THEN 'track' ELSE 'artist' END::entity_kind, entity_id,
                       {_EPOCH} + day, staged_rows.mass, coalesce(term_ids, '{{}}'), coalesce(masses, '{{}}')
                FROM staged_rows LEFT JOIN ({_GATHERED}) gathered USING (place)"""  # noqa: S608 - constants
        )
    )
    _drop_staged(connection)
    return len(rows)


def withdraw_article_terms(connection: sa.Connection, article_ids: Sequence[int]) -> None:
    """Forget what the articles say; what of it has been weighed is taken out again when terms are weighed next."""
    connection.execute(
        sa.text(
            """WITH gone AS (DELETE FROM article_terms WHERE article_id = ANY(:ids) RETURNING *)
               INSERT INTO withdrawn_terms (entity_kind, entity_id, day, mass, term_ids, masses)
               SELECT entity_kind, entity_id, day, mass, term_ids, masses FROM gone WHERE weighed_on IS NOT NULL"""
        ),
        {"ids": list(article_ids)},
    )


_GATHERED = """SELECT place, array_agg(term_id ORDER BY term_id) AS term_ids, array_agg(mass ORDER BY term_id) AS masses
               FROM staged_terms GROUP BY place"""


def _stage_rows(connection: sa.Connection, rows: Columns, row_columns: str, terms: Columns) -> None:
    """Fill the temporary tables `staged_rows` and `staged_terms`, whose column `place` says to which row it belongs."""
    mass = "real" if terms["mass"].dtype == np.float32 else "double precision"
    connection.execute(sa.text(f"CREATE TEMPORARY TABLE staged_rows ({row_columns}) ON COMMIT DROP"))
    connection.execute(
        sa.text(f"CREATE TEMPORARY TABLE staged_terms (place integer, term_id integer, mass {mass}) ON COMMIT DROP")
    )
    copy_in_binary(connection, "staged_rows", rows)
    copy_in_binary(connection, "staged_terms", terms)
    connection.execute(sa.text("ANALYZE staged_rows, staged_terms"))


def _drop_staged(connection: sa.Connection) -> None:
    connection.execute(sa.text("DROP TABLE staged_rows, staged_terms"))


def _term_ids(connection: sa.Connection, terms: Sequence[tuple[str, str]]) -> npt.NDArray[np.int32]:
    """The id of each (kind, term); new ones are added."""
    distinct = sorted(set(terms))
    connection.execute(
        sa.text("CREATE TEMPORARY TABLE named_terms (place integer, kind term_kind, term text) ON COMMIT DROP")
    )
    columns = {
        "place": pa.array(np.arange(len(distinct), dtype=np.int32)),
        "kind": pa.array([kind for kind, _ in distinct], pa.string()),
        "term": pa.array([term for _, term in distinct], pa.string()),
    }
    copy_in_typed(connection, "named_terms", pa.table(columns))
    connection.execute(sa.text("ANALYZE named_terms"))
    # Only what is new: every conflict would use up one of the ids.
    connection.execute(
        sa.text(
            """INSERT INTO terms (kind, term)
               SELECT kind, term FROM named_terms n
               WHERE NOT EXISTS (SELECT FROM terms t WHERE t.term = n.term AND t.kind = n.kind)
               ORDER BY term, kind ON CONFLICT DO NOTHING"""
        )
    )
    found = copy_out(
        connection,
        "SELECT t.term_id FROM named_terms n JOIN terms t ON t.term = n.term AND t.kind = n.kind ORDER BY place",
        [("term_id", "i4")],
    )["term_id"]
    connection.execute(sa.text("DROP TABLE named_terms"))
    places = {one: place for place, one in enumerate(distinct)}
    ids: npt.NDArray[np.int32] = found[np.array([places[one] for one in terms], dtype=np.intp)].astype(np.int32)
    return ids


def take_unweighed(connection: sa.Connection, today: dt.date, half_life_days: float, batch: int) -> int:
    """Mark all that is new as weighed, and hold it in temporary tables until the transaction ends: what is said anew
    or withdrawn (`unweighed`), and whom it is about (`touched`, at most `batch` to a batch). Returns the number of
    batches.

    What was said after `today` waits. Of whom the sums were made with another half-life, all that was ever weighed is
    taken.
    """
    connection.execute(
        sa.text(
            """CREATE TEMPORARY TABLE unweighed (entity_kind entity_kind, entity_id bigint, day date, sign real,
                                                 mass real, term_ids integer[], masses real[]) ON COMMIT DROP"""
        )
    )
    connection.execute(
        sa.text(
            """WITH new AS (UPDATE article_terms SET weighed_on = :today
                            WHERE weighed_on IS NULL AND day <= :today
                            RETURNING entity_kind, entity_id, day, mass, term_ids, masses)
               INSERT INTO unweighed SELECT entity_kind, entity_id, day, 1, mass, term_ids, masses FROM new"""
        ),
        {"today": today},
    )
    connection.execute(
        sa.text(
            """WITH gone AS (DELETE FROM withdrawn_terms RETURNING *)
               INSERT INTO unweighed SELECT entity_kind, entity_id, day, -1, mass, term_ids, masses FROM gone"""
        )
    )
    connection.execute(sa.text("ANALYZE unweighed"))
    connection.execute(
        sa.text(
            f"""CREATE TEMPORARY TABLE touched ON COMMIT DROP AS
                SELECT entity_kind, entity_id, {KEY} AS key,
                       ((row_number() OVER (ORDER BY {KEY}) - 1) / :batch)::integer AS batch,
                       coalesce(s.half_life_days <> CAST(:half_life_days AS real), false) AS anew
                FROM (SELECT DISTINCT entity_kind, entity_id FROM unweighed) u
                LEFT JOIN entity_terms s USING (entity_kind, entity_id)"""  # noqa: S608 - constants
        ),
        {"batch": batch, "half_life_days": half_life_days},
    )
    connection.execute(
        sa.text(
            """DELETE FROM unweighed u USING touched t
               WHERE t.anew AND u.entity_kind = t.entity_kind AND u.entity_id = t.entity_id"""
        )
    )
    connection.execute(
        sa.text(
            """INSERT INTO unweighed
               SELECT entity_kind, entity_id, day, 1, mass, term_ids, masses
               FROM article_terms JOIN touched USING (entity_kind, entity_id)
               WHERE anew AND weighed_on IS NOT NULL"""
        )
    )
    connection.execute(sa.text("CREATE INDEX ON unweighed (entity_kind, entity_id)"))
    connection.execute(sa.text("ANALYZE unweighed, touched"))
    return int(connection.execute(sa.text("SELECT coalesce(max(batch) + 1, 0) FROM touched")).scalar_one())


def let_go(connection: sa.Connection) -> None:
    """Drop what `take_unweighed` holds."""
    connection.execute(sa.text("DROP TABLE unweighed, touched"))


def read_unweighed(connection: sa.Connection, batch: int) -> tuple[Columns, Columns]:
    """What was taken of one batch: rows (key, day as a number, sign, mass), and their terms (key, day, sign, term_id,
    mass)."""
    rows = f"FROM unweighed JOIN touched USING (entity_kind, entity_id) WHERE batch = {batch:d}"
    days = f"(day - {_EPOCH})::int"
    said = copy_out(
        connection,
        f"SELECT key, {days}, sign, mass {rows}",
        [("key", "i8"), ("day", "i4"), ("sign", "f4"), ("mass", "f4")],
    )
    terms = copy_out(
        connection,
        f"""SELECT key, {days}, sign, each.term_id, each.mass
            FROM unweighed JOIN touched USING (entity_kind, entity_id), unnest(term_ids, masses) AS each (term_id, mass)
            WHERE batch = {batch:d}""",  # noqa: S608 - constants and a number
        [("key", "i8"), ("day", "i4"), ("sign", "f4"), ("term_id", "i4"), ("mass", "f4")],
    )
    return said, terms


def read_sums(connection: sa.Connection, batch: int) -> tuple[Columns, Columns]:
    """The stored sums of those touched, one batch: rows (key, as_of as a day's number, anew, articles, mass), and their
    terms (key, term_id, mass, entities: how many have the term), ascending in key."""
    rows = copy_out(
        connection,
        f"""SELECT key, (as_of - {_EPOCH})::int, anew, s.articles, s.mass
            FROM entity_terms s JOIN touched USING (entity_kind, entity_id) WHERE batch = {batch:d}
            ORDER BY key""",  # noqa: S608 - constants and a number
        [("key", "i8"), ("as_of", "i4"), ("anew", "?"), ("articles", "i4"), ("mass", "f8")],
    )
    terms = copy_out(
        connection,
        f"""SELECT key, each.term_id, each.mass, t.entities
            FROM entity_terms s JOIN touched USING (entity_kind, entity_id),
                 unnest(s.term_ids, s.masses) AS each (term_id, mass) JOIN terms t ON t.term_id = each.term_id
            WHERE batch = {batch:d} ORDER BY key, each.term_id""",  # noqa: S608 - constants and a number
        [("key", "i8"), ("term_id", "i4"), ("mass", "f8"), ("entities", "i4")],
    )
    return rows, terms


def write_sums(
    connection: sa.Connection, batch: int, today: dt.date, half_life_days: float, rows: Columns, terms: Columns
) -> None:
    """Store the sums of one batch as of `today`: rows (key, articles, mass), terms (place in rows, term_id, mass).

    Those touched that are not among the rows have nothing left, and lose their text vectors.
    """
    placed = {"place": np.arange(len(rows["key"]), dtype=np.int32), **rows}
    _stage_rows(connection, placed, "place integer, key bigint, articles integer, mass double precision", terms)
    gone = connection.execute(
        sa.text(
            """WITH gone AS (
                   DELETE FROM entity_terms s USING touched t
                   WHERE t.batch = :batch AND s.entity_kind = t.entity_kind AND s.entity_id = t.entity_id
                     AND NOT EXISTS (SELECT FROM staged_rows r WHERE r.key = t.key)
                   RETURNING s.entity_kind, s.entity_id
               ), of_artists AS (
                   DELETE FROM artist_vectors USING gone
                   WHERE kind = 'text' AND entity_kind = 'artist' AND artist_id = entity_id
               ), of_tracks AS (
                   DELETE FROM track_vectors USING gone
                   WHERE kind = 'text' AND entity_kind = 'track' AND track_id = entity_id
               )
               SELECT count(*) FROM gone"""
        ),
        {"batch": batch},
    ).scalar_one()
    written = connection.execute(
        sa.text(
            f"""INSERT INTO entity_terms (entity_kind, entity_id, as_of, half_life_days, articles, mass, term_ids,
                                          masses)
                SELECT entity_kind, entity_id, :today, :half_life_days, r.articles, r.mass,
                       coalesce(term_ids, '{{}}'), coalesce(masses, '{{}}')
                FROM staged_rows r JOIN touched USING (key) LEFT JOIN ({_GATHERED}) gathered USING (place)
                ON CONFLICT (entity_kind, entity_id) DO UPDATE
                SET as_of = excluded.as_of, half_life_days = excluded.half_life_days, articles = excluded.articles,
                    mass = excluded.mass, term_ids = excluded.term_ids, masses = excluded.masses, placed_by = NULL
                RETURNING (xmax = 0)::int"""  # noqa: S608 - constants
        ),
        {"today": today, "half_life_days": half_life_days},
    ).scalars()
    connection.execute(
        sa.text("UPDATE weighed_entities SET entities = entities + :more"), {"more": sum(written) - gone}
    )
    _drop_staged(connection)


def count_terms(connection: sa.Connection, term_ids: npt.NDArray[np.int32], more: npt.NDArray[np.int32]) -> None:
    """Add `more` to the number of artists and tracks that have each of the terms."""
    connection.execute(sa.text("CREATE TEMPORARY TABLE counted (term_id integer, more integer) ON COMMIT DROP"))
    copy_in_binary(connection, "counted", {"term_id": term_ids, "more": more})
    connection.execute(sa.text("ANALYZE counted"))
    connection.execute(
        sa.text("UPDATE terms t SET entities = t.entities + c.more FROM counted c WHERE t.term_id = c.term_id")
    )
    connection.execute(sa.text("DROP TABLE counted"))


def count_weighed(connection: sa.Connection) -> int:
    """How many artists and tracks anything is said of."""
    return int(connection.execute(sa.text("SELECT entities FROM weighed_entities")).scalar_one())


def write_top_terms(connection: sa.Connection, today: dt.date, rows: Columns, terms: Columns, batch: int) -> None:
    """Store the top terms of one batch as of `today`: rows (key, articles), terms (place in rows, rank, term_id,
    weight); of those touched and not among the rows, that there are none."""
    connection.execute(sa.text("CREATE TEMPORARY TABLE topped (place integer, key bigint, articles integer)"))
    connection.execute(
        sa.text("CREATE TEMPORARY TABLE topped_terms (place integer, rank integer, term_id integer, weight real)")
    )
    copy_in_binary(connection, "topped", {"place": np.arange(len(rows["key"]), dtype=np.int32), **rows})
    copy_in_binary(connection, "topped_terms", terms)
    connection.execute(sa.text("ANALYZE topped, topped_terms"))
    connection.execute(
        sa.text(
            """INSERT INTO top_terms (entity_kind, entity_id, as_of, articles, term_ids, weights)
               SELECT entity_kind, entity_id, :today, coalesce(articles, 0), coalesce(term_ids, '{}'),
                      coalesce(weights, '{}')
               FROM touched LEFT JOIN topped USING (key)
               LEFT JOIN (SELECT place, array_agg(term_id ORDER BY rank) AS term_ids,
                                 array_agg(weight ORDER BY rank) AS weights
                          FROM topped_terms GROUP BY place) gathered USING (place)
               WHERE batch = :batch
               ON CONFLICT (entity_kind, entity_id, as_of) DO UPDATE
               SET articles = excluded.articles, term_ids = excluded.term_ids, weights = excluded.weights"""
        ),
        {"today": today, "batch": batch},
    )
    connection.execute(sa.text("DROP TABLE topped, topped_terms"))
