"""The rules of a mixtape hold in thousands of small worlds, and neither shards nor their order change a byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommenders.mixing.candidates import RUNGS, Candidates
from recommenders.playlists import allocation
from recommenders.playlists.allocation import Lists, allocate
from recommenders.playlists.dials import apply, limits_of
from recommenders.playlists.order import in_playing_order
from recommenders.playlists.standing import Standing, allocate_one
from tests.playlists.worlds import ARTIST, EXPOSURE, World, broken_rules, draw_world

SEEDS = st.integers(0, 2**32 - 1)
USERS, TRACKS = st.integers(1, 9), st.integers(1, 30)


def make(world: World, cuts: list[int], order: list[int]) -> tuple[Candidates, Lists]:
    """A week whose users are cut into shards at `cuts`, which are ranked and finished in this order."""
    adventurousness = world.dials.of("adventurousness", world.candidates.user_ids, world.rules.adventurousness)
    shards = [np.arange(a, b) for a, b in zip([0, *cuts], [*cuts, len(world.candidates.user_ids)], strict=True)]
    ranked, finished = {}, {}
    for number in order:
        users = shards[number]
        mine = Candidates(*(column[users] for column in world.candidates))
        ranked[number] = apply(mine, world.familiarity[users], adventurousness[users])
    candidates = Candidates(*map(np.concatenate, zip(*(ranked[n] for n in range(len(shards))), strict=True)))
    limits = limits_of(world.rules, world.dials, candidates.user_ids)
    lists = allocate(world.shelf, candidates, limits, world.seed, world.cap, world.forbidden_to).lists
    for number in reversed(order):
        first, end = shards[number][0], shards[number][-1] + 1
        finished[number] = in_playing_order(world.shelf, lists.slice(first, end), world.features)
    return candidates, Lists(*map(np.concatenate, zip(*(finished[n] for n in range(len(shards))), strict=True)))


@settings(max_examples=3_000, deadline=None)
@given(seed=SEEDS, n_users=USERS, n_tracks=TRACKS)
def test_every_rule_holds_but_for_what_is_marked_as_bent(seed: int, n_users: int, n_tracks: int) -> None:
    world = draw_world(seed, n_users, n_tracks)
    candidates, lists = make(world, [], [0])
    assert not broken_rules(world, candidates, lists)


@settings(max_examples=500, deadline=None)
@given(seed=SEEDS, n_users=USERS, n_tracks=TRACKS, data=st.data())
def test_any_shards_in_any_order_give_the_same_bytes(
    seed: int, n_users: int, n_tracks: int, data: st.DataObject
) -> None:
    world = draw_world(seed, n_users, n_tracks)
    cuts = sorted(data.draw(st.sets(st.integers(1, n_users - 1)))) if n_users > 1 else []
    order = data.draw(st.permutations(range(len(cuts) + 1)))
    whole = make(world, [], [0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(allocation, "ASKING_PARTS", data.draw(st.integers(1, 5)))
        patch.setattr(allocation, "FILL_BLOCK", data.draw(st.integers(1, 5)))
        cut = make(world, cuts, order)
    for one, other in zip(whole, cut, strict=True):
        assert [column.tobytes() for column in one] == [column.tobytes() for column in other]


@settings(max_examples=500, deadline=None)
@given(seed=SEEDS, n_users=USERS, n_tracks=TRACKS)
def test_a_song_that_a_user_would_rather_have_is_full_of_those_who_want_it_as_much(
    seed: int, n_users: int, n_tracks: int
) -> None:
    """Stability (Gale & Shapley 1962), where each song is of one artist, so that a user's choices are a matroid's."""
    world = draw_world(seed, n_users, n_tracks, simple=True)
    candidates, lists = make(world, [], [0])
    wish = {
        (user, row): (int(RUNGS[source]), -float(score))
        for user in range(n_users)
        for row, score, source in zip(
            candidates.rows[user].tolist(), candidates.scores[user], candidates.sources[user], strict=True
        )
        if row >= 0
    }
    held = [
        {
            row
            for row, bend in zip(rows.tolist(), bends.tolist(), strict=True)
            if row >= 0 and bend not in (EXPOSURE, ARTIST)
        }
        for rows, bends in zip(lists.rows, lists.bends, strict=True)
    ]
    for (user, row), wanted in wish.items():
        if row in held[user]:
            continue
        better = [other for other in held[user] if (user, other) in wish and wish[user, other] <= wanted]
        fits = all(
            sum(artist in world.artists(other) for other in better) < world.own("max_per_artist", user)
            for artist in world.artists(row)
        )
        if fits and len(better) < world.own("length", user):
            holders = [other for other in range(n_users) if row in held[other]]
            assert len(holders) >= world.cap
            assert all(wish.get((other, row), (9, 0.0)) <= wanted for other in holders)


def test_the_looking_finds_what_is_broken() -> None:
    """A list with one song put twice, left out, or of another user breaks a rule in nearly every world."""
    found = 0
    for seed in range(60):
        world = draw_world(seed, 6, 25)
        candidates, lists = make(world, [], [0])
        rng = np.random.default_rng(seed)
        user = int(np.argmax((lists.rows >= 0).sum(axis=1)))
        place = int(rng.integers(0, (lists.rows[user] >= 0).sum()))
        lists.rows[user, place] = rng.integers(0, 25) if seed % 2 else -1
        found += bool(broken_rules(world, candidates, lists))
    assert found >= 50


@settings(max_examples=500, deadline=None)
@given(seed=SEEDS, n_users=USERS, n_tracks=TRACKS)
def test_a_user_who_changes_nothing_has_the_same_list_while_the_others_keep_theirs(
    seed: int, n_users: int, n_tracks: int
) -> None:
    world = draw_world(seed, n_users, n_tracks)
    limits = limits_of(world.rules, world.dials, world.candidates.user_ids)
    whole = allocate(world.shelf, world.candidates, limits, world.seed, world.cap, world.forbidden_to)
    for user in range(n_users):
        rows, bends = whole.lists.rows[user], whole.lists.bends[user]
        kept = rows[(rows >= 0) & ~np.isin(bends, (EXPOSURE, ARTIST))]
        refused = world.candidates.rows[user][whole.refused[user]]
        mine = Candidates(*(column[user : user + 1] for column in world.candidates))
        own = limits_of(world.rules, world.dials, mine.user_ids)
        standing = Standing(kept, refused, whole.exposure)
        again = allocate_one(world.shelf, mine, own, standing, world.cap, world.forbidden_to)
        length = int(own.length[0])
        for column, before in zip(again, whole.lists, strict=True):
            assert column[0].tolist() == before[user, :length].tolist()
