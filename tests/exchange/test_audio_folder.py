"""A folder of music as a catalogue."""

import datetime as dt
from pathlib import Path

import pytest

from recommenders.exchange.audio_folder import holds_audio
from recommenders.exchange.imports import import_path
from tests.audio.hostile_files import CONTENTS, encoded, tune
from tests.exchange.conftest import Uploads
from tests.exchange.test_uploads import tagged

NOW = dt.datetime(2030, 11, 23, 5, tzinfo=dt.UTC)
SONGS = """
SELECT a.name, t.title, i.outside_id, t.audio_uri
FROM tracks t JOIN track_artists ta USING (track_id) JOIN artists a USING (artist_id)
JOIN track_ids i ON i.track_id = t.track_id AND i.source = 'service' WHERE ta.position = 0 ORDER BY 3
"""


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Two albums: tags, names, a picture, and three files that are no music."""
    folder = tmp_path / "music"
    for name, content in {
        "Low/Curtains/01.flac": tagged(encoded(tune(1), "FLAC"), title="Words", artist="Low", genre="Slowcore"),
        "Low/Curtains/02.mp3": tagged(encoded(tune(2), "MP3"), title="Stars Gone Out", artist="Low; Ada", date="1994"),
        "Ada/Ada - Mine.ogg": encoded(tune(3), "OGG"),
        "Ada/cover.jpg": CONTENTS["picture.ogg"][0](),
        "Ada/text.mp3": b"la la la" * 1000,
        "Ada/empty.ogg": b"",
        "Ada/long title.mp3": CONTENTS["long title.mp3"][0](),
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "Ada" / "link.ogg").symlink_to("/dev/zero")
    return folder


def test_each_file_is_a_track_named_by_its_tags_else_by_its_name(uploads: Uploads, music: Path) -> None:
    (report,) = import_path(uploads.store, "catalogue", music, now=NOW)
    assert (report.rows_read, report.rows_new) == (7, 4)
    assert report.rejected_by_reason == {"not_a_file": 1, "unreadable": 2}
    assert uploads.sql(SONGS) == [
        ("Ada", "Mine", "Ada/Ada - Mine", (music / "Ada/Ada - Mine.ogg").as_uri()),
        ("Ada", "long title", "Ada/long title", (music / "Ada/long title.mp3").as_uri()),
        ("Low", "Words", "Low/Curtains/01", (music / "Low/Curtains/01.flac").as_uri()),
        ("Low", "Stars Gone Out", "Low/Curtains/02", (music / "Low/Curtains/02.mp3").as_uri()),
    ]
    assert uploads.sql("SELECT DISTINCT value FROM track_tags WHERE attribute = 'genre'") == [("slowcore",)]
    assert uploads.sql("SELECT count(*) FROM track_artists") == [(5,)]
    reasons = uploads.sql("SELECT kind, reason FROM rejected ORDER BY source")
    assert reasons == [("uploads", "unreadable"), ("uploads", "not_a_file"), ("uploads", "unreadable")]


def test_it_is_heard_by_the_analysis_of_uploads_as_those_tracks(uploads: Uploads, music: Path) -> None:
    import_path(uploads.store, "catalogue", music, now=NOW)
    (report,) = uploads.hear()
    assert (report.analysed, report.new_tracks) == (4, 0)
    assert uploads.sql("SELECT count(*) FROM tracks JOIN audio_analyses USING (track_id)") == [(4,)]


def test_importing_again_adds_nothing_and_changed_tags_change_the_track(uploads: Uploads, music: Path) -> None:
    import_path(uploads.store, "catalogue", music, now=NOW)
    uploads.hear()
    (again,) = import_path(uploads.store, "catalogue", music, now=NOW)
    assert (again.rows_new, again.rows_rejected) == (0, 3)
    assert uploads.sql("SELECT count(*) FROM audio_files WHERE state = 'waiting'") == [(0,)]
    path = music / "Low/Curtains/01.flac"
    path.write_bytes(tagged(encoded(tune(1), "FLAC"), title="Words, Again", artist="Low"))
    (changed,) = import_path(uploads.store, "catalogue", music, now=NOW)
    assert changed.rows_new == 1
    assert uploads.sql("SELECT count(*), count(*) FILTER (WHERE title = 'Words, Again') FROM tracks") == [(4, 1)]
    assert uploads.sql("SELECT count(*) FROM audio_files WHERE state = 'waiting'") == [(1,)]


def test_two_folders_with_files_of_the_same_names_are_all_different_tracks(uploads: Uploads, tmp_path: Path) -> None:
    for folder, seed in (("first", 1), ("second", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "01.ogg").write_bytes(encoded(tune(seed), "OGG"))
        (tmp_path / folder / "01.mp3").write_bytes(encoded(tune(seed + 2), "MP3"))
        import_path(uploads.store, "catalogue", tmp_path / folder, now=NOW)
    assert uploads.sql("SELECT count(DISTINCT outside_id) FROM track_ids WHERE source = 'service'") == [(4,)]


@pytest.mark.parametrize(
    ("names", "music"),
    [
        (["a/b/c.OGG", "cover.jpg"], True),
        (["tracks.csv"], False),
        (["tracks.csv", "a.ogg"], False),
        (["cover.jpg"], False),
    ],
)
def test_a_folder_of_music_is_told_by_its_files(tmp_path: Path, names: list[str], music: bool) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert holds_audio(tmp_path) is music
