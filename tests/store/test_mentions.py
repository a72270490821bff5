"""Names are read whole, one row a song; mentions of an article replace what was there before."""

from dataclasses import dataclass

import sqlalchemy as sa

from recommenders.store import Store
from recommenders.store.mentions import put_mentions, read_names

CATALOGUE = """
INSERT INTO artists (artist_id, name, name_key) OVERRIDING SYSTEM VALUE VALUES
    (1, 'Prince', 'prince'), (2, 'Low', 'low'), (3, 'Guest', 'guest');
INSERT INTO artist_aliases VALUES (1, 'The Artist', 'the artist'), (1, 'Prince', 'prince');
INSERT INTO works (work_id, artist_id, title_key) OVERRIDING SYSTEM VALUE VALUES
    (1, 1, 'kiss'), (2, 2, 'dancing and blood'), (3, 2, 'fly'),
    (4, 3, 'two left feet');
INSERT INTO tracks (track_id, work_id, title, version) OVERRIDING SYSTEM VALUE VALUES
    (1, 1, 'Kiss (Live at Paisley Park)', 'live'), (2, 1, 'Kiss', NULL),
    (3, 2, 'Dancing and Blood - 2019 Remaster', 'remaster'), (4, 3, 'Fly (Low)', NULL),
    (5, 4, 'Two Left Feet (feat. Low) - Live', 'live'), (6, 4, 'Two Left Feet Feat. Low', NULL);
INSERT INTO track_artists (track_id, artist_id, role) VALUES
    (1, 1, 'main'), (2, 1, 'main'), (2, 3, 'featured'), (3, 2, 'main'), (4, 2, 'main'),
    (6, 3, 'main'), (6, 2, 'featured');
INSERT INTO articles (article_id, source, url, fetched_at, published_at, published_is_known, title, text, content_hash)
    OVERRIDING SYSTEM VALUE
    SELECT i, 'import', 'https://blog.example/' || i, now(), now(), true, '', '', i FROM generate_series(1, 3) i;
"""


@dataclass(frozen=True)
class Named:
    start: int
    end: int
    artist_id: int
    track_id: int | None = None
    sentiment: float = 0.0


def test_aliases_are_names_and_a_song_is_its_original_without_its_guests(store: Store) -> None:
    with store.begin() as connection:
        connection.execute(sa.text(CATALOGUE))
        artists, tracks = read_names(connection)
    assert list(zip(artists.artist_ids, artists.names, artists.popularity, strict=True)) == [
        (1, "Prince", 2),
        (1, "The Artist", 2),
        (2, "Low", 3),
        (3, "Guest", 2),
    ]
    assert list(zip(tracks.track_ids, tracks.titles, tracks.artist_ids, strict=True)) == [
        (2, "Kiss", 1),
        (3, "Dancing and Blood", 2),
        (4, "Fly (Low)", 2),
        (6, "Two Left Feet", 3),
    ]


def test_nothing_to_name(store: Store) -> None:
    with store.begin() as connection:
        artists, tracks = read_names(connection)
    assert len(artists.artist_ids) == len(artists.names) == len(tracks.track_ids) == 0


def test_mentions_replace_those_of_an_earlier_reading(store: Store) -> None:
    with store.begin() as connection:
        connection.execute(sa.text(CATALOGUE))
        assert put_mentions(connection, {1: [Named(0, 3, 2, 4, -0.5), Named(9, 15, 1)], 2: [Named(0, 3, 2)]}) == 3
        assert put_mentions(connection, {1: [Named(5, 8, 2, sentiment=0.25)], 3: []}) == 1
        rows = connection.execute(sa.text("SELECT * FROM mentions ORDER BY article_id, position")).fetchall()
    assert [tuple(row) for row in rows] == [(1, 5, 3, 2, None, 0.25), (2, 0, 3, 2, None, 0.0)]
