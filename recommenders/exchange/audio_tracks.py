"""Tracks made of audio files: what tags and names say, checked and written as any line of a catalogue is."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from recommenders.audio.files import FileTags, clean, named_song
from recommenders.exchange.catalogue import TRACKS
from recommenders.exchange.layouts import Checked
from recommenders.exchange.readers import Rows
from recommenders.exchange.values import TIME
from recommenders.store.outside_ids import KnownIds, find_ids
from recommenders.store.recordings import Tag

NOBODY = "Unknown artist"
_LONGEST_ID = 400

_COLUMNS: dict[str, pa.DataType] = {
    "track_id": pa.string(),
    "title": pa.string(),
    "artists": pa.list_(pa.string()),
    "release": pa.string(),
    "duration_s": pa.float64(),
    "uploaded_at": TIME,
    "audio_uri": pa.string(),
    "isrc": pa.string(),
    "mbid": pa.string(),
}


def as_track(
    tags: FileTags, name: str, *, track_id: str, uri: str, duration_s: float | None, uploaded_at: dt.datetime
) -> dict[str, Any]:
    """A line of the catalogue for the file called `name` below its folder.

    What tags don't say, the name does: "Artist - Title", else a title, by whom the folder is called after.
    """
    path = PurePosixPath(_readable(name))
    artist, title = named_song(path.stem)
    if artist is None or tags.title:
        artist = artist or clean(path.parent.name) or NOBODY
    return {
        "track_id": track_id,
        "title": tags.title or title,
        "artists": list(tags.artists) or [artist],
        "release": tags.release,
        "duration_s": duration_s,
        "uploaded_at": uploaded_at,
        "audio_uri": uri,
        "isrc": tags.isrc,
        "mbid": tags.mbid,
    }


def write_as_tracks(
    connection: sa.Connection, tracks: Sequence[dict[str, Any]], now: dt.datetime
) -> tuple[int, Checked]:
    """Write lines of the catalogue; the number of tracks that are new or changed, and what the check says of them."""
    table = pa.table({name: pa.array([track[name] for track in tracks], kind) for name, kind in _COLUMNS.items()})
    rows = Rows(table, np.arange(1, len(table) + 1), len(table), [], lambda index: str(tracks[index]["audio_uri"]))
    checked = TRACKS.check(rows, now)
    return TRACKS.write(connection, checked, np.zeros(len(checked.lines), np.int64), KnownIds())


def free_ids(connection: sa.Connection, files: Sequence[tuple[str, str]]) -> list[str]:
    """An id for each file, given by its name below its folder and its uri: the name without its ending, if it is free.

    An id is free when no track and no file before it in the list has it.
    """
    wanted = [_possible_ids(name, uri) for name, uri in files]
    every = sorted({each for ids in wanted for each in ids})
    known = find_ids(connection, "track", pa.array(every, pa.string()))
    taken = {each for each, track_id in zip(every, known, strict=True) if track_id}
    chosen = []
    for ids in wanted:
        chosen.append(next((each for each in ids if each not in taken), ids[-1]))
        taken.add(chosen[-1])
    return chosen


def _possible_ids(name: str, uri: str) -> list[str]:
    readable = _readable(name)
    stem = readable.removesuffix(PurePosixPath(readable).suffix) or readable
    unique = f"{stem[:_LONGEST_ID]}~{hashlib.sha256(uri.encode(errors='backslashreplace')).hexdigest()[:12]}"
    return [each for each in (stem, readable) if len(each) <= _LONGEST_ID] + [unique]


def ids_in_name(name: str) -> list[str]:
    """The service's ids that a file called `name` below its folder may stand for: its path or its stem."""
    readable = _readable(name)
    path = PurePosixPath(readable)
    return list(dict.fromkeys([readable.removesuffix(path.suffix), path.stem]))


def human_tags(tags: FileTags) -> list[Tag]:
    """What the file's own tags say that has no column: genres, the year."""
    found = [Tag("genre", genre) for genre in tags.genres]
    year = (tags.date or "")[:4]
    return found + ([Tag("year", year)] if year.isdecimal() and len(year) == 4 else [])


def _readable(name: str) -> str:
    """`name` as text that Postgres takes, each part of the path on one line."""
    plain = name.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return "/".join(" ".join("".join(c if c.isprintable() else " " for c in part).split()) for part in plain.split("/"))
