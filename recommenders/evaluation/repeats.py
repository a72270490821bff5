"""What comes again: songs of a mixtape, or their artists, that were on an earlier one of the same user."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.store import reports
from recommenders.store.eligibility import read_users
from recommenders.store.places import places_of
from recommenders.store.verification import Reference, read_reference

Ids = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]

BLOCK_USERS = 2_000
_WEEKS = 1_024  # more than any question is about
_NEVER = 2 * _WEEKS


class Repeats(NamedTuple):
    """Songs of users who had a mixtape before: all; those that were on it, in any version; those by an artist on it."""

    returning: int
    songs: int
    artists: int


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
    counts = np.zeros((3, _WEEKS), dtype=np.int64)
    first = min(editions, default=min(weeks))
    since = max(0, (min(weeks) - first).days // 7)
    reference, users = read_reference(connection, until), read_users(connection, until)
    for block in np.array_split(users, -(-len(users) // BLOCK_USERS)) if len(users) and editions else []:
        lists = reports.read_lists(connection, editions, (int(block[0]), int(block[-1]) + 1))
        numbers = lists["week"].astype(np.int64)
        asked = numbers >= since
        for row, marks in enumerate(
            find_repeats(lists["user_id"], lists["track_id"], numbers, asked, reference, within)
        ):
            counts[row] += np.bincount(numbers[asked][marks], minlength=_WEEKS)
    return {week: Repeats(*counts[:, (week - first).days // 7].tolist()) for week in weeks if week in editions}


def find_repeats(
    user_ids: Ids, track_ids: Ids, weeks: Ids, asked: Marks, reference: Reference, within: int
) -> tuple[Marks, Marks, Marks]:
    """Of the songs that are `asked` (n,) about: whether their user had a mixtape in the `within` weeks before, whether
    they were on it, and whether somebody of theirs was.

    `user_ids, track_ids` (n,) are the songs of all weeks' mixtapes, `weeks` (n,) the numbers of the weeks, from 0.
    """
    users = user_ids - user_ids.min(initial=0)
    places = places_of(reference.track_ids, track_ids)
    works = reference.works[places]
    again = _passed(users * (works.max(initial=0) + 1) + works, weeks, asked) <= within
    offsets = reference.credit_offsets
    lengths = offsets[places + 1] - offsets[places]
    songs = np.repeat(np.arange(len(places)), lengths)
    within_song = np.arange(len(songs)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    artists = reference.artists[within_song + offsets[places][songs]]
    keys = users[songs] * (artists.max(initial=0) + 1) + artists
    credited = songs[asked[songs]][_passed(keys, weeks[songs], asked[songs]) <= within]
    by_known = np.bincount(credited, minlength=len(places))[asked] > 0
    return _passed(users, weeks, asked) <= within, again, by_known


def _passed(keys: Ids, weeks: Ids, asked: Marks) -> Ids:
    """The weeks since each key that is `asked` about was last there, in an earlier week; many where it never was.

    `keys, weeks, asked` (n,). By sorting: where the same key stands before, it was there before.
    """
    moments = keys * _WEEKS + weeks
    found = np.sort(moments)
    found = found[np.diff(found, prepend=-1) > 0]
    passed = np.full(len(found), _NEVER, dtype=np.int64)
    same = found[1:] // _WEEKS == found[:-1] // _WEEKS
    passed[1:][same] = np.diff(found)[same]
    return passed[np.searchsorted(found, moments[asked])]
