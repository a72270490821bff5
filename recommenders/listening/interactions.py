"""The interaction matrix: how much each user likes, or dislikes, each track that they dealt with."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field
from scipy.sparse import csr_matrix

from recommenders.listening.new_genres import passing_fancies
from recommenders.store.signals import Signal, Signals, read_signals

_NEVER = np.iinfo(np.int64).min  # what NaT is as a number
_US_PER_DAY = 86_400_000_000
_MOST_HALF_LIVES = 12.0  # what is older counts as this: sums of old and new stay exact, and nobody's taste is lost


class TasteParameters(BaseModel):
    """How signals become strengths: the sum over events of weight(kind) x 2^(-age / half-life), no less than 2^-12."""

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
    foreign: float = Field(
        0.0, ge=0, le=1, description="What listening counts that looks like somebody else's, until that is decided."
    )
    new_genre_weeks: int = Field(4, ge=0, le=8, description="Weeks for which a genre is new to a user. 0: never.")
    new_genre_days: int = Field(3, ge=1, description="Days on which a new genre must be played before plays count.")
    skips_until_disliked: int = Field(3, ge=1, description="Skips with no full play since that make a dislike.")
    mixtape_play: float = Field(
        0.5,
        ge=0,
        description="Weight of a full play from a mixtape: who only goes on listening has chosen less than who looks "
        "a song up. A save or love counts as always, and so does every later play of their own accord.",
    )
    mixtape_skip: float = Field(
        1.0,
        ge=0,
        description="Weight against a song of a skip on a mixtape, where the user never played it in full, saved, "
        "loved or rated it: it was offered, begun and not wanted (Wen, Yang & Estrin 2019). A model moves less for it "
        "than for a play of the same weight, because it expects little of most songs.",
    )


@dataclass(frozen=True)
class Interactions:
    """Who likes what. Users and tracks without a strength do not appear."""

    user_ids: npt.NDArray[np.int64]  # (n_users,) ascending
    track_ids: npt.NDArray[np.int64]  # (n_tracks,) ascending
    strengths: csr_matrix  # (n_users, n_tracks) float32: > 0 liked that much, < 0 disliked, no stored zeros

    def columns(self, user_ids: npt.NDArray[np.int64]) -> dict[str, pa.Array]:
        """Columns of an artifact with one row for each of `user_ids` (ascending): `liked` tracks, their `strengths`."""
        lengths = np.zeros(len(user_ids), dtype=np.int32)
        places = np.searchsorted(user_ids, self.user_ids)
        known = np.isin(self.user_ids, user_ids)
        lengths[places[known]] = np.diff(self.strengths.indptr)[known]
        offsets = pa.array(np.append(0, np.cumsum(lengths)).astype(np.int32))
        kept = self.strengths[known]
        return {
            "liked": pa.ListArray.from_arrays(offsets, pa.array(self.track_ids[kept.indices])),
            "strengths": pa.ListArray.from_arrays(offsets, pa.array(kept.data)),
        }

    @staticmethod
    def of_columns(table: pa.Table) -> "Interactions":
        """The interactions of a table with `user_id` and the columns that `columns` made."""
        lengths = pc.list_value_length(table["liked"]).to_numpy()
        liked, strengths = (pc.list_flatten(table[name]).to_numpy() for name in ("liked", "strengths"))
        return _as_matrix(np.repeat(table["user_id"].to_numpy(), lengths), liked, strengths)


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

    A total is aged one half-life. A skip of what the user chose gives no strength; one of a mixtape's song, of which
    nothing better is known, a negative one that fades like all others. A pair is disliked, whatever its plays, when a
    ban or 1-2 stars came after the last save, love or 3-5 stars, or when there were `skips_until_disliked` skips
    after the last full play.
    """
    first = (np.diff(signals.user_ids, prepend=-1) != 0) | (np.diff(signals.track_ids, prepend=-1) != 0)
    pair, n_pairs = np.cumsum(first) - 1, int(first.sum())
    weights = _weights(signals, cutoff, parameters)
    weights[_taken_back(signals, pair, n_pairs)] = 0
    strengths = np.bincount(pair, weights, n_pairs).astype(np.float32)
    strengths[_disliked(signals, pair, n_pairs, parameters)] = -parameters.dislike
    kept = strengths != 0
    return _as_matrix(signals.user_ids[first][kept], signals.track_ids[first][kept], strengths[kept])


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
    half_lives = np.minimum(half_lives, _MOST_HALF_LIVES)
    half_lives[signals.kinds == Signal.TOTAL] = 1.0
    offered = weights.copy()
    offered[Signal.PLAY], offered[Signal.SKIP] = parameters.mixtape_play, -parameters.mixtape_skip
    of_kind = np.where(signals.from_mixtape, offered[signals.kinds], weights[signals.kinds])
    added: npt.NDArray[np.float64] = of_kind * np.exp2(-half_lives) * signals.amounts
    added[signals.foreign] *= parameters.foreign
    added[passing_fancies(signals, now, parameters.new_genre_weeks, parameters.new_genre_days)] = 0
    return added


def _taken_back(signals: Signals, pair: npt.NDArray[np.intp], n_pairs: int) -> npt.NDArray[np.bool_]:
    """The skips (n_signals,) of songs that the user has shown to like, or not to mind, at any other time."""
    skips = signals.kinds == Signal.SKIP
    minded = np.zeros(len(Signal), dtype=np.bool_)
    minded[[Signal.SKIP, Signal.BAN, Signal.RATED_DOWN]] = True
    liked = np.zeros(n_pairs, dtype=np.bool_)
    liked[pair[~minded[signals.kinds]]] = True
    taken_back: npt.NDArray[np.bool_] = skips & liked[pair]
    return taken_back


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
    skips = (signals.kinds == Signal.SKIP) & (times > last(Signal.PLAY)[pair]) & ~signals.foreign
    n_skips = np.bincount(pair[skips], minlength=n_pairs)
    disliked: npt.NDArray[np.bool_] = ((down > _NEVER) & (down >= up)) | (n_skips >= parameters.skips_until_disliked)
    return disliked


def _as_matrix(
    users: npt.NDArray[np.int64], tracks: npt.NDArray[np.int64], strengths: npt.NDArray[np.float32]
) -> Interactions:
    """The matrix of pairs that are ordered by user and track, without empty rows and columns."""
    starts = np.flatnonzero(np.diff(users, prepend=-1))
    track_ids, columns = _distinct(tracks)
    indptr = np.append(starts, len(users))
    matrix = csr_matrix((strengths, columns, indptr), shape=(len(starts), len(track_ids)), dtype=np.float32)
    return Interactions(users[starts], track_ids, matrix)


def _distinct(ids: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """The ids that occur, ascending, and the place of each one there: `np.unique`, by hashing instead of sorting."""
    encoded = pa.array(ids).dictionary_encode()
    met = encoded.dictionary.to_numpy()
    order = np.argsort(met)
    places = np.empty(len(met), dtype=np.int32)
    places[order] = np.arange(len(met), dtype=np.int32)
    return met[order], places[encoded.indices.to_numpy()]
