"""Judges the search for foreign listening by a service whose truth is known: who shares an account, and plays what."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from recommenders.store import Store
from recommenders.store.bulk import copy_out
from recommenders.store.mixtapes import lists_of
from recommenders.store.outside_ids import Entity, find_ids

FOUND, FALSE_ALARMS, WRONG = "shared accounts found", "false alarms", "wrong proposals on shared accounts"
SONGS = "foreign songs on their lists"
_MOSTLY = 0.8

_PROPOSED = """
SELECT p.user_id, avg((m.artist_id IS NOT NULL)::int)::real
FROM taste_proposals p, unnest(p.artist_ids[1:p.played_artists]) AS played (artist_id)
LEFT JOIN (SELECT artist_id FROM track_artists GROUP BY artist_id
           HAVING bool_and(track_id = ANY (%(tracks)s))) m USING (artist_id)
WHERE p.state IN ('proposed', 'accepted') GROUP BY p.proposal_id ORDER BY 1
"""


def judge_detection(
    store: Store,
    edition_id: int | None = None,
    *,
    users: Sequence[str],
    shared: Sequence[str],
    foreign_tracks: Sequence[str],
) -> dict[str, float]:
    """How well foreign listening was found; all arguments are the service's own ids.

    Of the accounts in `shared` the share on which music of `foreign_tracks` was found (a proposal at least 80 % of
    whose played artists have no other tracks); of all other `users` the share with any proposal; the number of other
    proposals on shared accounts; and, with an edition, how many of `foreign_tracks` are on the shared ones' lists.
    """
    with store.begin() as connection:
        shared_ids = _ids(connection, "user", shared)
        others = np.setdiff1d(_ids(connection, "user", users), shared_ids)
        tracks = _ids(connection, "track", foreign_tracks)
        proposed = copy_out(connection, _PROPOSED, [("user_id", "i8"), ("foreign", "f4")], {"tracks": tracks.tolist()})
        songs = lists_of(connection, edition_id) if edition_id is not None else None
    right = (proposed["foreign"] >= _MOSTLY) & np.isin(proposed["user_id"], shared_ids)
    figures = {
        FOUND: _share(shared_ids, proposed["user_id"][right]),
        FALSE_ALARMS: _share(others, proposed["user_id"]),
        WRONG: float((~right & np.isin(proposed["user_id"], shared_ids)).sum()),
    }
    if songs is not None:
        on_lists = np.isin(songs["user_id"], shared_ids) & np.isin(songs["track_id"], tracks)
        figures[SONGS] = float(on_lists.sum())
    return figures


def _ids(connection: sa.Connection, entity: Entity, outside_ids: Sequence[str]) -> npt.NDArray[np.int64]:
    found = find_ids(connection, entity, pa.array(list(outside_ids), pa.string()))
    return np.unique(found[found > 0])


def _share(users: npt.NDArray[np.int64], named: npt.NDArray[np.int64]) -> float:
    return float(np.isin(users, named).mean()) if len(users) else 0.0
