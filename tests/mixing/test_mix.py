"""The mix: every candidate of every source, described as each model sees it, and ranked by what each word counts."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse import random as random_matrix

from recommenders.mixing.candidates import RUNGS, Candidates, Offered, Source
from recommenders.mixing.cold import Sound, artist_directions, cold_songs, directions
from recommenders.mixing.likings import Likings
from recommenders.mixing.listeners import Drawn, offer
from recommenders.mixing.mix import MOST_CANDIDATES, describe, ranked
from recommenders.mixing.ranker import FEATURES, Ranker
from recommenders.mixing.shelf import Forbidden, Shelf
from recommenders.mixing.voices import Neighbours, Voices, load_voices, nearest, rates, save_voices
from recommenders.store import Artifacts
from tests.playlists.worlds import draw_world

FACTORS, TEXTS = 5, 7


class Mixed(NamedTuple):
    shelf: Shelf
    forbidden: Forbidden
    candidates: Candidates
    factors: np.ndarray
    likings: Likings
    offered: Offered
    voices: Voices


def draw(seed: int, n_users: int = 6, n_tracks: int = 60) -> Mixed:
    """A small world with models that know some of it."""
    world, rng = draw_world(seed, n_users, n_tracks), np.random.default_rng(seed)
    n_artists = len(world.shelf.artist_ids)

    def vectors(n: int) -> np.ndarray:
        there = rng.random((n, 1)) < 0.8
        return (rng.normal(size=(n, FACTORS)) * there).astype(np.float32)

    def neighbours(n: int) -> Neighbours:
        matrix = random_matrix(n, n, 0.3, "csr", np.float32, rng=rng)
        matrix.sum_duplicates()
        return Neighbours.of(matrix)

    told_as = rng.integers(-1, TEXTS, n_tracks).astype(np.int32)
    told = np.flatnonzero((told_as >= 0) & world.shelf.eligible)
    told = told[np.argsort(told_as[told], kind="stable")]
    voices = Voices(
        played=vectors(n_tracks),
        artists=directions(vectors(n_artists)),
        sound=directions(vectors(n_tracks)),
        items=neighbours(n_tracks),
        items_told=Neighbours.none(n_tracks),
        told_as=told_as,
        told=neighbours(TEXTS),
        teller_offsets=np.searchsorted(told_as[told], np.arange(TEXTS + 1)),
        tellers=told.astype(np.int32),
        rate=rng.normal(size=n_tracks).astype(np.float32),
        youth=rng.random(n_tracks).astype(np.float32),
    )
    liked = [np.unique(rng.integers(n_tracks, size=rng.integers(0, 9))) for _ in range(n_users)]
    offsets = np.append(0, np.cumsum([len(each) for each in liked]))
    weights = (rng.random(offsets[-1]) + 0.1).astype(np.float32)
    likings = Likings(offsets, np.concatenate([*liked, np.empty(0)]).astype(np.int32), weights)
    counts = rng.integers(0, 5, n_users)
    rows = rng.integers(n_tracks, size=counts.sum()).astype(np.int32)
    offered = Offered(np.append(0, np.cumsum(counts)), rows, np.full(len(rows), Source.LISTS, dtype=np.int8))
    factors = vectors(n_users)
    return Mixed(world.shelf, world.forbidden, world.candidates, factors, likings, offered, voices)


def described_by_hand(mixed: Mixed, user: int, row: int) -> list[float]:
    """The features of one song for one user, song by song and play by play."""
    x, voices = mixed.factors[user].astype(float), mixed.voices
    x = x / np.linalg.norm(x)
    mine = slice(mixed.likings.offsets[user], mixed.likings.offsets[user + 1])
    liked, weights = mixed.likings.rows[mine], mixed.likings.weights[mine].astype(float)

    def says(of: Neighbours, one: int, other: int) -> float:
        stored = slice(of.offsets[one], of.offsets[one + 1])
        return float(of.weights[stored][of.items[stored] == other].sum())

    items = sum(w * says(voices.items, j, row) for j, w in zip(liked, weights, strict=True)) / weights.sum()
    told = [(voices.told_as[j], w) for j, w in zip(liked, weights, strict=True) if voices.told_as[j] >= 0]
    text = 0.0
    if told and voices.told_as[row] >= 0:
        text = sum(w * says(voices.told, t, voices.told_as[row]) for t, w in told) / sum(w for _, w in told)
    credited = mixed.shelf.artists[mixed.shelf.artist_offsets[row] : mixed.shelf.artist_offsets[row + 1]]
    return [
        np.sqrt(max(x @ voices.played[row], 0)),
        np.sqrt(items),
        np.mean([x @ voices.artists[artist] for artist in credited]) if len(credited) else 0.0,
        np.log(text + 1e-4),
        x @ voices.sound[row],
        voices.rate[row],
        voices.youth[row],
    ]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_every_song_of_the_first_rung_is_described_as_each_model_sees_it(seed: int) -> None:
    mixed = draw(seed)
    pool = describe(*mixed)
    for user, place in zip(*np.nonzero((pool.rows >= 0) & (pool.places < 0)), strict=True):
        expected = described_by_hand(mixed, int(user), int(pool.rows[user, place]))
        np.testing.assert_allclose(pool.features[user, place], expected, rtol=2e-4, atol=2e-5)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_nothing_forbidden_joins_no_work_twice_and_what_a_source_had_is_not_lost(seed: int) -> None:
    mixed = draw(seed)
    pool = describe(*mixed)
    for user in range(len(pool.rows)):
        rows = pool.rows[user][pool.rows[user] >= 0]
        works = mixed.shelf.works[rows]
        assert len(np.unique(works)) == len(works) <= MOST_CANDIDATES
        f = mixed.forbidden
        assert not np.isin(works, f.works[f.work_offsets[user] : f.work_offsets[user + 1]]).any()
        bad = f.artists[f.artist_offsets[user] : f.artist_offsets[user + 1]]
        for row in rows:
            first, end = mixed.shelf.artist_offsets[row : row + 2]
            assert mixed.shelf.eligible[row] and not np.isin(mixed.shelf.artists[first:end], bad).any()
        before = mixed.candidates.rows[user][mixed.candidates.rows[user] >= 0]
        allowed = [row for row in before if mixed.shelf.works[row] in works]
        assert len(allowed) == len(before), "what the searches before had found stays"


def test_who_knows_what_their_likings_speak_for_most_is_offered_what_comes_next() -> None:
    """One liking speaks for all others, most for the hundred and fifty that the listener has heard."""
    n = 300
    mixed = draw(3, n_users=1, n_tracks=n)
    shelf = mixed.shelf._replace(works=np.arange(n, dtype=np.int32), eligible=np.ones(n, dtype=np.bool_))
    speaks = np.zeros((n, n), dtype=np.float32)
    speaks[0, 1:] = np.linspace(1, 0.1, n - 1)
    one = np.array([0, 1])
    forbidden = Forbidden(
        np.array([0, 150]), np.arange(150, dtype=np.int32), np.zeros(2, np.int64), np.empty(0, np.int32)
    )
    nothing = Candidates(
        np.array([1]),
        np.full((1, 100), -1, dtype=np.int32),
        np.zeros((1, 100), dtype=np.float32),
        np.zeros((1, 100), dtype=np.int8),
        np.zeros(1, dtype=np.float32),
    )
    pool = describe(
        shelf,
        forbidden,
        nothing,
        mixed.factors[:1],
        Likings(one, np.zeros(1, np.int32), np.ones(1, np.float32)),
        Offered.nothing(1),
        mixed.voices._replace(items=Neighbours.of(csr_matrix(speaks))),
    )
    assert pool.rows[0][pool.sources[0] == Source.ITEMS].tolist() == list(range(150, 200))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5))
def test_a_users_candidates_depend_on_that_user_alone_to_the_last_bit(seed: int, first: int) -> None:
    mixed = draw(seed)
    whole, part = describe(*mixed), describe(*_only(mixed, first))
    for together, alone in zip(whole, part, strict=True):
        assert together[first].tobytes() == alone[0].tobytes()


def _only(mixed: Mixed, user: int) -> Mixed:
    """The same world with one of its users."""

    def one(offsets: np.ndarray, *values: np.ndarray) -> list[np.ndarray]:
        chosen = slice(offsets[user], offsets[user + 1])
        return [np.array([0, offsets[user + 1] - offsets[user]]), *(each[chosen] for each in values)]

    f, c = mixed.forbidden, mixed.candidates
    return Mixed(
        mixed.shelf,
        Forbidden(*one(f.work_offsets, f.works), *one(f.artist_offsets, f.artists)),
        Candidates(*(values[user : user + 1] for values in c)),
        mixed.factors[user : user + 1],
        Likings(*one(*mixed.likings)),
        Offered(*one(*mixed.offered)),
        mixed.voices,
    )


def test_the_ranking_falls_by_chance_on_the_first_rung_and_keeps_the_others_below() -> None:
    ranker = Ranker(weights=tuple(np.linspace(0.2, 1, len(FEATURES))), intercept=-1)
    for seed in range(20):
        mixed = draw(seed)
        pool = describe(*mixed)
        found = ranked(mixed.candidates, pool, ranker, 3, 0.3)
        chances = dict(zip(pool.rows[0].tolist(), ranker.chances(pool.features[0]).tolist(), strict=True))
        rungs = np.where(found.rows >= 0, RUNGS[found.sources], 127)
        assert (np.diff(rungs, axis=1) >= 0).all()
        for user in range(len(found.rows)):
            first = np.flatnonzero(rungs[user] == 1)
            if mixed.factors[user].any():
                assert (np.diff(found.scores[user, first]) <= 0).all()
            below = np.flatnonzero((rungs[user] > 1) & (rungs[user] < 127))
            before = dict(zip(mixed.candidates.rows[user].tolist(), mixed.candidates.scores[user], strict=True))
            assert all(found.scores[user, place] == before[int(found.rows[user, place])] for place in below)
        if mixed.factors[0].any() and mixed.likings.offsets[1] > 0:
            for place in np.flatnonzero(rungs[0] == 1):
                assert found.scores[0, place] == pytest.approx(chances[int(found.rows[0, place])])


def test_a_word_of_a_model_raises_the_chance_by_its_weight() -> None:
    features = np.zeros((1, 2, len(FEATURES)), dtype=np.float32)
    features[0, 1, 0] = 1
    ranker = Ranker(weights=(2.0,) + (0.0,) * (len(FEATURES) - 1), intercept=-3)
    quiet, loud = ranker.chances(features)[0].tolist()
    assert quiet == pytest.approx(1 / (1 + np.exp(3))) and loud == pytest.approx(1 / (1 + np.exp(1)))


def test_the_nearest_texts_are_those_of_the_highest_cosines() -> None:
    vectors = directions(np.random.default_rng(0).normal(size=(1_500, 8)).astype(np.float32))
    found = nearest(vectors, 10)
    cosines = vectors.astype(float) @ vectors.astype(float).T
    for one in range(0, 1_500, 97):
        ours = found.items[found.offsets[one] : found.offsets[one + 1]]
        assert set(ours) == set(np.argsort(-cosines[one])[:10])
        weights = found.weights[found.offsets[one] : found.offsets[one + 1]]
        np.testing.assert_allclose(weights, np.exp(8 * (cosines[one, ours] - 1)), rtol=1e-4)


def test_a_rate_lies_between_a_songs_own_and_its_artists() -> None:
    shelf = draw(3).shelf
    ages = np.random.default_rng(3).uniform(0.5, 30, len(shelf.works)).astype(np.float32)
    found, own = rates(shelf, ages, 16), shelf.listeners / np.clip(ages, 0, 16)
    # With 2 weeks' credit at the rate r of its artists: (listeners + 2 r) / (weeks + 2), so r can be read off.
    credited = (found * (np.clip(ages, 0, 16) + 2) - shelf.listeners) / 2
    assert (credited > 0).all()
    assert ((found - own) * (credited - own) >= -1e-3).all()
    assert (np.abs(found - own) <= np.abs(credited - own) + 1e-3).all()


def test_a_cold_song_lies_halfway_from_its_sound_to_its_artists_songs_or_at_these() -> None:
    mixed = draw(5)
    shelf = mixed.shelf._replace(listeners=np.arange(len(mixed.shelf.works)), eligible=np.ones(60, dtype=bool))
    from recommenders.collaborative.model import AlsParameters, CollaborativeModel

    known = np.arange(2, 60)
    factors = np.random.default_rng(5).normal(size=(58, FACTORS)).astype(np.float32)
    model = CollaborativeModel(shelf.track_ids[known], factors, AlsParameters(factors=FACTORS), 1)
    heard = Sound(shelf.track_ids[[0]], np.full((1, FACTORS), 0.1, dtype=np.float32))
    cold = cold_songs(shelf, model, heard)
    assert cold.by_sound[0]
    assert np.linalg.norm(cold.vectors[0]) == pytest.approx(np.linalg.norm(heard.vectors[0]))
    played = np.zeros((60, FACTORS), dtype=np.float32)
    played[known] = factors
    of_artists = artist_directions(shelf, played)
    first, mean = (
        of_artists[shelf.artists[shelf.artist_offsets[row] : shelf.artist_offsets[row + 1]]].sum(axis=0)
        for row in (0, 1)
    )
    toward = [vector @ cold.vectors[0] / np.linalg.norm(vector) for vector in (heard.vectors[0], first) if vector.any()]
    assert min(toward) == pytest.approx(max(toward), rel=1e-4)  # as near to the one as to the other
    if mean.any():
        place = cold.track_ids.tolist().index(shelf.track_ids[1])
        assert not cold.by_sound[place]
        cosine = cold.vectors[place] @ mean / np.linalg.norm(cold.vectors[place]) / np.linalg.norm(mean)
        assert cosine == pytest.approx(1, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_listeners_like_you_offer_what_they_play_most(seed: int) -> None:
    mixed, rng = draw(seed), np.random.default_rng(seed)
    n = 12
    vectors = directions(rng.normal(size=(n, FACTORS)).astype(np.float32))
    liked = [np.unique(rng.integers(60, size=6)) for _ in range(n)]
    likings = Likings(
        np.append(0, np.cumsum([len(each) for each in liked])),
        np.concatenate(liked).astype(np.int32),
        rng.random(sum(map(len, liked))).astype(np.float32),
    )
    drawn = Drawn(np.arange(100, 100 + n), vectors, likings)
    user_ids = np.arange(len(mixed.factors))
    found = offer(mixed.shelf, mixed.forbidden, user_ids, mixed.factors, drawn)
    for user in user_ids:
        sums = np.zeros(60)
        for other in range(n):
            mine = slice(likings.offsets[other], likings.offsets[other + 1])
            sums[likings.rows[mine]] += max(mixed.factors[user] @ vectors[other], 0) * likings.weights[mine]
        rows = found.rows[found.offsets[user] : found.offsets[user + 1]]
        assert (np.diff(sums[rows]) <= 1e-5).all() and (sums[rows] > 0).all()
        assert (found.sources == Source.LIKE_LISTENERS).all()
    itself = drawn._replace(vectors=vectors[:1], user_ids=drawn.user_ids[:1])
    own = offer(mixed.shelf, mixed.forbidden, drawn.user_ids[:1], vectors[:1], itself)
    assert not len(own.rows), "nobody is their own nearest listener"


def test_what_the_models_say_comes_back_from_its_artifacts(tmp_path: object) -> None:
    voices, artifacts = draw(1).voices, Artifacts(f"file://{tmp_path}")
    save_voices(artifacts, "editions/1", voices)
    again = load_voices(artifacts, "editions/1")
    for name in Voices._fields:
        kept, came = getattr(voices, name), getattr(again, name)
        for one, other in zip(kept, came, strict=True) if isinstance(kept, Neighbours) else [(kept, came)]:
            assert np.array_equal(one, other), name
