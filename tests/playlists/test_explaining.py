"""Reasons of the mix: what they name is the listener's own, and without it the song's score really falls."""

import itertools
from collections import Counter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse import random as random_matrix

from recommenders.collaborative.model import AlsParameters, CollaborativeModel
from recommenders.listening.interactions import Interactions
from recommenders.mixing.candidates import Source
from recommenders.mixing.cold import Cold, artist_directions, directions
from recommenders.mixing.ranker import Ranker
from recommenders.mixing.shelf import Shelf
from recommenders.mixing.voices import Neighbours, Voices
from recommenders.playlists import choosing, falls
from recommenders.playlists.allocation import Lists
from recommenders.playlists.explaining import Explained, Ranking, RankingExplainer, describe_songs
from recommenders.playlists.reasons import Reason
from recommenders.playlists.shared_terms import Terms
from tests.playlists.worlds import draw_world

FACTORS, TEXTS, LENGTH = 5, 8, 12
PARAMETERS = AlsParameters(factors=FACTORS, regularisation=0.5)


class Explainable(NamedTuple):
    """A small world whose models know some of it, and lists that nobody ranked."""

    ranking: Ranking
    terms: Terms
    interactions: Interactions
    lists: Lists

    @property
    def explained(self) -> Explained:
        return RankingExplainer(self.ranking, self.terms).explain(
            self.interactions.user_ids, self.lists, self.interactions
        )


def draw(seed: int, n_users: int = 8, n_tracks: int = 80) -> Explainable:
    rng = np.random.default_rng(seed)
    shelf = draw_world(seed, n_users, n_tracks).shelf._replace(listeners=np.full(n_tracks, 9))
    known = np.flatnonzero(rng.random(n_tracks) < 0.8)
    factors = rng.normal(size=(len(known), FACTORS)) * rng.lognormal(sigma=0.6, size=(len(known), 1))
    model = CollaborativeModel(shelf.track_ids[known], factors.astype(np.float32), PARAMETERS, 1)
    played = np.zeros((n_tracks, FACTORS), dtype=np.float32)
    played[known] = model.track_factors
    unknown = np.setdiff1d(np.arange(n_tracks), known)[:6]
    played[unknown] = rng.normal(size=(len(unknown), FACTORS))
    cold = Cold(shelf.track_ids[unknown], played[unknown], np.arange(len(unknown)) % 2 == 0)

    def neighbours(n: int) -> Neighbours:
        matrix = random_matrix(n, n, 0.4, "csr", np.float32, rng=rng)
        matrix.sum_duplicates()
        return Neighbours.of(matrix)

    items = neighbours(n_tracks)
    of_text = items.weights * rng.choice([0, 0.3, 1], len(items.weights)).astype(np.float32)
    sound = rng.normal(size=played.shape) * (rng.random((n_tracks, 1)) < 0.7)
    voices = Voices(
        played=played,
        artists=artist_directions(shelf, played),
        sound=directions(sound.astype(np.float32)),
        items=items,
        items_told=items._replace(weights=of_text),
        told_as=rng.integers(-1, TEXTS, n_tracks).astype(np.int32),
        told=neighbours(TEXTS),
        teller_offsets=np.zeros(TEXTS + 1, np.int64),
        tellers=np.empty(0, np.int32),
        rate=np.zeros(n_tracks, np.float32),
        youth=np.zeros(n_tracks, np.float32),
    )
    weights = rng.uniform(0, 3, 5) * (rng.random(5) < 0.8)
    ranker = Ranker(weights=(*weights, 0.5, 0.5), intercept=-2.0)
    strengths = rng.lognormal(size=(n_users, n_tracks)) * (rng.random((n_users, n_tracks)) < rng.choice([0.03, 0.15]))
    strengths *= np.where(rng.random(strengths.shape) < 0.15, -1, 1)
    strengths[strengths.max(axis=1) <= 0, 0] = 1.0
    interactions = Interactions(np.arange(3, 3 + n_users), shelf.track_ids, csr_matrix(strengths, dtype=np.float32))
    rows = np.stack([rng.permutation(np.flatnonzero(shelf.eligible))[:LENGTH] for _ in range(n_users)])
    sources = rng.choice([Source.MIX, Source.ITEMS, Source.AUDIO, Source.CULTURE], rows.shape, p=[0.4, 0.3, 0.2, 0.1])
    lists = Lists(
        rows.astype(np.int32), np.zeros(rows.shape, np.float32), sources.astype(np.int8), np.zeros(rows.shape, np.int8)
    )
    return Explainable(Ranking(shelf, model, cold, voices, ranker), called(shelf, rng), interactions, lists)


def called(shelf: Shelf, rng: np.random.Generator) -> Terms:
    """Five of thirty terms for each of ten artists and tracks."""
    ids = np.concatenate([np.sort(rng.choice(np.arange(1, 31), 5, replace=False)) for _ in range(10)])
    own, of_artist = (rng.integers(-1, 10, len(shelf.track_ids)).astype(np.int32) for _ in range(2))
    return Terms(np.arange(11) * 5, ids.astype(np.int32), rng.random(50).astype(np.float32) + 0.01, own, of_artist)


def features_by_hand(world: Explainable, user: int, row: int, taken: list[int]) -> list[float]:
    """What each model says of a song, all solved anew in double precision, from what the user likes but for the rows
    `taken`."""
    model, voices, shelf = world.ranking.model, world.ranking.voices, world.ranking.shelf
    strengths = world.interactions.strengths[user].toarray().ravel().astype(float)
    strengths[taken] = 0
    liked = np.flatnonzero(strengths > 0)
    y, signed = model.track_factors.astype(float), strengths[shelf.rows(model.track_ids)]
    confidence = np.where(signed != 0, 1 + PARAMETERS.alpha * np.log1p(np.abs(signed) / PARAMETERS.eps), 0)
    a = model.gram + (y * np.maximum(confidence - 1, 0)[:, None]).T @ y
    x = np.linalg.solve(a, y.T @ (confidence * (signed > 0)))
    if not len(liked) or np.linalg.norm(x) < 1e-9:
        return [0.0, 0.0, 0.0, float(np.log(1e-4)), 0.0]
    x /= np.linalg.norm(x)
    weights = np.log1p(strengths[liked])

    def says(of: Neighbours, one: int, other: int) -> float:
        stored = slice(of.offsets[one], of.offsets[one + 1])
        return float(of.weights[stored][of.items[stored] == other].sum())

    items = sum(w * says(voices.items, j, row) for j, w in zip(liked, weights, strict=True)) / weights.sum()
    told = [(voices.told_as[j], w) for j, w in zip(liked, weights, strict=True) if voices.told_as[j] >= 0]
    text = 0.0
    if told and voices.told_as[row] >= 0:
        text = sum(w * says(voices.told, t, voices.told_as[row]) for t, w in told) / sum(w for _, w in told)
    credited = shelf.artists[shelf.artist_offsets[row] : shelf.artist_offsets[row + 1]]
    return [
        np.sqrt(max(x @ voices.played[row], 0)),
        np.sqrt(items),
        np.mean([x @ voices.artists[artist] for artist in credited]) if len(credited) else 0.0,
        np.log(text + 1e-4),
        x @ voices.sound[row],
    ]


def logit_by_hand(world: Explainable, user: int, row: int, taken: list[int]) -> float:
    return float(np.dot(features_by_hand(world, user, row, taken), world.ranking.ranker.weights[:5]))


def named(world: Explainable, found: Explained, user: int, place: int) -> list[int]:
    """The rows of the plays that a reason names."""
    ids = found.plays[user, place]
    return world.ranking.shelf.rows(ids[ids > 0]).tolist()


def parts_by_hand(world: Explainable, user: int, song: int, play: int) -> npt.NDArray[np.float64]:
    """What of the logit is lost, feature by feature, without a play; what items have from texts is the text's."""
    whole, without = (np.array(features_by_hand(world, user, song, taken)) for taken in ([], [play]))
    parts = np.array(world.ranking.ranker.weights[:5]) * (whole - without)
    items, told = world.ranking.voices.items, world.ranking.voices.items_told
    mine = slice(items.offsets[play], items.offsets[play + 1])
    at = items.items[mine] == song
    if parts[1] > 0 and at.any():
        of_text = parts[1] * told.weights[mine][at][0] / items.weights[mine][at][0]
        parts[[1, 3]] += [-of_text, of_text]
    return parts


seeds = st.integers(0, 10**6)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_the_fall_without_a_play_or_two_is_what_solving_everything_anew_gives(seed: int) -> None:
    world = draw(seed)
    explainer = RankingExplainer(world.ranking, world.terms)
    offsets, *listened = explainer._listened(world.interactions.user_ids, world.interactions)
    weights = np.array(world.ranking.ranker.weights, dtype=np.float32)
    scratch = np.full(80, -1, np.int16), np.full(TEXTS + 1, -1, np.int16)
    for user in range(3):
        own = tuple(column[offsets[user] : offsets[user + 1]] for column in listened)
        songs = world.lists.rows[user, :4].astype(np.int64)
        counted = falls.what_counts(world.ranking.shelf, world.ranking.voices, explainer._space, own, songs, scratch)
        assert (scratch[0] == -1).all() and (scratch[1] == -1).all()
        parts, _ = falls.parts_of_falls(counted, weights)
        plays = own[2][own[1] > 0].tolist()
        for s, song in enumerate(songs.tolist()):
            whole = features_by_hand(world, user, song, [])
            for n, play in enumerate(plays[:5]):
                expected = parts_by_hand(world, user, song, play)
                np.testing.assert_allclose(parts[s, n], expected, atol=3e-3, rtol=3e-3)
            for i, j in itertools.combinations(range(min(len(plays), 3)), 2):
                left = logit_by_hand(world, user, song, [plays[i], plays[j]])
                fall = falls.fall_without_both(counted, s, i, j, weights)
                assert fall == pytest.approx(np.dot(whole, weights[:5]) - left, abs=1e-2, rel=1e-2)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_without_what_a_reason_names_the_score_falls_and_nothing_is_named_that_is_not_liked(seed: int) -> None:
    world = draw(seed)
    found = world.explained
    for user, place in np.ndindex(found.codes.shape):
        row, plays = int(world.lists.rows[user, place]), named(world, found, user, place)
        if world.lists.sources[user, place] == Source.CULTURE:
            assert found.codes[user, place] == 0 and not plays, "what the ranker did not rank is explained elsewhere"
            continue
        liked = np.flatnonzero(world.interactions.strengths[user].toarray().ravel() > 0)
        assert set(plays) <= set(liked.tolist())
        whole = logit_by_hand(world, user, row, [])
        each = [whole - logit_by_hand(world, user, row, [play]) for play in liked.tolist()]
        if found.codes[user, place] == Reason.TASTE:
            assert not plays and max(each) < 2e-3
            continue
        assert whole - logit_by_hand(world, user, row, plays) > 0
        alone = [whole - logit_by_hand(world, user, row, [play]) for play in plays]
        assert alone[0] >= 0.29 * max(each) - 1e-3, "what is named counts, beside what counts most"
        if len(plays) == 2:
            assert found.codes[user, place] == Reason.PLAYS
            assert alone[1] >= 0.3 * alone[0] - 1e-3


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_the_chance_itself_falls_as_the_mix_computes_it(seed: int) -> None:
    world = draw(seed)
    found, ids = world.explained, world.interactions.user_ids
    for place in range(LENGTH):
        rows = world.lists.rows[:, place].astype(np.int64)
        _, before = describe_songs(world.ranking, world.interactions, ids, rows)
        strengths = world.interactions.strengths.toarray()
        for user in range(len(ids)):
            strengths[user, named(world, found, user, place)] = 0
        left = Interactions(ids, world.interactions.track_ids, csr_matrix(strengths))
        _, after = describe_songs(world.ranking, left, ids, rows)
        naming = (found.plays[:, place] > 0).any(axis=1) & ~np.isnan(before)
        assert (np.nan_to_num(after[naming]) < before[naming]).all()


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_a_reason_is_told_by_a_model_that_had_a_part_in_it(seed: int) -> None:
    world = draw(seed)
    found, ranking = world.explained, world.ranking
    placed = {
        int(ranking.shelf.rows(np.array([i]))[0]): by
        for i, by in zip(ranking.cold.track_ids, ranking.cold.by_sound, strict=True)
    }
    for user, place in zip(*np.nonzero(found.plays[:, :, 0]), strict=True):
        row, (play, *_) = int(world.lists.rows[user, place]), named(world, found, int(user), int(place))
        code = found.codes[user, place]
        parts = parts_by_hand(world, int(user), row, play)
        if code == Reason.SOUND:
            assert ranking.voices.sound[row] @ ranking.voices.sound[play] >= 0.5 - 1e-6
        if code == Reason.TERMS:
            assert parts[3] > 0 and found.terms[user, place].any()
            shared = [
                set(_terms(world.terms, of[row])) & set(_terms(world.terms, of[play]))
                for of in (world.terms.own, world.terms.of_artist)
            ]
            assert set(found.terms[user, place][found.terms[user, place] > 0]) <= (shared[0] or shared[1])
        else:
            assert not found.terms[user, place].any()
        if code == Reason.ARTIST:
            assert placed[row] is np.False_ and choosing.share_an_artist(ranking.shelf, row, play)


def _terms(terms: Terms, entity: int) -> list[int]:
    return terms.ids[terms.offsets[entity] : terms.offsets[entity + 1]].tolist() if entity >= 0 else []


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_a_users_reasons_depend_on_that_user_alone_to_the_last_bit(seed: int) -> None:
    world = draw(seed)
    together = world.explained
    for user in range(len(world.interactions.user_ids)):
        strengths = world.interactions.strengths[user]
        alone = world._replace(
            interactions=Interactions(world.interactions.user_ids[[user]], world.interactions.track_ids, strengths),
            lists=world.lists.slice(user, user + 1),
        ).explained
        for one, all_ in zip(alone, together, strict=True):
            assert one[0].tobytes() == all_[user].tobytes()


def test_what_was_named_often_gives_way_to_what_counts_nearly_as_much() -> None:
    """Ten likings speak equally for twelve songs, of which each names two: none is named more than three times."""
    world = draw(5, n_users=1)
    shelf, n = world.ranking.shelf, 80
    matrix = np.zeros((n, n), dtype=np.float32)
    matrix[:10] = 0.5
    items = Neighbours.of(csr_matrix(matrix))
    voices = world.ranking.voices._replace(items=items, items_told=Neighbours.none(n))
    ranking = world.ranking._replace(
        voices=voices,
        ranker=Ranker(weights=(0, 5, 0, 0, 0, 0, 0)),
        shelf=shelf._replace(works=np.arange(n, dtype=np.int32)),
    )
    strengths = np.zeros((1, n), dtype=np.float32)
    strengths[0, :10], strengths[0, 10:40] = 2.0, 0.5
    strengths[0, shelf.rows(ranking.model.track_ids)[0]] = max(
        strengths[0, shelf.rows(ranking.model.track_ids)[0]], 0.5
    )
    sources = np.full((1, LENGTH), Source.MIX, dtype=np.int8)
    lists = world.lists._replace(rows=np.arange(60, 60 + LENGTH, dtype=np.int32)[None], sources=sources)
    found = world._replace(
        ranking=ranking, interactions=Interactions(np.array([3]), shelf.track_ids, csr_matrix(strengths)), lists=lists
    ).explained
    counts = Counter(found.plays[found.plays > 0].tolist())
    assert set(counts) <= set(shelf.track_ids[:10].tolist())
    assert max(counts.values()) <= 3
    assert (found.plays > 0).all()
