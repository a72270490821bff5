"""Who gets which song when a song may be on only so many mixtapes: deferred acceptance (Gale & Shapley 1962).

Users ask for the best songs that their rules allow; a song that is asked for too often keeps those who want it most
and refuses the others for good; the refused ask for their next best. The result depends on all lists together and not
on how the users were cut into shards.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recommenders.mixing.candidates import RUNGS, Candidates, Source, popularity_scores
from recommenders.mixing.shelf import Forbidden, Shelf
from recommenders.playlists.dials import Limits
from recommenders.playlists.reasons import Bend
from recommenders.store import Artifacts
from recommenders.store.artifacts import column_matrix, matrix_column

FILL_BLOCK = 10_000
ASKING_PARTS = 4  # side by side
SAVED_BLOCK = 5_000  # users that are read again at a time
NO_TEAMS = np.empty((0, 0), dtype=np.int8)


class Lists(NamedTuple):
    """The songs of each user, (n_users, length) each: `rows` of the shelf (-1 past the end of a short list), `scores`
    float32, `sources` int8, `bends` int8 (0 = no rule bent)."""

    rows: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]
    sources: npt.NDArray[np.int8]
    bends: npt.NDArray[np.int8]

    def save(self, artifacts: Artifacts, name: str, user_ids: npt.NDArray[np.int64]) -> str:
        """Store the lists of `user_ids` as an artifact; return its URI."""
        columns = {field: matrix_column(getattr(self, field)) for field in self._fields}
        table = pa.table({"user_id": user_ids} | columns)
        blocks = (table.slice(first, SAVED_BLOCK) for first in range(0, max(len(table), 1), SAVED_BLOCK))
        return artifacts.write_blocks(name, blocks)

    @staticmethod
    def load(artifacts: Artifacts, uri: str, users: tuple[int, int]) -> tuple[npt.NDArray[np.int64], "Lists"]:
        """The user ids and lists that `save` stored, of the half-open range `users`."""
        table, _ = artifacts.read(uri, users=users)
        rows, scores, sources, bends = (column_matrix(table[field]) for field in Lists._fields)
        return table["user_id"].to_numpy(), Lists(rows, scores, sources, bends)

    def slice(self, first: int, end: int) -> "Lists":
        """The lists of the users in places [first, end)."""
        return Lists(self.rows[first:end], self.scores[first:end], self.sources[first:end], self.bends[first:end])

    def reordered(self, order: npt.NDArray[np.int64]) -> "Lists":
        """The lists with the song at `order[user, i]` in place i."""

        def taken(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return np.take_along_axis(values, order, axis=1)

        return Lists(taken(self.rows), taken(self.scores), taken(self.sources), taken(self.bends))


class Allocation(NamedTuple):
    """Who got which song: `refused` (n_users, n_candidates) bool, the candidates that others wanted more; `exposure`
    (n_tracks,) int64, lists that each song is on."""

    lists: Lists
    refused: npt.NDArray[np.bool_]
    exposure: npt.NDArray[np.int64]
    figures: dict[str, int]

    def save_refused(self, artifacts: Artifacts, name: str, user_ids: npt.NDArray[np.int64], first: int) -> str:
        """Store as bits what was refused to `user_ids`, the users from place `first` on; return the URI."""
        bits = np.packbits(self.refused[first : first + len(user_ids)], axis=1)
        return artifacts.write(name, pa.table({"user_id": user_ids, "refused": matrix_column(bits)}))

    def save_exposure(self, artifacts: Artifacts, name: str) -> str:
        """Store on how many lists each song is; return the URI."""
        return artifacts.write(name, pa.table({"exposure": self.exposure}))


class _Popular(NamedTuple):
    rows: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]
    source: int


def allocate(
    shelf: Shelf,
    candidates: Candidates,
    limits: Limits,
    seed: int,
    cap: int,
    read_forbidden: Callable[[npt.NDArray[np.int64]], Forbidden],
    teams: npt.NDArray[np.int8] = NO_TEAMS,
) -> Allocation:
    """The songs of every user, and figures about it.

    `limits` of each user; `cap`: mixtapes that one song may be on. `read_forbidden` gives, for ascending user ids, what
    they must not get; it is asked only for users whose candidates did not suffice. In a trial `teams` (n_users, n) says
    which side picked each candidate: where a side's song goes to others, its next one comes.
    """
    chosen, refused, rounds = _deferred_acceptance(shelf, candidates, limits, seed, cap, teams)
    lists = lists_of(candidates, chosen)
    exposure = np.bincount(lists.rows[lists.rows >= 0], minlength=len(shelf.track_ids))
    filled, without_fresh = complete(shelf, candidates, lists, limits, cap, exposure, read_forbidden)
    return Allocation(
        lists,
        refused,
        exposure,
        {
            "rounds": rounds,
            "filled": filled,
            "short": len(_short(lists, limits)),
            "bent": int((lists.bends > 0).sum()),
            "exposure_cap": cap,
            "highest_exposure": int(exposure.max(initial=0)),
            "tracks": int((exposure > 0).sum()),
            "fresh": int(exposure[shelf.fresh].sum()),
            "users_without_enough_fresh": without_fresh,
            "from_sound": int((lists.sources == Source.AUDIO).sum()),
        },
    )


def complete(
    shelf: Shelf,
    candidates: Candidates,
    lists: Lists,
    limits: Limits,
    cap: int,
    exposure: npt.NDArray[np.int64],
    read_forbidden: Callable[[npt.NDArray[np.int64]], Forbidden],
) -> tuple[int, int]:
    """Fill the lists that are short and mark what was given up, changing `lists` and `exposure` in place.

    Returns how many lists were short, and how many have less fresh songs than they should.
    """
    short = _short(lists, limits)
    _fill(shelf, candidates, lists, short, limits, cap, exposure, read_forbidden)
    return len(short), _mark_without_fresh(shelf, candidates, lists, limits)


def _short(lists: Lists, limits: Limits) -> npt.NDArray[np.int64]:
    return np.flatnonzero((lists.rows >= 0).sum(axis=1) < limits.length)


def _deferred_acceptance(
    shelf: Shelf, candidates: Candidates, limits: Limits, seed: int, cap: int, teams: npt.NDArray[np.int8]
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.bool_], int]:
    """Places (n_users, longest length) of the songs chosen in each user's candidates, which candidates were refused,
    and the number of rounds."""
    from recommenders.playlists.kernels import choose

    n_users, width = len(candidates.user_ids), int(limits.length.max(initial=0))
    chosen = np.full((n_users, width), -1, dtype=np.int16)
    held = np.full((n_users, width), -1, dtype=np.int32)  # the rows of the shelf that `chosen` stands for
    refused = np.zeros(candidates.rows.shape, dtype=np.bool_)
    welcome = welcomed(shelf, candidates)
    asking = np.arange(n_users)
    rounds = 0

    def ask(users: npt.NDArray[np.int64]) -> None:
        choose(shelf, users, candidates, welcome, refused, limits, teams, chosen)

    with ThreadPoolExecutor() as threads:
        while len(asking):
            rounds += 1
            list(threads.map(ask, np.array_split(asking, ASKING_PARTS)))
            asked = np.take_along_axis(candidates.rows[asking], np.maximum(chosen[asking], 0), axis=1)
            held[asking] = np.where(chosen[asking] >= 0, asked, -1)
            crowded = np.bincount(held.ravel() + 1, minlength=len(shelf.track_ids) + 1) > cap
            crowded[0] = False
            contested = np.flatnonzero(crowded[held.ravel() + 1])
            users, places = contested // width, chosen.ravel()[contested]
            lost = _weakest(
                held.ravel()[contested],
                candidates.sources[users, places],
                candidates.scores[users, places],
                users,
                seed,
                cap,
            )
            refused[users[lost], places[lost]] = True
            asking = np.unique(users[lost])
    return chosen, refused, rounds


def welcomed(shelf: Shelf, candidates: Candidates) -> npt.NDArray[np.bool_]:
    """Which candidates (n_users, n) are fresh songs to the user's taste, for which places are kept."""
    fresh = shelf.fresh[np.maximum(candidates.rows, 0)] & (candidates.rows >= 0)
    liked = candidates.scores >= candidates.fresh_least[:, np.newaxis]
    welcome: npt.NDArray[np.bool_] = fresh & liked & (RUNGS[candidates.sources] == RUNGS[Source.MIX])
    return welcome


def _mark_without_fresh(shelf: Shelf, candidates: Candidates, lists: Lists, limits: Limits) -> int:
    """Mark the last songs of a list as bent for which fresh ones were to the user's taste, but wanted more elsewhere.

    Returns how many lists that are.
    """
    there = np.minimum(welcomed(shelf, candidates).sum(axis=1), limits.min_fresh)
    fresh = shelf.fresh[np.maximum(lists.rows, 0)] & (lists.rows >= 0)
    missing = np.maximum(there - fresh.sum(axis=1), 0)
    other = (lists.rows >= 0) & ~fresh
    from_the_end = np.cumsum(other[:, ::-1], axis=1)[:, ::-1]
    marked = other & (from_the_end <= missing[:, np.newaxis]) & (lists.bends == 0)
    lists.bends[marked] = Bend.FRESH
    return int((missing > 0).sum())


def _weakest(
    rows: npt.NDArray[np.int32],
    sources: npt.NDArray[np.int8],
    scores: npt.NDArray[np.float32],
    users: npt.NDArray[np.int64],
    seed: int,
    cap: int,
) -> npt.NDArray[np.intp]:
    """Which claims lose: for each of `rows`, all of which are claimed by more than `cap` users, all but the `cap`
    strongest, by rung, falling score, and a draw between equals.

    The draw is among places, of the users and on the shelf: their ids have gaps where an import was cut off.
    """
    # The bits of floats are ordered as the floats are, the negative ones backwards.
    bits = (scores + np.float32(0)).view(np.uint32)
    falling = np.where(bits >> 31, bits, ~bits & np.uint32(0x7FFFFFFF))
    claims = RUNGS[sources].astype(np.uint64) << np.uint64(32) | falling.astype(np.uint64)
    order = np.argsort(rows)
    lost = [np.empty(0, dtype=np.intp)]
    # No more songs than users x length / cap: some hundreds.
    for claimants in np.split(order, np.flatnonzero(np.diff(rows[order])) + 1) if len(order) else []:
        own = claims[claimants]
        weakest = np.partition(own, cap - 1)[cap - 1]
        equals = claimants[own == weakest]
        drawn = np.argsort(seeded_hash(seed, users[equals], rows[equals]))
        lost += [claimants[own > weakest], equals[drawn[cap - int((own < weakest).sum()) :]]]
    return np.concatenate(lost)


def lists_of(candidates: Candidates, chosen: npt.NDArray[np.int16]) -> Lists:
    """The candidates in the places `chosen` (n_users, longest length), -1 past the end."""
    empty = chosen < 0
    places = np.where(empty, 0, chosen)

    def taken(values: npt.NDArray[Any], missing: int) -> npt.NDArray[Any]:
        return np.where(empty, values.dtype.type(missing), np.take_along_axis(values, places, axis=1))

    return Lists(
        rows=taken(candidates.rows, -1).astype(np.int32),
        scores=taken(candidates.scores, 0).astype(np.float32),
        sources=taken(candidates.sources, 0).astype(np.int8),
        bends=np.zeros(chosen.shape, dtype=np.int8),
    )


def _fill(
    shelf: Shelf,
    candidates: Candidates,
    lists: Lists,
    short: npt.NDArray[np.int64],
    limits: Limits,
    cap: int,
    exposure: npt.NDArray[np.int64],
    read_forbidden: Callable[[npt.NDArray[np.int64]], Forbidden],
) -> None:
    """Fill the lists of the users in places `short`, in blocks of a fixed size, whoever is in which shard."""
    from recommenders.playlists.kernels import fill

    rows = shelf.by_popularity()
    popular = _Popular(rows, popularity_scores(shelf, rows), int(Source.POPULAR))
    welcome = welcomed(shelf, candidates) if len(short) else np.empty((0, 0), dtype=np.bool_)
    for first in range(0, len(short), FILL_BLOCK):
        users = short[first : first + FILL_BLOCK]
        forbidden = read_forbidden(candidates.user_ids[users])
        fill(
            shelf,
            forbidden,
            users,
            lists,
            candidates,
            welcome,
            popular,
            limits,
            exposure,
            cap,
            (int(Bend.EXPOSURE), int(Bend.ARTIST)),
        )


def seeded_hash(
    seed: int, users: npt.NDArray[np.int64], tracks: npt.NDArray[np.integer[Any]] | int = 0
) -> npt.NDArray[np.uint64]:
    """A well-mixed number for each (seed, user, track), the same on every machine (the finaliser of SplitMix64)."""
    with np.errstate(over="ignore"):
        state = np.asarray(users).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        state = state ^ (np.asarray(tracks).astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)) ^ np.uint64(seed)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed: npt.NDArray[np.uint64] = state ^ (state >> np.uint64(31))
    return mixed
