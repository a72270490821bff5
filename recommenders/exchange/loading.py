"""One file into the store: read in stretches, checked, written, what is bad set aside, the ledger kept."""

import hashlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa

from recommenders.exchange.keys import KeyLog, Repeats
from recommenders.exchange.layouts import Checked, Layout
from recommenders.exchange.readers import Rows, TableFile
from recommenders.exchange.rejections import Reason, Rejection, UnreadableFileError
from recommenders.store import Store
from recommenders.store.database import advisory_lock
from recommenders.store.imports import ImportedFile, record_import, set_aside

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImportReport:
    """What became of one file: rows read, rows that were new or changed something, rows set aside by reason."""

    kind: str
    source: str
    rows_read: int
    rows_new: int
    rows_rejected: int
    rejected_by_reason: dict[str, int]


Opened = tuple[TableFile, Layout]


def load_file(
    store: Store,
    kind: str,
    path: Path,
    source: str,
    open_file: Callable[[Path], Opened],
    now: datetime,
    progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """Load the file at `path`, known as `source`; `open_file` finds its format and layout.

    The file is read twice, a stretch at a time: first for the rows that repeat an earlier one, then to write. Each
    stretch is one transaction; a load that was cut off is made whole by loading again, which adds nothing twice.
    `progress` is called with the number of rows of each stretch.
    """
    started = time.monotonic()
    with path.open("rb") as content:
        file = ImportedFile(kind, source, hashlib.file_digest(content, "sha256").hexdigest())
    counts = Counts()
    try:
        opened, layout = open_file(path)
    except UnreadableFileError as error:
        with store.begin() as connection:
            advisory_lock(connection, "import")
            set_aside(connection, file, 0, None, _as_table([error.rejection]), now)
        counts.rejected[error.rejection.reason] += 1
    else:
        _load_rows(store, file, opened, layout, now, counts, progress)
    seconds = time.monotonic() - started
    report = counts.report(file)
    with store.begin() as connection:
        record_import(
            connection,
            file,
            now,
            now + timedelta(seconds=seconds),
            report.rows_read,
            report.rows_new,
            report.rows_rejected,
        )
    logger.info(
        "%s: %d rows in %.1f s (%.0f rows/s), %d new, %d set aside %s",
        source,
        report.rows_read,
        seconds,
        report.rows_read / max(seconds, 1e-3),
        report.rows_new,
        report.rows_rejected,
        report.rejected_by_reason or "",
    )
    return report


class Counts:
    """The figures of a report, while a file is being loaded."""

    def __init__(self) -> None:
        self.read = 0
        self.new = 0
        self.rejected: Counter[Reason] = Counter()

    def report(self, file: ImportedFile) -> ImportReport:
        """The report on `file`."""
        by_reason = {reason.value: count for reason, count in sorted(self.rejected.items())}
        return ImportReport(file.kind, file.source, self.read, self.new, self.rejected.total(), by_reason)


def _load_rows(
    store: Store,
    file: ImportedFile,
    opened: TableFile,
    layout: Layout,
    now: datetime,
    counts: Counts,
    progress: Callable[[int], None] | None,
) -> None:
    repeats = _find_repeats(opened, layout, now)
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
            new, written = layout.write(connection, first, ordinals[~duplicate])
            set_aside(connection, file, next_line, rows.last, _as_table(written.rejected), now)
        n_rows = rows.table.num_rows + len(rows.rejected)
        counts.read += n_rows
        counts.new += new
        counts.rejected.update(rejection.reason for rejection in written.rejected)
        next_line = rows.last + 1
        if progress:
            progress(n_rows)


def _checked(opened: TableFile, layout: Layout, now: datetime) -> Iterator[tuple[Rows, Checked]]:
    for rows in opened.rows():
        yield rows, layout.check(rows, now)


def _find_repeats(opened: TableFile, layout: Layout, now: datetime) -> Repeats:
    with KeyLog() as log:
        for _, checked in _checked(opened, layout, now):
            log.add(checked.keys)
        return log.repeats()


def _as_table(rejected: list[Rejection]) -> pa.Table:
    ordered = sorted(rejected, key=lambda rejection: rejection.line)
    return pa.table(
        {
            "line": pa.array([rejection.line for rejection in ordered], pa.int64()),
            "reason": pa.array([rejection.reason.value for rejection in ordered], pa.string()),
            "detail": pa.array([rejection.detail for rejection in ordered], pa.string()),
            "raw": pa.array([rejection.raw for rejection in ordered], pa.string()),
        }
    )
