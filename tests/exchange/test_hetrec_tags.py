"""Last.fm's tags as articles: what 1,892 people called 12,000 artists."""

import collections
import datetime as dt
from pathlib import Path

import sqlalchemy as sa

from recommenders.exchange.imports import import_path
from recommenders.language.tags import tags_in
from recommenders.store import Store

NOW = dt.datetime(2026, 11, 23, 5, tzinfo=dt.UTC)


def test_each_artist_has_one_article_with_the_tags_that_people_gave(store: Store, hetrec: Path) -> None:
    import_path(store, "catalogue", hetrec, file_format="hetrec", now=NOW)
    (report,) = import_path(store, "tags", hetrec, file_format="hetrec", now=NOW)
    truth: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    names = dict(line.split("\t") for line in (hetrec / "tags.dat").read_text("latin-1").splitlines()[1:])
    artists = {line.split("\t")[0] for line in (hetrec / "artists.dat").read_text("utf-8").splitlines()[1:]}
    rows = [line.split("\t") for line in (hetrec / "user_taggedartists.dat").read_text().splitlines()[1:]]
    for _, artist, tag, *_ in rows:
        truth[artist][" ".join(names[tag].split())] += 1
    with store.begin() as connection:
        stored = connection.execute(
            sa.text("""
                SELECT i.outside_id, text, published_at, published_is_known, about_track_id, duplicate_of
                FROM articles a JOIN artist_ids i ON i.artist_id = a.about_artist_id AND i.source = 'service'
                WHERE a.source = 'tags'
            """)
        ).all()
    assert {row.outside_id: tags_in(row.text) for row in stored} == {
        artist: dict(tags) for artist, tags in truth.items() if artist in artists
    }
    assert all(row.about_track_id is None and row.duplicate_of is None for row in stored)
    assert {row.published_at.year for row in stored if row.published_is_known} <= set(range(2005, 2012))
    unknown = sum(sum(tags.values()) for artist, tags in truth.items() if artist not in artists)
    assert (report.rows_read, report.rows_new) == (len(rows), len(rows) - unknown)
    assert report.rejected_by_reason == {"unknown_artist": unknown}
    (again,) = import_path(store, "tags", hetrec, file_format="hetrec", now=NOW)
    assert again.rows_new == 0
