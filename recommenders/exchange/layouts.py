"""What a file of rows can hold: its layouts, recognised by their columns; how each is checked and written."""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from recommenders.exchange.checks import Examination
from recommenders.exchange.keys import Keys
from recommenders.exchange.readers import Rows
from recommenders.exchange.rejections import Reason, Rejection, UnreadableFileError
from recommenders.store import Store
from recommenders.store.outside_ids import KnownIds


@dataclass(frozen=True)
class Checked:
    """The good rows of one stretch of a file.

    `table` typed columns; `lines` (n_rows,) their lines; `keys` (n_rows,) uint64, equal for rows that say the same
    thing; `countable` (n_rows,) whether an equal row is one more of its kind instead of a duplicate; `rejected` the
    lines set aside; `raw(i)` row i as it stands in the file.
    """

    table: pa.Table
    lines: npt.NDArray[np.int64]
    keys: Keys
    countable: npt.NDArray[np.bool_]
    rejected: list[Rejection]
    raw: Callable[[int], str]

    @classmethod
    def of(
        cls,
        examined: Examination,
        columns: dict[str, pa.Array],
        keys: Keys,
        countable: npt.NDArray[np.bool_] | None = None,
    ) -> "Checked":
        """The rows that an examination left good."""
        if countable is None:
            countable = np.zeros(len(keys), dtype=bool)
        return cls(pa.table(columns), examined.rows.lines, keys, countable, examined.rejected, examined.rows.raw).where(
            examined.good
        )

    def where(self, keep: npt.NDArray[np.bool_], rejected: Iterable[Rejection] = ()) -> "Checked":
        """Only the rows marked in `keep`; `rejected` are further lines set aside."""
        if keep.all():
            return self
        places, raw = np.flatnonzero(keep), self.raw
        return replace(
            self,
            table=self.table.filter(pa.array(keep)),
            lines=self.lines[keep],
            keys=self.keys[keep],
            countable=self.countable[keep],
            rejected=[*self.rejected, *rejected],
            raw=lambda index: raw(int(places[index])),
        )

    def without(self, bad: npt.NDArray[np.bool_], reason: Reason, detail: Callable[[int], str]) -> "Checked":
        """Set the rows in `bad` aside."""
        rejected = [
            Rejection(int(self.lines[index]), reason, detail(index), self.raw(index))
            for index in np.flatnonzero(bad).tolist()
        ]
        return self.where(~bad, rejected)


Check = Callable[[Rows, dt.datetime], Checked]
Write = Callable[[sa.Connection, Checked, npt.NDArray[np.int64], KnownIds], tuple[int, Checked]]


@dataclass(frozen=True)
class Layout:
    """One table that a file can hold.

    `check(rows, now)` is pure. `write(connection, checked, ordinals, known)` writes one stretch in the caller's
    transaction and returns the number of new rows, and `checked` less the rows that the store makes bad; `ordinals`
    (n_rows,) says how often a row's key came before in the file, and `known` are the ids met so far in it.
    `prepare(store, checked)` is called before that transaction. Where rows make sense only all together, `write`
    gathers them, and `finish(connection)` writes a part of what they make, in a transaction of its own: it is called
    after the last stretch, again and again, and returns the number of rows that became something new; None when all is
    written.
    """

    name: str
    required: frozenset[str]
    optional: frozenset[str]
    check: Check
    write: Write
    lists: frozenset[str] = field(default_factory=frozenset)
    prepare: Callable[[Store, Checked], None] | None = None
    finish: Callable[[sa.Connection], int | None] | None = None

    @property
    def columns(self) -> frozenset[str]:
        """Every column that this layout knows."""
        return self.required | self.optional


def recognise(fields: list[str], layouts: Iterable[Layout]) -> Layout:
    """The first of `layouts` of which the file has all that is required.

    Raises UnreadableFileError when it has none, a column that this layout does not know, or one twice.
    """
    known = list(layouts)
    layout = next((layout for layout in known if layout.required <= set(fields)), None)
    if layout is None:
        needed = " or ".join(f"{', '.join(sorted(layout.required))} ({layout.name})" for layout in known)
        raise UnreadableFileError(
            Reason.WRONG_HEADER, f"the columns are {', '.join(fields)[:300] or 'none'}; needed are {needed}"
        )
    unknown = [name for name in fields if name not in layout.columns]
    if unknown:
        known_names = ", ".join(sorted(layout.columns))
        raise UnreadableFileError(
            Reason.WRONG_HEADER,
            f"unknown column {', '.join(map(repr, unknown))[:300]}; {layout.name} can have {known_names}",
        )
    if len(set(fields)) < len(fields):
        twice = sorted({name for name in fields if fields.count(name) > 1})
        raise UnreadableFileError(Reason.WRONG_HEADER, f"the column {', '.join(twice)} is there twice")
    return layout
