"""What goes into Postgres by COPY comes out of it unchanged."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

from recommenders.store import Store
from recommenders.store.bulk import HalfVectors, copy_in, copy_in_binary, copy_in_typed, copy_out, fetch_table


def test_binary_copy_brings_every_type_in_and_out(store: Store) -> None:
    rng = np.random.default_rng(1)
    n = 1000
    times = np.datetime64("2024-02-29T23:59:59.999999", "us") + np.arange(n).astype("m8[us]")
    integers = rng.integers(-(2**62), 2**62, n)
    with store.begin() as connection:
        connection.execute(
            sa.text("CREATE TABLE t (a bigint, b smallint, c real, d timestamptz, e bigint[], f halfvec, g boolean)")
        )
        copy_in_binary(
            connection,
            "t",
            {
                "a": integers,
                "b": rng.integers(0, 99, n).astype(np.int16),
                "c": rng.random(n, dtype=np.float32),
                "d": times,
                "e": np.arange(3 * n).reshape(n, 3),
                "f": HalfVectors(np.full((n, 4), 0.5, dtype=np.float32)),
                "g": integers > 0,
            },
        )
        out = copy_out(
            connection,
            "SELECT a, d, g FROM t WHERE b >= %(least)s",
            [("a", "i8"), ("d", "M8[us]"), ("g", "?")],
            {"least": 0},
        )
        assert np.array_equal(out["a"], integers)
        assert np.array_equal(out["d"], times)
        assert np.array_equal(out["g"], integers > 0)
        arrays = copy_out(connection, "SELECT e FROM t ORDER BY e", [("e", "i8[3]")])
        assert np.array_equal(arrays["e"], np.arange(3 * n).reshape(n, 3))
        with pytest.raises(ValueError, match="not of the"):
            copy_out(connection, "SELECT e[1:2] FROM t", [("e", "i8[3]")])
        row = connection.execute(sa.text("SELECT d, e, f::text FROM t WHERE e[1] = 3")).one()
    assert row == (dt.datetime(2024, 3, 1, tzinfo=dt.UTC), [3, 4, 5], "[0.5,0.5,0.5,0.5]")


def test_text_survives_csv_copy_whatever_is_in_it(store: Store) -> None:
    words = ['say "hello"', "a,b", "line\nbreak", "", None, "\\N", "Sigur Rós", "ヨルシカ", "\\."]
    with store.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (n bigint, word text)"))
        copy_in(connection, "t", pa.table({"n": range(len(words)), "word": words}))
        assert fetch_table(connection, "SELECT word FROM t ORDER BY n")["word"].to_pylist() == words


def test_typed_copy_brings_the_same_rows_in_as_csv_copy_nulls_and_text_included(store: Store) -> None:
    words = ["", None, "Sigur Rós", "ヨルシカ", "a,b", None, "\\N"]
    data = pa.table(
        {
            "n": pa.array([3, None, -(2**62), 0, 1, 2, None], pa.int64()),
            "small": pa.array([None, -1, 2**15 - 1, 0, 1, None, 5], pa.int16()),
            "real": pa.array([0.5, -1.25, None, 1e30, 0, 1, 2], pa.float32()),
            "at": pa.array(
                [dt.datetime(1999, 12, 31, 23, 59, 59, 999999, dt.UTC), None, dt.datetime(2026, 1, 1, tzinfo=dt.UTC)]
                + [dt.datetime(1970, 1, 1, tzinfo=dt.UTC)] * 4,
                pa.timestamp("us", "UTC"),
            ),
            "word": words,
            "none": pa.nulls(7, pa.string()),
            "kind": ["play", "save", None, "love", "play", "ban", "rating"],
        }
    )
    columns = "n bigint, small smallint, real real, at timestamptz, word text, none text, kind event_kind"
    with store.begin() as connection:
        for table, copy in (("by_csv", copy_in), ("typed", copy_in_typed)):
            connection.execute(sa.text(f"CREATE TABLE {table} ({columns})"))
            copy(connection, table, data)
            copy(connection, table, data.slice(0, 0))
        by_csv, typed = (
            connection.execute(sa.text(f"SELECT t::text FROM {table} t")).scalars().all()
            for table in ("by_csv", "typed")
        )
    assert typed == by_csv
    assert len(typed) == 7


def test_a_null_in_a_binary_column_is_an_error_not_a_wrong_number(store: Store) -> None:
    with store.begin() as connection, pytest.raises(ValueError, match="null"):
        copy_out(connection, "SELECT NULL::bigint", [("a", "i8")])
