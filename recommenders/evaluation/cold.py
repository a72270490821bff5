"""Judging by songs that nobody is known to have played: does their sound alone find the listeners that they have?

The figures of van den Oord, Dieleman & Schrauwen (2013, section 5.2): mAP@500 and the area under the ROC curve, beside
recall@30. A user's factors are solved without any play of the judged songs, and only these are ranked.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, diags
from scipy.stats import rankdata

from recommenders.collaborative.model import CollaborativeModel, align, confidences, fold_in
from recommenders.evaluation.judging import K
from recommenders.listening.interactions import Interactions
from recommenders.store.places import places_of

Floats = npt.NDArray[np.float32]
PerUser = npt.NDArray[np.float64]

DEEP = 500  # places that mAP looks at
MOST_USERS = 10_000  # judged, drawn by seed: a step of training is not worth more
_BLOCK_USERS = 500


@dataclass(frozen=True)
class ColdJudgement:
    """The average precision of each judged user, and the figures over all of them.

    Average precision tells rankings apart however few songs are judged; of thirty songs every recall@30 is 1.
    """

    precision: PerUser
    figures: dict[str, float]


@dataclass(frozen=True)
class ColdExamination:
    """Songs that are treated as if nobody had played them, and who did."""

    track_ids: npt.NDArray[np.int64]  # (n_tracks,) ascending: the judged songs
    user_ids: npt.NDArray[np.int64]  # (n_users,) ascending: those who like one of them
    users: Floats  # (n_users, n_factors), solved without the judged songs
    relevant: csr_matrix  # (n_users, n_tracks): what they like of the judged songs

    @staticmethod
    def of(
        model: CollaborativeModel,
        taste: Interactions,
        judged: npt.NDArray[np.int64],
        hidden: npt.NDArray[np.int64],
        seed: int,
    ) -> "ColdExamination":
        """The examination by the songs `judged` (ascending), all of them among those `hidden` from the users' factors.

        A user of whom nothing else is known is not judged: there is nothing to rank by.
        """
        strengths = align(taste, model.track_ids)
        relevant = align(taste, judged)
        known = strengths @ diags((~np.isin(model.track_ids, hidden)).astype(np.float32))
        known.eliminate_zeros()
        rows = np.flatnonzero((_positive(relevant) > 0) & (_positive(known) > 0))
        rows = np.sort(np.random.default_rng(seed).permutation(rows)[:MOST_USERS])
        users = fold_in(model, confidences(known.tocsr()[rows], model.parameters))
        return ColdExamination(judged, taste.user_ids[rows], users, (relevant[rows] > 0).astype(np.float32))

    def judge(self, vectors: Floats, groups: npt.NDArray[np.int64] | None = None) -> ColdJudgement:
        """Judge the vectors (n_tracks, n_factors) of the judged songs; `groups` (n_tracks,) are, say, their genres."""
        parts = [
            _judge_block(self.users[rows] @ vectors.T, self.relevant[rows].toarray() > 0, groups)
            for rows in self._blocks()
        ]
        columns = {name: np.concatenate([part[name] for part in parts]) for name in (parts[0] if parts else {})}
        figures = {name: float(np.nanmean(values)) for name, values in columns.items() if np.isfinite(values).any()}
        return ColdJudgement(columns.get(f"map@{DEEP}", np.empty(0)), figures)

    def from_half(self, model: CollaborativeModel, taste: Interactions, seed: int) -> tuple["ColdExamination", Floats]:
        """The examination by a drawn half of the users, and vectors (n_tracks, n_factors) that the others taught.

        The model's own vectors were learnt from the very plays that they are judged by. These, solved against the
        others' factors, were not: they are what so many plays can tell of the taste of people who are new to a song.
        """
        asked = np.random.default_rng(seed).permutation(len(self.user_ids)) % 2 == 0
        others = CollaborativeModel(self.user_ids[~asked], self.users[~asked], model.parameters, model.space)
        strengths = align(taste, self.track_ids)[places_of(taste.user_ids, others.track_ids)]
        vectors = fold_in(others, confidences(strengths.T.tocsr(), model.parameters))
        half = ColdExamination(self.track_ids, self.user_ids[asked], self.users[asked], self.relevant[asked])
        return half, vectors

    def _blocks(self) -> Iterator[slice]:
        for first in range(0, len(self.user_ids), _BLOCK_USERS):
            yield slice(first, first + _BLOCK_USERS)


def _positive(matrix: csr_matrix) -> npt.NDArray[np.int64]:
    """How many entries above 0 each row has."""
    counts: npt.NDArray[np.int64] = np.asarray((matrix > 0).sum(axis=1)).ravel()
    return counts


def _judge_block(
    scores: Floats, relevant: npt.NDArray[np.bool_], groups: npt.NDArray[np.int64] | None
) -> dict[str, PerUser]:
    """Each figure for each user, from scores and what is relevant, (n_users, n_tracks)."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :DEEP]
    found = np.take_along_axis(relevant, order, axis=1)
    wanted = relevant.sum(axis=1)
    precision = np.cumsum(found, axis=1) / (np.arange(found.shape[1]) + 1)
    figures = {
        f"recall@{K}": found[:, :K].sum(axis=1) / np.minimum(wanted, K),
        f"map@{DEEP}": (precision * found).sum(axis=1) / np.minimum(wanted, DEEP),
        "auc": auc(scores, relevant),
    }
    if groups is not None:
        figures["auc_within_groups"] = auc(scores, relevant, groups)
    return figures


def auc(scores: Floats, relevant: npt.NDArray[np.bool_], groups: npt.NDArray[np.int64] | None = None) -> PerUser:
    """The share of pairs of a relevant and another song that the scores (n_users, n_tracks) order rightly, (n_users,).

    With `groups` only pairs of one group: knowing which group a song is of gives 0.5. A tie is half right. NaN for a
    user without such a pair.
    """
    groups = np.zeros(scores.shape[1], dtype=np.int64) if groups is None else groups
    right, pairs = np.zeros(len(scores)), np.zeros(len(scores))
    for group in np.unique(groups):
        ours = groups == group
        ranks, wanted = rankdata(scores[:, ours], axis=1), relevant[:, ours]
        n, others = wanted.sum(axis=1), (~wanted).sum(axis=1)
        right += (ranks * wanted).sum(axis=1) - n * (n + 1) / 2
        pairs += n * others
    share: PerUser = np.divide(right, pairs, out=np.full(len(scores), np.nan), where=pairs > 0)
    return share
