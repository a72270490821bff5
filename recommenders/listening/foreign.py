"""What is asked of listening that may not be the user's own taste, and what is said of it."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Shares = npt.NDArray[np.float64]

HOUR_S, DAY_S = 3_600, 86_400


class Finding(IntEnum):
    """What a stretch of foreign listening looks like; the names are those that `taste_proposals` stores."""

    SOMEBODY_ELSE = 1
    SLEEP = 2
    PARTY = 3


class OwnTasteParameters(BaseModel):
    """From when on listening is proposed as somebody else's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weeks: int = Field(26, ge=1, description="Weeks of listening that are looked at.")
    confined: float = Field(0.75, gt=0.5, le=1, description="Share of a kind of music's plays in one place.")
    elsewhere: float = Field(0.2, gt=0, le=0.5, description="Most of the other music that may be played there.")
    farthest: float = Field(0.3, gt=0, lt=1, description="Most that the cosine to the other music may be.")
    plays: int = Field(15, ge=1, description="Fewest plays of the foreign music.")
    days: int = Field(3, ge=1, description="Fewest days on which it was played, unless it was one night.")
    rest_plays: int = Field(12, ge=1, description="Fewest plays of the other music: without any, nothing is foreign.")
    rest_days: int = Field(3, ge=1, description="Fewest days with other music.")
    window_h: int = Field(8, ge=1, le=12, description="Hours a day in which music is confined.")
    window_plays: int = Field(30, ge=1, description="Fewest plays of music confined to hours, and of the other music.")
    window_elsewhere: float = Field(0.2, gt=0, le=0.5, description="Most of the other music in those hours.")
    chance: float = Field(0.05, gt=0, lt=0.5, description="Chance below which it is no accident who saves and rates.")
    night_plays: int = Field(12, ge=1, description="Fewest foreign plays in a single night.")
    night_share: float = Field(0.6, gt=0, le=1, description="Least share of the night's plays that is foreign.")
    akin: float = Field(
        0.5, gt=0, lt=1, description="Cosine to the foreign music from which on an artist belongs to it."
    )
    most_artists: int = Field(500, ge=1, description="Most artists of a finding, those nearest to it.")
    sleep_stretch_min: float = Field(
        90, gt=0, description="Minutes without a pause, around a play, from which on it is sleep."
    )
    sleep_skips: float = Field(0.05, ge=0, le=1, description="Most that is skipped where somebody sleeps.")


@dataclass(frozen=True)
class Listening:
    """What users did, as parallel columns.

    `devices` (0 = unknown) are any numbers; `local_s` seconds since 1970 on the clocks of the service's time zone;
    `skipped` and `deliberate` (n,) bool: a play that was a skip; no play, but a save, a rating, a visit, a ban.
    """

    user_ids: Ints
    artist_ids: Ints
    devices: Ints
    local_s: Ints
    skipped: Bools
    deliberate: Bools

    def __len__(self) -> int:
        return len(self.user_ids)

    def take(self, rows: npt.NDArray[Any]) -> "Listening":
        """The rows that a mask or an array of indexes names."""
        return Listening(*(column[rows] for column in vars(self).values()))


@dataclass(frozen=True)
class Found:
    """Foreign listening, one row each, ordered by user.

    A device (0 = any), the first hour of the day (-1 = any), or a night (its first day, in days since 1970; -1 = any)
    to which it is confined. Evidence: `plays` of the foreign music in all and `confined`, the share of them there;
    `elsewhere`, the share of other music played there; `days` with it; `cosine` to the other music; `share` of all of
    the user's plays; `skips`, the share of them skipped; `stretch_min`, for how long it goes on without a pause around
    a play; `acts` for each play and `own_acts` for each other play: saves, ratings and the like.

    The artists of row i are `artists[offsets[i]:offsets[i + 1]]`: first the `played_artists[i]` whom the user played,
    most played first; then others of that music, nearest first.
    """

    user_ids: Ints
    kinds: Ints
    devices: Ints
    first_hours: Ints
    nights: Ints
    evidence: dict[str, npt.NDArray[Any]]
    played_artists: Ints
    offsets: Ints
    artists: Ints

    @staticmethod
    def nothing() -> "Found":
        """No rows."""
        none = np.empty(0, dtype=np.int64)
        return Found(none, none, none, none, none, {}, none, np.zeros(1, dtype=np.int64), none)

    def __len__(self) -> int:
        return len(self.user_ids)
