"""The figures by which the language model is judged, where they can be worked out by hand."""

import numpy as np

from recommenders.collaborative.model import AlsParameters
from recommenders.collaborative.training import train
from recommenders.evaluation.judging import Examination
from recommenders.evaluation.language import TOGETHER, judge_taste, neighbours, overlap
from recommenders.evaluation.split import Fold
from recommenders.language.similarity import By, Space
from recommenders.store.signals import Catalogue, Pairs, Signal, Signals
from tests.service import NOW


def test_neighbours_are_by_cosine_and_without_oneself() -> None:
    angles = np.deg2rad([0, 10, 90, 100, 45])
    vectors = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    assert neighbours(vectors, 2).tolist() == [[1, 4], [0, 4], [3, 4], [2, 4], [1, 0]]


def test_overlap_is_the_mean_share_in_any_order() -> None:
    assert overlap(np.array([[1, 2], [3, 4]]), np.array([[2, 1], [4, 9]])) == 0.75


def _examination(n_users: int, n_tracks: int, rng: np.random.Generator) -> Examination:
    """Users of two camps hear half of what their camp may hear, and are then judged by the rest; of each camp the last
    five tracks are heard by nobody before."""
    users, tracks = np.meshgrid(np.arange(n_users), np.arange(n_tracks), indexing="ij")
    own = (users % 2 == tracks % 2).ravel()
    pairs = np.column_stack([users.ravel(), tracks.ravel()])[own] + 1
    known = (rng.random(len(pairs)) < 0.5) & (pairs[:, 1] <= n_tracks - 10)
    heard, later = pairs[known], pairs[~known]
    n = len(heard)
    signals = Signals(
        heard[:, 0],
        heard[:, 1],
        np.full(n, np.datetime64("NaT"), dtype="M8[us]"),
        np.full(n, Signal.TOTAL, dtype=np.int16),
        np.full(n, 3.0, dtype=np.float32),
        np.zeros(n, dtype=bool),
    )
    ids = np.arange(1, n_tracks + 1)
    catalogue = Catalogue(ids, ids, ids, np.full(n_tracks, np.datetime64("2020-01-01"), dtype="M8[us]"))
    fold = Fold(NOW, signals, Pairs(heard[:, 0], heard[:, 1]), Pairs(later[:, 0], later[:, 1]))
    return Examination(fold, catalogue)


def test_text_finds_what_nobody_has_played_and_helps_listening() -> None:
    rng = np.random.default_rng(1)
    examination = _examination(40, 120, rng)
    parameters = AlsParameters(factors=4)
    model = train(examination.taste(parameters), parameters, 0).model
    camps = np.where(np.arange(120)[:, None] % 2 == [0, 1], 1.0, 0.1) + rng.normal(0, 0.02, (120, 2))
    text = Space.of(np.arange(1, 121), camps.astype(np.float32))
    judged, (among, chance) = judge_taste(examination, model, text)
    assert among > 0.99
    assert 0.9 < chance <= 1  # thirty of ten
    recalls = {name: one.recall.mean() for name, one in judged.items()}
    assert recalls[By.TEXT] > 0.95
    assert recalls[TOGETHER] > recalls[By.COLLABORATIVE]
    random = Space.of(np.arange(1, 121), rng.normal(0, 1, (120, 2)).astype(np.float32))
    assert judge_taste(examination, model, random)[0][By.TEXT].recall.mean() < 0.7
