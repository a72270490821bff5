"""Retraining the audio network: what it learns, how it is judged, what is published and what is not."""

import datetime as dt

import numpy as np
import pytest
import sqlalchemy as sa

from recommenders.audio.mel import BANDS, FRAMES
from recommenders.audio.mels import save_mels
from recommenders.audio.network import RetrainNetworkParams
from recommenders.collaborative.sweep import RetrainParams
from recommenders.errors import ModelError, NotEnoughDataError
from recommenders.evaluation import audio_network, retraining
from recommenders.evaluation.audio_network import NETWORK, RANDOM, SERVING, compare, sanity_problems
from recommenders.evaluation.cold import auc
from recommenders.evaluation.gate import GateParameters
from recommenders.store import Artifacts, Store, models
from tests.service import NOW, add_catalogue, add_totals, two_camps

N_TRACKS, N_UNPLAYED = 240, 10
SMALL = RetrainNetworkParams(filters=8, dense=32, batch=16, epochs=8, learning_rate=0.005)
WEEK = dt.timedelta(weeks=1)


def fill(store: Store, artifacts: Artifacts, *, audible: bool = True) -> None:
    """Odd users like odd tracks, even users even ones; the last tracks nobody has played. Three tracks an artist."""
    rows = two_camps(np.random.default_rng(1), n_users=80, n_tracks=N_TRACKS, plays=30)
    with store.begin() as connection:
        add_catalogue(connection, 80, [1 + track // 3 for track in range(N_TRACKS + N_UNPLAYED)])
        add_totals(connection, np.column_stack([rows, np.full(len(rows), 3)]))
    retraining.retrain(
        store,
        artifacts,
        RetrainParams(factors=[6], alpha=[2.0], regularisation=[1.0]),
        cutoff=NOW,
        run_key="collaborative",
        now=NOW,
    )
    rng = np.random.default_rng(2)
    track_ids = np.arange(1, N_TRACKS + N_UNPLAYED + 1)
    mels = rng.uniform(0, 1, (len(track_ids), FRAMES, BANDS)).astype(np.float16)
    camp = track_ids % 2 if audible else rng.integers(0, 2, len(track_ids))
    mels[camp == 1, :, 20:40] += 1
    save_mels(artifacts, "batch", track_ids, mels)


def retrain(
    store: Store, artifacts: Artifacts, run: str, params: RetrainNetworkParams = SMALL, now: dt.datetime = NOW
) -> models.ModelRow:
    return audio_network.retrain(store, artifacts, params, run_key=f"dag/{run}", now=now)


def test_a_song_that_nobody_played_lies_beside_its_kind_and_a_new_network_is_compared(
    store: Store, artifacts: Artifacts
) -> None:
    fill(store, artifacts)
    first = retrain(store, artifacts, "1")
    assert (first.status, first.kind, first.space, first.promoted_at) == ("champion", "audio", 1, NOW)
    judged = first.metrics["judged"]
    assert set(judged) == {NETWORK, RANDOM, "collaborative vectors"}
    assert judged[NETWORK]["auc"] > 0.75  # whoever knows the camps, and nothing else, reaches .79
    assert judged[NETWORK]["recall@30"] > judged[RANDOM]["recall@30"]
    with store.begin() as connection:
        collaborative = models.champion(connection, "collaborative")
        assert collaborative is not None
        track_ids, vectors = models.read_vectors(connection, first, NOW + WEEK)
        played, factors = models.read_vectors(connection, collaborative, NOW + WEEK)
    assert track_ids.tolist() == list(range(1, N_TRACKS + N_UNPLAYED + 1))
    lengths = np.linalg.norm(vectors, axis=1)
    assert lengths == pytest.approx(np.full(len(lengths), first.metrics["length"]), rel=0.01)
    assert 0.3 < np.median(lengths) / np.median(np.linalg.norm(factors, axis=1)) < 1.5
    for track, vector in zip(track_ids[-N_UNPLAYED:], vectors[-N_UNPLAYED:], strict=True):
        nearest = played[np.argsort(-(factors @ vector))[:20]]
        assert (nearest % 2 == track % 2).mean() > 0.9

    again = retrain(store, artifacts, "1", now=NOW + WEEK)
    assert again.model_id == first.model_id  # the same run makes one model
    second = retrain(store, artifacts, "2", now=NOW + WEEK)
    assert SERVING in second.metrics["judged"]
    assert second.reason is not None
    assert SERVING in second.reason

    back = audio_network.roll_back(store, artifacts, first.model_id, run_key="dag/back", now=NOW + 2 * WEEK)
    assert (back.status, back.artifact_uri) == ("champion", first.artifact_uri)
    with store.begin() as connection:
        served = connection.execute(sa.text("SELECT DISTINCT model_id FROM track_vectors WHERE kind = 'audio'"))
        assert served.scalars().all() == [back.model_id]
    with pytest.raises(ModelError, match="is no audio network"):
        audio_network.roll_back(store, artifacts, collaborative.model_id, run_key="dag/no", now=NOW)


def test_a_network_that_hears_nothing_of_the_taste_is_rejected(store: Store, artifacts: Artifacts) -> None:
    fill(store, artifacts, audible=False)
    row = retrain(store, artifacts, "1", SMALL.model_copy(update={"epochs": 2}))
    assert row.status == "rejected"
    assert row.reason is not None
    with store.begin() as connection:
        assert models.champion(connection, "audio") is None
        assert len(models.read_vectors(connection, row, NOW + WEEK)[0]) == 0


def test_with_too_little_it_says_what_is_missing(store: Store, artifacts: Artifacts) -> None:
    with pytest.raises(NotEnoughDataError, match="no collaborative model to learn from"):
        retrain(store, artifacts, "1")
    fill(store, artifacts)
    artifacts.remove("audio/mels")
    with pytest.raises(NotEnoughDataError, match="Only 0 tracks were analysed"):
        retrain(store, artifacts, "2")


def test_the_gate_wants_more_than_chance_and_no_loss() -> None:
    gate, rng = GateParameters(), np.random.default_rng(1)
    chance = rng.uniform(0, 0.2, 200)
    good = chance + rng.uniform(0, 0.3, 200)
    assert compare({NETWORK: good, RANDOM: chance}, gate, 0)[0]
    passed, reason = compare({NETWORK: chance, RANDOM: rng.permutation(chance)}, gate, 0)
    assert not passed
    assert "not better than random" in reason
    assert compare({NETWORK: good, RANDOM: chance, SERVING: good * 1.009}, gate, 0)[0]
    passed, reason = compare({NETWORK: good, RANDOM: chance, SERVING: good * 1.03}, gate, 0)
    assert not passed
    assert "worse than the serving network -2.9%" in reason
    passed, reason = compare({NETWORK: good[:5], RANDOM: chance[:5]}, gate, 0)
    assert passed
    assert "too few" in reason


def test_the_gate_wants_sound_directions() -> None:
    directions = np.eye(3, dtype=np.float32)
    assert sanity_problems(directions, 0.5) == []
    assert "collapsed" in sanity_problems(directions, 0.01)[0]
    assert "length 1" in sanity_problems(directions * 2, 0.5)[0]
    directions[0, 0] = np.nan
    assert "not finite" in sanity_problems(directions, 0.5)[0]


def test_the_area_under_the_curve_counts_pairs_also_within_groups() -> None:
    """By hand: 4 songs in two groups, the relevant ones are b and d."""
    scores = np.array([[0.1, 0.2, 0.9, 0.8], [1, 1, 1, 1]], dtype=np.float32)
    relevant = np.array([[False, True, False, True]] * 2)
    assert auc(scores, relevant).tolist() == [0.5, 0.5]  # right: b > a and d > a; wrong: b < c and d < c
    assert auc(scores, relevant, np.array([1, 1, 2, 2])).tolist() == [0.5, 0.5]
    assert auc(scores, relevant, np.array([1, 1, 1, 2])).tolist() == [0.5, 0.5]
    assert np.isnan(auc(scores, relevant, np.array([1, 2, 3, 4]))).all()
