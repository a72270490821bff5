"""What an importer must survive: every kind of bad line is set aside with its number and reason, the good ones load."""

import datetime as dt
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from recommenders.errors import DataError
from recommenders.exchange.imports import find_landing, import_landing, import_path
from recommenders.store import Store

NOW = dt.datetime(2026, 11, 23, 5, tzinfo=dt.UTC)
TRACKS = "track_id,title,artists,duration_s\nt1,One,Ada,200\nt2,Two,Ada,200\nt3,Three,Bob ; Ada,200\n"


def _sql(store: Store, query: str) -> list[tuple]:
    with store.begin() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


@pytest.fixture
def catalogue(store: Store, tmp_path: Path) -> Path:
    """Three tracks are known; the folder is free for files of listening."""
    (tmp_path / "tracks.csv").write_text(TRACKS)
    (report,) = import_path(store, "catalogue", tmp_path / "tracks.csv", now=NOW)
    assert (report.rows_new, report.rows_rejected) == (3, 0)
    return tmp_path


BAD_LINES = {
    "bad date": (b"u1,t1,last tuesday,play,200000,,", "bad_date"),
    "no date": (b"u1,t1,,play,200000,,", "missing"),
    "in the future": (b"u1,t1,2027-01-01T00:00:00Z,play,200000,,", "future"),
    "negative count": (b"u1,t1,2026-11-01T00:00:00Z,play,-5,,", "negative_count"),
    "unknown track": (b"u1,t999,2026-11-01T00:00:00Z,play,200000,,", "unknown_track"),
    "no track": (b"u1,,2026-11-01T00:00:00Z,play,200000,,", "missing"),
    "unknown kind": (b"u1,t1,2026-11-01T00:00:00Z,hum,200000,,", "unknown_kind"),
    "six stars": (b"u1,t1,2026-11-01T00:00:00Z,rating,,6,", "bad_rating"),
    "no stars": (b"u1,t1,2026-11-01T00:00:00Z,rating,,,", None),
    "not a number": (b"u1,t1,2026-11-01T00:00:00Z,play,long,,", "bad_number"),
    "wrong encoding": (b"u1,t1,2026-11-01T00:00:00Z,play,200000,,caf\xe9", "encoding"),
    "NUL byte": (b"u1,t\x001,2026-11-01T00:00:00Z,play,200000,,", "nul_byte"),
    "10 MB line": (b"u1,t1,2026-11-01T00:00:00Z,play,200000,," + b"x" * 10_000_000, "line_too_long"),
    "too few fields": (b"u1,t1", None),
    "too many fields": (b"u1,t1,2026-11-01T00:00:00Z,play,200000,,,,,,", None),
    "an open quote": (b'u1,"t1,2026-11-01T00:00:00Z,play,200000,,', None),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_line_is_set_aside_and_its_neighbours_load(store: Store, catalogue: Path, name: str) -> None:
    line, reason = BAD_LINES[name]
    path = catalogue / "events.csv"
    path.write_bytes(
        b"user_id,track_id,at,kind,ms_played,rating,event_id\n"
        b"u1,t1,2026-11-01T10:00:00Z,play,200000,,\n" + line + b"\nu2,t2,2026-11-02T10:00:00Z,save,,,\n"
    )
    for attempt in range(2):
        (report,) = import_path(store, "listening", path, now=NOW)
        assert report.rows_new == (0 if attempt else 2), "a second load adds nothing"
        assert report.rows_rejected == 1
        ((number, why, source),) = _sql(store, "SELECT line, reason, source FROM rejected")
        assert (number, source) == (3, str(path))
        assert reason is None or why == reason
    assert _sql(store, "SELECT kind::text FROM events ORDER BY occurred_at") == [("play",), ("save",)]


def test_a_duplicate_id_is_set_aside_and_equal_plays_without_id_all_count(store: Store, catalogue: Path) -> None:
    path = catalogue / "events.csv"
    path.write_text(
        "user_id,track_id,at,event_id\n"
        "u1,t1,2026-11-01T10:00:00Z,e1\nu1,t2,2026-11-01T11:00:00Z,e1\n"
        "u1,t3,2026-11-01T12:00:00Z,\nu1,t3,2026-11-01T12:00:00Z,\n"
    )
    (report,) = import_path(store, "listening", path, now=NOW)
    assert (report.rows_new, report.rows_rejected) == (3, 1)
    assert _sql(store, "SELECT line, reason FROM rejected") == [(3, "duplicate_id")]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.csv", b"", "empty_file"),
        ("header.csv", b"who,what,when\nu1,t1,2026-11-01\n", "wrong_header"),
        ("unknown.csv", b"user_id,track_id,at,mood\nu1,t1,2026-11-01,blue\n", "wrong_header"),
        ("cut.parquet", b"PAR1 and no more", None),
        ("events.xlsx", b"PK", "unknown_format"),
    ],
)
def test_a_file_that_cannot_be_read_is_set_aside_whole(
    store: Store, catalogue: Path, name: str, content: bytes, reason: str | None
) -> None:
    (catalogue / name).write_bytes(content)
    (report,) = import_path(store, "listening", catalogue / name, now=NOW)
    assert (report.rows_new, report.rows_rejected) == (0, 1)
    ((why, detail),) = _sql(store, "SELECT reason, detail FROM rejected")
    assert detail and (reason is None or why == reason)


def test_the_same_events_are_the_same_in_every_format(store: Store, catalogue: Path) -> None:
    rows = [
        {"user_id": "u1", "track_id": "t1", "at": "2026-11-01T10:00:00Z", "kind": "play", "ms_played": 12000},
        {"user_id": "u1", "track_id": "t2", "at": "2026-11-01T11:00:00Z", "kind": "love", "ms_played": None},
        {"user_id": "ü2", "track_id": "t3", "at": "2026-11-02T10:00:00Z", "kind": "save", "ms_played": None},
    ]
    fields = list(rows[0])
    lines = [",".join("" if row[name] is None else str(row[name]) for name in fields) for row in rows]
    (catalogue / "a.csv").write_text("\ufeff" + "\r\n".join([",".join(fields), *lines]) + "\r\n", encoding="utf-8")
    (catalogue / "b.jsonl").write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    pq.write_table(pa.Table.from_pylist(rows), catalogue / "c.parquet")
    new = [
        import_path(store, "listening", catalogue / name, now=NOW)[0].rows_new
        for name in ("a.csv", "b.jsonl", "c.parquet")
    ]
    assert new == [3, 0, 0]
    assert _sql(store, "SELECT count(*) FROM rejected") == [(0,)]


def test_every_kind_of_event_loads_and_a_ban_also_blocks(store: Store, catalogue: Path) -> None:
    (catalogue / "artists.csv").write_text("artist_id,name\na1,Ada\n")
    import_path(store, "catalogue", catalogue / "artists.csv", now=NOW)
    kinds = ["play", "save", "love", "ban"]
    rows = [{"user_id": "u1", "track_id": "t1", "at": 1793527200 + i, "kind": kind} for i, kind in enumerate(kinds)]
    rows += [
        {"user_id": "u1", "track_id": "t2", "at": 1793527210, "kind": "rating", "rating": 5},
        {"user_id": "u1", "artist_id": "a1", "at": 1793527220, "kind": "artist_visit"},
        {"user_id": "u2", "artist_id": "a1", "at": 1793527230, "kind": "ban"},
    ]
    (catalogue / "events.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    (report,) = import_path(store, "listening", catalogue / "events.jsonl", now=NOW)
    assert report.rows_new == 7, _sql(store, "SELECT reason, detail FROM rejected")
    assert _sql(store, "SELECT count(*) FROM blocks WHERE track_id IS NOT NULL") == [(1,)]
    assert _sql(store, "SELECT count(*) FROM blocks WHERE artist_id IS NOT NULL") == [(1,)]
    heard = _sql(store, "SELECT outside_id FROM heard JOIN track_ids USING (track_id) ORDER BY 1")
    assert heard == [("t1",), ("t2",)]


def test_totals_are_heard_for_ever(store: Store, catalogue: Path) -> None:
    (catalogue / "totals.csv").write_text("user_id,track_id,plays\nu1,t1,12\nu1,t2,0\nu1,t3,-4\n")
    (report,) = import_path(store, "listening", catalogue / "totals.csv", now=NOW)
    assert (report.rows_new, report.rows_rejected) == (1, 2)
    assert _sql(store, "SELECT first_at = '-infinity' FROM heard") == [(True,)]


def test_a_line_whose_track_is_known_by_now_loads_on_the_second_try(store: Store, catalogue: Path) -> None:
    path = catalogue / "events.csv"
    path.write_text("user_id,track_id,at\nu1,t9,2026-11-01\n")
    assert import_path(store, "listening", path, now=NOW)[0].rows_rejected == 1
    (catalogue / "more.csv").write_text("track_id,title,artists\nt9,Nine,Ada\n")
    import_path(store, "catalogue", catalogue / "more.csv", now=NOW)
    (report,) = import_path(store, "listening", path, now=NOW)
    assert (report.rows_new, report.rows_rejected) == (1, 0)
    assert _sql(store, "SELECT count(*) FROM rejected") == [(0,)]


def test_hetrec_loads_whole(store: Store, hetrec: Path) -> None:
    (tracks,) = import_path(store, "catalogue", hetrec, file_format="hetrec", now=NOW)
    (totals,) = import_path(store, "listening", hetrec, file_format="hetrec", now=NOW)
    assert (tracks.rows_new, totals.rows_new) == (17_632, 92_834)
    assert (tracks.rows_rejected, totals.rows_rejected) == (0, 0)
    counts = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM tracks), (SELECT count(*) FROM heard)"
    assert _sql(store, counts) == [(1_892, 17_632, 92_834)]
    lines = (hetrec / "user_artists.dat").read_text().splitlines()[1:]
    assert _sql(store, "SELECT sum(plays) FROM listening_totals") == [
        (sum(int(line.split("\t")[2]) for line in lines),)
    ]


def test_landed_files_are_imported_in_order_and_moved_away(store: Store, tmp_path: Path) -> None:
    for kind, content in {"listening": "user_id,track_id,at\nu1,t1,2026-11-01\n", "catalogue": TRACKS}.items():
        (tmp_path / kind).mkdir()
        (tmp_path / kind / f"{kind}.csv").write_text(content)
    (tmp_path / "listening" / "growing.csv.part").write_text("user_id")
    url = tmp_path.as_uri()
    assert find_landing(url, now=dt.datetime.now(dt.UTC)) == [], "written to a moment ago"
    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    reports = import_landing(store, url, now=later)
    assert [(report.kind, report.rows_new) for report in reports] == [("catalogue", 3), ("listening", 1)]
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.csv")) == [
        "imported/catalogue/catalogue.csv",
        "imported/listening/listening.csv",
    ]
    assert import_landing(store, url, now=later) == []


def test_what_is_not_there_is_a_clear_error(store: Store, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no"):
        import_path(store, "listening", tmp_path / "nothing.csv", now=NOW)
    with pytest.raises(DataError, match="holds no listening file"):
        import_path(store, "listening", tmp_path, now=NOW)
    with pytest.raises(DataError, match="no kind"):
        import_path(store, "dreams", tmp_path, now=NOW)


def test_every_file_of_a_folder_of_tags_comes_in(store: Store, catalogue: Path) -> None:
    folder = catalogue / "tags"
    folder.mkdir()
    for number in (1, 2, 3):
        (folder / f"{number}.csv").write_text(f"track_id,tag\nt{number},dreamy\n")
    assert [report.rows_new for report in import_path(store, "tags", folder, now=NOW)] == [1, 1, 1]
    assert _sql(store, "SELECT count(*) FROM articles") == [(3,)]
