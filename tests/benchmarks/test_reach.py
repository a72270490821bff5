"""Whom uploads reach is counted right, on mixtapes whose answer is known."""

import datetime as dt

import numpy as np
import pytest

from recommenders.benchmarks.reach import Songs, kinds, reach
from recommenders.demo.sound import held_back
from recommenders.demo.world import World, generate_world


@pytest.fixture(scope="module")
def world() -> World:
    return generate_world(3, dt.datetime(2026, 1, 5, tzinfo=dt.UTC), users=60, tracks=600, weeks=4)


def _songs(pairs: np.ndarray, scores: np.ndarray | None = None) -> Songs:
    users, tracks = pairs.nonzero()
    return Songs(
        users, tracks, np.ones(len(users), np.float32) if scores is None else scores, np.ones(len(users), bool)
    )


def test_uploads_that_only_their_kind_gets_have_a_rate_of_one_and_of_zero(world: World) -> None:
    uploads = held_back(world)
    got = np.zeros((len(world.user_ids), len(world.track_ids)), dtype=bool)
    got[:, uploads] = kinds(world)[:, world.tracks.genre[uploads]]
    none = np.zeros(len(world.track_ids), dtype=bool)
    found = reach(world, _songs(got), uploads, none, none, 3)
    liked = got[:, uploads].any(axis=0).mean()
    assert found["rate of others"] == 0
    assert found["rate of their kind"] == pytest.approx(liked, abs=0.05)  # few have not listened yet


def test_everybody_is_of_some_kind_and_nobody_of_every(world: World) -> None:
    own = kinds(world)
    assert own.any(axis=1).all() and own.sum(axis=1).max() <= 4


def test_the_best_fresh_songs_are_not_counted_among_the_other_places(world: World) -> None:
    got = np.zeros((len(world.user_ids), len(world.track_ids)), dtype=bool)
    got[:, :10] = True
    fresh = np.arange(len(world.track_ids)) < 5
    songs = _songs(got, np.tile(np.arange(10, 0, -1, dtype=np.float32), len(world.user_ids)))
    songs = Songs(songs.users, songs.tracks, songs.scores, songs.tracks == 3)  # the fourth of five fresh ones
    found = reach(world, songs, held_back(world), fresh, fresh, 3)
    assert found["cold in other places"] == pytest.approx(1 / 7)
    assert reach(world, songs, held_back(world), fresh, fresh, 4)["cold in other places"] == 0
