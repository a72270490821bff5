"""Confidences, factors of users, and the artifact of a model."""

import numpy as np
import pyarrow as pa
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from scipy.sparse import random as random_matrix

from recommenders.collaborative.model import (
    AlsParameters,
    CollaborativeModel,
    align,
    confidences,
    fold_in,
    load_model,
    save_model,
)
from recommenders.collaborative.training import train
from recommenders.errors import ModelError
from recommenders.listening.interactions import Interactions
from recommenders.store import Artifacts
from recommenders.store.artifacts import matrix_column

PARAMETERS = AlsParameters(factors=8, regularisation=0.5)


def drawn_model(rng: np.random.Generator, n_tracks: int = 50) -> CollaborativeModel:
    factors = rng.normal(size=(n_tracks, PARAMETERS.factors)).astype(np.float32)
    return CollaborativeModel(np.arange(10, 10 + 2 * n_tracks, 2), factors, PARAMETERS, space=3, model_id=7)


def drawn_confidence(rng: np.random.Generator, n_users: int = 40, n_tracks: int = 50) -> csr_matrix:
    matrix = random_matrix(n_users, n_tracks, 0.2, "csr", dtype=np.float32, random_state=rng)
    matrix.data = (1 + 5 * matrix.data) * rng.choice([1, 1, 1, -1], matrix.nnz).astype(np.float32)
    return matrix


def test_confidence_is_one_plus_alpha_times_the_logarithm_and_a_dislike_is_negative() -> None:
    strengths = csr_matrix(np.array([[0, 1, -5], [3, 0, 0.5]], dtype=np.float32))
    found = confidences(strengths, AlsParameters(alpha=2, eps=0.5)).toarray()
    # 1 + 2 ln 3, 1 + 2 ln 11, 1 + 2 ln 7, 1 + 2 ln 2
    assert found == pytest.approx(np.array([[0, 3.1972, -5.7958], [4.8918, 0, 2.3863]]), abs=1e-4)


def test_align_puts_tracks_into_the_models_order_and_drops_unknown_ones() -> None:
    interactions = Interactions(
        np.array([1, 2]), np.array([3, 5, 9]), csr_matrix(np.array([[1, 2, 3], [0, -4, 5]], dtype=np.float32))
    )
    assert align(interactions, np.array([1, 5, 7, 9])).toarray().tolist() == [[0, 2, 0, 3], [0, -4, 0, 5]]
    assert align(interactions, np.array([1, 2])).toarray().tolist() == [[0, 0], [0, 0]]
    assert align(interactions, np.array([], dtype=np.int64)).shape == (2, 0)


def test_folded_in_users_solve_the_normal_equations() -> None:
    rng = np.random.default_rng(1)
    model, confidence = drawn_model(rng), drawn_confidence(rng)
    y = model.track_factors.astype(np.float64)
    expected = []
    for row in confidence.toarray().astype(np.float64):
        weights = np.where(row == 0, 1, np.abs(row))  # of every track: 1 where nothing is known
        a = (y * weights[:, None]).T @ y + PARAMETERS.regularisation * np.eye(PARAMETERS.factors)
        expected.append(np.linalg.solve(a, y.T @ np.maximum(row, 0)))
    assert fold_in(model, confidence) == pytest.approx(np.array(expected), abs=1e-4)


def test_folded_in_users_are_those_that_implicit_finds() -> None:
    rng = np.random.default_rng(2)
    model, confidence = drawn_model(rng), drawn_confidence(rng)
    bare = AlternatingLeastSquares(factors=8, regularization=0.5, alpha=1.0)
    bare.item_factors = model.track_factors
    for user in range(5):
        assert fold_in(model, confidence)[user] == pytest.approx(
            bare.recalculate_user(user, confidence[user]), abs=1e-6
        )


def test_a_user_of_whom_nothing_is_known_gets_zeros() -> None:
    model = drawn_model(np.random.default_rng(3))
    assert not fold_in(model, csr_matrix((2, 50), dtype=np.float32)).any()
    assert fold_in(model, csr_matrix((0, 50), dtype=np.float32)).shape == (0, 8)


def test_a_disliked_song_is_scored_lower_than_before() -> None:
    model = drawn_model(np.random.default_rng(4))
    liked = np.zeros((1, 50), dtype=np.float32)
    liked[0, :5] = 3
    disliked = liked.copy()
    disliked[0, 20] = -20
    before, after = (fold_in(model, csr_matrix(row))[0] @ model.track_factors[20] for row in (liked, disliked))
    assert abs(after) < abs(before) / 2


def test_a_model_comes_back_from_its_artifact_as_it_was(artifacts: Artifacts) -> None:
    model = drawn_model(np.random.default_rng(5))
    again = load_model(artifacts, save_model(artifacts, "models/a", model), model_id=7)
    assert again.track_ids.tolist() == model.track_ids.tolist()
    assert again.track_factors.tobytes() == model.track_factors.tobytes()
    assert (again.parameters, again.space, again.model_id) == (model.parameters, model.space, model.model_id)


def test_a_damaged_model_is_an_error_that_says_what_to_do(artifacts: Artifacts) -> None:
    model = drawn_model(np.random.default_rng(6))
    broken = {
        "not finite": (model.track_ids, np.where(model.track_factors > 1, np.nan, model.track_factors)),
        "ascending": (model.track_ids[::-1], model.track_factors),
        "shape": (model.track_ids, model.track_factors[:, :5]),
    }
    for problem, (ids, factors) in broken.items():
        uri = artifacts.write(
            "models/b",
            pa.table({"track_id": ids, "vector": matrix_column(factors.astype(np.float32))}),
            {"parameters": PARAMETERS.model_dump(), "space": 1},
        )
        with pytest.raises(ModelError, match=problem):
            load_model(artifacts, uri)
    uri = artifacts.write("models/c", pa.table({"other": [1]}))
    with pytest.raises(ModelError, match="not a collaborative model"):
        load_model(artifacts, uri)
    with pytest.raises(ModelError, match="missing"):
        load_model(artifacts, uri.replace("models/c", "models/d"))


def test_the_articles_example_each_gets_the_others_song() -> None:
    """One user likes P, Q, R, S, another Q, R, S, T."""
    likes = Interactions(
        np.array([1, 2]),
        np.arange(5),
        csr_matrix(np.array([[1, 1, 1, 1, 0], [0, 1, 1, 1, 1]], dtype=np.float32)),
    )
    model = train(likes, AlsParameters(), seed=0).model
    scores = fold_in(model, confidences(likes.strengths, model.parameters)) @ model.track_factors.T
    assert scores[0, 4] > 0.1
    assert scores[1, 0] > 0.1
