"""Playlist files hold what the mixtape holds, whatever is in the names, and parsers of others read them."""

import dataclasses
import datetime as dt
import json
import re
import xml.etree.ElementTree as ET
from urllib.parse import unquote, urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st

from recommenders.exchange.playlist_files import to_jspf, to_m3u8, to_xspf
from recommenders.playlists.mixtape import Mixtape, Song

XSPF = {"x": "http://xspf.org/ns/0/"}
# The elements that XSPF 1 allows in a track (https://www.xspf.org/spec, 4.1.1.2.14.1.1).
XSPF_TRACK_ELEMENTS = {
    "location", "identifier", "title", "creator", "annotation", "info", "image", "album", "trackNum", "duration",
    "link", "meta", "extension",
}  # fmt: skip
URI = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")

FIRST = Song(
    position=1,
    track_id=7,
    outside_id="t/7 ü",
    title="Svefn-g-englar",
    artists=["Sigur Rós", "Amiina"],
    release="Ágætis byrjun",
    duration_s=604.2,
    audio_uri="file:///music/Sigur Rós/01 Svefn.flac",
    score=0.9,
    source="mix",
    reason_code="plays",
    reason="because you play “Starálfur” by Sigur Rós",
    bend=None,
)
BARE = dataclasses.replace(FIRST, position=2, title="Untitled", release=None, duration_s=None, audio_uri=None)
NAMES = st.text(st.characters(exclude_categories=()))


def mixtape(*songs: Song, user_name: str = "Zoë", short_reason: str | None = None) -> Mixtape:
    return Mixtape(dt.date(2026, 11, 23), 3, 12, "u1", user_name, list(songs), short_reason)


def tracks(document: bytes) -> list[ET.Element]:
    return ET.fromstring(document).findall("x:trackList/x:track", XSPF)


def test_an_xspf_file_holds_every_song_in_order_with_its_reason() -> None:
    root = ET.fromstring(to_xspf(mixtape(FIRST, BARE, short_reason="the service has no more songs")))
    assert (root.tag, root.get("version")) == ("{http://xspf.org/ns/0/}playlist", "1")
    assert root.findtext("x:title", namespaces=XSPF) == "Monday Mixtape for Zoë, 2026-11-23"
    assert root.findtext("x:annotation", namespaces=XSPF) == "the service has no more songs"
    assert root.findtext("x:date", namespaces=XSPF) == "2026-11-23T00:00:00Z"
    first, bare = root.findall("x:trackList/x:track", XSPF)
    assert {child.tag.removeprefix("{http://xspf.org/ns/0/}"): child.text for child in first} == {
        "location": "file:///music/Sigur%20R%C3%B3s/01%20Svefn.flac",
        "identifier": "mixtape:track:t%2F7%20%C3%BC",
        "title": "Svefn-g-englar",
        "creator": "Sigur Rós, Amiina",
        "annotation": "because you play “Starálfur” by Sigur Rós",
        "album": "Ágætis byrjun",
        "duration": "604200",
    }
    assert {child.tag.partition("}")[2] for child in bare} == {"identifier", "title", "creator", "annotation"}


def test_a_jspf_file_has_the_same_fields_as_the_xspf_file() -> None:
    made = mixtape(FIRST, BARE)
    jspf = json.loads(json.dumps(to_jspf(made)))["playlist"]
    assert jspf["track"][0]["location"] == ["file:///music/Sigur%20R%C3%B3s/01%20Svefn.flac"]
    for track, element in zip(jspf["track"], tracks(to_xspf(made)), strict=True):
        flat = {name: str(value[0] if isinstance(value, list) else value) for name, value in track.items()}
        assert flat == {child.tag.partition("}")[2]: child.text for child in element}


def test_an_m3u8_file_names_length_artists_album_and_place_and_tells_of_songs_without_audio() -> None:
    assert to_m3u8(mixtape(FIRST, BARE)).splitlines() == [
        "#EXTM3U",
        "#PLAYLIST:Monday Mixtape for Zoë, 2026-11-23",
        "#EXTINF:604,Sigur Rós, Amiina - Svefn-g-englar",
        "#EXTALB:Ágætis byrjun",
        "file:///music/Sigur Rós/01 Svefn.flac",
        "# no audio on record: Sigur Rós, Amiina - Untitled",
    ]


def test_an_empty_mixtape_is_a_valid_file_of_each_kind() -> None:
    assert tracks(to_xspf(mixtape())) == []
    assert to_jspf(mixtape())["playlist"]["track"] == []
    assert to_m3u8(mixtape()).startswith("#EXTM3U\n")


HOSTILE_SONGS = st.builds(
    dataclasses.replace,
    st.just(FIRST),
    title=NAMES,
    artists=st.lists(NAMES, max_size=2),
    release=NAMES,
    audio_uri=NAMES,
    reason=NAMES,
    outside_id=st.text(),
)


@settings(max_examples=200, deadline=None)
@given(hostile=HOSTILE_SONGS, user_name=NAMES)
def test_no_name_can_break_a_file(hostile: Song, user_name: str) -> None:
    made = mixtape(hostile, FIRST, user_name=user_name)

    read = tracks(to_xspf(made))
    assert len(read) == 2
    assert {child.tag.partition("}")[2] for child in read[0]} <= XSPF_TRACK_ELEMENTS
    assert all(URI.fullmatch(read[0].findtext(f"x:{name}", "", XSPF)) for name in ("location", "identifier"))

    lines = to_m3u8(made).encode().decode().splitlines()
    assert [line for line in lines if line.startswith("#EXTINF")][
        -1
    ] == "#EXTINF:604,Sigur Rós, Amiina - Svefn-g-englar"
    places = [index for index, line in enumerate(lines) if not line.startswith("#")]
    assert len(places) == (2 if hostile.audio_uri else 1)
    assert all(lines[index - 1].startswith(("#EXTINF:604,", "#EXTALB:")) for index in places)

    assert json.loads(json.dumps(to_jspf(made))) == to_jspf(made)


@given(
    st.text(
        st.characters(
            exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp"), exclude_characters="\ufffe\uffff", max_codepoint=0xFFFF
        ),
        min_size=1,
    )
)
def test_what_is_written_comes_back_letter_for_letter(text: str) -> None:
    song = dataclasses.replace(FIRST, title=text, audio_uri=f"https://music.example/{text.replace('%', '%25')}")
    (track,) = tracks(to_xspf(mixtape(song)))
    assert track.findtext("x:title", namespaces=XSPF) == text or any("\ufdd0" <= letter <= "\ufdef" for letter in text)
    location = track.findtext("x:location", "", XSPF)
    assert unquote(location) == f"https://music.example/{text}"
    assert urlsplit(location).netloc == "music.example"
