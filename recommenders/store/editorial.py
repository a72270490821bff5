"""Editorial playlists: curators' lists of songs, the tags that they suit, and who changed them when."""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from recommenders.errors import DataError, UnknownNameError
from recommenders.folding import fold
from recommenders.store.bulk import copy_out, fetch_table, stage

MOST_SONGS, MOST_TAGS = 10_000, 50  # of one list
LONGEST_NAME, LONGEST_TAG = 200, 100

_BETWEEN_WORDS = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class EditorialList:
    """A curator's list; withdrawn ones are kept, and recommend nothing."""

    list_id: int
    known_as: str
    name: str
    curator: str
    tags: list[str]
    songs: int
    made_at: dt.datetime
    changed_at: dt.datetime
    withdrawn_at: dt.datetime | None


def tag_key(tag: str) -> str:
    """A key that is equal for a tag however its case, accents and punctuation are written: "Dream-Pop", "dream pop".

    Empty for a text without a letter or digit.
    """
    return " ".join(_BETWEEN_WORDS.sub(" ", fold(tag)).split())


def distinct_tags(tags: Sequence[str]) -> list[str]:
    """The tags, each once, white space evened out; what has no letter is left out.

    Raises DataError when one is too long, or there are too many.
    """
    found: dict[str, str] = {}
    for tag in tags:
        tidy = " ".join(tag.replace("\0", " ").split())
        if len(tidy) > LONGEST_TAG:
            raise DataError(f"The tag {tidy[:40]!r}... is longer than {LONGEST_TAG} characters.")
        if tag_key(tidy):
            found.setdefault(tag_key(tidy), tidy)
    if len(found) > MOST_TAGS:
        raise DataError(f"There are {len(found)} tags; a list can have {MOST_TAGS}.")
    return list(found.values())


_LISTS = """
    SELECT l.list_id, l.known_as, l.name, l.curator,
           ARRAY(SELECT tag FROM editorial_tags g WHERE g.list_id = l.list_id ORDER BY g.position) AS tags,
           (SELECT count(*) FROM editorial_tracks s WHERE s.list_id = l.list_id)::int AS songs,
           l.made_at, l.changed_at, l.withdrawn_at
    FROM editorial_playlists l
"""


def all_lists(connection: sa.Connection) -> list[EditorialList]:
    """Every list: those that are valid by name, then the withdrawn ones."""
    rows = connection.execute(sa.text(f"{_LISTS} ORDER BY l.withdrawn_at IS NOT NULL, lower(l.name), l.list_id"))
    return [EditorialList(**row._mapping) for row in rows]


def get_list(connection: sa.Connection, list_id: int) -> EditorialList:
    """The list of this id; raises UnknownNameError."""
    row = connection.execute(sa.text(f"{_LISTS} WHERE l.list_id = :id"), {"id": list_id}).one_or_none()
    if row is None:
        raise UnknownNameError(f"There is no editorial list {list_id}.")
    return EditorialList(**row._mapping)


def songs_of_list(connection: sa.Connection, list_id: int) -> list[dict[str, Any]]:
    """The songs of a list in their order: `position, track_id, outside_id, title, artists, release, duration_s`."""
    songs = fetch_table(connection, f"{_SONGS} WHERE s.list_id = :id ORDER BY s.position", {"id": list_id})
    return list(songs.to_pylist())


_SONGS = """
    SELECT row_number() OVER (ORDER BY s.position)::int AS position, s.track_id,
           coalesce(i.outside_id, s.track_id::text) AS outside_id, t.title,
           ARRAY(SELECT a.name FROM track_artists c JOIN artists a USING (artist_id)
                 WHERE c.track_id = t.track_id AND c.role = 'main' ORDER BY c.position) AS artists,
           r.title AS release, t.duration_s
    FROM editorial_tracks s JOIN tracks t USING (track_id)
    LEFT JOIN releases r USING (release_id)
    LEFT JOIN track_ids i ON i.track_id = t.track_id AND i.source = 'service'
"""


@dataclass(frozen=True)
class Imported:
    """A list as a file holds it; `withdrawn` None: the file does not say."""

    known_as: str
    name: str
    curator: str
    tags: Sequence[str]
    track_ids: Sequence[int]
    withdrawn: bool | None
    content_hash: str


def replace_list(connection: sa.Connection, given: Imported, now: dt.datetime) -> int:
    """Put a list from a file in place of what it was; return its number of songs, 0 where the file is as it was."""
    values = {
        "known_as": given.known_as,
        "name": given.name,
        "curator": given.curator,
        "hash": given.content_hash,
        "withdrawn": given.withdrawn,
        "now": now,
    }
    list_id = connection.execute(
        sa.text("""
            INSERT INTO editorial_playlists AS l
                (known_as, name, curator, content_hash, made_at, changed_at, withdrawn_at)
            VALUES (:known_as, :name, :curator, :hash, :now, :now,
                    CASE WHEN :withdrawn THEN CAST(:now AS timestamptz) END)
            ON CONFLICT (known_as) DO UPDATE
            SET name = excluded.name, curator = excluded.curator, content_hash = excluded.content_hash,
                changed_at = excluded.changed_at,
                withdrawn_at = CASE WHEN CAST(:withdrawn AS boolean) IS NULL THEN l.withdrawn_at
                                    WHEN :withdrawn THEN coalesce(l.withdrawn_at, excluded.withdrawn_at) END
            WHERE l.content_hash IS DISTINCT FROM excluded.content_hash
            RETURNING list_id
        """),
        values,
    ).scalar()
    if list_id is None:
        return 0
    set_tags(connection, list_id, given.tags)
    connection.execute(
        sa.text("DELETE FROM editorial_tracks WHERE list_id = :id AND track_id <> ALL (:tracks)"),
        {"id": list_id, "tracks": list(given.track_ids)},
    )
    connection.execute(
        sa.text("""
            INSERT INTO editorial_tracks (list_id, track_id, position, added_at)
            SELECT :id, track_id, place, :now
            FROM unnest(CAST(:tracks AS bigint[])) WITH ORDINALITY AS song (track_id, place)
            ON CONFLICT (list_id, track_id) DO UPDATE SET position = excluded.position
        """),
        {"id": list_id, "tracks": list(given.track_ids), "now": now},
    )
    return len(given.track_ids)


def set_tags(connection: sa.Connection, list_id: int, tags: Sequence[str]) -> None:
    """Give a list these tags in place of those that it had."""
    connection.execute(sa.text("DELETE FROM editorial_tags WHERE list_id = :id"), {"id": list_id})
    connection.execute(
        sa.text("""
            INSERT INTO editorial_tags (list_id, tag_key, tag, position)
            SELECT :id, tag_key, tag, place
            FROM unnest(CAST(:keys AS text[]), CAST(:tags AS text[])) WITH ORDINALITY AS one (tag_key, tag, place)
        """),
        {"id": list_id, "keys": [tag_key(tag) for tag in tags], "tags": list(tags)},
    )


def find_songs(connection: sa.Connection, asked: pa.Table) -> npt.NDArray[np.int64]:
    """(n,) int64: the track that each row of `asked` means, 0 where there is none.

    `asked`: `track_id` (the service's), `mbid`, `isrc`, `title_key`, `version` text, `locations` and `artist_keys`
    lists of text, the likeliest first. The first of these that is known says it: the service's id, the location, the
    outside ids, then artist and title; of a song's versions the one that is asked for, else the plain one.
    """
    places = pa.array(range(len(asked)), pa.int32())
    ids = asked.select(["track_id", "mbid", "isrc", "title_key", "version"]).append_column("place", places)
    columns = "track_id text, mbid text, isrc text, title_key text, version text, place integer"
    stage(connection, "asked_songs", columns, ids)
    for name, column in (("asked_locations", "locations"), ("asked_artists", "artist_keys")):
        lists = asked[column].to_pylist()
        flat = [(place, rank, text) for place, texts in enumerate(lists) for rank, text in enumerate(texts or ())]
        table = {
            "place": pa.array([one[0] for one in flat], pa.int32()),
            "rank": pa.array([one[1] for one in flat], pa.int32()),
            "value": pa.array([one[2] for one in flat], pa.string()),
        }
        stage(connection, name, "place integer, rank integer, value text", pa.table(table))
    found = copy_out(connection, _FIND_SONGS, [("id", "i8")])["id"]
    connection.execute(sa.text("DROP TABLE asked_songs, asked_locations, asked_artists"))
    return found


_FIND_SONGS = """
WITH located AS (
    SELECT DISTINCT ON (place) place, track_id
    FROM (SELECT l.place, l.rank, t.track_id FROM asked_locations l JOIN tracks t ON t.audio_uri = l.value
          UNION ALL
          SELECT l.place, l.rank, f.track_id FROM asked_locations l JOIN audio_files f ON f.uri = l.value
          WHERE f.track_id IS NOT NULL) each
    ORDER BY place, rank, track_id
), named AS (
    SELECT DISTINCT ON (a.place) a.place, t.track_id
    FROM asked_songs a
    JOIN (SELECT k.place, k.rank, artist_id FROM asked_artists k JOIN artists ON name_key = k.value
          UNION SELECT k.place, k.rank, artist_id FROM asked_artists k JOIN artist_aliases ON alias_key = k.value) who
         USING (place)
    JOIN track_artists c USING (artist_id)
    JOIN tracks t ON t.track_id = c.track_id AND t.title_key = a.title_key
    ORDER BY a.place, who.rank, t.version IS NOT DISTINCT FROM a.version DESC, t.version IS NOT NULL, t.track_id
)
SELECT coalesce(
    (SELECT i.track_id FROM track_ids i WHERE i.source = 'service' AND i.outside_id = a.track_id),
    l.track_id,
    (SELECT min(i.track_id) FROM track_ids i WHERE i.source = 'mbid' AND i.outside_id = a.mbid),
    (SELECT min(i.track_id) FROM track_ids i WHERE i.source = 'isrc' AND i.outside_id = a.isrc),
    n.track_id, 0)
FROM asked_songs a LEFT JOIN located l USING (place) LEFT JOIN named n USING (place) ORDER BY a.place
"""


def lists_holding(connection: sa.Connection, track_ids: Sequence[int], at: dt.datetime) -> dict[int, str]:
    """The name of the list that holds each of these tracks, of lists valid at `at`; tracks on none or on several are
    left out."""
    rows = connection.execute(
        sa.text("""
            SELECT track_id, min(name) AS name FROM editorial_playlists JOIN editorial_tracks USING (list_id)
            WHERE track_id = ANY (:ids) AND made_at <= :at AND (withdrawn_at IS NULL OR withdrawn_at > :at)
              AND added_at <= :at
            GROUP BY track_id HAVING count(*) = 1
        """),
        {"ids": list(track_ids), "at": at},
    )
    return {int(row.track_id): str(row.name) for row in rows}


@dataclass(frozen=True)
class ValidLists:
    """The lists that recommend at a moment. Songs and tags are ordered by list, then as they stand on it."""

    list_ids: npt.NDArray[np.int64]  # (n_lists,) ascending
    song_lists: npt.NDArray[np.int64]  # (n_songs,) list ids
    track_ids: npt.NDArray[np.int64]  # (n_songs,)
    tag_lists: npt.NDArray[np.int64]  # (n_tags,) list ids
    tag_keys: list[str]


def read_valid_lists(connection: sa.Connection, at: dt.datetime) -> ValidLists:
    """The lists that were there at `at` and not withdrawn, with those of their songs that were on them by then.

    What was taken off a list since is not known any more.
    """
    valid = "made_at <= {at} AND (withdrawn_at IS NULL OR withdrawn_at > {at})"
    copied, bound = valid.format(at="%(at)s"), valid.format(at=":at")
    songs = copy_out(
        connection,
        f"""
        SELECT list_id, track_id FROM editorial_playlists JOIN editorial_tracks USING (list_id)
        WHERE {copied} AND added_at <= %(at)s ORDER BY list_id, position
        """,  # noqa: S608 - constants
        [("list_id", "i8"), ("track_id", "i8")],
        {"at": at},
    )
    tags = connection.execute(
        sa.text(f"""
            SELECT list_id, tag_key FROM editorial_playlists JOIN editorial_tags USING (list_id)
            WHERE {bound} ORDER BY list_id, position
        """),  # noqa: S608 - constants
        {"at": at},
    ).all()
    return ValidLists(
        list_ids=np.unique(songs["list_id"]),
        song_lists=songs["list_id"],
        track_ids=songs["track_id"],
        tag_lists=np.array([row.list_id for row in tags], dtype=np.int64),
        tag_keys=[row.tag_key for row in tags],
    )
