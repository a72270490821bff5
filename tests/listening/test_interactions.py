"""What people did becomes how much they like it: every rule, on a case that a person can work out."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from recommenders.listening.interactions import Interactions, TasteParameters, load_interactions
from recommenders.runtime.postgres import ensure_database
from recommenders.store import Store
from tests.service import DAY, NOW, add_catalogue, add_events, add_totals

RULES = TasteParameters(half_life_days=10)
OLD = dt.timedelta(days=10)  # one half-life


def play(days: float, **more: Any) -> dict[str, Any]:
    """User 1 plays track 1, `days` before now."""
    return {"user": 1, "track": 1, "at": NOW - days * DAY} | more


def skip(days: float) -> dict[str, Any]:
    return play(days, ms=5_000)


def offered(event: dict[str, Any]) -> dict[str, Any]:
    """The same while listening to a mixtape."""
    return event | {"context": "mixtape:2026-02-23"}


def strengths(found: Interactions) -> dict[tuple[int, int], float]:
    """The matrix as {(user, track): strength}."""
    entries = found.strengths.tocoo()
    return {
        (int(found.user_ids[row]), int(found.track_ids[column])): round(float(value), 4)
        for row, column, value in zip(entries.row, entries.col, entries.data, strict=True)
    }


CASES: dict[str, tuple[list[dict[str, Any]], float | None]] = {
    "a full play now counts 1": ([play(0.000001)], 1),
    "a play one half-life ago counts 1/2, two half-lives ago 1/4": ([play(10), play(20)], 0.75),
    "unknown ms_played is a full play": ([play(10, ms=None)], 0.5),
    "30 s of a long song is a full play": ([play(10, ms=30_000)], 0.5),
    "half of a short song is a full play": ([play(10, track=6, ms=10_000)], 0.5),
    "a save counts 5, a love 5": ([play(10, kind="save"), play(20, kind="love")], 3.75),
    "4 and 5 stars count like a save": ([play(10, kind="rating", rating=4), play(10, kind="rating", rating=5)], 5),
    "3 stars say nothing": ([play(10, kind="rating", rating=3)], None),
    "a skip gives no strength": ([skip(10)], None),
    "two skips take nothing away": ([play(10), skip(9), skip(8)], 0.5),
    "three skips with no full play since are a dislike": ([play(10), skip(9), skip(8), skip(7)], -5),
    "three skips without any play are a dislike": ([skip(9), skip(8), skip(7)], -5),
    "a full play after three skips takes the dislike back": ([skip(9), skip(8), skip(7), play(0.000001)], 1),
    "skips before the last full play don't count": ([skip(9), skip(8), play(10 - 5), skip(1)], 2**-0.5),
    "a ban is a dislike, whatever was played": ([play(1), play(2), play(0.5, kind="ban")], -5),
    "1 star is a dislike": ([play(1), play(0.5, kind="rating", rating=1)], -5),
    "2 stars are a dislike": ([play(0.5, kind="rating", rating=2)], -5),
    "a later 3-star rating takes 1 star back": (
        [play(10), play(9, kind="rating", rating=1), play(8, kind="rating", rating=3)],
        0.5,
    ),
    "a later save takes a ban back": ([play(20, kind="ban"), play(10, kind="save")], 2.5),
    "an earlier love does not take a ban back": ([play(20, kind="love"), play(10, kind="ban")], -5),
    "an artist visit counts 2 on the track played before it": (
        [play(10), {"user": 1, "artist": 1, "kind": "artist_visit", "at": NOW - 10 * DAY + dt.timedelta(hours=1)}],
        0.5 + 2 * 2 ** (-(10 - 1 / 24) / 10),
    ),
    "an artist visit two days later does not": (
        [play(10), {"user": 1, "artist": 1, "kind": "artist_visit", "at": NOW - 8 * DAY}],
        0.5,
    ),
    "a visit to another artist does not": (
        [play(10), {"user": 1, "artist": 2, "kind": "artist_visit", "at": NOW - 10 * DAY + dt.timedelta(hours=1)}],
        0.5,
    ),
    "a full play from a mixtape counts 1/2": ([offered(play(10))], 0.25),
    "a save or love from a mixtape counts like any other": (
        [offered(play(10, kind="save")), offered(play(20, kind="love"))],
        3.75,
    ),
    "a later play of their own accord counts 1": ([offered(play(20)), play(10)], 0.125 + 0.5),
    "a skip on a mixtape counts against the song, and fades": ([offered(skip(10)), offered(skip(20))], -0.5 - 0.25),
    "a skip on a mixtape of what was played in full says nothing": ([offered(play(10)), offered(skip(9))], 0.25),
    "nor does one before a save": ([offered(skip(20)), play(10, kind="save")], 2.5),
    "nor before 3 stars": ([offered(skip(20)), play(10, kind="rating", rating=3)], None),
    "three skips on a mixtape are a dislike": ([offered(skip(9)), offered(skip(8)), skip(7)], -5),
    "a skip elsewhere adds nothing to one on a mixtape": ([offered(skip(10)), skip(9)], -0.5),
    "what happens at the cut-off or later is not known": ([play(0), play(-1)], None),
}


@pytest.fixture(scope="module")
def shared_store(postgres: sa.URL) -> Iterator[Store]:
    """One database for the cases of this module: each case is a user of its own."""
    opened = Store(
        ensure_database(postgres, "interaction_cases", template="template").render_as_string(hide_password=False)
    )
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def case_strengths(shared_store: Store) -> dict[tuple[int, int], float]:
    """The strengths of all CASES: the n-th case is the n-th user's."""
    with shared_store.begin() as connection:
        add_catalogue(connection, len(CASES) + len(EXCLUSIONS), [1, 1, 1, 2, 3, 4])
        connection.execute(sa.text("UPDATE tracks SET duration_s = 19 WHERE track_id = 6"))
        for user, (events, _) in enumerate(CASES.values(), 1):
            add_events(connection, [event | {"user": user} for event in events])
        return strengths(load_interactions(connection, NOW, RULES, users=(1, len(CASES) + 1)))


@pytest.mark.parametrize("case", CASES)
def test_the_strength_of(case_strengths: dict[tuple[int, int], float], case: str) -> None:
    user = 1 + list(CASES).index(case)
    found = [value for (who, _), value in case_strengths.items() if who == user]
    expected = CASES[case][1]
    assert found == ([] if expected is None else [pytest.approx(expected, abs=1e-4)])


def test_totals_are_aged_one_half_life_and_add_to_events(store: Store) -> None:
    with store.begin() as connection:
        add_catalogue(connection, 3, [1, 1, 2])
        add_totals(connection, np.array([(1, 1, 8), (3, 2, 1)]))
        add_events(connection, [play(10)])
        found = load_interactions(connection, NOW, RULES)
    assert strengths(found) == {(1, 1): 4.5, (3, 2): 0.5}
    assert found.user_ids.tolist() == [1, 3]
    assert found.track_ids.tolist() == [1, 2]
    assert found.strengths.dtype == np.float32


def test_nobodys_taste_is_lost_however_long_they_were_away(store: Store) -> None:
    with store.begin() as connection:
        add_catalogue(connection, 1, [1, 2])
        add_events(connection, [play(400), play(0.01, track=2)])
        found = load_interactions(connection, NOW, TasteParameters(half_life_days=7))
    assert strengths(found) == {(1, 1): pytest.approx(2.0**-12, abs=1e-4), (1, 2): pytest.approx(1.0, rel=2e-3)}


def test_only_the_users_of_the_range_are_read(store: Store) -> None:
    with store.begin() as connection:
        add_catalogue(connection, 4, [1])
        add_events(connection, [{"user": user, "track": 1, "at": NOW - OLD} for user in (1, 2, 3, 4)])
        assert load_interactions(connection, NOW, RULES, users=(2, 4)).user_ids.tolist() == [2, 3]


EXCLUSIONS = {
    "device": ({"device": "kitchen"}, {1}),
    "context": ({"context": "party"}, {2}),
    "time range": ({"from_at": NOW - 6 * DAY, "until_at": NOW - 4 * DAY}, {3}),
    "track": ({"track_id": 4}, {4}),
    "artist": ({"artist_id": 3}, {5}),
    "device and artist together": ({"device": "kitchen", "artist_id": 3}, set()),
    "valid only in the past": ({"device": "kitchen", "valid_until": NOW - DAY}, set()),
    "valid only in the future": ({"device": "kitchen", "valid_from": NOW + DAY}, set()),
    "of another user": ({"device": "kitchen", "user_id": 1}, set()),
}


@pytest.mark.usefixtures("case_strengths")
@pytest.mark.parametrize("case", EXCLUSIONS)
def test_an_exclusion_works_backwards_and_only_where_it_fits_wholly(shared_store: Store, case: str) -> None:
    exclusion, gone = EXCLUSIONS[case]
    user = len(CASES) + 1 + list(EXCLUSIONS).index(case)
    more: list[dict[str, Any]] = [{"device": "kitchen"}, {"context": "party"}, {"at": NOW - 5 * DAY}, {}, {}, {}]
    with shared_store.begin() as connection:
        add_events(
            connection,
            [{"user": user, "track": track, "at": NOW - OLD} | fields for track, fields in enumerate(more, 1)],
        )
        columns = {"user_id": user} | exclusion
        connection.execute(
            sa.text(f"INSERT INTO taste_exclusions ({', '.join(columns)}) VALUES (:{', :'.join(columns)})"), columns
        )
        found = load_interactions(connection, NOW, RULES, users=(user, user + 1))
    assert set(range(1, 7)) - set(found.track_ids.tolist()) == gone


def test_a_total_is_excluded_only_by_what_it_knows(store: Store) -> None:
    with store.begin() as connection:
        add_catalogue(connection, 1, [1, 2, 3])
        add_totals(connection, np.array([(1, 1, 2), (1, 2, 2), (1, 3, 2)]))
        connection.execute(
            sa.text(
                """INSERT INTO taste_exclusions (user_id, device, track_id, artist_id)
                   VALUES (1, 'kitchen', NULL, NULL), (1, 'kitchen', 1, NULL), (1, NULL, 2, NULL), (1, NULL, NULL, 3)"""
            )
        )
        assert load_interactions(connection, NOW, RULES).track_ids.tolist() == [1]


def test_a_block_takes_out_what_was_liked_before_it(store: Store) -> None:
    with store.begin() as connection:
        add_catalogue(connection, 1, [1, 2, 3, 4])
        add_totals(connection, np.array([(1, 1, 2), (1, 2, 2), (1, 3, 2), (1, 4, 2)]))
        add_events(connection, [play(9), play(9, track=2), play(9, track=3)])
        connection.execute(
            sa.text(
                """INSERT INTO blocks (user_id, track_id, artist_id, since, until)
                   VALUES (1, 1, NULL, :before, 'infinity'), (1, NULL, 2, :before, 'infinity'),
                          (1, 3, NULL, :before, :before), (1, 4, NULL, :now, 'infinity')"""
            ),
            {"before": NOW - DAY, "now": NOW},
        )
        assert load_interactions(connection, NOW, RULES).track_ids.tolist() == [3, 4]


def test_a_banned_artist_is_disliked_on_the_tracks_that_were_heard(store: Store) -> None:
    with store.begin() as connection:
        add_catalogue(connection, 1, [1, 1, 2])
        add_events(connection, [play(5), play(5, track=3), play(4, kind="ban", track=None, artist=1)])
        connection.execute(
            sa.text("INSERT INTO blocks (user_id, artist_id, since) VALUES (1, 1, :at)"), {"at": NOW - 4 * DAY}
        )
        found = strengths(load_interactions(connection, NOW, RULES))
    assert found == {(1, 1): -5, (1, 3): pytest.approx(2**-0.5, abs=1e-4)}


def test_the_order_of_rows_in_the_database_changes_no_bit(store: Store) -> None:
    rng = np.random.default_rng(1)
    events = [
        {"user": int(user), "track": int(track), "at": NOW - float(days) * DAY}
        for user, track, days in zip(
            rng.integers(1, 9, 400), rng.integers(1, 6, 400), rng.uniform(0.1, 90, 400), strict=True
        )
    ]
    found = []
    with store.begin() as connection:
        add_catalogue(connection, 8, [1, 2, 3, 4, 5])
        for ordered in (events, events[::-1]):
            connection.execute(sa.text("DELETE FROM events"))
            add_events(connection, ordered)
            found.append(load_interactions(connection, NOW, TasteParameters()).strengths)
    assert found[0].data.tobytes() == found[1].data.tobytes()
    assert (found[0] != found[1]).nnz == 0
