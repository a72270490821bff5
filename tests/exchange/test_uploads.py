"""From files to songs: which song a file is, what waits and what is heard again."""

import datetime as dt
import io
import os
import time
from collections.abc import Callable
from pathlib import Path

import fsspec
import mutagen
import mutagen.id3
import numpy as np
import pytest
import soundfile

from recommenders.exchange.identification import identify
from recommenders.exchange.imports import import_path
from recommenders.exchange.upload_parameters import UploadParameters
from recommenders.exchange.uploads import analyse_batch, plan_batches, scan
from recommenders.store import recordings
from recommenders.store.audio_files import count_files
from tests.audio.hostile_files import RATE, encoded, tune
from tests.conftest import RealData
from tests.exchange.conftest import Uploads

NOW = dt.datetime(2026, 11, 23, 5, tzinfo=dt.UTC)
SONGS = """
SELECT a.name, t.title FROM tracks t JOIN track_artists ta USING (track_id) JOIN artists a USING (artist_id)
WHERE ta.position = 0 ORDER BY 1, 2
"""
Put = Callable[[str, bytes], Path]


def tagged(content: bytes, **tags: str) -> bytes:
    """The OGG, FLAC or MP3 file with these tags."""
    file = io.BytesIO(content)
    song = mutagen.File(file, easy=True)
    if song.tags is None:
        song.add_tags()
    for name, value in tags.items():
        song[name] = value
    file.seek(0)
    song.save(file)
    return file.getvalue()


def _catalogue(uploads: Uploads, *lines: str) -> None:
    path = uploads.folder.parent / "tracks.csv"
    path.write_text("track_id,title,artists,audio_uri\n" + "\n".join(lines) + "\n")
    (report,) = import_path(uploads.store, "catalogue", path, now=NOW)
    assert report.rows_rejected == 0


# Which song


@pytest.mark.parametrize("file_format", ["OGG", "FLAC", "MP3"])
def test_a_new_song_is_called_what_its_tags_say(uploads: Uploads, put: Put, file_format: str) -> None:
    tags = {
        "title": "Words (Live)",
        "artist": "Low",
        "album": "Curtains",
        "date": "1994-02-18",
        "genre": "Slowcore; Rock",
    }
    tags |= {"isrc": "US-VK1-94-00001"}
    put("upload.bin", tagged(encoded(tune(1), file_format), **tags))
    uploads.hear()
    assert uploads.sql(SONGS) == [("Low", "Words (Live)")]
    assert uploads.sql("SELECT title FROM releases") == [("Curtains",)]
    assert uploads.sql("SELECT outside_id FROM track_ids WHERE source = 'isrc'") == [("USVK19400001",)]
    tags_kept = uploads.sql("SELECT attribute, value, source FROM track_tags ORDER BY 1, 2")
    assert tags_kept == [("genre", "rock", "human"), ("genre", "slowcore", "human"), ("year", "1994", "human")]


@pytest.mark.parametrize(
    ("name", "artist", "title"),
    [
        ("Low - Words.ogg", "Low", "Words"),
        ("03 - Low - Words.ogg", "Low", "Words"),
        ("Low/03. Words.ogg", "Low", "Words"),
        ("Low/7.ogg", "Low", "7"),
        ("the_words.ogg", "Unknown artist", "the words"),
        ("1979.ogg", "Unknown artist", "1979"),
    ],
)
def test_without_tags_the_name_and_the_folder_say_it(
    uploads: Uploads, put: Put, name: str, artist: str, title: str
) -> None:
    put(name, encoded(tune(1), "OGG"))
    uploads.hear()
    assert uploads.sql(SONGS) == [(artist, title)]
    assert uploads.sql("SELECT outside_id FROM track_ids WHERE source = 'service'") == [(name.removesuffix(".ogg"),)]


def test_a_new_song_is_as_old_as_its_file(uploads: Uploads, put: Put) -> None:
    path = put("a.ogg", encoded(tune(1), "OGG"))
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    uploads.hear()
    assert uploads.sql("SELECT uploaded_at, round(duration_s::numeric, 1), audio_uri FROM tracks") == [
        (NOW, 3, path.as_uri())
    ]


def test_the_file_that_the_catalogue_names_is_that_tracks(uploads: Uploads, put: Put, tmp_path: Path) -> None:
    elsewhere = tmp_path / "music" / "a song.ogg"
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(encoded(tune(1), "OGG"))
    os.utime(elsewhere, (NOW.timestamp(),) * 2)
    inside = put("b.ogg", encoded(tune(2), "OGG"))
    put("c.ogg", encoded(tune(3), "OGG"))
    _catalogue(
        uploads,
        f"t1,One,Ada,file://{elsewhere}",
        f"t2,Two,Ada,{inside.as_uri()}",
        "t3,Three,Ada,c.ogg",
        "t4,Four,Ada,https://example.com/four.ogg",
        "t5,Five,Ada,not there.ogg",
    )
    uploads.hear()
    heard = uploads.sql("""
        SELECT i.outside_id FROM audio_analyses JOIN track_ids i USING (track_id) WHERE source = 'service' ORDER BY 1
    """)
    assert heard == [("t1",), ("t2",), ("t3",)]
    assert uploads.sql("SELECT count(*) FROM tracks") == [(5,)]


def test_a_file_named_after_a_track_is_that_tracks(uploads: Uploads, put: Put) -> None:
    _catalogue(uploads, "t1,One,Ada,", "album/t2,Two,Ada,")
    put("new/t1.ogg", encoded(tune(1), "OGG"))
    put("album/t2.ogg", encoded(tune(2), "OGG"))
    uploads.hear()
    assert uploads.sql("SELECT count(*) FROM tracks") == [(2,)]
    assert uploads.sql("SELECT count(*) FROM audio_analyses") == [(2,)]
    assert uploads.sql("SELECT audio_uri LIKE 'file://%t1.ogg' FROM tracks WHERE title = 'One'") == [(True,)]


def test_two_files_of_one_name_are_two_songs(uploads: Uploads, put: Put) -> None:
    put("demo.ogg", encoded(tune(1), "OGG"))
    put("low/demo.ogg", encoded(tune(2), "OGG"))
    put("demo.flac", encoded(tune(3), "FLAC"))
    uploads.hear()
    ids = uploads.sql("SELECT outside_id FROM track_ids WHERE source = 'service' ORDER BY 1")
    assert ids == [("demo",), ("demo.ogg",), ("low/demo",)]


# One recording, one work


@pytest.fixture(scope="module")
def piece(real_data: RealData) -> tuple[np.ndarray, int]:
    """A real recording: samples (n, 2) and their rate."""
    path = real_data("audio/tuxemon/Come_and_Find_Me.ogg")
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return samples[: 100 * rate], rate


def test_the_same_recording_in_whatever_form_makes_no_new_song(
    uploads: Uploads, put: Put, piece: tuple[np.ndarray, int]
) -> None:
    samples, rate = piece
    put("0 original.ogg", encoded(samples, "OGG", rate))
    uploads.hear()
    put("copy.ogg", encoded(samples, "OGG", rate))
    put("small.mp3", encoded(samples, "MP3", rate, bitrate_mode="CONSTANT", compression_level=0.9))
    put("lossless.flac", encoded(samples, "FLAC", rate))
    put("quieter.flac", encoded(0.5 * samples, "FLAC", rate))
    put("trimmed.flac", encoded(samples[10 * rate :], "FLAC", rate))
    put("mono.wav", encoded(samples.mean(axis=1), "WAV", rate))
    (report,) = uploads.hear()
    assert (report.duplicate, report.analysed, report.rejected) == (6, 0, 0)
    assert uploads.sql("SELECT count(*) FROM tracks") == [(1,)]
    assert uploads.sql("SELECT count(DISTINCT track_id) FROM audio_files") == [(1,)]


def test_an_excerpt_and_an_extended_version_are_songs_of_the_same_work(
    uploads: Uploads, put: Put, piece: tuple[np.ndarray, int]
) -> None:
    samples, rate = piece
    put("whole.ogg", encoded(samples, "OGG", rate))
    put("excerpt.ogg", encoded(samples[20 * rate : 55 * rate], "OGG", rate))
    (report,) = uploads.hear()
    assert (report.analysed, report.duplicate) == (2, 0)
    assert uploads.sql("SELECT count(DISTINCT work_id) FROM tracks") == [(1,)]


def test_tracks_of_the_catalogue_that_hold_the_same_recording_become_one_work(
    uploads: Uploads, put: Put, piece: tuple[np.ndarray, int]
) -> None:
    samples, rate = piece
    _catalogue(uploads, "t1,Come and Find Me,Eric Skiff,", "t2,Track 5 of a Sampler,Various Artists,")
    put("t1.ogg", encoded(samples, "OGG", rate))
    put("t2.mp3", encoded(samples, "MP3", rate))
    (report,) = uploads.hear()
    assert (report.analysed, report.duplicate) == (2, 0)
    assert uploads.sql("SELECT count(DISTINCT work_id), count(*) FROM tracks") == [(1, 2)]


def test_different_recordings_stay_apart(uploads: Uploads, put: Put) -> None:
    for number in range(6):
        put(f"{number}.ogg", encoded(tune(number, 20), "OGG"))
    (report,) = uploads.hear()
    assert (report.analysed, report.duplicate) == (6, 0)
    assert uploads.sql("SELECT count(DISTINCT work_id) FROM tracks") == [(6,)]


# What waits, and what is heard again


def test_a_file_that_is_still_being_copied_waits_for_the_next_look(uploads: Uploads, put: Put) -> None:
    content = encoded(tune(1), "OGG")
    path = put("a.ogg", content[:5000])
    os.utime(path)
    assert uploads.scan().unsettled == 1
    assert plan_batches(uploads.store, UploadParameters()) == []
    put("a.ogg", content)
    (report,) = uploads.hear()
    assert report.analysed == 1


def test_a_file_that_changed_is_heard_again_for_the_same_track(uploads: Uploads, put: Put) -> None:
    put("a.ogg", encoded(tune(1, 3.0), "OGG"))
    put("b.ogg", encoded(tune(2, 3.0), "OGG"))
    uploads.hear()
    put("a.ogg", encoded(tune(3, 5.0), "OGG"))
    (report,) = uploads.hear()
    assert report.analysed == 1
    assert uploads.sql("SELECT round(duration_s) FROM audio_analyses ORDER BY track_id") == [(5,), (3,)]
    assert uploads.sql("SELECT count(*) FROM tracks") == [(2,)]


def test_a_file_that_changes_between_the_look_and_the_hearing_is_left_for_the_next_look(
    uploads: Uploads, put: Put
) -> None:
    path = put("a.ogg", encoded(tune(1), "OGG"))
    uploads.scan()
    (batch,) = plan_batches(uploads.store, UploadParameters())
    os.utime(path, (time.time() - 30,) * 2)
    assert uploads.analyse(batch).left == 1
    assert uploads.hear()[0].analysed == 1


def test_a_newer_analysis_hears_again_only_what_is_old(
    uploads: Uploads, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("a.ogg", encoded(tune(1), "OGG"))
    put("text.mp3", b"la la la" * 100)
    uploads.hear()
    monkeypatch.setattr("recommenders.exchange.uploads.ANALYSIS_VERSION", 99)
    monkeypatch.setattr("recommenders.exchange.identification.ANALYSIS_VERSION", 99)
    put("b.ogg", encoded(tune(2), "OGG"))
    (report,) = uploads.hear()
    assert (report.analysed, report.rejected) == (2, 1)
    assert uploads.hear() == []
    versions = uploads.sql(
        "SELECT track_id, array_agg(version ORDER BY version) FROM audio_analyses GROUP BY 1 ORDER BY 1"
    )
    assert [version[-1] for _, version in versions] == [99, 99]


def test_a_better_file_in_place_of_a_bad_one_clears_the_reason(uploads: Uploads, put: Put) -> None:
    put("a.ogg", b"no music" * 100)
    (report,) = uploads.hear()
    assert dict(report.reasons) == {"unreadable": 1}
    assert uploads.hear() == []
    assert uploads.hear(reanalyse="rejected")[0].rejected == 1
    put("a.ogg", encoded(tune(1), "OGG"))
    assert uploads.hear()[0].analysed == 1
    assert uploads.sql("SELECT count(*) FROM rejected") == [(0,)]


def test_a_file_that_is_taken_away_before_it_is_heard_is_forgotten(uploads: Uploads, put: Put) -> None:
    path = put("a.ogg", encoded(tune(1), "OGG"))
    uploads.scan()
    (batch,) = plan_batches(uploads.store, UploadParameters())
    path.unlink()
    assert uploads.analyse(batch).left == 1
    assert uploads.sql("SELECT count(*) FROM audio_files") == [(0,)]


def test_a_link_that_replaces_a_found_file_is_not_followed(uploads: Uploads, put: Put, tmp_path: Path) -> None:
    path = put("a.ogg", encoded(tune(1), "OGG"))
    uploads.scan()
    (batch,) = plan_batches(uploads.store, UploadParameters())
    path.rename(tmp_path / "a.ogg")
    path.symlink_to(tmp_path / "a.ogg")
    assert dict(uploads.analyse(batch).reasons) == {"not_a_file": 1}


def test_a_file_that_ends_the_process_three_times_is_given_up(uploads: Uploads, put: Put) -> None:
    put("a.ogg", encoded(tune(1), "OGG"))
    put("b.ogg", encoded(tune(2), "OGG"))
    uploads.scan()
    (batch,) = plan_batches(uploads.store, UploadParameters())
    uploads.sql("UPDATE audio_files SET attempts = 3 WHERE uri LIKE '%/a.ogg' RETURNING 1")
    report = uploads.analyse(batch)
    assert (report.analysed, dict(report.reasons)) == (1, {"given_up": 1})
    assert uploads.states() == {"a.ogg": "given_up", "b.ogg": "analysed"}


def test_the_uploads_folder_may_be_a_bucket(uploads: Uploads, tmp_path: Path) -> None:
    bucket = fsspec.filesystem("memory")
    bucket.pipe("/uploads/Low - Words.ogg", encoded(tune(1), "OGG"))
    bucket.pipe("/uploads/deeper/text.ogg", b"la la la")
    bucket.pipe("/uploads/deeper/growing.ogg.part", b"la")
    parameters, later = UploadParameters(), dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    try:
        assert scan(uploads.store, "memory://uploads", parameters, now=dt.datetime.now(dt.UTC)).unsettled == 2
        assert scan(uploads.store, "memory://uploads", parameters, now=later).new == 2
        (batch,) = plan_batches(uploads.store, parameters)
        scratch = tmp_path / "scratch"
        report = analyse_batch(
            uploads.store, uploads.artifacts, batch, "memory://uploads", scratch=scratch, clock=lambda: later
        )
    finally:
        bucket.rm("/uploads", recursive=True)
    assert (report.analysed, report.rejected) == (1, 1)
    assert uploads.sql(SONGS) == [("Low", "Words")]
    assert list(scratch.iterdir()) == []


def test_excerpts_of_all_songs_are_kept_for_training(uploads: Uploads, put: Put) -> None:
    from recommenders.audio.mels import read_mels

    for number in range(3):
        put(f"{number}.ogg", encoded(tune(number), "OGG"))
    put("silence.wav", encoded(np.zeros(2 * RATE, np.float32), "WAV"))
    uploads.hear()
    track_ids = np.concatenate([ids for ids, _ in read_mels(uploads.artifacts)])
    heard = uploads.sql("SELECT track_id FROM fingerprints ORDER BY 1")
    assert sorted(set(track_ids.tolist())) == [track_id for (track_id,) in heard]
    assert len(uploads.artifacts.names("audio/mels")) == 1


def test_the_store_tells_how_it_stands(uploads: Uploads, put: Put) -> None:
    put("a.ogg", encoded(tune(1), "OGG"))
    put("b.ogg", b"")
    uploads.hear()
    put("c.ogg", encoded(tune(2), "OGG"))
    uploads.scan()
    with uploads.store.begin() as connection:
        counts = count_files(connection)
        (track_id,) = uploads.sql("SELECT track_id FROM tracks")[0]
        summary = recordings.read_summaries(connection, [track_id])[track_id]
    assert (counts.waiting, counts.analysed, counts.duplicate, counts.rejected) == (1, 1, 0, 1)
    assert summary.figures["duration_s"] == pytest.approx(3, abs=0.05)


# Naming a recording


def test_a_recording_is_named_from_a_part_of_it_in_another_format(
    uploads: Uploads, put: Put, piece: tuple[np.ndarray, int], tmp_path: Path
) -> None:
    samples, rate = piece
    put("Eric Skiff - Come and Find Me.ogg", encoded(samples, "OGG", rate))
    put("other.ogg", encoded(tune(5, 30), "OGG"))
    uploads.hear()
    part = tmp_path / "part.mp3"
    part.write_bytes(encoded(samples[30 * rate : 50 * rate], "MP3", rate))
    (found,) = identify(uploads.store, part)
    assert (found.outside_id, found.name) == ("Eric Skiff - Come and Find Me", "Eric Skiff – Come and Find Me")
    assert found.same
    assert found.agreement > 0.8
    assert found.offset_s == pytest.approx(30, abs=0.3)
    part.write_bytes(encoded(tune(6, 30), "MP3"))
    assert identify(uploads.store, part) == []
