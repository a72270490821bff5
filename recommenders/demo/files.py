"""The demo service as files in the own import formats, laid out as a landing folder: every format is used somewhere."""

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from recommenders.demo.catalogue import Artists, Tracks
from recommenders.demo.listeners import People

_ALIAS_EVERY = 5  # one in five tracks of an artist with an alias is credited to the alias


def write_catalogue(folder: Path, artists: Artists, tracks: Tracks) -> None:
    """Write `folder`/artists.csv and `folder`/tracks.jsonl."""
    folder.mkdir(parents=True, exist_ok=True)
    table = pa.table(
        {"artist_id": artists.ids, "name": artists.names, "aliases": ["; ".join(a) for a in artists.aliases]}
    )
    pyarrow.csv.write_csv(table, folder / "artists.csv")
    with (folder / "tracks.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        for index in range(len(tracks.ids)):
            file.write(json.dumps(_track_row(artists, tracks, index), ensure_ascii=False) + "\n")


def write_users(folder: Path, people: People) -> None:
    """Write `folder`/users.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    created_at = [_iso(seconds) for seconds in people.created_at.tolist()]
    pyarrow.csv.write_csv(
        pa.table({"user_id": people.ids, "name": people.names, "created_at": created_at}), folder / "users.csv"
    )


def write_events(folder: Path, weeks: Mapping[dt.date, pa.Table]) -> None:
    """Write `folder`/events-DATE.parquet for each week's events, now and then as CSV (unix seconds) or JSON lines."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (first_day, events) in enumerate(weeks.items()):
        path = folder / f"events-{first_day}"
        if number % 5 == 2:
            seconds = events.set_column(events.column_names.index("at"), "at", events["at"].cast(pa.int64()))
            pyarrow.csv.write_csv(seconds, path.with_suffix(".csv"))
        elif number % 5 == 4:
            with path.with_suffix(".jsonl").open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(_event_line(event) for event in events.to_pylist())
        else:
            pq.write_table(events, path.with_suffix(".parquet"))


def _track_row(artists: Artists, tracks: Tracks, index: int) -> dict[str, Any]:
    credited = tracks.main_artists[index]
    return {
        "track_id": tracks.ids[index],
        "title": tracks.titles[index],
        "artists": [credited_as(artists, artist, index) for artist in credited],
        "artist_ids": [artists.ids[artist] for artist in credited],
        "release": tracks.releases[index],
        "duration_s": round(float(tracks.duration_s[index]), 1),
        "uploaded_at": _iso(int(tracks.uploaded_at[index])),
        "isrc": tracks.isrcs[index],
    }


def credited_as(artists: Artists, artist: int, index: int) -> str:
    """The artist's name as the track with this `index` spells it."""
    aliases = artists.aliases[artist]
    return aliases[0] if aliases and index % _ALIAS_EVERY == 0 else artists.names[artist]


def _event_line(event: dict[str, Any]) -> str:
    event["at"] = _iso(int(event["at"].timestamp()))
    return json.dumps({name: value for name, value in event.items() if value is not None}) + "\n"


def _iso(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
