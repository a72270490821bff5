"""What is not a user's own taste: exclusions and proposals, and what each does to signals and to what is forbidden."""

import datetime as dt
import json
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

from recommenders.errors import DataError, UnknownNameError
from recommenders.store import Store, taste
from recommenders.store.eligibility import read_forbidden_artists, read_forbidden_tracks
from recommenders.store.genres import genres_of_tracks, write_genres
from recommenders.store.proposals import note_search, searched_between, write_found
from recommenders.store.signals import Signals, read_earlier, read_signals
from tests.service import DAY, NOW, add_catalogue, add_events, add_totals

UTC = ZoneInfo("UTC")
WEEK = dt.timedelta(weeks=1)
SINCE = NOW - 26 * WEEK
MONDAY = dt.date(2026, 3, 2)
ARTISTS = [1, 1, 2, 3, 4]  # of tracks 1 to 5


@pytest.fixture
def service(store: Store) -> Store:
    """User 1 plays tracks 1 and 2 on a phone, 3 and 4 on a tablet and, once, 4 on the phone; user 2 plays all."""
    with store.begin() as connection:
        add_catalogue(connection, 2, ARTISTS)
        for days, track, device in (
            (30, 1, "phone"),
            (20, 2, "phone"),
            (19, 3, "tablet"),
            (9, 4, "tablet"),
            (8, 4, "phone"),
        ):
            at = NOW - days * DAY
            add_events(connection, [{"user": 1, "track": track, "at": at, "device": device, "context": "radio"}])
            add_events(connection, [{"user": 2, "track": track, "at": at, "device": device}])
    return store


def find(connection: sa.Connection, cutoff: dt.datetime = NOW, **columns: Any) -> None:
    """A search as of `cutoff` that found artists 2 and 3 of user 1 on the tablet, or what `columns` say; or nothing."""
    rows = [
        {
            "user_id": 1,
            "finding": "somebody else",
            "device": "tablet",
            "first_hour": None,
            "hours": None,
            "night": None,
            "artists": [2, 3],
            "played": 2,
        }
        | columns
    ]
    if columns.get("user_id", 1) is None:
        rows = []
    numbers = {
        name: connection.execute(sa.text("SELECT hashtextextended(:name, 0)"), {"name": name}).scalar_one()
        for name in ("tablet", "phone")
    }
    found = pa.table(
        {
            "n": pa.array(range(len(rows)), pa.int64()),
            "user_id": pa.array([row["user_id"] for row in rows], pa.int64()),
            "finding": pa.array([row["finding"] for row in rows], pa.string()),
            "device": pa.array([numbers.get(row["device"]) for row in rows], pa.int64()),
            "first_hour": pa.array([row["first_hour"] for row in rows], pa.int64()),
            "hours": pa.array([row["hours"] for row in rows], pa.int64()),
            "night": pa.array([row["night"] for row in rows], pa.int64()),
            "played_artists": pa.array([row["played"] for row in rows], pa.int64()),
            "evidence": pa.array([json.dumps({"plays": 9})] * len(rows), pa.string()),
        }
    )
    artists = [(n, place, artist) for n, row in enumerate(rows) for place, artist in enumerate(row["artists"])]
    names = ("n", "place", "artist_id")
    table = pa.table({name: pa.array([row[i] for row in artists], pa.int64()) for i, name in enumerate(names)})
    write_found(connection, found, table, since=cutoff - 26 * WEEK, cutoff=cutoff, zone=UTC)
    note_search(connection, cutoff=cutoff, made_at=cutoff, users=2, plays=10, found=len(rows))


def states(connection: sa.Connection) -> list[str]:
    return list(connection.execute(sa.text("SELECT state FROM taste_proposals ORDER BY proposal_id")).scalars())


def own(signals: Signals, user: int = 1) -> dict[int, bool]:
    """The tracks of a user's signals, and whether all of each one's are foreign."""
    rows = signals.user_ids == user
    tracks = signals.track_ids[rows]
    return {int(track): bool(signals.foreign[rows][tracks == track].all()) for track in np.unique(tracks)}


EXCLUSIONS: dict[str, tuple[dict[str, Any], set[int]]] = {
    "a device": ({"device": "tablet"}, {1, 2, 4}),
    "a context": ({"context": "radio"}, set()),
    "what was before": ({"until_at": NOW - 15 * DAY}, {4}),
    "what was after": ({"from_at": NOW - 15 * DAY}, {1, 2, 3}),
    "a time range": ({"from_at": NOW - 25 * DAY, "until_at": NOW - 15 * DAY}, {1, 4}),
    "a track": ({"track_id": 2}, {1, 3, 4}),
    "an artist": ({"artist_id": 1}, {3, 4}),
    "a device and a time range": ({"device": "tablet", "from_at": NOW - 10 * DAY}, {1, 2, 3, 4}),
    "a device and an artist": ({"device": "phone", "artist_id": 3}, {1, 2, 3, 4}),
}


@pytest.mark.parametrize("case", EXCLUSIONS)
def test_an_exclusion_takes_out_what_fits_it_and_undone_gives_it_back(service: Store, case: str) -> None:
    what, left = EXCLUSIONS[case]
    with service.begin() as connection:
        number = taste.exclude(connection, 1, NOW, **what)
        assert set(own(read_signals(connection, NOW))) == left
        assert set(own(read_signals(connection, NOW - DAY))) == left, "an exclusion works backwards"
        assert set(own(read_signals(connection, NOW), 2)) == {1, 2, 3, 4}
        (excluded,) = taste.exclusions_of(connection, 1, NOW)
        assert excluded.exclusion_id == number
        taste.undo(connection, 1, number, NOW)
        assert set(own(read_signals(connection, NOW))) == {1, 2, 3, 4}
        assert not taste.exclusions_of(connection, 1, NOW)


def test_the_same_exclusion_twice_is_one_and_undone_it_may_come_again(service: Store) -> None:
    with service.begin() as connection:
        first = taste.exclude(connection, 1, NOW, device="tablet")
        assert taste.exclude(connection, 1, NOW + DAY, device="tablet") == first
        taste.undo(connection, 1, first, NOW)
        assert taste.exclude(connection, 1, NOW + DAY, device="tablet") != first
        with pytest.raises(UnknownNameError):
            taste.undo(connection, 1, first, NOW)
        with pytest.raises(UnknownNameError):
            taste.undo(connection, 2, first + 1, NOW)


def test_an_exclusion_of_everything_or_of_no_time_is_refused(service: Store) -> None:
    with service.begin() as connection:
        with pytest.raises(DataError, match="everything"):
            taste.exclude(connection, 1, NOW)
        with pytest.raises(DataError, match="before it begins"):
            taste.exclude(connection, 1, NOW, from_at=NOW, until_at=NOW - DAY)


def test_what_is_excluded_by_name_is_not_recommended(service: Store) -> None:
    with service.begin() as connection:
        taste.exclude(connection, 1, NOW, artist_id=4)
        taste.exclude(connection, 1, NOW, track_id=5)
        taste.exclude(connection, 1, NOW, device="tablet", artist_id=2)
        artists = read_forbidden_artists(connection, NOW, MONDAY, 12, (1, 3))
        tracks = read_forbidden_tracks(connection, NOW, MONDAY, 12, (1, 2))
    assert list(zip(artists["user_id"].tolist(), artists["item_id"].tolist(), strict=True)) == [(1, 4)]
    assert 5 in tracks["item_id"].tolist()


def forbidden(connection: sa.Connection, at: dt.datetime = NOW) -> set[int]:
    return set(read_forbidden_artists(connection, at, MONDAY, 12, (1, 2))["item_id"].tolist())


def test_a_proposal_marks_what_happens_there_and_its_music_everywhere(service: Store) -> None:
    with service.begin() as connection:
        find(connection)
        signals = read_signals(connection, NOW)
        assert own(signals) == {1: False, 2: False, 3: True, 4: True}
        assert not signals.foreign[signals.user_ids == 2].any()
        assert forbidden(connection) == {2, 3}
        (proposal,) = taste.proposals_of(connection, 1)
    assert (proposal.device, proposal.state, proposal.artists) == ("tablet", "proposed", ["n2", "n3"])


def test_totals_of_its_music_are_marked_too(service: Store) -> None:
    with service.begin() as connection:
        add_totals(connection, np.array([(1, 5, 7)]))
        find(connection, artists=[4], played=1)
        assert own(read_signals(connection, NOW))[5]


def test_accepted_it_is_an_exclusion_and_undone_open_again(service: Store) -> None:
    with service.begin() as connection:
        find(connection)
        taste.accept(connection, 1, 1, NOW)
        taste.accept(connection, 1, 1, NOW)
        assert own(read_signals(connection, NOW)) == {1: False, 2: False}
        assert own(read_signals(connection, NOW - 8 * DAY + WEEK)) == {1: False, 2: False}
        assert forbidden(connection) == {2, 3}
        (excluded,) = taste.exclusions_of(connection, 1, NOW)
        taste.undo(connection, 1, excluded.exclusion_id, NOW)
        assert states(connection) == ["proposed"]
        assert own(read_signals(connection, NOW)) == {1: False, 2: False, 3: True, 4: True}
        taste.accept(connection, 1, 1, NOW)
        assert len(taste.exclusions_of(connection, 1, NOW)) == 1


def test_declined_it_counts_fully_and_is_never_proposed_again(service: Store) -> None:
    with service.begin() as connection:
        find(connection)
        taste.accept(connection, 1, 1, NOW)
        taste.decline(connection, 1, 1, NOW)
        assert own(read_signals(connection, NOW)) == dict.fromkeys((1, 2, 3, 4), False)
        assert forbidden(connection) == set()
        find(connection, NOW + WEEK)
        find(connection, NOW + 2 * WEEK, device=None, first_hour=7, hours=8, artists=[3, 2], played=2)
        assert states(connection) == ["declined"]


def test_searching_again_renews_what_is_known_and_withdraws_what_is_gone(service: Store) -> None:
    with service.begin() as connection:
        find(connection)
        find(connection)
        assert states(connection) == ["proposed"]
        find(connection, NOW + WEEK, artists=[2, 3, 4], played=2)
        assert states(connection) == ["proposed"]
        assert forbidden(connection, NOW + WEEK) == {2, 3, 4}
        find(connection, NOW + 2 * WEEK, user_id=None)
        assert states(connection) == ["withdrawn"]
        assert forbidden(connection, NOW + 2 * WEEK) == set()
        assert not taste.proposals_of(connection, 1)
        find(connection, NOW + 3 * WEEK)
        assert states(connection) == ["proposed"]


def test_an_accepted_proposal_outlives_searches_that_do_not_find_it(service: Store) -> None:
    with service.begin() as connection:
        find(connection)
        taste.accept(connection, 1, 1, NOW)
        find(connection, NOW + WEEK, user_id=None)
        assert states(connection) == ["accepted"]
        assert own(read_signals(connection, NOW + WEEK)) == {1: False, 2: False}


def test_a_search_of_the_past_withdraws_nothing_that_is_known_now(service: Store) -> None:
    with service.begin() as connection:
        find(connection)
        find(connection, NOW - WEEK, user_id=None)
        assert states(connection) == ["proposed"]


def test_other_music_elsewhere_is_another_proposal(service: Store) -> None:
    with service.begin() as connection:
        find(connection)
        find(connection, NOW, device="phone", artists=[4], played=1)
        assert len(states(connection)) == 2


def test_a_night_is_marked_from_noon_to_noon(service: Store) -> None:
    night = (NOW - 19 * DAY).date() - dt.date(1970, 1, 1)
    with service.begin() as connection:
        find(connection, finding="party", device=None, night=night.days, artists=[4], played=1)
        assert own(read_signals(connection, NOW)) == {1: False, 2: False, 3: True, 4: False}


def test_hours_are_marked_by_their_music_alone(service: Store) -> None:
    with service.begin() as connection:
        find(connection, finding="sleep", device=None, first_hour=22, hours=8, artists=[3], played=1)
        assert own(read_signals(connection, NOW)) == {1: False, 2: False, 3: False, 4: True}
        taste.accept(connection, 1, 1, NOW)
        assert own(read_signals(connection, NOW)) == {1: False, 2: False, 3: False}


def test_what_was_not_known_yet_does_not_hold(service: Store) -> None:
    with service.begin() as connection:
        find(connection, NOW - DAY)
        assert not read_signals(connection, NOW - 2 * DAY).foreign.any()
        assert forbidden(connection, NOW - 2 * DAY) == set()
        now = read_signals(connection, NOW)
        earlier = read_earlier(connection, now, NOW, NOW - 2 * DAY)
        read = read_signals(connection, NOW - 2 * DAY)
    for name, expected in vars(read).items():
        assert np.array_equal(getattr(earlier, name), expected, equal_nan=name == "times"), name


def test_a_later_search_changes_nothing_as_of_an_earlier_moment(service: Store) -> None:
    """What a Monday reads must not change while it runs, whatever a retraining finds meanwhile."""
    with service.begin() as connection:
        first = note_search(connection, cutoff=NOW - DAY, made_at=NOW, users=0, plays=0, found=0)
        write_genres(connection, first, np.array([1, 2, 3]), np.array([0, 1, 2]))
        find(connection, NOW)
        find(connection, NOW, device="phone", artists=[1], played=1)
        before, artists = read_signals(connection, NOW), forbidden(connection)
        later = NOW + WEEK
        find(connection, later, artists=[3, 4], played=2)
        last = note_search(connection, cutoff=later, made_at=later, users=0, plays=0, found=0)
        write_genres(connection, last, np.array([1, 2, 3]), np.array([2, 2, 2]))
        assert states(connection) == ["proposed", "withdrawn"]
        after = read_signals(connection, NOW)
        assert forbidden(connection) == artists == {1, 2, 3}
        assert forbidden(connection, later) == {3, 4}
        now, earlier = (
            read_signals(connection, later),
            read_earlier(connection, read_signals(connection, later), later, NOW),
        )
    for name, expected in vars(before).items():
        assert np.array_equal(getattr(after, name), expected, equal_nan=name == "times"), name
        assert np.array_equal(getattr(earlier, name), expected, equal_nan=name == "times"), name
    assert not np.array_equal(now.genres, before.genres)


def test_decisions_of_one_user_are_not_anothers(service: Store) -> None:
    with service.begin() as connection:
        find(connection)
        for decide in (taste.accept, taste.decline, taste.reopen):
            with pytest.raises(UnknownNameError, match="no proposal 1"):
                decide(connection, 2, 1, NOW)


def test_searches_are_remembered(service: Store) -> None:
    with service.begin() as connection:
        find(connection)
        assert searched_between(connection, NOW - WEEK, NOW)
        assert not searched_between(connection, NOW - 2 * WEEK, NOW - WEEK)


def test_hours_of_listening_are_those_of_the_services_clocks(service: Store) -> None:
    with service.begin() as connection:
        found = taste.hours_of_listening(connection, 1, NOW, ZoneInfo("Asia/Tokyo"))
    assert found.devices == ["phone", "tablet"]
    assert [row[21] for row in found.plays] == [3, 2]
    assert found.most == 3


def test_a_genre_is_the_tag_else_the_artists_else_the_kind_of_music(service: Store) -> None:
    with service.begin() as connection:
        connection.execute(
            sa.text("""
                INSERT INTO track_tags (track_id, attribute, value, weight, source)
                VALUES (1, 'genre', 'Dub', 1, 'human'), (1, 'genre', 'ska', 0.5, 'human'),
                       (1, 'mood', 'calm', 9, 'human'), (3, 'genre', 'dub', 1, 'crawl')
            """)
        )
        search = note_search(connection, cutoff=NOW, made_at=NOW, users=0, plays=0, found=0)
        write_genres(connection, search, np.array([2, 3]), np.array([0, 4]))
        track_ids, genres = genres_of_tracks(connection, NOW)
        found = dict(zip(track_ids.tolist(), genres.tolist(), strict=True))
        signals = read_signals(connection, NOW)
    assert found[1] == found[2] == found[3] > 0
    assert found[4] == -5
    assert 5 not in found
    assert set(signals.genres[signals.track_ids == 4].tolist()) == {-5}
