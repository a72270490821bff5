"""Fresh and cold songs: a song that nobody has played finds its listeners by its sound."""

import datetime as dt
from collections import Counter

import numpy as np
import pytest

from recommenders.playlists.mixtape import read_mixtape
from recommenders.store import models
from tests.playlists.conftest import CUTOFF, WEEK, Service

DAYS_AGO = CUTOFF - dt.timedelta(days=3)
YEARS_AGO = CUTOFF - dt.timedelta(weeks=100)
GENRES, USERS, SONGS = 2, 20, 80  # of each genre


@pytest.fixture
def two_genres(service: Service) -> tuple[Service, np.ndarray]:
    """Listeners and songs of two genres, directions 0 and 1 of the space; every song has an artist of its own."""
    rng = np.random.default_rng(1)
    with service.one_transaction():
        for genre in range(GENRES):
            for i in range(USERS):
                service.add_user(f"{'ab'[genre]}{i}")
            for i in range(SONGS):
                artist = service.add_artist(f"band {genre} {i}")
                service.add_track(f"song {genre} {i}", [artist], uploaded=YEARS_AGO)
        for number, user in enumerate(service.users):
            of_genre = service.tracks[number // USERS * SONGS :][:SONGS]
            for track in rng.choice(of_genre, 12, replace=False):
                service.play(user, int(track))
    genre = np.repeat(np.eye(GENRES), SONGS, axis=0)
    return service, (genre + rng.normal(0, 0.05, genre.shape)) * rng.uniform(0.5, 1.5, (len(genre), 1))


def upload(
    service: Service, vectors: list[list[float]], uploaded: dt.datetime = DAYS_AGO, *, space: int = 1
) -> list[int]:
    """New songs, each by an unknown artist, of which the serving audio network has made these vectors."""
    songs = []
    with service.one_transaction():
        for i, _ in enumerate(vectors):
            artist = service.add_artist(f"unknown {uploaded:%F} {i}")
            songs.append(service.add_track(f"upload {uploaded:%F} {i}", [artist], uploaded=uploaded))
    with service.store.begin() as connection:
        network = models.champion(connection, "audio")
        if network is None:
            model_id = models.add_candidate(
                connection,
                kind="audio",
                space=space,
                run_key=None,
                trained_at=DAYS_AGO,
                cutoff=DAYS_AGO,
                parameters={},
                metrics={},
                artifact_uri="none",
                package_version="test",
            )
            nothing = np.empty((0, GENRES), np.float32)
            models.promote(connection, model_id, now=DAYS_AGO, track_ids=np.empty(0, np.int64), vectors=nothing)
            network = models.model(connection, model_id)
        vectors_ = np.array(vectors, np.float32)
        models.put_vectors(connection, network, np.array(songs, np.int64), vectors_, DAYS_AGO)
    return songs


def owners(service: Service, edition: int, songs: list[int]) -> dict[int, set[str]]:
    """The first letters of the names of the users who got each song: a or b, their genre."""
    rows = service.sql(
        "SELECT track_id, left(name, 1) FROM playlist_tracks JOIN users USING (user_id) WHERE edition_id = :e",
        e=edition,
    )
    return {song: {letter for track, letter in rows if track == song} for song in songs}


def test_a_song_nobody_has_played_reaches_listeners_of_its_kind_only(two_genres: tuple[Service, np.ndarray]) -> None:
    service, factors = two_genres
    service.promote(factors)
    songs = upload(service, [[0.4, 0.0], [0.0, 0.4]])
    edition = service.run()
    assert owners(service, edition, songs) == {songs[0]: {"a"}, songs[1]: {"b"}}
    got = service.sql(
        "SELECT count(*), min(source), min(reason) FROM playlist_tracks WHERE edition_id = :e AND track_id = ANY (:s)",
        e=edition,
        s=songs,
    )
    assert got == [(2 * USERS, "audio", "sound")]


def test_five_places_are_kept_for_fresh_songs_and_the_rest_stays_with_the_best(
    two_genres: tuple[Service, np.ndarray],
) -> None:
    service, factors = two_genres
    service.promote(factors)
    without = service.run(run_key="without", publish=False)
    songs = set(upload(service, [[0.4 + i / 1000, 0.0] for i in range(10)]))  # below every other song of the genre
    edition = service.run(run_key="with")
    for user in service.users[:USERS]:
        mine = service.lists(edition)[user]
        assert len(songs & set(mine)) == 5
        assert set(mine) - songs < set(service.lists(without)[user])
    assert not any(songs & set(service.lists(edition)[user]) for user in service.users[USERS:])


def test_old_songs_that_nobody_plays_have_no_places_kept(two_genres: tuple[Service, np.ndarray]) -> None:
    service, factors = two_genres
    service.promote(factors)
    weak = upload(service, [[0.01, 0.0]] * 3, YEARS_AGO)
    strong = upload(service, [[1.2, 0.0]] * 2, YEARS_AGO - dt.timedelta(weeks=60))
    edition = service.run()
    reached = owners(service, edition, weak + strong)
    assert all(reached[song] == {"a"} for song in strong)
    assert all(not reached[song] for song in weak)


def test_a_fresh_song_that_too_many_want_is_given_to_some_and_the_others_are_marked(
    two_genres: tuple[Service, np.ndarray],
) -> None:
    service, factors = two_genres
    for genre in range(GENRES):
        for i in range(USERS):
            service.add_user(f"{'ab'[genre]}{USERS + i}")
    with service.one_transaction():
        for number, user in enumerate(service.users[2 * USERS :]):
            for track in service.tracks[number // USERS * SONGS :][:12]:
                service.play(user, track)
    service.promote(factors)
    upload(service, [[0.45, 0.0]])
    edition = service.run(length=10)  # at most 20 lists a song
    rows = service.sql(
        "SELECT left(name, 1), track_id = :s, bend FROM playlist_tracks JOIN users USING (user_id) "
        "WHERE edition_id = :e",
        e=edition,
        s=service.tracks[-1],
    )
    assert Counter(letter for letter, is_it, _ in rows if is_it) == {"a": 20}
    assert Counter(letter for letter, _, bend in rows if bend == "fresh") == {"a": 2 * USERS - 20}


def test_vectors_of_another_space_are_never_mixed_in(two_genres: tuple[Service, np.ndarray]) -> None:
    service, factors = two_genres
    service.promote(factors)
    songs = upload(service, [[0.4, 0.0]], space=2)
    edition = service.run()
    assert not any(owners(service, edition, songs).values())
    ((warnings,),) = service.sql("SELECT warnings FROM editions WHERE edition_id = :e", e=edition)
    assert "another space" in warnings[0]


def test_what_was_heard_after_the_cut_off_changes_no_redo(two_genres: tuple[Service, np.ndarray]) -> None:
    service, factors = two_genres
    service.promote(factors)
    upload(service, [[0.4, 0.0]])
    first = service.run(run_key="first")
    later = upload(service, [[0.5, 0.0]], CUTOFF - dt.timedelta(days=9))
    service.sql(
        "UPDATE track_vectors SET made_at = :at WHERE track_id = :t", at=CUTOFF + dt.timedelta(hours=1), t=later[0]
    )
    assert service.lists(service.run(run_key="redo")) == service.lists(first)


def test_taking_the_named_play_away_lowers_the_score_of_a_song_known_by_its_sound(
    two_genres: tuple[Service, np.ndarray],
) -> None:
    service, factors = two_genres
    service.promote(factors)
    vector = np.array([0.4, 0.1])
    (song,) = upload(service, [vector.tolist()])
    edition = service.run()
    user = service.users[0]
    ((named,),) = service.sql(
        "SELECT reason_track_ids FROM playlist_tracks WHERE edition_id = :e AND user_id = :u AND track_id = :t",
        e=edition,
        u=user,
        t=song,
    )
    liked = [track for (track,) in service.sql("SELECT track_id FROM heard WHERE user_id = :u", u=user)]

    def score(plays: list[int]) -> float:
        own = factors[[service.tracks.index(track) for track in plays]]
        confidence = 1 + np.log1p(5 / 2)
        gram = factors.T @ factors + (confidence - 1) * own.T @ own + 0.1 * np.eye(GENRES)
        return float(vector @ np.linalg.solve(gram, confidence * own.sum(axis=0)))

    assert 1 <= len(named) <= 2 and set(named) <= set(liked)
    assert score([track for track in liked if track not in named]) < score(liked)


def test_the_reason_says_what_it_sounds_like(two_genres: tuple[Service, np.ndarray]) -> None:
    service, factors = two_genres
    service.promote(factors)
    (song,) = upload(service, [[0.4, 0.0]])
    service.sql(
        "INSERT INTO audio_analyses (track_id, version, analysed_at, duration_s, tempo_bpm, tempo_confidence, "
        "time_signature_confidence, key, key_confidence, mode, mode_confidence, n_bars, n_beats, n_sections, "
        "n_segments, analysis) VALUES (:t, 1, :at, 200, 91.7, 1, 0, 9, 1, 0, 1, 0, 0, 0, 0, '{}')",
        t=song,
        at=DAYS_AGO,
    )
    service.run()
    with service.store.begin() as connection:
        songs = read_mixtape(connection, "a0", WEEK).songs
    (reason,) = [each.reason for each in songs if each.track_id == song]
    assert reason.startswith("new this week; sounds like your “song 0 ")
    assert reason.endswith(": 92 bpm, A minor")
