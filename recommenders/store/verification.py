"""The rules of a mixtape, checked once more by SQL on what was written, independently of the code that chose."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from recommenders.store.eligibility import read_forbidden_artists
from recommenders.store.mixtapes import Edition

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
    connection.execute(sa.text("ANALYZE playlists"))
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


# Each query gives the detail of one rule that keeps :track from the list of :user, or no row.
_AGAINST = {
    "It was uploaded after the cut-off": """
        SELECT 'on ' || uploaded_at::date FROM tracks WHERE track_id = :track AND uploaded_at >= :cutoff
    """,
    "Already heard": """
        SELECT CASE WHEN h.track_id = :track THEN 'itself' ELSE 'as “' || v.title || '”' END
               || CASE WHEN isfinite(h.first_at) THEN ', first on ' || h.first_at::date ELSE '' END
        FROM tracks t JOIN tracks v USING (work_id) JOIN heard h ON h.track_id = v.track_id
        WHERE t.track_id = :track AND h.user_id = :user AND h.first_at < :cutoff
        ORDER BY h.track_id <> :track, h.first_at LIMIT 1
    """,
    "Blocked": """
        SELECT 'since ' || b.since::date FROM tracks t JOIN tracks v USING (work_id)
        JOIN blocks b ON b.track_id = v.track_id
        WHERE t.track_id = :track AND b.user_id = :user AND b.since < :cutoff AND b.until > :cutoff LIMIT 1
    """,
    "Recommended in the weeks around": """
        SELECT 'in the week of ' || w.week
        FROM weeks w JOIN playlists p ON p.week = w.week AND p.edition_id = w.edition_id
        JOIN tracks v ON v.track_id = ANY (p.track_ids) JOIN tracks t USING (work_id)
        WHERE t.track_id = :track AND p.user_id = :user AND w.week <> :week
          AND w.week BETWEEN :week - 7 * :memory_weeks AND :week + 7 * :memory_weeks
        ORDER BY w.week LIMIT 1
    """,
    "Another version of it is on the mixtape": """
        SELECT '“' || v.title || '”' FROM tracks t JOIN tracks v USING (work_id)
        JOIN playlist_tracks p ON p.track_id = v.track_id
        WHERE t.track_id = :track AND p.edition_id = :edition_id AND p.week = :week AND p.user_id = :user LIMIT 1
    """,
    "Its artist is on the mixtape as often as allowed": """
        SELECT a.name FROM track_artists c JOIN artists a USING (artist_id)
        JOIN track_artists other USING (artist_id) JOIN playlist_tracks p ON p.track_id = other.track_id
        WHERE c.track_id = :track AND p.edition_id = :edition_id AND p.week = :week AND p.user_id = :user
        GROUP BY a.artist_id HAVING count(*) >= :max_per_artist LIMIT 1
    """,
    "Its release is on the mixtape as often as allowed": """
        SELECT r.title FROM tracks t JOIN releases r USING (release_id) JOIN tracks other USING (release_id)
        JOIN playlist_tracks p ON p.track_id = other.track_id
        WHERE t.track_id = :track AND p.edition_id = :edition_id AND p.week = :week AND p.user_id = :user
        GROUP BY r.release_id HAVING count(*) >= :max_per_release LIMIT 1
    """,
}


def rules_against(connection: sa.Connection, edition: Edition, user_id: int, track_id: int) -> list[str]:
    """The rules that keep a track from a user's list in this edition, as sentences; empty when none does."""
    values = {
        "user": user_id,
        "track": track_id,
        "week": edition.week,
        "edition_id": edition.edition_id,
        "cutoff": edition.cutoff,
        **edition.parameters,
    }
    found = {rule: connection.execute(sa.text(query), values).scalar() for rule, query in _AGAINST.items()}
    lines = [f"{rule}: {detail}." for rule, detail in found.items() if detail]
    artists = read_forbidden_artists(
        connection, edition.cutoff, edition.week, edition.parameters["memory_weeks"], (user_id, user_id + 1)
    )["item_id"]
    name = connection.execute(
        sa.text("""
            SELECT string_agg(name, ', ') FROM track_artists JOIN artists USING (artist_id)
            WHERE track_id = :track AND artist_id = ANY (:artists)
        """),
        {"track": track_id, "artists": artists.tolist()},
    ).scalar()
    if name:
        lines.append(f"Its artist is blocked by the user, or cooling off after being ignored: {name}.")
    return lines
