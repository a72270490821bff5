"""`mixtape bench retrain`: from events in Postgres to published vectors, against one bare fit of `implicit`."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import load_npz, save_npz
from threadpoolctl import threadpool_limits

from recommenders.benchmarks import world
from recommenders.benchmarks.measuring import MIB, measured, median
from recommenders.benchmarks.world import NewStore, Size
from recommenders.collaborative.model import AlsParameters, align, confidences
from recommenders.collaborative.sweep import RetrainParams
from recommenders.evaluation.bench import BenchResult
from recommenders.evaluation.retraining import retrain
from recommenders.listening.interactions import load_interactions
from recommenders.store import Artifacts, Store

THREADS = 2
FACTORS = 64
ITERATIONS = 10
MOST_TIMES_THE_FIT = 4
MOST_MIB = 3 * 1024
ONE_CONFIGURATION = RetrainParams(factors=[FACTORS], alpha=[2.0], regularisation=[10.0])


def run(
    new_store: NewStore, folder: Path, size: Size, rounds: int, progress: Callable[[str], None] = lambda step: None
) -> BenchResult:
    """Retrain with one configuration (evaluation, refit, gate, publishing), `rounds` times, beside a bare fit each."""
    with new_store("retrain") as store:
        return _measure(store, folder, size, rounds, progress)


def _measure(store: Store, folder: Path, size: Size, rounds: int, progress: Callable[[str], None]) -> BenchResult:
    progress("writing and importing the service")
    place = world.service(folder, size)
    url = store.url.render_as_string(hide_password=False)
    world.bring_in(url, place, ("catalogue", "users", "listening"))
    world.settle(store)
    matrix = folder / "confidences.npz"
    n_pairs = _write_matrix(store, matrix)
    bare, ours, peaks = [], [], []
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}: bare fit")
        bare.append(float(measured(_fit, str(matrix)).result))
        progress(f"round {number + 1} of {rounds}: retraining")
        done = measured(_retrain, url, (folder / f"artifacts-{number}").as_uri(), f"bench/{number}")
        ours.append(done.seconds)
        peaks.append(done.peak_bytes)
    ratio = median([mine / fit for mine, fit in zip(ours, bare, strict=True)])
    settings = {**asdict(size), "pairs": n_pairs, "rounds": rounds}
    figures = {
        "bare fit: seconds": median(bare),
        "retraining: seconds": median(ours),
        "retraining: peak MiB": max(peaks) / MIB,
    }
    ratios = {"retraining / bare fit": ratio, "peak memory / allowed": max(peaks) / MIB / MOST_MIB}
    rows = (
        (f"bare fit, {ITERATIONS} iterations", f"{median(bare):.1f}", "1", "", "", ""),
        (
            "retraining",
            f"{median(ours):.1f}",
            f"{ratio:.2f}",
            f"<= {MOST_TIMES_THE_FIT}",
            f"{max(peaks) / MIB:,.0f}",
            f"<= {MOST_MIB:,}",
        ),
    )
    service = f"{size.users:,} users, {size.tracks:,} tracks, {n_pairs:,} pairs"
    columns = (service, "s", "of bare", "asked", "peak MiB", "asked")
    return BenchResult("retrain", settings, figures, ratios, columns, rows)


def _write_matrix(store: Store, path: Path) -> int:
    """The matrix that the retraining fits in the end, for the bare library; the number of its entries."""
    parameters = AlsParameters(factors=FACTORS, alpha=2.0, regularisation=10.0)
    with store.begin() as connection:
        interactions = load_interactions(connection, world.NOW, parameters)
    liked = np.flatnonzero(np.bincount(interactions.strengths.indices[interactions.strengths.data > 0]))
    matrix = confidences(align(interactions, interactions.track_ids[liked]), parameters)
    save_npz(path, matrix, compressed=False)
    return int(matrix.nnz)


def _fit(path: str) -> float:
    """Seconds of the fit alone."""
    import time

    matrix = load_npz(path)
    with threadpool_limits(1, "blas"):
        als = AlternatingLeastSquares(
            factors=FACTORS, regularization=10.0, alpha=1.0, iterations=ITERATIONS, num_threads=THREADS, random_state=0
        )
        start = time.perf_counter()
        als.fit(matrix, show_progress=False)
        return time.perf_counter() - start


def _retrain(url: str, artifacts_url: str, run_key: str) -> None:
    store = Store(url)
    try:
        row = retrain(
            store, Artifacts(artifacts_url), ONE_CONFIGURATION, cutoff=world.NOW, run_key=run_key, now=world.NOW
        )
    finally:
        store.close()
    if row.status != "champion":
        raise AssertionError(f"The benchmark's model was not published: {row.reason}.")
