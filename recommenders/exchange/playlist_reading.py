"""Playlist files as rows, a song a row: M3U8, XSPF and JSPF, written by us or by anybody.

They come from outside: a file is at most so large, XML with a document type (where entities and their bombs live) is
refused, and nothing that a file names is opened. What it says of the whole list stands in each of its rows.

`#MIXTAPE-TAGS:`, `#MIXTAPE-CURATOR:` and `#MIXTAPE-WITHDRAWN` in an M3U8, and `meta` elements with the rel
`mixtape:tags` and `mixtape:withdrawn` in XSPF and JSPF, say what the formats have no words for; `#EXTGENRE:` is read as
tags, too.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.parsers import expat

import numpy as np
import pyarrow as pa

from recommenders.exchange.lines import read_lines
from recommenders.exchange.playlist_files import NO_AUDIO
from recommenders.exchange.readers import Rows, TableFile
from recommenders.exchange.rejections import Reason, Rejection, UnreadableFileError, readable

MOST_BYTES = 10 << 20
DEEPEST = 20  # elements in elements; XSPF needs five
TAGS, WITHDRAWN = "mixtape:tags", "mixtape:withdrawn"
SUFFIXES = (".m3u8", ".m3u", ".xspf", ".jspf", ".json")

_TEXT, _TEXTS = pa.string(), pa.list_(pa.string())
_SCHEMA = pa.schema(
    [("list", _TEXT), ("curator", _TEXT), ("tags", _TEXTS), ("withdrawn", _TEXT)]
    + [(name, _TEXT) for name in ("track_id", "mbid", "isrc", "artist", "title", "display")]
    + [("location", _TEXTS)]
)
_RECORDING = re.compile(
    r"https?://musicbrainz\.org/recording/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE
)
_ISRC = re.compile(r"(?:urn:)?isrc:([A-Z0-9]{12})", re.IGNORECASE)
_STREAM = "#EXT-X-"  # a manifest of HTTP live streaming, which has the same ending


@dataclass
class _Song:
    """A song as a file names it."""

    line: int
    raw: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass
class _Playlist:
    """What was read: facts of the whole list, songs in order, and lines that are no song."""

    facts: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    songs: list[_Song] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    last: int = 0


class PlaylistFile(TableFile):
    """One playlist as a file of rows; it is small enough to be read at once."""

    def __init__(self, path: Path) -> None:
        """Read `path`; raises UnreadableFileError when it is no playlist of its ending, too large, or unsafe."""
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise UnreadableFileError(Reason.TOO_LARGE, f"{size:,} bytes; a playlist has at most {MOST_BYTES:,}")
        if not size:
            raise UnreadableFileError(Reason.EMPTY_FILE, "the file is empty")
        self.fields = list(_SCHEMA.names)
        read = _READERS.get(path.suffix.lower(), _read_jspf)
        self._playlist = read(path)
        self._playlist.facts.setdefault("list", path.stem)
        if not self._playlist.songs and not self._playlist.rejected:
            raise UnreadableFileError(Reason.EMPTY_FILE, "the playlist holds no song")

    def rows(self) -> Iterator[Rows]:
        """The songs, all at once; a text that Postgres can't hold makes no row."""
        of = self._playlist
        good, rejected = [], list(of.rejected)
        for song in of.songs:
            row = of.facts | {"tags": of.tags} | song.facts
            problem = _unstorable(row)
            if problem:
                rejected.append(Rejection(song.line, *problem, readable(song.raw)))
            else:
                good.append((song, row))
        table = pa.Table.from_pylist([row for _, row in good], schema=_SCHEMA)
        lines = np.array([song.line for song, _ in good], dtype=np.int64)
        raw = [song.raw for song, _ in good]
        rejected.sort(key=lambda rejection: rejection.line)
        yield Rows(table, lines, of.last, rejected, lambda index: readable(raw[index]))


def _unstorable(row: dict[str, Any]) -> tuple[Reason, str] | None:
    for name, value in row.items():
        for text in value if isinstance(value, list) else [value]:
            if "\0" in text:
                return Reason.NUL_BYTE, f"{name} contains a NUL character"
            try:
                text.encode()
            except UnicodeEncodeError as error:
                return Reason.ENCODING, f"{name} is no Unicode: {error.reason}"
    return None


def _read_m3u8(path: Path) -> _Playlist:
    """Extended M3U in UTF-8; a song is a line with its location, or our comment that there is none."""
    found = _Playlist()
    display: dict[str, str] = {}
    with path.open("rb") as file:
        for lines in read_lines(file):
            found.rejected += lines.rejected
            found.last = lines.last
            for index, number in enumerate(lines.numbers.tolist()):
                text = lines.line(index).decode().strip()
                if text.upper().startswith(_STREAM):
                    raise UnreadableFileError(Reason.UNKNOWN_FORMAT, "a manifest of a stream, no playlist", number)
                if text.startswith(NO_AUDIO):
                    found.songs.append(_Song(number, text, {"display": text.removeprefix(NO_AUDIO)}))
                elif text.startswith("#"):
                    _directive(text, found, display)
                elif text:
                    found.songs.append(_Song(number, text, display | {"location": spellings(text)}))
                    display = {}
    return found


def _directive(text: str, found: _Playlist, display: dict[str, str]) -> None:
    """Take in a line that begins with #; those of others are passed over, as the format asks."""
    name, _, value = text.partition(":")
    value = value.strip()
    match name.upper():
        case "#EXTINF":
            display |= {"display": value.partition(",")[2].strip()}
        case "#PLAYLIST" | "#MIXTAPE-CURATOR" if value:
            found.facts["list" if name.upper() == "#PLAYLIST" else "curator"] = value
        case "#MIXTAPE-TAGS" | "#EXTGENRE":
            found.tags += _split_tags(value)
        case "#MIXTAPE-WITHDRAWN":
            found.facts["withdrawn"] = value or "true"
        case _:
            pass


def _split_tags(text: str) -> list[str]:
    return [tag.strip() for tag in text.replace(";", ",").split(",") if tag.strip()]


def spellings(given: str) -> list[str]:
    """A location in each way in which a catalogue may spell it, as it stands first; none that holds a NUL."""
    plain = given.removeprefix("./")
    decoded = unquote(plain)
    spelt = [given, plain, decoded]
    spelt += [each.removeprefix("file://") for each in (plain, decoded) if each.startswith("file:///")]
    spelt += [f"file://{decoded}"] if decoded.startswith("/") else []
    return list(dict.fromkeys(each for each in spelt if each and "\0" not in each))


def _identified(text: str) -> dict[str, str]:
    """What an identifier says: the service's id, MusicBrainz's, or an ISRC; nothing where it is of another kind."""
    if text.startswith("mixtape:track:"):
        return {"track_id": unquote(text.removeprefix("mixtape:track:"))}
    if recording := _RECORDING.match(text):
        return {"mbid": recording[1].lower()}
    if isrc := _ISRC.fullmatch(text):
        return {"isrc": isrc[1].upper()}
    return {} if ":" in text else {"track_id": text}


def _noted(found: _Playlist, rel: str, value: str) -> None:
    if rel == TAGS:
        found.tags += _split_tags(value)
    elif rel == WITHDRAWN:
        found.facts["withdrawn"] = value


def _read_xspf(path: Path) -> _Playlist:
    """XSPF, read element by element; raises UnreadableFileError where it is no XML, or has a document type."""
    reader = _XspfReader()
    try:
        reader.parser.Parse(path.read_bytes(), True)
    except expat.ExpatError as error:
        raise UnreadableFileError(Reason.DAMAGED_FILE, f"no XML, or cut short: {error}", error.lineno) from error
    except (LookupError, UnicodeError, ValueError) as error:
        raise UnreadableFileError(Reason.ENCODING, f"it names an encoding that can't be read: {error}") from error
    return reader.found


class _XspfReader:
    """What expat calls. An element is known by the names from the root to it, without name spaces."""

    def __init__(self) -> None:
        self.found = _Playlist()
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._add
        self._path: list[str] = []
        self._text: list[str] = []
        self._rel = ""

    def _refuse(self, *_: Any) -> None:
        line = self.parser.CurrentLineNumber
        raise UnreadableFileError(Reason.UNREADABLE, "it declares a document type, which a playlist needs not", line)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        line = self.parser.CurrentLineNumber
        if not self._path and local != "playlist":
            raise UnreadableFileError(Reason.UNKNOWN_FORMAT, f"the root is <{local[:40]}>, not <playlist>", line)
        self._path.append(local)
        if len(self._path) > DEEPEST:
            raise UnreadableFileError(Reason.TOO_DEEP, f"elements are nested deeper than {DEEPEST}", line)
        self._text, self._rel = [], attributes.get("rel", "")
        if self._path[1:] == ["trackList", "track"]:
            self.found.songs.append(_Song(line, "<track>"))
        self.found.last = line

    def _add(self, text: str) -> None:
        self._text.append(text)

    def _end(self, _: str) -> None:
        text = "".join(self._text).strip()
        where = self._path[1:]
        self._path.pop()
        self._text = []
        if not text:
            return
        if len(where) == 1 and where[0] in ("title", "creator"):
            self.found.facts["list" if where[0] == "title" else "curator"] = text
        elif where == ["meta"]:
            _noted(self.found, self._rel, text)
        elif where[:2] == ["trackList", "track"] and len(where) == 3:
            song = self.found.songs[-1]
            song.raw = f"{song.raw} {where[2]}: {text}"
            _put(song.facts, where[2], text)


def _put(facts: dict[str, Any], name: str, text: str) -> None:
    """Note a field of a song; those that say nothing of which song it is are left out."""
    match name:
        case "location":
            facts["location"] = [*facts.get("location", []), *spellings(text)]
        case "identifier":
            for kind, value in _identified(text).items():
                facts.setdefault(kind, value)
        case "title":
            facts["title"] = text
        case "creator":
            facts["artist"] = text
        case _:
            pass


def _read_jspf(path: Path) -> _Playlist:
    """JSPF; raises UnreadableFileError where it is none. A song that is no object, or has no text, is set aside."""
    try:
        given = json.loads(path.read_bytes())
    except UnicodeDecodeError as error:
        raise UnreadableFileError(Reason.ENCODING, f"the file is no Unicode: {error.reason}") from error
    except (ValueError, RecursionError) as error:
        raise UnreadableFileError(Reason.BAD_JSON, f"no JSON: {error}") from error
    playlist = given.get("playlist") if isinstance(given, dict) else None
    songs = playlist.get("track") if isinstance(playlist, dict) else None
    if not isinstance(playlist, dict) or not isinstance(songs, list):
        raise UnreadableFileError(Reason.UNKNOWN_FORMAT, "no JSPF: there is no playlist with a list `track`")
    found = _Playlist(last=len(songs))
    for name, fact in (("title", "list"), ("creator", "curator")):
        if isinstance(playlist.get(name), str) and playlist[name].strip():
            found.facts[fact] = playlist[name].strip()
    for one in playlist["meta"] if isinstance(playlist.get("meta"), list) else []:
        for rel, value in one.items() if isinstance(one, dict) else []:
            _noted(found, rel, str(value).lower() if isinstance(value, bool) else str(value))
    for number, song in enumerate(songs, start=1):
        raw = json.dumps(song, ensure_ascii=False).encode(errors="backslashreplace").decode()
        if not isinstance(song, dict):
            found.rejected.append(Rejection(number, Reason.BAD_JSON, "the song is no object", readable(raw)))
            continue
        facts: dict[str, Any] = {}
        for name, value in song.items():
            for text in value if isinstance(value, list) else [value]:
                if isinstance(text, str) and text.strip():
                    _put(facts, name, text.strip())
        found.songs.append(_Song(number, raw, facts))
    return found


_READERS: dict[str, Callable[[Path], _Playlist]] = {".m3u8": _read_m3u8, ".m3u": _read_m3u8, ".xspf": _read_xspf}
