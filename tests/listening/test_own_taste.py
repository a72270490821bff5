"""Foreign listening is found where it was planted, and hardly anywhere else; the search knows no names."""

import datetime as dt
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from recommenders.demo.genres import CHILDRENS
from recommenders.demo.world import World, generate_world
from recommenders.listening.foreign import DAY_S, HOUR_S, Finding, Found, Listening, OwnTasteParameters
from recommenders.listening.own_taste import find_foreign
from tests.listening import planted

NOW = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
SEEDS = [1, 2, 3, 4]
RULES = OwnTasteParameters()


@cache
def service(seed: int) -> tuple[World, Listening]:
    world = generate_world(seed, NOW, users=300, tracks=1_500)
    return world, planted.listening_of(world)


def search(listening: Listening, rules: OwnTasteParameters = RULES) -> Found:
    return find_foreign(listening, planted.kinds_of(listening), rules)


@pytest.mark.parametrize("seed", SEEDS)
def test_most_shared_accounts_are_found_and_hardly_any_other(seed: int) -> None:
    world, listening = service(seed)
    found = search(listening)
    shared, childrens = planted.shared_accounts(world), planted.artists_of_genre(world, CHILDRENS)
    right = [row for row in range(len(found)) if planted.share_of(found, row, childrens) >= 0.8]
    others = np.setdiff1d(np.unique(listening.user_ids), shared)
    assert np.isin(shared, found.user_ids[right]).mean() >= 0.8
    assert np.isin(others, found.user_ids).mean() <= 0.02
    assert not np.isin(found.user_ids[right], others).any()


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_found_names_all_music_of_its_kind_and_none_of_the_owners(seed: int) -> None:
    world, listening = service(seed)
    found = search(listening)
    childrens = planted.artists_of_genre(world, CHILDRENS)
    rows = [row for row in range(len(found)) if planted.share_of(found, row, childrens) >= 0.8]
    for row in rows:
        artists = found.artists[found.offsets[row] : found.offsets[row + 1]]
        assert np.isin(childrens, artists).mean() >= 0.9
        assert np.isin(artists, childrens).mean() >= 0.9


def test_devices_may_have_any_numbers_and_users_and_artists_any_ids() -> None:
    _, listening = service(1)
    rng = np.random.default_rng(1)
    names = rng.permutation(np.arange(1, 20)) * 1_000_003
    renamed = Listening(
        listening.user_ids * 7 + 3,
        listening.artist_ids + 1_000,
        names[listening.devices],
        listening.local_s,
        listening.skipped,
        listening.deliberate,
    )
    plain, other = search(listening), search(renamed)
    assert np.array_equal(plain.user_ids * 7 + 3, other.user_ids)
    assert np.array_equal(names[plain.devices], other.devices)


def test_the_order_of_events_changes_nothing() -> None:
    _, listening = service(1)
    shuffled = listening.take(np.random.default_rng(1).permutation(len(listening)))
    plain, other = search(listening), search(shuffled)
    assert len(plain)
    for name in ("user_ids", "devices", "kinds", "offsets", "artists"):
        assert np.array_equal(getattr(plain, name), getattr(other, name)), name


def test_blocks_of_users_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    _, listening = service(2)
    whole = search(listening)
    monkeypatch.setattr("recommenders.listening.own_taste.BLOCK_USERS", 37)
    parts = search(listening)
    assert np.array_equal(whole.user_ids, parts.user_ids)
    assert np.array_equal(whole.artists, parts.artists)


def _owners(world: World, listening: Listening, n: int, least_plays: int = 80) -> list[int]:
    """Users with an account of their own and enough listening."""
    plays = np.bincount(listening.user_ids[~listening.deliberate])
    alone = np.setdiff1d(np.flatnonzero(plays >= least_plays), world.people.account[world.people.child] + 1)
    return np.random.default_rng(world.seed).choice(alone, n, replace=False).tolist()


def _far_genre(world: World, listening: Listening, user: int, rng: np.random.Generator) -> np.ndarray:
    """The artists of a genre that the user hardly plays."""
    plays = listening.take((listening.user_ids == user) & ~listening.deliberate)
    counts = np.bincount(world.artists.genre[plays.artist_ids - 1], minlength=len(world.truth.genres))
    counts[CHILDRENS] = 10**6
    return planted.artists_of_genre(world, int(rng.choice(np.argsort(counts)[:3])))


@pytest.mark.parametrize("seed", SEEDS)
def test_music_to_sleep_by_is_found_by_its_hours_and_named(seed: int) -> None:
    world, listening = service(seed)
    rng = np.random.default_rng(seed)
    by_evening = world.people.hours.reshape(-1, 7, 24)[:, :, [23, 0, 1, 2, 3]].sum(axis=(1, 2))
    users = [user for user in _owners(world, listening, 60) if by_evening[user - 1] < 0.1][:8]
    genres = {user: _far_genre(world, listening, user, rng) for user in users}
    for user in users:
        artists, local_s = planted.nights_of_sleep(rng, int(NOW.timestamp()), genres[user], nights=12)
        devices = rng.choice(listening.devices[listening.user_ids == user], len(local_s))
        listening = planted.add_plays(listening, user, artists, local_s, devices)
    found = search(listening)
    asleep = [
        int(found.user_ids[row])
        for row in np.flatnonzero(found.kinds == Finding.SLEEP)
        if planted.share_of(found, row, genres.get(int(found.user_ids[row]), np.empty(0))) >= 0.8
    ]
    assert len(users) >= 5
    assert len(set(asleep)) >= 0.8 * len(users)
    assert set(found.user_ids[found.kinds == Finding.SLEEP].tolist()) <= set(users)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_party_is_found_by_its_night(seed: int) -> None:
    world, listening = service(seed)
    rng = np.random.default_rng(seed)
    day = int(NOW.timestamp()) // DAY_S - 16
    users = _owners(world, listening, 8)
    for user in users:
        artists, local_s = planted.a_party(rng, day, _far_genre(world, listening, user, rng), songs=50)
        device = listening.devices[listening.user_ids == user][0]
        listening = planted.add_plays(listening, user, artists, local_s, np.full(50, device))
    found = search(listening)
    parties = np.flatnonzero((found.kinds == Finding.PARTY) & (found.nights == day))
    assert np.isin(users, found.user_ids[parties]).mean() >= 0.8
    assert set(found.user_ids[found.kinds == Finding.PARTY].tolist()) <= set(users)


@pytest.mark.parametrize("seed", SEEDS)
def test_without_devices_a_child_of_the_afternoon_is_found_by_its_hours(seed: int) -> None:
    world, listening = service(seed)
    rng = np.random.default_rng(seed)
    childrens = planted.artists_of_genre(world, CHILDRENS)
    afternoon = world.people.hours.reshape(-1, 7, 24)[:, :, 13:19].sum(axis=(1, 2))
    users = [user for user in _owners(world, listening, 80) if afternoon[user - 1] < 0.1][:6]
    days = int(NOW.timestamp()) // DAY_S - np.arange(1, 60)
    for user in users:
        local_s = rng.choice(days, 60) * DAY_S + rng.integers(14 * HOUR_S, 17 * HOUR_S, 60)
        listening = planted.add_plays(listening, user, rng.choice(childrens, 60), local_s, np.zeros(60, dtype=np.int64))
    found = search(planted.without_devices(listening))
    right = [row for row in range(len(found)) if planted.share_of(found, row, childrens) >= 0.8]
    assert len(users) >= 3
    assert np.isin(users, found.user_ids[right]).mean() >= 0.8
    known = np.union1d(users, planted.shared_accounts(world))
    assert np.isin(np.setdiff1d(np.unique(listening.user_ids), known), found.user_ids).mean() <= 0.02


def test_who_saves_and_rates_is_the_owner_even_if_the_other_plays_more() -> None:
    world, listening = service(3)
    rng = np.random.default_rng(3)
    loud, quiet = (planted.artists_of_genre(world, genre) for genre in (0, 5))
    music = np.concatenate([rng.choice(loud, 150), rng.choice(quiet, 50)])
    devices = np.repeat([1, 2], [150, 50])
    days = int(NOW.timestamp()) // DAY_S - rng.integers(1, 60, 200)
    both = planted.add_plays(listening, 9_999, music, days * DAY_S + rng.integers(DAY_S, size=200), devices)
    found = {}
    for who, first in (("quiet", 150), ("loud", 0)):
        rows = len(listening) + first + np.arange(12)
        saved = both.take(rows)
        saved = replace(saved, deliberate=np.ones(12, dtype=np.bool_))
        columns = zip(vars(both).values(), vars(saved).values(), strict=True)
        result = search(Listening(*(np.concatenate(pair) for pair in columns)))
        found[who] = result.devices[result.user_ids == 9_999].tolist()
    assert found == {"quiet": [1], "loud": [2]}


def test_nothing_is_found_where_there_is_nothing_to_compare_with() -> None:
    none = np.empty(0, dtype=np.int64)
    empty = Listening(none, none, none, none, none.astype(bool), none.astype(bool))
    assert len(search(empty)) == 0
    _, listening = service(1)
    one_device = replace(listening, devices=np.ones_like(listening.devices))
    assert not (search(one_device).devices > 0).any()
