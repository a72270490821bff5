"""Why the ranker put each song on a list: the plays without which its chance falls, and what they share with it.

Every reason is true by construction: the score, computed again without the plays that it names, is lower. It is told by
the model whose part of that fall is greatest: as plays, as the terms that both are described by, or as sound.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular
from threadpoolctl import threadpool_limits

from recommenders.collaborative.model import CollaborativeModel
from recommenders.listening.interactions import Interactions
from recommenders.mixing.candidates import RUNGS, Candidates, Offered, Source, user_factors
from recommenders.mixing.cold import Cold
from recommenders.mixing.likings import likings_of
from recommenders.mixing.mix import describe
from recommenders.mixing.mix_kernels import N_FEATURES
from recommenders.mixing.ranker import Ranker
from recommenders.mixing.shelf import Forbidden, Shelf
from recommenders.mixing.voices import Voices
from recommenders.playlists.allocation import Lists
from recommenders.playlists.shared_terms import Terms
from recommenders.store.places import places_of

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


class Ranking(NamedTuple):
    """What ranks the songs of one side: its models and the ranker."""

    shelf: Shelf
    model: CollaborativeModel
    cold: Cold
    voices: Voices
    ranker: Ranker


class Explained(NamedTuple):
    """Of each song of some lists the reason's code (n_users, length) int16, 0 = no song of the first rung; the liked
    plays that it names, track ids (n_users, length, 2), and the terms, (n_users, length, 2); 0 = none."""

    codes: npt.NDArray[np.int16]
    plays: Ints
    terms: npt.NDArray[np.int32]

    def where(self, chosen: npt.NDArray[np.bool_], other: "Explained") -> "Explained":
        """These where `chosen` (n_users, length), `other`'s elsewhere."""
        both = chosen[:, :, np.newaxis]
        return Explained(
            np.where(chosen, self.codes, other.codes),
            np.where(both, self.plays, other.plays),
            np.where(both, self.terms, other.terms),
        )


class RankingExplainer:
    """Explains the lists of any number of users."""

    def __init__(self, ranking: Ranking, terms: Terms) -> None:
        self.ranking, self.terms = ranking, terms
        model, cold, shelf = ranking.model, ranking.cold, ranking.shelf
        # In the coordinates L^-1 y, where Y'Y + regularisation I = L L', what is common to all users is the identity,
        # and a user's A is so well conditioned that single precision does.
        with threadpool_limits(1, "blas"):
            lower = np.linalg.cholesky(model.gram)
            whitened = solve_triangular(lower, model.track_factors.T, lower=True).T
            back = solve_triangular(lower, np.eye(len(lower)), lower=True).T
        self._space = np.ascontiguousarray(whitened, dtype=np.float32), np.ascontiguousarray(back, dtype=np.float32)
        from recommenders.playlists.choosing import BY_ARTIST, BY_SOUND, WARM

        self._placed = np.full(len(shelf.track_ids), WARM, dtype=np.int8)
        self._placed[shelf.rows(cold.track_ids)] = np.where(cold.by_sound, np.int8(BY_SOUND), np.int8(BY_ARTIST))

    def explain(self, user_ids: Ints, lists: Lists, interactions: Interactions) -> Explained:
        """The reasons of the songs that the ranker ranked on the lists of `user_ids` (ascending), in their order.

        A user's depend on that user's list and likings alone, to the last bit.
        """
        from recommenders.playlists.choosing import explain

        ranking, rows = self.ranking, np.maximum(lists.rows, 0)
        ranked = (lists.rows >= 0) & (RUNGS[lists.sources] == RUNGS[Source.MIX])
        found = Explained(
            np.zeros(rows.shape, dtype=np.int16),
            np.full((*rows.shape, 2), -1, dtype=np.int64),
            np.zeros((*rows.shape, 2), dtype=np.int32),
        )
        with threadpool_limits(1, "blas"):
            explain(
                ranking.shelf,
                ranking.voices,
                self._space,
                self.terms,
                np.array(ranking.ranker.weights, dtype=np.float32),
                self._listened(user_ids, interactions),
                np.where(ranked, lists.rows, -1).astype(np.int64),
                self._placed[rows],
                tuple(found),
            )
        plays = np.where(found.plays >= 0, ranking.shelf.track_ids[found.plays], 0)
        return found._replace(plays=plays)

    def _listened(self, user_ids: Ints, interactions: Interactions) -> tuple[npt.NDArray[np.generic], ...]:
        """What each of `user_ids` has dealt with: offsets, columns of the model, signed confidences, rows of the shelf
        (-1 = none), and the weights of what they like."""
        strengths, parameters = interactions.strengths, self.ranking.model.parameters
        owners = places_of(user_ids, np.repeat(interactions.user_ids, np.diff(strengths.indptr)))
        known = np.flatnonzero(owners >= 0)
        tracks, given = interactions.track_ids[strengths.indices[known]], strengths.data[known]
        grown = (1 + parameters.alpha * np.log1p(np.abs(given) / parameters.eps)).astype(np.float32)
        rows = self.ranking.shelf.rows(tracks)
        return (
            np.searchsorted(owners[known], np.arange(len(user_ids) + 1)),
            places_of(self.ranking.model.track_ids, tracks),
            np.where(given > 0, grown, -grown),
            rows,
            np.where((given > 0) & (rows >= 0), np.log1p(np.maximum(given, 0)), 0).astype(np.float32),
        )


def describe_songs(ranking: Ranking, interactions: Interactions, user_ids: Ints, rows: Ints) -> tuple[Floats, Floats]:
    """What the models say of one song for each of `user_ids` (ascending): the features (n_users, N_FEATURES) and the
    chance (n_users,), as a Monday run would compute them; NaN where nothing of the user's own ranks any song."""
    nothing, n_users = np.empty(0, dtype=np.int32), len(user_ids)
    offsets = np.zeros(n_users + 1, dtype=np.int64)
    candidates = Candidates(
        user_ids,
        rows[:, np.newaxis].astype(np.int32),
        np.zeros((n_users, 1), dtype=np.float32),
        np.full((n_users, 1), Source.MIX, dtype=np.int8),
        np.zeros(n_users, dtype=np.float32),
    )
    factors = user_factors(ranking.model, interactions, user_ids)
    pool = describe(
        ranking.shelf,
        Forbidden(offsets, nothing, offsets, nothing),
        candidates,
        factors,
        likings_of(ranking.shelf, interactions, user_ids),
        Offered.nothing(n_users),
        ranking.voices,
    )
    there = (pool.rows[:, 0] == rows) & (pool.places[:, 0] < 0)
    features = np.where(there[:, np.newaxis], pool.features[:, 0], np.float32(np.nan))
    assert features.shape == (n_users, N_FEATURES)
    return features, np.where(there, ranking.ranker.chances(pool.features[:, 0]), np.float32(np.nan))
