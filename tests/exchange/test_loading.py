"""A file in many stretches, two loads at once, a load cut off, a bucket: the result is that of one quiet load."""

import datetime as dt
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest
import sqlalchemy as sa

from recommenders.exchange.imports import find_landing, import_landing, import_path
from recommenders.exchange.layouts import recognise
from recommenders.exchange.listening import EVENTS
from recommenders.exchange.loading import ImportReport, Opened, load_file
from recommenders.exchange.readers import CsvFile
from recommenders.store import Store
from recommenders.store.imports import imported_by

NOW = dt.datetime(2026, 11, 23, 5, tzinfo=dt.UTC)
TRACKS = "track_id,title,artists\n" + "".join(f"t{i},Title {i},Ada\n" for i in range(20))
STATE = """
SELECT 'event', md5(string_agg(e::text, ' ' ORDER BY occurred_at, event_id)), count(*) FROM events e
UNION ALL SELECT 'heard', md5(string_agg(h::text, ' ' ORDER BY user_id, track_id)), count(*) FROM heard h
UNION ALL SELECT 'user', md5(string_agg(u.outside_id, ' ' ORDER BY user_id)), count(*) FROM user_ids u
UNION ALL SELECT 'rejected', md5(string_agg(line || reason || detail || raw, ' ' ORDER BY line)), count(*) FROM rejected
"""


@pytest.fixture
def events(store: Store, tmp_path: Path) -> Path:
    """500 lines: plays, plays said twice, ids said twice, and every fifth line bad, in no order."""
    (tmp_path / "tracks.csv").write_text(TRACKS)
    import_path(store, "catalogue", tmp_path / "tracks.csv", now=NOW)
    rng = random.Random(5)
    lines = []
    for number in range(500):
        at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=rng.randrange(6000))
        track = "unknown" if number % 5 == 0 else f"t{rng.randrange(20)}"
        event_id = f"e{rng.randrange(400)}" if number % 2 else ""
        lines.append(f"u{rng.randrange(9)},{track},{at.isoformat()},{event_id}")
    lines += rng.sample(lines, 100)
    path = tmp_path / "events.csv"
    path.write_text("\n".join(["user_id,track_id,at,event_id", *lines]) + "\n")
    return path


def _load(store: Store, path: Path, block_bytes: int) -> ImportReport:
    def open_file(path: Path) -> Opened:
        file = CsvFile(path, block_bytes=block_bytes)
        return file, recognise(file.fields, [EVENTS])

    return load_file(store, "listening", path, path.name, open_file, NOW)


def _state(store: Store) -> list[tuple]:
    with store.begin() as connection:
        return [tuple(row) for row in connection.execute(sa.text(STATE))]


def test_how_a_file_is_cut_into_stretches_makes_no_difference(store: Store, events: Path) -> None:
    whole = _load(store, events, 1 << 24)
    assert whole.rows_read == 600
    assert set(whole.rejected_by_reason) == {"unknown_track", "duplicate_id"}
    assert whole.rows_new + whole.rows_rejected == 600
    expected = _state(store)
    in_pieces = _load(store, events, 500)
    assert (in_pieces.rows_read, in_pieces.rows_new) == (600, 0)
    assert in_pieces.rejected_by_reason == whole.rejected_by_reason
    assert _state(store) == expected


def test_many_stretches_load_what_one_does(store: Store, events: Path) -> None:
    in_pieces = _load(store, events, 300)
    whole = _load(store, events, 1 << 24)
    assert (whole.rows_read, whole.rows_new) == (in_pieces.rows_read, 0)
    assert whole.rejected_by_reason == in_pieces.rejected_by_reason


def test_two_imports_of_one_file_at_once_add_it_once(store: Store, events: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda block: _load(store, events, block), [400, 700, 1 << 24, 400]))
    assert {report.rows_rejected for report in reports} == {reports[0].rows_rejected}
    assert sum(report.rows_new for report in reports) == 600 - reports[0].rows_rejected
    state = {name: count for name, _, count in _state(store)}
    assert state["event"] == 600 - reports[0].rows_rejected
    assert state["rejected"] == reports[0].rows_rejected


def test_a_load_that_was_cut_off_is_made_whole_by_the_next(
    store: Store, events: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PowerCut(BaseException):
        """Nothing may catch this."""

    original, calls = EVENTS.write, []

    def write(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == 9:
            raise PowerCut
        return original(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setitem(EVENTS.__dict__, "write", write)
        with pytest.raises(PowerCut):
            _load(store, events, 500)
    cut_off = {name: count for name, _, count in _state(store)}
    report = _load(store, events, 500)
    assert 0 < cut_off["event"] < 600 - report.rows_rejected
    assert cut_off["event"] + report.rows_new == 600 - report.rows_rejected


def test_the_landing_folder_may_be_a_bucket(store: Store) -> None:
    bucket = fsspec.filesystem("memory")
    bucket.pipe("/bucket/catalogue/tracks.csv", TRACKS.encode())
    bucket.pipe("/bucket/listening/plays.csv", b"user_id,track_id,at\nu1,t1,2026-11-01\n")
    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    try:
        reports = import_landing(store, "memory://bucket", now=later)
        assert [report.rows_new for report in reports] == [20, 1]
        assert find_landing("memory://bucket", now=later) == []
        assert bucket.exists("/bucket/imported/listening/plays.csv")
        bucket.pipe("/bucket/listening/plays.csv", b"user_id,track_id,at\nu2,t1,2026-11-01\n")
        assert [report.rows_new for report in import_landing(store, "memory://bucket", now=later)] == [1]
        assert len(bucket.ls("/bucket/imported/listening")) == 2
    finally:
        bucket.rm("/bucket", recursive=True)


def test_a_file_that_holds_some_of_the_events_of_another_adds_only_the_others(store: Store, events: Path) -> None:
    header, *lines = events.read_text().splitlines(keepends=True)
    half = events.with_name("half.csv")
    half.write_text(header + "".join(sorted(lines)[::2]))
    first = _load(store, half, 1 << 20)
    whole = _load(store, events, 1 << 20)
    with store.begin() as connection:
        stored = connection.execute(sa.text("SELECT count(*) FROM events")).scalar_one()
        heard = connection.execute(
            sa.text("""
                SELECT count(*) FROM heard h FULL JOIN (
                    SELECT user_id, track_id, min(occurred_at) AS first_at, max(occurred_at) AS last_at
                    FROM events GROUP BY 1, 2) e USING (user_id, track_id, first_at, last_at)
                WHERE h.user_id IS NULL OR e.user_id IS NULL
            """)
        ).scalar_one()
    assert 0 < first.rows_new < stored
    assert first.rows_new + whole.rows_new == stored
    assert heard == 0


def test_a_load_that_was_cut_off_goes_on_in_the_same_line_of_the_ledger(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tracks.csv").write_text(TRACKS)
    import_path(store, "catalogue", tmp_path / "tracks.csv", now=NOW)
    landing = tmp_path / "landing"
    (landing / "listening").mkdir(parents=True)
    path = landing / "listening" / "plays.csv"
    path.write_text("user_id,track_id,at\n" + "".join(f"u1,t{day},2026-11-0{day}\n" for day in (1, 2, 3)))

    def power_cut(*_: object) -> None:
        raise OSError("no space left on device")

    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    with monkeypatch.context() as patch:
        patch.setattr("fsspec.implementations.local.LocalFileSystem.mv", power_cut)
        with pytest.raises(OSError, match="no space"):
            import_landing(store, landing.as_uri(), now=later, run_key="dag/1")
    (report,) = import_landing(store, landing.as_uri(), now=later, run_key="dag/1")
    assert (report.rows_read, report.rows_new) == (3, 3)
    with store.begin() as connection:
        assert imported_by(connection, "dag/1", ["listening"]) == {"rows": 3, "new": 3, "rejected": 0}
        assert (
            connection.execute(sa.text("SELECT count(*) FROM imports WHERE settled AND kind = 'listening'")).scalar()
            == 1
        )
    path.write_bytes((landing / "imported" / "listening" / "plays.csv").read_bytes())
    (again,) = import_landing(store, landing.as_uri(), now=later, run_key="dag/2")
    assert again.rows_new == 0
    with store.begin() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM imports WHERE kind = 'listening'")).scalar() == 2
