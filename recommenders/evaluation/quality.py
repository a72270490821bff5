"""The quality benchmark: a whole service is retrained and given mixtapes, and judged by listening that it never saw.

The real steps run in this process, one after the other: retraining with its own sweep, then a Monday with all rules on.
Beside them stand popularity and `implicit` as it comes out of the box.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from recommenders.collaborative.model import load_model
from recommenders.collaborative.sweep import RetrainParams
from recommenders.evaluation import metrics
from recommenders.evaluation.bench import BenchResult
from recommenders.evaluation.judging import POPULARITY, Examination, Judgement, K
from recommenders.evaluation.retraining import retrain
from recommenders.playlists import monday
from recommenders.playlists.calendar import Moment
from recommenders.playlists.parameters import MondayParameters
from recommenders.store import Artifacts, Store, mixtapes
from recommenders.store.models import ModelRow
from recommenders.store.signals import Signal

MODEL = "the model"
PUBLISHED = "published mixtapes"
BARE_IMPLICIT = "implicit with its defaults"
RECALL, NDCG = f"recall@{K}", f"ndcg@{K}"


def run_service(
    store: Store, artifacts: Artifacts, *, cutoff: dt.datetime, seed: int, params: RetrainParams | None = None
) -> tuple[ModelRow, int]:
    """Retrain at `cutoff`, and make the mixtapes of that Monday; the model, and the edition's id."""
    params = (params or RetrainParams()).model_copy(update={"seed": seed})
    row = retrain(store, artifacts, params, cutoff=cutoff, run_key=f"quality/{seed}", now=cutoff)
    return row, run_monday(store, artifacts, cutoff=cutoff, run_key=f"quality/{seed}")


def run_monday(store: Store, artifacts: Artifacts, *, cutoff: dt.datetime, run_key: str) -> int:
    """Make and publish the mixtapes of the week of `cutoff`, in this process; the edition's id."""
    week = cutoff.date() - dt.timedelta(days=cutoff.weekday())
    plan = monday.plan_week(
        store,
        artifacts,
        MondayParameters(),
        Moment(week, cutoff, past=False),
        run_key=run_key,
        now=cutoff,
        users_per_shard=100_000,
        least_shards=1,
    )
    edition_id: int = plan["edition"]
    shards = plan["shards"]
    for shard in shards:
        monday.score_shard(store, artifacts, edition_id, shard)
    monday.allocate_songs(store, artifacts, edition_id, shards)
    for shard in shards:
        monday.finish_shard(store, artifacts, edition_id, shard)
    monday.verify_edition(store, artifacts, edition_id)
    monday.publish_edition(store, edition_id, cutoff)
    return edition_id


def judge_service(
    store: Store, artifacts: Artifacts, examination: Examination, row: ModelRow, edition_id: int, seed: int
) -> dict[str, Judgement]:
    """The service's model and its published mixtapes, beside popularity and bare `implicit`."""
    return {
        MODEL: examination.judge(load_model(artifacts, row.artifact_uri)),
        PUBLISHED: examination.judge_lists(published_lists(store, examination, edition_id)),
        BARE_IMPLICIT: examination.judge_lists(bare_implicit_lists(examination, seed)),
        POPULARITY: examination.judge_popularity(),
    }


def published_lists(store: Store, examination: Examination, edition_id: int) -> metrics.Lists:
    """The songs of an edition as places in the catalogue, (n_users, 30), for the judged users."""
    with store.begin() as connection:
        songs = mixtapes.lists_of(connection, edition_id)
    rows = np.searchsorted(examination.user_ids, songs["user_id"])
    judged = np.isin(songs["user_id"], examination.user_ids) & (songs["position"] <= K)
    lists = np.full((len(examination.user_ids), K), -1, dtype=np.int64)
    places = np.searchsorted(examination.catalogue.track_ids, songs["track_id"])
    lists[rows[judged], songs["position"][judged] - 1] = places[judged]
    return lists


def bare_implicit_lists(examination: Examination, seed: int) -> metrics.Lists:
    """What `AlternatingLeastSquares()` recommends, all defaults, from plain play counts (n_users, n_tracks)."""
    signals = examination.fold.signals
    played = signals.take(np.isin(signals.kinds, (Signal.TOTAL, Signal.PLAY)))
    users, rows = np.unique(played.user_ids, return_inverse=True)
    columns = np.searchsorted(examination.catalogue.track_ids, played.track_ids)
    counts = csr_matrix((played.amounts, (rows, columns)), shape=(len(users), len(examination.catalogue)))
    with threadpool_limits(1, "blas"):
        bare = AlternatingLeastSquares(random_state=seed)
        bare.fit(counts, show_progress=False)
    factors = np.zeros((len(examination.user_ids), bare.factors), dtype=np.float32)
    _, here, there = np.intersect1d(examination.user_ids, users, assume_unique=True, return_indices=True)
    factors[here] = bare.user_factors[there]
    return metrics.best_unheard(factors, bare.item_factors, examination.heard, K)


def summarise(
    name: str,
    settings: Mapping[str, Any],
    runs: Sequence[Mapping[str, Judgement]],
    ratios: Mapping[str, float],
) -> BenchResult:
    """One row for each judged model, means over the runs, and one for each of `ratios`: what is asked for."""
    figures: dict[str, float] = {}
    rows = []
    for model in runs[0]:
        shared = set.intersection(*(set(run[model].figures) for run in runs))
        means = {
            key: float(np.mean([run[model].figures[key] for run in runs]))
            for key in runs[0][model].figures
            if key in shared  # a slice may be empty in one of the runs
        }
        figures |= {f"{model}: {key}": value for key, value in means.items()}
        recalls = [run[model].figures[RECALL] for run in runs]
        rows.append(
            (
                model,
                f"{means[RECALL]:.4f}",
                f"{min(recalls):.4f}-{max(recalls):.4f}",
                f"{means[NDCG]:.4f}",
                *(f"{means[key]:.3f}" for key in ("mrr", "coverage", "gini", "novelty_bits", "artist_spread")),
            )
        )
    columns = ("model", RECALL, "over seeds", NDCG, "MRR", "coverage", "Gini", "novelty, bits", "artist spread")
    blank = ("",) * (len(columns) - 2)
    rows += [(key, f"{value:.4f}", *blank) for key, value in ratios.items()]
    return BenchResult(name, settings, figures, ratios, columns, tuple(rows))
