"""Learning to rank: planted weights are found, and what ranks is what was seen to be better."""

import datetime as dt
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import check_grad

from recommenders.evaluation import ranking
from recommenders.evaluation.alone import filled
from recommenders.evaluation.gate import GateParameters
from recommenders.evaluation.judging import Examination
from recommenders.evaluation.ranker_choice import MIX, SERVING, UNTRAINED, ablate, choose
from recommenders.evaluation.ranking import Described, Lesson, learn, lists_of
from recommenders.evaluation.split import Fold
from recommenders.mixing.ranker import FEATURES, SAID, Ranker
from recommenders.store.signals import Catalogue, Pairs, Signal, Signals

NOW = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
NAMES = list(FEATURES)
N_FEATURES, N_TRACKS, N_CANDIDATES = len(FEATURES), 200, 60


def lesson(
    planted: dict[str, float], seed: int, n_users: int = 400, constant: tuple[str, ...] = (), found: float = 0.0
) -> Lesson:
    """Each user is offered drawn tracks and hears one, with the chances that the planted weights give; what is young is
    hidden more often than not, and found by e^found as many as would like it."""
    rng = np.random.default_rng(seed)
    rows = np.array([rng.choice(N_TRACKS, N_CANDIDATES, replace=False) for _ in range(n_users)], dtype=np.int32)
    rows[:, -5:] = -1  # lists end somewhere
    features = rng.normal(size=(*rows.shape, N_FEATURES)).astype(np.float32)
    features[:, :, [NAMES.index(name) for name in constant]] = -9.21034
    hidden = (features[:, :, NAMES.index("youth")] + rng.normal(size=rows.shape) > 1) & (rows >= 0)
    logits = features @ np.array([planted.get(name, 0.0) for name in FEATURES]) + found * hidden
    logits[rows < 0] = -np.inf
    chosen = np.argmax(logits + rng.gumbel(size=logits.shape), axis=1)  # a draw from the softmax
    heard = np.arange(N_CANDIDATES) == chosen[:, np.newaxis]
    return Lesson(rows, features, heard, hidden)


def weights_of(ranker: Ranker) -> dict[str, float]:
    return dict(zip(FEATURES, ranker.weights, strict=True))


def test_the_model_that_knows_gets_the_weight_and_noise_gets_none() -> None:
    found = weights_of(learn([lesson({"text": 2.0, "youth": -1.0}, seed) for seed in (1, 2)]))
    assert found["text"] == pytest.approx(2.0, abs=0.2)
    assert found["youth"] == pytest.approx(-1.0, abs=0.2)
    assert max(abs(found[name]) for name in FEATURES if name not in ("text", "youth")) < 0.15


def test_that_nobody_could_find_a_song_is_not_held_against_what_it_is() -> None:
    """Young songs are liked, and seldom heard, for few come across them: the first is learnt, and the second no part of
    it."""
    found = weights_of(learn([lesson({"text": 1.5, "youth": 1.0}, seed, found=-3.0) for seed in (5, 6)]))
    assert found["youth"] == pytest.approx(1.0, abs=0.2)
    assert found["text"] == pytest.approx(1.5, abs=0.2)


def test_what_nobody_could_find_in_a_week_is_not_judged_by_it() -> None:
    rows = np.array([[1, 2, 3, 4], [4, 5, 1, -1]], dtype=np.int32)
    heard = np.array([[True, False, False, False], [False, False, False, False]])
    hidden = np.array([[True, True, False, True], [True, False, True, False]])
    some = Lesson(rows, np.zeros((2, 4, N_FEATURES), dtype=np.float32), heard, hidden)
    assert some.observed().rows.tolist() == [[1, -1, 3, -1], [-1, 5, 1, -1]]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_model_says_never_counts_against_a_song_but_a_fact_may(name: str) -> None:
    found = weights_of(learn([lesson({name: -1.5}, 3)]))
    assert found[name] == 0 if SAID[NAMES.index(name)] else found[name] < -1
    assert min(found[each] for each, said in zip(FEATURES, SAID, strict=True) if said) >= 0


def test_the_chances_of_all_candidates_add_up_to_what_was_heard() -> None:
    some = lesson({"items": 1.0, "rate": 0.5}, 4)
    chances = learn([some]).chances(some.features)[some.rows >= 0]
    assert chances.sum() == pytest.approx(some.heard.sum(), rel=1e-3)
    assert ((chances > 0) & (chances < 1)).all()


def test_the_gradient_is_that_of_the_likelihood() -> None:
    rng = np.random.default_rng(5)
    sizes = np.array([4, 0, 7, 1, 9])
    features, heard = rng.normal(size=(sizes.sum(), 3)), (rng.random(sizes.sum()) < 0.3).astype(float)

    def loss(weights: npt.NDArray[np.float64]) -> float:
        return ranking._loss(weights, features, heard, sizes)[0]

    def gradient(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return ranking._loss(weights, features, heard, sizes)[1]

    for _ in range(5):
        at = rng.normal(size=3)
        assert check_grad(loss, gradient, at) < 1e-4 * max(1, np.abs(gradient(at)).max())


def test_a_feature_that_says_the_same_of_all_songs_or_is_left_out_gets_no_weight() -> None:
    some = lesson({"collaborative": 1.0, "items": 1.0}, 6, constant=("text", "sound"))
    assert weights_of(learn([some]))["text"] == weights_of(learn([some]))["sound"] == 0
    left_out = weights_of(learn([some], np.array([name != "items" for name in FEATURES])))
    assert left_out["items"] == 0
    assert left_out["collaborative"] > 0.8


def test_without_anything_to_learn_from_nothing_counts() -> None:
    assert not any(learn([Lesson.nothing(3)]).weights)


def test_lists_hold_the_best_candidates_first_then_popular_songs_each_once() -> None:
    some = lesson({}, 7, n_users=20)
    some.rows[0] = -1  # nothing is known of the first user
    some.rows[1, 10:] = -1
    popular = np.tile(np.arange(30), (20, 1))
    ranker = Ranker(weights=tuple(np.arange(1.0, N_FEATURES + 1) / 10))
    lists = lists_of(some, ranker, popular)
    assert lists[0].tolist() == popular[0].tolist()
    for user, given in enumerate(lists):
        assert len(set(given)) == 30
        scores = {row: one @ ranker.weights for row, one in zip(some.rows[user], some.features[user], strict=True)}
        own = [row for row in given if row in scores]
        assert [scores[row] for row in own] == sorted((scores[row] for row in own), reverse=True)
        assert len(own) >= min(30, int((some.rows[user] >= 0).sum()))
    assert set(lists[1, :10]) == set(some.rows[1, :10])


def test_full_lists_stay_as_they_are() -> None:
    lists = np.array([[5, 4, 3], [7, -1, -1], [-1, -1, -1], [1, 0, -1]])
    popular = np.array([[0, 1, 2], [7, 0, 1], [0, 1, 2], [0, 1, -1]])
    assert filled(lists, popular).tolist() == [[5, 4, 3], [7, 0, 1], [0, 1, 2], [1, 0, -1]]


def examination(some: Lesson) -> Examination:
    """A week in which each user heard what the lesson says, of a service of which nothing else is known."""
    users, places = np.nonzero(some.heard)
    labels = Pairs(users.astype(np.int64) + 1, some.rows[users, places].astype(np.int64) + 1)
    one = np.array([1], dtype=np.int64)
    at = np.array([np.datetime64("2026-01-01", "us")])
    kinds = np.array([Signal.PLAY], dtype=np.int16)
    signals = Signals(one, one, at, kinds, np.ones(1, np.float32), np.zeros(1, np.bool_))
    ids = np.arange(1, N_TRACKS + 1)
    catalogue = Catalogue(ids, ids % 50 + 1, ids, np.full(N_TRACKS, np.datetime64("NaT", "us")))
    return Examination(Fold(NOW, signals, Pairs(one, one), labels), catalogue)


def alone(some: Lesson, name: str) -> npt.NDArray[np.int64]:
    """The lists of one model, as its feature orders the candidates."""
    only = Ranker(weights=tuple(float(each == name) for each in FEATURES))
    return lists_of(some, only, np.full((len(some.rows), 30), -1))


def test_a_mix_that_beats_every_model_alone_ranks() -> None:
    planted = {"items": 1.5, "text": 1.5, "sound": 1.5}
    learnt, judged = lesson(planted, 8), lesson(planted, 9)
    described = Described(judged, {name: alone(judged, name) for name in ("items", "text", "sound")})
    choice = choose(examination(judged), learnt, described, None, GateParameters(), seed=0)
    assert (choice.name, choice.warning, choice.taught) == (MIX, None, True)
    assert choice.rivals == ("popularity",)
    assert weights_of(choice.ranker)["sound"] == pytest.approx(1.5, abs=0.3)
    assert choice.ranker != learn([learnt])  # refitted on both weeks


def test_where_one_model_is_better_than_the_mix_it_ranks_alone_and_that_is_said() -> None:
    """Last week everybody chose by the rate; this week by items, as before."""
    learnt, judged = lesson({"rate": -3.0, "items": 0.3}, 10), lesson({"items": 3.0}, 11)
    judged = replace(judged, hidden=np.zeros_like(judged.hidden))
    described = Described(judged, {name: alone(judged, name) for name in ("items", "text")})
    choice = choose(examination(judged), learnt, described, None, GateParameters(), seed=0)
    assert choice.name == "items, ranking alone"
    assert {name for name, weight in weights_of(choice.ranker).items() if weight} == {"items"}
    assert choice.warning is not None
    assert "does not beat the best single model, items" in choice.warning
    assert set(choice.judged) == {MIX, "items", "text", "popularity", choice.name}
    assert choice.judged[choice.name].figures == choice.judged["items"].figures


def test_with_too_few_to_learn_from_the_serving_weights_stay_or_known_ones_begin() -> None:
    few, judged = lesson({"items": 2.0}, 12, n_users=5), lesson({"items": 2.0}, 13, n_users=5)
    described = Described(judged, {"items": alone(judged, "items")})
    first = choose(examination(judged), few, described, None, GateParameters(), seed=0)
    assert (first.ranker, first.taught) == (UNTRAINED, False)
    assert first.warning is not None
    assert "Only 5 users" in first.warning
    serving = Ranker(weights=(1.0,) * N_FEATURES)
    later = choose(examination(judged), few, described, serving, GateParameters(), seed=0)
    assert later.ranker == serving
    assert SERVING in later.judged


def test_the_ablation_shows_who_adds_what() -> None:
    planted = {"items": 2.0, "text": 1.0}
    learnt, judged = lesson(planted, 14, constant=("sound",)), lesson(planted, 15, constant=("sound",))
    found = ablate(examination(judged), learnt, judged, GateParameters(), seed=0)
    assert set(found) == {
        "facts",
        "collaborative",
        "language",
        "collaborative + language",
        "collaborative + language without facts",
    }
    everything = found["collaborative + language"]
    assert everything["all_is_better_by"] == [0, 0, 0]
    assert everything["ndcg@30"] > found["collaborative"]["ndcg@30"] > found["language"]["ndcg@30"]
    assert found["facts"]["all_is_better_by"][0] > 0.5  # seen with certainty
