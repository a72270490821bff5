"""Judging the language model by listening: do artists that are described alike have the same listeners, and does what
is said of artists tell what people will like?

Neighbours by text and by listening are compared, kind of term by kind of term; text is added to listening in predicting
what users were not seen to hear; and text alone ranks what nobody has played.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from scipy.sparse import csr_matrix

from recommenders.collaborative.model import CollaborativeModel, align, confidences, fold_in
from recommenders.errors import NotEnoughDataError
from recommenders.evaluation.gate import GateParameters, Interval, relative_difference
from recommenders.evaluation.judging import Examination, Judgement, K
from recommenders.language.placing import read_told
from recommenders.language.similarity import WEIGHTS, By, Space, read_spaces, standardised
from recommenders.language.terms import EntityKind
from recommenders.language.vectors import TextParameters, fit, weighted
from recommenders.language.vectors import fold_in as fold_in_text
from recommenders.store.spaces import main_credits

NEIGHBOURS = 10
LEAST_LISTENERS = 10
BLOCK_USERS = 256
TEXT_WEIGHT = WEIGHTS[By.TEXT]
TOGETHER = "collaborative + text"
WORDS, PAIRS, BOTH = "words", "words in pairs", "words and pairs"
KINDS: Mapping[str, dict[str, float]] = {
    WORDS: {"pair": 0},
    PAIRS: {"word": 0, "pair": 1},
    BOTH: {},
}
_NO_OTHERS = {"phrase": 0.0, "adjective": 0.0, "artist": 0.0}

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LanguageQuality:
    """How well what is said agrees with what is heard.

    `overlap`: the mean share of an artist's ten neighbours by listening that are among its ten by text; `overlaps` the
    same by kinds of terms, as they are and projected. `judged`: lists by listening, by text, and by both; `gain`: that
    of both over listening alone, in recall. `unplayed`: of what nobody has played, recall@30 among itself by text, and
    what chance gives.
    """

    artists: int
    overlap: float
    overlaps: Mapping[str, float]
    judged: Mapping[str, Judgement]
    gain: Interval
    unplayed: tuple[float, float]


def judge_language(
    connection: sa.Connection, examination: Examination, model: CollaborativeModel, seed: int = 0
) -> LanguageQuality:
    """Judge the stored text vectors by the listening of `examination`, beside the champion `model` by listening.

    Raises NotEnoughDataError where no artist is known by both.
    """
    text = read_spaces(connection, EntityKind.ARTIST, By.TEXT)[By.TEXT]
    heard = read_spaces(connection, EntityKind.ARTIST, By.COLLABORATIVE)[By.COLLABORATIVE]
    artists = np.intersect1d(np.intersect1d(text.ids, heard.ids), _popular(connection, examination))
    if len(artists) <= NEIGHBOURS:
        raise NotEnoughDataError(f"Only {len(artists)} artists are known by text and by listening.")
    reference = neighbours(_rows(heard, artists))
    judged, unplayed = judge_taste(examination, model, read_spaces(connection, EntityKind.TRACK, By.TEXT)[By.TEXT])
    return LanguageQuality(
        len(artists),
        overlap(neighbours(_rows(text, artists)), reference),
        overlap_by_kinds(connection, artists, reference, seed),
        judged,
        relative_difference(judged[TOGETHER].recall, judged[By.COLLABORATIVE].recall, GateParameters(), seed),
        unplayed,
    )


def neighbours(vectors: Floats, k: int = NEIGHBOURS) -> npt.NDArray[np.intp]:
    """The `k` rows with the highest cosine to each row of `vectors` (n, n_dimensions), of length 1; (n, k)."""
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    nearest: npt.NDArray[np.intp] = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
    return nearest


def overlap(one: npt.NDArray[np.intp], other: npt.NDArray[np.intp]) -> float:
    """The mean share of each row (n, k) of neighbours that is in the same row of the other."""
    shared = (one[:, :, None] == other[:, None, :]).any(axis=2)
    return float(shared.mean())


def overlap_by_kinds(
    connection: sa.Connection, artists: npt.NDArray[np.int64], reference: npt.NDArray[np.intp], seed: int
) -> dict[str, float]:
    """The overlap with `reference` (n, k) of the neighbours of `artists` (n,) by kinds of terms: as they are, and in a
    projection of low rank."""
    ids, said, term_ids, kinds = read_told(connection, TextParameters())
    rows = np.searchsorted(ids, artists)
    found = {}
    for name, weights in KINDS.items():
        parameters = TextParameters(**(_NO_OTHERS | weights))
        told = weighted(said, kinds, parameters)
        found[name] = overlap(neighbours(told.rows[rows].toarray().astype(np.float32)), reference)
        model = fit(said, term_ids, kinds, parameters, seed)
        projected = fold_in_text(model, said[rows][:, told.columns])
        found[f"{name}, projected"] = overlap(neighbours(projected), reference)
    return found


def judge_taste(
    examination: Examination, model: CollaborativeModel, text: Space
) -> tuple[dict[str, Judgement], tuple[float, float]]:
    """Lists by listening, by text, and by both, judged; and recall@30, by text and by chance, among the tracks that
    nobody has played, for users who then heard one of them.

    Text likes what lies near the sum of what the user played, each track by the logarithm of its strength. Both: z(what
    listening says) + .5 z(what text says).
    """
    catalogue = examination.catalogue.track_ids
    taste = examination.taste(model.parameters)
    users = np.searchsorted(taste.user_ids, examination.user_ids)
    users[users == len(taste.user_ids)] = 0
    known = taste.user_ids[users] == examination.user_ids
    strengths = align(taste, catalogue)[users].multiply(known[:, None]).tocsr()
    factors = fold_in(model, confidences(align(taste, model.track_ids)[users], model.parameters)) * known[:, None]
    heard_vectors = _spread(catalogue, model.track_ids, model.track_factors)
    text_vectors = _spread(catalogue, text.ids, text.vectors)
    profiles = _liked(strengths) @ text_vectors
    lists: dict[str, list[npt.NDArray[np.int64]]] = {By.COLLABORATIVE: [], By.TEXT: [], TOGETHER: []}
    among, chance = [], []
    unplayed = np.flatnonzero((examination.listeners == 0) & text_vectors.any(axis=1))
    for first in range(0, len(users), BLOCK_USERS):
        block = slice(first, first + BLOCK_USERS)
        by_listening, by_text = factors[block] @ heard_vectors.T, profiles[block] @ text_vectors.T
        both = standardised(by_listening) + TEXT_WEIGHT * standardised(by_text)
        for name, scores in ((By.COLLABORATIVE, by_listening), (By.TEXT, by_text), (TOGETHER, both)):
            lists[name].append(_best(scores, examination.heard[block]))
        recalled, drawn = _recall_among(by_text[:, unplayed], examination.relevant[block][:, unplayed])
        among += recalled
        chance += drawn
    judged = {name: examination.judge_lists(np.concatenate(parts)) for name, parts in lists.items()}
    return judged, (float(np.mean(among)) if among else 0.0, float(np.mean(chance)) if chance else 0.0)


def _liked(strengths: csr_matrix) -> csr_matrix:
    liked = strengths.maximum(0).tocsr()
    liked.data = np.log1p(liked.data)
    return liked


def _best(scores: npt.NDArray[np.floating], heard: csr_matrix) -> npt.NDArray[np.int64]:
    """The 30 highest scores (n_users, n_tracks) of each user among what they have not heard; -1 past the end."""
    scores[heard.nonzero()] = -np.inf
    best = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    return np.where(np.isfinite(np.take_along_axis(scores, best, axis=1)), best, -1)


def _recall_among(scores: npt.NDArray[np.floating], relevant: csr_matrix) -> tuple[list[float], list[float]]:
    """Recall@30 among n tracks by `scores` (n_users, n), and by chance, of each user for whom one is relevant."""
    counts = np.diff(relevant.indptr)
    judged = np.flatnonzero(counts > 0)
    if not len(judged):
        return [], []
    best = np.argsort(-scores[judged], axis=1, kind="stable")[:, :K]
    found = np.take_along_axis(relevant[judged].toarray(), best, axis=1).sum(axis=1)
    possible = np.minimum(counts[judged], K)
    drawn = counts[judged] * min(1.0, K / scores.shape[1]) / possible
    return (found / possible).tolist(), drawn.tolist()


def _popular(connection: sa.Connection, examination: Examination) -> npt.NDArray[np.int64]:
    """The artists with at least ten listeners of their tracks, by the listening that models may learn from."""
    tracks, artists = main_credits(connection)
    places = np.searchsorted(examination.catalogue.track_ids, tracks)
    ids, owners = np.unique(artists, return_inverse=True)
    return ids[np.bincount(owners, examination.listeners[places], len(ids)) >= LEAST_LISTENERS]


def _spread(catalogue: npt.NDArray[np.int64], ids: npt.NDArray[np.int64], vectors: Floats) -> Floats:
    """The vectors with a row for each track of the catalogue, zeros where there is none."""
    rows = np.zeros((len(catalogue), vectors.shape[1]), dtype=np.float32)
    places = np.searchsorted(catalogue, ids)
    there = np.flatnonzero(places < len(catalogue))
    there = there[catalogue[places[there]] == ids[there]]
    rows[places[there]] = vectors[there]
    return rows


def _rows(space: Space, ids: npt.NDArray[np.int64]) -> Floats:
    return space.vectors[np.searchsorted(space.ids, ids)]
