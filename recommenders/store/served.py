"""The lists that users had, of many weeks, read as arrays: a third of the time of reading them song by song."""

import datetime as dt
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.store.bulk import copy_out
from recommenders.store.places import places_of

BLOCK_USERS = 10_000

Ids = npt.NDArray[np.int64]

_LISTS = """
    FROM playlists p
    WHERE p.week = ANY (%(weeks)s::date[]) AND p.edition_id = ANY (%(ids)s::bigint[])
      AND p.user_id >= %(low)s AND p.user_id < %(high)s
"""


class Lists(NamedTuple):
    """Lists with songs, by user and week. (A tuple, so that numba can read it.)

    `user_ids, weeks, starts, lengths` (n_lists,): the songs of list i are `track_ids[starts[i]:starts[i] +
    lengths[i]]`; weeks are numbers, 0 is the first of those asked for.
    """

    user_ids: Ids
    weeks: Ids
    starts: Ids
    lengths: Ids
    track_ids: Ids


def read_lists(connection: sa.Connection, editions: Mapping[dt.date, int], users: tuple[int, int]) -> Lists:
    """The lists of `editions` (by week) of the users in the half-open range."""
    values = {
        "first": min(editions),
        "weeks": list(editions),
        "ids": list(editions.values()),
        "low": users[0],
        "high": users[1],
    }
    found = copy_out(connection, f"SELECT DISTINCT cardinality(p.track_ids) {_LISTS}", [("n", "i4")], values)
    parts = []
    for n in np.sort(found["n"][found["n"] > 0]):
        query = f"""
            SELECT ((p.week - %(first)s) / 7)::bigint, p.user_id, p.track_ids {_LISTS}
              AND cardinality(p.track_ids) = %(n)s
        """
        columns = [("week", "i8"), ("user_id", "i8"), ("track_ids", f"i8[{n}]")]
        parts.append(copy_out(connection, query, columns, values | {"n": int(n)}))
    none = np.empty(0, dtype=np.int64)
    lengths = np.concatenate([none, *(np.full(len(part["week"]), part["track_ids"].shape[1]) for part in parts)])
    user_ids, weeks = (np.concatenate([none, *(part[name] for part in parts)]) for name in ("user_id", "week"))
    order = np.lexsort((weeks, user_ids))
    starts = np.cumsum(lengths) - lengths
    track_ids = np.concatenate([none, *(part["track_ids"].ravel() for part in parts)])
    return Lists(user_ids[order], weeks[order], starts[order], lengths[order], track_ids)


def count_exposure(connection: sa.Connection, week: dt.date, edition_id: int, track_ids: Ids) -> tuple[Ids, int]:
    """On how many lists of the edition each of `track_ids` (ascending) is, and how many lists with songs hold exactly
    those of another one.

    A list is known by the sum of two random numbers for each of its songs (Zobrist 1970): a user costs 16 bytes.
    """
    exposure = np.zeros(len(track_ids), dtype=np.int64)
    numbers = np.random.default_rng(0).integers(0, 2**64, (len(track_ids) + 1, 2), dtype=np.uint64)
    users = copy_out(
        connection,
        "SELECT user_id FROM playlists WHERE week = %(week)s AND edition_id = %(id)s ORDER BY user_id",
        [("user_id", "i8")],
        {"week": week, "id": edition_id},
    )["user_id"]
    sums = [np.empty((0, 2), dtype=np.uint64)]
    for block in np.array_split(users, -(-len(users) // BLOCK_USERS)) if len(users) else []:
        lists = read_lists(connection, {week: edition_id}, (int(block[0]), int(block[-1]) + 1))
        if not len(lists.lengths):
            continue
        places = places_of(track_ids, lists.track_ids)
        exposure += np.bincount(places[places >= 0], minlength=len(track_ids))
        sums.append(np.add.reduceat(numbers[places], np.sort(lists.starts)))
    _, n = np.unique(np.concatenate(sums), axis=0, return_counts=True)
    return exposure, int(n[n > 1].sum())
