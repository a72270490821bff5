"""What listeners do with their mixtapes comes back: the next model gives them more of what they kept, less of the rest.

Two styles, each with listeners of its own; those who are asked play both alike, until their mixtapes come.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from recommenders.collaborative.model import AlsParameters, align, confidences, fold_in
from recommenders.collaborative.training import train
from recommenders.listening.interactions import load_interactions
from recommenders.store import Store
from tests.service import DAY, NOW, add_catalogue, add_events

MONDAY = (NOW - 6 * DAY).date()
N_USERS, N_TRACKS, ASKED = 120, 60, 40  # of either style; those who get a mixtape
LISTED = 20
PARAMETERS = AlsParameters(factors=8, alpha=2.0, regularisation=10.0, iterations=15)


def style(track: int) -> str:
    return "A" if track <= N_TRACKS else "B"


def history(rng: np.random.Generator) -> list[dict[str, Any]]:
    """Those who will be asked play six songs of each style in the months before, the others twelve of one."""
    events = []
    for user in range(1, N_USERS + 1):
        a = 6 if user <= ASKED else 12 * (user % 2)
        chosen = (
            rng.choice(N_TRACKS, a, replace=False) + 1,
            rng.choice(N_TRACKS, 12 - a, replace=False) + 1 + N_TRACKS,
        )
        events += [
            {"user": user, "track": int(track), "at": NOW - float(rng.uniform(8, 60)) * DAY}
            for track in np.concatenate(chosen)
        ]
    return events


def feedback(
    rng: np.random.Generator, plays: Sequence[dict[str, Any]], did: Callable[[str], dict[str, Any] | None]
) -> list[dict[str, Any]]:
    """What the users asked do, on the Tuesday, with a mixtape of five unheard songs of each style."""
    events = []
    for user in range(1, ASKED + 1):
        known = {event["track"] for event in plays if event["user"] == user}
        for first in (1, N_TRACKS + 1):
            unheard = [track for track in range(first, first + N_TRACKS) if track not in known]
            for track in rng.choice(unheard, 5, replace=False):
                done = did(style(int(track)))
                if done is not None:
                    at = dt.datetime.combine(MONDAY, dt.time(12), dt.UTC) + DAY
                    events.append({"user": user, "track": int(track), "at": at, "context": f"mixtape:{MONDAY}"} | done)
    return events


def listed(store: Store, unwanted: Sequence[dict[str, Any]], **taste: float) -> dict[str, float]:
    """Songs of each style among the first ones that a model trained now gives the users who were asked; what they
    played, or met on their mixtapes (`unwanted`), is left out."""
    parameters = PARAMETERS.model_copy(update=taste)
    with store.begin() as connection:
        found = load_interactions(connection, NOW, parameters)
    model = train(found, parameters, seed=1).model
    confidence = confidences(align(found, model.track_ids), parameters)
    scores = fold_in(model, confidence) @ model.track_factors.T
    scores[confidence.toarray() != 0] = -np.inf
    for event in unwanted:
        scores[event["user"] - 1, event["track"] - 1] = -np.inf
    best = model.track_ids[np.argsort(-scores[:ASKED], axis=1)[:, :LISTED]]
    return {"A": float((best <= N_TRACKS).sum(axis=1).mean()), "B": float((best > N_TRACKS).sum(axis=1).mean())}


CASES: dict[str, Callable[[str], dict[str, Any] | None]] = {
    "they save A and skip B": lambda style: {"kind": "save"} if style == "A" else {"ms": 5_000},
    "they only save A": lambda style: {"kind": "save"} if style == "A" else None,
    "they only play A through": lambda style: {"ms": 190_000} if style == "A" else None,
    "they only skip B": lambda style: None if style == "A" else {"ms": 5_000},
}


@pytest.mark.parametrize("case", CASES)
def test_the_next_model_gives_more_of_what_was_kept_and_less_of_what_was_skipped(store: Store, case: str) -> None:
    rng = np.random.default_rng(4)
    plays = history(rng)
    events = feedback(rng, plays, CASES[case])
    with store.begin() as connection:
        add_catalogue(connection, N_USERS, list(range(1, 2 * N_TRACKS + 1)))
        add_events(connection, plays)
    before = listed(store, events)
    assert before["A"] == pytest.approx(before["B"], abs=4), "they like both"
    with store.begin() as connection:
        add_events(connection, events)
    after = listed(store, events)
    assert after["A"] > before["A"] + 1
    assert after["B"] < before["B"] - 1
    if case == "they only skip B":
        assert listed(store, events, mixtape_skip=0) == pytest.approx(before), "a skip says it, and nothing else"
