"""Dials: the rules of each listener's mixtape, where they have set their own, and how adventurous it is."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recommenders.listening.interactions import Interactions
from recommenders.mixing.candidates import RUNGS, Candidates
from recommenders.mixing.shelf import Shelf
from recommenders.playlists.parameters import MixtapeRules
from recommenders.store.dials import Dials
from recommenders.store.places import places_of

STRENGTH = 3.0  # at its ends the dial divides what it does not favour by up to 20


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


def familiarity(
    shelf: Shelf, candidates: Candidates, interactions: Interactions, users: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """How familiar the artists of each candidate are to its user, (n_users, n) float32 in [0, 1).

    Of the candidate's credited artists the one counts whom the user listens to most: x / (x + mean) for the strength x
    of all that the user likes by that artist, and its mean over the artists they like. So 0 is an artist whom they do
    not play, .5 one of the middle. Only the users in the places `users` are looked at.
    """
    from recommenders.playlists.kernels import find_familiarity

    found = np.zeros(candidates.rows.shape, dtype=np.float32)
    liking = places_of(interactions.user_ids, candidates.user_ids[users])
    find_familiarity(
        shelf,
        interactions.strengths.indptr.astype(np.int64),
        shelf.rows(interactions.track_ids)[interactions.strengths.indices],
        interactions.strengths.data,
        liking[liking >= 0],
        users[liking >= 0],
        candidates.rows,
        found,
    )
    return found


def apply(
    candidates: Candidates, familiarity: npt.NDArray[np.float32], adventurousness: npt.NDArray[np.float32]
) -> Candidates:
    """The candidates as the users' adventurousness, (n_users,) in [-1, 1], ranks them; 0 leaves a user's as they are.

    Above 0 the scores of familiar artists are damped, by exp(-STRENGTH x adventurousness x familiarity); below 0 those
    of unfamiliar ones. What the dial favours keeps its score, so that nobody outbids others by turning it; and a fresh
    song that was to the user's taste still is. The rungs of the fallback ladder stay apart; equals stay in their order.
    """
    turned = np.flatnonzero(adventurousness)
    dial, known = adventurousness[turned, np.newaxis].astype(np.float64), familiarity[turned].astype(np.float64)
    damping = np.exp(-STRENGTH * np.where(dial > 0, dial * known, -dial * (1 - known)))
    rows, sources = candidates.rows[turned], candidates.sources[turned]
    scores = (candidates.scores[turned] * damping).astype(np.float32)
    rungs = np.where(rows < 0, np.int8(127), RUNGS[sources])
    order = np.lexsort((-scores, rungs), axis=1)
    new = candidates._replace(
        rows=candidates.rows.copy(),
        scores=candidates.scores.copy(),
        sources=candidates.sources.copy(),
        fresh_least=(candidates.fresh_least * np.exp(STRENGTH * np.minimum(adventurousness, 0))).astype(np.float32),
    )
    new.rows[turned], new.scores[turned], new.sources[turned] = (
        np.take_along_axis(values, order, axis=1) for values in (rows, scores, sources)
    )
    return new
