"""The demo goes through the real importers: no line is set aside, and the planted versions are found."""

import datetime as dt
from collections import defaultdict
from pathlib import Path

import sqlalchemy as sa

from recommenders.demo import generate_world, write_world
from recommenders.exchange.imports import import_path
from recommenders.store import Store


def test_the_importers_take_every_line_and_find_the_planted_works(
    store: Store, tmp_path: Path, now: dt.datetime
) -> None:
    world = generate_world(5, now, users=60, tracks=600, weeks=6)
    write_world(world, tmp_path)
    for kind in ("catalogue", "users", "listening"):
        for report in import_path(store, kind, tmp_path / kind, now=now):
            assert (report.rows_new, report.rows_rejected) == (report.rows_read, 0), report
    with store.begin() as connection:
        counts = [
            connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar()
            for table in ("users", "artists", "tracks", "events")
        ]
        found = connection.execute(
            sa.text(
                "SELECT i.outside_id, t.work_id FROM tracks t JOIN track_ids i USING (track_id) "
                "WHERE i.source = 'service'"
            )
        ).all()
    assert counts == [60, len(world.artists.ids), 600, world.events().num_rows]
    work_of = {row.outside_id: row.work_id for row in found}
    stored: dict[int, set[str]] = defaultdict(set)
    planted: dict[int, set[str]] = defaultdict(set)
    for track, work in zip(world.track_ids, world.truth.work_of_track.tolist(), strict=True):
        stored[work_of[track]].add(track)
        planted[work].add(track)
    assert sorted(map(sorted, stored.values())) == sorted(map(sorted, planted.values()))
