"""The quality benchmark's data: real listening (HetRec) and the demo service, brought in by the real importer.

`run` is what `mixtape bench quality` calls. It makes a database for each seed, and drops nothing: the caller does.
"""

import datetime as dt
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from recommenders.benchmarks.hetrec import bring_in, labels_of
from recommenders.collaborative.sweep import RetrainParams
from recommenders.demo.oracle import oracle_scores
from recommenders.demo.world import World, generate_world, write_world
from recommenders.errors import ConfigurationError
from recommenders.evaluation import metrics
from recommenders.evaluation.bench import BenchResult
from recommenders.evaluation.judging import POPULARITY, Examination, Judgement, K
from recommenders.evaluation.parts import GAIN, GAIN_LOW, MIX
from recommenders.evaluation.quality import (
    BARE_IMPLICIT,
    MODEL,
    NDCG,
    PUBLISHED,
    RECALL,
    judge_service,
    run_service,
    summarise,
)
from recommenders.evaluation.split import Fold, first_heard
from recommenders.exchange.imports import import_path
from recommenders.store import Artifacts, Store
from recommenders.store.outside_ids import find_ids
from recommenders.store.signals import read_catalogue, read_heard, read_signals

ORACLE = "oracle"
RANDOM = "random"
ASKED = {RECALL: 0.34, NDCG: 0.305}  # of the mix on HetRec; the best single published reference: .3256 and .2947
MONDAY = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)  # the moment that both services are asked about
WEEK = dt.timedelta(weeks=1)

NewStore = Callable[[str], AbstractContextManager[Store]]
Judgements = dict[str, Judgement]


def run(
    data: str,
    seeds: Sequence[int],
    *,
    new_store: NewStore,
    folder: Path,
    test_data: Path,
    params: RetrainParams | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> BenchResult:
    """Measure the quality of recommendations on `data` (hetrec or demo), once for each seed.

    `new_store(name)` opens an empty, migrated database; files go into `folder`; `test_data` holds HetRec. Raises
    ConfigurationError for other data, DataError where HetRec is missing.
    """
    if data not in {"hetrec", "demo"}:
        raise ConfigurationError(f"The quality benchmark knows the data hetrec and demo, not {data!r}.")
    runs = []
    for seed in seeds:
        progress(f"{data}, seed {seed}")
        place = folder / f"{data}-{seed}"
        with new_store(f"quality_{data}_{seed}") as store:
            artifacts = Artifacts((place / "artifacts").as_uri())
            if data == "hetrec":
                runs.append(_hetrec(store, artifacts, place, test_data, seed, params))
            else:
                runs.append(_demo(store, artifacts, place, seed, params))
        shutil.rmtree(place, ignore_errors=True)
    swept = (params or RetrainParams()).model_dump(include={"factors", "alpha", "regularisation", "half_life_days"})
    settings = {"data": data, "seeds": list(seeds), "sweep": swept}
    return summarise(f"quality {data}", settings, runs, _ratios(data, runs))


def _ratios(data: str, runs: list[Judgements]) -> dict[str, float]:
    """What is asked for: how far the mix is above the best single model, on the least of the seeds; how much of its
    recall the published lists keep; on HetRec the bounds, on the demo the oracle."""
    figures = {name: _means(name, runs) for name in runs[0]}
    ratios = {
        f"{MIX} / the best single model, {NDCG}": 1 + figures[MIX][GAIN],
        f"{MIX} / the best single model, {NDCG}, lower end, least": 1 + min(run[MIX].figures[GAIN_LOW] for run in runs),
        f"{PUBLISHED} / {MODEL}": figures[PUBLISHED][RECALL] / figures[MODEL][RECALL],
        f"{PUBLISHED} / {MIX}": figures[PUBLISHED][RECALL] / figures[MIX][RECALL],
    }
    if data == "hetrec":
        ratios |= {f"{MIX} / {bound:g} asked, {name}": figures[MIX][name] / bound for name, bound in ASKED.items()}
    if ORACLE in figures:
        least = figures[RANDOM][RECALL]
        span = figures[ORACLE][RECALL] - least
        ratios |= {
            f"share of the oracle: {name}": (figures[name][RECALL] - least) / span
            for name in (MODEL, MIX, PUBLISHED, BARE_IMPLICIT, POPULARITY)
        }
    return ratios


def _means(name: str, runs: list[Judgements]) -> dict[str, float]:
    """The means over the runs of the figures that all of them have."""
    shared = set.intersection(*(set(run[name].figures) for run in runs))
    return {key: float(np.mean([run[name].figures[key] for run in runs])) for key in shared}


def _hetrec(
    store: Store, artifacts: Artifacts, place: Path, test_data: Path, seed: int, params: RetrainParams | None
) -> Judgements:
    """Judge by the seeded fifth of the listening that is held out; the rest and its tags are imported."""
    users, tracks = bring_in(store, artifacts, place, test_data, seed, MONDAY)
    service = run_service(store, artifacts, cutoff=MONDAY, seed=seed, params=params)
    with store.begin() as connection:
        labels = labels_of(connection, users, tracks)
        fold = Fold(MONDAY, read_signals(connection, MONDAY), read_heard(connection, MONDAY).before(MONDAY), labels)
        examination = Examination(fold, read_catalogue(connection))
    return judge_service(store, artifacts, examination, service, seed)


def _demo(store: Store, artifacts: Artifacts, place: Path, seed: int, params: RetrainParams | None) -> Judgements:
    """Judge by the week after the Monday, which is imported only after everything has been decided."""
    world = generate_world(seed, MONDAY)
    write_world(world, place)
    for kind in ("catalogue", "users", "listening"):
        import_path(store, kind, place / kind, now=MONDAY)
    service = run_service(store, artifacts, cutoff=MONDAY, seed=seed, params=params)
    with store.begin() as connection:
        known, heard = read_signals(connection, MONDAY), read_heard(connection, MONDAY).before(MONDAY)
    following = place / "following.parquet"
    pq.write_table(world.events(MONDAY + WEEK, since=MONDAY), following)
    import_path(store, "listening", following, now=MONDAY + WEEK)
    with store.begin() as connection:
        labels = first_heard(read_signals(connection, MONDAY + WEEK), heard, MONDAY, MONDAY + WEEK)
        examination = Examination(Fold(MONDAY, known, heard, labels), read_catalogue(connection))
        oracle = _oracle_lists(
            world,
            examination,
            find_ids(connection, "user", pa.array(world.user_ids)),
            find_ids(connection, "track", pa.array(world.track_ids)),
        )
    judged = judge_service(store, artifacts, examination, service, seed)
    drawn = np.random.default_rng(seed).random(examination.heard.shape, dtype=np.float32)
    return judged | {
        ORACLE: examination.judge_lists(oracle),
        RANDOM: examination.judge_lists(_best_unheard(drawn, examination)),
    }


def _oracle_lists(
    world: World, examination: Examination, user_ids: npt.NDArray[np.int64], track_ids: npt.NDArray[np.int64]
) -> metrics.Lists:
    """The oracle's best unheard songs; `user_ids` and `track_ids` are those of the world's users and tracks."""
    users, tracks = np.argsort(user_ids), np.argsort(track_ids)
    judged = users[np.searchsorted(user_ids[users], examination.user_ids)]
    return _best_unheard(oracle_scores(world, MONDAY)[judged][:, tracks], examination)


def _best_unheard(scores: npt.NDArray[np.float32], examination: Examination) -> metrics.Lists:
    """The 30 highest scores (n_users, n_tracks) of each judged user among what they have not heard."""
    scores[examination.heard.nonzero()] = -np.inf
    best = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    return np.where(np.isfinite(np.take_along_axis(scores, best, axis=1)), best, -1)
