"""From the ids that a music service uses to the store's own."""

from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from recommenders.store.bulk import copy_out, stage

Entity = Literal["user", "artist", "track"]

_QUERIES: dict[Entity, str] = {
    "user": """
        SELECT coalesce(i.user_id, 0) FROM wanted_user w
        LEFT JOIN user_ids i ON i.source = 'service' AND i.outside_id = w.outside_id ORDER BY w.place""",
    "artist": """
        SELECT coalesce(i.artist_id, 0) FROM wanted_artist w
        LEFT JOIN artist_ids i ON i.source = 'service' AND i.outside_id = w.outside_id ORDER BY w.place""",
    "track": """
        SELECT coalesce(i.track_id, 0) FROM wanted_track w
        LEFT JOIN track_ids i ON i.source = 'service' AND i.outside_id = w.outside_id ORDER BY w.place""",
}
_DROPS = {entity: sa.text(f"DROP TABLE wanted_{entity}") for entity in _QUERIES}


def find_ids(connection: sa.Connection, entity: Entity, outside_ids: pa.Array) -> npt.NDArray[np.int64]:
    """(n,) int64: the store's id of each outside id (n,) text of the service; 0 where it is null or unknown."""
    encoded = outside_ids.dictionary_encode()
    distinct = encoded.dictionary
    stage(
        connection,
        f"wanted_{entity}",
        "place integer, outside_id text",
        pa.table({"place": pa.array(range(len(distinct)), pa.int32()), "outside_id": distinct}),
    )
    known = copy_out(connection, _QUERIES[entity], [("id", "i8")])["id"]
    connection.execute(_DROPS[entity])
    ids: npt.NDArray[np.int64] = np.append(known, 0)[np.asarray(encoded.indices.fill_null(len(known)))]
    return ids


class KnownIds:
    """Ids met while a file is loaded, so that the store isn't asked again for every stretch of it.

    It forgets everything rather than grow without bound. Ids that are not in the store are asked for each time.
    """

    def __init__(self, most: int = 1_000_000) -> None:
        self.most = most
        self._known: dict[Entity, tuple[pa.Array, npt.NDArray[np.int64]]] = {}

    def find(self, connection: sa.Connection, entity: Entity, outside_ids: pa.Array) -> npt.NDArray[np.int64]:
        """(n,) int64: the store's id of each outside id (n,) text of the service; 0 where it is null or unknown."""
        encoded = outside_ids.dictionary_encode()
        distinct = encoded.dictionary
        names, ids = self._known.get(entity, (pa.array([], pa.string()), np.empty(0, dtype=np.int64)))
        places = pc.index_in(distinct, value_set=names)
        missing = np.asarray(places.is_null())
        found = np.append(ids, 0)[np.asarray(places.fill_null(len(ids)))]
        if missing.any():
            asked = distinct.filter(pa.array(missing))
            found[missing] = answered = find_ids(connection, entity, asked)
            if len(names) + len(asked) > self.most:
                names, ids = names[:0], ids[:0]
            in_store = pa.array(answered > 0)
            self._known[entity] = (
                pa.concat_arrays([names, asked.filter(in_store)]),
                np.concatenate([ids, answered[answered > 0]]),
            )
        every: npt.NDArray[np.int64] = np.append(found, 0)[np.asarray(encoded.indices.fill_null(len(found)))]
        return every
