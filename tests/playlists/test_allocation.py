"""Who gets which song: against a slow, separate implementation, and for properties that no implementation may break."""

from collections import Counter
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recommenders.mixing.candidates import Candidates
from recommenders.mixing.shelf import Forbidden, Shelf
from recommenders.playlists.allocation import Allocation, allocate, seeded_hash
from recommenders.playlists.dials import limits_of
from recommenders.playlists.parameters import MixtapeRules
from recommenders.store.dials import Dials

LENGTH = 5


def _world(seed: int, n_users: int, n_tracks: int) -> tuple[Shelf, Candidates]:
    """One artist a track, no releases or versions; everybody ranks most of the tracks."""
    rng = np.random.default_rng(seed)
    numbers = np.arange(n_tracks, dtype=np.int32)
    shelf = Shelf(
        track_ids=numbers.astype(np.int64) + 1,
        works=numbers,
        releases=np.full(n_tracks, -1, dtype=np.int32),
        eligible=np.ones(n_tracks, dtype=np.bool_),
        fresh=np.zeros(n_tracks, dtype=np.bool_),
        listeners=rng.integers(0, 50, n_tracks),
        artist_offsets=np.arange(n_tracks + 1),
        artists=numbers,
        artist_ids=numbers.astype(np.int64),
        n_releases=0,
    )
    n_candidates = min(12, n_tracks)
    taste = rng.random((n_users, n_tracks)).astype(np.float32).round(1)  # rounded: ties must be resolved too
    rows = np.argsort(-taste, axis=1, kind="stable")[:, :n_candidates].astype(np.int32)
    scores = np.take_along_axis(taste, rows, axis=1)
    sources = np.ones(rows.shape, dtype=np.int8)
    return shelf, Candidates(
        np.arange(n_users, dtype=np.int64) + 1, rows, scores, sources, np.zeros(n_users, np.float32)
    )


def _nothing_forbidden(user_ids: Any) -> Forbidden:
    none = np.empty(0, dtype=np.int32)
    zeros = np.zeros(len(user_ids) + 1, dtype=np.int64)
    return Forbidden(zeros, none, zeros, none)


def _allocate(shelf: Shelf, candidates: Candidates, seed: int, cap: int) -> Allocation:
    limits = limits_of(MixtapeRules(length=LENGTH), Dials.none(), candidates.user_ids)
    return allocate(shelf, candidates, limits, seed, cap, _nothing_forbidden)


def _gale_shapley(candidates: Candidates, shelf: Shelf, seed: int, cap: int) -> list[set[int]]:
    """The textbook algorithm, one proposal at a time."""
    wants = [list(map(int, rows)) for rows in candidates.rows]
    held: dict[int, list[tuple[float, int, int]]] = {}
    queue = [user for user in range(len(wants)) for _ in range(LENGTH)]
    while queue:
        user = queue.pop()
        if not wants[user]:
            continue
        row = wants[user].pop(0)
        score = float(candidates.scores[user][list(candidates.rows[user]).index(row)])
        tie = int(seeded_hash(seed, np.array([user]), np.array([row]))[0])
        held.setdefault(row, []).append((-score, tie, user))
        held[row].sort()
        if len(held[row]) > cap:
            queue.append(held[row].pop()[2])
    return [{row for row, users in held.items() if user in {u for *_, u in users}} for user in range(len(wants))]


def test_gaps_in_the_numbers_of_users_and_tracks_change_nothing() -> None:
    shelf, candidates = _world(7, 25, 30)
    sparse = shelf._replace(track_ids=shelf.track_ids * 3), candidates._replace(user_ids=candidates.user_ids * 7)
    whole, gapped = (_allocate(*world, 1, 3).lists for world in ((shelf, candidates), sparse))
    assert (whole.rows == gapped.rows).all()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_users=st.integers(1, 25), n_tracks=st.integers(6, 40), cap=st.integers(1, 8))
def test_it_is_the_stable_matching_that_gale_and_shapley_find(seed: int, n_users: int, n_tracks: int, cap: int) -> None:
    shelf, candidates = _world(seed, n_users, n_tracks)
    lists = _allocate(shelf, candidates, seed, cap).lists
    expected = _gale_shapley(candidates, shelf, seed, cap)
    for user, rows in enumerate(lists.rows):
        if len(expected[user]) == LENGTH:
            assert set(map(int, rows)) == expected[user]
        else:
            assert expected[user] <= set(map(int, rows)), "what is filled up comes on top"


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_users=st.integers(1, 25), n_tracks=st.integers(1, 40), cap=st.integers(1, 8))
def test_lists_are_full_and_no_song_is_everywhere_unless_the_catalogue_is_too_small(
    seed: int, n_users: int, n_tracks: int, cap: int
) -> None:
    shelf, candidates = _world(seed, n_users, n_tracks)
    lists, _, _, figures = _allocate(shelf, candidates, seed, cap)
    assert ((lists.rows >= 0).sum(axis=1) == min(LENGTH, n_tracks)).all()
    assert all(len(set(rows[rows >= 0])) == (rows >= 0).sum() for rows in lists.rows)
    unbent = Counter(lists.rows[(lists.rows >= 0) & (lists.bends == 0)].tolist())
    assert max(unbent.values(), default=0) <= cap
    if cap >= n_users:
        assert figures["bent"] == 0


def test_the_hash_spreads_users_and_tracks_evenly() -> None:
    users = np.arange(1, 100_001)
    shares = np.bincount((seeded_hash(20261123, users, 7) % np.uint64(10)).astype(int)) / len(users)
    assert np.abs(shares - 0.1).max() < 0.005
    assert (seeded_hash(1, users, 7) != seeded_hash(1, users, 8)).all()
    assert (seeded_hash(1, users, 7) != seeded_hash(2, users, 7)).all()
