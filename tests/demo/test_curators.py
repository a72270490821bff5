"""The demo's curators: their lists come in whole, suit their tags, and change nothing else of the world."""

import datetime as dt
from pathlib import Path

import numpy as np

from recommenders.demo import generate_world, write_world
from recommenders.demo.curators import MOODS, SHOWN_GENRES, SONGS_PER_LIST, WITHDRAWN, curate
from recommenders.demo.genres import AXES
from recommenders.exchange.imports import import_path
from recommenders.store import Store
from recommenders.store.editorial import all_lists, songs_of_list


def test_every_song_of_every_list_is_found_by_the_importers(store: Store, tmp_path: Path, now: dt.datetime) -> None:
    world = generate_world(5, now, users=60, tracks=900, weeks=6)
    write_world(world, tmp_path)
    import_path(store, "catalogue", tmp_path / "catalogue", now=now)
    files = sorted(path.suffix for path in (tmp_path / "editorial").iterdir())
    assert set(files) == {".csv", ".jspf", ".m3u8", ".xspf"}
    for report in import_path(store, "editorial", tmp_path / "editorial", now=now):
        assert (report.rows_new, report.rows_rejected) == (report.rows_read, 0), report
    planted = {one.name: one for one in curate(world.tracks, world.seed, int(now.timestamp()))}
    with store.begin() as connection:
        lists = all_lists(connection)
        assert {one.name for one in lists} == planted.keys()
        for one in lists:
            assert tuple(one.tags) == planted[one.name].tags
            assert (one.withdrawn_at is not None) == (one.name == WITHDRAWN)
            titles = [song["title"] for song in songs_of_list(connection, one.list_id)]
            assert titles == [world.tracks.titles[song] for song in planted[one.name].songs]


def test_lists_hold_what_their_tags_say_and_nothing_for_children(now: dt.datetime) -> None:
    world = generate_world(9, now)
    tracks = world.tracks
    lists = curate(tracks, world.seed, int(now.timestamp()))
    assert len(lists) == len(MOODS) + SHOWN_GENRES
    for one in lists:
        songs = np.array(one.songs)
        assert 10 <= len(set(one.songs)) == len(one.songs) <= SONGS_PER_LIST
        assert not tracks.for_children[songs].any()
        assert not tracks.unplayed[songs].any()
        assert (tracks.uploaded_at[songs] < now.timestamp()).all()
        assert np.bincount(tracks.artist[songs]).max() <= 2
        for place, (low, high) in enumerate(AXES):
            for word, sign in ((low[0], -1), (high[0], 1)):
                if word in one.tags and one.curator != "Ida":
                    assert sign * tracks.styles[songs, place].mean() > sign * tracks.styles[:, place].mean()
        if one.curator == "Ida":
            assert {world.truth.genres[genre] for genre in tracks.genre[songs]} == {one.tags[0]}
