"""The interaction matrix: how much each user likes, or dislikes, each track that they dealt with."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field
from scipy.sparse import csr_matrix

from recommenders.store.signals import Signal, Signals, read_signals

_NEVER = np.iinfo(np.int64).min  # what NaT is as a number
_US_PER_DAY = 86_400_000_000


class TasteParameters(BaseModel):
    """How signals become strengths: the sum over events of weight(kind) x 2^(-age / half-life)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    half_life_days: float = Field(42.0, gt=0, description="Days after which an event counts half.")
    play: float = Field(1.0, ge=0, description="Weight of a full play.")
    save: float = Field(5.0, ge=0, description="Weight of a save.")
    love: float = Field(5.0, ge=0, description="Weight of a love.")
    rated_up: float = Field(5.0, ge=0, description="Weight of 4 or 5 stars; 3 stars weigh nothing.")
    artist_visit: float = Field(
        2.0, ge=0, description="Weight of a visit to the artist's page, on the tracks played within a day before it."
    )
    dislike: float = Field(5.0, gt=0, description="Strength of a dislike: a ban, 1-2 stars, or skips without a play.")
    skips_until_disliked: int = Field(3, ge=1, description="Skips with no full play since that make a dislike.")


@dataclass(frozen=True)
class Interactions:
    """Who likes what. Users and tracks without a strength do not appear."""

    user_ids: npt.NDArray[np.int64]  # (n_users,) ascending
    track_ids: npt.NDArray[np.int64]  # (n_tracks,) ascending
    strengths: csr_matrix  # (n_users, n_tracks) float32: > 0 liked that much, < 0 disliked, no stored zeros


def load_interactions(
    connection: sa.Connection,
    cutoff: dt.datetime,
    parameters: TasteParameters,
    users: tuple[int, int] | None = None,
) -> Interactions:
    """The interactions before `cutoff` of the users in the half-open range `users`; exclusions and blocks applied."""
    return interactions(read_signals(connection, cutoff, users), cutoff, parameters)


def interactions(signals: Signals, cutoff: dt.datetime, parameters: TasteParameters) -> Interactions:
    """The strength of every (user, track) pair of `signals`, as of `cutoff`.

    A total is aged one half-life. A skip by itself gives no strength. A pair is disliked, whatever its plays, when a
    ban or 1-2 stars came after the last save, love or 3-5 stars, or when there were `skips_until_disliked` skips
    after the last full play.
    """
    user_ids, users = np.unique(signals.user_ids, return_inverse=True)
    track_ids, tracks = np.unique(signals.track_ids, return_inverse=True)
    pairs, pair = np.unique(users * np.int64(len(track_ids)) + tracks, return_inverse=True)
    strengths = np.bincount(pair, _weights(signals, cutoff, parameters), len(pairs)).astype(np.float32)
    strengths[_disliked(signals, pair, len(pairs), parameters)] = -parameters.dislike
    kept = strengths != 0
    return _as_matrix(user_ids, track_ids, pairs[kept], strengths[kept])


def _weights(signals: Signals, cutoff: dt.datetime, parameters: TasteParameters) -> npt.NDArray[np.float64]:
    """What each signal adds to the strength of its pair."""
    weights = np.zeros(len(Signal))
    weights[[Signal.TOTAL, Signal.PLAY]] = parameters.play
    weights[Signal.SAVE] = parameters.save
    weights[Signal.LOVE] = parameters.love
    weights[Signal.RATED_UP] = parameters.rated_up
    weights[Signal.ARTIST_VISIT] = parameters.artist_visit
    now = np.datetime64(cutoff.astimezone(dt.UTC).replace(tzinfo=None), "us")
    half_lives = (now - signals.times).astype(np.int64) / (_US_PER_DAY * parameters.half_life_days)
    half_lives[signals.kinds == Signal.TOTAL] = 1.0
    added: npt.NDArray[np.float64] = weights[signals.kinds] * signals.amounts * np.exp2(-half_lives)
    return added


def _disliked(
    signals: Signals, pair: npt.NDArray[np.intp], n_pairs: int, parameters: TasteParameters
) -> npt.NDArray[np.bool_]:
    """Which pairs are disliked, (n_pairs,)."""
    times = signals.times.astype(np.int64)

    def last(*kinds: Signal) -> npt.NDArray[np.int64]:
        chosen = np.isin(signals.kinds, kinds)
        latest = np.full(n_pairs, _NEVER)
        np.maximum.at(latest, pair[chosen], times[chosen])
        return latest

    down = last(Signal.BAN, Signal.RATED_DOWN)
    up = last(Signal.SAVE, Signal.LOVE, Signal.RATED_UP, Signal.RATED_NEUTRAL)
    skips = (signals.kinds == Signal.SKIP) & (times > last(Signal.PLAY)[pair])
    n_skips = np.bincount(pair[skips], minlength=n_pairs)
    disliked: npt.NDArray[np.bool_] = ((down > _NEVER) & (down >= up)) | (n_skips >= parameters.skips_until_disliked)
    return disliked


def _as_matrix(
    user_ids: npt.NDArray[np.int64],
    track_ids: npt.NDArray[np.int64],
    pairs: npt.NDArray[np.int64],
    strengths: npt.NDArray[np.float32],
) -> Interactions:
    """The matrix of ascending `pairs` (user index x number of tracks + track index), without empty rows and columns."""
    rows, users = np.unique(pairs // max(len(track_ids), 1), return_inverse=True)
    columns, tracks = np.unique(pairs % max(len(track_ids), 1), return_inverse=True)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(users, minlength=len(rows)))])
    matrix = csr_matrix((strengths, tracks, indptr), shape=(len(rows), len(columns)), dtype=np.float32)
    return Interactions(user_ids[rows], track_ids[columns], matrix)
