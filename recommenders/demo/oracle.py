"""The oracle: the best possible ranking, from the probabilities by which the demo service was made."""

import datetime as dt

import numpy as np
import numpy.typing as npt

from recommenders.demo.taste import WEEK_S, Taste
from recommenders.demo.world import World

_USERS_AT_ONCE = 500


def oracle_scores(world: World, at: dt.datetime) -> npt.NDArray[np.float32]:
    """How likely each track is the next one that each user hears for the first time, in the week that begins at `at`.

    Returns log chances, (n_users, n_tracks) float32 in the order of `world.user_ids` and `world.track_ids`, comparable
    within a row; -inf for tracks that nobody can come across yet. No ranking of unheard tracks can be better: the
    generator draws a user's first listens by exactly these chances. What a user has heard is not masked.
    A child on the account has no part in it. Raises ConfigurationError when `at` is outside of the world's weeks.
    """
    week = world.week_of(at)
    week_start_s = world.start_s + week * WEEK_S
    scores = np.empty((len(world.user_ids), len(world.track_ids)), dtype=np.float32)
    for first in range(0, len(scores), _USERS_AT_ONCE):
        rows = np.arange(first, min(first + _USERS_AT_ONCE, len(scores)))
        with np.errstate(divide="ignore"):
            scores[rows] = np.log(Taste(world.people, world.tracks, rows).chances(week, week_start_s))
    return scores
