"""The mix: the candidates of all sources, each described by every model, in one ranking per user."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recommenders.listening.interactions import Interactions
from recommenders.mixing.candidates import RUNGS, Candidates, Offered, Source
from recommenders.mixing.editorial import Editorial, suited
from recommenders.mixing.likings import Likings
from recommenders.mixing.mix_kernels import N_FEATURES
from recommenders.mixing.ranker import Ranker
from recommenders.mixing.shelf import Forbidden, Shelf
from recommenders.mixing.voices import Voices

MOST_CANDIDATES, MOST_OTHERS = 200, 60  # in all, as long as at least so many come from further sources
ITEM_SONGS = 50
TEXTS, SONGS_OF_TEXT = 15, 3
LISTS, LIST_SONGS = 3, 20


def on_lists(
    editorial: Editorial, shelf: Shelf, interactions: Interactions, user_ids: npt.NDArray[np.int64]
) -> Offered:
    """The first songs of the curators' lists that suit each of `user_ids` (ascending) best."""
    found = suited(editorial, shelf, interactions, user_ids, LISTS, LIST_SONGS)
    return Offered(found.offsets, found.rows, np.full(len(found.rows), Source.LISTS, dtype=np.int8))


class Pool(NamedTuple):
    """Candidates before they are ranked: `rows`, `sources`, `places` (n_users, n), see `mix_kernels.gather`, and
    `features` (n_users, n, N_FEATURES) float32."""

    rows: npt.NDArray[np.int32]
    sources: npt.NDArray[np.int8]
    places: npt.NDArray[np.int32]
    features: npt.NDArray[np.float32]


def describe(
    shelf: Shelf,
    forbidden: Forbidden,
    candidates: Candidates,
    factors: npt.NDArray[np.float32],
    likings: Likings,
    offered: Offered,
    voices: Voices,
) -> Pool:
    """Add what is played with, and told like, what each user likes, and what is `offered`; describe all of it."""
    from recommenders.mixing.mix_kernels import gather

    n_users, n_before = candidates.rows.shape
    shape = (n_users, max(MOST_CANDIDATES, n_before + MOST_OTHERS))
    pool = Pool(
        np.full(shape, -1, dtype=np.int32),
        np.zeros(shape, dtype=np.int8),
        np.full(shape, -1, dtype=np.int32),
        np.zeros((*shape, N_FEATURES), dtype=np.float32),
    )
    gather(
        shelf,
        forbidden,
        (candidates.rows, candidates.sources, RUNGS[candidates.sources]),
        (np.ascontiguousarray(factors), *likings),
        tuple(offered),
        voices,
        (ITEM_SONGS, TEXTS, SONGS_OF_TEXT),
        (np.int8(Source.ITEMS), np.int8(Source.TEXT)),
        tuple(pool[:3]),
        pool.features,
    )
    return pool


def ranked(candidates: Candidates, pool: Pool, ranker: Ranker, length: int, fresh_taste: float) -> Candidates:
    """The pool as the ranker ranks it, the first rung by falling chance; lower rungs keep their scores and order.

    A fresh song is to the user's taste from `fresh_taste` of the chance on that the `length`-th song has.
    """
    chances = ranker.chances(pool.features)
    first, below = (pool.rows >= 0) & (pool.places < 0), pool.places >= 0
    before = np.take_along_axis(candidates.scores, np.maximum(pool.places, 0), axis=1)
    scores = np.where(first, chances, np.where(below, before, np.float32(0)))
    # The songs of lower rungs stand in their order already; a chance is below 1.
    order = np.argsort(np.where(first, -chances, np.where(below, np.float32(1), np.float32(2))), axis=1, kind="stable")
    rows, sources, scores = (np.take_along_axis(values, order, axis=1) for values in (pool.rows, pool.sources, scores))
    last = np.where(
        (rows[:, length - 1] >= 0) & (RUNGS[sources[:, length - 1]] == RUNGS[Source.MIX]), scores[:, length - 1], 0
    )
    least = np.maximum(fresh_taste * last, np.finfo(np.float32).tiny).astype(np.float32)
    return Candidates(candidates.user_ids, rows, scores.astype(np.float32), sources, least)
