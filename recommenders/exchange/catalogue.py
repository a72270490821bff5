"""The catalogue as files hold it: tracks with their artists, and artists with their aliases."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from recommenders.catalogue.names import name_key
from recommenders.catalogue.titles import ParsedTitle, parse_title, split_guests, split_names
from recommenders.catalogue.works import group_versions
from recommenders.exchange.checks import Examination, as_mask
from recommenders.exchange.keys import text_keys
from recommenders.exchange.layouts import Checked, Layout
from recommenders.exchange.readers import Rows
from recommenders.exchange.rejections import Reason
from recommenders.store.catalogue import known_artist_keys, write_artists, write_tracks
from recommenders.store.outside_ids import KnownIds

MOST_ARTISTS = 100
LONGEST_URI = 2_000

_LIST = pa.list_(pa.string())
_UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_ISRC = "^[A-Z]{2}[A-Z0-9]{3}[0-9]{7}$"


def _check_tracks(rows: Rows, now: dt.datetime) -> Checked:
    examined = Examination(rows)
    track = examined.text("track_id", required=True)
    title = examined.text("title", required=True)
    artists = examined.texts("artists", required=True)
    artist_ids = examined.texts("artist_ids")
    _check_artists(examined, artists, artist_ids)
    columns = {
        "outside_id": track,
        "title": title,
        "artists": pa.array(artists, _LIST),
        "artist_ids": pa.array(artist_ids, _LIST),
        "release": examined.text("release"),
        "duration_s": examined.number("duration_s"),
        "uploaded_at": examined.time("uploaded_at"),
        "audio_uri": examined.text("audio_uri", longest=LONGEST_URI),
        "isrc": _isrc(examined),
        "mbid": _mbid(examined),
    }
    return Checked.of(examined, columns, text_keys(track))


def _check_artists(examined: Examination, artists: list[list[str | None]], artist_ids: list[list[str | None]]) -> None:
    nameless = np.array([None in names for names in artists], bool)
    examined.reject(nameless, Reason.ARTISTS, "the name of one of the artists is empty")
    many = np.array([len(names) > MOST_ARTISTS for names in artists], bool)
    examined.reject(many, Reason.ARTISTS, f"more than {MOST_ARTISTS} artists")
    uneven = np.array(
        [bool(ids) and len(ids) != len(names) for names, ids in zip(artists, artist_ids, strict=True)], bool
    )
    examined.reject(uneven, Reason.ARTISTS, lambda i: f"{len(artists[i])} artists, but {len(artist_ids[i])} artist_ids")


def _isrc(examined: Examination) -> pa.Array:
    given = pc.utf8_upper(pc.replace_substring(examined.text("isrc"), "-", ""))
    bad = as_mask(pc.invert(pc.match_substring_regex(given, _ISRC)))
    examined.reject(bad, Reason.BAD_ID, lambda i: f"isrc = {given[i]} is no ISRC; leave it empty where it is not known")
    return given


def _mbid(examined: Examination) -> pa.Array:
    given = pc.utf8_lower(examined.text("mbid"))
    bad = as_mask(pc.invert(pc.match_substring_regex(given, _UUID)))
    examined.reject(bad, Reason.BAD_ID, lambda i: f"mbid = {given[i]} is no UUID; leave it empty where it is not known")
    return given


def _write_tracks(
    connection: sa.Connection, checked: Checked, ordinals: npt.NDArray[np.int64], known: KnownIds
) -> tuple[int, Checked]:
    tracks = checked.table.to_pylist()
    parsed = [parse_title(track["title"], track["artists"]) for track in tracks]
    names = _known_names(connection, tracks, parsed)
    credits = [_credits(track, title, names) for track, title in zip(tracks, parsed, strict=True)]
    return _store(connection, checked.table, parsed, credits), checked


def _write_plain_tracks(
    connection: sa.Connection, checked: Checked, ordinals: npt.NDArray[np.int64], known: KnownIds
) -> tuple[int, Checked]:
    """Tracks whose titles are not taken apart, each by the artists that it names."""
    tracks = checked.table.to_pylist()
    parsed = [ParsedTitle(track["title"], None, (), ()) for track in tracks]
    credits = [_main_credits(track) for track in tracks]
    return _store(connection, checked.table, parsed, credits), checked


@dataclass(frozen=True)
class _Credit:
    role: str
    name: str
    outside_id: str | None = None


def _main_credits(track: dict[str, Any]) -> list[_Credit]:
    ids = track["artist_ids"] or [None] * len(track["artists"])
    return [_Credit("main", name, outside_id) for name, outside_id in zip(track["artists"], ids, strict=True)]


def _known_names(connection: sa.Connection, tracks: list[dict[str, Any]], parsed: list[ParsedTitle]) -> set[str]:
    """The keys of the names, among those that titles and credits mention, that belong to an artist."""
    asked: set[str] = set()
    for track, title in zip(tracks, parsed, strict=True):
        for phrase in (*title.featured, *title.remixers, *track["artists"]):
            asked.add(name_key(phrase))
    known = known_artist_keys(connection, pa.array(sorted(asked), pa.string()))
    return known | {name_key(name) for track in tracks for name in track["artists"]}


def _credits(track: dict[str, Any], title: ParsedTitle, known: set[str]) -> list[_Credit]:
    """Main artists, then guests of the title and of artists without an id ("A feat. B"), then known remixers."""
    credits = []
    guests = list(title.featured)
    for credit in _main_credits(track):
        if credit.outside_id is None:
            name, more = split_guests(credit.name)
            credits.append(_Credit("main", name))
            guests += more
        else:
            credits.append(credit)
    credits += [_Credit("featured", name) for phrase in guests for name in split_names(phrase, known)]
    credits += [_Credit("remixer", name) for name in title.remixers if name_key(name) in known]
    return credits


def _store(connection: sa.Connection, table: pa.Table, parsed: list[ParsedTitle], credits: list[list[_Credit]]) -> int:
    releases = [release and parse_title(release) for release in table["release"].to_pylist()]
    tracks = table.drop_columns(["artists", "artist_ids"])
    tracks = tracks.append_column("row", pa.array(range(len(tracks)), pa.int32()))
    tracks = tracks.append_column("title_key", pa.array([title.key for title in parsed], pa.string()))
    tracks = tracks.append_column("version", pa.array([title.version for title in parsed], pa.string()))
    tracks = tracks.append_column(
        "release_key", pa.array([release.key if release else None for release in releases], pa.string())
    )
    new, track_ids = write_tracks(connection, tracks, _credit_table(credits))
    group_versions(connection, track_ids)
    return new


def _credit_table(credits: list[list[_Credit]]) -> pa.Table:
    flat = [(row, place, credit) for row, of_row in enumerate(credits) for place, credit in enumerate(of_row)]
    return pa.table(
        {
            "row": pa.array([row for row, _, _ in flat], pa.int32()),
            "position": pa.array([place for _, place, _ in flat], pa.int16()),
            "role": pa.array([credit.role for _, _, credit in flat], pa.string()),
            "name": pa.array([credit.name for _, _, credit in flat], pa.string()),
            "name_key": pa.array([name_key(credit.name) for _, _, credit in flat], pa.string()),
            "outside_id": pa.array([credit.outside_id for _, _, credit in flat], pa.string()),
        }
    )


def _check_artist_rows(rows: Rows, now: dt.datetime) -> Checked:
    examined = Examination(rows)
    artist = examined.text("artist_id", required=True)
    columns = {
        "outside_id": artist,
        "name": examined.text("name", required=True),
        "aliases": pa.array(examined.texts("aliases"), _LIST),
        "mbid": _mbid(examined),
    }
    return Checked.of(examined, columns, text_keys(artist))


def _write_artists(
    connection: sa.Connection, checked: Checked, ordinals: npt.NDArray[np.int64], known: KnownIds
) -> tuple[int, Checked]:
    table = checked.table.append_column("row", pa.array(range(len(checked.table)), pa.int32()))
    keys = [name_key(name) for name in table["name"].to_pylist()]
    artists = table.drop_columns(["aliases"]).append_column("name_key", pa.array(keys, pa.string()))
    aliases = [(row, alias) for row, of_row in enumerate(table["aliases"].to_pylist()) for alias in of_row if alias]
    alias_table = pa.table(
        {
            "row": pa.array([row for row, _ in aliases], pa.int32()),
            "alias": pa.array([alias for _, alias in aliases], pa.string()),
            "alias_key": pa.array([name_key(alias) for _, alias in aliases], pa.string()),
        }
    )
    return write_artists(connection, artists, alias_table), checked


TRACKS = Layout(
    "tracks",
    frozenset(["track_id", "title", "artists"]),
    frozenset(["artist_ids", "release", "duration_s", "uploaded_at", "audio_uri", "isrc", "mbid"]),
    _check_tracks,
    _write_tracks,
    lists=frozenset(["artists", "artist_ids"]),
)
ARTISTS = Layout(
    "artists",
    frozenset(["artist_id", "name"]),
    frozenset(["aliases", "mbid"]),
    _check_artist_rows,
    _write_artists,
    lists=frozenset(["aliases"]),
)


def plain_tracks_layout(name: str, required: frozenset[str], optional: frozenset[str], check: Any) -> Layout:
    """Tracks of another service's file, whose titles are no titles of songs."""
    return Layout(name, required, optional, check, _write_plain_tracks)
