"""Which tracks are versions of one song, on titles as they are really written."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from recommenders.exchange.imports import import_path
from recommenders.store import Store

NOW = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)


def _works(store: Store, tmp_path: Path, tracks: list[dict]) -> list[int]:
    """Import `tracks`, one file each, as they would come in over the years; the work of each."""
    for index, track in enumerate(tracks):
        row = {"track_id": f"t{index}", "artists": ["Ada"], "duration_s": 200.0} | track
        pq.write_table(pa.Table.from_pylist([row]), tmp_path / f"{index:03}.parquet")
    import_path(store, "catalogue", tmp_path, now=NOW)
    with store.begin() as connection:
        query = (
            "SELECT work_id FROM tracks JOIN track_ids USING (track_id) WHERE source = 'service' "
            "ORDER BY substr(outside_id, 2)::int"
        )
        return list(connection.execute(sa.text(query)).scalars())


SAME = [
    ("Blue Hour", "Blue Hour - 2011 Remaster"),
    ("Blue Hour", "Blue Hour (Live)"),
    ("Blue Hour", "Blue Hour - Live at Wembley Stadium / 1986"),
    ("Blue Hour", "Blue Hour [Radio Edit]"),
    ("Blue Hour", "Blue Hour (feat. Bob)"),
    ("Blue Hour", "Blue Hour - Acoustic Version"),
    ("Blue Hour", "BLUE HOUR"),
    ("Beyoncé’s Song", "Beyonce's Song (Remastered 2009)"),
    ("Rock & Roll", "Rock and Roll"),
    ("夜に駆ける", "夜に駆ける (Live)"),
]
DIFFERENT = [
    ("Live and Let Die", "Let Die"),
    ("Live Forever", "Forever"),
    ("Song Part 1", "Song Part 2"),
    ("Untitled #3", "Untitled #4"),
    ("(I Can't Get No) Satisfaction", "I Can't Get No"),
    ("Blue Hour", "Blue Hours"),
    ("夜に駆ける", "夜"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_versions_of_one_song_are_one_work(store: Store, tmp_path: Path, one: str, other: str) -> None:
    first, second = _works(store, tmp_path, [{"title": one}, {"title": other}])
    assert first == second


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_songs_stay_two_works(store: Store, tmp_path: Path, one: str, other: str) -> None:
    first, second = _works(store, tmp_path, [{"title": one}, {"title": other}])
    assert first != second


def test_a_song_of_another_artist_with_the_same_title_is_another_work(store: Store, tmp_path: Path) -> None:
    first, second = _works(store, tmp_path, [{"title": "Hurt"}, {"title": "Hurt", "artists": ["Bob"]}])
    assert first != second


def test_the_same_title_at_a_very_different_length_is_another_recording(store: Store, tmp_path: Path) -> None:
    first, second = _works(store, tmp_path, [{"title": "Intro"}, {"title": "Intro", "duration_s": 900.0}])
    assert first != second


def test_a_shared_isrc_makes_one_work_whatever_the_titles_say(store: Store, tmp_path: Path) -> None:
    rows = [{"title": "Blau", "isrc": "SEAAA2600001"}, {"title": "Blue", "isrc": "SEAAA2600001"}]
    first, second = _works(store, tmp_path, rows)
    assert first == second


def test_a_late_link_merges_two_works_and_their_versions(store: Store, tmp_path: Path) -> None:
    rows = [
        {"title": "Blau", "isrc": "SEAAA2600002"},
        {"title": "Blau (Live)"},
        {"title": "Blue"},
        {"title": "Blue - Radio Edit", "isrc": "SEAAA2600002"},
    ]
    assert len(set(_works(store, tmp_path, rows))) == 1
