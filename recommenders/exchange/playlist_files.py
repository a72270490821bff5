"""Mixtapes and stations as playlist files: XSPF, M3U8 and JSPF.

Titles and names come from outside. Each becomes one line without control characters, so that nothing in it can end a
line of an M3U8 file or make XML that no parser reads.

XSPF 1: https://www.xspf.org/spec (namespace http://xspf.org/ns/0/); JSPF: https://www.xspf.org/jspf;
M3U8: extended M3U in UTF-8 with #EXTINF, #EXTALB and #PLAYLIST.
"""

import datetime as dt
import re
import xml.etree.ElementTree as ET
from typing import Any, Protocol
from urllib.parse import quote

from recommenders.playlists.mixtape import Song

XSPF_NAMESPACE = "http://xspf.org/ns/0/"
CREATOR = "Monday Mixtape"
NO_AUDIO = "# no audio on record: "  # in an M3U8, before the name of a song that lies nowhere

_NOT_IN_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]+")
_LONE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_RESERVED_IN_URIS = ":/?#[]@!$&'()*+,;=%~"


class Playlist(Protocol):
    """What can be written: a mixtape, or a station."""

    @property
    def title(self) -> str: ...

    @property
    def day(self) -> dt.date: ...

    @property
    def songs(self) -> list[Song]: ...

    @property
    def short_reason(self) -> str | None: ...


def to_xspf(mixtape: Playlist) -> bytes:
    """The playlist as XSPF 1, UTF-8."""
    ET.register_namespace("", XSPF_NAMESPACE)
    playlist = ET.Element(f"{{{XSPF_NAMESPACE}}}playlist", version="1")
    described = to_jspf(mixtape)["playlist"]
    songs = described.pop("track")
    _append(playlist, described)
    track_list = ET.SubElement(playlist, f"{{{XSPF_NAMESPACE}}}trackList")
    for song in songs:
        _append(ET.SubElement(track_list, f"{{{XSPF_NAMESPACE}}}track"), song)
    ET.indent(playlist)
    document: bytes = ET.tostring(playlist, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def to_jspf(mixtape: Playlist) -> dict[str, Any]:
    """The mixtape as JSPF, ready for `json.dumps`: the fields of XSPF, where location and identifier are lists."""
    playlist = {
        "title": _line(mixtape.title),
        "creator": CREATOR,
        "annotation": _line(mixtape.short_reason or ""),
        "date": f"{mixtape.day}T00:00:00Z",
    }
    return {"playlist": _without_empty(playlist) | {"track": [_jspf_track(song) for song in mixtape.songs]}}


def to_m3u8(mixtape: Playlist) -> str:
    """The mixtape as extended M3U in UTF-8.

    An #EXTINF line belongs to the location after it, so a song whose audio is nowhere on record is a plain comment.
    """
    lines = ["#EXTM3U", f"#PLAYLIST:{_line(mixtape.title)}"]
    for song in mixtape.songs:
        name = f"{_artists(song)} - {_line(song.title)}"
        if not song.audio_uri:
            lines.append(f"{NO_AUDIO}{name}")
            continue
        lines.append(f"#EXTINF:{round(song.duration_s) if song.duration_s else -1},{name}")
        if song.release:
            lines.append(f"#EXTALB:{_line(song.release)}")
        lines.append(_path(song.audio_uri))
    return "\n".join(lines) + "\n"


def _jspf_track(song: Song) -> dict[str, Any]:
    return _without_empty(
        {
            "location": [_uri(song.audio_uri)] if song.audio_uri else [],
            "identifier": [f"mixtape:track:{quote(song.outside_id, safe='')}"],
            "title": _line(song.title),
            "creator": _artists(song),
            "annotation": _line(song.reason),
            "album": _line(song.release or ""),
            "duration": round(song.duration_s * 1000) if song.duration_s else None,
        }
    )


def _append(parent: ET.Element, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        for text in value if isinstance(value, list) else [value]:
            ET.SubElement(parent, f"{{{XSPF_NAMESPACE}}}{name}").text = str(text)


def _without_empty(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _artists(song: Song) -> str:
    return ", ".join(map(_line, song.artists))


def _line(text: str) -> str:
    """`text` as one line of characters that XML 1.0 and line-based formats can hold."""
    return " ".join(_NOT_IN_A_LINE.sub(" ", text).split())


def _uri(location: str) -> str:
    """`location` with every character percent-encoded that a URI (RFC 3986) can't hold."""
    return quote(_LONE_PERCENT.sub("%25", location), safe=_RESERVED_IN_URIS, errors="replace")


def _path(location: str) -> str:
    """`location` as a line of M3U8, where paths with spaces and letters of any script are usual."""
    line = _NOT_IN_A_LINE.sub(lambda found: quote(found.group(), safe="", errors="replace"), location)
    return f"./{line}" if line.startswith("#") else line
