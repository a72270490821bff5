"""Dials: what listeners have set for their own mixtapes, as it stood at some moment."""

import datetime as dt
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from recommenders.store.artifacts import Artifacts
from recommenders.store.bulk import copy_out, stage
from recommenders.store.places import places_of

Counts = npt.NDArray[np.int16]

_READ = """
    SELECT * FROM (
        SELECT DISTINCT ON (user_id)
               user_id, coalesce(adventurousness, 'NaN'::real), coalesce(min_fresh, -1::smallint),
               coalesce(length, -1::smallint), coalesce(max_per_artist, -1::smallint),
               coalesce(max_per_release, -1::smallint)
        FROM user_dials WHERE since < %(cutoff)s ORDER BY user_id, since DESC
    ) newest (user_id, adventurousness, min_fresh, length, max_per_artist, max_per_release)
    WHERE adventurousness <> 'NaN' OR greatest(min_fresh, length, max_per_artist, max_per_release) >= 0
    ORDER BY user_id
"""
_NAMES = ("adventurousness", "min_fresh", "length", "max_per_artist", "max_per_release")
_COLUMNS = [
    ("user_id", "i8"),
    ("adventurousness", "f4"),
    ("min_fresh", "i2"),
    ("length", "i2"),
    ("max_per_artist", "i2"),
    ("max_per_release", "i2"),
]


class OwnDials(BaseModel):
    """One listener's dials; None = as the run has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    adventurousness: float | None = Field(
        None, ge=-1, le=1, description="From -1, mostly artists that they play, to 1, mostly unknown ones."
    )
    min_fresh: int | None = Field(None, ge=0, le=100, description="Places kept for fresh songs to their taste.")
    length: int | None = Field(None, ge=5, le=100, description="Songs on their mixtape.")
    max_per_artist: int | None = Field(None, ge=1, le=100, description="Most songs of any credited artist.")
    max_per_release: int | None = Field(None, ge=1, le=100, description="Most songs of one release.")


class Dials(NamedTuple):
    """The dials of those who set any: `user_ids` (n,) ascending; the rest (n,), NaN or -1 = as the run has it."""

    user_ids: npt.NDArray[np.int64]
    adventurousness: npt.NDArray[np.float32]
    min_fresh: Counts
    length: Counts
    max_per_artist: Counts
    max_per_release: Counts

    def of(self, name: str, user_ids: npt.NDArray[np.int64], otherwise: float) -> npt.NDArray[Any]:
        """The dial `name` of each of `user_ids`, (n_users,); `otherwise` for those who have not set it."""
        places = places_of(self.user_ids, user_ids)
        own = getattr(self, name)
        values = np.full(len(user_ids), otherwise, dtype=own.dtype)
        there = np.flatnonzero(places >= 0)
        given = own[places[there]]
        is_set = ~np.isnan(given) if given.dtype.kind == "f" else given >= 0
        values[there[is_set]] = given[is_set]
        return values

    def save(self, artifacts: Artifacts, name: str) -> str:
        """Store them as an artifact; return its URI."""
        return artifacts.write(name, pa.table(self._asdict()))

    @staticmethod
    def load(artifacts: Artifacts, uri: str) -> "Dials":
        """What `save` stored."""
        table, _ = artifacts.read(uri)
        return Dials(*(table[name].to_numpy() for name in Dials._fields))

    @staticmethod
    def none() -> "Dials":
        """Nobody has set any."""
        return Dials(np.empty(0, np.int64), np.empty(0, np.float32), *(np.empty(0, np.int16) for _ in range(4)))


def read_dials(connection: sa.Connection, cutoff: dt.datetime) -> Dials:
    """What all listeners had set before the cut-off."""
    return Dials(*copy_out(connection, _READ, _COLUMNS, {"cutoff": cutoff}).values())


def dials_of(connection: sa.Connection, user_id: int) -> OwnDials:
    """What the user has set, as of their newest row."""
    row = connection.execute(
        sa.text("""
            SELECT adventurousness, min_fresh, length, max_per_artist, max_per_release
            FROM user_dials WHERE user_id = :user ORDER BY since DESC LIMIT 1
        """),
        {"user": user_id},
    ).one_or_none()
    return OwnDials(**row._mapping) if row else OwnDials()


def set_dials(connection: sa.Connection, user_id: int, dials: OwnDials, now: dt.datetime) -> None:
    """Let these be the user's dials from `now` on; what they were before stays known to weeks before it."""
    connection.execute(
        sa.text("""
            INSERT INTO user_dials (user_id, since, adventurousness, min_fresh, length, max_per_artist, max_per_release)
            VALUES (:user_id, :since, :adventurousness, :min_fresh, :length, :max_per_artist, :max_per_release)
            ON CONFLICT (user_id, since) DO UPDATE SET
                adventurousness = excluded.adventurousness, min_fresh = excluded.min_fresh, length = excluded.length,
                max_per_artist = excluded.max_per_artist, max_per_release = excluded.max_per_release
        """),
        {"user_id": user_id, "since": now, **dials.model_dump()},
    )


def write_dials(connection: sa.Connection, dials: pa.Table) -> set[int]:
    """Set dials of many users (user_id int64, since timestamp, the dials as numbers or null); the ids of whose changed.

    A null leaves what is set; who has set nothing gets no row.
    """
    given = reduce(pc.or_, (pc.is_valid(dials[name]) for name in _NAMES))
    if not pc.any(given).as_py():
        return set()
    types = (
        "adventurousness real, min_fresh smallint, length smallint, max_per_artist smallint, max_per_release smallint"
    )
    rows = dials.filter(given).select([*_NAMES, "since", "user_id"])
    stage(connection, "given_dials", f"{types}, since timestamptz, user_id bigint", rows)
    both = ", ".join(f"coalesce(g.{name}, d.{name})" for name in _NAMES)
    known = ", ".join(f"d.{name}" for name in _NAMES)
    changed = connection.execute(
        sa.text(f"""
            INSERT INTO user_dials (user_id, since, {", ".join(_NAMES)})
            SELECT DISTINCT ON (g.user_id) g.user_id, g.since, {both}
            FROM given_dials g LEFT JOIN LATERAL (
                SELECT * FROM user_dials o WHERE o.user_id = g.user_id AND o.since <= g.since
                ORDER BY since DESC LIMIT 1) d ON true
            WHERE ROW({both}) IS DISTINCT FROM ROW({known})
            ORDER BY g.user_id
            ON CONFLICT (user_id, since) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _NAMES)}
            RETURNING user_id
        """)  # noqa: S608 - names of this module
    ).scalars()
    return set(changed)
