"""A genre that is new to a user counts once it was played on several days: until then it may be a passing fancy."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recommenders.store.signals import Signal, Signals

_DAY_US = 86_400_000_000
_FROM_LISTENING = (Signal.TOTAL, Signal.PLAY, Signal.ARTIST_VISIT)  # what is saved, loved or rated up is meant


def passing_fancies(signals: Signals, now: np.datetime64, weeks: int, days: int) -> npt.NDArray[np.bool_]:
    """Which plays and visits (n_signals,) belong to a genre that the user played first within the last `weeks` before
    `now`, and in full on fewer than `days` different days (UTC) since.

    To users who are new themselves every genre is: of them nothing is left out. Nor is what has no known genre.
    """
    if not weeks or not len(signals) or not signals.genres.any():
        return np.zeros(len(signals), dtype=np.bool_)
    from recommenders.listening.kernels import mark_new_genres

    begins = (now - np.timedelta64(weeks, "W")).astype("M8[us]").astype(np.int64)
    times = np.where(np.isnat(signals.times), np.iinfo(np.int64).min, signals.times.astype(np.int64))
    recent_day = np.where(times < begins, -1, (times - begins) // _DAY_US)  # below 63: a bit of a number each
    encoded = pa.array(signals.genres).dictionary_encode()
    genres = np.where((signals.genres == 0) | signals.foreign, -1, encoded.indices.to_numpy())
    starts = np.flatnonzero(np.diff(signals.user_ids, prepend=-1))
    plays = np.isin(signals.kinds, (Signal.TOTAL, Signal.PLAY))
    new = np.zeros(len(signals), dtype=np.bool_)
    mark_new_genres(np.append(starts, len(signals)), genres, recent_day, plays, len(encoded.dictionary), days, new)
    return new & np.isin(signals.kinds, _FROM_LISTENING)
