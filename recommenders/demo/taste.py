"""The planted truth: how much each person likes each track, and how likely they are to come across it."""

import numpy as np
import numpy.typing as npt

from recommenders.demo.catalogue import Floats, Tracks
from recommenders.demo.listeners import N_MODES, People

SHARPNESS = 8.0
CURIOSITY = 0.0005
_DISLIKED = 0.03
_NOVELTY = 0.8
_NOVELTY_WEEKS = 2.0
WEEK_S = 7 * 86_400


class Taste:
    """The true preferences of a block of people for every track.

    A mode m likes a track s by exp(SHARPNESS * (cos(m, s) - 1)), between 0 and 1 (the kernel of a von Mises-Fisher
    distribution), and a person is a mixture of modes, as many people are of several tastes at once.
    """

    def __init__(self, people: People, tracks: Tracks, rows: npt.NDArray[np.int64]) -> None:
        """The block holds the people in `rows`, n_rows indices into `people`; memory is n_rows x N_MODES x n_tracks."""
        self._people, self._tracks, self._rows = people, tracks, rows
        cosines = people.modes[rows].reshape(-1, people.modes.shape[2]) @ tracks.styles.T
        closeness = np.exp(SHARPNESS * (cosines - 1), dtype=np.float32).reshape(len(rows), N_MODES, -1)
        child = people.child[rows]
        audience = child[:, None] == tracks.for_children[None, :]
        damping = np.where(people.dislikes[rows][:, tracks.genre] | ~audience, np.float32(_DISLIKED), np.float32(1))
        self._closeness = closeness * damping[:, None, :]
        self._within_reach = np.where(child[:, None], audience, True)

    def affinity(self, week: int) -> Floats:
        """What share of the taste is close to each track: (n_rows, n_tracks) float32 in [0, 1]."""
        weights = self._people.weights(week)[self._rows]
        return np.asarray(np.einsum("pm,pmt->pt", weights, self._closeness), dtype=np.float32)

    def liking(self, week: int) -> Floats:
        """How much a person likes a track once it plays: (n_rows, n_tracks) float32 in [0, 1].

        The square root of the affinity in units of the strongest mode: what belongs to a lesser mode is liked too.
        """
        strongest = self._people.weights(week)[self._rows].max(axis=1, keepdims=True)
        return np.asarray(np.sqrt(np.minimum(self.affinity(week) / strongest, 1)), dtype=np.float32)

    def chances(self, week: int, week_start_s: int) -> Floats:
        """How likely each track is the next one that a person hears for the first time: (n_rows, n_tracks) float32.

        Not normalised. Chance = exposure of the track in the week x (affinity + CURIOSITY): people hear first what
        they like and what is heard everywhere. Zero for what has not surfaced.
        """
        found = (self.affinity(week) + np.float32(CURIOSITY)) * self._within_reach
        return found * exposure(self._tracks, week_start_s)


def exposure(tracks: Tracks, week_start_s: int) -> Floats:
    """How widely each track is heard in the week that begins at `week_start_s` (unix seconds): (n_tracks,) float32.

    Its popularity, more while it is new, and zero until it surfaces.
    """
    age_weeks = (week_start_s - tracks.surfaces_at) / WEEK_S
    novelty = 1 + _NOVELTY * np.exp(-np.maximum(age_weeks, 0) / _NOVELTY_WEEKS)
    return np.where(age_weeks >= 0, tracks.popularity * novelty, 0).astype(np.float32)
