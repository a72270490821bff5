"""Readers: each row with its own line, whatever surrounds it and however the file is cut into stretches."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommenders.exchange.lines import LONGEST_LINE, read_lines
from recommenders.exchange.readers import CsvFile, JsonLinesFile, ParquetFile, TableFile
from recommenders.exchange.rejections import UnreadableFileError

JSON_FIELDS = frozenset(["a", "b", "names"])
LISTS = frozenset(["names"])


def read(file: TableFile) -> tuple[dict[int, dict[str, object]], dict[int, str]]:
    """The rows and the reasons of a file, each by its line."""
    rows: dict[int, dict[str, object]] = {}
    reasons: dict[int, str] = {}
    last = 0
    for part in file.rows():
        for line, row in zip(part.lines.tolist(), part.table.to_pylist(), strict=True):
            assert last < line <= part.last
            rows[line] = row
        reasons |= {rejection.line: rejection.reason.value for rejection in part.rejected}
        last = part.last
    return rows, reasons


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    lines=st.lists(
        st.one_of(
            st.builds("{},{}".format, st.text("ab é夜", max_size=5), st.text("xy", max_size=5)),
            st.text('a",\r é\0', max_size=8),
        ),
        max_size=12,
    ),
    ending=st.sampled_from(["\n", "\r\n"]),
    last_ending=st.booleans(),
    block_bytes=st.integers(1, 200),
)
def test_csv_agrees_with_the_standard_library_line_by_line(
    tmp_path: Path, lines: list[str], ending: str, last_ending: bool, block_bytes: int
) -> None:
    lines = [line.rstrip("\r") for line in lines]
    path = tmp_path / "a.csv"
    path.write_bytes((ending.join(["one,two", *lines]) + ending * last_ending).encode())
    rows, reasons = read(CsvFile(path, block_bytes=block_bytes))
    for number, line in enumerate(lines, start=2):
        if not line:
            assert number not in rows and number not in reasons
            continue
        try:
            expected = next(csv.reader(io.StringIO(line, newline=""), strict=True)) if "\r" not in line else []
        except csv.Error:
            continue  # a quote inside a quoted field: either reading is fair, the neighbours count
        if len(expected) == 2 and "\0" not in line:
            assert rows[number] == {"one": expected[0] or None, "two": expected[1] or None}
        else:
            assert number in reasons
            assert number not in rows


def test_csv_keeps_its_line_numbers_among_every_kind_of_bad_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = [
        b"1,good",
        b"",
        b"2,caf\xe9",
        b'3,"quoted, with a comma"',
        b'4,"left open',
        b"5,nul\0byte",
        b"6," + b"x" * (LONGEST_LINE + 1),
        b"7,too,many",
        b'8,12" Mix',
        b'9,x"y,"z',
        b"10,a\rb",
        b"11,\xe5\xa4\x9c",
    ]
    path.write_bytes(b"\xef\xbb\xbfid,text\r\n" + b"\r\n".join(lines))
    for block_bytes in (7, 64, 1 << 24):
        rows, reasons = read(CsvFile(path, block_bytes=block_bytes))
        assert {line: row["text"] for line, row in rows.items()} == {
            2: "good",
            5: "quoted, with a comma",
            10: '12" Mix',
            13: "夜",
        }
        assert reasons == {
            4: "encoding",
            6: "open_quote",
            7: "nul_byte",
            8: "line_too_long",
            9: "field_count",
            11: reasons[11],
            12: reasons[12],
        }


def test_a_line_longer_than_memory_allows_is_passed_over(tmp_path: Path) -> None:
    class Endless(io.RawIOBase):
        """A good line, one of 256 MiB, a good line."""

        def __init__(self) -> None:
            self.parts = iter([b"first\n", *[b"x" * (1 << 22)] * 64, b"\nlast\n"])

        def read(self, size: int = -1) -> bytes:
            return next(self.parts, b"")

    seen = [(lines.numbers.tolist(), [r.line for r in lines.rejected]) for lines in read_lines(Endless())]  # type: ignore[arg-type]
    assert [number for numbers, _ in seen for number in numbers] == [1, 3]
    assert [line for _, rejected in seen for line in rejected] == [2]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "bad_json"),
        ("[1, 2]", "bad_json"),
        ('"text"', "bad_json"),
        ('{"a": {"b": 1}}', "bad_json"),
        ('{"a": true}', "bad_json"),
        ('{"a": ["x"]}', "bad_json"),
        ('{"names": [1]}', "bad_json"),
        ("[" * 100_000, "bad_json"),
        ('{"a": "x", "mood": "blue"}', "unknown_field"),
        ('{"a": "x\\u0000y"}', "nul_byte"),
        ('{"a": "\\ud800"}', "encoding"),
    ],
)
def test_a_bad_json_line_is_set_aside(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"a": "x", "names": ["n"]}) + f"\n{line}\n" + '{"a": "caf\\u00e9"}\n')
    rows, reasons = read(JsonLinesFile(path, JSON_FIELDS, LISTS))
    assert reasons == {2: reason}
    assert {line: row["a"] for line, row in rows.items()} == {1: "x", 3: "café"}


def test_a_json_field_may_be_text_here_and_a_number_there(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": "007"}\n{"a": 8}\n{"a": null}\n{"a": 123456789012345678901234567890}\n')
    rows, reasons = read(JsonLinesFile(path, JSON_FIELDS, LISTS))
    assert reasons == {}
    assert [row["a"] for row in rows.values()] == ["007", "8", None, "123456789012345678901234567890"]


def _parquet(path: Path, n_rows: int) -> Path:
    texts = [f"text {i}" for i in range(n_rows)]
    pq.write_table(pa.table({"id": range(n_rows), "text": texts}), path, row_group_size=100, compression="none")
    return path


def test_a_parquet_row_is_a_line(tmp_path: Path) -> None:
    rows, reasons = read(ParquetFile(_parquet(tmp_path / "a.parquet", 250), batch_rows=60))
    assert reasons == {}
    assert rows == {i + 1: {"id": i, "text": f"text {i}"} for i in range(250)}


def test_a_parquet_file_that_is_cut_short_is_unreadable(tmp_path: Path) -> None:
    path = _parquet(tmp_path / "a.parquet", 250)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UnreadableFileError, match="cut short"):
        ParquetFile(path)


def test_a_parquet_file_with_a_hole_is_read_up_to_it(tmp_path: Path) -> None:
    path = _parquet(tmp_path / "a.parquet", 250)
    start = pq.ParquetFile(path).metadata.row_group(1).column(0).dictionary_page_offset
    content = bytearray(path.read_bytes())
    content[start : start + 40] = b"\xff" * 40
    path.write_bytes(content)
    rows, reasons = read(ParquetFile(path, batch_rows=100))
    assert sorted(rows) == list(range(1, 101))
    assert reasons == {101: "damaged_file"}


def test_a_parquet_text_may_not_hide_other_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    column = pa.array([b"good", b"caf\xe9", b"n\0ul", None, "夜".encode()], pa.binary())
    pq.write_table(pa.table({"text": column, "also": column.dictionary_encode()}), path)
    rows, reasons = read(ParquetFile(path))
    assert {line: row["text"] for line, row in rows.items()} == {1: "good", 4: None, 5: "夜"}
    assert reasons == {2: "encoding", 3: "nul_byte"}


def test_a_nested_parquet_column_is_a_wrong_header(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [{"x": 1}]}), path)
    with pytest.raises(UnreadableFileError, match="text"):
        ParquetFile(path)


def test_numbers_of_a_stretch_follow_on(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id\n" + "".join(f"{i}\n" for i in range(1000)))
    parts = list(CsvFile(path, block_bytes=100).rows())
    assert len(parts) > 10
    assert np.array_equal(np.concatenate([part.lines for part in parts]), np.arange(2, 1002))
