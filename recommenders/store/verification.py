"""The rules of a mixtape, checked once more by SQL on what was written, independently of the code that chose."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

_SONGS = """
    CREATE TEMPORARY TABLE checked_song ON COMMIT DROP AS
    SELECT p.user_id, song.position, song.track_id, t.work_id, t.release_id, song.bend
    FROM playlists p, unnest(p.track_ids, p.bends) WITH ORDINALITY AS song (track_id, bend, position)
    LEFT JOIN tracks t USING (track_id)
    WHERE p.week = :week AND p.edition_id = :edition_id
"""

# Each query counts the lists or songs that break a rule; `bent` songs (1 exposure, 3 artist) may break what they name.
_CHECKS = {
    "users without a list": """
        SELECT count(*) FROM users u
        WHERE (u.created_at IS NULL OR u.created_at < :cutoff)
          AND NOT EXISTS (SELECT FROM playlists p
                          WHERE p.week = :week AND p.edition_id = :edition_id AND p.user_id = u.user_id)
    """,
    "lists that are neither full nor say why they are short": """
        SELECT count(*) FROM playlists
        WHERE week = :week AND edition_id = :edition_id
          AND (cardinality(track_ids) > :length OR (cardinality(track_ids) < :length) <> (short_reason > 0)
               OR cardinality(track_ids) <> ALL (ARRAY[cardinality(scores), cardinality(sources),
                                                       cardinality(reason_codes), cardinality(bends),
                                                       cardinality(reason_ids) / 2]))
    """,
    "songs that are not in the catalogue": "SELECT count(*) FROM checked_song WHERE work_id IS NULL",
    "songs uploaded after the cut-off": """
        SELECT count(*) FROM checked_song JOIN tracks USING (track_id) WHERE uploaded_at >= :cutoff
    """,
    "songs twice on one list, in whatever version": """
        SELECT count(*) FROM (SELECT FROM checked_song GROUP BY user_id, work_id HAVING count(*) > 1) AS twice
    """,
    "songs already heard, in whatever version": """
        SELECT count(*) FROM checked_song s
        WHERE EXISTS (SELECT FROM tracks v JOIN heard h USING (track_id)
                      WHERE v.work_id = s.work_id AND h.user_id = s.user_id AND h.first_at < :cutoff)
    """,
    "songs blocked": """
        SELECT count(*) FROM checked_song s
        JOIN blocks b ON b.user_id = s.user_id AND b.since < :cutoff AND b.until > :cutoff
        WHERE EXISTS (SELECT FROM tracks v WHERE v.track_id = b.track_id AND v.work_id = s.work_id)
           OR EXISTS (SELECT FROM track_artists c WHERE c.track_id = s.track_id AND c.artist_id = b.artist_id)
    """,
    "songs recommended in the weeks around": """
        SELECT count(*) FROM checked_song s
        WHERE EXISTS (SELECT FROM weeks w JOIN playlists p ON p.week = w.week AND p.edition_id = w.edition_id
                      JOIN tracks v ON v.track_id = ANY (p.track_ids)
                      WHERE p.user_id = s.user_id AND v.work_id = s.work_id AND w.week <> :week
                        AND w.week BETWEEN :week - 7 * :memory_weeks AND :week + 7 * :memory_weeks)
    """,
    "artists with too many songs on one list": """
        SELECT count(*) FROM (
            SELECT FROM checked_song JOIN track_artists USING (track_id) WHERE bend <> 3
            GROUP BY user_id, artist_id HAVING count(*) > :max_per_artist) AS too_many
    """,
    "releases with too many songs on one list": """
        SELECT count(*) FROM (
            SELECT FROM checked_song WHERE release_id IS NOT NULL AND bend <> 3
            GROUP BY user_id, release_id HAVING count(*) > :max_per_release) AS too_many
    """,
    "songs on too many lists": """
        SELECT count(*) FROM (
            SELECT FROM checked_song WHERE bend NOT IN (1, 3)
            GROUP BY track_id HAVING count(*) > :exposure_cap) AS too_many
    """,
}


def broken_rules(
    connection: sa.Connection,
    *,
    week: dt.date,
    edition_id: int,
    cutoff: dt.datetime,
    exposure_cap: int,
    rules: Mapping[str, Any],
) -> dict[str, int]:
    """How often the edition breaks each rule; empty when it keeps all of them."""
    values = {"week": week, "edition_id": edition_id, "cutoff": cutoff, "exposure_cap": exposure_cap, **rules}
    connection.execute(sa.text(_SONGS), values)
    connection.execute(sa.text("CREATE INDEX ON checked_song (user_id)"))
    connection.execute(sa.text("ANALYZE checked_song"))
    found = {rule: connection.execute(sa.text(query), values).scalar_one() for rule, query in _CHECKS.items()}
    return {rule: count for rule, count in found.items() if count}


def figures(connection: sa.Connection, week: dt.date, edition_id: int) -> dict[str, Any]:
    """Lists, short lists, and songs by source and by reason of the edition."""
    values = {"week": week, "edition": edition_id}
    lists, short = connection.execute(
        sa.text("""
            SELECT count(*), count(*) FILTER (WHERE short_reason > 0) FROM playlists
            WHERE week = :week AND edition_id = :edition
        """),
        values,
    ).one()
    counted: dict[str, Any] = {"playlists": lists, "short": short}
    for name in ("source", "reason"):
        rows = connection.execute(
            sa.text(f"""
                SELECT {name}, count(*) FROM playlist_tracks WHERE week = :week AND edition_id = :edition
                GROUP BY 1 ORDER BY 2 DESC
            """),  # noqa: S608 - one of the two names above
            values,
        )
        counted[f"songs_by_{name}"] = {row[0]: row[1] for row in rows}
    return counted
