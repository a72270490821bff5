"""Blocks of a term: what is called so is never recommended to the listener, and their plays of it are not their taste.

A song is called so when one of its tags says it, as the attribute or as the value, or when the term is among its
heaviest terms; a song of which nothing is written has its artists' terms.
"""

import datetime as dt

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.store.bulk import copy_out

TOP = 20  # of the terms of a song or artist: what people would call it

_BLOCKED = """
    SELECT user_id, array_position(%(terms)s::text[], term) - 1 FROM blocks
    WHERE user_id >= %(low)s AND user_id < %(high)s AND term IS NOT NULL AND since < %(cutoff)s AND until > %(cutoff)s
"""
_CALLED_SO = """
    WITH newest AS (
        SELECT DISTINCT ON (entity_kind, entity_id) entity_kind, entity_id, term_ids[1:%(top)s] AS top
        FROM top_terms WHERE as_of < %(cutoff)s::date ORDER BY entity_kind, entity_id, as_of DESC
    ), said AS (
        SELECT n.entity_kind, n.entity_id, t.term
        FROM newest n JOIN terms t ON t.term = ANY (%(terms)s) AND t.term_id = ANY (n.top)
    )
    SELECT array_position(%(terms)s::text[], term) - 1 AS place, track_id FROM (
        SELECT asked.term, g.track_id FROM unnest(%(terms)s::text[]) AS asked (term)
        JOIN track_tags g ON asked.term IN (lower(g.value), lower(g.attribute)) AND g.weight > 0
        UNION
        SELECT term, entity_id FROM said WHERE entity_kind = 'track'
        UNION
        SELECT term, c.track_id FROM said JOIN track_artists c ON c.artist_id = said.entity_id
        WHERE entity_kind = 'artist'
          AND NOT EXISTS (SELECT FROM newest own WHERE own.entity_kind = 'track' AND own.entity_id = c.track_id)
    ) called (term, track_id)
    ORDER BY 1, 2
"""


def read_called_as_blocked(
    connection: sa.Connection, cutoff: dt.datetime, users: tuple[int, int]
) -> dict[str, npt.NDArray[np.int64]]:
    """Pairs `user_id, item_id` (a track) of what was called, before the cut-off, by a term that a user of the half-open
    range `users` had blocked."""
    values = {"cutoff": cutoff, "low": users[0], "high": users[1], "top": TOP}
    asked = sa.text("SELECT DISTINCT term FROM blocks WHERE user_id >= :low AND user_id < :high AND term IS NOT NULL")
    terms = sorted(connection.execute(asked, {"low": users[0], "high": users[1]}).scalars())
    if not terms:
        return {"user_id": np.empty(0, dtype=np.int64), "item_id": np.empty(0, dtype=np.int64)}
    values["terms"] = terms
    blocked = copy_out(connection, _BLOCKED, [("user_id", "i8"), ("place", "i4")], values)
    called = copy_out(connection, _CALLED_SO, [("place", "i4"), ("track_id", "i8")], values)
    first = np.searchsorted(called["place"], np.arange(len(terms) + 1))
    begin, counts = first[blocked["place"]], np.diff(first)[blocked["place"]]
    places = np.repeat(begin - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    return {"user_id": np.repeat(blocked["user_id"], counts), "item_id": called["track_id"][places]}


def block_term(connection: sa.Connection, user_id: int, term: str, now: dt.datetime) -> None:
    """Recommend nothing to the user, from `now` on, that is called `term`, whatever its case."""
    connection.execute(
        sa.text("INSERT INTO blocks (user_id, term, since) VALUES (:user, :term, :now) ON CONFLICT DO NOTHING"),
        {"user": user_id, "term": term.strip().lower(), "now": now},
    )


def unblock_term(connection: sa.Connection, user_id: int, term: str, now: dt.datetime) -> int:
    """Let the user's blocks of the term end at `now`; how many there were."""
    return connection.execute(
        sa.text("UPDATE blocks SET until = :now WHERE user_id = :user AND term = :term AND until > :now"),
        {"user": user_id, "term": term.strip().lower(), "now": now},
    ).rowcount


def blocked_terms(connection: sa.Connection, user_id: int, now: dt.datetime) -> list[str]:
    """The terms that the user blocks at the moment, in alphabetical order."""
    query = "SELECT DISTINCT term FROM blocks WHERE user_id = :user AND term IS NOT NULL AND until > :now ORDER BY term"
    return list(connection.execute(sa.text(query), {"user": user_id, "now": now}).scalars())
