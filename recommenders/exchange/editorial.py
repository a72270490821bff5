"""Curators' lists as files hold them: playlists, or tables with a song a row.

The rows of a list are gathered over the whole file; then it takes the place of the list that was known by the same
name: that of its file or, in a table, that of the column `list`. A list whose file is as it was stays as curators have
changed it since.
"""

import datetime as dt
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from recommenders.catalogue.names import name_key
from recommenders.catalogue.titles import parse_title, split_guests, split_names
from recommenders.exchange.catalogue import LONGEST_URI
from recommenders.exchange.checks import LONGEST_TEXT, Examination, as_mask
from recommenders.exchange.keys import mix, text_keys
from recommenders.exchange.layouts import Checked, Layout
from recommenders.exchange.playlist_reading import SUFFIXES, PlaylistFile, spellings
from recommenders.exchange.readers import Rows, TableFile
from recommenders.exchange.rejections import Reason, Rejection
from recommenders.store.editorial import (
    LONGEST_NAME,
    LONGEST_TAG,
    MOST_SONGS,
    MOST_TAGS,
    Imported,
    find_songs,
    replace_list,
    tag_key,
)
from recommenders.store.outside_ids import KnownIds

MOST_READINGS = 8  # dashes of "Artist - Title" at which it is taken apart

_LIST = pa.list_(pa.string())
_YES, _NO = ("true", "yes", "1"), ("false", "no", "0")
_NAMES = ("track_id", "mbid", "isrc", "artist", "title", "display")  # of a song; display: "Artist - Title"


def playlist_layout(path: Path) -> tuple[TableFile, Layout] | None:
    """A playlist file and its layout; None where the ending is that of a table.

    Raises UnreadableFileError where it is no playlist, or an unsafe one.
    """
    if path.suffix.lower() not in SUFFIXES:
        return None
    file = PlaylistFile(path)
    return file, editorial_layout(f"file:{path.name}")


def editorial_layout(known_as: str | None = None) -> Layout:
    """Of one file: its rows, gathered; `known_as`: of the one list that a playlist file holds."""
    gathered = Gathered(known_as)
    return Layout(
        "editorial",
        frozenset(["list"]),
        frozenset(["position", "location", "tags", "curator", "withdrawn", *_NAMES]),
        _check,
        gathered.add,
        lists=frozenset(["tags", "location"]),
        finish=gathered.write_one,
    )


def _check(rows: Rows, now: dt.datetime) -> Checked:
    examined = Examination(rows)
    name = examined.text("list", required=True, longest=LONGEST_NAME)
    tags = examined.texts("tags")
    _check_tags(examined, tags)
    withdrawn = pc.utf8_lower(examined.text("withdrawn"))
    odd = as_mask(pc.invert(pc.is_in(withdrawn, pa.array([*_YES, *_NO])))) & as_mask(pc.is_valid(withdrawn))
    examined.reject(odd, Reason.BAD_NUMBER, lambda i: f"withdrawn = {withdrawn[i]} is neither true nor false")
    columns = {
        "list": name,
        "curator": examined.text("curator", longest=LONGEST_NAME),
        "tags": pa.array([[" ".join(tag.split()) for tag in row if tag] for row in tags], _LIST),
        "withdrawn": withdrawn,
        "position": examined.integer("position"),
        "location": _locations(examined),
        "at": pa.array([now] * len(name), pa.timestamp("us", "UTC")),
    } | {each: examined.text(each, longest=3 * LONGEST_TEXT if each == "display" else LONGEST_TEXT) for each in _NAMES}
    nothing = ~np.any([as_mask(pc.is_valid(columns[each])) for each in ("track_id", "mbid", "isrc", "display")], axis=0)
    nothing &= ~as_mask(pc.and_(pc.is_valid(columns["artist"]), pc.is_valid(columns["title"])))
    nothing &= as_mask(pc.equal(pc.list_value_length(columns["location"]), 0))
    examined.reject(nothing, Reason.MISSING, "track_id, location, or artist and title are missing")
    joined = pc.binary_join(columns["location"], "\n")
    keys = mix(text_keys(name), text_keys(joined), *(text_keys(columns[each]) for each in _NAMES))
    return Checked.of(examined, columns, keys)


def _check_tags(examined: Examination, tags: list[list[str | None]]) -> None:
    long = np.array([any(tag and len(tag) > LONGEST_TAG for tag in row) for row in tags], bool)
    examined.reject(long, Reason.TEXT_TOO_LONG, f"a tag is longer than {LONGEST_TAG} characters")


def _locations(examined: Examination) -> pa.Array:
    """The location of each row in every way in which it may be spelt; an empty list where there is none."""
    given = examined.given("location")
    rows = [spellings(each) if isinstance(each, str) else list(each or ()) for each in given.to_pylist()]
    long = np.array([any(len(each) > LONGEST_URI for each in row) for row in rows], bool)
    examined.reject(long, Reason.TEXT_TOO_LONG, f"location is longer than {LONGEST_URI} characters")
    return pa.array(rows, _LIST)


@dataclass
class _List:
    """What was gathered of one list: `songs` holds (position, place in the file) by track."""

    name: str
    at: dt.datetime
    curator: str = ""
    withdrawn: bool | None = None
    tags: dict[str, str] = field(default_factory=dict)
    songs: dict[int, tuple[int, int]] = field(default_factory=dict)

    def take(self, row: dict[str, Any], track_id: int, place: int) -> tuple[Reason, str] | None:
        """Add a song; the reason for which it is set aside, if it is."""
        if track_id in self.songs:
            return Reason.DUPLICATE_ID, "the song is on the list already"
        if len(self.songs) == MOST_SONGS:
            return Reason.TOO_LARGE, f"the list has {MOST_SONGS:,} songs already, the most that are taken"
        tags = self.tags | {tag_key(tag): self.tags.get(tag_key(tag), tag) for tag in row["tags"] if tag_key(tag)}
        if len(tags) > MOST_TAGS:
            return Reason.TOO_LARGE, f"the list would have {len(tags)} tags; the most are {MOST_TAGS}"
        self.tags = tags
        self.curator = row["curator"] or self.curator
        if row["withdrawn"]:
            self.withdrawn = row["withdrawn"] in _YES
        position = row["position"]
        self.songs[track_id] = (place if position is None else position, place)
        return None

    def finished(self, known_as: str) -> Imported:
        """The list as it is stored."""
        ordered = sorted(self.songs, key=lambda track_id: self.songs[track_id])
        tags = list(self.tags.values())
        facts = json.dumps([self.name, self.curator, tags, ordered, self.withdrawn]).encode()
        digest = hashlib.sha256(facts).hexdigest()
        return Imported(known_as, self.name, self.curator, tags, ordered, self.withdrawn, digest)


class Gathered:
    """The lists of one file, while its rows come in."""

    def __init__(self, known_as: str | None) -> None:
        self._known_as = known_as
        self._lists: dict[str, _List] = {}
        self._place = 0

    def add(
        self, connection: sa.Connection, checked: Checked, ordinals: npt.NDArray[np.int64], known: KnownIds
    ) -> tuple[int, Checked]:
        """Add one stretch of the file; songs that are not found, or come twice, are set aside."""
        rows = checked.table.to_pylist()
        found = resolve_songs(connection, rows)
        bad: dict[int, tuple[Reason, str]] = {}
        for index, (row, track_id) in enumerate(zip(rows, found.tolist(), strict=True)):
            self._place += 1
            if not track_id:
                bad[index] = (Reason.UNKNOWN_TRACK, f"no song of the catalogue is {_asked_for(row)}")
                continue
            name = row["list"]
            problem = self._lists.setdefault(name, _List(name, row["at"])).take(row, track_id, self._place)
            if problem:
                bad[index] = problem
        keep = np.ones(len(rows), dtype=bool)
        keep[list(bad)] = False
        rejected = [
            Rejection(int(checked.lines[index]), reason, detail, checked.raw(index))
            for index, (reason, detail) in bad.items()
        ]
        return 0, checked.where(keep, rejected)

    def write_one(self, connection: sa.Connection) -> int | None:
        """Write the next list; how many songs it has, where it is new or changed."""
        name = next(iter(self._lists), None)
        if name is None:
            return None
        one = self._lists.pop(name)
        return replace_list(connection, one.finished(self._known_as or f"list:{name}"), one.at)


def _asked_for(row: dict[str, Any]) -> str:
    for name in ("track_id", "title", "display", "mbid", "isrc"):
        if row[name]:
            by = f" by {row['artist']!r}" if name == "title" and row["artist"] else ""
            return f"{name} = {row[name]!r}{by}"
    return f"location = {row['location'][0]!r}"


def resolve_songs(connection: sa.Connection, rows: list[dict[str, Any]]) -> npt.NDArray[np.int64]:
    """(n,) int64: the track that each row names; 0 where the catalogue has none.

    "Artist - Title" can be taken apart at each of its dashes: the first reading that the catalogue knows counts.
    """
    asked: list[dict[str, Any]] = []
    owners: list[int] = []
    for place, row in enumerate(rows):
        readings = _readings(row)
        asked += [_asked(row, artist, title) for artist, title in readings]
        owners += [place] * len(readings)
    schema = pa.schema(
        [(name, pa.string()) for name in ("track_id", "mbid", "isrc", "title_key", "version")]
        + [("locations", _LIST), ("artist_keys", _LIST)]
    )
    found = find_songs(connection, pa.Table.from_pylist(asked, schema=schema))
    ids = np.zeros(len(rows), dtype=np.int64)
    known = np.flatnonzero(found)[::-1]
    ids[np.array(owners, dtype=np.int64)[known]] = found[known]
    return ids


def _readings(row: dict[str, Any]) -> list[tuple[str, str]]:
    if row["artist"] and row["title"]:
        return [(row["artist"], row["title"])]
    parts = (row["display"] or "").split(" - ")
    places = range(1, min(len(parts), MOST_READINGS + 1))
    return [(" - ".join(parts[:n]), " - ".join(parts[n:])) for n in places] or [("", "")]


def _asked(row: dict[str, Any], artist: str, title: str) -> dict[str, Any]:
    """A row as `find_songs` takes it: the artists as one name first, then each of them."""
    named, _ = split_guests(artist) if artist else ("", [])
    names = [artist, named, *split_names(named)] if artist else []
    parsed = parse_title(title, names) if title else None
    return {
        "track_id": row["track_id"],
        "mbid": row["mbid"],
        "isrc": row["isrc"],
        "locations": row["location"],
        "title_key": parsed.key if parsed else None,
        "version": parsed.version if parsed else None,
        "artist_keys": list(dict.fromkeys(key for key in map(name_key, names) if key)),
    }
