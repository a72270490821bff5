"""What would be otherwise: one listener's mixtape, made again with a change, while nothing is stored."""

from dataclasses import replace

import pytest

from recommenders.errors import ArtifactError, UnknownNameError
from recommenders.playlists.whatif import WhatIf, what_if
from recommenders.store.dials import OwnDials, set_dials
from tests.playlists.conftest import CUTOFF, WEEK, Service, plant


def ask(service: Service, user: str, **change: object) -> WhatIf:
    with service.store.begin() as connection:
        return what_if(connection, service.artifacts, user, **change)  # type: ignore[arg-type]


def everything(service: Service) -> list[list[tuple]]:
    tables = ("playlists", "editions", "user_dials", "heard", "listening_totals")
    return [service.sql(f"SELECT t::text FROM {table} t ORDER BY 1") for table in tables]


@pytest.mark.parametrize("seed", [31, 32])
def test_with_nothing_changed_it_is_the_published_mixtape_to_the_last_word(service: Service, seed: int) -> None:
    service.promote(plant(service, seed, users=45, tracks=150))
    with service.store.begin() as connection:
        for user in service.users[::3]:  # more songs than there are artists: rules bend
            set_dials(connection, user, OwnDials(length=45, max_per_artist=1), CUTOFF.replace(day=1))
        for user in service.users[1::5]:
            set_dials(connection, user, OwnDials(adventurousness=0.7), CUTOFF.replace(day=1))
    service.run(shards=3, max_exposure=0.01)
    bent = service.sql("SELECT count(*) FROM playlist_tracks WHERE bend IS NOT NULL")[0][0]
    assert bent > 100
    for number in range(45):
        found = ask(service, f"user {number}")
        assert found.remade
        assert found.changed == found.published
        assert not found.came and not found.went


def test_nothing_is_stored(service: Service) -> None:
    service.promote(plant(service, 33))
    service.run()
    before = everything(service)
    found = ask(service, "user 9", dials=OwnDials(length=7, adventurousness=1.0))
    assert len(found.changed.songs) == 7
    assert everything(service) == before


def test_without_the_plays_that_it_is_there_for_a_song_scores_less(service: Service) -> None:
    service.promote(plant(service, 34))
    service.run()
    for number in (5, 9, 17):
        found = ask(service, f"user {number}")
        best = max((song for song in found.published.songs if song.reason_code == "plays"), key=lambda song: song.score)
        named = service.sql(
            "SELECT outside_id FROM playlist_tracks p JOIN track_ids i ON i.track_id = ANY (p.reason_track_ids) "
            "WHERE p.user_id = :u AND p.track_id = :t",
            u=found.published.user_id,
            t=best.track_id,
        )
        assert named
        less = ask(service, f"user {number}", without=[track for (track,) in named])
        still = [song for song in less.changed.songs if song.track_id == best.track_id]
        assert all(song.score < best.score for song in still)
        assert not {track for (track,) in named} & {song.outside_id for song in less.changed.songs}, "it stays heard"
        assert len(less.came) == len(less.went) or len(less.changed.songs) != len(found.published.songs)


def test_without_all_that_they_like_a_listener_has_what_newcomers_get(service: Service) -> None:
    service.promote(plant(service, 35))
    service.run()
    liked = service.sql(
        "SELECT outside_id FROM heard JOIN track_ids USING (track_id) WHERE user_id = :u", u=service.users[6]
    )
    found = ask(service, "user 6", without=[track for (track,) in liked])
    assert {song.source for song in found.changed.songs} == {"popular"}
    assert len(found.changed.songs) == 30


def test_without_an_artist_their_songs_no_longer_count(service: Service) -> None:
    service.promote(plant(service, 36))
    service.run()
    (artist, _), *_ = service.sql(
        "SELECT artist_id, count(*) FROM heard JOIN track_artists USING (track_id) WHERE user_id = :u "
        "GROUP BY 1 ORDER BY 2 DESC, 1",
        u=service.users[8],
    )
    tracks = service.sql(
        "SELECT outside_id FROM track_artists JOIN track_ids USING (track_id) WHERE artist_id = :a", a=artist
    )
    by_artist = ask(service, "user 8", without_artists=[artist])
    by_tracks = ask(service, "user 8", without=[track for (track,) in tracks])
    assert by_artist.changed == by_tracks.changed
    assert by_artist.came


def test_every_song_that_goes_or_comes_says_why(service: Service) -> None:
    service.promote(plant(service, 37))
    service.run()
    shorter = ask(service, "user 11", dials=OwnDials(length=10))
    assert len(shorter.went) == 20 and not shorter.came
    assert all(move.why.startswith("the list is shorter: candidate ") for move in shorter.went)
    bolder = ask(service, "user 11", dials=OwnDials(adventurousness=1.0))
    assert len(bolder.came) == len(bolder.went) > 0
    assert any("its score falls from" in move.why for move in bolder.went)
    assert all(move.why.startswith("candidate ") and move.song.reason in move.why for move in bolder.came)
    capped = ask(service, "user 11", dials=OwnDials(max_per_artist=1))
    assert any("its artist is on the list as often as allowed" in move.why for move in capped.went)


def test_it_is_quick(service: Service) -> None:
    service.promote(plant(service, 38))
    service.run()
    ask(service, "user 12", dials=OwnDials(adventurousness=0.5))  # what is compiled is compiled now
    assert min(ask(service, "user 12", dials=OwnDials(adventurousness=0.8)).seconds for _ in range(3)) < 0.3


def test_a_song_that_is_on_as_many_mixtapes_as_may_be_is_taken(service: Service) -> None:
    service.promote(plant(service, 39, users=60, tracks=250))
    edition = service.run(max_exposure=0.01)
    cap = service.sql("SELECT figures->'allocation'->>'exposure_cap' FROM editions WHERE edition_id = :e", e=edition)
    full = {
        track
        for track, n in service.sql(
            "SELECT track_id, count(*) FROM playlist_tracks WHERE edition_id = :e GROUP BY 1", e=edition
        )
        if n >= int(cap[0][0])
    }
    assert len(full) > 10
    for number in range(2, 60, 6):
        found = ask(service, f"user {number}", dials=OwnDials(adventurousness=-1.0))
        assert not {move.song.track_id for move in found.came if not move.song.bend} & full


def test_what_has_changed_since_is_said(service: Service) -> None:
    service.promote(plant(service, 40))
    edition = service.run()
    user = service.users[13]
    gone = service.lists(edition)[user][0]
    service.sql("INSERT INTO blocks (user_id, track_id, since) VALUES (:u, :t, '2026-01-01')", u=user, t=gone)
    found = ask(service, "user 13")
    assert not found.remade
    assert gone not in {song.track_id for song in found.changed.songs}


def test_an_unknown_track_or_an_edition_that_is_no_longer_kept_is_named(service: Service) -> None:
    service.promote(plant(service, 41, users=6))
    edition = service.run()
    with pytest.raises(UnknownNameError, match="no track 'no such song'"):
        ask(service, "user 3", without=["no such song"])
    with pytest.raises(UnknownNameError, match="No mixtapes have been published for the week"):
        ask(service, "user 3", week=WEEK.replace(day=2))
    service.artifacts.remove(f"editions/{edition}")
    with pytest.raises(ArtifactError, match="missing or damaged"):
        ask(service, "user 3")


def test_a_listener_in_a_trial_is_asked_about_with_both_models(service: Service) -> None:
    factors = plant(service, 42)
    service.promote(factors)
    champion = service.sql("SELECT model_id FROM models")[0][0]
    tried = service.promote(factors[::-1].copy())
    service.sql("UPDATE models SET status = 'retired', retired_at = now() WHERE model_id = :m", m=tried)
    service.sql("UPDATE models SET status = 'champion', retired_at = NULL WHERE model_id = :m", m=champion)
    service.run(trial_model=tried, trial_share=0.5)
    teams = {
        user for (user,) in service.sql("SELECT name FROM playlists JOIN users USING (user_id) WHERE teams IS NOT NULL")
    }
    assert 10 < len(teams) < 30
    for name in [*sorted(teams)[:6], "user 1", "user 20"]:
        found = ask(service, name)
        assert found.remade and replace(found.changed) == found.published
