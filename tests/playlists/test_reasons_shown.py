"""Reasons of a whole Monday that a ranker ranked: true, of the listener's own plays, and sentences for people."""

import datetime as dt
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from recommenders.evaluation.reasons import edition_reasons_hold, hold
from recommenders.exchange.playlist_files import to_m3u8, to_xspf
from recommenders.listening.interactions import Interactions
from recommenders.mixing.candidates import RUNGS, Candidates, Source
from recommenders.playlists.mixtape import Mixtape, read_mixtape
from recommenders.playlists.reasons import describe_terms, newness, render_reason
from recommenders.playlists.trial import as_tried
from recommenders.playlists.whatif import Change, Frozen, make
from recommenders.playlists.why import why
from recommenders.store import models
from tests.playlists.conftest import CUTOFF, Service, plant
from tests.playlists.test_trial import candidate, ranker

ADJECTIVES = ["dreamy", "bleak", "warm", "urgent", "spare", "lo-fi", "<b>loud</b>", "vast", "hushed"]
TAGS = ["shoegaze", "techno", "folk"]
SCENES = 3
WEIGHTS = [1.0, 1.0, 0.2, 3.0, 0.0, 0.2, 0.2]


@pytest.fixture
def monday(service: Service) -> int:
    """A published week: artists of three scenes, each described by words of its own, and a ranker that listens to
    what is said."""
    service.promote(plant(service, 61, users=30, artists=24, tracks=240))
    ranker(service, WEIGHTS)
    describe(service)
    service.sql("UPDATE tracks SET title = '<script>alert(' || track_id || ')</script>' WHERE track_id % 7 = 0")
    return service.run(shards=3)


def describe(service: Service) -> None:
    """Every artist gets three adjectives and the tag of its scene, and lies with its scene."""
    rng = np.random.default_rng(1)
    with service.store.begin() as connection:
        model = models.add_candidate(
            connection,
            kind="text",
            space=1,
            run_key=None,
            trained_at=CUTOFF,
            cutoff=CUTOFF,
            parameters={},
            metrics={},
            artifact_uri="none",
            package_version="test",
        )
    promoted = CUTOFF - dt.timedelta(days=2)
    service.sql("UPDATE models SET status = 'champion', promoted_at = :at WHERE kind = 'text'", at=promoted)
    terms = {
        term: service.sql(
            "INSERT INTO terms (kind, term, entities) VALUES (:k, :t, 8) RETURNING term_id", k=kind, t=term
        )[0][0]
        for kind, of in (("adjective", ADJECTIVES), ("word", [*TAGS, "kitchen"]))
        for term in of
    }
    (list_id,) = service.sql(
        "INSERT INTO editorial_playlists (known_as, name, made_at, changed_at) "
        "VALUES ('x', 'x', :at, :at) RETURNING list_id",
        at=CUTOFF - dt.timedelta(days=9),
    )[0]
    for place, tag in enumerate(TAGS):
        service.sql("INSERT INTO editorial_tags VALUES (:l, :t, :t, :p)", l=list_id, t=tag, p=place)
    for number, (artist,) in enumerate(service.sql("SELECT artist_id FROM artists ORDER BY 1")):
        scene = number % SCENES
        words = [*rng.choice(ADJECTIVES[3 * scene : 3 * scene + 3], 2, replace=False), TAGS[scene], "kitchen"]
        centre = np.eye(SCENES)[scene] + rng.normal(size=SCENES) * 0.15
        service.sql(
            "INSERT INTO top_terms VALUES ('artist', :a, :day, 3, :ids, :weights)",
            a=artist,
            day=(CUTOFF - dt.timedelta(days=3)).date(),
            ids=[terms[word] for word in words],
            weights=sorted(rng.random(4).tolist(), reverse=True),
        )
        service.sql(
            "INSERT INTO artist_vectors (artist_id, kind, model_id, space, vector) "
            "VALUES (:a, 'text', :m, 1, CAST(CAST(:v AS text) AS public.halfvec))",
            a=artist,
            m=model,
            v=str((centre / np.linalg.norm(centre)).round(4).tolist()),
        )


def mixtape_of(service: Service, number: int) -> Mixtape:
    with service.store.begin() as connection:
        return read_mixtape(connection, f"user {number}")


def test_of_a_thousand_songs_the_score_falls_without_what_their_reasons_name(service: Service, monday: int) -> None:
    held = edition_reasons_hold(service.store, service.artifacts, monday, 1_000, seed=1)
    assert held.sampled > 500
    assert held.naming > 0.95
    assert held.fell >= 0.99
    assert held.median_left < 0.97


def test_so_does_its_score_among_the_candidates_when_the_mixtape_is_made_again(service: Service, monday: int) -> None:
    looked_at = 0
    for user in service.users[4::9]:
        with service.store.begin() as connection:
            frozen = Frozen(connection, service.artifacts, monday, user)
            songs = service.sql("SELECT track_id, reason_track_ids FROM playlist_tracks WHERE user_id = :u", u=user)
            before = scores(frozen, make(connection, frozen, Change())[1])
            for track, plays in songs[::4]:
                after = scores(frozen, make(connection, frozen, Change(without=tuple(plays)))[1])
                if plays:
                    assert after.get(track, 0.0) < before[track]
                    looked_at += 1
    assert looked_at > 10


def scores(frozen: Frozen, candidates: Candidates) -> dict[int, float]:
    """The chance of each song that the ranker ranks, by track id."""
    listed = np.flatnonzero(RUNGS[candidates.sources[0]] * (candidates.rows[0] >= 0) == RUNGS[Source.MIX])
    tracks = frozen.scoring.shelf.track_ids[candidates.rows[0, listed]]
    return dict(zip(tracks.tolist(), candidates.scores[0, listed].tolist(), strict=True))


def test_reasons_name_the_listeners_own_plays_and_terms_that_both_artists_really_share(
    service: Service, monday: int
) -> None:
    strange = service.sql("""
        SELECT count(*) FROM playlist_tracks p, unnest(p.reason_track_ids) named
        WHERE NOT EXISTS (SELECT FROM listening_totals l WHERE l.user_id = p.user_id AND l.track_id = named)
    """)
    assert strange == [(0,)]
    named, shared, kitchen = service.sql("""
        SELECT count(*),
               count(*) FILTER (WHERE (
                   SELECT count(DISTINCT c.track_id)
                   FROM track_artists c JOIN top_terms s ON s.entity_id = c.artist_id AND s.entity_kind = 'artist'
                   WHERE c.track_id IN (p.track_id, p.reason_track_ids[1]) AND term_id = ANY (s.term_ids)) = 2),
               count(*) FILTER (WHERE t.term = 'kitchen')
        FROM playlist_tracks p, unnest(p.reason_term_ids) term_id JOIN terms t USING (term_id) WHERE p.reason = 'terms'
    """)[0]
    assert named > 50
    assert shared == named
    assert kitchen == 0, "words that are no tag describe nobody"
    telling = dict(
        service.sql(
            "SELECT reason, min(cardinality(reason_track_ids)) FROM playlist_tracks WHERE source = 'mix' GROUP BY 1"
        )
    )
    assert telling == {"plays": 1, "terms": 1}, "every song is there for plays, and says so"
    others = service.sql("SELECT count(*) FROM playlist_tracks WHERE (reason = 'terms') <> (reason_term_ids <> '{}')")
    assert others == [(0,)]


def test_a_list_tells_its_songs_in_different_ways(service: Service, monday: int) -> None:
    kinds = dict(service.sql("SELECT user_id, count(DISTINCT reason) FROM playlist_tracks GROUP BY 1"))
    assert np.mean([kinds[user] >= 2 for user in service.users[2:]]) > 0.8
    most = service.sql("""
        SELECT user_id, max(n) FROM (SELECT user_id, named, count(*) AS n
                                     FROM playlist_tracks, unnest(reason_track_ids) named GROUP BY 1, 2) each
        GROUP BY 1
    """)
    assert np.median([n for _, n in most]) <= 8


def test_the_sentence_stands_in_every_form_of_a_mixtape_and_is_no_markup(service: Service, monday: int) -> None:
    songs = [song for number in range(2, 12) for song in mixtape_of(service, number).songs]
    told = [song for song in songs if song.reason_code == "terms"]
    assert told and all(re.match(r"people call it .+, like your “.+” by band \d+$", song.reason) for song in told)
    assert any("loud" in song.reason for song in told) and any(" techno, like" in song.reason for song in told)
    assert not any(re.search(r"user \d", song.reason) for song in songs), "nobody else is named"
    mixtape = mixtape_of(service, 7)
    notes = [node.text for node in ET.fromstring(to_xspf(mixtape)).iterfind(".//{*}track/{*}annotation")]
    assert notes == [song.reason for song in mixtape.songs]
    assert "<script>" not in to_xspf(mixtape).decode()
    assert len(to_m3u8(mixtape).splitlines()) >= 30
    read = service.sql("SELECT count(*), count(reason_terms) FROM current_mixtapes WHERE reason = 'terms'")
    assert read[0][0] == read[0][1] > 0


def test_each_side_of_a_trial_explains_its_own_songs(service: Service) -> None:
    factors = plant(service, 62, users=20)
    service.promote(factors)
    ranker(service, [1.0, 0, 0, 0, 0, 0, 0])
    other = np.random.default_rng(3).normal(size=factors.shape) * 4
    service.run(trial_model=candidate(service, other))
    looked_at = {1: 0, 2: 0}
    for user in service.users[3:8]:
        with service.store.begin() as connection:
            frozen = Frozen(connection, service.artifacts, 1, user)
        songs = service.sql(
            "SELECT s.track_id, reason_track_ids, p.teams[s.position] FROM playlist_tracks s "
            "JOIN playlists p USING (week, edition_id, user_id) WHERE user_id = :u AND s.source = 'mix'",
            u=user,
        )
        sides = {1: (frozen.finishing.side, frozen.scored), 2: (frozen.finishing.tried, as_tried(frozen.scored))}
        for track, plays, team in songs:
            side, scored = sides[team]
            assert side and side.ranking and plays
            row, named = side.shelf.rows(np.array([track])), np.array([plays])
            assert hold(side.ranking.ranking, Interactions.of_columns(scored), row, named).fell == 1
            looked_at[team] += 1
    assert min(looked_at.values()) > 20


@pytest.mark.parametrize(
    ("reason", "words", "said"),
    [
        ("plays", {}, "because you play “A” by X"),
        ("plays", {"shared_artist": "X"}, "because you play “A”, also by X"),
        ("plays", {"shared_artist": "Y"}, "because you play “A” by X"),
        (
            "terms",
            {"terms": [("dreamy", "adjective"), ("shoegaze", "word")]},
            "people call it dreamy shoegaze, like your “A” by X",
        ),
        ("terms", {}, "because you play “A” by X"),
        ("sound", {"sound": "92 bpm, A minor"}, "sounds like your “A” by X: 92 bpm, A minor"),
        ("sound", {"newness": "new this week"}, "new this week; sounds like your “A” by X"),
        (
            "artist",
            {"newness": "hardly played yet", "shared_artist": "X"},
            "hardly played yet; by X: you play “A”",
        ),
    ],
)
def test_a_reason_is_one_plain_sentence(reason: str, words: dict, said: str) -> None:
    assert render_reason(reason, ["A"], ["X"], **words) == said


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ([("dreamy", "adjective")], "dreamy"),
        ([("bleak", "adjective"), ("vast", "adjective")], "bleak and vast"),
        ([("techno", "word"), ("warm", "adjective")], "warm techno"),
        ([("dream pop", "phrase"), ("pop", "word")], "dream pop"),
    ],
)
def test_terms_are_said_as_people_say_them(terms: list, said: str) -> None:
    assert describe_terms(terms) == said


def test_hardly_played_and_new_are_said_only_where_they_are_so() -> None:
    assert newness("audio", new=False) == "hardly played yet"
    assert newness("mix", new=False) == ""
    assert newness("mix", new=True) == newness("audio", new=True) == "new this week"


def test_why_tells_what_each_model_says(service: Service, monday: int) -> None:
    track = mixtape_of(service, 8).songs[3].outside_id
    with service.store.begin() as connection:
        said = "\n".join(why(connection, service.artifacts, "user 8", track).lines)
    assert re.search(r"The ranker gives it a chance of \d+\.\d %", said)
    for word in ("collaborative", "items", "artist", "text", "sound -", "new listeners"):
        assert word in said
