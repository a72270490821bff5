"""What is written is a landing folder in the own formats, the same bytes each time, and nothing planted is in it."""

import csv
import datetime as dt
import json
from pathlib import Path

import pyarrow.parquet as pq

from recommenders.demo import generate_world, write_world

EVENT_COLUMNS = {
    "event_id", "user_id", "at", "track_id", "artist_id", "kind", "ms_played", "rating", "device", "context",
}  # fmt: skip


def written(folder: Path, now: dt.datetime, until: dt.datetime | None = None) -> dict[str, bytes]:
    """The files of a small service by their path."""
    write_world(generate_world(5, now, users=60, tracks=300, weeks=6), folder, until)
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path, now: dt.datetime) -> None:
    assert written(tmp_path / "one", now) == written(tmp_path / "two", now)


def test_the_files_form_a_landing_folder_in_every_format(tmp_path: Path, now: dt.datetime) -> None:
    files = written(tmp_path, now)
    assert {"catalogue/artists.csv", "catalogue/tracks.jsonl", "users/users.csv"} < files.keys()
    events = [name for name in files if name.startswith("listening/events-")]
    assert len(events) == 6
    assert {Path(name).suffix for name in events} == {".parquet", ".csv", ".jsonl"}


def test_a_later_until_adds_the_held_out_week_and_changes_no_other_file(tmp_path: Path, now: dt.datetime) -> None:
    past = written(tmp_path / "past", now)
    more = written(tmp_path / "more", now, now + dt.timedelta(weeks=1))
    assert more.keys() - past.keys() == {f"listening/events-{now.date()}.parquet"}
    assert all(more[name] == content for name, content in past.items())


def test_the_files_hold_every_event_and_the_whole_catalogue(tmp_path: Path, now: dt.datetime) -> None:
    world = generate_world(5, now, users=60, tracks=300, weeks=6)
    write_world(world, tmp_path)
    ids: list[str] = []
    for path in sorted((tmp_path / "listening").iterdir()):
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            assert set(table.column_names) == EVENT_COLUMNS
            ids += table["event_id"].to_pylist()
        elif path.suffix == ".csv":
            with path.open(newline="") as file:
                rows = list(csv.DictReader(file))
            assert rows[0].keys() == EVENT_COLUMNS
            assert all(0 < int(row["at"]) < now.timestamp() for row in rows)
            ids += [row["event_id"] for row in rows]
        else:
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            assert all(line.keys() <= EVENT_COLUMNS for line in lines)
            assert all(dt.datetime.fromisoformat(line["at"]) < now for line in lines)
            ids += [line["event_id"] for line in lines]
    assert ids == world.events()["event_id"].to_pylist()
    tracks = [json.loads(line) for line in (tmp_path / "catalogue" / "tracks.jsonl").read_text().splitlines()]
    assert [track["track_id"] for track in tracks] == list(world.track_ids)
    names = {
        id_: {name, *aliases}
        for id_, name, aliases in zip(world.artists.ids, world.artists.names, world.artists.aliases, strict=True)
    }
    assert all(
        name in names[id_] for track in tracks for name, id_ in zip(track["artists"], track["artist_ids"], strict=True)
    )
    assert any(
        name != world.artists.names[world.artists.ids.index(id_)]
        for track in tracks
        for name, id_ in zip(track["artists"], track["artist_ids"], strict=True)
    )
