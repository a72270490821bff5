"""The gate: whether a candidate may become champion."""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from recommenders.collaborative.model import CollaborativeModel, align, confidences, fold_in
from recommenders.evaluation import metrics
from recommenders.evaluation.judging import POPULARITY, K
from recommenders.listening.interactions import interactions
from recommenders.store.signals import Signals


class GateParameters(BaseModel):
    """How strict the gate is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tolerance: float = Field(0.01, ge=0, description="Share by which a candidate may be worse than a rival.")
    level: float = Field(0.95, gt=0, lt=1, description="Level of the interval of a comparison.")
    draws: int = Field(2000, ge=100, description="Bootstrap draws of a comparison.")
    least_judged_users: int = Field(20, ge=2, description="With fewer judged users, a comparison says nothing.")
    largest_length: float = Field(1000.0, gt=0, description="A longer track vector means that training diverged.")
    smallest_length: float = Field(0.001, gt=0, description="If no track vector is longer, they collapsed.")
    least_known_tracks: float = Field(0.8, ge=0, le=1, description="Share of the champion's tracks still known.")
    least_coverage: float = Field(0.25, ge=0, le=1, description="Different tracks on lists, against the champion's.")
    least_overlap: float = Field(0.25, ge=0, le=1, description="Mean share of a list that the champion gives as well.")
    sampled_users: int = Field(2000, ge=1, description="Users whose lists are compared with the champion's.")


@dataclass(frozen=True)
class Interval:
    """By how much one model is better than another, as a share of the other's mean, with its paired interval."""

    low: float
    mean: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.1%} ({self.low:+.1%} to {self.high:+.1%})"


def relative_difference(
    candidate: npt.NDArray[np.float64], rival: npt.NDArray[np.float64], parameters: GateParameters, seed: int
) -> Interval:
    """Paired bootstrap over users (Efron & Tibshirani 1993): both models are judged on the same drawn users.

    Two parallel arrays (n_users,) of a metric; where the rival's mean is 0, or nobody was judged, nothing is worse: 0.
    """
    base = rival.mean() if len(rival) else 0.0
    if base == 0:
        return Interval(0.0, 0.0, 0.0)
    difference = (candidate - rival) / base
    # Drawing how often each distinct value comes up is the same draw, and there are far fewer of them than users.
    values, counts = np.unique(difference, return_counts=True)
    n = len(difference)
    means = np.random.default_rng(seed).multinomial(n, counts / n, size=parameters.draws) @ values / n
    tail = (1 - parameters.level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(low), float(difference.mean()), float(high))


@dataclass(frozen=True)
class Verdict:
    """Whether the candidate passes, and why."""

    passed: bool
    reason: str


def compare(
    candidate: str,
    recalls: Mapping[str, npt.NDArray[np.float64]],
    parameters: GateParameters,
    seed: int,
    metric: str = f"recall@{K}",
    by_mean: Collection[str] = (),
) -> Verdict:
    """Compare the candidate with every other model that was judged on the same users, by the `metric` of each.

    Against the champion and the best of the last weeks the burden of proof is the candidate's: it must be seen, by the
    lower end of the interval, not to be worse by more than the tolerance. Popularity is a floor: only a candidate
    that is seen to be worse than that fails. Against those named in `by_mean` the mean decides.
    """
    n_users = len(recalls[candidate])
    if n_users < parameters.least_judged_users:
        return Verdict(True, f"sound; {n_users} users are too few to compare it with other models")
    findings = []
    passed = True
    for name, recall in recalls.items():
        if name == candidate:
            continue
        interval = relative_difference(recalls[candidate], recall, parameters, seed)
        seen = interval.mean if name in by_mean else interval.high if name == POPULARITY else interval.low
        worse = seen < -parameters.tolerance
        passed = passed and not worse
        findings.append(f"{'worse than' if worse else 'against'} {name} {interval}")
    if not findings:
        return Verdict(True, "sound")
    return Verdict(passed, f"{metric} of {n_users} users: " + "; ".join(findings))


def sanity_problems(
    model: CollaborativeModel,
    champion: CollaborativeModel | None,
    *,
    signals: Signals,
    cutoff: dt.datetime,
    parameters: GateParameters,
    seed: int,
) -> list[str]:
    """What is wrong with a model refitted on everything: no listening is left to judge it by."""
    lengths = np.linalg.norm(model.track_factors, axis=1)
    problems = []
    if lengths.max(initial=0) > parameters.largest_length:
        problems.append(f"the longest track vector is {lengths.max():.3g}: training diverged")
    if lengths.max(initial=0) < parameters.smallest_length:
        problems.append(f"the longest track vector is {lengths.max(initial=0):.3g}: the vectors collapsed")
    if problems or champion is None:
        return problems
    known = float(np.isin(champion.track_ids, model.track_ids).mean())
    if known < parameters.least_known_tracks:
        problems.append(f"it knows only {known:.0%} of the champion's tracks")
    users = np.unique(signals.user_ids)
    if len(users) < parameters.least_judged_users:
        return problems
    drawn = np.sort(np.random.default_rng(seed).permutation(users)[: parameters.sampled_users])
    sample = signals.take(np.isin(signals.user_ids, drawn))
    ours, theirs = _lists(model, sample, cutoff, drawn), _lists(champion, sample, cutoff, drawn)
    coverage = len(np.unique(ours)) / len(np.unique(theirs))
    if coverage < parameters.least_coverage:
        problems.append(f"its lists hold {coverage:.0%} of the champion's number of different tracks")
    rows = np.arange(len(drawn))[:, None] * (max(ours.max(), theirs.max()) + 1)
    overlap = float((np.isin(rows + ours, rows + theirs) & (ours > 0)).mean())
    if overlap < parameters.least_overlap:
        problems.append(f"its lists share only {overlap:.0%} of their songs with the champion's")
    return problems


def _lists(
    model: CollaborativeModel, signals: Signals, cutoff: dt.datetime, user_ids: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The model's track ids for each of `user_ids`, (n_users, 30), 0 past the end of a list."""
    taste = interactions(signals, cutoff, model.parameters)
    strengths = align(taste, model.track_ids)
    factors = fold_in(model, confidences(strengths, model.parameters))
    places = metrics.best_unheard(factors, model.track_factors, strengths, K)
    lists = np.zeros((len(user_ids), K), dtype=np.int64)
    lists[np.searchsorted(user_ids, taste.user_ids)] = np.where(places >= 0, model.track_ids[places], 0)
    return lists
