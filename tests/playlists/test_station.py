"""Stations: songs that are what was asked for, under the rules of a mixtape, with reasons that are true."""

import datetime as dt
import json
import xml.etree.ElementTree as ET
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from typer.testing import CliRunner

from recommenders.cli import app
from recommenders.errors import ConfigurationError, NotEnoughDataError, UnknownNameError
from recommenders.playlists import likeness
from recommenders.playlists.station import LISTED, StationParameters, make_station
from recommenders.playlists.stations import Station, read_station, render_attributes
from recommenders.store import attributes, curating, editorial
from recommenders.store.stations import KEPT
from tests.playlists.conftest import CUTOFF, WEEK, Service, plant

NOW = CUTOFF + dt.timedelta(hours=6)
DAY = dt.timedelta(days=1)


def station(service: Service, **asked: object) -> Station:
    with service.store.begin() as connection:
        station_id = make_station(
            connection,
            service.artifacts,
            zone=ZoneInfo("UTC"),
            package_version="test",
            now=NOW,
            **asked,
        )
        return read_station(connection, station_id)


def tag(service: Service, track: int, *values: str, source: str = "human", weight: float = 1) -> None:
    for value in values:
        service.sql("INSERT INTO track_tags VALUES (:t, 'genre', :v, :w, :s)", t=track, v=value, w=weight, s=source)


def say(service: Service, kind: str, entity: int, words: dict[str, float], term_kind: str = "adjective") -> None:
    """Let what was read describe an artist or a track in these words."""
    ids = [
        service.sql(
            "INSERT INTO terms (kind, term, entities) VALUES (CAST(:k AS term_kind), :t, 2) "
            "ON CONFLICT (term, kind) DO UPDATE SET entities = terms.entities + 1 RETURNING term_id",
            k=term_kind,
            t=word,
        )[0][0]
        for word in words
    ]
    service.sql(
        "INSERT INTO top_terms VALUES (CAST(:k AS entity_kind), :id, :day, 1, :ids, :weights)",
        k=kind,
        id=entity,
        day=(NOW - DAY).date(),
        ids=ids,
        weights=list(words.values()),
    )


def hear(service: Service, track: int, tempo: float, key: int = 0, mode: int = 1, energy: float = 0.5) -> None:
    service.sql(
        """INSERT INTO audio_analyses (track_id, version, analysed_at, duration_s, tempo_bpm, tempo_confidence,
               time_signature_confidence, key, key_confidence, mode, mode_confidence, loudness_lufs, danceability,
               energy, n_bars, n_beats, n_sections, n_segments, analysis)
           VALUES (:t, 1, :at, 200, :tempo, 1, 0, :key, 1, :mode, 1, -14, 1, :energy, 0, 0, 0, 0, '{}')""",
        t=track,
        at=NOW - DAY,
        tempo=tempo,
        key=key,
        mode=mode,
        energy=energy,
    )


@pytest.fixture
def bands(service: Service) -> Service:
    """Ann, who has heard nothing, and 40 songs of 20 bands: those of every fourth band are dreamy, the others loud."""
    with service.one_transaction():
        service.add_user("ann")
        for number in range(20):
            band = service.add_artist(f"band {number}")
            for take in (1, 2):
                song = service.add_track(f"song {number}.{take}", [band])
                tag(service, song, "Dreamy" if number % 4 == 0 else "loud")
    return service


def ids(made: Station) -> list[str]:
    return [song.outside_id for song in made.songs]


DREAMY = {f"song {number}.{take}" for number in range(0, 20, 4) for take in (1, 2)}


def test_a_station_holds_the_songs_that_have_its_tag_however_it_is_written(bands: Service) -> None:
    for spelling in ("dreamy", " DREAMY ", "dreamy!"):
        made = station(bands, user="ann", tags=[spelling])
        assert set(ids(made)) == DREAMY
        assert made.short_reason == "no other song that this user may get fits"
    assert (made.user, made.user_name, made.title) == ("ann", "ann", "Station: dreamy!, for ann")


def test_what_is_said_of_a_song_or_its_artist_and_lists_make_it_a_candidate_too(bands: Service) -> None:
    say(bands, "track", bands.tracks[2], {"shoegaze": 0.4})
    (artist,) = bands.sql("SELECT artist_id FROM track_artists WHERE track_id = :t", t=bands.tracks[4])[0]
    say(bands, "artist", artist, {"shoegaze": 0.4}, "word")
    tag(bands, bands.tracks[6], "shoegaze", source="model", weight=0.5)
    with bands.store.begin() as connection:
        list_id = curating.create_list(connection, "Late", "", ["Shoegaze"], NOW - DAY)
        curating.add_song(connection, list_id, bands.tracks[8], NOW - DAY)
        gone = curating.create_list(connection, "Gone", "", ["Shoegaze"], NOW - DAY)
        curating.add_song(connection, gone, bands.tracks[9], NOW - DAY)
        curating.withdraw_list(connection, gone, True, NOW - DAY)
    made = station(bands, tags=["shoegaze"])
    by_id = {song.outside_id: song for song in made.songs}
    assert set(by_id) == {"song 1.1", "song 2.1", "song 2.2", "song 3.1", "song 4.1"}
    assert by_id["song 4.1"].reason == "shoegaze, on the list “Late”"
    assert by_id["song 1.1"].reason == "shoegaze"
    assert by_id["song 4.1"].score == pytest.approx(0.5 + LISTED / 2)
    assert by_id["song 1.1"].score == pytest.approx(0.5 + 0.4 / 0.5 / 2), "a term of weight w counts w / (w + .1)"
    assert by_id["song 2.1"].score == pytest.approx(0.5 + 0.7 * 0.4 / 0.5 / 2), "an artist's a little less"
    assert by_id["song 3.1"].score == pytest.approx(0.5 + 0.6 * 0.5 / 2), "and a model's"


def test_a_station_keeps_every_rule_of_a_mixtape(service: Service) -> None:
    factors = plant(service, 7)
    service.promote(factors)
    with service.one_transaction():
        for place, track in enumerate(service.tracks):
            tag(service, track, "dreamy", *(["slow"] if place % 3 else []))
    edition = service.run(length=15, min_fresh=0)
    for user in (f"user {n}" for n in range(0, 40, 5)):
        user_id = service.users[int(user.split()[1])]
        made = station(service, user=user, tags=["dreamy", "slow"])
        tracks = [song.track_id for song in made.songs]
        assert len(tracks) == 30
        bad = service.sql(
            """SELECT track_id FROM heard WHERE user_id = :u
               UNION SELECT track_id FROM blocks WHERE user_id = :u AND track_id IS NOT NULL
               UNION SELECT unnest(track_ids) FROM playlists WHERE user_id = :u AND edition_id = :e""",
            u=user_id,
            e=edition,
        )
        works = [service.work_of(track) for track in tracks]
        assert not {service.work_of(track) for (track,) in bad} & set(works)
        assert len(set(works)) == 30
        credits_ = service.sql(
            "SELECT artist_id, song.position, bend FROM stations, unnest(track_ids, bends) WITH ORDINALITY "
            "AS song (track_id, bend, position) JOIN track_artists USING (track_id) WHERE station_id = :s",
            s=made.station_id,
        )
        blocked = service.sql("SELECT artist_id FROM blocks WHERE user_id = :u AND artist_id IS NOT NULL", u=user_id)
        assert not {artist for artist, _, _ in credits_} & {artist for (artist,) in blocked}
        unbent = [artist for artist, _, bend in credits_ if bend != 3]
        assert max(np.bincount(unbent)) <= 2
        places = {position: {a for a, p, _ in credits_ if p == position} for position in range(1, 31)}
        touching = [n for n in range(1, 30) if places[n] & places[n + 1]]
        assert all(made.songs[n - 1].bend or made.songs[n].bend for n in touching)
        assert all(song.reason in ("dreamy, slow", "dreamy") for song in made.songs)
        assert all(song.reason == "dreamy, slow" for song in made.songs if not song.bend)


def test_without_a_user_the_whole_catalogue_is_open(bands: Service) -> None:
    for track in bands.tracks:
        bands.play(bands.users[0], track)
    assert set(ids(station(bands, tags=["dreamy"]))) == DREAMY
    with pytest.raises(NotEnoughDataError, match=r"10 songs fit, and 'ann' has heard, blocked, or lately got all"):
        station(bands, user="ann", tags=["dreamy"])


def test_a_song_draws_those_that_are_told_and_sound_alike_and_is_not_on_its_own_station(service: Service) -> None:
    with service.one_transaction():
        service.add_user("ann")
        for number in range(40):
            song = service.add_track(f"song {number}", [service.add_artist(f"band {number}")])
            near = number < 8
            say(service, "track", song, {"hazy": 0.5, "slow": 0.3} if near else {"brash": 0.4, "fast": 0.5})
            hear(service, song, 92 + number / 10 if near else 150 + number, key=9 if near else 2, mode=0)
        version = service.add_track("song 0 (live)", [1], work=service.work_of(service.tracks[0]))
        say(service, "track", version, {"hazy": 0.5})
    made = station(service, user="ann", like="song 0", parameters=StationParameters(length=7))
    assert set(ids(made)) == {f"song {number}" for number in range(1, 8)}
    assert made.liked == "“song 0” by band 0"
    assert {song.reason for song in made.songs} >= {"hazy, slow, 92 bpm, A minor like “song 0” by band 0"}
    by_sound = station(service, like="song 20", tags=["brash"], parameters=StationParameters(length=5))
    assert all(song.reason.startswith("brash; ") for song in by_sound.songs)
    tempi = [float(song.outside_id.split()[1]) for song in by_sound.songs]
    assert max(abs(tempo - 20) for tempo in tempi) <= 5


def test_every_reason_is_true(service: Service) -> None:
    rng = np.random.default_rng(3)
    words, tags = ["hazy", "slow", "brash", "warm", "icy"], ["dreamy", "loud", "folk"]
    with service.one_transaction():
        for number in range(120):
            song = service.add_track(f"song {number}", [service.add_artist(f"band {number}")])
            if rng.random() < 0.8:
                say(service, "track", song, {word: float(rng.uniform(0.1, 1)) for word in rng.choice(words, 2, False)})
            if rng.random() < 0.6:
                tag(service, song, str(rng.choice(tags)))
            if rng.random() < 0.7:
                hear(service, song, float(rng.uniform(80, 110)), int(rng.integers(12)), int(rng.integers(2)))
    seed = service.tracks[0]
    say(service, "artist", 1, {"hazy": 0.6, "warm": 0.3})
    hear(service, service.add_track("seed", [1]), 95.0, 4, 1)
    seed = service.tracks[-1]
    has = {(track, value) for track, value in service.sql("SELECT track_id, value FROM track_tags")} | {
        (track, term)
        for track, term in service.sql(
            "SELECT entity_id, term FROM top_terms, unnest(term_ids) AS one (term_id) JOIN terms USING (term_id) "
            "WHERE entity_kind = 'track'"
        )
    }
    has |= {(service.tracks[0], word) for word in ("hazy", "warm")}  # of its artist
    heard = {t: (bpm, key, mode) for t, bpm, key, mode in service.sql(
        "SELECT track_id, tempo_bpm, key, mode FROM audio_analyses")}  # fmt: skip
    checked = 0
    for asked in ({"like": "seed"}, {"like": "seed", "tags": ["folk", "slow"]}, {"tags": ["icy", "dreamy"]}):
        made = station(service, **asked)
        rows = service.sql("SELECT track_ids, reasons FROM stations WHERE station_id = :s", s=made.station_id)
        for track, reason in zip(*rows[0], strict=True):
            said = reason["tags"] + reason.get("shared", [])
            assert all((track, word) in has for word in said)
            assert set(reason["tags"]) <= set(asked.get("tags", []))
            assert set(reason.get("shared", [])) <= {"hazy", "warm"}
            if reason.get("tempo_bpm"):
                assert heard[track][0] == pytest.approx(reason["tempo_bpm"], abs=0.05)
                assert 1 / 1.07 < heard[track][0] / heard[seed][0] < 1.07
            if reason.get("key") is not None:
                assert heard[track][1:] == heard[seed][1:] == (reason["key"], reason["mode"])
            checked += len(said)
            assert render_attributes(reason, made.liked)
    assert checked > 60


def test_taking_away_what_a_reason_names_lowers_the_score(bands: Service) -> None:
    track = bands.tracks[0]
    tag(bands, track, "slow")
    tag(bands, bands.tracks[1], "slow")
    say(bands, "track", track, {"hazy": 0.5})
    say(bands, "track", bands.tracks[8], {"hazy": 0.4})

    def score() -> float:
        made = station(bands, tags=["dreamy", "slow"], like="song 4.1")
        return next((song.score for song in made.songs if song.track_id == track), 0.0)

    whole = score()
    bands.sql("UPDATE top_terms SET weights = '{0.001}' WHERE entity_id = :t", t=track)
    less = score()
    bands.sql("DELETE FROM track_tags WHERE track_id = :t AND value = 'slow'", t=track)
    assert whole > less > score() > 0
    bands.sql("DELETE FROM track_tags WHERE track_id = :t", t=track)
    assert score() == 0


def test_a_station_is_no_mixtape_and_takes_nothing_from_the_next_one(bands: Service) -> None:
    first = bands.run(week=WEEK - dt.timedelta(days=7), length=10)
    before = bands.sql("SELECT * FROM current_mixtapes ORDER BY position")
    made = station(bands, user="ann", tags=["loud"])
    assert bands.sql("SELECT * FROM current_mixtapes ORDER BY position") == before
    assert not {song.track_id for song in made.songs} & set(bands.lists(first)[bands.users[0]])
    bands.play(bands.users[0], made.songs[0].track_id)
    got = set(bands.lists(bands.run())[bands.users[0]])
    assert {song.track_id for song in made.songs[1:]} & got, "songs of a station may come on Monday"
    assert made.songs[0].track_id not in got, "but not what was played of it"


def test_the_same_question_gets_the_same_answer_and_old_stations_go(bands: Service) -> None:
    made = [station(bands, user="ann", tags=["loud"], parameters=StationParameters(length=5)) for _ in range(2)]
    assert ids(made[0]) == ids(made[1])
    nobodys = station(bands, tags=["loud"])
    with bands.store.begin() as connection:
        for _ in range(KEPT):
            make_station(
                connection,
                bands.artifacts,
                user="ann",
                tags=["loud"],
                zone=ZoneInfo("UTC"),
                package_version="test",
                now=NOW,
            )
    kept = bands.sql("SELECT station_id, user_id FROM stations ORDER BY 1")
    assert [user for _, user in kept] == [None] + [bands.users[0]] * KEPT
    assert kept[0][0] == nobodys.station_id


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({}, ConfigurationError, "needs tags, a song"),
        ({"tags": [" ", ","]}, ConfigurationError, "needs tags, a song"),
        ({"tags": ["dreemy"]}, UnknownNameError, "'dreemy'. Did you mean Dreamy"),
        ({"tags": ["dreamy", "zydeco"]}, UnknownNameError, "says 'zydeco'.$"),
        ({"like": "song 99"}, UnknownNameError, "no track 'song 99'"),
        ({"user": "bob", "tags": ["dreamy"]}, UnknownNameError, "no user 'bob'"),
        ({"like": "mute"}, NotEnoughDataError, "Nothing tells what this song is like"),
    ],
)
def test_what_can_not_be_made_is_said_in_words(
    bands: Service, asked: dict[str, object], error: type[Exception], said: str
) -> None:
    bands.add_track("mute", [bands.add_artist("Mute")])
    with pytest.raises(error, match=said):
        station(bands, **asked)
    assert bands.sql("SELECT count(*) FROM stations") == [(0,)]


def test_the_command_prints_a_station_in_every_format(bands: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIXTAPE_DATABASE_URL", bands.store.url.set(drivername="postgresql").render_as_string(False))
    monkeypatch.setenv("MIXTAPE_ARTIFACTS_URL", bands.artifacts.url)
    asked = ["station", "ann", "--tags", "dreamy, LOUD", "--like", "song 0.1", "--length", "4"]

    def run(kind: str) -> str:
        done = CliRunner().invoke(app, [*asked, "--format", kind], catch_exceptions=False)
        assert done.exit_code == 0
        return done.stdout

    assert "Station: dreamy, LOUD, like “song 0.1” by band 0, for ann" in " ".join(run("text").split())
    rules = StationParameters(length=4)
    known = ids(station(bands, user="ann", tags=["dreamy", "loud"], like="song 0.1", parameters=rules))
    assert [song["outside_id"] for song in json.loads(run("json"))["songs"]] == known
    assert [track["title"] for track in json.loads(run("jspf"))["playlist"]["track"]] == known
    assert [each.text for each in ET.fromstring(run("xspf")).iter("{http://xspf.org/ns/0/}title")][1:] == known
    assert run("m3u8").splitlines()[1] == "#PLAYLIST:Station: dreamy, LOUD, like “song 0.1” by band 0, for ann"
    nobody = CliRunner().invoke(app, ["station", "--tags", "dreamy"], catch_exceptions=False)
    assert "Station: dreamy" in nobody.stdout


def test_likeness_by_sound_is_what_a_loop_finds() -> None:
    rng = np.random.default_rng(1)
    n = 50
    key, mode = rng.integers(-1, 12, n), rng.integers(0, 2, n)
    mode[key < 0] = -1
    figures = np.column_stack(
        [rng.uniform(60, 180, n), rng.uniform(-30, -5, n), rng.uniform(0, 2, n), rng.uniform(0, 1, n)]
    ).astype(np.float32)
    figures[rng.random((n, 4)) < 0.2] = np.nan
    sounds = likeness.Sounds(key, mode, figures)
    assert attributes.FIGURES == ("tempo_bpm", "loudness_lufs", "danceability", "energy")
    for seed in range(5):
        found = likeness.by_sound(sounds, seed)
        for other in range(n):
            parts = []
            if key[seed] >= 0 and key[other] >= 0:
                fifths = [7 * (key[i] + (3 if mode[i] == 0 else 0)) % 12 for i in (seed, other)]
                around = abs(fifths[0] - fifths[1])
                parts.append((min(around, 12 - around) + (mode[seed] != mode[other])) / 2)
            steps = (np.log2(1.15), 4, 0.3, 0.15)
            for place, step in enumerate(steps):
                pair = figures[[seed, other], place].astype(float)
                pair = np.log2(pair) if place == 0 else pair
                if not np.isnan(pair).any():
                    parts.append((pair[0] - pair[1]) / step)
            by_hand = np.mean([np.exp(-(part**2) / 2) for part in parts]) if parts else np.nan
            np.testing.assert_allclose(found[other], by_hand, rtol=1e-4)


def test_what_everybody_is_called_does_not_make_two_songs_alike() -> None:
    rows = [[1, 1, 1], [1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 0, 1], *([[1, 0, 0]] * 20)]
    strengths = csr_matrix(np.array(rows, dtype=np.float32))
    adds = likeness.shared(strengths, 0, np.ones(3, dtype=np.float32)).toarray()
    assert adds[:, 0].tolist() == [0] * 25
    assert adds[0].sum() == pytest.approx(1)
    assert adds[2, 1] > adds[3, 2] > 0, "a rarer word counts more"


def test_tag_keys_ignore_how_tags_are_written() -> None:
    assert editorial.tag_key("Dream-Pop!") == editorial.tag_key(" dream  pop") == "dream pop"
    assert editorial.tag_key("Música") == "musica"
    assert editorial.tag_key("…") == ""
