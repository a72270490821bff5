"""The vectors of artists and tracks of each kind of model, as stored for looking things up."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.errors import UnknownNameError
from recommenders.store.bulk import copy_out
from recommenders.store.models import champion

Ids = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]


def read_space(connection: sa.Connection, entity: str, kind: str) -> tuple[Ids, Vectors]:
    """The ids (n,) ascending and vectors (n, n_dimensions) that the champion of `kind` gave to an `entity`, artist or
    track; none where there is no champion, or artists have no vectors of that kind."""
    model = champion(connection, kind)
    if model is None or entity not in ("artist", "track"):
        return np.empty(0, dtype=np.int64), np.empty((0, 1), dtype=np.float32)
    values = {"kind": kind, "model_id": model.model_id}
    chosen = f"FROM {entity}_vectors WHERE kind = %(kind)s AND model_id = %(model_id)s"
    bound = f"FROM {entity}_vectors WHERE kind = :kind AND model_id = :model_id"
    width = connection.execute(sa.text(f"SELECT public.vector_dims(vector) {bound} LIMIT 1"), values).scalar()
    if width is None:
        return np.empty(0, dtype=np.int64), np.empty((0, 1), dtype=np.float32)
    read = copy_out(
        connection,
        f"SELECT {entity}_id, vector {chosen} ORDER BY {entity}_id",
        [("id", "i8"), ("vector", f"halfvec({width})")],
        values,
    )
    return read["id"], read["vector"]


def main_credits(connection: sa.Connection) -> tuple[Ids, Ids]:
    """Every track with every main artist: track ids (n,) ascending, artist ids (n,), the first artist first."""
    read = copy_out(
        connection,
        "SELECT track_id, artist_id FROM track_artists WHERE role = 'main' ORDER BY track_id, position, artist_id",
        [("track_id", "i8"), ("artist_id", "i8")],
    )
    return read["track_id"], read["artist_id"]


def artist_of(connection: sa.Connection, name: str, key: str) -> int:
    """The id of the artist with this service id, else of this name, else with an alias of it; names and aliases are
    compared by `key`.

    Raises UnknownNameError when there is none, or several.
    """
    text = name.replace("\0", "\ufffd")
    for query in (
        "SELECT artist_id FROM artist_ids WHERE source = 'service' AND outside_id = :text",
        "SELECT artist_id FROM artists WHERE name_key = :key",
        "SELECT artist_id FROM artist_aliases WHERE alias_key = :key",
    ):
        found = connection.execute(sa.text(f"{query} ORDER BY 1"), {"text": text, "key": key}).scalars().all()
        if len(found) > 1:
            ids = ", ".join(outside or "an artist without an id" for outside, _ in artist_labels(connection, found))
            raise UnknownNameError(f"Several artists are called {name!r}: {ids}. Give the id of one.")
        if found:
            return int(found[0])
    raise UnknownNameError(f"The service has no artist {name!r}.")


def artist_labels(connection: sa.Connection, artist_ids: Sequence[int]) -> list[tuple[str, str]]:
    """The service id (empty where it has none) and the name of each artist, in the order given."""
    rows = connection.execute(
        sa.text(
            """SELECT a.artist_id, coalesce(min(i.outside_id), ''), a.name
               FROM artists a LEFT JOIN artist_ids i ON i.artist_id = a.artist_id AND i.source = 'service'
               WHERE a.artist_id = ANY(:ids) GROUP BY a.artist_id"""
        ),
        {"ids": list(artist_ids)},
    )
    found = {row[0]: (row[1], row[2]) for row in rows}
    return [found[one] for one in artist_ids]
