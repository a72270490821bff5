"""Bulk reading and writing: COPY in and out, between Postgres and numpy or Arrow, no Python object per row."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import sqlalchemy as sa

_BINARY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_BINARY_TRAILER = b"\xff\xff"
_EPOCH_2000_US = 946_684_800_000_000
_ELEMENT_OIDS = {"i8": 20, "i4": 23, "i2": 21, "f4": 700, "f8": 701}


class HalfVectors:
    """Marks a (n, dimensions) array that is stored as pgvector's `halfvec`."""

    def __init__(self, vectors: npt.NDArray[np.float32]) -> None:
        self.vectors = vectors


def _cursor(connection: sa.Connection) -> Any:
    return connection.connection.cursor()


def stage(connection: sa.Connection, name: str, columns: str, data: pa.Table) -> None:
    """Create the temporary table `name` with `columns` (SQL), filled with `data`; it ends with the transaction."""
    connection.execute(sa.text(f"CREATE TEMPORARY TABLE {name} ({columns}) ON COMMIT DROP"))
    copy_in(connection, name, data)
    connection.execute(sa.text(f"ANALYZE {name}"))


def copy_in(connection: sa.Connection, table: str, data: pa.Table) -> None:
    """COPY an Arrow table (scalar columns, named as in `table`) into `table`."""
    if not data.num_rows:
        return
    columns = ", ".join(f'"{name}"' for name in data.column_names)
    with _cursor(connection) as cursor:
        for batch in data.to_batches(max_chunksize=200_000):
            buffer = io.BytesIO()
            pyarrow.csv.write_csv(batch, buffer, pyarrow.csv.WriteOptions(include_header=False))
            buffer.seek(0)
            cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN (FORMAT csv)", buffer)


def copy_in_typed(connection: sa.Connection, table: str, data: pa.Table) -> None:
    """COPY an Arrow table whose types are those of `table`'s columns into it: half the time of `copy_in`.

    int16/32/64 for smallint, integer, bigint; float32/64 for real and double precision; timestamp[us] for timestamptz;
    string for text and enumerations; all may hold nulls.
    """
    names = ", ".join(f'"{name}"' for name in data.column_names)
    with _cursor(connection) as cursor:
        for batch in data.to_batches(max_chunksize=200_000):
            buffer = io.BytesIO(_BINARY_HEADER + _binary_rows(batch).tobytes() + _BINARY_TRAILER)
            cursor.copy_expert(f"COPY {table} ({names}) FROM STDIN (FORMAT binary)", buffer, size=1 << 20)


def _binary_rows(batch: pa.RecordBatch) -> npt.NDArray[np.uint8]:
    """The rows as binary COPY wants them: the number of fields, then each field's length (-1 = null) and octets."""
    n_rows = batch.num_rows
    fields = [_octets(column) for column in batch.columns]
    lengths = [
        np.where(column.is_valid(), length, 0) for column, (length, _) in zip(batch.columns, fields, strict=True)
    ]
    starts = np.concatenate([[0], np.cumsum(2 + 4 * len(fields) + sum(lengths, np.zeros(n_rows, dtype=np.int64)))])
    rows = np.zeros(starts[-1], dtype=np.uint8)
    rows[starts[:-1] + 1] = len(fields)
    places = starts[:-1] + 2
    for column, length, (_, octets) in zip(batch.columns, lengths, fields, strict=True):
        headers = np.where(column.is_valid(), length, -1).astype(">i4").view(np.uint8).reshape(n_rows, 4)
        for i in range(4):
            rows[places + i] = headers[:, i]
        places = places + 4
        if octets.ndim == 2:
            valid = np.flatnonzero(column.is_valid())
            for i in range(octets.shape[1]):
                rows[places[valid] + i] = octets[valid, i]
        else:
            within = np.arange(len(octets)) - np.repeat(np.cumsum(length) - length, length)
            rows[np.repeat(places, length) + within] = octets
        places = places + length
    return rows


def _octets(column: pa.Array) -> tuple[Any, npt.NDArray[np.uint8]]:
    """The length of each value in octets, and the octets: (n, width) of numbers, or those of all texts in a row."""
    if pa.types.is_string(column.type):
        encoded = column.fill_null("").cast(pa.binary())
        text = np.frombuffer(b"".join(encoded.to_pylist()), dtype=np.uint8) if len(encoded) else np.empty(0, np.uint8)
        return pc.binary_length(encoded).to_numpy(), text
    if pa.types.is_timestamp(column.type):
        numbers = column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64()).fill_null(0).to_numpy()
        numbers = numbers - _EPOCH_2000_US
    else:
        numbers = column.fill_null(0).to_numpy(zero_copy_only=False)
    width = numbers.dtype.itemsize
    return width, numbers.astype(numbers.dtype.newbyteorder(">")).view(np.uint8).reshape(len(numbers), width)


def copy_in_binary(
    connection: sa.Connection, table: str, columns: Mapping[str, npt.NDArray[Any] | HalfVectors]
) -> None:
    """COPY fixed-width numpy columns into `table`, about twice as fast as CSV.

    A (n,) array fills a scalar column (int16/32/64, float32/64, bool, datetime64[us] for timestamptz), a (n, k) array
    an SQL array of k elements, HalfVectors a halfvec column. There is no way to write NULL.
    """
    first = next(iter(columns.values()))
    n_rows = len(first.vectors) if isinstance(first, HalfVectors) else len(first)
    if not n_rows:
        return
    fields: list[tuple[str, Any]] = [("count", ">i2")]
    values: list[tuple[str, Any]] = [("count", len(columns))]
    for index, column in enumerate(columns.values()):
        dtype, parts = _binary_field(column)
        name = f"c{index}"
        fields += [(f"{name}_len", ">i4"), (name, dtype)]
        values += [(f"{name}_len", np.dtype(dtype).itemsize), (name, parts)]
    rows = np.zeros(n_rows, dtype=fields)
    for name, value in values:
        if isinstance(value, dict):
            for part, content in value.items():
                rows[name][part] = content
        else:
            rows[name] = value
    names = ", ".join(f'"{name}"' for name in columns)
    with _cursor(connection) as cursor:
        buffer = io.BytesIO(_BINARY_HEADER + rows.tobytes() + _BINARY_TRAILER)
        cursor.copy_expert(f"COPY {table} ({names}) FROM STDIN (FORMAT binary)", buffer, size=1 << 20)


def _binary_field(column: npt.NDArray[Any] | HalfVectors) -> tuple[Any, Any]:
    """The structured dtype of one column in binary COPY, and what to fill it with."""
    if isinstance(column, HalfVectors):
        dimensions = column.vectors.shape[1]
        dtype: Any = [("dim", ">i2"), ("unused", ">i2"), ("elements", ">f2", (dimensions,))]
        return dtype, {"dim": dimensions, "elements": column.vectors}
    if column.dtype.kind == "M":
        return ">i8", column.astype("datetime64[us]").astype(np.int64) - _EPOCH_2000_US
    code = column.dtype.str[1:]
    if column.ndim == 1:
        return ">" + code, column
    width = column.shape[1]
    if width == 0:
        return [("ndim", ">i4"), ("nulls", ">i4"), ("oid", ">i4")], {"oid": _ELEMENT_OIDS[code]}
    element = np.dtype([("len", ">i4"), ("value", ">" + code)])
    dtype = [
        ("ndim", ">i4"),
        ("nulls", ">i4"),
        ("oid", ">i4"),
        ("size", ">i4"),
        ("lower", ">i4"),
        ("elements", element, (width,)),
    ]
    elements = np.empty(column.shape, dtype=element)
    elements["len"] = np.dtype(code).itemsize
    elements["value"] = column
    return dtype, {"ndim": 1, "oid": _ELEMENT_OIDS[code], "size": width, "lower": 1, "elements": elements}


def copy_out(
    connection: sa.Connection,
    query: str,
    columns: Sequence[tuple[str, str]],
    parameters: Mapping[str, Any] | None = None,
) -> dict[str, npt.NDArray[Any]]:
    """COPY the rows of `query` out as one numpy array per column.

    `query` returns only fixed-width, non-null columns, in the order of `columns`: pairs of a name and a numpy type
    (`i8`, `i4`, `i2`, `f4`, `f8`, `?`, `M8[us]` for timestamptz, `halfvec(N)`, which comes as (n_rows, N) float32, or
    `i8[N]` for arrays that all have N elements, which come as (n_rows, N)). Parameters are `%(name)s`.
    """
    fields: list[tuple[str, Any]] = [("count", ">i2")]
    for name, code in columns:
        fields += [(f"{name}_len", ">i4"), (name, _stored_as(code))]
    dtype = np.dtype(fields)
    buffer = io.BytesIO()
    with _cursor(connection) as cursor:
        bound = cursor.mogrify(query, parameters).decode()
        cursor.copy_expert(f"COPY ({bound}) TO STDOUT (FORMAT binary)", buffer, size=1 << 20)
    body = buffer.getbuffer()[len(_BINARY_HEADER) : -len(_BINARY_TRAILER)]
    if len(body) % dtype.itemsize:
        raise ValueError(f"A column of this query is null or not of the named type: {query}")
    rows = np.frombuffer(body, dtype=dtype)
    result: dict[str, npt.NDArray[Any]] = {}
    for name, code in columns:
        values = rows[name]
        if not (rows[f"{name}_len"] == values.dtype.itemsize).all():
            raise ValueError(f"The column {name} of this query is null or not of the type {code}: {query}")
        if code == "M8[us]":
            infinite = values == np.iinfo(np.int64).min
            shifted = values.astype(np.int64) + np.where(infinite, 0, _EPOCH_2000_US)
            result[name] = shifted.view("M8[us]")  # -infinity becomes NaT
        elif code.endswith("]"):
            result[name] = values["elements"]["value"].astype(code.partition("[")[0])
        elif code.startswith("halfvec"):
            result[name] = values["elements"].astype(np.float32)
        else:
            result[name] = values.astype(code)
    return result


def _stored_as(code: str) -> Any:
    """The numpy type in which binary COPY stores a column of this code."""
    if code == "M8[us]":
        return ">i8"
    if code.startswith("halfvec"):
        return [("dim", ">i2"), ("unused", ">i2"), ("elements", ">f2", (int(code[8:-1]),))]
    if code.endswith("]"):
        kind, _, count = code[:-1].partition("[")
        header = [(field, ">i4") for field in ("ndim", "nulls", "oid", "size", "lower")]
        return [*header, ("elements", [("len", ">i4"), ("value", ">" + kind)], (int(count),))]
    return code if code == "?" else ">" + code


def fetch_table(connection: sa.Connection, query: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
    """The rows of `query` (parameters `:name`) as an Arrow table; for results with text, up to some 100,000 rows."""
    result = connection.execute(sa.text(query), parameters or {})
    names = list(result.keys())
    rows = result.fetchall()
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return pa.table({name: list(column) for name, column in zip(names, columns, strict=True)})
