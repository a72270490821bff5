"""The HetRec 2011 Last.fm count files (Cantador, Brusilovsky & Kuflik 2011): each artist stands for one track.

`artists.dat`: id, name, url, pictureURL. `user_artists.dat`: userID, artistID, weight = plays, without dates.
`user_taggedartists.dat`: userID, artistID, tagID, day, month, year; the tags' names are in `tags.dat`, beside it. All
are separated by tabs, without quoting.
"""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recommenders.exchange.catalogue import plain_tracks_layout
from recommenders.exchange.checks import Examination, as_mask
from recommenders.exchange.keys import text_keys
from recommenders.exchange.layouts import Checked, Layout, recognise
from recommenders.exchange.listening import totals_layout
from recommenders.exchange.readers import CsvFile, Rows, TableFile
from recommenders.exchange.rejections import Reason, UnreadableFileError
from recommenders.exchange.tags import Tally, checked_tags
from recommenders.exchange.values import as_text, as_time, as_times
from recommenders.language.dates import EARLIEST
from recommenders.language.encodings import decode

FILES = {"catalogue": "artists.dat", "listening": "user_artists.dat", "tags": "user_taggedartists.dat"}
BESIDE = {"tags": "tags.dat"}  # what is read together with a file of a kind

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
    """A HetRec file. Raises UnreadableFileError when its header is another, or the names of its tags are missing."""
    file = CsvFile(path, delimiter="\t", quoting=False)
    file.fields = [name.removeprefix("//") for name in file.fields]  # the header of some copies is a comment
    layout = _tagged(tag_names(path.parent / BESIDE[kind])) if kind == "tags" else _LAYOUTS[kind]
    return file, recognise(file.fields, [layout])


_LAYOUTS = {"catalogue": ARTISTS, "listening": TOTALS}


def tag_names(path: Path) -> dict[str, str]:
    """The name of each tag by its id; raises UnreadableFileError where there is no such file."""
    if not path.exists():
        raise UnreadableFileError(
            Reason.MISSING, f"{path.name}, with the names of the tags, has to lie beside the file"
        )
    lines = decode(path.read_bytes(), "text/plain; charset=windows-1252").text.splitlines()[1:]
    pairs = (line.split("\t", 1) for line in lines if "\t" in line)
    return {tag_id: name.strip() for tag_id, name in pairs if name.strip()}


def _tagged(names: dict[str, str]) -> Layout:
    """Who gave which artist which tag: each row is one person."""
    ids, texts = pa.array(list(names), pa.string()), pa.array(list(names.values()), pa.string())

    def check(rows: Rows, now: dt.datetime) -> Checked:
        examined = Examination(rows)
        artist = examined.text("artistID", required=True)
        tag_id = examined.text("tagID", required=True)
        tag = pc.take(texts, pc.index_in(tag_id, value_set=ids))
        unknown = as_mask(pc.and_(pc.is_valid(tag_id), pc.is_null(tag)))
        examined.reject(unknown, Reason.BAD_ID, lambda i: f"tagID = {tag_id[i]} has no name in {BESIDE['tags']}")
        one = pa.array(np.ones(len(tag), dtype=np.int64))
        return checked_tags(examined, artist, pa.nulls(len(tag), pa.string()), tag, one, _days(examined, now), now)

    tally = Tally("hetrec")
    return Layout("HetRec tags", _TAGGED, frozenset(["userID", *_DATE]), check, tally.add, finish=tally.write_some)


_DATE = ("year", "month", "day")
_TAGGED = frozenset(["artistID", "tagID"])


def _days(examined: Examination, now: dt.datetime) -> pa.Array:
    """When each row was given; null where that is no day, or not one of the web's: some clocks were wrong."""
    parts = [as_text(examined.given(name)) for name in _DATE]
    padded = [parts[0], *(pc.utf8_lpad(part, 2, "0") for part in parts[1:])]
    days = as_times(pc.binary_join_element_wise(*padded, "-"))
    known = pc.and_(pc.greater_equal(days, as_time(EARLIEST)), pc.less_equal(days, as_time(now)))
    return pc.if_else(known, days, None)
