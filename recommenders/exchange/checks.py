"""Rows under examination: the good ones as typed columns, the others set aside with the first thing that is wrong."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from recommenders.exchange.readers import Rows
from recommenders.exchange.rejections import Reason, Rejection
from recommenders.exchange.values import as_floats, as_integers, as_text, as_time, as_times

LONGEST_TEXT = 500  # what is longer is no name and no id, and would not fit into an index
LARGEST_INTEGER = 2**31 - 1

Mask = npt.NDArray[np.bool_]


def as_mask(condition: Any) -> Mask:
    """An Arrow condition as a numpy mask, null taken as False."""
    return np.asarray(pc.fill_null(condition, False))


class Examination:
    """The rows of one stretch of a file, while their fields are checked one after the other.

    Each method returns a whole column, (n_rows,), null where a row has no such value or a wrong one.
    """

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.good: Mask = np.ones(rows.table.num_rows, dtype=bool)
        self.rejected: list[Rejection] = list(rows.rejected)

    def reject(self, bad: Mask, reason: Reason, detail: str | Callable[[int], str]) -> None:
        """Set the rows in `bad` aside, those that are still good."""
        for index in np.flatnonzero(bad & self.good).tolist():
            text = detail if isinstance(detail, str) else detail(index)
            self.rejected.append(Rejection(int(self.rows.lines[index]), reason, text, self.rows.raw(index)))
        self.good &= ~bad

    def given(self, name: str) -> pa.Array:
        """The column as the file has it, text without white space around it; null where the file has no such column."""
        if name not in self.rows.table.column_names:
            return pa.nulls(len(self.good), pa.string())
        column = self.rows.table[name].combine_chunks()
        return as_text(column) if pa.types.is_string(column.type) else column

    def text(self, name: str, *, required: bool = False, longest: int = LONGEST_TEXT) -> pa.Array:
        """A text, at most `longest` characters long."""
        column = as_text(self.given(name))
        if required:
            self._require(name, column)
        long = as_mask(pc.greater(pc.utf8_length(column), longest))
        self.reject(long, Reason.TEXT_TOO_LONG, f"{name} is longer than {longest} characters")
        return column

    def texts(self, name: str, *, required: bool = False) -> list[list[str | None]]:
        """For each row a list of texts: from a list, or from one text with ";" between its parts.

        An empty part is None; where nothing is given, the list is empty.
        """
        column = self.given(name)
        if pa.types.is_string(column.type):
            column = pc.split_pattern(column, ";")
        lists = [[(part or "").strip() or None for part in parts or ()] for parts in column.to_pylist()]
        if required:
            self.reject(np.array([not any(parts) for parts in lists], bool), Reason.MISSING, f"{name} is missing")
        too_long = [any(part and len(part) > LONGEST_TEXT for part in parts) for parts in lists]
        detail = f"{name} is longer than {LONGEST_TEXT} characters"
        self.reject(np.array(too_long, bool), Reason.TEXT_TOO_LONG, detail)
        return lists

    def time(self, name: str, *, required: bool = False) -> pa.Array:
        """A time, UTC."""
        given = self.given(name)
        column = as_times(given)
        if required:
            self._require(name, given)
        self._convertible(name, given, column, Reason.BAD_DATE, "no ISO 8601 date or time, nor unix seconds")
        return column

    def within(self, name: str, column: pa.Array, earliest: dt.datetime, now: dt.datetime) -> None:
        """Set aside the rows whose time is before `earliest` or after `now`."""
        early = as_mask(pc.less(column, as_time(earliest)))
        self.reject(early, Reason.BAD_DATE, lambda i: f"{name} = {column[i]} is before {earliest:%Y-%m-%d}")
        late = as_mask(pc.greater(column, as_time(now)))
        self.reject(
            late, Reason.FUTURE, lambda i: f"{name} = {column[i]} is after the import at {now:%Y-%m-%d %H:%M:%S}Z"
        )

    def integer(self, name: str, *, required: bool = False, least: int = 0, most: int = LARGEST_INTEGER) -> pa.Array:
        """A whole number of at least `least` (0 or 1) and at most `most`."""
        given = self.given(name)
        if required:
            self._require(name, given)
        column = as_integers(given)
        self._convertible(name, given, column, Reason.BAD_NUMBER, "no whole number")
        few = as_mask(pc.less(column, least))
        self.reject(few, Reason.NEGATIVE_COUNT, lambda i: f"{name} = {column[i]} is less than {least}")
        many = as_mask(pc.greater(column, most))
        self.reject(many, Reason.BAD_NUMBER, lambda i: f"{name} = {column[i]} is more than {most}")
        return column

    def number(self, name: str, bounds: tuple[float, float] | None = None) -> pa.Array:
        """A positive number, or one within `bounds`."""
        given = self.given(name)
        column = as_floats(given)
        self._convertible(name, given, column, Reason.BAD_NUMBER, "no number")
        if bounds:
            beyond = as_mask(pc.or_(pc.less(column, bounds[0]), pc.greater(column, bounds[1])))
            detail = f"is not from {bounds[0]:g} to {bounds[1]:g}"
            self.reject(beyond, Reason.BAD_NUMBER, lambda i: f"{name} = {column[i]} {detail}")
            return column
        self.reject(
            as_mask(pc.less_equal(column, 0)), Reason.NEGATIVE_COUNT, lambda i: f"{name} = {column[i]} is not above 0"
        )
        return column

    def _require(self, name: str, column: pa.Array) -> None:
        self.reject(as_mask(pc.is_null(column)), Reason.MISSING, f"{name} is missing")

    def _convertible(self, name: str, given: pa.Array, column: pa.Array, reason: Reason, wanted: str) -> None:
        bad = as_mask(pc.and_(pc.is_valid(given), pc.is_null(column)))
        self.reject(bad, reason, lambda i: f"{name} = {str(given[i])[:100]!r} is {wanted}")
