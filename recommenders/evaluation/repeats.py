"""What comes again: songs of a mixtape, or their artists, that were on an earlier one of the same user."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.store.eligibility import read_users
from recommenders.store.places import places_of
from recommenders.store.served import read_lists
from recommenders.store.verification import Reference, read_reference

BLOCK_USERS = 2_000
_WEEKS = 1_024  # more than any question is about


class Repeats(NamedTuple):
    """Songs of users who had a mixtape before: all; those that were on it, in any version; those by an artist on it."""

    returning: int
    songs: int
    artists: int


class _Credits(NamedTuple):
    """The catalogue, by place in the reference: the song of each track, and its artists, as dense numbers from 0. (A
    tuple, so that numba can read it.)"""

    works: npt.NDArray[np.int64]
    n_works: int
    artist_offsets: npt.NDArray[np.int64]
    artists: npt.NDArray[np.int64]
    n_artists: int

    @staticmethod
    def of(reference: Reference) -> "_Credits":
        works, artists = (np.unique(ids, return_inverse=True) for ids in (reference.works, reference.artists))
        offsets = reference.credit_offsets.astype(np.int64)
        return _Credits(works[1], len(works[0]), offsets, artists[1], len(artists[0]))


def count_repeats(
    connection: sa.Connection,
    editions: Mapping[dt.date, int],
    weeks: Sequence[dt.date],
    within: int,
    until: dt.datetime,
) -> dict[dt.date, Repeats]:
    """The repeats on the mixtapes of each of `weeks`, looked for on those of the `within` weeks before it.

    `editions` are those that users had, by week; users are those of before `until`, a block at a time, so that memory
    does not grow with them.
    """
    from recommenders.evaluation.kernels import count_again

    counts = np.zeros((_WEEKS, len(Repeats._fields)), dtype=np.int64)
    first = min(editions, default=min(weeks))
    since = max(0, (min(weeks) - first).days // 7)
    reference, users = read_reference(connection, until), read_users(connection, until)
    credits = _Credits.of(reference)
    for block in np.array_split(users, -(-len(users) // BLOCK_USERS)) if len(users) and editions else []:
        lists = read_lists(connection, editions, (int(block[0]), int(block[-1]) + 1))
        places = places_of(reference.track_ids, lists.track_ids)
        count_again(lists, places, credits, since, within, counts)
    return {week: Repeats(*counts[(week - first).days // 7].tolist()) for week in weeks if week in editions}
