"""The quality benchmark: a whole service is retrained and given mixtapes, and judged by listening that it never saw.

The real steps run in this process, one after the other: retraining with its own sweep, then a Monday with all rules on.
Beside them stand popularity and `implicit` as it comes out of the box.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from recommenders.audio.network import RetrainNetworkParams
from recommenders.collaborative.items import ItemParameters
from recommenders.collaborative.model import CollaborativeModel, load_model
from recommenders.collaborative.sweep import RetrainParams
from recommenders.evaluation import audio_network, metrics, ranker_retraining
from recommenders.evaluation.bench import BenchResult
from recommenders.evaluation.judging import POPULARITY, Examination, Judgement, K
from recommenders.evaluation.parts import judge_parts
from recommenders.evaluation.ranker_parameters import RetrainRankerParams
from recommenders.evaluation.ranker_plan import JUDGE, Plan
from recommenders.evaluation.ranking import Described, Known, describe_fold, lists_of_few_each
from recommenders.evaluation.retraining import retrain
from recommenders.language.similarity import By, read_spaces
from recommenders.language.terms import EntityKind
from recommenders.listening.search import search_weekly
from recommenders.mixing.cold import KIND as AUDIO
from recommenders.mixing.cold import read_sound
from recommenders.mixing.ranker import Ranker
from recommenders.mixing.shelf import read_shelf
from recommenders.playlists import monday
from recommenders.playlists.calendar import Moment
from recommenders.playlists.parameters import MixtapeRules, MondayParameters
from recommenders.settings import Settings
from recommenders.store import Artifacts, Store, mixtapes
from recommenders.store.models import ModelRow, champion
from recommenders.store.signals import Signal, read_catalogue

MODEL = "the model"
FEW_EACH = "the mix, two songs an artist"
PUBLISHED = "published mixtapes"
BARE_IMPLICIT = "implicit with its defaults"
RECALL, NDCG = f"recall@{K}", f"ndcg@{K}"


class Service(NamedTuple):
    """What a service came to: its models, the retraining of the ranker that was run, and its edition."""

    model: ModelRow
    ranker: ModelRow
    ranker_run: str
    edition_id: int
    cutoff: dt.datetime


def run_service(
    store: Store,
    artifacts: Artifacts,
    *,
    cutoff: dt.datetime,
    seed: int,
    params: RetrainParams | None = None,
    network: RetrainNetworkParams | None = None,
) -> Service:
    """Search for foreign listening, retrain the models and the ranker at `cutoff`, make that Monday's mixtapes.

    With `network` also the audio network, by the songs that were heard; it serves from just before the cut-off on.
    """
    params = (params or RetrainParams()).model_copy(update={"seed": seed})
    search_weekly(store, cutoff=cutoff, now=cutoff, zone=Settings().zone)
    run_key = f"quality/{seed}"
    row = retrain(store, artifacts, params, cutoff=cutoff, run_key=run_key, now=cutoff)
    if network:
        earlier = cutoff - dt.timedelta(seconds=1)  # what it says is from before the cut-off
        network = network.model_copy(update={"seed": seed})
        audio_network.retrain(store, artifacts, network, run_key=f"{run_key}/audio", now=earlier)
    ranker_run = f"{run_key}/ranker"
    ranker = ranker_retraining.retrain(
        store, artifacts, RetrainRankerParams(seed=seed), cutoff=cutoff, run_key=ranker_run, now=cutoff
    )
    edition_id = run_monday(store, artifacts, cutoff=cutoff, run_key=run_key)
    return Service(row, ranker, ranker_run, edition_id, cutoff)


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
    store: Store, artifacts: Artifacts, examination: Examination, service: Service, seed: int
) -> dict[str, Judgement]:
    """The service's models, alone, in pairs and mixed, and its mixtapes, beside popularity and bare `implicit`."""
    model = load_model(artifacts, service.model.artifact_uri)
    with store.begin() as connection:
        known = read_known(connection, model, service.cutoff)
    described = describe_fold(known, examination.fold, model.parameters, ItemParameters(), seed)
    folder = Plan.load(artifacts, service.ranker_run).folder
    learnt_from = Described.load(artifacts, f"{artifacts.url}/{folder}/described-{JUDGE}.parquet")
    ranker = Ranker(**service.ranker.parameters)
    few_each = lists_of_few_each(
        described.lesson, ranker, examination.popular, known.shelf, MixtapeRules().max_per_artist
    )
    return {
        MODEL: examination.judge(model),
        **judge_parts(examination, learnt_from.lesson, described, ranker, seed),
        FEW_EACH: examination.judge_lists(few_each),
        PUBLISHED: examination.judge_lists(published_lists(store, examination, service.edition_id)),
        BARE_IMPLICIT: examination.judge_lists(bare_implicit_lists(examination, seed)),
        POPULARITY: examination.judge_popularity(),
    }


def read_known(connection: sa.Connection, model: CollaborativeModel, cutoff: dt.datetime) -> Known:
    """What the mix knows of the tracks at `cutoff`, beside listening."""
    network = champion(connection, AUDIO)
    return Known(
        read_shelf(connection, cutoff, MixtapeRules().fresh_weeks),
        read_catalogue(connection),
        read_spaces(connection, EntityKind.TRACK, By.TEXT)[By.TEXT],
        read_sound(connection, network, cutoff) if network and network.space == model.space else None,
        model,
    )


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
