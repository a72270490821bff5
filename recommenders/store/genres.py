"""Genres of tracks: the tags' where there are any, else the kind of music that is found in who plays whom."""

import datetime as dt
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from recommenders.store.bulk import copy_out, stage

Ids = npt.NDArray[np.int64]
Genres = npt.NDArray[np.int32]

_WRITE = """
WITH tagged AS (
    SELECT DISTINCT ON (track_id) track_id, lower(value) AS genre
    FROM (SELECT track_id, value, sum(weight) AS weight FROM track_tags
          WHERE attribute = 'genre' GROUP BY 1, 2) AS tags
    ORDER BY track_id, weight DESC, value
), first_credit AS (
    SELECT DISTINCT ON (track_id) track_id, artist_id FROM track_artists
    ORDER BY track_id, role <> 'main', position, artist_id
), of_artist AS (
    SELECT DISTINCT ON (artist_id) artist_id, genre
    FROM (SELECT artist_id, genre, count(*) AS n
          FROM tagged JOIN first_credit USING (track_id) GROUP BY 1, 2) AS counted
    ORDER BY artist_id, n DESC, genre
)
INSERT INTO track_genres (search_id, track_id, genre)
SELECT :search, track_id, CASE WHEN named IS NULL THEN -1 - kind ELSE 1 + (hashtext(named) & 1073741823) END
FROM first_credit LEFT JOIN tagged USING (track_id) LEFT JOIN of_artist a USING (artist_id)
     LEFT JOIN artist_kinds k USING (artist_id), coalesce(tagged.genre, a.genre) AS named
WHERE named IS NOT NULL OR kind IS NOT NULL
"""

_FORGET = """
DELETE FROM track_genres WHERE search_id NOT IN (SELECT search_id FROM taste_searches ORDER BY cutoff DESC LIMIT :kept)
"""
_SEARCH = """
SELECT s.search_id FROM taste_searches s WHERE EXISTS (SELECT FROM track_genres g WHERE g.search_id = s.search_id)
ORDER BY s.cutoff > :cutoff, CASE WHEN s.cutoff <= :cutoff THEN -extract(epoch FROM s.cutoff)
                                  ELSE extract(epoch FROM s.cutoff) END LIMIT 1
"""
KEPT_SEARCHES = 4


def write_genres(connection: sa.Connection, search_id: int, artist_ids: Ids, kinds: Ids) -> None:
    """Give each track its genre as of a search: its heaviest tag; else the one that most of its artist's songs have;
    else the kind of music (`kinds`, from 0) of its artist, one of `artist_ids`. Those of old searches are forgotten."""
    table = pa.table({"artist_id": artist_ids, "kind": kinds.astype(np.int32)})
    stage(connection, "artist_kinds", "artist_id bigint, kind integer", table)
    connection.execute(sa.text(_WRITE), {"search": search_id})
    connection.execute(sa.text("DROP TABLE artist_kinds"))
    connection.execute(sa.text(_FORGET), {"kept": KEPT_SEARCHES})


def genres_of_tracks(connection: sa.Connection, cutoff: dt.datetime) -> tuple[Ids, Genres]:
    """The tracks whose genre is known, ascending, and the number of each one's genre: as of the last search before
    `cutoff`, or else of the first one there is. Those of a search are read once."""
    search_id = connection.execute(sa.text(_SEARCH), {"cutoff": cutoff}).scalar()
    if search_id is None:
        return np.empty(0, np.int64), np.empty(0, np.int32)
    known = _read(str(connection.engine.url), search_id)
    if not known:
        query = "SELECT track_id, genre FROM track_genres WHERE search_id = %(search)s ORDER BY 1"
        columns = copy_out(connection, query, [("track_id", "i8"), ("genre", "i4")], {"search": search_id})
        known.append((columns["track_id"], columns["genre"].astype(np.int32)))
    return known[0]


@lru_cache(maxsize=4)
def _read(url: str, search_id: int) -> list[tuple[Ids, Genres]]:
    """What was read of this search, to be filled by the caller."""
    return []
