"""The quality benchmark's data: real listening (HetRec) and the demo service, brought in by the real importer.

`run` is what `mixtape bench quality` calls. It makes a database for each seed, and drops nothing: the caller does.
"""

import datetime as dt
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from recommenders.audio.network import RetrainNetworkParams
from recommenders.benchmarks.demo_quality import ORACLE, RANDOM, measure_demo
from recommenders.benchmarks.hetrec import bring_in, labels_of
from recommenders.collaborative.sweep import RetrainParams
from recommenders.errors import ConfigurationError
from recommenders.evaluation.bench import BenchResult
from recommenders.evaluation.judging import POPULARITY, Examination, Judgement
from recommenders.evaluation.parts import GAIN, GAIN_LOW, MIX
from recommenders.evaluation.quality import (
    BARE_IMPLICIT,
    FEW_EACH,
    MODEL,
    NDCG,
    PUBLISHED,
    RECALL,
    judge_service,
    run_service,
    summarise,
)
from recommenders.evaluation.split import Fold
from recommenders.store import Artifacts, Store
from recommenders.store.signals import read_catalogue, read_heard, read_signals

ASKED = {RECALL: 0.34, NDCG: 0.305}  # of the mix on HetRec; the best single published reference: .3256 and .2947
MONDAY = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)  # the moment that both services are asked about
NEW = f"{RECALL}_new_songs"

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
    network: RetrainNetworkParams | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> BenchResult:
    """Measure the quality of recommendations on `data` (hetrec or demo), once for each seed.

    `new_store(name)` opens an empty, migrated database; files go into `folder`; `test_data` holds HetRec. With
    `network` the demo's songs are heard, and an audio network is trained on them. Raises ConfigurationError for other
    data, DataError where HetRec is missing.
    """
    if data not in {"hetrec", "demo"}:
        raise ConfigurationError(f"The quality benchmark knows the data hetrec and demo, not {data!r}.")
    runs: list[Judgements] = []
    others: list[dict[str, float]] = []
    for seed in seeds:
        progress(f"{data}, seed {seed}")
        place = folder / f"{data}-{seed}"
        with new_store(f"quality_{data}_{seed}") as store:
            artifacts = Artifacts((place / "artifacts").as_uri())
            if data == "hetrec":
                runs.append(_hetrec(store, artifacts, place, test_data, seed, params))
            else:
                judged, found = measure_demo(
                    store, artifacts, place, seed, MONDAY, params=params, network=network, progress=progress
                )
                runs.append(judged)
                others.append(found)
        shutil.rmtree(place, ignore_errors=True)
    swept = (params or RetrainParams()).model_dump(include={"factors", "alpha", "regularisation", "half_life_days"})
    settings = {"data": data, "seeds": list(seeds), "sweep": swept}
    ratios = _ratios(data, runs) | _seed_by_seed(seeds, runs)
    ratios |= {name: float(np.mean([found[name] for found in others])) for name in (others[0] if others else ())}
    return summarise(f"quality {data}", settings, runs, ratios)


def _seed_by_seed(seeds: Sequence[int], runs: list[Judgements]) -> dict[str, float]:
    """The gain of the mix over the best single model, with the lower end of its paired interval, on each seed."""
    return {
        f"seed {seed}: {name}": run[MIX].figures[name]
        for seed, run in zip(seeds, runs, strict=True)
        for name in (GAIN, GAIN_LOW)
    }


def _ratios(data: str, runs: list[Judgements]) -> dict[str, float]:
    """What is asked for: how far the mix is above the best single model, on the least of the seeds; how much of its
    recall the published lists keep; on HetRec the bounds, on the demo the oracle."""
    figures = {name: _means(name, runs) for name in runs[0]}
    ratios = {
        f"{MIX} / the best single model, {NDCG}": 1 + figures[MIX][GAIN],
        f"{MIX} / the best single model, {NDCG}, lower end, least": 1 + min(run[MIX].figures[GAIN_LOW] for run in runs),
        f"{PUBLISHED} / {MODEL}": figures[PUBLISHED][RECALL] / figures[MODEL][RECALL],
        f"{PUBLISHED} / {MIX}": figures[PUBLISHED][RECALL] / figures[MIX][RECALL],
        f"{PUBLISHED} / {FEW_EACH}": figures[PUBLISHED][RECALL] / figures[FEW_EACH][RECALL],
    }
    if data == "hetrec":
        ratios |= {f"{MIX} / {bound:g} asked, {name}": figures[MIX][name] / bound for name, bound in ASKED.items()}
    if ORACLE in figures:
        least = figures[RANDOM][RECALL]
        span = figures[ORACLE][RECALL] - least
        ratios |= {
            f"share of the oracle: {name}": (figures[name][RECALL] - least) / span
            for name in (MODEL, MIX, PUBLISHED, BARE_IMPLICIT, POPULARITY)
        } | {f"new songs: {name} / {ORACLE}": figures[name][NEW] / figures[ORACLE][NEW] for name in (MIX, PUBLISHED)}
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
