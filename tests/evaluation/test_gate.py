"""The gate: a candidate must be sound, and seen not to be worse."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import bootstrap

from recommenders.collaborative.model import AlsParameters, CollaborativeModel
from recommenders.collaborative.training import train
from recommenders.evaluation.gate import GateParameters, compare, relative_difference, sanity_problems
from recommenders.evaluation.judging import POPULARITY
from recommenders.listening.interactions import interactions
from recommenders.store.signals import Signals
from tests.service import NOW, two_camps

GATE = GateParameters()
RNG = np.random.default_rng(1)
RIVAL = RNG.random(500)
PARAMETERS = AlsParameters(factors=8)


def test_the_interval_is_that_of_scipys_bootstrap() -> None:
    candidate = RIVAL * 1.1 + RNG.normal(0, 0.1, 500)
    found = relative_difference(candidate, RIVAL, GATE, seed=0)
    other = bootstrap(
        ((candidate - RIVAL) / RIVAL.mean(),),
        np.mean,
        n_resamples=5000,
        method="percentile",
        rng=np.random.default_rng(2),
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((other.low, other.high), abs=0.003)
    assert found.mean == pytest.approx(candidate.mean() / RIVAL.mean() - 1)


@pytest.mark.parametrize(
    ("candidate", "passes"),
    [
        (RIVAL, True),
        (RIVAL * 1.05, True),
        (RIVAL * 0.995, True),
        (RIVAL * 0.95, False),
        (RIVAL + RNG.normal(0, 1, 500), False),  # as good on average, and nobody can tell
    ],
    ids=["the same", "better", "worse by half a per cent", "worse by five per cent", "unclear"],
)
def test_against_a_champion_the_burden_of_proof_is_the_candidates(candidate: np.ndarray, passes: bool) -> None:
    verdict = compare("new", {"new": candidate, "old": RIVAL}, GATE, seed=0)
    assert verdict.passed is passes
    assert ("worse than old" if not passes else "against old") in verdict.reason


def test_popularity_is_a_floor_not_a_rival() -> None:
    unclear = RIVAL + np.random.default_rng(3).normal(0, 1, 500)
    assert compare("new", {"new": unclear, POPULARITY: RIVAL}, GATE, seed=0).passed
    assert not compare("new", {"new": RIVAL * 0.9, POPULARITY: RIVAL}, GATE, seed=0).passed


def test_every_rival_counts_and_is_named() -> None:
    verdict = compare("new", {"new": RIVAL, "old": RIVAL * 0.9, "best": RIVAL * 1.2}, GATE, seed=0)
    assert not verdict.passed
    assert "against old" in verdict.reason
    assert "worse than best" in verdict.reason


def test_with_a_handful_of_users_nothing_can_be_said_against_a_candidate() -> None:
    verdict = compare("new", {"new": np.zeros(3), "old": np.ones(3)}, GATE, seed=0)
    assert verdict.passed
    assert "too few" in verdict.reason


def camps() -> Signals:
    rows = two_camps(np.random.default_rng(1), n_users=80, n_tracks=300, plays=15)
    rows = rows[np.lexsort(rows.T[::-1])]
    n = len(rows)
    return Signals(
        rows[:, 0],
        rows[:, 1],
        np.full(n, "NaT", dtype="M8[us]"),
        np.zeros(n, dtype=np.int16),
        np.full(n, 4, dtype=np.float32),
        np.zeros(n, dtype=np.bool_),
    )


def problems(model: CollaborativeModel, champion: CollaborativeModel | None) -> list[str]:
    return sanity_problems(model, champion, signals=camps(), cutoff=NOW, parameters=GATE, seed=0)


@pytest.fixture(scope="module")
def champion() -> CollaborativeModel:
    return train(interactions(camps(), NOW, PARAMETERS), PARAMETERS, 0).model


def test_a_retrained_model_is_sound(champion: CollaborativeModel) -> None:
    retrained = train(interactions(camps(), NOW, PARAMETERS), PARAMETERS, 1, champion=champion).model
    assert problems(champion, None) == []
    assert problems(retrained, champion) == []


def test_a_broken_model_is_found(champion: CollaborativeModel) -> None:
    factors = champion.track_factors
    rng = np.random.default_rng(2)
    one_direction = np.outer(np.linspace(1, 2, len(factors)), factors[0]).astype(np.float32)
    cases = {
        "diverged": replace(champion, track_factors=factors * 1e5),
        "collapsed": replace(champion, track_factors=factors * 1e-9),
        "knows only 50%": replace(champion, track_ids=champion.track_ids[::2], track_factors=factors[::2]),
        "different tracks": replace(champion, track_factors=one_direction),
        "share only": replace(champion, track_factors=rng.permutation(factors)),
    }
    for expected, model in cases.items():
        assert any(expected in problem for problem in problems(model, champion)), (expected, problems(model, champion))


def test_where_nobody_was_judged_nothing_is_worse() -> None:
    nobody = np.empty(0)
    found = relative_difference(nobody, nobody, GateParameters(), 0)
    assert (found.low, found.mean, found.high) == (0, 0, 0)
