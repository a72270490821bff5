"""Judging songs as if nobody had played them: users' factors know nothing of them."""

import numpy as np
from scipy.sparse import csr_matrix

from recommenders.collaborative.model import AlsParameters, CollaborativeModel
from recommenders.collaborative.training import train
from recommenders.evaluation.cold import ColdExamination
from recommenders.listening.interactions import Interactions
from tests.service import two_camps

N_USERS, N_TRACKS = 80, 120
PARAMETERS = AlsParameters(factors=6, regularisation=1.0)
JUDGED = np.arange(100, N_TRACKS + 1)


def taste_of(pairs: np.ndarray) -> Interactions:
    users, rows = np.unique(pairs[:, 0], return_inverse=True)
    tracks, columns = np.unique(pairs[:, 1], return_inverse=True)
    ones = np.ones(len(pairs), dtype=np.float32)
    return Interactions(users, tracks, csr_matrix((ones, (rows, columns)), shape=(len(users), len(tracks))))


def service() -> tuple[CollaborativeModel, np.ndarray]:
    pairs = two_camps(np.random.default_rng(1), N_USERS, N_TRACKS, plays=30)
    return train(taste_of(pairs), PARAMETERS, seed=1).model, pairs


def test_a_play_of_a_judged_song_changes_no_users_factors() -> None:
    model, pairs = service()
    examination = ColdExamination.of(model, taste_of(pairs), JUDGED, JUDGED, seed=1)
    fewer = pairs[~((pairs[:, 1] == JUDGED[0]) | (pairs[:, 1] == JUDGED[3]))]
    again = ColdExamination.of(model, taste_of(fewer), JUDGED, JUDGED, seed=1)
    both, here, there = np.intersect1d(examination.user_ids, again.user_ids, return_indices=True)
    assert len(both) > N_USERS / 2
    assert (examination.users[here] == again.users[there]).all()
    assert again.relevant.sum() == np.isin(fewer[:, 1], JUDGED).sum() < examination.relevant.sum()


def test_the_models_vectors_find_the_listeners_and_drawn_ones_do_not() -> None:
    model, pairs = service()
    examination = ColdExamination.of(model, taste_of(pairs), JUDGED, JUDGED, seed=1)
    known = examination.judge(model.track_factors[np.searchsorted(model.track_ids, JUDGED)]).figures
    drawn = examination.judge(np.random.default_rng(2).normal(size=(len(JUDGED), 6)).astype(np.float32)).figures
    assert set(known) == {"recall@30", "map@500", "auc"}
    assert known["auc"] > 0.75  # whoever knows the camps reaches .79
    assert known["map@500"] > drawn["map@500"]


def test_half_of_the_listeners_tell_the_other_half_which_camp_a_song_is_of() -> None:
    model, pairs = service()
    examination = ColdExamination.of(model, taste_of(pairs), JUDGED, JUDGED, seed=1)
    half, vectors = examination.from_half(model, taste_of(pairs), seed=1)
    assert abs(len(half.user_ids) - len(examination.user_ids) / 2) <= 1
    assert vectors.shape == (len(JUDGED), 6)
    assert half.judge(vectors).figures["auc"] > 0.7
    silent = pairs[~(np.isin(pairs[:, 0], half.user_ids) & np.isin(pairs[:, 1], JUDGED[1:]))]
    _, same = examination.from_half(model, taste_of(silent), seed=1)
    assert np.abs(same - vectors).max() < 1e-5  # the half that is asked has told nothing
