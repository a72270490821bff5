"""The HetRec 2011 Last.fm count files (Cantador, Brusilovsky & Kuflik 2011): each artist stands for one track.

`artists.dat`: id, name, url, pictureURL. `user_artists.dat`: userID, artistID, weight = plays, without dates. Both are
separated by tabs, without quoting.
"""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from recommenders.exchange.catalogue import plain_tracks_layout
from recommenders.exchange.checks import Examination
from recommenders.exchange.keys import text_keys
from recommenders.exchange.layouts import Checked, Layout, recognise
from recommenders.exchange.listening import totals_layout
from recommenders.exchange.readers import CsvFile, Rows, TableFile

FILES = {"catalogue": "artists.dat", "listening": "user_artists.dat"}

_NAMES = {"userID": "user_id", "artistID": "track_id", "weight": "plays"}


def _check_artists(rows: Rows, now: dt.datetime) -> Checked:
    examined = Examination(rows)
    artist = examined.text("id", required=True)
    name = examined.text("name", required=True)
    columns = {
        "outside_id": artist,
        "title": name,
        "artists": _lists_of_one(name),
        "artist_ids": _lists_of_one(artist),
        "release": pa.nulls(len(name), pa.string()),
        "isrc": pa.nulls(len(name), pa.string()),
        "mbid": pa.nulls(len(name), pa.string()),
    }
    return Checked.of(examined, columns, text_keys(artist))


def _lists_of_one(column: pa.Array) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(range(len(column) + 1), pa.int32()), column)


_TOTALS = totals_layout("hetrec")


def _check_totals(rows: Rows, now: dt.datetime) -> Checked:
    named = rows.table.rename_columns([_NAMES[name] for name in rows.table.column_names])
    return _TOTALS.check(replace(rows, table=named), now)


ARTISTS = plain_tracks_layout(
    "HetRec artists", frozenset(["id", "name"]), frozenset(["url", "pictureURL"]), _check_artists
)
TOTALS = replace(_TOTALS, name="HetRec totals", required=frozenset(_NAMES), check=_check_totals)


def open_hetrec(path: Path, kind: str) -> tuple[TableFile, Layout]:
    """A HetRec file. Raises UnreadableFileError when its header is another."""
    file = CsvFile(path, delimiter="\t", quoting=False)
    file.fields = [name.removeprefix("//") for name in file.fields]  # the header of some copies is a comment
    return file, recognise(file.fields, [ARTISTS if kind == "catalogue" else TOTALS])
