"""The metrics, on lists that a person can count, and against a slow reading of their definitions."""

import math

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from recommenders.evaluation import metrics

LISTS = np.array([[0, 1, 2, 3], [3, 2, 1, -1], [4, 0, -1, -1]])
RELEVANT = csr_matrix(np.array([[0, 1, 0, 1, 1, 0], [0, 0, 0, 1, 0, 0], [0, 1, 0, 0, 0, 1]]))


def test_hits_recall_ndcg_and_reciprocal_rank_by_hand() -> None:
    found = metrics.hits(LISTS, RELEVANT)
    assert found.tolist() == [[False, True, False, True], [True, False, False, False], [False] * 4]
    assert metrics.recall(found, RELEVANT) == pytest.approx([2 / 3, 1, 0])
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert metrics.ndcg(found, RELEVANT) == pytest.approx([(1 / math.log2(3) + 1 / math.log2(5)) / ideal, 1, 0])
    assert metrics.reciprocal_rank(found) == pytest.approx([1 / 2, 1, 0])


def test_recall_asks_for_no_more_than_fits_on_the_list() -> None:
    relevant = csr_matrix(np.ones((1, 6)))
    assert metrics.recall(metrics.hits(np.array([[0, 1]]), relevant), relevant) == pytest.approx([1])


def test_coverage_gini_novelty_and_artist_spread_by_hand() -> None:
    counts = metrics.exposure(LISTS, 6)
    assert counts.tolist() == [2, 2, 2, 2, 1, 0]
    assert metrics.coverage(counts) == pytest.approx(5 / 6)
    # Mean absolute difference over twice the mean: 2 x (4x2 + 4x1 + 1) / 36 / (2 x 1.5).
    assert metrics.gini(counts) == pytest.approx(2 * (4 * 2 + 4 * 1 + 1) / 36 / 3)
    assert metrics.gini(np.array([3, 3, 3])) == pytest.approx(0)
    assert metrics.gini(np.array([0] * 99 + [5])) == pytest.approx(0.99)
    listeners = np.array([8, 4, 2, 1, 0, 0])
    assert metrics.novelty(LISTS, listeners, 8) == pytest.approx((0 + 1 + 2 + 3 + 3 + 2 + 1 + 3 + 0) / 9)
    artists = np.array([1, 1, 1, 2, 3, 4])
    assert metrics.artist_spread(LISTS, artists) == pytest.approx((2 / 4 + 2 / 3 + 2 / 2) / 3)


def test_the_metrics_agree_with_a_slow_reading_of_their_definitions() -> None:
    rng = np.random.default_rng(1)
    n_users, n_tracks, k = 30, 60, 10
    lists = np.array([rng.permutation(n_tracks)[:k] for _ in range(n_users)])
    wanted = [set(rng.permutation(n_tracks)[: rng.integers(1, 25)].tolist()) for _ in range(n_users)]
    relevant = csr_matrix(np.array([[track in tracks for track in range(n_tracks)] for tracks in wanted]))
    found = metrics.hits(lists, relevant)
    for user in range(n_users):
        ranks = [rank for rank, track in enumerate(lists[user].tolist(), 1) if track in wanted[user]]
        assert metrics.recall(found, relevant)[user] == pytest.approx(len(ranks) / min(len(wanted[user]), k))
        best = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(wanted[user]), k) + 1))
        gained = sum(1 / math.log2(rank + 1) for rank in ranks)
        assert metrics.ndcg(found, relevant)[user] == pytest.approx(gained / best)
        assert metrics.reciprocal_rank(found)[user] == pytest.approx(1 / ranks[0] if ranks else 0)
    counts = metrics.exposure(lists, n_tracks).astype(float)
    pairs = np.abs(counts[:, None] - counts).mean()
    assert metrics.gini(metrics.exposure(lists, n_tracks)) == pytest.approx(pairs / (2 * counts.mean()))


def test_the_best_unheard_are_those_of_a_full_sort() -> None:
    rng = np.random.default_rng(2)
    users, tracks = rng.normal(size=(25, 6)).astype(np.float32), rng.normal(size=(80, 6)).astype(np.float32)
    heard = rng.random((25, 80)) < 0.4
    scores = np.where(heard, -np.inf, users @ tracks.T)
    found = metrics.best_unheard(users, tracks, csr_matrix(heard.astype(np.float32)), 10)
    assert found.tolist() == np.argsort(-scores, axis=1)[:, :10].tolist()


def test_a_user_who_heard_nearly_everything_gets_a_short_list() -> None:
    heard = np.ones((2, 5), dtype=np.float32)
    heard[0, 3] = heard[1, :] = 0
    found = metrics.best_unheard(np.ones((2, 1), np.float32), np.ones((5, 1), np.float32), csr_matrix(heard), 8)
    assert found[0].tolist() == [3] + [-1] * 7
    assert sorted(found[1].tolist()) == [-1, -1, -1, 0, 1, 2, 3, 4]
