"""What of a user's listening is not their own taste, as SQL: exclusions, and proposals that nobody has decided on yet.

Both work backwards: they are about listening of any time. Their own times say as of which cut-offs they hold.
"""

import datetime as dt
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.store.bulk import copy_out

Ids = npt.NDArray[np.int64]

_EXCLUDED = "x.valid_from <= %(cutoff)s AND x.valid_until > %(cutoff)s AND x.undone_at IS NULL"
_PROPOSED = (
    "(p.state = 'proposed' OR p.state = 'withdrawn' AND p.withdrawn_at > %(cutoff)s) AND p.known_at <= %(cutoff)s"
)
_ARTISTS = "unnest(CASE WHEN p.changed_at <= %(cutoff)s THEN p.artist_ids ELSE p.former_artist_ids END)"
_EXCLUSIONS = f"FROM taste_exclusions x WHERE {_EXCLUDED} AND x.user_id >= %(first_user)s AND x.user_id < %(end_user)s"
_PROPOSALS = f"FROM taste_proposals p WHERE {_PROPOSED} AND p.user_id >= %(first_user)s AND p.user_id < %(end_user)s"

# The users whose listening is not all their own, or may not be.
CONCERNED = f"SELECT x.user_id {_EXCLUSIONS} UNION SELECT p.user_id {_PROPOSALS}"
# Of an event `e`, and of a total `l`: no exclusion fits it.
EVENT_IS_TASTE = f"""
NOT EXISTS (
    SELECT {_EXCLUSIONS} AND x.user_id = e.user_id
      AND num_nonnulls(x.device, x.context, x.from_at, x.until_at, x.track_id, x.artist_id) > 0
      AND (x.device IS NULL OR x.device = e.device)
      AND (x.context IS NULL OR x.context = e.context)
      AND (x.from_at IS NULL OR x.from_at <= e.occurred_at)
      AND (x.until_at IS NULL OR x.until_at > e.occurred_at)
      AND (x.track_id IS NULL OR x.track_id = e.track_id)
      AND (x.artist_id IS NULL OR x.artist_id = e.artist_id OR EXISTS (
          SELECT FROM track_artists a WHERE a.track_id = e.track_id AND a.artist_id = x.artist_id)))
"""  # noqa: S608 - constants of this module
TOTAL_IS_TASTE = f"""
NOT EXISTS (
    SELECT {_EXCLUSIONS} AND x.user_id = l.user_id
      AND num_nonnulls(x.device, x.context, x.from_at, x.until_at) = 0 AND num_nonnulls(x.track_id, x.artist_id) > 0
      AND (x.track_id IS NULL OR x.track_id = l.track_id)
      AND (x.artist_id IS NULL OR EXISTS (
          SELECT FROM track_artists a WHERE a.track_id = l.track_id AND a.artist_id = x.artist_id)))
"""  # noqa: S608 - constants of this module
# Whether an event `e` happened where a proposal says that somebody else listens.
EVENT_IS_FOREIGN = f"""
EXISTS (SELECT {_PROPOSALS} AND p.user_id = e.user_id
          AND (p.device = e.device OR (p.from_at <= e.occurred_at AND p.until_at > e.occurred_at)))
"""
_MUSIC = f"""
WITH music AS (
    SELECT p.user_id, {_ARTISTS} AS artist_id, false AS excluded {_PROPOSALS}
    UNION ALL
    SELECT p.user_id, {_ARTISTS}, true
    FROM taste_exclusions x JOIN taste_proposals p USING (proposal_id)
    WHERE {_EXCLUDED} AND x.user_id >= %(first_user)s AND x.user_id < %(end_user)s
)
"""  # noqa: S608 - constants of this module
_FORBIDDEN_ARTISTS = f"""
{_MUSIC}
SELECT user_id, artist_id FROM music
UNION SELECT x.user_id, x.artist_id {_EXCLUSIONS} AND x.artist_id IS NOT NULL
  AND num_nonnulls(x.device, x.context, x.from_at, x.until_at, x.track_id) = 0
"""  # noqa: S608 - constants of this module
_FORBIDDEN_TRACKS = f"""
SELECT x.user_id, x.track_id {_EXCLUSIONS} AND x.track_id IS NOT NULL
  AND num_nonnulls(x.device, x.context, x.from_at, x.until_at) = 0
"""
# Users for whom something holds at one of the two moments only.
CHANGED = """
SELECT user_id FROM taste_exclusions
WHERE undone_at IS NULL AND (valid_from <= %(earlier)s AND valid_until > %(earlier)s)
                         <> (valid_from <= %(cutoff)s AND valid_until > %(cutoff)s)
UNION
SELECT user_id FROM taste_proposals
WHERE state <> 'declined' AND (known_at <= %(earlier)s) <> (known_at <= %(cutoff)s)
   OR (changed_at <= %(earlier)s) <> (changed_at <= %(cutoff)s)
   OR (withdrawn_at > %(earlier)s) <> (withdrawn_at > %(cutoff)s)
"""


def count_concerned(connection: sa.Connection, values: dict[str, Any]) -> int:
    """How many users' listening is not, or may not be, all their own. `values` hold `cutoff, first_user, end_user`."""
    query = f"SELECT count(*) FROM ({CONCERNED}) AS concerned"  # noqa: S608 - a constant of this module
    return int(copy_out(connection, query, [("n", "i8")], values)["n"][0])


def foreign_music(connection: sa.Connection, values: dict[str, Any]) -> tuple[Ids, Ids, npt.NDArray[np.bool_]]:
    """The music of proposals as users and artists, ordered by both; and whether it is excluded, or only proposed."""
    columns = [("user_id", "i8"), ("artist_id", "i8"), ("excluded", "?")]
    query = f"{_MUSIC} SELECT user_id, artist_id, bool_or(excluded) FROM music GROUP BY 1, 2 ORDER BY 1, 2"  # noqa: S608 - a constant
    user_ids, artist_ids, excluded = copy_out(connection, query, columns, values).values()
    return user_ids, artist_ids, excluded


def forbidden(connection: sa.Connection, item: str, cutoff: dt.datetime, users: tuple[int, int]) -> dict[str, Ids]:
    """Pairs `user_id, item_id` that must not be recommended since they are not the user's taste; `item` is track or
    artist: those of exclusions that name nothing else, and the artists of proposals, accepted or not yet decided."""
    values = {"cutoff": cutoff, "first_user": users[0], "end_user": users[1]}
    query = _FORBIDDEN_ARTISTS if item == "artist" else _FORBIDDEN_TRACKS
    return copy_out(connection, query, [("user_id", "i8"), ("item_id", "i8")], values)
