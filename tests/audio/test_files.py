"""Files of music: only regular ones are opened, and what tags and names say is cleaned."""

import os
import socket
from contextlib import chdir
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommenders.audio.analysis import Refusal, UnreadableAudioError
from recommenders.audio.files import clean, is_audio_name, named_song, open_regular, tags_from


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file in a folder, beside everything that is no file."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "song.ogg").write_bytes(b"la")
    (tmp_path / "in" / "link.ogg").symlink_to("deep/song.ogg")
    (tmp_path / "in" / "linked").symlink_to("deep")
    os.mkfifo(tmp_path / "in" / "pipe.ogg")
    with socket.socket(socket.AF_UNIX) as server, chdir(tmp_path / "in"):  # the path of a socket has to be short
        server.bind("socket.ogg")
    return tmp_path / "in"


def test_a_regular_file_is_opened_to_be_read(folder: Path) -> None:
    for below in (None, folder):
        descriptor = open_regular(folder / "deep" / "song.ogg", below)
        assert os.read(descriptor, 10) == b"la"
        os.close(descriptor)


@pytest.mark.parametrize("name", ["deep", "pipe.ogg", "socket.ogg", "/dev/zero", "/dev/tty", "deep/song.ogg/x"])
def test_what_is_no_file_is_refused_at_once(folder: Path, name: str) -> None:
    with pytest.raises(UnreadableAudioError) as raised:
        open_regular(folder / name)
    assert raised.value.refusal is Refusal.NOT_A_FILE


@pytest.mark.parametrize("name", ["link.ogg", "linked/song.ogg"])
def test_links_are_followed_where_an_operator_names_them_but_not_below_a_folder(folder: Path, name: str) -> None:
    os.close(open_regular(folder / name))
    with pytest.raises(UnreadableAudioError):
        open_regular(folder / name, below=folder)


def test_a_file_that_is_gone_says_so(folder: Path) -> None:
    for below in (None, folder):
        with pytest.raises(FileNotFoundError):
            open_regular(folder / "gone.ogg", below)


@pytest.mark.parametrize(
    ("stem", "artist", "title"),
    [
        ("Low - Words", "Low", "Words"),
        ("01 - Low - Words", "Low", "Words"),
        ("1. Words", None, "Words"),
        ("12) Low_-_Words", "Low", "Words"),
        ("A - B - C", "A", "B - C"),
        ("Words", None, "Words"),
        ("99", None, "99"),
        ("- ", None, "-"),
        ("\n", None, "Untitled"),
        ("7 Seconds", None, "7 Seconds"),
    ],
)
def test_a_name_says_who_and_what(stem: str, artist: str | None, title: str) -> None:
    assert named_song(stem) == (artist, title)


@given(st.text())
def test_whatever_stands_in_a_file_becomes_one_line_that_can_be_stored(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.isprintable()
    assert len(cleaned) <= 500
    assert cleaned == cleaned.strip()
    cleaned.encode()


def test_what_is_no_isrc_and_no_mbid_is_left_out_and_genres_are_words() -> None:
    given_tags = {
        "title": ["", "Words"],
        "tpe1": ["Low; Ada", "Low"],
        "isrc": ["us-vk1-94-00001"],
        "musicbrainz_trackid": ["not one"],
        "tcon": ["Rock/Slowcore; rock", "x" * 101],
        "year": ["1994"],
    }
    tags = tags_from(given_tags, 12.5)
    assert (tags.title, tags.artists, tags.isrc, tags.mbid) == ("Words", ("Low", "Ada"), "USVK19400001", None)
    assert (tags.genres, tags.date, tags.duration_s, tags.release) == (("rock", "slowcore"), "1994", 12.5, None)


def test_audio_is_told_by_its_ending_in_any_case() -> None:
    assert all(map(is_audio_name, ["a.mp3", "B.FLAC", "c.d.Ogg"]))
    assert not any(map(is_audio_name, ["cover.jpg", "mp3", "a.mp3.txt", ""]))
