"""Readers of CSV, JSON lines and Parquet: a file as stretches of rows, each row with its line, in bounded memory."""

import csv
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from recommenders.exchange.lines import BLOCK_BYTES, Lines, read_lines
from recommenders.exchange.rejections import Reason, Rejection, UnreadableFileError, readable

BATCH_ROWS = 200_000
HEADER_BYTES = 1 << 16


@dataclass(frozen=True)
class Rows:
    """The rows of one stretch of a file.

    `table` holds the columns that the file has, as text or as the file's own types; `lines` (n_rows,) ascending, the
    line of each row; `last` the last line of the stretch; `rejected` its lines that make no row; `raw(i)` row i as
    it stands in the file.
    """

    table: pa.Table
    lines: npt.NDArray[np.int64]
    last: int
    rejected: list[Rejection]
    raw: Callable[[int], str]


class TableFile(ABC):
    """A file of rows. It can be read again and again, and reads the same each time."""

    fields: list[str]

    @abstractmethod
    def rows(self) -> Iterator[Rows]:
        """The rows, a stretch at a time."""


class CsvFile(TableFile):
    """CSV with a header: one row a line, RFC 4180 quoting without line breaks inside a field."""

    def __init__(self, path: Path, delimiter: str = ",", quoting: bool = True, block_bytes: int = BLOCK_BYTES) -> None:
        """Read the header of `path`; raises UnreadableFileError when there is none."""
        self.path = path
        self.delimiter = delimiter
        self.quoting = quoting
        self.block_bytes = block_bytes
        header = self._header()
        try:
            self.fields = [name.strip() for name in next(self._python_reader([header]))]
        except csv.Error as error:
            raise UnreadableFileError(Reason.WRONG_HEADER, f"the header is no CSV: {error}", 1, header) from error

    def _header(self) -> str:
        with self.path.open("rb") as file:
            for lines in read_lines(file, HEADER_BYTES):
                if lines.rejected and (not len(lines) or lines.rejected[0].line < lines.numbers[0]):
                    first = lines.rejected[0]
                    raise UnreadableFileError(first.reason, f"the header: {first.detail}", first.line, first.raw)
                if len(lines):
                    return lines.line(0).decode()
        raise UnreadableFileError(Reason.EMPTY_FILE, "the file is empty: not even a header")

    def rows(self) -> Iterator[Rows]:
        """The rows after the header."""
        with self.path.open("rb") as file:
            header_passed = False
            for lines in read_lines(file, self.block_bytes):
                body = lines
                if not header_passed and len(lines):
                    header_passed = True
                    body = lines.select(np.arange(len(lines)) > 0, [])
                yield self._parse(self._without_open_quotes(body) if self.quoting else body)

    def _without_open_quotes(self, lines: Lines) -> Lines:
        positions = np.flatnonzero(np.frombuffer(lines.data, dtype=np.uint8) == ord('"'))
        if not len(positions) or not len(lines):
            return lines
        owners = lines.lines_of(positions)
        inside = (owners >= 0) & (positions < lines.ends[np.maximum(owners, 0)])
        odd = np.bincount(owners[inside], minlength=len(lines)) % 2 == 1
        outcomes = {index: self._parse_line(lines, index) for index in np.flatnonzero(odd).tolist()}
        rejected = {index: outcome for index, outcome in outcomes.items() if isinstance(outcome, Rejection)}
        keep = np.ones(len(lines), dtype=bool)
        keep[list(rejected)] = False  # the others have a quote as a letter: 12" Mix
        return lines.select(keep, list(rejected.values())) if rejected else lines

    def _parse(self, lines: Lines) -> Rows:
        """The lines as a table of text: all at once, or one by one where a quote or a return is out of place."""
        if not len(lines):
            return self._rows(lines, [])
        if lines.data.count(b"\r") != lines.data.count(b"\r\n"):
            return self._parse_one_by_one(lines)  # a return alone ends a line for Arrow
        wrong: list[int] = []

        def note(row: Any) -> str:
            wrong.append(row.number - 1)
            return "skip"

        table = pyarrow.csv.read_csv(
            pa.BufferReader(lines.joined()),
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False, column_names=self.fields, block_size=max(1 << 16, 2 * self.block_bytes)
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=self.delimiter,
                quote_char='"' if self.quoting else False,
                ignore_empty_lines=False,
                invalid_row_handler=note,
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(self.fields, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
                check_utf8=False,
            ),
        )
        if table.num_rows + len(wrong) != len(lines):
            return self._parse_one_by_one(lines)
        if not wrong:
            return _rows_of(table, lines)
        outcomes = [self._parse_line(lines, index) for index in wrong]
        rejected = [outcome for outcome in outcomes if isinstance(outcome, Rejection)]
        if len(rejected) < len(wrong):
            return self._parse_one_by_one(lines)
        keep = np.ones(len(lines), dtype=bool)
        keep[wrong] = False
        return _rows_of(table, lines.select(keep, rejected))

    def _parse_one_by_one(self, lines: Lines) -> Rows:
        outcomes = [self._parse_line(lines, index) for index in range(len(lines))]
        rejected = [outcome for outcome in outcomes if isinstance(outcome, Rejection)]
        keep = np.array([not isinstance(outcome, Rejection) for outcome in outcomes], dtype=bool)
        return self._rows(lines.select(keep, rejected), [row for row in outcomes if not isinstance(row, Rejection)])

    def _parse_line(self, lines: Lines, index: int) -> list[str | None] | Rejection:
        line = lines.line(index)
        try:
            row = next(self._python_reader([line.decode()]))
        except csv.Error as error:
            detail = f"a quote is left open or out of place: {error}"
            return Rejection(int(lines.numbers[index]), Reason.OPEN_QUOTE, detail, readable(line))
        if len(row) == len(self.fields):
            return [value or None for value in row]
        detail = f"{len(row)} fields, but the header has {len(self.fields)}"
        return Rejection(int(lines.numbers[index]), Reason.FIELD_COUNT, detail, readable(line))

    def _rows(self, lines: Lines, rows: Sequence[Sequence[str | None]]) -> Rows:
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(self.fields)
        arrays = [pa.array(column, pa.string()) for column in columns]
        return _rows_of(pa.Table.from_arrays(arrays, self.fields), lines)

    def _python_reader(self, text: list[str]) -> Any:
        if self.quoting:
            return csv.reader(text, delimiter=self.delimiter, strict=True)
        return csv.reader(text, delimiter=self.delimiter, quoting=csv.QUOTE_NONE)


def _rows_of(table: pa.Table, lines: Lines) -> Rows:
    return Rows(
        table.combine_chunks(),
        lines.numbers,
        lines.last,
        sorted(lines.rejected, key=lambda rejection: rejection.line),
        lambda index: readable(lines.line(index)),
    )


class JsonLinesFile(TableFile):
    """One JSON object a line. A field may be missing, null, a text, a number, or (`list_fields`) a list of texts."""

    def __init__(
        self,
        path: Path,
        known_fields: frozenset[str],
        list_fields: frozenset[str] = frozenset(),
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        """Find the fields of the first object that has only `known_fields`.

        Raises UnreadableFileError when there is no such object.
        """
        self.path = path
        self.known_fields = known_fields
        self.list_fields = list_fields
        self.block_bytes = block_bytes
        self.fields = self._first_fields()

    def _first_fields(self) -> list[str]:
        first: Rejection | None = None
        with self.path.open("rb") as file:
            for lines in read_lines(file, HEADER_BYTES):
                objects, _, rejected = self._objects(lines)
                if objects:
                    return list(objects[0])
                first = first or min(rejected + lines.rejected, key=lambda rejection: rejection.line, default=None)
        if first is None:
            raise UnreadableFileError(Reason.EMPTY_FILE, "the file is empty")
        raise UnreadableFileError(
            first.reason, f"no line can be read; the first: {first.detail}", first.line, first.raw
        )

    def rows(self) -> Iterator[Rows]:
        """Every object that has only known fields, of types that they may have."""
        with self.path.open("rb") as file:
            for lines in read_lines(file, self.block_bytes):
                objects, keep, rejected = self._objects(lines)
                columns = {name: _json_column([fields.get(name) for fields in objects]) for name in self.known_fields}
                yield _rows_of(pa.table(columns), lines.select(keep, rejected))

    def _objects(self, lines: Lines) -> tuple[list[dict[str, Any]], npt.NDArray[np.bool_], list[Rejection]]:
        objects: list[dict[str, Any]] = []
        keep = np.ones(len(lines), dtype=bool)
        rejected = []
        for index in range(len(lines)):
            line = lines.line(index)
            try:
                fields = json.loads(line.decode())
                problem = self._problem(fields, line)
            except (ValueError, RecursionError) as error:
                problem = Reason.BAD_JSON, f"no JSON: {error}"
            if problem is None:
                objects.append(fields)
            else:
                keep[index] = False
                rejected.append(Rejection(int(lines.numbers[index]), *problem, readable(line)))
        return objects, keep, rejected

    def _problem(self, fields: Any, line: bytes) -> tuple[Reason, str] | None:
        if not isinstance(fields, dict):
            return Reason.BAD_JSON, "the line is no JSON object"
        if not fields.keys() <= self.known_fields:
            unknown = ", ".join(sorted(fields.keys() - self.known_fields))
            return Reason.UNKNOWN_FIELD, f"unknown field {unknown}; known are {', '.join(sorted(self.known_fields))}"
        for name, value in fields.items():
            if type(value) not in _JSON_SCALARS and not (name in self.list_fields and _is_list_of_text(value)):
                return Reason.BAD_JSON, f"{name} is neither text nor number"
        if b"\\u" in line:
            return _escape_problem(fields)
        return None


_JSON_SCALARS = frozenset([str, int, float, type(None)])


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _escape_problem(fields: dict[str, Any]) -> tuple[Reason, str] | None:
    r"""What JSON's \u escapes can hide in a text, and Postgres would not take."""
    text = "".join(item for value in fields.values() if isinstance(value, str | list) for item in value)
    if "\0" in text:
        return Reason.NUL_BYTE, "a text contains a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return Reason.ENCODING, f"a text is no Unicode: {error.reason}"
    return None


def _json_column(values: list[Any]) -> pa.Array:
    """One field of many objects: all text, all numbers or all lists of text as they are; a mixture as text."""
    try:
        column = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        column = None
    if column is None or pa.types.is_null(column.type):
        texts = [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
        return pa.array(texts, pa.string())
    return column


class ParquetFile(TableFile):
    """Parquet with columns of text, numbers, times, or (`list_fields`) lists of text; a line is a row, from 1."""

    def __init__(self, path: Path, list_fields: frozenset[str] = frozenset(), batch_rows: int = BATCH_ROWS) -> None:
        """Read the schema of `path`; raises UnreadableFileError when the file is empty, damaged or of other types."""
        self.path = path
        if not path.stat().st_size:
            raise UnreadableFileError(Reason.EMPTY_FILE, "the file is empty")
        try:
            with pq.ParquetFile(path) as file:
                schema = file.schema_arrow
                groups = [file.metadata.row_group(index) for index in range(file.metadata.num_row_groups)]
        except (pa.ArrowException, OSError) as error:
            raise UnreadableFileError(Reason.DAMAGED_FILE, f"no Parquet, or cut short: {error}") from error
        self.fields = list(schema.names)
        for field in schema:
            if pa.types.is_nested(field.type) and field.name not in list_fields:
                detail = f"the column {field.name} is a {field.type}, neither text nor number nor time"
                raise UnreadableFileError(Reason.WRONG_HEADER, detail)
        row_bytes = max((group.total_byte_size / max(1, group.num_rows) for group in groups), default=0.0)
        self.batch_rows = max(1, min(batch_rows, int(4 * BLOCK_BYTES / max(1.0, row_bytes))))

    def rows(self) -> Iterator[Rows]:
        """Every row; from a damaged page on, nothing."""
        last = 0
        try:
            with pq.ParquetFile(self.path, pre_buffer=False, buffer_size=1 << 20) as file:
                for batch in file.iter_batches(self.batch_rows, use_threads=False):
                    table = pa.table({name: _plain(column) for name, column in zip(self.fields, batch, strict=True)})
                    first, last = last + 1, last + batch.num_rows
                    yield _sound_rows(table, first)
        except (pa.ArrowException, OSError) as error:
            detail = f"the file is damaged; nothing from this row on was read: {error}"
            empty = pa.table({name: pa.nulls(0) for name in self.fields})
            rejected = [Rejection(last + 1, Reason.DAMAGED_FILE, detail)]
            yield Rows(empty, np.empty(0, dtype=np.int64), last + 1, rejected, str)


def _plain(column: pa.Array) -> pa.Array:
    """A column without dictionary, and text of any Arrow type as binary: it is not trusted to be text."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    texts = (pa.string(), pa.large_string(), pa.string_view(), pa.large_binary(), pa.binary_view())
    return column.cast(pa.binary()) if column.type in texts else column


def _sound_rows(table: pa.Table, first: int) -> Rows:
    """The rows of which every text is UTF-8 without NUL, their text as such."""
    faults: dict[int, tuple[Reason, str]] = {}
    for name in table.column_names:
        if pa.types.is_binary(table[name].type):
            faults |= _text_faults(name, table[name].combine_chunks())
    numbers = np.arange(first, first + table.num_rows)
    keep = np.ones(table.num_rows, dtype=bool)
    keep[list(faults)] = False
    rejected = [
        Rejection(first + index, reason, detail, readable(str(table.slice(index, 1).to_pylist()[0])))
        for index, (reason, detail) in sorted(faults.items())
    ]
    sound = table.filter(pa.array(keep)) if faults else table
    sound = pa.table(
        {
            name: _as_string(column.combine_chunks())
            for name, column in zip(sound.column_names, sound.columns, strict=True)
        }
    )

    def raw(index: int) -> str:
        return readable(json.dumps(sound.slice(index, 1).to_pylist()[0], default=str, ensure_ascii=False))

    return Rows(sound, numbers[keep], first + table.num_rows - 1, rejected, raw)


def _as_string(column: pa.Array) -> pa.Array:
    return column.cast(pa.string()) if pa.types.is_binary(column.type) else column


def _text_faults(name: str, column: pa.BinaryArray) -> dict[int, tuple[Reason, str]]:
    octets = column.buffers()[2]
    clean = octets is None or b"\0" not in octets.to_pybytes()
    try:
        if clean:
            column.cast(pa.string())
            return {}
    except pa.ArrowInvalid:
        pass
    faults = {}
    for index, value in enumerate(column.to_pylist()):
        try:
            if value is not None and "\0" in value.decode():
                faults[index] = Reason.NUL_BYTE, f"{name} contains a NUL character"
        except UnicodeDecodeError as error:
            faults[index] = Reason.ENCODING, f"{name} is not UTF-8: {error.reason}"
    return faults
