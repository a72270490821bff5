"""The ranked candidates of each user: the collaborative model first, then the rungs of the fallback ladder.

Fresh and cold songs have lists of their own, which join the model's: few of them would reach it by themselves.
"""

import datetime as dt
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from threadpoolctl import threadpool_limits

from recommenders.collaborative.model import CollaborativeModel, align, confidences, fold_in
from recommenders.listening.interactions import Interactions
from recommenders.mixing.cold import Cold, credits_matrix, directions
from recommenders.mixing.shelf import Forbidden, Shelf
from recommenders.mixing.voices import Voices
from recommenders.store import Artifacts, eligibility
from recommenders.store.artifacts import column_matrix, matrix_column
from recommenders.store.places import places_of

NEAREST_LISTENERS = 50
BLOCK_USERS = 512
STRETCH_TRACKS = 4_096
NEWCOMERS = 20  # fresh songs, and as many cold ones, that join a user's candidates
RATE_SHARE = 0.25  # of the log of new listeners a week beside a cosine, where newcomers are looked for


class Source(IntEnum):
    """Where a song came from; the numbers that `source_name` in the database spells out."""

    MIX = 1
    NEAREST_LISTENERS = 2
    CULTURE = 3
    EDITORIAL = 4
    POPULAR = 5
    AUDIO = 6
    ITEMS = 7
    TEXT = 8
    ARTIST = 9
    LIKE_LISTENERS = 10
    LISTS = 11


# As the database spells them (`source_name`), where that is not the name in small letters.
_SPELLED = {Source.LIKE_LISTENERS: "listeners like you", Source.LISTS: "curators"}
SOURCE_NAMES = {source: _SPELLED.get(source, source.name.lower().replace("_", " ")) for source in Source}

# Of each source on the fallback ladder, the best first: all that the ranker ranks is on the first.
RUNGS = np.array([0, 1, 2, 3, 4, 5, 1, 1, 1, 1, 1, 1], dtype=np.int8)


class Offered(NamedTuple):
    """Songs that another source offers: to user i `rows[offsets[i]:offsets[i + 1]]`, and what the source is."""

    offsets: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int32]
    sources: npt.NDArray[np.int8]

    @staticmethod
    def nothing(n_users: int) -> "Offered":
        """Nothing to anybody."""
        return Offered(np.zeros(n_users + 1, np.int64), np.empty(0, np.int32), np.empty(0, np.int8))

    @staticmethod
    def together(offers: "list[Offered]") -> "Offered":
        """All offers to each user, in their order."""
        owners = np.concatenate([np.repeat(np.arange(len(one.offsets) - 1), np.diff(one.offsets)) for one in offers])
        order = np.argsort(owners, kind="stable")
        offsets = np.sum([one.offsets for one in offers], axis=0)
        rows, sources = (np.concatenate([one[place] for one in offers])[order] for place in (1, 2))
        return Offered(offsets, rows, sources)


class Candidates(NamedTuple):
    """Ranked candidates, best first.

    `user_ids` (n_users,) ascending; `rows` (n_users, n) int32 rows of the shelf, -1 past the end of a list; `scores`
    (n_users, n) float32, comparable within one rung; `sources` (n_users, n) int8; `fresh_least` (n_users,) float32 is
    the least score with which a fresh song of the first rung is to the user's taste.
    """

    user_ids: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]
    sources: npt.NDArray[np.int8]
    fresh_least: npt.NDArray[np.float32]

    def columns(self) -> dict[str, Any]:
        """Columns of an artifact, one row a user."""
        return {
            "user_id": self.user_ids,
            "rows": matrix_column(self.rows),
            "scores": matrix_column(self.scores),
            "sources": matrix_column(self.sources),
            "fresh_least": self.fresh_least,
        }

    @staticmethod
    def load(artifacts: Artifacts, uri: str) -> "Candidates":
        """The candidates of an artifact with the columns that `columns` made."""
        table, _ = artifacts.read(uri, columns=["user_id", *Candidates._fields[1:]])
        rows, scores, sources = (column_matrix(table[name]) for name in ("rows", "scores", "sources"))
        return Candidates(table["user_id"].to_numpy(), rows, scores, sources, table["fresh_least"].to_numpy())


def user_factors(
    model: CollaborativeModel, interactions: Interactions, user_ids: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """The factors (n_users, f) of `user_ids` (ascending), solved from their plays; zeros for users without any."""
    solved = fold_in(model, confidences(align(interactions, model.track_ids), model.parameters))
    factors = np.zeros((len(user_ids), model.track_factors.shape[1]), dtype=np.float32)
    places = places_of(user_ids, interactions.user_ids)
    known = places >= 0
    factors[places[known]] = solved[known]
    return factors


class ByNorm(NamedTuple):
    """Tracks that may be recommended, the longest vectors first: what a search goes through."""

    rows: npt.NDArray[np.int32]  # (n_tracks,) of the shelf
    vectors: npt.NDArray[np.float32]  # (n_tracks, f)
    norms: npt.NDArray[np.float32]  # (n_tracks,) falling


class Searched(NamedTuple):
    """What is searched for each user: the songs that the model knows, at their vectors; and, with one number more, the
    fresh songs of all and the cold ones that are not fresh, see `_expected`. By row of the shelf, `sources` (n_tracks,)
    int8 says what has placed each, `played` (n_tracks, f) where."""

    known: ByNorm
    fresh: ByNorm
    cold: ByNorm
    sources: npt.NDArray[np.int8]
    played: npt.NDArray[np.float32]


def searched(shelf: Shelf, model: CollaborativeModel, cold: Cold, voices: Voices) -> Searched:
    """The eligible tracks of the model, and the cold ones, which are no longer the model's."""
    cold_rows = shelf.rows(cold.track_ids)
    is_cold = np.zeros(len(shelf.track_ids), dtype=np.bool_)
    is_cold[cold_rows] = True
    sources = np.full(len(shelf.track_ids), Source.MIX, dtype=np.int8)
    sources[cold_rows] = np.where(cold.by_sound, np.int8(Source.AUDIO), np.int8(Source.ARTIST))
    rows = shelf.rows(model.track_ids)
    known = np.flatnonzero((rows >= 0) & shelf.eligible[rows] & ~is_cold[rows])
    rows, vectors = rows[known], model.track_factors[known]
    fresh, fresh_cold = shelf.fresh[rows], shelf.fresh[cold_rows]
    new, old = np.concatenate([rows[fresh], cold_rows[fresh_cold]]), cold_rows[~fresh_cold]
    return Searched(
        by_norm(rows, vectors),
        by_norm(new, _expected(shelf, voices, new)),
        by_norm(old, _expected(shelf, voices, old)),
        sources,
        voices.played,
    )


def _expected(shelf: Shelf, voices: Voices, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Where newcomers are found, (n, f + 1): halfway between their own direction and their artists', and how many new
    listeners a week they can expect.

    The length of their collaborative vectors tells how much is known of them, and not how much they will be liked.
    """
    own, artists = directions(voices.played[rows]), directions(credits_matrix(shelf)[rows] @ voices.artists)
    rates = RATE_SHARE * voices.rate[rows]
    above_all = 1 + rates - rates.min(initial=0)  # so that a listener's inner product with anything is positive
    vectors: npt.NDArray[np.float32] = np.column_stack([directions(own + artists), above_all]).astype(np.float32)
    return vectors


def by_norm(rows: npt.NDArray[np.int64], vectors: npt.NDArray[np.float32]) -> ByNorm:
    """These tracks in the order of the search, equal lengths by row."""
    norms = np.linalg.norm(vectors, axis=1).astype(np.float32)
    order = np.lexsort((rows, -norms))
    return ByNorm(rows[order].astype(np.int32), np.ascontiguousarray(vectors[order]), norms[order])


def rank_candidates(
    shelf: Shelf,
    forbidden: Forbidden,
    user_ids: npt.NDArray[np.int64],
    factors: npt.NDArray[np.float32] | None,
    tracks: ByNorm | None,
    n_candidates: int,
) -> Candidates:
    """The model's best candidates of each user: unheard, unblocked, one version of each work, with a score above 0.

    `factors` (n_users, f) and `tracks` are the model's; None where there is no model.
    """
    rows = np.full((len(user_ids), n_candidates), -1, dtype=np.int32)
    scores = np.zeros((len(user_ids), n_candidates), dtype=np.float32)
    if factors is not None and tracks is not None:
        fill_with_best(shelf, forbidden, factors, tracks, rows, scores)
    sources = np.where(rows >= 0, np.int8(Source.MIX), np.int8(0)).astype(np.int8)
    return Candidates(user_ids, rows, scores, sources, np.zeros(len(user_ids), dtype=np.float32))


def with_newcomers(
    shelf: Shelf,
    forbidden: Forbidden,
    candidates: Candidates,
    factors: npt.NDArray[np.float32],
    tracks: Searched,
    length: int,
    fresh_taste: float,
) -> Candidates:
    """The candidates with each user's best fresh and best cold songs among those of the first rung, by score.

    They are found by direction and expected listeners together (`_expected`), about as the ranker weighs them. A fresh
    song is to the user's taste from `fresh_taste` of the score on that the `length`-th song of the model has; one that
    is less is left to the places that its score wins.
    """
    from recommenders.mixing.kernels import merge_newcomers

    last = np.where(candidates.sources[:, length - 1] == Source.MIX, candidates.scores[:, length - 1], 0)
    least = np.maximum(fresh_taste * last, np.finfo(np.float32).tiny).astype(np.float32)
    lists = [tracks.fresh, tracks.cold]
    if not any(len(each.rows) for each in lists):
        return candidates._replace(fresh_least=least)
    n_users, n_candidates = candidates.rows.shape
    rows = np.full((n_users, n_candidates + len(lists) * NEWCOMERS), -1, dtype=np.int32)
    scores = np.zeros(rows.shape, dtype=np.float32)
    newcomers = [
        (np.full((n_users, NEWCOMERS), -1, np.int32), np.zeros((n_users, NEWCOMERS), np.float32)) for _ in lists
    ]
    listeners = directions(factors)
    listeners = np.column_stack([listeners, listeners.any(axis=1)]).astype(np.float32)
    for each, (best_rows, best_scores) in zip(lists, newcomers, strict=True):
        fill_with_best(shelf, forbidden, listeners, each, best_rows, best_scores)
    sources = np.zeros(rows.shape, dtype=np.int8)
    merged = Candidates(candidates.user_ids, rows, scores, sources, least)
    merge_newcomers(
        shelf,
        candidates,
        np.hstack([best_rows for best_rows, _ in newcomers]),
        factors,
        tracks.played,
        tracks.sources,
        np.int8(Source.MIX),
        merged,
    )
    return merged


def fill_with_best(
    shelf: Shelf,
    forbidden: Forbidden,
    factors: npt.NDArray[np.float32],
    tracks: ByNorm,
    best_rows: npt.NDArray[np.int32],
    best_scores: npt.NDArray[np.float32],
) -> None:
    """Write the highest positive inner products of each user among what is not forbidden, one version of each work.

    Exact, at a tenth of the work where norms are heavy-tailed: tracks come by falling norm, a stretch at a time, and
    a user leaves when |user| |track| can no longer reach the list. A list depends on its user alone, to the last bit.
    Equal scores: the lower row first. `best_rows` (n_users, n_best) come as -1, `best_scores` as 0.
    """
    from recommenders.mixing.kernels import scan

    lengths = np.linalg.norm(factors, axis=1).astype(np.float32) * np.float32(1.00001)
    best = (best_rows, best_scores, np.zeros(len(factors), dtype=np.int64))
    n_works = int(shelf.works.max(initial=-1)) + 1
    marks = (
        np.zeros(n_works, dtype=np.int64),
        np.zeros(len(shelf.artist_ids), dtype=np.int64),
        np.zeros(n_works, dtype=np.int64),
        np.zeros(1, dtype=np.int64),
    )
    with threadpool_limits(1, "blas"):
        for block in range(0, len(factors), BLOCK_USERS):
            users = block + np.flatnonzero(lengths[block : block + BLOCK_USERS])
            for first in range(0, len(tracks.rows), STRETCH_TRACKS):
                users = users[lengths[users] * tracks.norms[first] >= best_scores[users, -1]]
                if not len(users):
                    break
                vectors = factors[users]
                bounds = vectors @ tracks.vectors[first : first + STRETCH_TRACKS].T
                scan(shelf, forbidden, users, vectors, lengths[users], bounds, first, tracks, best, marks)


def add_nearest_listeners(
    connection: sa.Connection,
    shelf: Shelf,
    forbidden: Forbidden,
    candidates: Candidates,
    cutoff: dt.datetime,
    with_history: npt.NDArray[np.int64],
) -> None:
    """Second rung: users with a history, but without enough candidates, get what their nearest listeners heard."""
    short = candidates.user_ids[candidates.rows[:, -1] < 0]
    short = short[np.isin(short, with_history)]
    if len(short):
        n_offered = candidates.rows.shape[1]
        offered = eligibility.read_co_heard(connection, cutoff, short, NEAREST_LISTENERS, 2 * n_offered)
        offsets = np.searchsorted(offered["user_id"], np.append(candidates.user_ids, np.iinfo(np.int64).max))
        _append(
            shelf,
            forbidden,
            candidates,
            offsets,
            shelf.rows(offered["item_id"]),
            offered["score"],
            Source.NEAREST_LISTENERS,
        )


def add_popular(shelf: Shelf, forbidden: Forbidden, candidates: Candidates) -> None:
    """Last rung: what most have heard, for every list that is not full."""
    rows = shelf.by_popularity()
    _append(
        shelf, forbidden, candidates, np.zeros(1, dtype=np.int64), rows, popularity_scores(shelf, rows), Source.POPULAR
    )


def popularity_scores(shelf: Shelf, rows: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """The logarithm of each row's listeners as a share of the highest: 0 to 1."""
    scores = np.log1p(shelf.listeners[rows]) / max(1.0, float(np.log1p(shelf.listeners.max(initial=0))))
    return scores.astype(np.float32)


def _append(
    shelf: Shelf,
    forbidden: Forbidden,
    candidates: Candidates,
    offsets: npt.NDArray[np.int64],
    rows: npt.NDArray[np.integer],
    scores: npt.NDArray[np.floating],
    source: Source,
) -> None:
    from recommenders.mixing.kernels import append_candidates

    append_candidates(
        shelf, forbidden, candidates, offsets, rows.astype(np.int32), scores.astype(np.float32), np.int8(source)
    )
