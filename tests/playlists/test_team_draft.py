"""Team draft: against a slow, separate implementation, and for what makes it a fair comparison of two models."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommenders.mixing.candidates import RUNGS, Candidates, Source
from recommenders.mixing.shelf import Shelf
from recommenders.playlists.allocation import seeded_hash
from recommenders.playlists.trial import _COIN, Team, takes_part, team_draft, teams_of

SOURCES = np.array([Source.MIX, Source.AUDIO, Source.NEAREST_LISTENERS, Source.POPULAR], dtype=np.int8)


def shelf_of(works: list[int], fresh: list[bool] | None = None) -> Shelf:
    """Tracks of one artist each, of these works."""
    n = len(works)
    return Shelf(
        track_ids=np.arange(1, n + 1),
        works=np.array(works, dtype=np.int32),
        releases=np.full(n, -1, dtype=np.int32),
        eligible=np.ones(n, dtype=np.bool_),
        fresh=np.zeros(n, dtype=np.bool_) if fresh is None else np.array(fresh),
        listeners=np.zeros(n, dtype=np.int64),
        artist_offsets=np.arange(n + 1),
        artists=np.arange(n, dtype=np.int32),
        artist_ids=np.arange(1, n + 1),
        n_releases=0,
    )


def ranked(rng: np.random.Generator, works: list[int], user_ids: np.ndarray, width: int) -> Candidates:
    """Lists of any length up to `width`, of one version a work, falling by rung and score, with ties."""
    rows = np.full((len(user_ids), width), -1, dtype=np.int32)
    scores, sources = np.zeros(rows.shape, dtype=np.float32), np.zeros(rows.shape, dtype=np.int8)
    for user in range(len(user_ids)):
        tracks = [rng.choice(np.flatnonzero(np.array(works) == work)) for work in rng.permutation(np.unique(works))]
        n = int(rng.integers(0, min(width, len(tracks)) + 1))
        values, kinds = rng.integers(-2, 8, n) / np.float32(4), rng.choice(SOURCES, n)
        order = np.lexsort((-values, RUNGS[kinds]))
        rows[user, :n], scores[user, :n], sources[user, :n] = tracks[:n], values[order], kinds[order]
    return Candidates(user_ids, rows, scores, sources, rng.random(len(user_ids)).astype(np.float32))


def drafted(a: list[int], b: list[int], works: list[int], coins: list[bool]) -> list[tuple[int, int]]:
    """The textbook's loop for one user: (row, team) in the order of the picks."""
    picks: list[tuple[int, int]] = []
    for coin in coins:
        for team in (2, 1) if coin else (1, 2):
            taken = {works[row] for row, _ in picks}
            left = [row for row in (a if team == 1 else b) if works[row] not in taken]
            if left:
                picks.append((left[0], team))
    return picks


worlds = st.tuples(
    st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 25), st.integers(1, 12), st.integers(1, 12)
)


@settings(max_examples=150, deadline=None)
@given(world=worlds, seed=st.integers(0, 2**40))
def test_it_is_the_draft_of_the_textbook(world: tuple[int, ...], seed: int) -> None:
    dice, n_users, n_tracks, width_a, width_b = world
    rng = np.random.default_rng(dice)
    works = [int(work) for work in np.unique(rng.integers(0, n_tracks, n_tracks), return_inverse=True)[1]]
    users = np.sort(rng.choice(1000, n_users, replace=False)) + 1
    chosen = users[rng.random(n_users) < 0.7]
    a, b = ranked(rng, works, users, width_a), ranked(rng, works, chosen, width_b)
    merged, teams = team_draft(a, b, shelf_of(works), seed)
    assert merged.rows.shape == teams.shape == (n_users, width_a + width_b)
    for n, user in enumerate(users):
        own = [int(row) for row in a.rows[n] if row >= 0]
        got = [(int(row), int(team)) for row, team in zip(merged.rows[n], teams[n], strict=True) if row >= 0]
        assert (merged.rows[n, len(got) :] == -1).all() and not teams[n, len(got) :].any()
        if user not in chosen:
            assert got == [(row, Team.NEITHER) for row in own]
            assert (merged.scores[n, : len(own)] == a.scores[n, : len(own)]).all()
            assert merged.fresh_least[n] == a.fresh_least[n]
            continue
        other = [int(row) for row in b.rows[np.flatnonzero(chosen == user)[0]] if row >= 0]
        coins = [
            bool(seeded_hash(seed ^ _COIN, np.array([user]), turn)[0] & 1) for turn in range(max(width_a, width_b))
        ]
        assert got == drafted(own, other, works, coins)
        by_team = [[row for row, team in got if team == side] for side in (1, 2)]
        for mine, ranking in zip(by_team, (own, other), strict=True):
            assert [ranking.index(row) for row in mine] == sorted(ranking.index(row) for row in mine)
        assert len({works[row] for row, _ in got}) == len(got)
        assert {works[row] for row, _ in got} == {works[row] for row in own + other}
        for rung in set(RUNGS[merged.sources[n, : len(got)]]):
            scores = merged.scores[n, : len(got)][RUNGS[merged.sources[n, : len(got)]] == rung]
            assert (np.diff(scores) < 0).all()


@settings(max_examples=60, deadline=None)
@given(world=worlds, seed=st.integers(0, 2**40))
def test_a_model_beside_itself_gives_its_own_list(world: tuple[int, ...], seed: int) -> None:
    dice, n_users, n_tracks, width, _ = world
    rng = np.random.default_rng(dice)
    a = ranked(rng, list(range(n_tracks)), np.arange(1, n_users + 1), width)
    merged, _ = team_draft(a, a, shelf_of(list(range(n_tracks))), seed)
    assert (merged.rows[:, :width] == a.rows).all() and (merged.rows[:, width:] == -1).all()
    assert (merged.sources[:, :width] == a.sources).all()
    assert merged.scores[:, :width] == pytest.approx(a.scores, abs=1e-5)


def test_either_side_stands_as_often_in_every_place_and_two_coins_have_nothing_in_common() -> None:
    n_users, width = 20_000, 15
    users = np.arange(1, n_users + 1)
    a = np.tile(np.arange(width, dtype=np.int32), (n_users, 1))
    full = [np.ones(a.shape, dtype=np.float32), np.ones(a.shape, dtype=np.int8), np.zeros(n_users, dtype=np.float32)]
    shelf = shelf_of(list(range(2 * width)))
    second = []
    for seed in (20261123, 20261130):
        merged, teams = team_draft(Candidates(users, a, *full), Candidates(users, a + width, *full), shelf, seed)
        assert (np.bincount(teams.ravel()) == [0, n_users * width, n_users * width]).all()
        assert ((merged.rows < width) == (teams == Team.CHAMPION)).all()
        # Five standard errors: one in two million for each of 30 places.
        assert np.abs((teams == Team.TRIED).mean(axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(n_users)
        second.append(teams[:, ::2] == Team.TRIED)
    rounds = np.column_stack([coin.astype(float) for coin in second])
    assert np.abs(np.corrcoef(rounds.T) - np.eye(2 * width)).max() < 5 / np.sqrt(n_users)


def test_the_score_of_a_place_is_that_of_the_champion_s_list_whoever_picked_it() -> None:
    """Two users with the same taste by the champion; the other model's numbers are of another size altogether."""
    users = np.array([4, 9])
    rows = np.array([[0, 1, 2], [3, 4, 5]], dtype=np.int32)
    mix = np.full((2, 3), Source.MIX, dtype=np.int8)
    scores = np.array([[0.9, 0.5, 0.1]] * 2, dtype=np.float32)
    a = Candidates(users, rows, scores, mix, np.full(2, 0.2, np.float32))
    b = Candidates(users, rows + 6, scores * 1000, mix, np.full(2, 200, np.float32))
    merged, _ = team_draft(a, b, shelf_of(list(range(12))), 1)
    assert (merged.scores[0] == merged.scores[1]).all()
    assert merged.scores[0, :3] == pytest.approx([0.9, 0.5, 0.1])
    assert (merged.scores[:, 3:] < 0.1).all() and (merged.scores[:, 3:] > 0.0999).all()


def test_a_fresh_song_to_the_user_s_taste_on_either_list_is_so_on_the_drafted_one() -> None:
    users = np.array([1])
    mix = np.full((1, 3), Source.MIX, dtype=np.int8)
    a = Candidates(
        users, np.array([[0, 1, 2]], np.int32), np.array([[3, 2, 1]], np.float32), mix, np.array([9], np.float32)
    )
    b = a._replace(rows=np.array([[3, 4, 5]], np.int32), fresh_least=np.array([2], np.float32))
    shelf = shelf_of(list(range(6)), fresh=[True, False, False, False, True, True])
    merged, _ = team_draft(a, b, shelf, 1)
    place = dict(zip(merged.rows[0].tolist(), merged.scores[0].tolist(), strict=True))
    least = merged.fresh_least[0]
    assert place[4] >= least > place[5]
    nothing, _ = team_draft(a, b._replace(fresh_least=np.array([9], np.float32)), shelf, 1)
    assert (nothing.scores < nothing.fresh_least[:, np.newaxis]).all()


def test_a_user_stays_in_a_trial_from_week_to_week_and_when_its_share_grows() -> None:
    users = np.arange(1, 50_001)
    shares = {share: takes_part(users, 12, share) for share in (0.0, 0.1, 0.5, 1.0)}
    for share, part in shares.items():
        assert part.mean() == pytest.approx(share, abs=0.01)
    for fewer, more in itertools.pairwise(shares.values()):
        assert not (fewer & ~more).any()
    assert (takes_part(users[::3], 12, 0.5) == shares[0.5][::3]).all(), "whoever else is asked about"
    other = takes_part(users, 13, 0.5)
    assert (other & shares[0.5]).mean() == pytest.approx(0.25, abs=0.01), "another trial draws others"


def test_songs_of_finished_lists_are_of_the_team_that_picked_them_in_whatever_order_they_come() -> None:
    offered = np.array([[5, 3, 8, 1, -1], [2, 4, -1, -1, -1]], dtype=np.int32)
    teams = np.array([[1, 2, 2, 1, 0], [2, 1, 0, 0, 0]], dtype=np.int8)
    rows = np.array([[8, 5, 7], [4, 9, -1]], dtype=np.int32)
    assert teams_of(rows, offered, teams).tolist() == [[2, 1, 0], [1, 0, 0]]
