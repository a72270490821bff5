"""Names: internal ids from the service's own ids, and what to call users and tracks when showing them."""

from collections.abc import Iterable

import sqlalchemy as sa

from recommenders.errors import UnknownNameError


def track_of(connection: sa.Connection, outside_id: str) -> int:
    """The id of the track with this service id; raises UnknownNameError when there is none."""
    track_id: int | None = connection.execute(
        sa.text("SELECT track_id FROM track_ids WHERE source = 'service' AND outside_id = :id"),
        {"id": outside_id.replace("\0", "\ufffd")},
    ).scalar()
    if track_id is None:
        raise UnknownNameError(f"The service has no track {outside_id!r}.")
    return track_id


def track_names(connection: sa.Connection, track_ids: Iterable[int]) -> list[tuple[str, str]]:
    """The service id of each track and "Artist – Title", in the order given."""
    return _named(
        connection,
        """SELECT t.track_id, i.outside_id, concat_ws(' – ',
                  (SELECT string_agg(a.name, ', ' ORDER BY ta.position)
                   FROM track_artists ta JOIN artists a USING (artist_id)
                   WHERE ta.track_id = t.track_id AND ta.role = 'main'), t.title)
           FROM tracks t JOIN track_ids i ON i.track_id = t.track_id AND i.source = 'service'
           WHERE t.track_id = ANY(:ids)""",
        track_ids,
    )


def artist_names(connection: sa.Connection, artist_ids: Iterable[int]) -> dict[int, str]:
    """The name of each artist."""
    rows = connection.execute(
        sa.text("SELECT artist_id, name FROM artists WHERE artist_id = ANY(:ids)"), {"ids": list(artist_ids)}
    )
    return {row.artist_id: row.name for row in rows}


def track_titles(connection: sa.Connection, track_ids: Iterable[int]) -> dict[int, str]:
    """The title of each track."""
    rows = connection.execute(
        sa.text("SELECT track_id, title FROM tracks WHERE track_id = ANY(:ids)"), {"ids": list(track_ids)}
    )
    return {row.track_id: row.title for row in rows}


def user_names(connection: sa.Connection, user_ids: Iterable[int]) -> list[tuple[str, str]]:
    """The service id and the name of each user, in the order given."""
    return _named(
        connection,
        """SELECT u.user_id, i.outside_id, u.name
           FROM users u JOIN user_ids i ON i.user_id = u.user_id AND i.source = 'service'
           WHERE u.user_id = ANY(:ids)""",
        user_ids,
    )


def _named(connection: sa.Connection, query: str, ids: Iterable[int]) -> list[tuple[str, str]]:
    wanted = list(ids)
    found = {row[0]: (row[1], row[2]) for row in connection.execute(sa.text(query), {"ids": wanted})}
    return [found[one] for one in wanted]


def main_artists(connection: sa.Connection, track_id: int) -> list[int]:
    """The ids of the track's main artists, the first one first."""
    rows = connection.execute(
        sa.text("SELECT artist_id FROM track_artists WHERE track_id = :id AND role = 'main' ORDER BY position"),
        {"id": track_id},
    )
    return list(rows.scalars())
