"""The split: what is learned from never holds what is judged by."""

import datetime as dt
from typing import Any

import numpy as np
import pytest

from recommenders.evaluation import split as splitting
from recommenders.evaluation.split import Fold, Split, split
from recommenders.store import Artifacts, Store
from recommenders.store.signals import Pairs, read_signals
from tests.service import DAY, NOW, add_catalogue, add_events, add_totals, two_camps


def pairs(found: Pairs) -> set[tuple[int, int]]:
    return set(zip(found.user_ids.tolist(), found.track_ids.tolist(), strict=True))


def learned(fold: Fold) -> set[tuple[int, int]]:
    return pairs(Pairs(fold.signals.user_ids, fold.signals.track_ids))


def split_of(store: Store, seed: int = 0) -> Split:
    with store.begin() as connection:
        return split(connection, NOW, read_signals(connection, NOW), seed)


def listen(user: int, track: int, days: float, **more: Any) -> dict[str, Any]:
    return {"user": user, "track": track, "at": NOW - days * DAY} | more


def test_weeks_are_judged_by_what_was_first_heard_in_them_of_the_users_own_accord(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(splitting, "LEAST_JUDGED_USERS", 1)
    with store.begin() as connection:
        add_catalogue(connection, 3, [1] * 12, works=[1, 1, *range(3, 13)])
        add_totals(connection, np.array([(2, 4, 3)]))
        add_events(
            connection,
            [
                listen(1, 1, 20),
                listen(1, 3, 10),  # first heard in the choosing week
                listen(1, 2, 3),  # another version of what was heard
                listen(1, 4, 3),
                listen(1, 3, 2),  # heard before
                listen(1, 5, 2, ms=3_000),  # skipped
                listen(1, 6, 2, kind="save"),
                listen(1, 7, 2, kind="ban"),
                listen(1, 8, 2, kind="rating", rating=2),
                listen(1, 9, 3, context="mixtape:2026-02-23"),
                listen(1, 9, 2),  # came back to what a mixtape showed them
                listen(2, 4, 1),  # heard at an unknown time before
                listen(2, 10, 1, context="radio"),
                listen(3, 11, -1),  # after the cut-off
            ],
        )
    found = split_of(store)
    assert found.temporal
    assert pairs(found.choose.labels) == {(1, 3)}
    assert pairs(found.judge.labels) == {(1, 4), (1, 6), (2, 10)}
    assert learned(found.choose) == {(1, 1), (2, 4)}
    assert learned(found.judge) == {(1, 1), (1, 3), (2, 4)}
    assert pairs(found.judge.heard) == {(1, 1), (1, 2), (1, 3), (2, 4)}
    assert found.judge.cutoff == NOW - dt.timedelta(days=7)
    assert found.choose.cutoff == NOW - dt.timedelta(days=14)


def test_without_times_a_seeded_fifth_stands_in_twice(store: Store) -> None:
    rows = two_camps(np.random.default_rng(1))
    with store.begin() as connection:
        add_catalogue(connection, 60, list(range(1, 41)))
        add_totals(connection, np.column_stack([rows, np.ones(len(rows), dtype=np.int64)]))
    found, again, other = split_of(store), split_of(store), split_of(store, seed=1)
    everything = {(int(user), int(track)) for user, track in rows}
    assert not found.temporal
    judge, choose = pairs(found.judge.labels), pairs(found.choose.labels)
    assert 0.15 < len(judge) / len(everything) < 0.25
    assert 0.10 < len(choose) / len(everything) < 0.22
    assert learned(found.judge) == pairs(found.judge.heard) == everything - judge
    assert learned(found.choose) == pairs(found.choose.heard) == everything - judge - choose
    assert pairs(again.judge.labels) == judge
    assert pairs(other.judge.labels) != judge


def test_a_week_in_which_hardly_anybody_heard_something_new_judges_nobody(store: Store) -> None:
    with store.begin() as connection:
        add_catalogue(connection, 60, list(range(1, 41)))
        add_events(
            connection, [listen(int(user), int(track), 40) for user, track in two_camps(np.random.default_rng(1))]
        )
        add_events(connection, [listen(user, 40 - user % 2, days) for user in range(1, 10) for days in (3, 10)])
    found = split_of(store)
    assert not found.temporal
    assert len(found.judge.labels) > 100


def test_a_fold_comes_back_from_its_artifacts_as_it_was(store: Store, artifacts: Artifacts) -> None:
    with store.begin() as connection:
        add_catalogue(connection, 60, list(range(1, 41)))
        add_totals(connection, np.column_stack([two_camps(np.random.default_rng(1)), np.ones(720, dtype=np.int64)]))
        add_events(connection, [listen(1, 1, 3, context="mixtape:2026-02-23")])
    fold = split_of(store).judge
    fold.save(artifacts, "retraining/x/judge")
    again = Fold.load(artifacts, "retraining/x/judge")
    assert again.cutoff == fold.cutoff
    assert pairs(again.labels) == pairs(fold.labels)
    assert pairs(again.heard) == pairs(fold.heard)
    for name, column in vars(fold.signals).items():
        assert np.array_equal(getattr(again.signals, name), column, equal_nan=column.dtype.kind in "fM"), name
