"""Writing the catalogue: artists, releases, tracks with their credits, and the works that group versions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from recommenders.store.bulk import copy_out, fetch_table, stage

_CREDIT_COLUMNS = (
    "row integer, position smallint, role text, name text, name_key text, outside_id text, artist_id bigint"
)
_TRACK_COLUMNS = (
    "row integer, outside_id text, title text, title_key text, version text, release text, release_key text, "
    "duration_s real, uploaded_at timestamptz, audio_uri text, isrc text, mbid text, "
    "track_id bigint, work_id bigint, old_work_id bigint, release_id bigint, is_new boolean NOT NULL DEFAULT false"
)

_FIND_BY_OUTSIDE_ID = """
UPDATE given_credits c SET artist_id = i.artist_id FROM artist_ids i
WHERE i.source = 'service' AND i.outside_id = c.outside_id AND c.artist_id IS NULL
"""
# An artist who was first met by name alone (a guest in a title) gets the id when it comes.
_ADOPT_BY_NAME = """
INSERT INTO artist_ids (source, outside_id, artist_id)
SELECT 'service', c.outside_id, a.artist_id
FROM (
    SELECT DISTINCT ON (name_key) name_key, outside_id
    FROM (SELECT DISTINCT ON (outside_id) name_key, outside_id, row, position
          FROM given_credits WHERE outside_id IS NOT NULL AND artist_id IS NULL
          ORDER BY outside_id, row, position) named
    ORDER BY name_key, row, position
) c
CROSS JOIN LATERAL (
    SELECT artist_id FROM artists a
    WHERE a.name_key = c.name_key
      AND NOT EXISTS (SELECT FROM artist_ids i WHERE i.artist_id = a.artist_id AND i.source = 'service')
    ORDER BY artist_id LIMIT 1
) a
"""
_CREATE_WITH_OUTSIDE_ID = """
WITH new AS MATERIALIZED (
    SELECT outside_id, name, name_key, nextval(pg_get_serial_sequence('artists', 'artist_id')) AS artist_id
    FROM (SELECT DISTINCT ON (outside_id) outside_id, name, name_key
          FROM given_credits WHERE outside_id IS NOT NULL AND artist_id IS NULL
          ORDER BY outside_id, row, position) c
), created AS (
    INSERT INTO artists (artist_id, name, name_key) OVERRIDING SYSTEM VALUE SELECT artist_id, name, name_key FROM new
)
INSERT INTO artist_ids (source, outside_id, artist_id) SELECT 'service', outside_id, artist_id FROM new
"""
_FIND_BY_NAME = """
UPDATE given_credits c SET artist_id = coalesce(
    (SELECT min(artist_id) FROM artists a WHERE a.name_key = c.name_key),
    (SELECT min(artist_id) FROM artist_aliases a WHERE a.alias_key = c.name_key))
WHERE outside_id IS NULL AND artist_id IS NULL
"""
_CREATE_BY_NAME = """
INSERT INTO artists (name, name_key)
SELECT name, name_key
FROM (SELECT DISTINCT ON (name_key) name, name_key, row, position
      FROM given_credits WHERE artist_id IS NULL ORDER BY name_key, row, position) c
ORDER BY row, position
"""


def known_artist_keys(connection: sa.Connection, keys: pa.Array) -> set[str]:
    """Those of `keys` (n,) text that are the key of an artist's name or alias."""
    stage(connection, "asked_keys", "key text", pa.table({"key": keys}))
    found = connection.execute(
        sa.text("""
            SELECT key FROM asked_keys
            WHERE EXISTS (SELECT FROM artists WHERE name_key = key)
               OR EXISTS (SELECT FROM artist_aliases WHERE alias_key = key)
        """)
    ).scalars()
    known = set(found)
    connection.execute(sa.text("DROP TABLE asked_keys"))
    return known


def write_artists(connection: sa.Connection, artists: pa.Table, aliases: pa.Table) -> int:
    """Create or change artists.

    `artists`: row int (0, 1, ...), outside_id, name, name_key text, mbid text or null. `aliases`: row int, alias,
    alias_key text. Aliases and mbids are only ever added. Returns the number of artists that are new or changed.
    """
    credits = artists.drop_columns(["mbid"])
    _find_or_create_artists(connection, credits.append_column("position", pa.array(np.zeros(len(artists), np.int16))))
    changed = set(_written(connection, _RENAME_ARTISTS))
    stage(connection, "given_mbids", "row integer, mbid text", artists.select(["row", "mbid"]))
    changed |= set(_written(connection, _ADD_ARTIST_MBIDS))
    stage(connection, "given_aliases", "row integer, alias text, alias_key text", aliases)
    changed |= set(_written(connection, _ADD_ALIASES))
    return len(changed | set(_written(connection, "SELECT artist_id FROM given_credits WHERE is_new")))


_RENAME_ARTISTS = """
UPDATE artists a SET name = c.name, name_key = c.name_key FROM given_credits c
WHERE a.artist_id = c.artist_id AND a.name <> c.name
RETURNING a.artist_id
"""
_ADD_ARTIST_MBIDS = """
INSERT INTO artist_ids (source, outside_id, artist_id)
SELECT 'mbid', m.mbid, c.artist_id FROM given_mbids m JOIN given_credits c USING (row) WHERE m.mbid IS NOT NULL
ON CONFLICT DO NOTHING
RETURNING artist_id
"""
_ADD_ALIASES = """
INSERT INTO artist_aliases (artist_id, alias, alias_key)
SELECT DISTINCT ON (c.artist_id, g.alias_key) c.artist_id, g.alias, g.alias_key
FROM given_aliases g JOIN given_credits c USING (row)
ORDER BY c.artist_id, g.alias_key, g.alias
ON CONFLICT DO NOTHING
RETURNING artist_id
"""


def write_tracks(connection: sa.Connection, tracks: pa.Table, credits: pa.Table) -> tuple[int, npt.NDArray[np.int64]]:
    """Create or change tracks with their artists and releases.

    `tracks`: row int (0, 1, ...), outside_id, title, title_key text, and, each maybe null: version, release,
    release_key text, duration_s float, uploaded_at timestamp, audio_uri, isrc, mbid text. `credits`: row int, position
    int, role (main, featured, remixer), name, name_key text, outside_id text or null; a track's first artist is at
    position 0. A null leaves what is known; credits replace those of before; isrc and mbid are only ever added.

    A new track is a work of its own, until `merge_works`. Returns the number of tracks that are new or changed, and
    the ids (n_rows,) int64 of all given tracks.
    """
    _find_or_create_artists(connection, credits)
    stage(connection, "given_tracks", _TRACK_COLUMNS, tracks)
    for statement in (_ADD_RELEASES, _FIND_RELEASES, _FIND_TRACKS, _NUMBER_NEW_TRACKS, _NUMBER_RENAMED_TRACKS):
        connection.execute(sa.text(statement))
    connection.execute(sa.text(_ADD_WORKS))
    changed = set(_written(connection, _ADD_TRACKS))
    connection.execute(sa.text(_ADD_TRACK_IDS))
    changed |= set(_written(connection, _CHANGE_TRACKS))
    connection.execute(sa.text(_REMOVE_EMPTY_WORKS))
    changed |= set(_written(connection, _ADD_OUTSIDE_IDS))
    changed |= set(_written(connection, _REMOVE_CREDITS))
    changed |= set(_written(connection, _WRITE_CREDITS))
    track_ids = copy_out(connection, "SELECT track_id FROM given_tracks ORDER BY row", [("track_id", "i8")])["track_id"]
    return len(changed), track_ids


_ADD_RELEASES = """
INSERT INTO releases (artist_id, title, title_key)
SELECT artist_id, release, release_key
FROM (SELECT DISTINCT ON (c.artist_id, t.release_key) c.artist_id, t.release, t.release_key, t.row
      FROM given_tracks t JOIN given_credits c ON c.row = t.row AND c.position = 0
      WHERE t.release_key IS NOT NULL
      ORDER BY c.artist_id, t.release_key, t.row) r
ORDER BY row
ON CONFLICT DO NOTHING
"""
_FIND_RELEASES = """
UPDATE given_tracks t SET release_id = r.release_id
FROM given_credits c JOIN releases r USING (artist_id)
WHERE c.row = t.row AND c.position = 0 AND r.title_key = t.release_key
"""
_FIND_TRACKS = """
UPDATE given_tracks t SET track_id = i.track_id FROM track_ids i
WHERE i.source = 'service' AND i.outside_id = t.outside_id
"""
_NUMBER_NEW_TRACKS = """
UPDATE given_tracks t SET track_id = n.track_id, work_id = n.work_id, is_new = true
FROM (SELECT row, nextval(pg_get_serial_sequence('tracks', 'track_id')) AS track_id,
             nextval(pg_get_serial_sequence('works', 'work_id')) AS work_id
      FROM (SELECT row FROM given_tracks WHERE track_id IS NULL ORDER BY row) ordered) n
WHERE n.row = t.row
"""
# A track that is now called otherwise, or is now someone else's, leaves its work.
_NUMBER_RENAMED_TRACKS = """
UPDATE given_tracks g
SET old_work_id = t.work_id, work_id = nextval(pg_get_serial_sequence('works', 'work_id'))
FROM tracks t
WHERE t.track_id = g.track_id
  AND (t.title_key <> g.title_key
       OR NOT EXISTS (SELECT FROM track_artists ta JOIN given_credits c USING (artist_id, position)
                      WHERE ta.track_id = t.track_id AND c.row = g.row AND c.position = 0))
"""
_ADD_WORKS = """
INSERT INTO works (work_id, artist_id, title_key) OVERRIDING SYSTEM VALUE
SELECT t.work_id, c.artist_id, t.title_key
FROM given_tracks t JOIN given_credits c ON c.row = t.row AND c.position = 0
WHERE t.work_id IS NOT NULL
"""
_ADD_TRACKS = """
INSERT INTO tracks
    (track_id, work_id, release_id, title, title_key, version, duration_s, uploaded_at, audio_uri)
OVERRIDING SYSTEM VALUE
SELECT track_id, work_id, release_id, title, title_key, version, duration_s, uploaded_at, audio_uri
FROM given_tracks WHERE is_new ORDER BY row
RETURNING track_id
"""
_ADD_TRACK_IDS = """
INSERT INTO track_ids (source, outside_id, track_id)
SELECT 'service', outside_id, track_id FROM given_tracks WHERE is_new
"""
_CHANGE_TRACKS = """
UPDATE tracks t
SET work_id = coalesce(g.work_id, t.work_id), release_id = coalesce(g.release_id, t.release_id), title = g.title,
    title_key = g.title_key, version = g.version, duration_s = coalesce(g.duration_s, t.duration_s),
    uploaded_at = coalesce(g.uploaded_at, t.uploaded_at), audio_uri = coalesce(g.audio_uri, t.audio_uri)
FROM given_tracks g
WHERE g.track_id = t.track_id AND NOT g.is_new
  AND (t.release_id, t.title, t.title_key, t.version, t.duration_s, t.uploaded_at, t.audio_uri) IS DISTINCT FROM
      (coalesce(g.release_id, t.release_id), g.title, g.title_key, g.version, coalesce(g.duration_s, t.duration_s),
       coalesce(g.uploaded_at, t.uploaded_at), coalesce(g.audio_uri, t.audio_uri))
RETURNING t.track_id
"""
_REMOVE_EMPTY_WORKS = """
DELETE FROM works w USING given_tracks g
WHERE w.work_id = g.old_work_id AND NOT EXISTS (SELECT FROM tracks t WHERE t.work_id = w.work_id)
"""
_ADD_OUTSIDE_IDS = """
INSERT INTO track_ids (source, outside_id, track_id)
SELECT 'isrc', isrc, track_id FROM given_tracks WHERE isrc IS NOT NULL
UNION ALL
SELECT 'mbid', mbid, track_id FROM given_tracks WHERE mbid IS NOT NULL
ON CONFLICT DO NOTHING
RETURNING track_id
"""
_REMOVE_CREDITS = """
DELETE FROM track_artists ta USING given_tracks t
WHERE ta.track_id = t.track_id
  AND NOT EXISTS (SELECT FROM given_credits c WHERE c.row = t.row AND c.artist_id = ta.artist_id)
RETURNING ta.track_id
"""
_WRITE_CREDITS = """
INSERT INTO track_artists AS ta (track_id, artist_id, role, position)
SELECT DISTINCT ON (t.row, c.artist_id) t.track_id, c.artist_id, c.role, c.position
FROM given_tracks t JOIN given_credits c USING (row)
ORDER BY t.row, c.artist_id, c.position
ON CONFLICT (track_id, artist_id) DO UPDATE SET role = excluded.role, position = excluded.position
WHERE (ta.role, ta.position) IS DISTINCT FROM (excluded.role, excluded.position)
RETURNING track_id
"""


@dataclass(frozen=True)
class Candidates:
    """Tracks that may be versions of one song, with their works: parallel arrays (n,).

    Tracks of one `group` share a main artist and a title key (`shares_id` False), or an isrc or mbid (True).
    `group` int64, `work_id` int64, `duration_s` float32 (0 = unknown), `has_version` bool (its title names a version),
    `shares_id` bool. `keys`: the title key of each group, for the groups 0, 1, ... that share a title.
    """

    group: npt.NDArray[np.int64]
    work_id: npt.NDArray[np.int64]
    duration_s: npt.NDArray[np.float32]
    has_version: npt.NDArray[np.bool_]
    shares_id: npt.NDArray[np.bool_]
    keys: list[str]


def version_candidates(
    connection: sa.Connection, track_ids: npt.NDArray[np.int64], nobody: tuple[str, ...]
) -> Candidates:
    """Every track that may be a version of the same song as one of `track_ids`, and these.

    `nobody`: name keys that stand for no artist, such as "various artists".
    """
    stage(connection, "touched_tracks", "track_id bigint", pa.table({"track_id": track_ids}))
    titles = fetch_table(
        connection,
        """
        SELECT DISTINCT ta.artist_id, t.title_key
        FROM touched_tracks JOIN tracks t USING (track_id) JOIN track_artists ta USING (track_id)
        JOIN artists a USING (artist_id)
        WHERE ta.role = 'main' AND t.title_key <> '' AND NOT a.name_key = ANY(:nobody)
        ORDER BY 1, 2
        """,
        {"nobody": list(nobody)},
    )
    groups = titles.append_column("grp", pa.array(np.arange(len(titles))))
    stage(connection, "title_groups", "artist_id bigint, title_key text, grp bigint", groups)
    by_title = copy_out(
        connection,
        """
        SELECT g.grp, t.work_id, coalesce(t.duration_s, 0)::real, t.version IS NOT NULL
        FROM title_groups g
        JOIN track_artists ta ON ta.artist_id = g.artist_id AND ta.role = 'main'
        JOIN tracks t ON t.track_id = ta.track_id AND t.title_key = g.title_key
        """,
        _CANDIDATE_COLUMNS,
    )
    by_id = copy_out(
        connection,
        """
        SELECT dense_rank() OVER (ORDER BY i.source, i.outside_id), t.work_id, 0::real, false
        FROM (SELECT DISTINCT i.source, i.outside_id FROM touched_tracks JOIN track_ids i USING (track_id)
              WHERE i.source IN ('isrc', 'mbid')) shared
        JOIN track_ids i USING (source, outside_id) JOIN tracks t USING (track_id)
        """,
        _CANDIDATE_COLUMNS,
    )
    shares_id = np.repeat([False, True], [len(by_title["grp"]), len(by_id["grp"])])
    by_id["grp"] = by_id["grp"] + len(titles)
    columns = {name: np.concatenate([by_title[name], by_id[name]]) for name, _ in _CANDIDATE_COLUMNS}
    return Candidates(
        columns["grp"],
        columns["work_id"],
        columns["duration_s"],
        columns["has_version"],
        shares_id,
        titles["title_key"].to_pylist(),
    )


_CANDIDATE_COLUMNS = [("grp", "i8"), ("work_id", "i8"), ("duration_s", "f4"), ("has_version", "?")]


def merge_works(connection: sa.Connection, old: npt.NDArray[np.int64], new: npt.NDArray[np.int64]) -> None:
    """Move the tracks of each work in `old` (n,) to the work in `new` (n,), and remove the old ones."""
    stage(connection, "merged_works", "old_id bigint, new_id bigint", pa.table({"old_id": old, "new_id": new}))
    connection.execute(sa.text("UPDATE tracks SET work_id = new_id FROM merged_works WHERE work_id = old_id"))
    connection.execute(sa.text("DELETE FROM works USING merged_works WHERE work_id = old_id"))


def _find_or_create_artists(connection: sa.Connection, credits: pa.Table) -> None:
    """Stage `given_credits` with the artist of each credit: by outside id, else by name; new ones are created."""
    stage(connection, "given_credits", f"{_CREDIT_COLUMNS}, is_new boolean NOT NULL DEFAULT false", credits)
    for statement in (
        _FIND_BY_OUTSIDE_ID,
        _ADOPT_BY_NAME,
        _FIND_BY_OUTSIDE_ID,
        "UPDATE given_credits SET is_new = artist_id IS NULL",
        _CREATE_WITH_OUTSIDE_ID,
        _FIND_BY_OUTSIDE_ID,
        _FIND_BY_NAME,
        _CREATE_BY_NAME,
        _FIND_BY_NAME,
    ):
        connection.execute(sa.text(statement))


def _written(connection: sa.Connection, statement: str) -> list[Any]:
    """The ids that a statement returns."""
    return list(connection.execute(sa.text(statement)).scalars())
