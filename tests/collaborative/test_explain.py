"""The plays named as a reason are those without which the song's score really falls."""

import numpy as np
from scipy.sparse import csr_matrix

from recommenders.collaborative.explain import Explainer
from recommenders.collaborative.model import AlsParameters, CollaborativeModel, fold_in


def _world(seed: int) -> tuple[CollaborativeModel, csr_matrix]:
    rng = np.random.default_rng(seed)
    n_tracks, n_factors, n_users = 120, 8, 25
    parameters = AlsParameters(factors=n_factors, regularisation=0.5)
    factors = (rng.normal(size=(n_tracks, n_factors)) * rng.lognormal(sigma=1, size=(n_tracks, 1))).astype(np.float32)
    dense = np.where(rng.random((n_users, n_tracks)) < 0.15, rng.uniform(1.1, 6, (n_users, n_tracks)), 0)
    dense *= np.where(rng.random(dense.shape) < 0.15, -1, 1)
    return CollaborativeModel(np.arange(n_tracks), factors, parameters, 1), csr_matrix(dense.astype(np.float32))


def _score_without(model: CollaborativeModel, row: csr_matrix, song: int, taken: list[int]) -> float:
    dense = row.toarray()
    dense[0, taken] = 0
    return float(fold_in(model, csr_matrix(dense))[0] @ model.track_factors[song])


def test_each_named_play_is_the_one_whose_loss_costs_most() -> None:
    model, confidence = _world(1)
    songs = np.argsort(-(fold_in(model, confidence) @ model.track_factors.T), axis=1)[:, :6]
    plays = Explainer(model).plays(confidence, songs)
    compared = 0
    for user in range(songs.shape[0]):
        row = confidence[user]
        liked = row.indices[row.data > 0]
        for place, song in enumerate(songs[user]):
            whole = _score_without(model, row, song, [])
            falls = {play: whole - _score_without(model, row, song, [play]) for play in liked}
            best = max(falls.values())
            if best <= 1e-4:
                continue
            assert falls[plays[user, place, 0]] >= best - 1e-4
            named = [play for play in plays[user, place] if play >= 0]
            assert _score_without(model, row, song, named) < whole
            compared += len(named)
    assert compared > 100


def test_a_user_without_plays_and_an_empty_place_get_no_reason() -> None:
    model, confidence = _world(2)
    silent = csr_matrix(confidence.shape, dtype=np.float32)
    assert (Explainer(model).plays(silent, np.zeros((confidence.shape[0], 3), dtype=np.int64)) == -1).all()
    assert (Explainer(model).plays(confidence, np.full((confidence.shape[0], 3), -1)) == -1).all()
