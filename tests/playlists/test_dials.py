"""A listener's own dials, through a whole Monday on a planted service."""

import datetime as dt
import itertools
from collections import Counter

import numpy as np
import pytest

from recommenders.errors import ModelError
from recommenders.listening.interactions import Interactions
from recommenders.mixing.candidates import Candidates, Source
from recommenders.mixing.shelf import Shelf
from recommenders.playlists import monday
from recommenders.playlists.dial_effect import POSITIONS, adventurousness_effect
from recommenders.playlists.dials import apply, familiarity
from recommenders.store.dials import OwnDials, dials_of, read_dials, set_dials
from tests.playlists.conftest import CUTOFF, Service, plant

EARLIER = CUTOFF - dt.timedelta(days=3)


def turn(service: Service, user: int, at: dt.datetime = EARLIER, **dials: float) -> None:
    with service.store.begin() as connection:
        set_dials(connection, user, OwnDials(**dials), at)


def test_a_listeners_own_dials_rule_their_mixtape_and_nobody_elses(service: Service) -> None:
    service.promote(plant(service, 21, artists=90))
    few, many, narrow, *others = service.users[5:]
    turn(service, few, length=12)
    turn(service, many, length=45)
    turn(service, narrow, max_per_artist=1, max_per_release=1)
    edition = service.run()
    lists = service.lists(edition)
    assert (len(lists[few]), len(lists[many])) == (12, 45)
    assert {len(lists[user]) for user in [narrow, *others]} == {30}
    credits = service.sql(
        "SELECT user_id, artist_id, count(*) FROM playlist_tracks JOIN track_artists USING (track_id) "
        "WHERE edition_id = :e GROUP BY 1, 2",
        e=edition,
    )
    most = Counter[int]()
    for user, _, songs in credits:
        most[user] = max(most[user], songs)
    assert most[narrow] == 1
    assert {most[user] for user in others} == {2}
    assert service.sql("SELECT DISTINCT short_reason FROM playlists WHERE edition_id = :e", e=edition) == [(0,)]


def test_what_is_turned_while_the_mixtapes_are_made_waits_for_the_next_ones(service: Service) -> None:
    service.promote(plant(service, 22))
    user = service.users[7]
    before = service.run(publish=False)
    turn(service, user, EARLIER, length=12)  # known to be older than the cut-off, but only now
    monday.verify_edition(service.store, service.artifacts, before)
    turn(service, user, CUTOFF, length=20)
    again = service.run(run_key="again")
    assert [len(service.lists(edition)[user]) for edition in (before, again)] == [30, 12]


@pytest.mark.parametrize(
    ("dial", "tamper", "rule"),
    [
        ({"length": 12}, "track_ids = track_ids[1:11]", "neither full nor say why"),
        (
            {"max_per_artist": 1},
            "track_ids[1:2] = (SELECT (array_agg(track_id))[1:2] FROM track_artists WHERE artist_id = 5)",
            "artists with too many songs",
        ),
    ],
)
def test_verification_holds_a_list_to_its_listeners_own_dials(
    service: Service, dial: dict[str, int], tamper: str, rule: str
) -> None:
    service.promote(plant(service, 23))
    user = service.users[9]
    turn(service, user, **dial)
    edition = service.run(publish=False)
    service.sql(f"UPDATE playlists SET {tamper} WHERE edition_id = :e AND user_id = :u", e=edition, u=user)
    with pytest.raises(ModelError, match=rule):
        monday.verify_edition(service.store, service.artifacts, edition)


def test_shards_do_not_change_a_byte_where_listeners_have_dials_of_their_own(service: Service) -> None:
    service.promote(plant(service, 24))
    rng = np.random.default_rng(24)
    for user in service.users[1:]:
        turn(
            service,
            user,
            length=int(rng.integers(5, 50)),
            adventurousness=float(rng.choice([-1, 0, 0.5, 1])),
            max_per_artist=int(rng.integers(1, 4)),
        )
    columns = "user_id, track_ids, scores, sources, reason_codes, reason_ids, bends, short_reason"
    runs = [service.run(shards=shards, run_key=f"run {shards}") for shards in (1, 5, 40)]
    first, *others = [
        service.sql(f"SELECT {columns} FROM playlists WHERE edition_id = :e ORDER BY user_id", e=edition)
        for edition in runs
    ]
    assert all(other == first for other in others)


def played_artists(service: Service) -> set[tuple[int, int]]:
    return set(service.sql("SELECT DISTINCT user_id, artist_id FROM heard JOIN track_artists USING (track_id)"))


def test_the_more_adventurous_the_fewer_songs_by_artists_that_the_listener_plays(service: Service) -> None:
    service.promote(plant(service, 25, artists=120, tracks=600))
    known, shares = played_artists(service), []
    for dial in POSITIONS:
        edition = service.run(run_key=f"dial {dial}", publish=False, adventurousness=dial)
        songs = service.sql(
            "SELECT user_id, track_id, array_agg(artist_id) FROM playlist_tracks JOIN track_artists USING (track_id) "
            "WHERE edition_id = :e AND user_id = ANY (:with_history) GROUP BY 1, 2",
            e=edition,
            with_history=service.users[2:],
        )
        shares.append(np.mean([any((user, artist) in known for artist in artists) for user, _, artists in songs]))
    assert all(more > less for more, less in itertools.pairwise(shares)), shares
    assert shares[0] > 1.5 * shares[2] > 3 * shares[4]
    with service.store.begin() as connection:
        measured = adventurousness_effect(connection, service.artifacts, edition)
    assert [effect.known_artists for effect in measured] == pytest.approx(shares)


def test_a_dial_in_the_middle_leaves_every_byte_as_it_is(service: Service) -> None:
    service.promote(plant(service, 26))
    before = service.run(run_key="before", publish=False)
    for user in service.users[::2]:
        turn(service, user, adventurousness=0.0)
    after = service.run(run_key="after", publish=False)
    columns = "user_id, track_ids, scores, bends"
    one, other = (
        service.sql(f"SELECT {columns} FROM playlists WHERE edition_id = :e ORDER BY user_id", e=edition)
        for edition in (before, after)
    )
    assert one == other


def test_a_familiar_artist_is_one_of_whom_the_listener_plays_much() -> None:
    """Two liked songs of artist 0, one of artist 1 half as strong, none of artist 2; the mean of an artist is 1.25."""
    from scipy.sparse import csr_matrix

    n = 4
    shelf = Shelf(
        track_ids=np.arange(n) + 1,
        works=np.arange(n, dtype=np.int32),
        releases=np.full(n, -1, np.int32),
        eligible=np.ones(n, np.bool_),
        fresh=np.zeros(n, np.bool_),
        listeners=np.zeros(n, np.int64),
        artist_offsets=np.array([0, 1, 2, 3, 5]),
        artists=np.array([0, 1, 2, 1, 2], np.int32),
        artist_ids=np.arange(3) + 1,
        n_releases=0,
    )
    likes = Interactions(np.array([5]), np.array([1, 2]), csr_matrix(np.array([[2.0, 0.5]], np.float32)))
    rows = np.array([[0, 1, 2, 3], [0, 1, 2, -1]], np.int32)
    candidates = Candidates(
        np.array([5, 6]), rows, np.full((2, 4), 0.5, np.float32), np.full((2, 4), Source.MIX, np.int8), np.zeros(2)
    )
    found = familiarity(shelf, candidates, likes, np.array([0, 1]))
    assert found[0] == pytest.approx([2 / 3.25, 0.5 / 1.75, 0, 0.5 / 1.75])
    assert (found[1] == 0).all()
    turned = apply(candidates, found, np.array([1.0, 0.0], np.float32))
    assert turned.rows.tolist() == [[2, 1, 3, 0], [0, 1, 2, -1]]
    assert turned.scores[0, 0] == np.float32(0.5), "what the dial favours keeps its score"
    assert apply(candidates, found, np.array([-1.0, 0.0], np.float32)).rows[0].tolist() == [0, 1, 3, 2]


def test_dials_of_the_past_stay_known_to_past_weeks_and_can_be_taken_back(service: Service) -> None:
    plant(service, 27, users=4)
    user = service.users[1]
    turn(service, user, EARLIER, length=12, adventurousness=0.5)
    turn(service, user, CUTOFF)
    with service.store.begin() as connection:
        then, now = (read_dials(connection, at) for at in (CUTOFF, CUTOFF + dt.timedelta(days=1)))
        assert dials_of(connection, user) == OwnDials()
    assert (then.user_ids.tolist(), then.length.tolist(), then.min_fresh.tolist()) == ([user], [12], [-1])
    assert then.of("length", np.array(service.users), 30).tolist() == [30, 12, 30, 30]
    assert len(now.user_ids) == 0
