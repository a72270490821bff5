"""The invented service that the benchmarks of speed run on, imported by the real importer."""

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import astuple, dataclass
from pathlib import Path

import pyarrow.dataset
import pyarrow.parquet as pq
import sqlalchemy as sa

from recommenders.demo.scale import Scale, write_service
from recommenders.exchange.imports import import_path
from recommenders.store import Store

NOW = dt.datetime(2026, 1, 5, 4, tzinfo=dt.UTC)
WEEKS = 26

NewStore = Callable[[str], AbstractContextManager[Store]]


@dataclass(frozen=True)
class Size:
    """How large an invented service is, and from what seed."""

    users: int
    tracks: int
    events: int
    seed: int


def service(folder: Path, size: Size) -> Path:
    """Write a service that ends at `NOW` into a new folder; return it."""
    place = folder / "-".join(map(str, ("service", *astuple(size))))
    if not place.exists():
        write_service(place, Scale(size.users, size.tracks, size.events, WEEKS, NOW, size.seed))
    return place


def bring_in(url: str, place: Path, kinds: tuple[str, ...]) -> int:
    """Import these kinds of the service into the store at `url`; return the number of rows read."""
    store = Store(url)
    try:
        reports = [report for kind in kinds for report in import_path(store, kind, place / kind, now=NOW)]
    finally:
        store.close()
    return sum(report.rows_read for report in reports)


def one_file(place: Path, rows: int | None = None) -> Path:
    """The first `rows` events of the service (all of them) as one Parquet file."""
    path = place / f"events-{rows or 'all'}.parquet"
    if not path.exists():
        events = pyarrow.dataset.dataset(place / "listening")
        written = 0
        with pq.ParquetWriter(path, events.schema) as writer:
            for batch in events.to_batches():
                taken = batch if rows is None else batch.slice(0, rows - written)
                writer.write_batch(taken)
                written += taken.num_rows
                if written == rows:
                    break
    return path


def settle(store: Store) -> None:
    """Write everything out and forget old row versions, so that a measurement does not pay for what was before it."""
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM"))
        connection.execute(sa.text("CHECKPOINT"))
