"""Judging one model by one fold: its lists for every user with labels, and the figures about them."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from recommenders.collaborative.model import CollaborativeModel, align, confidences, fold_in
from recommenders.evaluation import metrics
from recommenders.evaluation.split import Fold
from recommenders.listening.interactions import Interactions, TasteParameters, interactions
from recommenders.store.signals import Catalogue, Pairs

K = 30
NEW_SONG = dt.timedelta(weeks=8)
FEW_LIKED_TRACKS = 10
POPULARITY = "popularity"


@dataclass(frozen=True)
class Judgement:
    """The judged users, ascending; their recall@30 and nDCG@30; and the figures of the model as a whole."""

    user_ids: npt.NDArray[np.int64]
    recall: npt.NDArray[np.float64]
    ndcg: npt.NDArray[np.float64]
    figures: dict[str, float]


class Examination:
    """A fold made ready, so that several models can be judged by it."""

    def __init__(self, fold: Fold, catalogue: Catalogue) -> None:
        """Labels of tracks that are no longer in the catalogue are left out."""
        self.fold = fold
        self.catalogue = catalogue
        labels = fold.labels.take(np.isin(fold.labels.track_ids, catalogue.track_ids))
        self.user_ids = np.unique(labels.user_ids)
        self.relevant = self._matrix(labels)
        self.heard = self._matrix(fold.heard)
        self._tastes: dict[TasteParameters, Interactions] = {}
        plain = self.taste(TasteParameters())
        liked = plain.track_ids[plain.strengths.indices[plain.strengths.data > 0]]
        places = self._places(liked)
        self.listeners = np.bincount(places[places >= 0], minlength=len(catalogue))
        self.n_liked = self._liked_tracks(plain)
        self.popular = self._lists(np.ones((len(self.user_ids), 1), np.float32), self.listeners[:, None])

    def taste(self, parameters: TasteParameters) -> Interactions:
        """The interactions that a model may learn from."""
        plain = TasteParameters(**{name: getattr(parameters, name) for name in TasteParameters.model_fields})
        if plain not in self._tastes:
            self._tastes[plain] = interactions(self.fold.signals, self.fold.cutoff, plain)
        return self._tastes[plain]

    def judge(self, model: CollaborativeModel) -> Judgement:
        """Judge a collaborative model; a user of whom it knows nothing gets the popular songs, as on Monday."""
        return self.judge_lists(self.lists_of(model))

    def lists_of(self, model: CollaborativeModel) -> metrics.Lists:
        """The lists (n_users, 30) of a collaborative model, as places in the catalogue."""
        taste = self.taste(model.parameters)
        factors = np.zeros((len(self.user_ids), model.parameters.factors), dtype=np.float32)
        _, here, there = np.intersect1d(self.user_ids, taste.user_ids, assume_unique=True, return_indices=True)
        strengths = align(taste, model.track_ids)[there]
        factors[here] = fold_in(model, confidences(strengths, model.parameters))
        track_factors = np.zeros((len(self.catalogue), model.parameters.factors), dtype=np.float32)
        places = self._places(model.track_ids)
        track_factors[places[places >= 0]] = model.track_factors[places >= 0]
        known = factors.any(axis=1, keepdims=True)
        lists: metrics.Lists = np.where(known, self._lists(factors, track_factors), self.popular)
        return lists

    def judge_popularity(self) -> Judgement:
        """Judge the songs that most users like, the same for everyone but for what each has heard."""
        return self.judge_lists(self.popular)

    def judge_lists(self, lists: metrics.Lists) -> Judgement:
        """Judge lists of places in the catalogue, (n_users, 30), one for each of `user_ids`."""
        found = metrics.hits(lists, self.relevant)
        recall, ndcg = metrics.recall(found, self.relevant), metrics.ndcg(found, self.relevant)
        counts = metrics.exposure(lists, len(self.catalogue))
        figures = {
            f"recall@{K}": _mean(recall),
            f"ndcg@{K}": _mean(ndcg),
            "mrr": _mean(metrics.reciprocal_rank(found)),
            "coverage": metrics.coverage(counts),
            "gini": metrics.gini(counts),
            "novelty_bits": metrics.novelty(lists, self.listeners, len(self.taste(TasteParameters()).user_ids)),
            "artist_spread": metrics.artist_spread(lists, self.catalogue.artist_ids),
        }
        return Judgement(self.user_ids, recall, ndcg, figures | self._slices(lists, recall))

    def _slices(self, lists: metrics.Lists, recall: metrics.PerUser) -> dict[str, float]:
        """Recall@30 of new users, of the quarter of users with the least known labels, and of new songs."""
        slices = {}
        new_users = self.n_liked < FEW_LIKED_TRACKS
        if new_users.any():
            slices[f"recall@{K}_new_users"] = _mean(recall[new_users])
        if len(recall) >= 4:
            fame = self.relevant @ np.log1p(self.listeners) / np.diff(self.relevant.indptr)
            slices[f"recall@{K}_niche_tastes"] = _mean(recall[fame <= np.quantile(fame, 0.25)])
        new = self.catalogue.uploaded_at >= np.datetime64(
            self.fold.cutoff.astimezone(dt.UTC).replace(tzinfo=None) - NEW_SONG, "us"
        )
        relevant = self.relevant.copy()
        relevant.data[~new[relevant.indices]] = 0
        relevant.eliminate_zeros()
        users = np.diff(relevant.indptr) > 0
        if users.any():
            found = metrics.hits(lists[users], relevant[users])
            slices[f"recall@{K}_new_songs"] = _mean(metrics.recall(found, relevant[users]))
        return slices

    def _lists(self, user_factors: npt.NDArray[np.float32], track_factors: npt.NDArray[Any]) -> metrics.Lists:
        return metrics.best_unheard(user_factors, track_factors.astype(np.float32), self.heard, K)

    def _places(self, track_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Where each track stands in the catalogue; -1 where it doesn't."""
        places = np.searchsorted(self.catalogue.track_ids, track_ids)
        places[places == len(self.catalogue)] = 0
        return np.where(self.catalogue.track_ids[places] == track_ids, places, -1)

    def _matrix(self, pairs: Pairs) -> csr_matrix:
        """The pairs of the judged users as a (n_users, n_tracks) matrix of ones."""
        rows = np.searchsorted(self.user_ids, pairs.user_ids)
        columns = self._places(pairs.track_ids)
        ours = np.isin(pairs.user_ids, self.user_ids) & (columns >= 0)
        return csr_matrix(
            (np.ones(int(ours.sum()), dtype=np.float32), (rows[ours], columns[ours])),
            shape=(len(self.user_ids), len(self.catalogue)),
        )

    def _liked_tracks(self, taste: Interactions) -> npt.NDArray[np.int64]:
        """How many tracks each judged user likes."""
        rows = np.repeat(np.arange(taste.strengths.shape[0]), np.diff(taste.strengths.indptr))
        liked = np.bincount(rows[taste.strengths.data > 0], minlength=len(taste.user_ids))
        counts = np.zeros(len(self.user_ids), dtype=np.int64)
        _, here, there = np.intersect1d(self.user_ids, taste.user_ids, assume_unique=True, return_indices=True)
        counts[here] = liked[there]
        return counts


def _mean(values: npt.NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else 0.0
