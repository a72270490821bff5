"""The rungs culture and editorial: who gets what from them, and that each song says which rung it came from."""

import datetime as dt

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from recommenders.listening.interactions import Interactions, TasteParameters, load_interactions
from recommenders.mixing.candidates import Source
from recommenders.mixing.culture import NEWS_SONGS, Culture, read_culture
from recommenders.mixing.editorial import NEWCOMERS_SONGS, Editorial, read_editorial, suited, suits
from recommenders.mixing.naming import rung_plays
from recommenders.mixing.shelf import Shelf, read_shelf
from recommenders.playlists.mixtape import read_mixtape
from recommenders.store import Artifacts, curating
from tests.playlists.conftest import CUTOFF, WEEK, Service

EARLIER = CUTOFF - dt.timedelta(days=30)


def add_list(service: Service, name: str, tags: list[str], songs: list[int], made_at: dt.datetime = EARLIER) -> int:
    with service.store.begin() as connection:
        list_id = curating.create_list(connection, name, "", tags, made_at)
        for song in songs:
            curating.add_song(connection, list_id, song, made_at)
    return list_id


def tag(service: Service, track: int, *values: str) -> None:
    for value in values:
        service.sql("INSERT INTO track_tags VALUES (:t, 'genre', :v, 1, 'human')", t=track, v=value)


@pytest.fixture
def tagged(service: Service) -> Service:
    """Sixty songs, one an artist: of each third one tag. Ann plays dreamy ones, Bob loud ones, Cy nothing."""
    with service.one_transaction():
        ann, bob, _ = (service.add_user(name) for name in ("ann", "bob", "cy"))
        for number in range(60):
            song = service.add_track(f"song {number}", [service.add_artist(f"band {number}")])
            tag(service, song, ("dreamy", "loud", "plain")[number % 3])
        for number in range(0, 12, 3):
            service.play(ann, service.tracks[number])
            service.play(bob, service.tracks[number + 1])
    return service


def lists_and_taste(service: Service) -> tuple[Shelf, Editorial, Interactions]:
    with service.store.begin() as connection:
        shelf = read_shelf(connection, CUTOFF, 8)
        return (
            shelf,
            read_editorial(connection, shelf, CUTOFF),
            load_interactions(connection, CUTOFF, TasteParameters()),
        )


def titles(service: Service, rows: np.ndarray) -> list[int]:
    return [service.tracks[row] for row in rows]


def test_lists_suit_those_who_play_what_their_tags_say(tagged: Service) -> None:
    dreamy = add_list(tagged, "Clouds", ["Dreamy!"], tagged.tracks[30:40])
    loud = add_list(tagged, "Thunder", ["LOUD"], tagged.tracks[40:50])
    shelf, found, taste = lists_and_taste(tagged)
    assert found.list_ids.tolist() == [dreamy, loud]
    fit = suits(found, shelf, taste, np.array(tagged.users))
    assert fit[0, 0] > 0 > fit[0, 1]
    assert fit[1, 1] > 0 > fit[1, 0]
    assert fit[2].tolist() == [0, 0]
    offered = suited(found, shelf, taste, np.array(tagged.users), 5)
    ann, bob, cy = (offered.rows[a:b] for a, b in zip(offered.offsets, offered.offsets[1:], strict=False))
    assert titles(tagged, ann) == tagged.tracks[30:40]
    assert titles(tagged, bob) == tagged.tracks[40:50]
    assert not len(cy)
    assert (np.diff(offered.scores[: len(ann)]) < 0).all()


def test_how_well_lists_suit_is_what_counting_by_hand_says() -> None:
    rng = np.random.default_rng(5)
    n_users, n_tracks, n_lists = 40, 200, 7
    strengths = rng.normal(1, 2, (n_users, n_tracks)).astype(np.float32) * (rng.random((n_users, n_tracks)) < 0.1)
    strengths[3] = 0
    matching = (rng.random((n_tracks, n_lists)) * (rng.random((n_tracks, n_lists)) < 0.3)).astype(np.float32)
    everybody = rng.random(n_lists).astype(np.float32) / 4
    shelf = Shelf(*[np.arange(n_tracks)] * 9, n_releases=0)
    kept = np.flatnonzero((strengths != 0).any(axis=1))
    taste = Interactions(kept, np.arange(n_tracks), csr_matrix(strengths[kept]))
    of = Editorial(np.arange(n_lists), np.zeros((n_lists, 1), np.int32), csr_matrix(matching), everybody)
    fit = suits(of, shelf, taste, np.arange(n_users))
    for user in range(n_users):
        liked = np.maximum(strengths[user], 0)
        by_hand = liked @ matching / liked.sum() - everybody if liked.any() else np.zeros(n_lists)
        np.testing.assert_allclose(fit[user], by_hand, atol=1e-6)
    for users in (np.arange(7), np.arange(5, 6), np.arange(20, 40)):
        assert (suits(of, shelf, taste, users) == fit[users]).all(), "a user's depends on that user alone, to the bit"


def test_a_list_suits_less_without_a_play_that_has_its_tag(tagged: Service) -> None:
    add_list(tagged, "Clouds", ["dreamy"], tagged.tracks[30:40])
    ann = tagged.users[0]
    tagged.play(ann, tagged.tracks[2])  # a plain one
    with_play = suits(*_rearranged(tagged), np.array([ann]))
    tagged.sql("DELETE FROM listening_totals WHERE user_id = :u AND track_id = :t", u=ann, t=tagged.tracks[0])
    assert suits(*_rearranged(tagged), np.array([ann]))[0, 0] < with_play[0, 0]


def _rearranged(service: Service) -> tuple[Editorial, Shelf, Interactions]:
    shelf, found, taste = lists_and_taste(service)
    return found, shelf, taste


def test_a_withdrawn_list_a_later_one_and_later_songs_recommend_nothing(tagged: Service) -> None:
    later = CUTOFF + dt.timedelta(days=1)
    kept = add_list(tagged, "Kept", ["dreamy"], tagged.tracks[30:33])
    back = add_list(tagged, "Taken back later", ["dreamy"], tagged.tracks[33:36])
    gone = add_list(tagged, "Taken back", ["dreamy"], tagged.tracks[36:39])
    add_list(tagged, "Later", ["dreamy"], tagged.tracks[39:42], later)
    with tagged.store.begin() as connection:
        curating.withdraw_list(connection, gone, True, CUTOFF - dt.timedelta(days=1))
        curating.withdraw_list(connection, back, True, later)
        curating.add_song(connection, kept, tagged.tracks[50], later)
    _, found, _ = lists_and_taste(tagged)
    assert found.list_ids.tolist() == [kept, back]
    assert [titles(tagged, row) for row in found.songs] == [tagged.tracks[30:33], tagged.tracks[33:36]]


def test_what_is_frozen_for_a_run_comes_back(tagged: Service, artifacts: Artifacts) -> None:
    add_list(tagged, "Clouds", ["dreamy", "plain"], tagged.tracks[30:40])
    add_list(tagged, "Short", ["loud"], tagged.tracks[30:31])
    _, found, _ = lists_and_taste(tagged)
    back = Editorial.load(artifacts, found.save(artifacts, "lists"))
    assert (back.matching != found.matching).nnz == 0
    for one, other in zip(back, found, strict=True):
        if isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, other)
    none = Editorial(np.empty(0, np.int64), np.empty((0, 0), np.int32), csr_matrix((60, 0)), np.empty(0, np.float32))
    assert Editorial.load(artifacts, none.save(artifacts, "none")).matching.shape == (60, 0)
    culture = Culture(np.array([3], np.int32), np.array([[0.6, 0.8]], np.float32), np.array([5], np.int32), np.ones(1))
    again = Culture.load(artifacts, culture.save(artifacts, "culture"))
    np.testing.assert_allclose(again.vectors, culture.vectors, atol=1e-3)
    assert (again.rows.tolist(), again.news.tolist(), again.warmth.tolist()) == ([3], [5], [1])


def sources(service: Service, edition: int, user: int) -> dict[int, tuple[str, str]]:
    """Source and reason of each song of a user's list."""
    rows = service.sql(
        "SELECT track_id, source, reason FROM playlist_tracks WHERE edition_id = :e AND user_id = :u",
        e=edition,
        u=user,
    )
    return {track: (source, reason) for track, source, reason in rows}


def test_a_newcomer_gets_news_then_songs_on_lists_then_popular_ones_and_each_says_so(tagged: Service) -> None:
    listed = tagged.tracks[30:40]
    add_list(tagged, "Clouds", ["dreamy"], listed)
    written = tagged.tracks[1]  # Bob has heard it
    write_about(tagged, written)
    edition = tagged.run()
    ann, bob, cy = tagged.users
    got = sources(tagged, edition, cy)
    assert len(got) == 30
    assert got[written] == ("culture", "culture")
    of_lists = {track for track, (source, _) in got.items() if source == "editorial"}
    assert of_lists == set(listed[:NEWCOMERS_SONGS])
    assert {reason for source, reason in got.values() if source == "editorial"} == {"editorial"}
    assert sum(source == "popular" for source, _ in got.values()) == 30 - 1 - NEWCOMERS_SONGS
    assert written not in sources(tagged, edition, bob), "who has heard it does not get it"
    assert {track for track, (source, _) in sources(tagged, edition, ann).items() if source == "editorial"} == set(
        listed
    ), "who plays dreamy songs gets the whole list"


def write_about(service: Service, track: int, sentiment: float = 0.8, when: dt.datetime | None = None) -> None:
    """An article of three days before the Monday that mentions a song."""
    (artist,) = service.sql("SELECT artist_id FROM track_artists WHERE track_id = :t", t=track)[0]
    at = when or CUTOFF - dt.timedelta(days=3)
    (article,) = service.sql(
        "INSERT INTO articles (source, url, fetched_at, published_at, published_is_known, title, text, content_hash) "
        "VALUES ('crawl', :url, :at, :at, true, '', '', 1) RETURNING article_id",
        url=f"https://blog.example/{track}/{at}",
        at=at,
    )[0]
    service.sql(
        "INSERT INTO mentions (article_id, position, length, artist_id, track_id, sentiment) "
        "VALUES (:a, 0, 1, :b, :t, :s)",
        a=article,
        b=artist,
        t=track,
        s=sentiment,
    )


def test_news_are_what_is_written_of_this_week_and_warmly_a_song_an_artist(tagged: Service) -> None:
    songs = tagged.tracks
    for user, song in ((0, 1), (0, 2), (1, 0), (1, 3), (1, 6)):
        tagged.play(tagged.users[user], songs[song])
    write_about(tagged, songs[0])
    write_about(tagged, songs[1], 0.1)
    write_about(tagged, songs[2], -0.9)
    write_about(tagged, songs[3], 0.9, CUTOFF - dt.timedelta(days=8))
    write_about(tagged, songs[6], 0.9, CUTOFF + dt.timedelta(hours=1))
    with tagged.store.begin() as connection:
        shelf = read_shelf(connection, CUTOFF, 8)
        culture = read_culture(connection, shelf, CUTOFF, past=True)
    assert titles(tagged, culture.news) == [songs[0], songs[1]]
    assert culture.warmth[0] == 1 > culture.warmth[1] > 0
    assert len(culture.news) <= 2 * NEWS_SONGS


def test_who_plays_what_is_described_alike_gets_more_of_it_before_lists_and_popular_songs(tagged: Service) -> None:
    ann = tagged.users[0]
    (model,) = tagged.sql(
        "INSERT INTO models (kind, space, status, trained_at, cutoff, parameters, metrics, artifact_uri, "
        "package_version) VALUES ('text', 1, 'champion', :at, :at, '{}', '{}', 'file:///x', '0') RETURNING model_id",
        at=EARLIER,
    )[0]
    alike, other = tagged.tracks[12:18], tagged.tracks[18:24]
    for track, vector in (
        [(tagged.tracks[0], "[1,0]")] + [(t, "[0.9,0.1]") for t in alike] + [(t, "[0,1]") for t in other]
    ):
        tagged.sql(
            "INSERT INTO track_vectors (track_id, kind, model_id, space, vector, made_at) "
            "VALUES (:t, 'text', :m, 1, CAST(:v AS public.halfvec), :at)",
            t=track,
            m=model,
            v=vector,
            at=EARLIER,
        )
    listed = tagged.tracks[30:36]
    add_list(tagged, "Clouds", ["dreamy"], listed)
    got = sources(tagged, tagged.run(week=WEEK), ann)
    by_rung = {
        rung: {track for track, (source, _) in got.items() if source == rung} for rung in ("culture", "editorial")
    }
    assert by_rung == {"culture": set(alike), "editorial": set(listed)}
    named = tagged.sql(
        "SELECT DISTINCT reason, reason_track_ids FROM playlist_tracks WHERE user_id = :u AND source <> 'popular'",
        u=ann,
    )
    dreamy = set(tagged.tracks[0:12:3])
    by_reason = {reason: set(plays) for reason, plays in named}
    assert by_reason["culture"] == {tagged.tracks[0]}, "the one of her plays of which anything is said"
    assert by_reason["editorial"] <= dreamy
    with tagged.store.begin() as connection:
        said = {song.track_id: song.reason for song in read_mixtape(connection, "ann").songs}
    assert said[listed[0]].startswith("on the curator's list “Clouds”, which suits your “song ")
    assert said[alike[0]] == "described like your “song 0” by band 0"
    assert by_reason["editorial"]
    assert {source for source, _ in got.values()} == {"culture", "editorial", "popular"}


def test_without_the_plays_that_are_named_the_mean_falls_and_without_no_other_one_more() -> None:
    rng = np.random.default_rng(2)
    n_tracks, n_liked, d = 60, 12, 6
    vectors = rng.normal(size=(n_tracks, d)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    shelf = Shelf(*[np.arange(1, n_tracks + 1)] * 9, n_releases=0)
    strengths = np.zeros((30, n_tracks), dtype=np.float32)
    for user in range(30):
        liked = rng.choice(n_tracks // 2, n_liked, replace=False)
        strengths[user, liked] = rng.uniform(0.2, 5, n_liked) * rng.choice([1, 1, 1, -1], n_liked)
    taste = Interactions(np.arange(30), np.arange(1, n_tracks + 1), csr_matrix(strengths))
    culture = Culture(np.arange(n_tracks, dtype=np.int32), vectors, np.empty(0, np.int32), np.empty(0, np.float32))
    none = Editorial(np.empty(0, np.int64), np.empty((0, 0), np.int32), csr_matrix((60, 0)), np.empty(0, np.float32))
    rows = np.tile(np.arange(n_tracks // 2, n_tracks, dtype=np.int32), (30, 1))
    sources = np.full(rows.shape, Source.CULTURE, dtype=np.int8)
    ids = np.arange(30)
    named = rung_plays(culture, none, shelf, ids, rows, sources, taste)
    checked = 0
    for user in range(30):
        liked = np.flatnonzero(strengths[user] > 0)
        weights = strengths[user, liked].astype(float)
        for place, song in enumerate(rows[user]):
            ties = (vectors[liked] @ vectors[song]).astype(float)
            mean = np.average(ties, weights=weights)
            if mean <= 0:
                continue  # would be no candidate
            without = [np.average(np.delete(ties, i), weights=np.delete(weights, i)) for i in range(len(liked))]
            assert named[user, place, 0] == 1 + liked[np.argmin(without)]
            out = np.isin(liked + 1, named[user, place])
            assert np.average(ties[~out], weights=weights[~out]) < mean
            checked += 1
    assert checked > 300
