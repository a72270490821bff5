"""A whole Monday on a planted service: what every mixtape must be."""

import datetime as dt
import itertools
from collections import Counter

import numpy as np
import pytest
import sqlalchemy as sa

from recommenders.errors import ModelError, NotEnoughDataError, UnknownNameError
from recommenders.mixing import candidates
from recommenders.playlists import allocation, monday
from recommenders.playlists.mixtape import read_mixtape
from recommenders.playlists.parameters import MixtapeRules
from recommenders.store import mixtapes, verification
from recommenders.store.dials import Dials
from tests.playlists.conftest import CUTOFF, WEEK, Service, plant


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_rule_holds_on_a_service_full_of_traps(service: Service, seed: int) -> None:
    service.promote(plant(service, seed))
    edition = service.run()
    lists = service.lists(edition)
    assert sorted(lists) == sorted(service.users)
    works = dict(service.sql("SELECT track_id, work_id FROM tracks"))
    releases = dict(service.sql("SELECT track_id, release_id FROM tracks"))
    artists: dict[int, list[int]] = {}
    for track, artist in service.sql("SELECT track_id, artist_id FROM track_artists"):
        artists.setdefault(track, []).append(artist)
    heard = {(user, works[track]) for user, track in service.sql("SELECT user_id, track_id FROM heard")}
    blocked = {(user, works[t]) for user, t in service.sql("SELECT user_id, track_id FROM blocks WHERE track_id > 0")}
    banned = set(service.sql("SELECT user_id, artist_id FROM blocks WHERE artist_id > 0"))
    for user, tracks in lists.items():
        assert len(tracks) == 30
        assert len({works[track] for track in tracks}) == 30
        assert not any((user, works[track]) in heard | blocked for track in tracks)
        assert not any((user, artist) in banned for track in tracks for artist in artists[track])
        assert max(Counter(artist for track in tracks for artist in artists[track]).values()) <= 2
        assert max(Counter(releases[track] for track in tracks if releases[track]).values()) <= 2
        assert not any(set(artists[a]) & set(artists[b]) for a, b in itertools.pairwise(tracks))
    exposure = Counter(track for tracks in lists.values() for track in tracks)
    assert max(exposure.values()) <= max(20, len(lists) // 10, 3 * 30 * len(lists) // len(service.tracks))


def test_shards_blocks_and_their_order_do_not_change_a_single_byte(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.promote(plant(service, 7))
    columns = "user_id, track_ids, scores, sources, reason_codes, reason_ids, bends, short_reason"
    runs = [service.run(shards=shards, run_key=f"run {shards}") for shards in (1, 3, 40)]
    monkeypatch.setattr(monday, "BLOCK_USERS", 7)
    monkeypatch.setattr(allocation, "SAVED_BLOCK", 4)
    monkeypatch.setattr(candidates, "BLOCK_USERS", 3)
    monkeypatch.setattr(candidates, "STRETCH_TRACKS", 5)
    runs.append(service.run(shards=2, run_key="small blocks"))
    first, *others = [
        service.sql(f"SELECT {columns} FROM playlists WHERE edition_id = :e ORDER BY user_id", e=edition)
        for edition in runs
    ]
    assert all(other == first for other in others)


def test_the_best_unheard_songs_of_the_model_are_what_users_get(service: Service) -> None:
    """Without caps in the way, the lists are the top of the scores computed in one line of numpy."""
    factors = plant(service, 5, users=6, artists=200, tracks=250)
    service.sql("DELETE FROM blocks")
    service.sql("UPDATE tracks SET release_id = NULL")
    service.promote(factors)
    edition = service.run(max_per_artist=30)
    heard = set(service.sql("SELECT user_id, track_id FROM heard"))
    works = dict(service.sql("SELECT track_id, work_id FROM tracks"))
    for user in service.users[2:]:
        liked = [i for i, track in enumerate(service.tracks) if (user, track) in heard]
        confidence = 1 + np.log1p(5 / 2)  # five plays without a date, aged one half-life; alpha and eps are 1
        gram = factors.T @ factors + (confidence - 1) * factors[liked].T @ factors[liked] + 0.1 * np.eye(8)
        scores = factors @ np.linalg.solve(gram, confidence * factors[liked].sum(axis=0))
        expected: list[int] = []
        taken = {works[service.tracks[i]] for i in liked}
        for i in np.argsort(-scores):
            if works[service.tracks[i]] not in taken and scores[i] > 0 and len(expected) < 30:
                taken.add(works[service.tracks[i]])
                expected.append(service.tracks[i])
        mixed = service.sql(
            "SELECT track_id FROM playlist_tracks WHERE edition_id = :e AND user_id = :u AND source = 'mix'",
            e=edition,
            u=user,
        )
        assert {track for (track,) in mixed} == set(expected)


def test_users_without_history_get_thirty_songs_that_others_play(service: Service) -> None:
    service.promote(plant(service, 4))
    edition = service.run()
    sources = service.sql(
        "SELECT DISTINCT source, reason FROM playlist_tracks WHERE edition_id = :e AND user_id = :u",
        e=edition,
        u=service.users[0],
    )
    assert set(sources) <= {("popular", "popular"), ("popular", "unheard")}
    assert ("popular", "popular") in sources


def test_a_service_without_any_model_still_has_its_monday(service: Service) -> None:
    plant(service, 4)
    edition = service.run()
    assert all(len(tracks) == 30 for tracks in service.lists(edition).values())
    (warnings,) = service.sql("SELECT warnings FROM editions WHERE edition_id = :e", e=edition)[0]
    assert "no champion" in warnings[0]
    rungs = {source for (source,) in service.sql("SELECT DISTINCT source FROM playlist_tracks")}
    assert rungs == {"nearest listeners", "popular"}


def test_a_tiny_catalogue_gives_all_that_is_left_and_says_why(service: Service) -> None:
    band = service.add_artist("The Only Band")
    songs = [service.add_track(f"song {i}", [band]) for i in range(12)]
    ada, bob = service.add_user("ada"), service.add_user("bob")
    for song in songs[:5]:
        service.play(ada, song)
    edition = service.run()
    assert set(service.lists(edition)[ada]) == set(songs[5:])
    assert set(service.lists(edition)[bob]) == set(songs)
    with service.store.begin() as connection:
        mixtape = read_mixtape(connection, "ada")
    assert mixtape.short_reason == "the service has no more unheard songs for this user"
    bends = service.sql("SELECT bend FROM playlist_tracks WHERE user_id = :u ORDER BY position", u=ada)
    assert Counter(bend for (bend,) in bends)["artist"] == 5


def test_nothing_in_the_catalogue_is_a_clear_error(service: Service) -> None:
    service.add_user("ada")
    with pytest.raises(NotEnoughDataError, match="1 users and 0 tracks"):
        service.run()


def test_readers_see_the_old_list_until_the_new_one_is_published(service: Service) -> None:
    service.promote(plant(service, 8))
    before = service.run(week=WEEK - dt.timedelta(days=7), run_key="before")
    query = "SELECT DISTINCT week FROM current_mixtapes"
    redo = service.run(publish=False)
    assert service.sql(query) == [(WEEK - dt.timedelta(days=7),)]
    monday.publish_edition(service.store, redo, CUTOFF)
    assert service.sql(query) == [(WEEK,)]
    user = service.users[5]
    served = service.sql(
        "SELECT t.track_id FROM current_mixtapes c JOIN track_ids t ON t.outside_id = c.track_id "
        "WHERE user_id = 'user 5' ORDER BY position"
    )
    assert [track for (track,) in served] == service.lists(redo)[user]
    assert not set(service.lists(redo)[user]) & set(service.lists(before)[user])


def test_a_redo_gives_the_same_lists_and_replaces_the_edition(service: Service) -> None:
    service.promote(plant(service, 8))
    first, second = service.run(run_key="first"), service.run(run_key="second")
    assert first != second
    assert service.lists(first) == service.lists(second)
    assert service.sql("SELECT edition_id FROM weeks") == [(second,)]
    monday.publish_edition(service.store, first, CUTOFF)
    assert service.sql("SELECT edition_id FROM weeks") == [(second,)], "an older edition never comes back by itself"


def test_a_run_that_starts_over_never_touches_what_is_published(service: Service) -> None:
    service.promote(plant(service, 8))
    published = service.run(run_key="same")
    again = service.run(run_key="same", publish=False)
    assert again != published
    assert service.lists(again) == service.lists(published)


def test_a_dry_run_publishes_nothing_and_says_what_would_change(service: Service) -> None:
    factors = plant(service, 9)
    service.promote(factors)
    published = service.run(run_key="live")
    service.promote(-factors[::-1])
    edition = service.run(run_key="dry", publish=False, dry_run=True)
    said = monday.publish_edition(service.store, edition, CUTOFF)
    assert service.sql("SELECT edition_id FROM weeks") == [(published,)]
    old, new = service.lists(published), service.lists(edition)
    changed = sum(len(set(new[user]) - set(old[user])) > 20 for user in new)
    assert f"{changed} of {len(new)} users would change more than 20 songs" in said
    assert changed > 0


def test_a_past_week_knows_only_its_own_time(service: Service) -> None:
    factors = plant(service, 10)
    service.sql("CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')")
    then = WEEK - dt.timedelta(days=21)
    user, model = service.users[0], service.promote(factors)
    backfilled = service.run(week=then, run_key="1", past=True, publish=False)
    expected = service.lists(backfilled)
    for track in expected[user]:
        service.event(user, track, CUTOFF - dt.timedelta(days=3))
    service.add_track("a later song", [service.add_artist("later")], uploaded=CUTOFF - dt.timedelta(days=1))
    again = service.run(week=then, run_key="2", past=True)
    assert service.lists(again) == expected
    warnings = service.sql("SELECT model_id, warnings FROM editions WHERE edition_id = :e", e=again)[0]
    assert warnings[0] == model
    assert "No model was champion at 2026-11-02" in warnings[1][0]


def test_a_song_recommended_in_the_weeks_around_is_not_recommended_again(service: Service) -> None:
    service.promote(plant(service, 11, users=4))
    weeks = [WEEK - dt.timedelta(days=7 * back) for back in (2, 0, 1)]  # the last one is filled in between
    lists = [service.lists(service.run(week=week, run_key=str(week))) for week in weeks]
    works = dict(service.sql("SELECT track_id, work_id FROM tracks"))
    for user in service.users:
        seen = Counter(works[track] for tracks in lists for track in tracks[user])
        assert max(seen.values()) == 1


def test_an_artist_ignored_in_four_opened_mixtapes_cools_off(service: Service) -> None:
    service.sql("CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')")
    ada, bob = service.add_user("ada"), service.add_user("bob")
    shunned = service.add_artist("shunned")
    for i in range(12):
        service.add_track(f"shunned {i}", [shunned])
    for i in range(200):
        service.add_track(f"other {i}", [service.add_artist(f"other {i}")])
    factors = np.vstack([np.full((12, 2), 3.0), np.random.default_rng(0).uniform(0.1, 1, (200, 2))])
    service.promote(factors)
    for user in (ada, bob):
        service.play(user, service.tracks[-1])
    mondays = [WEEK - dt.timedelta(days=7 * back) for back in (4, 3, 2, 1, 0)]
    for week in mondays[:4]:
        lists = service.lists(service.run(week=week, run_key=str(week)))
        for user in (ada, bob):
            assert len(set(lists[user]) & set(service.tracks[:12])) == 2
        other = next(track for track in lists[ada] if track not in service.tracks[:12])
        service.event(ada, other, dt.datetime.combine(week, dt.time(12), dt.UTC), context=f"mixtape:{week}")
    lists = service.lists(service.run(week=mondays[4], run_key="last"))
    assert not set(lists[ada]) & set(service.tracks[:12]), "opened four times, ignored four times"
    assert len(set(lists[bob]) & set(service.tracks[:12])) == 2, "never opened: nothing was ignored"


def test_reasons_name_plays_of_the_user_and_no_others(service: Service) -> None:
    service.promote(plant(service, 12))
    edition = service.run()
    heard = set(service.sql("SELECT user_id, track_id FROM heard"))
    rows = service.sql(
        "SELECT user_id, reason_track_ids FROM playlist_tracks WHERE edition_id = :e AND reason = 'plays'", e=edition
    )
    assert len(rows) > 500
    assert all((user, track) in heard for user, tracks in rows for track in tracks)
    with service.store.begin() as connection:
        song = next(song for song in read_mixtape(connection, "user 9").songs if song.reason_code == "plays")
    assert song.reason.startswith("because you play “song ")


@pytest.mark.parametrize(
    ("tamper", "rule"),
    [
        ("track_ids[1] = track_ids[2]", "songs twice on one list"),
        ("track_ids[1] = (SELECT track_id FROM heard h WHERE h.user_id = p.user_id LIMIT 1)", "songs already heard"),
        (
            "track_ids[1] = (SELECT track_id FROM blocks b WHERE b.user_id = p.user_id AND track_id > 0 LIMIT 1)",
            "blocked",
        ),
        (
            "track_ids[1] = (SELECT c.track_id FROM track_artists c JOIN blocks b USING (artist_id) "
            "WHERE b.user_id = p.user_id LIMIT 1)",
            "songs blocked",
        ),
        (
            "track_ids[1:3] = (SELECT (array_agg(track_id))[1:3] FROM track_artists WHERE artist_id = 5)",
            "artists with too many songs",
        ),
        (
            "track_ids[1:3] = (SELECT (array_agg(track_id ORDER BY track_id))[1:3] FROM tracks WHERE release_id = "
            "(SELECT release_id FROM tracks WHERE release_id > 0 GROUP BY 1 HAVING count(*) > 2 LIMIT 1))",
            "releases with too many songs",
        ),
        (
            "track_ids[1] = (SELECT v.track_id FROM heard h JOIN tracks t USING (track_id) "
            "JOIN tracks v USING (work_id) WHERE h.user_id = p.user_id "
            "AND NOT EXISTS (SELECT FROM heard o WHERE o.user_id = h.user_id "
            "AND o.track_id = v.track_id) LIMIT 1)",
            "songs already heard",
        ),
        ("track_ids = track_ids[1:29]", "neither full nor say why"),
        ("short_reason = 1", "neither full nor say why"),
        ("track_ids[1] = 999999", "not in the catalogue"),
        ("track_ids[1] = (SELECT max(track_id) FROM tracks)", "uploaded after the cut-off"),
    ],
)
def test_verification_finds_what_is_wrong_with_what_was_written(service: Service, tamper: str, rule: str) -> None:
    service.promote(plant(service, 13))
    later = service.add_track("too late", [service.add_artist("late")], uploaded=CUTOFF + dt.timedelta(days=1))
    assert later == max(service.tracks)
    edition = service.run(publish=False)
    service.sql(
        f"UPDATE playlists p SET {tamper} WHERE edition_id = :e AND user_id = :u", e=edition, u=service.users[9]
    )
    with pytest.raises(ModelError, match=rule):
        monday.verify_edition(service.store, service.artifacts, edition)


def test_verification_finds_a_missing_list_and_wallpaper(service: Service) -> None:
    service.promote(plant(service, 13))
    edition = service.run(publish=False)
    service.sql("DELETE FROM playlists WHERE user_id = :u", u=service.users[9])
    with pytest.raises(ModelError, match="users without a list: 1"):
        monday.verify_edition(service.store, service.artifacts, edition)
    with service.store.begin() as connection:
        checked = mixtapes.edition(connection, edition)
        reference = verification.read_reference(connection, checked.cutoff)
        found = verification.check_lists(
            connection, reference, checked, MixtapeRules().model_dump(), Dials.none(), (0, 2**62)
        )
    exposure = Counter(track for tracks in service.lists(edition).values() for track in tracks)
    assert not set(verification.broken_rules(found, max(exposure.values()))) & {"songs on too many lists"}
    assert verification.broken_rules(found, 3)["songs on too many lists"] == sum(n > 3 for n in exposure.values())


def test_an_unknown_user_or_week_is_named(service: Service) -> None:
    plant(service, 1, users=3)
    with service.store.begin() as connection:
        with pytest.raises(UnknownNameError, match="nobody"):
            read_mixtape(connection, "nobody")
        with pytest.raises(UnknownNameError, match="No mixtapes have been published yet"):
            read_mixtape(connection, "user 1")


def test_services_may_read_the_current_mixtapes_and_nothing_else(service: Service) -> None:
    service.promote(plant(service, 1, users=3))
    service.run()
    with service.store.begin() as connection:
        connection.execute(sa.text("SET LOCAL ROLE mixtape_reader"))
        assert connection.execute(sa.text("SELECT count(*) FROM current_mixtapes")).scalar_one() == 90
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
            connection.execute(sa.text("SELECT * FROM heard"))


def test_a_late_scheduled_run_does_not_take_away_what_was_made_by_hand(service: Service) -> None:
    service.promote(plant(service, 8))
    by_hand = service.run(cutoff=CUTOFF + dt.timedelta(hours=13), run_key="manual")
    late = service.run(cutoff=CUTOFF, run_key="scheduled")
    assert service.sql("SELECT edition_id, cutoff FROM weeks") == [(by_hand, CUTOFF + dt.timedelta(hours=13))]
    assert [monday.is_published(service.store, edition) for edition in (by_hand, late)] == [True, False]


def test_a_run_in_the_making_is_known_to_runs_of_the_weeks_around(service: Service) -> None:
    service.promote(plant(service, 8))
    edition = service.run(week=WEEK - dt.timedelta(days=14), run_key="slow", publish=False)

    def in_the_making(weeks_later: int, memory_weeks: int) -> list[str]:
        with service.store.begin() as connection:
            week = WEEK + dt.timedelta(days=7 * weeks_later)
            return mixtapes.editions_in_the_making(connection, week, memory_weeks)

    assert in_the_making(0, 12) == in_the_making(-10, 12) == in_the_making(0, 2) == ["slow"]
    assert in_the_making(-2, 12) == in_the_making(0, 1) == in_the_making(11, 12) == []
    monday.publish_edition(service.store, edition, CUTOFF)
    assert in_the_making(0, 12) == []


def test_what_is_published_again_keeps_the_moment_of_the_first_time(service: Service) -> None:
    service.promote(plant(service, 8))
    edition = service.run()
    monday.publish_edition(service.store, edition, CUTOFF + dt.timedelta(hours=1))
    assert service.sql("SELECT published_at FROM weeks") == [(CUTOFF,)]
    assert service.sql("SELECT state, published_at FROM editions") == [("published", CUTOFF)]
