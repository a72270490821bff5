"""Curating: what people do to editorial lists by hand, and finding songs for them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from recommenders.errors import DataError, UnknownNameError
from recommenders.store.editorial import LONGEST_NAME, MOST_SONGS, distinct_tags, get_list, set_tags


def create_list(connection: sa.Connection, name: str, curator: str, tags: Sequence[str], now: dt.datetime) -> int:
    """A new list without songs; its id. Raises DataError for a name or tags that a list can't have."""
    named, tagged = _name(name), distinct_tags(tags)
    known_as = "pages:" + str(connection.execute(sa.text("SELECT gen_random_uuid()")).scalar_one())
    list_id: int = connection.execute(
        sa.text("""
            INSERT INTO editorial_playlists (known_as, name, curator, made_at, changed_at)
            VALUES (:known_as, :name, :curator, :now, :now) RETURNING list_id
        """),
        {"known_as": known_as, "name": named, "curator": _line(curator)[:LONGEST_NAME], "now": now},
    ).scalar_one()
    set_tags(connection, list_id, tagged)
    return list_id


def edit_list(
    connection: sa.Connection, list_id: int, name: str, curator: str, tags: Sequence[str], now: dt.datetime
) -> None:
    """Give a list another name, curator and tags. Raises DataError, and UnknownNameError where there is no list."""
    named, tagged = _name(name), distinct_tags(tags)
    _touch(connection, list_id, now)
    connection.execute(
        sa.text("UPDATE editorial_playlists SET name = :name, curator = :curator WHERE list_id = :id"),
        {"id": list_id, "name": named, "curator": _line(curator)[:LONGEST_NAME]},
    )
    set_tags(connection, list_id, tagged)


def withdraw_list(connection: sa.Connection, list_id: int, withdrawn: bool, now: dt.datetime) -> None:
    """Withdraw a list, or let it recommend again. Raises UnknownNameError."""
    _touch(connection, list_id, now)
    connection.execute(
        sa.text("""
            UPDATE editorial_playlists
            SET withdrawn_at = CASE WHEN :withdrawn THEN coalesce(withdrawn_at, CAST(:now AS timestamptz)) END
            WHERE list_id = :id
        """),
        {"id": list_id, "withdrawn": withdrawn, "now": now},
    )


def add_song(connection: sa.Connection, list_id: int, track_id: int, now: dt.datetime) -> None:
    """Put a song at the end of a list; one that is on it stays where it is. Raises DataError for a full list, and
    UnknownNameError."""
    if connection.execute(sa.text("SELECT FROM tracks WHERE track_id = :id"), {"id": track_id}).one_or_none() is None:
        raise UnknownNameError("There is no such song in the catalogue.")
    _touch(connection, list_id, now)
    if get_list(connection, list_id).songs >= MOST_SONGS:
        raise DataError(f"The list has {MOST_SONGS:,} songs already, the most that a list can have.")
    connection.execute(
        sa.text("""
            INSERT INTO editorial_tracks (list_id, track_id, position, added_at)
            SELECT :id, :track, coalesce(max(position), 0) + 1, :now FROM editorial_tracks WHERE list_id = :id
            ON CONFLICT DO NOTHING
        """),
        {"id": list_id, "track": track_id, "now": now},
    )


def remove_song(connection: sa.Connection, list_id: int, track_id: int, now: dt.datetime) -> None:
    """Take a song off a list."""
    _touch(connection, list_id, now)
    connection.execute(
        sa.text("DELETE FROM editorial_tracks WHERE list_id = :id AND track_id = :track"),
        {"id": list_id, "track": track_id},
    )


def move_song(connection: sa.Connection, list_id: int, track_id: int, to: int, now: dt.datetime) -> None:
    """Let a song stand at place `to` (from 1) of its list; the others keep their order."""
    _touch(connection, list_id, now)
    order = list(
        connection.execute(
            sa.text("SELECT track_id FROM editorial_tracks WHERE list_id = :id ORDER BY position"), {"id": list_id}
        ).scalars()
    )
    if track_id not in order:
        return
    order.remove(track_id)
    order.insert(max(0, min(to - 1, len(order))), track_id)
    connection.execute(
        sa.text("""
            UPDATE editorial_tracks s SET position = song.place
            FROM unnest(CAST(:order AS bigint[])) WITH ORDINALITY AS song (track_id, place)
            WHERE s.list_id = :id AND s.track_id = song.track_id
        """),
        {"id": list_id, "order": order},
    )


def _touch(connection: sa.Connection, list_id: int, now: dt.datetime) -> None:
    """Lock the list and note that it changes; raises UnknownNameError."""
    changed = connection.execute(
        sa.text("UPDATE editorial_playlists SET changed_at = :now WHERE list_id = :id"), {"id": list_id, "now": now}
    ).rowcount
    if not changed:
        raise UnknownNameError(f"There is no editorial list {list_id}.")


def _line(text: str) -> str:
    """`text` as one line that Postgres can hold."""
    return " ".join(text.replace("\0", " ").encode("utf-8", "replace").decode().split())


def _name(text: str) -> str:
    name = _line(text)
    if not name or len(name) > LONGEST_NAME:
        raise DataError(f"A list needs a name of at most {LONGEST_NAME} characters.")
    return name


@dataclass(frozen=True)
class FoundTrack:
    """A track that was searched for: its ids, title, main artists and release."""

    track_id: int
    outside_id: str
    title: str
    artists: list[str]
    release: str | None


def find_tracks(connection: sa.Connection, text: str, limit: int = 20) -> list[FoundTrack]:
    """Tracks of whose artists and title every word of `text` is a part, in any case, or whose service id it is; those
    whose title begins with it first, then by how many have heard them."""
    words = [word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") for word in _line(text).split()]
    if not words:
        return []
    rows = connection.execute(
        sa.text("""
            WITH named AS (
                SELECT t.track_id, i.outside_id, t.title, t.release_id,
                       ARRAY(SELECT a.name FROM track_artists c JOIN artists a USING (artist_id)
                             WHERE c.track_id = t.track_id AND c.role = 'main' ORDER BY c.position) AS artists
                FROM tracks t JOIN track_ids i ON i.track_id = t.track_id AND i.source = 'service'
            ), found AS (
                SELECT * FROM named
                WHERE outside_id = :text OR array_to_string(artists || title, ' ') ILIKE ALL (:words)
                LIMIT 1000
            )
            SELECT f.track_id, f.outside_id, f.title, f.artists, r.title AS release
            FROM found f LEFT JOIN releases r USING (release_id)
            ORDER BY f.outside_id = :text DESC, f.title ILIKE :begins DESC,
                     (SELECT count(*) FROM heard h WHERE h.track_id = f.track_id) DESC, f.title, f.track_id
            LIMIT :limit
        """),
        {
            "text": _line(text),
            "words": [f"%{word}%" for word in words],
            "begins": " ".join(words) + "%",
            "limit": limit,
        },
    )
    return [FoundTrack(**row._mapping) for row in rows]
