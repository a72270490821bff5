"""What each listener likes, as rows of the shelf."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recommenders.listening.interactions import Interactions, TasteParameters
from recommenders.mixing.shelf import Shelf
from recommenders.store.places import places_of

HALF_LIFE_DAYS = 7.0


def of_now(parameters: TasteParameters) -> TasteParameters:
    """How a listener's taste is read where songs are chosen for them: what they listen to now counts most.

    What goes together is learnt from long listening; what somebody wants changes from week to week.
    """
    return parameters.model_copy(update={"half_life_days": min(HALF_LIFE_DAYS, parameters.half_life_days)})


class Likings(NamedTuple):
    """What each of some users likes: those of user i are `rows[offsets[i]:offsets[i + 1]]` of the shelf, with weights
    log1p(strength) > 0."""

    offsets: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]


def likings_of(shelf: Shelf, interactions: Interactions, user_ids: npt.NDArray[np.int64]) -> Likings:
    """What each of `user_ids` (ascending) likes, in order of rows."""
    rows = shelf.rows(interactions.track_ids)[interactions.strengths.indices]
    owners = np.repeat(interactions.user_ids, np.diff(interactions.strengths.indptr))
    places = places_of(user_ids, owners)
    liked = np.flatnonzero((interactions.strengths.data > 0) & (rows >= 0) & (places >= 0))
    offsets = np.searchsorted(places[liked], np.arange(len(user_ids) + 1))
    weights = np.log1p(interactions.strengths.data[liked]).astype(np.float32)
    return Likings(offsets, rows[liked].astype(np.int32), weights)
