"""Each model by itself: the lists that it would make alone, from the full catalogue, for the mix to be measured by."""

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from recommenders.collaborative.model import CollaborativeModel
from recommenders.evaluation import metrics
from recommenders.evaluation.judging import Examination, K
from recommenders.mixing.likings import Likings
from recommenders.mixing.shelf import Shelf
from recommenders.mixing.voices import Neighbours, Voices

BLOCK_USERS = 256
_TIE = 1e-9  # of the highest score: equal ones are told apart by how many come to a song

Floats = npt.NDArray[np.float32]


def lists_alone(
    examination: Examination, shelf: Shelf, model: CollaborativeModel, factors: Floats, likings: Likings, voices: Voices
) -> dict[str, metrics.Lists]:
    """The 30 best unheard songs of each judged user, (n_users, 30), by each model alone, named after its feature.

    `factors` (n_users, f) and `likings` are the judged users', `shelf` is as of the fold. Places that a model leaves
    empty are filled with what is popular, as for a user of whom nothing is known. A model that knows nothing at all is
    left out.
    """
    n_tracks = len(shelf.track_ids)
    liked = csr_matrix((likings.weights, likings.rows, likings.offsets), shape=(len(factors), n_tracks))
    lists = {"collaborative": examination.lists_of(model)}
    if len(voices.items.items):
        lists["items"] = _best(liked, _matrix(voices.items, n_tracks), None, examination, shelf, voices)
    if (voices.told_as >= 0).any():
        told = voices.told_as >= 0
        texts = csr_matrix(
            (np.ones(int(told.sum()), np.float32), (np.flatnonzero(told), voices.told_as[told])),
            shape=(n_tracks, len(voices.told.offsets) - 1),
        )
        alike = _matrix(voices.told, texts.shape[1])
        lists["text"] = _best((liked @ texts).tocsr(), alike, voices.told_as, examination, shelf, voices)
    if voices.sound.any():
        heard_of = np.where(shelf.eligible[:, None], voices.sound, np.float32(0))
        by_sound = metrics.best_unheard(factors, heard_of, examination.heard, K)
        lists["sound"] = np.where(factors.any(axis=1, keepdims=True), by_sound, -1)
    return {name: filled(found, examination.popular) for name, found in lists.items()}


def filled(lists: metrics.Lists, popular: metrics.Lists) -> metrics.Lists:
    """Lists (n_users, k) that end in -1 where they are short, each filled up with the `popular` songs not on it."""
    short = np.flatnonzero(lists[:, -1] < 0)
    own = lists[short]
    more = np.where((popular[short][:, :, None] == own[:, None, :]).any(axis=2), -1, popular[short])
    both = np.hstack([own, more])
    order = np.argsort(both < 0, axis=1, kind="stable")[:, : lists.shape[1]]
    full = lists.copy()
    full[short] = np.take_along_axis(both, order, axis=1)
    return full


def _matrix(neighbours: Neighbours, n: int) -> csr_matrix:
    return csr_matrix((neighbours.weights, neighbours.items, neighbours.offsets), shape=(n, n))


def _best(
    liked: csr_matrix,
    speaks_for: csr_matrix,
    told_as: npt.NDArray[np.int32] | None,
    examination: Examination,
    shelf: Shelf,
    voices: Voices,
) -> metrics.Lists:
    """The eligible unheard songs for which the likings (n_users, n) of n tracks or texts speak most; -1 where none do.

    `told_as` (n_tracks,) the number of each track's text; None: they are tracks.
    """
    n_users, n_tracks = liked.shape[0], len(shelf.track_ids)
    places = np.empty(n_tracks, dtype=np.float64)
    places[np.lexsort((np.arange(n_tracks), -voices.rate))] = np.arange(n_tracks) / max(n_tracks, 1)
    silent = ~shelf.eligible if told_as is None else ~shelf.eligible | (told_as < 0)
    lists = np.full((n_users, K), -1, dtype=np.int64)
    for first in range(0, n_users, BLOCK_USERS):
        block = slice(first, min(first + BLOCK_USERS, n_users))
        scores = (liked[block] @ speaks_for).toarray().astype(np.float64)
        scores = scores if told_as is None else scores[:, np.maximum(told_as, 0)]
        scores[:, silent] = 0
        scores[examination.heard[block].nonzero()] = 0
        spoken_for = scores > 0
        scores = np.where(spoken_for, scores - _TIE * scores.max(axis=1, keepdims=True) * places, -1)
        n_best = min(K, n_tracks)
        best = np.argpartition(-scores, n_best - 1, axis=1)[:, :n_best]
        found = np.take_along_axis(scores, best, axis=1)
        order = np.argsort(-found, axis=1, kind="stable")
        best, found = np.take_along_axis(best, order, axis=1), np.take_along_axis(found, order, axis=1)
        lists[block, :n_best] = np.where(found > -1, best, -1)
    return lists
