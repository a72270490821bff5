"""Who made what: artists found by id, name or alias; tracks that come again, changed; works that grow together."""

import datetime as dt
import json
import random
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from recommenders.exchange.imports import import_path
from recommenders.store import Store

NOW = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)


class Catalogue:
    """Imports rows as JSON lines, and tells what became of them."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.folder = folder
        self.files = 0

    def add(self, *rows: dict[str, Any]) -> int:
        """Import these rows as one file; how many were new or changed."""
        self.files += 1
        path = self.folder / f"{self.files}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        (report,) = import_path(self.store, "catalogue", path, now=NOW)
        assert report.rows_rejected == 0, self.sql("SELECT detail FROM rejected")
        return report.rows_new

    def sql(self, query: str) -> list[Any]:
        """The rows of a query; of one column, its values."""
        with self.store.begin() as connection:
            rows = [tuple(row) for row in connection.execute(sa.text(query))]
        return [row[0] for row in rows] if rows and len(rows[0]) == 1 else rows

    def credits(self, track: str) -> list[tuple[str, str]]:
        """The artists of a track with their roles, in order."""
        return self.sql(
            f"""SELECT a.name, ta.role FROM track_artists ta JOIN artists a USING (artist_id)
                JOIN track_ids t USING (track_id) WHERE t.outside_id = '{track}' ORDER BY ta.position"""
        )

    def together(self) -> set[frozenset[str]]:
        """Which tracks are one work, where more than one is."""
        return {
            frozenset(tracks)
            for tracks in self.sql(
                """SELECT array_agg(outside_id) FROM tracks JOIN track_ids USING (track_id)
                   WHERE source = 'service' GROUP BY work_id HAVING count(*) > 1"""
            )
        }


@pytest.fixture
def catalogue(store: Store, tmp_path: Path) -> Catalogue:
    """An empty catalogue."""
    return Catalogue(store, tmp_path)


def track(name: str, title: str, *artists: str, **more: Any) -> dict[str, Any]:
    """One row of a tracks file."""
    return {"track_id": name, "title": title, "artists": list(artists) or ["Ada"]} | more


def test_a_guest_in_a_title_is_the_artist_who_comes_later_with_an_id(catalogue: Catalogue) -> None:
    catalogue.add(track("t1", "One (feat. Bob & Cleo)", "Ada"))
    assert catalogue.credits("t1") == [("Ada", "main"), ("Bob", "featured"), ("Cleo", "featured")]
    catalogue.add({"artist_id": "b", "name": "BOB", "aliases": ["Bobby"]})
    catalogue.add(track("t2", "Two", "Bobby"))
    assert catalogue.credits("t2") == [("BOB", "main")]
    assert catalogue.sql("SELECT count(*) FROM artists") == [3]


def test_a_remixer_is_credited_if_known_and_club_is_nobody(catalogue: Catalogue) -> None:
    catalogue.add(track("t0", "Zero", "Skrillex"))
    catalogue.add(track("t1", "One (Skrillex Remix)", "Ada"), track("t2", "One (Club Remix)", "Ada"))
    assert catalogue.credits("t1") == [("Ada", "main"), ("Skrillex", "remixer")]
    assert catalogue.credits("t2") == [("Ada", "main")]


def test_a_band_whose_name_sounds_like_two_is_one(catalogue: Catalogue) -> None:
    catalogue.add(track("t0", "September", "Earth, Wind & Fire"))
    catalogue.add(track("t1", "One (feat. Earth, Wind & Fire)", "Ada"))
    assert catalogue.credits("t1")[1:] == [("Earth, Wind & Fire", "featured")]


def test_two_artists_of_one_name_are_two(catalogue: Catalogue) -> None:
    catalogue.add(
        track("t1", "Lithium", "Nirvana", artist_ids=["us"]), track("t2", "Lithium", "Nirvana", artist_ids=["uk"])
    )
    assert catalogue.sql("SELECT count(*) FROM artists") == [2]
    assert catalogue.together() == set()


def test_the_same_file_again_changes_nothing_and_a_blank_forgets_nothing(catalogue: Catalogue) -> None:
    row = track("t1", "One (feat. Bob)", "Ada", release="First", duration_s=200, isrc="SE-AAA-26-00001")
    everything = "SELECT t::text FROM tracks t UNION ALL SELECT c::text FROM track_artists c"
    assert catalogue.add(row) == 1
    before = catalogue.sql(everything)
    assert catalogue.add(row) == 0
    assert catalogue.add(track("t1", "One (feat. Bob)", "Ada")) == 0
    assert catalogue.sql(everything) == before
    assert catalogue.add(track("t1", "One (feat. Bob)", "Ada", duration_s=201)) == 1
    assert catalogue.sql("SELECT duration_s, release_id IS NOT NULL FROM tracks") == [(201.0, True)]


def test_a_track_whose_title_was_wrong_leaves_the_work(catalogue: Catalogue) -> None:
    catalogue.add(track("t1", "One"), track("t2", "One (Live)"))
    assert catalogue.together() == {frozenset(["t1", "t2"])}
    assert catalogue.add(track("t2", "Two (Live)")) == 1
    assert catalogue.together() == set()
    assert catalogue.sql("SELECT count(*) FROM works") == [2]


def test_a_deluxe_edition_is_the_same_release(catalogue: Catalogue) -> None:
    catalogue.add(track("t1", "One", release="First"), track("t2", "Two", release="First (Deluxe Edition)"))
    assert catalogue.sql("SELECT count(*) FROM releases") == [1]


@pytest.mark.parametrize(
    ("rows", "one_work"),
    [
        ([("Home", 200), ("Home", 210)], True),
        ([("Home", 200), ("Home", 400)], False),
        ([("Home", 200), ("Home", 290), ("Home (Live)", 400)], True),
        ([("Home", None), ("Home", 400)], True),
        ([("Dazed (Live)", 700), ("Dazed (Live)", 1600)], True),
        ([("Intro", 61.0), ("Intro", 61.5)], True),
        ([("Intro", 61), ("Intro", 70)], False),
        ([("Intro", 61), ("Intro (Live)", 90)], False),
        ([("Intro", None), ("Intro", None)], False),
    ],
)
def test_duration_tells_songs_of_one_title_apart(catalogue: Catalogue, rows: list[Any], one_work: bool) -> None:
    catalogue.add(*[track(f"t{i}", title, duration_s=seconds) for i, (title, seconds) in enumerate(rows)])
    assert catalogue.sql("SELECT count(DISTINCT work_id) = 1 FROM tracks") == [one_work]


def test_various_artists_is_nobody(catalogue: Catalogue) -> None:
    catalogue.add(track("t1", "Hurt", "Various Artists"), track("t2", "Hurt", "Various Artists"))
    assert catalogue.together() == set()


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_import_makes_no_difference(catalogue: Catalogue, seed: int) -> None:
    rows = [
        track("t1", "Blau", isrc="SEAAA2600001", duration_s=200),
        track("t2", "Blau (Live)", duration_s=300),
        track("t3", "Blue", isrc="SEAAA2600002", duration_s=200),
        track("t4", "Blue - Radio Edit", "Ada", "Bob", isrc="SEAAA2600001", duration_s=180),
        track("t5", "Blue", "Bob", duration_s=500),
        track("t6", "Blue (Demo)", "Bob"),
        track("t7", "Red", duration_s=100),
        track("t8", "Red", duration_s=140),
        track("t9", "Red", duration_s=120),
    ]
    random.Random(seed).shuffle(rows)
    for start in range(0, len(rows), 1 + seed):
        catalogue.add(*rows[start : start + 1 + seed])
    assert catalogue.together() == {frozenset(["t1", "t2", "t3", "t4", "t5", "t6"]), frozenset(["t7", "t8", "t9"])}
    assert catalogue.sql("SELECT count(*) FROM works") == [2]
