"""`mixtape bench import`: events a second through the whole importer, against bare COPY into the same table."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet as pq
import sqlalchemy as sa

from recommenders.benchmarks import world
from recommenders.benchmarks.measuring import MIB, measured, median
from recommenders.benchmarks.world import NewStore, Size
from recommenders.evaluation.bench import BenchResult
from recommenders.exchange.imports import import_path
from recommenders.store import Store

FORMATS = ("parquet", "csv", "jsonl")
ASKED = {"parquet": 0.3, "csv": 0.3, "jsonl": 0.1}
BARE = "bare COPY"
GROWTH = 10  # the second file of the memory's comparison has this many times the rows
_COLUMNS = "occurred_at, event_id, user_id, track_id, kind, ms_played"


def run(
    new_store: NewStore, folder: Path, size: Size, rounds: int, progress: Callable[[str], None] = lambda step: None
) -> BenchResult:
    """Import one file with all events in each format, `rounds` times, beside COPY of the same rows."""
    with new_store("import") as store:
        return _measure(store, folder, size, rounds, progress)


def _measure(store: Store, folder: Path, size: Size, rounds: int, progress: Callable[[str], None]) -> BenchResult:
    progress("writing the files")
    place = world.service(folder, size)
    files = {name: _written(place, name, None) for name in FORMATS}
    small = {name: _written(place, name, size.events // GROWTH) for name in FORMATS}
    url = store.url.render_as_string(hide_password=False)
    world.bring_in(url, place, ("catalogue", "users"))
    events = _import(url, files["parquet"])
    bare = _ready_rows(store, place / "ready.csv")

    rates: dict[str, list[float]] = {name: [] for name in (BARE, *FORMATS)}
    peaks: dict[str, list[int]] = {name: [] for name in FORMATS}
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}")
        _empty(store)
        rates[BARE].append(events / measured(_copy, url, bare).seconds)
        for name in FORMATS:
            _empty(store)
            done = measured(_import, url, files[name])
            rates[name].append(done.result / done.seconds)
            peaks[name].append(done.peak_bytes)
    growth = {}
    for name in FORMATS:
        progress(f"memory, {name}")
        _empty(store)
        growth[name] = max(peaks[name]) / measured(_import, url, small[name]).peak_bytes

    ratio = {
        name: median([ours / bare for ours, bare in zip(rates[name], rates[BARE], strict=True)]) for name in FORMATS
    }
    figures = {f"{name}: events/s": median(rates[name]) for name in rates}
    figures |= {f"{name}: peak MiB": max(peaks[name]) / MIB for name in FORMATS}
    ratios = {f"{name} / {BARE}": ratio[name] for name in FORMATS}
    ratios |= {f"memory of a file {GROWTH} times as long, {name}": growth[name] for name in FORMATS}
    rows = [(BARE, f"{median(rates[BARE]):,.0f}", "1", "", "", "")]
    rows += [
        (
            name,
            f"{median(rates[name]):,.0f}",
            f"{ratio[name]:.2f}",
            f">= {ASKED[name]}",
            f"{max(peaks[name]) / MIB:,.0f}",
            f"{growth[name]:.2f}",
        )
        for name in FORMATS
    ]
    settings = {**asdict(size), "events": events, "rounds": rounds}
    columns = ("format", "events/s", f"of {BARE}", "asked", "peak MiB", f"MiB, file x {GROWTH}")
    return BenchResult("import", settings, figures, ratios, columns, tuple(rows))


def _written(place: Path, name: str, rows: int | None) -> Path:
    """The events as one file of the format."""
    source = world.one_file(place, rows)
    path = source.with_suffix(f".{name}")
    if path.exists():
        return path
    table = pq.read_table(source)
    table = table.set_column(
        table.schema.get_field_index("at"), "at", pyarrow.compute.strftime(table["at"], "%Y-%m-%dT%H:%M:%SZ")
    )
    if name == "csv":
        pyarrow.csv.write_csv(table, path)
        return path
    with path.open("w", encoding="utf-8") as file:
        for batch in table.to_batches(100_000):
            file.writelines(json.dumps(row) + "\n" for row in batch.to_pylist())
    return path


def _import(url: str, path: Path) -> int:
    store = Store(url)
    try:
        (report,) = import_path(store, "listening", path, now=world.NOW)
    finally:
        store.close()
    if report.rows_rejected or report.rows_new != report.rows_read:
        raise AssertionError(f"The benchmark's own file was not taken whole: {report}.")
    return report.rows_read


def _ready_rows(store: Store, path: Path) -> Path:
    """The rows of `events`, in the order in which they were imported, as COPY takes them."""
    with store.begin() as connection, path.open("wb") as file:
        cursor: Any = connection.connection.cursor()
        cursor.copy_expert(f"COPY (SELECT {_COLUMNS} FROM events) TO STDOUT (FORMAT csv)", file)  # noqa: S608
    return path


def _copy(url: str, path: Path) -> None:
    store = Store(url)
    with store.begin() as connection, path.open("rb") as file:
        cursor: Any = connection.connection.cursor()
        cursor.copy_expert(f"COPY events ({_COLUMNS}) FROM STDIN (FORMAT csv)", file, size=1 << 20)
    store.close()


def _empty(store: Store) -> None:
    with store.begin() as connection:
        connection.execute(sa.text("TRUNCATE events, heard, imports, rejected"))
    world.settle(store)
