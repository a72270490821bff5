"""Mentions of artists and tracks in articles, and the names by which they are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from recommenders.store.bulk import copy_in, fetch_table


@dataclass(frozen=True)
class ArtistNames:
    """Every name of every artist, aliases too, one a row.

    `artist_ids` (n,) int64, `names` (n,) text, `popularity` (n,) float32: of two artists of one name the more popular
    one is meant.
    """

    artist_ids: npt.NDArray[np.int64]
    names: Sequence[str]
    popularity: npt.NDArray[np.float32]


@dataclass(frozen=True)
class TrackTitles:
    """The title of every song with every main artist, one a row: (n,) int64, (n,) text, (n,) int64.

    The versions of a song are one row, of the original where there is one.
    """

    track_ids: npt.NDArray[np.int64]
    titles: Sequence[str]
    artist_ids: npt.NDArray[np.int64]


class Mentioned(Protocol):
    """A place in an article's title, a line feed, and text, where an artist or one of its tracks is named."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def artist_id(self) -> int: ...
    @property
    def track_id(self) -> int | None: ...
    @property
    def sentiment(self) -> float: ...


_ARTISTS = """
SELECT n.artist_id, n.name, coalesce(t.tracks, 0) AS popularity
FROM (
    SELECT artist_id, name FROM artists
    UNION
    SELECT artist_id, alias FROM artist_aliases
) n
LEFT JOIN (SELECT artist_id, count(*) AS tracks FROM track_artists GROUP BY artist_id) t USING (artist_id)
ORDER BY n.artist_id, n.name
"""
# Services write versions and guests behind the title, in brackets or after a dash; who writes about a song does not.
_TRACKS = r"""
SELECT DISTINCT ON (ta.artist_id, t.work_id) t.track_id, ta.artist_id,
       regexp_replace(
           CASE WHEN t.version IS NULL THEN t.title
                ELSE regexp_replace(t.title, '\s+([(\[{（【]|[-‐‑‒–—―~]+\s).*$', '') END,
           '\s+[(\[{（【]?(feat|featuring|ft)\M\.?\s.*$', '', 'i') AS title
FROM tracks t JOIN track_artists ta ON ta.track_id = t.track_id AND ta.role = 'main'
ORDER BY ta.artist_id, t.work_id, t.version IS NOT NULL, t.track_id
"""


def read_names(connection: sa.Connection) -> tuple[ArtistNames, TrackTitles]:
    """All that an article can name. The popularity of an artist is the number of its tracks."""
    artists, tracks = fetch_table(connection, _ARTISTS), fetch_table(connection, _TRACKS)
    return (
        ArtistNames(_ids(artists, "artist_id"), artists["name"].to_pylist(), _numbers(artists["popularity"])),
        TrackTitles(_ids(tracks, "track_id"), tracks["title"].to_pylist(), _ids(tracks, "artist_id")),
    )


def _ids(table: pa.Table, column: str) -> npt.NDArray[np.int64]:
    return np.asarray(table[column].to_pylist(), dtype=np.int64)


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[np.float32]:
    return np.asarray(column.to_pylist(), dtype=np.float32)


def put_mentions(connection: sa.Connection, mentions: Mapping[int, Sequence[Mentioned]]) -> int:
    """Store what each of these articles (ids) mentions in place of what it did before; return how many mentions."""
    connection.execute(sa.text("DELETE FROM mentions WHERE article_id = ANY(:articles)"), {"articles": list(mentions)})
    rows = [(article, mention) for article, found in mentions.items() for mention in found]
    copy_in(
        connection,
        "mentions",
        pa.table(
            {
                "article_id": pa.array([article for article, _ in rows], pa.int64()),
                "position": pa.array([one.start for _, one in rows], pa.int32()),
                "length": pa.array([one.end - one.start for _, one in rows], pa.int32()),
                "artist_id": pa.array([one.artist_id for _, one in rows], pa.int64()),
                "track_id": pa.array([one.track_id for _, one in rows], pa.int64()),
                "sentiment": pa.array([one.sentiment for _, one in rows], pa.float32()),
            }
        ),
    )
    return len(rows)
