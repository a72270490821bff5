"""The rules of a mixtape, checked once more by SQL on what was written, independently of the code that chose."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from recommenders.store.eligibility import read_forbidden_artists
from recommenders.store.mixtapes import Edition
from recommenders.store.partitions import playlist_partition

_SONGS = """
    CREATE TEMPORARY TABLE checked_song ON COMMIT DROP AS
    SELECT p.user_id, song.track_id, t.work_id, t.release_id, song.bend
    FROM playlists p, unnest(p.track_ids, p.bends) AS song (track_id, bend)
    LEFT JOIN tracks t USING (track_id)
    WHERE p.week = :week AND p.edition_id = :edition_id AND p.user_id >= :low AND p.user_id < :high
"""

# Each query counts the lists or songs that break a rule; `bent` songs (1 exposure, 3 artist) may break what they name.
_CHECKS = {
    "users without a list": """
        SELECT count(*) FROM users u
        WHERE u.user_id >= :low AND u.user_id < :high AND (u.created_at IS NULL OR u.created_at < :cutoff)
          AND NOT EXISTS (SELECT FROM playlists p
                          WHERE p.week = :week AND p.edition_id = :edition_id AND p.user_id = u.user_id)
    """,
    "lists that are neither full nor say why they are short": """
        SELECT count(*) FROM playlists
        WHERE week = :week AND edition_id = :edition_id AND user_id >= :low AND user_id < :high
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
    "songs already heard": """
        SELECT count(*) FROM checked_song s
        WHERE EXISTS (SELECT FROM heard h
                      WHERE h.user_id = s.user_id AND h.track_id = s.track_id AND h.first_at < :cutoff
                        AND h.user_id >= :low AND h.user_id < :high)
    """,
    "songs already heard in another version": """
        SELECT count(*) FROM checked_song s
        WHERE work_id IN (SELECT work_id FROM tracks GROUP BY work_id HAVING count(*) > 1)
          AND EXISTS (SELECT FROM tracks v JOIN heard h USING (track_id)
                      WHERE v.work_id = s.work_id AND v.track_id <> s.track_id
                        AND h.user_id = s.user_id AND h.first_at < :cutoff)
    """,
    "songs blocked": """
        SELECT count(*) FROM checked_song s
        JOIN blocks b ON b.user_id = s.user_id AND b.since < :cutoff AND b.until > :cutoff
        WHERE EXISTS (SELECT FROM tracks v WHERE v.track_id = b.track_id AND v.work_id = s.work_id)
           OR EXISTS (SELECT FROM track_artists c WHERE c.track_id = s.track_id AND c.artist_id = b.artist_id)
    """,
    "songs recommended in the weeks around": """
        SELECT count(*) FROM checked_song s
        WHERE EXISTS (SELECT FROM weeks w JOIN playlists p ON p.week = w.week AND p.edition_id = w.edition_id,
                                  unnest(p.track_ids) AS around (track_id) JOIN tracks v USING (track_id)
                      WHERE p.user_id = s.user_id AND v.work_id = s.work_id
                        AND p.user_id >= :low AND p.user_id < :high AND w.week <> :week
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
}
WALLPAPER = "songs on too many lists"


def refresh_statistics(connection: sa.Connection, edition: Edition) -> None:
    """Tell the planner what was written for the week; without it, the checks take minutes."""
    connection.execute(sa.text(f"ANALYZE {playlist_partition(edition.week)}"))


def broken_rules(
    connection: sa.Connection, edition: Edition, rules: Mapping[str, Any], users: tuple[int, int]
) -> dict[str, int]:
    """How often the lists of the half-open range `users` break each rule of a list; empty when they keep them all."""
    values = {**rules, **_of(edition), "low": users[0], "high": users[1]}
    # A shard at once, by hash tables in memory, instead of song by song.
    connection.execute(sa.text("SET LOCAL work_mem = '64MB'"))
    connection.execute(sa.text("SET LOCAL enable_nestloop = off"))
    connection.execute(sa.text(_SONGS), values)
    connection.execute(sa.text("ANALYZE checked_song"))
    found = {rule: connection.execute(sa.text(query), values).scalar_one() for rule, query in _CHECKS.items()}
    return {rule: count for rule, count in found.items() if count}


def wallpaper(connection: sa.Connection, edition: Edition, exposure_cap: int) -> dict[str, int]:
    """How many songs are on more than `exposure_cap` lists without being marked as bent; empty when none is."""
    count = connection.execute(
        sa.text("""
            SELECT count(*) FROM (
                SELECT FROM playlists p, unnest(p.track_ids, p.bends) AS song (track_id, bend)
                WHERE p.week = :week AND p.edition_id = :edition_id AND song.bend NOT IN (1, 3)
                GROUP BY song.track_id HAVING count(*) > :exposure_cap) AS too_many
        """),
        {**_of(edition), "exposure_cap": exposure_cap},
    ).scalar_one()
    return {WALLPAPER: count} if count else {}


def figures(connection: sa.Connection, edition: Edition) -> dict[str, Any]:
    """Lists, short lists, and songs by source and by reason of the edition."""
    lists, short = connection.execute(
        sa.text("""
            SELECT count(*), count(*) FILTER (WHERE short_reason > 0) FROM playlists
            WHERE week = :week AND edition_id = :edition_id
        """),
        _of(edition),
    ).one()
    counted: dict[str, Any] = {"playlists": lists, "short": short}
    for name, column in (("source", "sources"), ("reason", "reason_codes")):
        rows = connection.execute(
            sa.text(f"""
                SELECT {name}_name(code), count(*) FROM playlists p, unnest(p.{column}) AS code
                WHERE week = :week AND edition_id = :edition_id GROUP BY code ORDER BY 2 DESC
            """),  # noqa: S608 - one of the two names above
            _of(edition),
        )
        counted[f"songs_by_{name}"] = {row[0]: row[1] for row in rows}
    return counted


def _of(edition: Edition) -> dict[str, Any]:
    return {"week": edition.week, "edition_id": edition.edition_id, "cutoff": edition.cutoff}


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
