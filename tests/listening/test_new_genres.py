"""A new genre counts after plays on three days: the rule, on cases that a person can work out."""

from typing import Any

import numpy as np
import pytest

from recommenders.listening.interactions import TasteParameters, interactions
from recommenders.store.signals import Signal, Signals
from tests.service import NOW

OLD, NEW = 7, 9  # genres
RULES = TasteParameters(half_life_days=10**6)


def signals(rows: list[tuple[int, int, float, Signal]], **columns: Any) -> Signals:
    """Signals of user 1 from (track, genre, days ago, kind), in their order."""
    rows = sorted(rows, key=lambda row: (row[0], -row[2]))
    now = np.datetime64(NOW.replace(tzinfo=None), "us")
    times = [now - np.timedelta64(round(days * 86_400), "s") for _, _, days, _ in rows]
    n = len(rows)
    return Signals(
        np.ones(n, dtype=np.int64),
        np.array([row[0] for row in rows]),
        np.array(times, dtype="M8[us]"),
        np.array([row[3] for row in rows], dtype=np.int16),
        np.ones(n, dtype=np.float32),
        np.zeros(n, dtype=bool),
        columns.get("foreign", np.zeros(n, dtype=bool)),
        np.array([row[1] for row in rows], dtype=np.int32),
    )


def liked(rows: list[tuple[int, int, float, Signal]], rules: TasteParameters = RULES, **columns: Any) -> set[int]:
    found = interactions(signals(rows, **columns), NOW, rules)
    return set(found.track_ids[found.strengths.indices[found.strengths.data > 0]].tolist())


PLAY, SKIP, SAVE, VISIT = Signal.PLAY, Signal.SKIP, Signal.SAVE, Signal.ARTIST_VISIT
LONG_AGO = (1, OLD, 90.0, PLAY)
CASES = {
    "plays on one day don't count": ([LONG_AGO, (2, NEW, 3, PLAY), (3, NEW, 3.1, PLAY)], {1}),
    "nor do plays on two": ([LONG_AGO, (2, NEW, 3, PLAY), (3, NEW, 5, PLAY)], {1}),
    "plays on three days do, whichever songs": (
        [LONG_AGO, (2, NEW, 3, PLAY), (3, NEW, 5, PLAY), (2, NEW, 9, PLAY)],
        {1, 2, 3},
    ),
    "skips are no days": ([LONG_AGO, (2, NEW, 3, PLAY), (3, NEW, 5, SKIP), (3, NEW, 9, SKIP)], {1}),
    "what is saved counts at once": ([LONG_AGO, (2, NEW, 3, SAVE), (3, NEW, 3, PLAY)], {1, 2}),
    "a visit to the artist does not": ([LONG_AGO, (2, NEW, 3, VISIT)], {1}),
    "a genre played before is not new": ([LONG_AGO, (2, NEW, 60, PLAY), (3, NEW, 3, PLAY)], {1, 2, 3}),
    "to a new user no genre is new": ([(2, NEW, 3, PLAY), (3, OLD, 5, PLAY)], {2, 3}),
    "an unknown genre is never new": ([LONG_AGO, (2, 0, 3, PLAY)], {1, 2}),
}


@pytest.mark.parametrize("case", CASES)
def test_new_genre(case: str) -> None:
    rows, expected = CASES[case]
    assert liked(rows) == expected


def test_an_undated_total_makes_a_genre_old() -> None:
    rows = [LONG_AGO, (2, NEW, 50, Signal.TOTAL), (3, NEW, 3, PLAY)]
    undated = signals(rows)
    undated.times[1] = np.datetime64("NaT")
    found = interactions(undated, NOW, RULES)
    assert found.track_ids.tolist() == [1, 2, 3]


def test_somebody_elses_plays_are_no_days() -> None:
    rows = [LONG_AGO, (2, NEW, 9, PLAY), (2, NEW, 5, PLAY), (2, NEW, 3, PLAY)]
    assert liked(rows) == {1, 2}
    assert liked(rows, foreign=np.array([False, True, False, False])) == {1}


def test_the_rule_is_a_parameter() -> None:
    rows = [LONG_AGO, (2, NEW, 3, PLAY), (3, NEW, 5, PLAY)]
    assert liked(rows, RULES.model_copy(update={"new_genre_weeks": 0})) == {1, 2, 3}
    assert liked(rows, RULES.model_copy(update={"new_genre_days": 2})) == {1, 2, 3}


def test_it_says_the_same_as_a_slow_count_for_many_users() -> None:
    rng = np.random.default_rng(1)
    n = 4_000
    users, tracks = rng.integers(1, 80, n), rng.integers(1, 300, n)
    order = np.lexsort((tracks, users))
    users, tracks = users[order], tracks[order]
    now = np.datetime64(NOW.replace(tzinfo=None), "us")
    ages = rng.integers(1, 50 * 86_400, n) * np.where(users % 3 == 0, 0.4, 1.0)
    times = now - ages.astype(np.int64).astype("m8[s]").astype("m8[us]")
    kinds = rng.choice([PLAY, PLAY, SKIP, SAVE], n).astype(np.int16)
    genres = (tracks % 40).astype(np.int32)
    many = Signals(users, tracks, times, kinds, np.ones(n, np.float32), np.zeros(n, bool), np.zeros(n, bool), genres)
    begins = now - np.timedelta64(4, "W")
    kept = np.ones(n, dtype=bool)
    for user in np.unique(users):
        ours = users == user
        if not (times[ours] < begins).any():
            continue
        for genre in np.unique(genres[ours & (genres > 0)]):
            there = ours & (genres == genre)
            days = {(moment - begins) // np.timedelta64(1, "D") for moment in times[there & (kinds == PLAY)]}
            if (times[there] >= begins).all() and len(days) < 3:
                kept[there & (kinds == PLAY)] = False
    expected = interactions(many.take(kept), NOW, RULES.model_copy(update={"new_genre_weeks": 0}))
    found = interactions(many, NOW, RULES)
    both = set(expected.track_ids.tolist()) | set(found.track_ids.tolist())
    assert not kept.all()
    for interaction in (expected, found):
        assert set(interaction.track_ids.tolist()) <= both
    positive = [
        {(int(i.user_ids[r]), int(i.track_ids[c])): float(v) for r, c, v in zip(*_entries(i), strict=True) if v > 0}
        for i in (expected, found)
    ]
    assert positive[0] == pytest.approx(positive[1])


def _entries(found: Any) -> tuple[Any, Any, Any]:
    entries = found.strengths.tocoo()
    return entries.row, entries.col, entries.data
