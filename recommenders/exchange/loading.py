"""One file into the store: read in stretches, checked, written, what is bad set aside, the ledger kept."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import sqlalchemy as sa

from recommenders.exchange.keys import KeyLog, Repeats
from recommenders.exchange.layouts import Checked, Layout
from recommenders.exchange.readers import Rows, TableFile
from recommenders.exchange.rejections import Reason, Rejection, UnreadableFileError
from recommenders.store import Store
from recommenders.store.database import advisory_lock
from recommenders.store.imports import ImportedFile, add_new_rows, begin_import, finish_import, set_aside
from recommenders.store.outside_ids import KnownIds
from recommenders.timing import Stage


@dataclass(frozen=True)
class ImportReport:
    """What became of one file: rows read, rows that were new or changed something, rows set aside, seconds."""

    kind: str
    source: str
    rows_read: int
    rows_new: int
    rows_rejected: int
    rejected_by_reason: dict[str, int]
    seconds: float


Opened = tuple[TableFile, Layout]


def load_file(
    store: Store,
    kind: str,
    path: Path,
    source: str,
    open_file: Callable[[Path], Opened],
    now: datetime,
    progress: Callable[[int], None] | None = None,
    run_key: str | None = None,
) -> ImportReport:
    """Load the file at `path`, known as `source`; `open_file` finds its format and layout.

    The file is read twice, a stretch at a time: first for the rows that repeat an earlier one, then to write. Each
    stretch is one transaction; a load that was cut off is made whole by loading again, which adds nothing twice. With a
    `run_key` it goes on in the same line of the ledger, until `settle_imports` closes that. `progress` is called with
    the number of rows of each stretch.
    """
    stage = Stage(f"import {kind} from {source}")
    with path.open("rb") as content:
        file = ImportedFile(kind, source, hashlib.file_digest(content, "sha256").hexdigest())
    counts = Counts()
    with store.begin() as connection:
        advisory_lock(connection, "import")
        import_id = begin_import(connection, file, now, run_key)
    try:
        opened, layout = open_file(path)
    except UnreadableFileError as error:
        with store.begin() as connection:
            advisory_lock(connection, "import")
            set_aside(connection, file, 0, None, as_table([error.rejection]), now)
        counts.rejected[error.rejection.reason] += 1
    else:
        _load_rows(store, file, import_id, opened, layout, now, counts, progress)
    seconds = stage.done(counts.read, "rows", counts.in_words())
    with store.begin() as connection:
        finished_at = now + timedelta(seconds=seconds)
        counts.new = finish_import(connection, import_id, finished_at, counts.read, counts.rejected.total())
    return counts.report(file, seconds)


class Counts:
    """The figures of a report, while a file is being loaded."""

    def __init__(self) -> None:
        self.read = 0
        self.new = 0
        self.rejected: Counter[Reason] = Counter()

    def in_words(self) -> str:
        """What came of the rows, for the log."""
        reasons = ", ".join(f"{count:,} {reason.value}" for reason, count in sorted(self.rejected.items()))
        return f"{self.new:,} new, {self.rejected.total():,} set aside" + (f": {reasons}" if reasons else "")

    def report(self, file: ImportedFile, seconds: float) -> ImportReport:
        """The report on `file`, which took `seconds`."""
        by_reason = {reason.value: count for reason, count in sorted(self.rejected.items())}
        return ImportReport(file.kind, file.source, self.read, self.new, self.rejected.total(), by_reason, seconds)


def _load_rows(
    store: Store,
    file: ImportedFile,
    import_id: int,
    opened: TableFile,
    layout: Layout,
    now: datetime,
    counts: Counts,
    progress: Callable[[int], None] | None,
) -> None:
    repeats, known = _find_repeats(opened, layout, now), KnownIds()
    done, next_line = 0, 0
    for rows, checked in _checked(opened, layout, now):
        ordinals = repeats.between(done, done + len(checked.lines))
        done += len(checked.lines)
        duplicate = (ordinals > 0) & ~checked.countable
        first = checked.without(duplicate, Reason.DUPLICATE_ID, lambda _: "an earlier line of the file has this id")
        if layout.prepare and len(first.lines):
            layout.prepare(store, first)
        with store.begin() as connection:
            advisory_lock(connection, "import")
            new, written = layout.write(connection, first, ordinals[~duplicate], known)
            set_aside(connection, file, next_line, rows.last, as_table(written.rejected), now)
            add_new_rows(connection, import_id, new)
        n_rows = rows.table.num_rows + len(rows.rejected)
        counts.read += n_rows
        counts.new += new
        counts.rejected.update(rejection.reason for rejection in written.rejected)
        next_line = rows.last + 1
        if progress:
            progress(n_rows)
    if layout.finish:
        _finish(store, import_id, layout.finish, counts)


def _finish(store: Store, import_id: int, finish: Callable[[sa.Connection], int | None], counts: Counts) -> None:
    new: int | None = 0
    while new is not None:
        with store.begin() as connection:
            advisory_lock(connection, "import")
            new = finish(connection)
            add_new_rows(connection, import_id, new or 0)
        counts.new += new or 0


def _checked(opened: TableFile, layout: Layout, now: datetime) -> Iterator[tuple[Rows, Checked]]:
    """Every stretch, checked while the one before it is being written."""
    stretches = ((rows, layout.check(rows, now)) for rows in opened.rows())
    with ThreadPoolExecutor(1) as ahead:
        following = ahead.submit(next, stretches, None)
        while (stretch := following.result()) is not None:
            following = ahead.submit(next, stretches, None)
            yield stretch


def _find_repeats(opened: TableFile, layout: Layout, now: datetime) -> Repeats:
    with KeyLog() as log:
        for _, checked in _checked(opened, layout, now):
            log.add(checked.keys)
        return log.repeats()


def as_table(rejected: list[Rejection]) -> pa.Table:
    """What is set aside, as `set_aside` takes it."""
    ordered = sorted(rejected, key=lambda rejection: rejection.line)
    return pa.table(
        {
            "line": pa.array([rejection.line for rejection in ordered], pa.int64()),
            "reason": pa.array([rejection.reason.value for rejection in ordered], pa.string()),
            "detail": pa.array([rejection.detail for rejection in ordered], pa.string()),
            "raw": pa.array([rejection.raw for rejection in ordered], pa.string()),
        }
    )
