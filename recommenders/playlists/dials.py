"""Dials: the rules of each listener's mixtape, where they have set their own."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recommenders.playlists.parameters import MixtapeRules
from recommenders.store.dials import Dials


class Limits(NamedTuple):
    """What each list must keep, (n_users,) int64 each: songs, songs of any artist, songs of one release, and places for
    fresh songs. (A tuple, so that numba can read it.)"""

    length: npt.NDArray[np.int64]
    max_per_artist: npt.NDArray[np.int64]
    max_per_release: npt.NDArray[np.int64]
    min_fresh: npt.NDArray[np.int64]


def limits_of(rules: MixtapeRules, dials: Dials, user_ids: npt.NDArray[np.int64]) -> Limits:
    """The limits of each of `user_ids`: the run's rules, and over them the listener's own dials."""
    own = {name: dials.of(name, user_ids, getattr(rules, name)).astype(np.int64) for name in Limits._fields}
    own["min_fresh"] = np.minimum(own["min_fresh"], own["length"])
    return Limits(**own)
