"""Training: repeatable, warm from the champion, in its space as long as it stays near."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.stats import ortho_group

from recommenders.collaborative import training
from recommenders.collaborative.model import AlsParameters, CollaborativeModel, solver
from recommenders.collaborative.training import median_cosine, rotate_onto, train
from recommenders.errors import NotEnoughDataError
from recommenders.listening.interactions import Interactions

PARAMETERS = AlsParameters(factors=16, regularisation=1.0)


def planted(seed: int, n_users: int = 300, n_tracks: int = 200) -> Interactions:
    """Users of five tastes, who like tracks of their own taste ten times as often as others."""
    rng = np.random.default_rng(seed)
    own = rng.integers(5, size=n_users)[:, None] == rng.integers(5, size=n_tracks)
    likes = (rng.random(own.shape) < np.where(own, 0.3, 0.03)) * rng.integers(1, 6, own.shape)
    return Interactions(np.arange(n_users), np.arange(n_tracks), csr_matrix(likes.astype(np.float32)))


def with_more_plays(interactions: Interactions, share: float, seed: int) -> Interactions:
    """The same with some more liked pairs, drawn from what similar data look like."""
    rng = np.random.default_rng(seed)
    extra = planted(1).strengths.multiply(rng.random(interactions.strengths.shape) < share)
    return replace(interactions, strengths=(interactions.strengths + extra).tocsr().astype(np.float32))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_model() -> None:
    a, b, c = (train(planted(1), PARAMETERS, seed).model.track_factors for seed in (5, 5, 6))
    assert a.tobytes() == b.tobytes()
    assert a.tobytes() != c.tobytes()


def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    together = train(planted(1), PARAMETERS, 5).model.track_factors

    def single(parameters: AlsParameters, seed: int) -> Any:
        als = solver(parameters, seed)
        als.num_threads = 1
        return als

    monkeypatch.setattr(training, "solver", single)
    assert train(planted(1), PARAMETERS, 5).model.track_factors.tobytes() == together.tobytes()


def test_procrustes_finds_a_planted_rotation() -> None:
    rng = np.random.default_rng(2)
    target = CollaborativeModel(np.arange(100), rng.normal(size=(100, 16)).astype(np.float32), PARAMETERS, space=1)
    rotation = ortho_group.rvs(16, random_state=rng).astype(np.float32)
    turned = replace(target, track_ids=np.arange(20, 120), track_factors=np.roll(target.track_factors, -20, 0))
    turned = replace(turned, track_factors=turned.track_factors @ rotation)
    back = rotate_onto(turned, target)
    assert back.track_factors[:80] == pytest.approx(target.track_factors[20:], abs=1e-4)
    assert back.track_factors @ back.track_factors.T == pytest.approx(
        turned.track_factors @ turned.track_factors.T, abs=1e-3
    )
    cosine = median_cosine(back, target)
    assert cosine is not None
    assert cosine > 0.999


def test_a_warm_start_keeps_the_space_and_learns_new_tracks() -> None:
    everything = planted(1)
    half = replace(everything, track_ids=everything.track_ids[:150], strengths=everything.strengths[:, :150])
    champion = replace(train(half, PARAMETERS, 0).model, space=4)
    trained = train(with_more_plays(everything, 0.05, 1), PARAMETERS, 7, champion=champion, new_space=9)
    assert trained.median_cosine is not None
    assert trained.median_cosine > 0.9
    assert trained.model.space == 4
    assert trained.model.track_ids.tolist() == list(range(200))
    new = np.linalg.norm(trained.model.track_factors[150:], axis=1)
    assert np.median(new) > 0.5 * np.median(np.linalg.norm(trained.model.track_factors[:150], axis=1))


def test_a_champion_that_lies_elsewhere_opens_a_new_space() -> None:
    rng = np.random.default_rng(3)
    nonsense = CollaborativeModel(np.arange(200), rng.normal(size=(200, 16)).astype(np.float32), PARAMETERS, space=4)
    few = AlsParameters(factors=16, regularisation=1.0, iterations=30)
    trained = train(planted(1), few, 0, champion=nonsense, new_space=9)
    assert trained.median_cosine is not None
    assert trained.median_cosine < 0.9
    assert trained.model.space == 9


def test_longer_vectors_open_a_new_space() -> None:
    champion = train(planted(1), AlsParameters(factors=8), 0).model
    trained = train(planted(1), PARAMETERS, 0, champion=champion, new_space=2)
    assert (trained.model.space, trained.median_cosine) == (2, None)


def test_a_track_that_nobody_likes_gets_no_vector() -> None:
    strengths = csr_matrix(np.array([[1, -5, 1], [1, 0, 0]], dtype=np.float32))
    model = train(Interactions(np.array([1, 2]), np.array([4, 5, 6]), strengths), PARAMETERS, 0).model
    assert model.track_ids.tolist() == [4, 6]


def test_without_listening_there_is_a_clear_error() -> None:
    nothing = Interactions(
        np.array([], dtype=np.int64), np.array([], dtype=np.int64), csr_matrix((0, 0), dtype=np.float32)
    )
    with pytest.raises(NotEnoughDataError, match="mixtape import"):
        train(nothing, PARAMETERS, 0)
