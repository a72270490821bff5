"""`mixtape bench monday`: complete mixtapes of all models, written, verified and published, against `recommend` of
`implicit`."""

import datetime as dt
import math
import multiprocessing
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import load_npz, save_npz
from threadpoolctl import threadpool_limits

from recommenders.benchmarks import world
from recommenders.benchmarks.measuring import MIB, measured, median, peak_bytes
from recommenders.benchmarks.monday_models import complete
from recommenders.benchmarks.world import NewStore, Size
from recommenders.collaborative.model import KIND, AlsParameters, align, confidences, save_model
from recommenders.collaborative.training import train
from recommenders.evaluation.bench import BenchResult
from recommenders.listening.interactions import load_interactions
from recommenders.playlists import monday
from recommenders.playlists.calendar import Moment
from recommenders.playlists.parameters import MondayParameters
from recommenders.settings import Settings
from recommenders.store import Artifacts, Store, models

PROCESSES = 2  # shards side by side, as Airflow runs mapped tasks; `recommend` gets as many threads
BARE_N = 200
GROWTH = 4
WEEK = dt.date(2026, 1, 5)
PARAMETERS = AlsParameters(alpha=2.0, regularisation=10.0)
STAGES = ("plan", "score", "allocate", "finish", "verify", "publish")


def run(
    new_store: NewStore, folder: Path, size: Size, rounds: int, progress: Callable[[str], None] = lambda step: None
) -> BenchResult:
    """Make the mixtapes of a service, and of one with a quarter of the users, `rounds` times each, beside `recommend`
    for all users with the same model."""
    small = _Service(new_store, folder, replace(size, users=size.users // GROWTH, events=size.events // GROWTH))
    large = _Service(new_store, folder, size)
    with small.opened(progress), large.opened(progress):
        for number in range(rounds):
            progress(f"round {number + 1} of {rounds}: {small.users:,} users")
            small.measure(small)
            progress(f"round {number + 1} of {rounds}: {large.users:,} users")
            large.measure(small)
    return _result(small, large, {**asdict(size), "rounds": rounds})


class _Service:
    """A service with a champion model, and what was measured on it."""

    def __init__(self, new_store: NewStore, folder: Path, size: Size) -> None:
        self.new_store, self.folder, self.size, self.users = new_store, folder, size, size.users
        self.artifacts_url = (folder / f"artifacts-{self.users}").as_uri()
        self.bare_path = folder / f"bare-{self.users}"
        self.bare: list[float] = []
        self.stages: list[dict[str, float]] = []
        self.shard_peaks: list[int] = []

    @contextmanager
    def opened(self, progress: Callable[[str], None]) -> Iterator[None]:
        """Written, imported and trained, in a database that lives as long as the block."""
        progress(f"writing, importing and training {self.users:,} users")
        with self.new_store(f"monday_{self.users}") as self.store:
            self.url = self.store.url.render_as_string(hide_password=False)
            place = world.service(self.folder, self.size)
            world.bring_in(self.url, place, ("catalogue", "users", "listening"))
            measured(_train, self.url, self.artifacts_url, str(self.bare_path))
            yield

    def measure(self, small: "_Service") -> None:
        """One round: `recommend`, then a whole Monday in processes that have made the `small` service's before."""
        self.bare.append(float(measured(_recommend, str(self.bare_path)).result))
        with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
            _monday(small, pool)
            world.settle(self.store)
            self.stages.append(_monday(self, pool))
            self.shard_peaks.append(max(pool.map(_peak, range(PROCESSES * 4), chunksize=1)))
            pool.close()
            pool.join()

    @property
    def seconds(self) -> list[float]:
        """Of each round's Monday."""
        return [sum(stages.values()) for stages in self.stages]


def _result(small: _Service, large: _Service, settings: dict[str, Any]) -> BenchResult:
    ratio = median([bare / ours for bare, ours in zip(large.bare, large.seconds, strict=True)])
    growth = median(large.seconds) / large.users / (median(small.seconds) / small.users)
    peak = max(large.shard_peaks) / max(small.shard_peaks)
    figures: dict[str, float] = {}
    rows: list[tuple[str, ...]] = []
    for service in (small, large):
        name = f"{service.users:,} users"
        stages = {stage: median([each[stage] for each in service.stages]) for stage in STAGES}
        figures |= {f"{name}, {stage}: seconds": seconds for stage, seconds in stages.items()}
        figures |= {
            f"{name}: users/s": service.users / median(service.seconds),
            f"{name}, recommend: users/s": service.users / median(service.bare),
            f"{name}: peak MiB of a shard": max(service.shard_peaks) / MIB,
        }
        rows.append(
            (
                name,
                f"{service.users / median(service.bare):,.0f}",
                f"{service.users / median(service.seconds):,.0f}",
                *(f"{seconds:.1f}" for seconds in stages.values()),
                f"{max(service.shard_peaks) / MIB:,.0f}",
            )
        )
    ratios = {
        "users/s / recommend": ratio,
        f"time per user, {GROWTH} x the users": growth,
        f"peak memory of a shard, {GROWTH} x the users": peak,
    }
    asked = (">= 0.35", "< 1.15", "does not grow")
    blank = ("",) * 7
    rows += [
        (name, f"{value:.2f}", wanted, *blank) for (name, value), wanted in zip(ratios.items(), asked, strict=True)
    ]
    columns = ("", f"recommend({BARE_N}), users/s", "mixtapes, users/s", *(f"{stage}, s" for stage in STAGES), "MiB")
    settings |= {"processes": PROCESSES}
    return BenchResult("monday", settings, figures, ratios, columns, tuple(rows))


def _train(url: str, artifacts_url: str, bare_path: str) -> None:
    """Make a champion; leave the same factors and the same matrix for the bare library."""
    store, artifacts = Store(url), Artifacts(artifacts_url)
    with store.begin() as connection:
        interactions = load_interactions(connection, world.NOW, PARAMETERS)
    model = train(interactions, PARAMETERS, seed=0).model
    uri = save_model(artifacts, "models/bench", model)
    with store.begin() as connection:
        model_id = models.add_candidate(
            connection,
            kind=KIND,
            space=1,
            run_key="bench",
            trained_at=world.NOW,
            cutoff=world.NOW,
            parameters=PARAMETERS.model_dump(),
            metrics={},
            artifact_uri=uri,
            package_version="bench",
        )
        models.promote(connection, model_id, now=world.NOW, track_ids=model.track_ids, vectors=model.track_factors)
    complete(store, artifacts, model, interactions, world.NOW)
    matrix = confidences(align(interactions, model.track_ids), PARAMETERS)
    save_npz(f"{bare_path}.npz", matrix, compressed=False)
    als = _bare(model.track_factors)
    with threadpool_limits(1, "blas"):
        als.user_factors = als.recalculate_user(np.arange(matrix.shape[0]), matrix)
    np.savez(f"{bare_path}-factors.npz", users=als.user_factors, tracks=model.track_factors)
    store.close()


def _bare(track_factors: Any) -> Any:
    with threadpool_limits(1, "blas"):
        als = AlternatingLeastSquares(
            factors=PARAMETERS.factors, regularization=PARAMETERS.regularisation, alpha=1.0, num_threads=PROCESSES
        )
    als.item_factors = track_factors
    return als


def _recommend(bare_path: str) -> float:
    """Seconds of `recommend` for every user, without what they know."""
    matrix, factors = load_npz(f"{bare_path}.npz"), np.load(f"{bare_path}-factors.npz")
    als = _bare(factors["tracks"])
    als.user_factors = factors["users"]
    with threadpool_limits(1, "blas"):
        start = time.perf_counter()
        als.recommend(np.arange(matrix.shape[0]), matrix, N=BARE_N)
        return time.perf_counter() - start


def _monday(service: _Service, pool: Pool) -> dict[str, float]:
    """Seconds of each stage of one run, the shards side by side in the pool's processes."""
    store, url, artifacts_url = service.store, service.url, service.artifacts_url
    artifacts, settings = Artifacts(artifacts_url), Settings()
    marks = [time.perf_counter()]
    plan = monday.plan_week(
        store,
        artifacts,
        MondayParameters(),
        Moment(WEEK, world.NOW, past=False),
        run_key=uuid.uuid4().hex,
        now=world.NOW,
        users_per_shard=settings.users_per_shard,
        least_shards=settings.shards,
    )
    edition, shards = plan["edition"], plan["shards"]
    marks.append(time.perf_counter())
    pool.map(_score, [(url, artifacts_url, edition, shard) for shard in shards], chunksize=1)
    marks.append(time.perf_counter())
    monday.allocate_songs(store, artifacts, edition, shards)
    marks.append(time.perf_counter())
    pool.map(_finish, [(url, artifacts_url, edition, shard) for shard in shards], chunksize=1)
    marks.append(time.perf_counter())
    figures = monday.verify_edition(store, artifacts, edition)
    marks.append(time.perf_counter())
    monday.publish_edition(store, edition, world.NOW)
    marks.append(time.perf_counter())
    if figures["short"] or not math.isclose(sum(figures["songs_by_reason"].values()), 30 * figures["playlists"]):
        raise AssertionError(f"The benchmark's mixtapes are not complete: {figures}.")
    return {stage: end - start for stage, start, end in zip(STAGES, marks, marks[1:], strict=False)}


def _score(work: tuple[str, str, int, list[int]]) -> None:
    url, artifacts_url, edition, shard = work
    store = Store(url)
    monday.score_shard(store, Artifacts(artifacts_url), edition, shard)
    store.close()


def _finish(work: tuple[str, str, int, list[int]]) -> None:
    url, artifacts_url, edition, shard = work
    store = Store(url)
    monday.finish_shard(store, Artifacts(artifacts_url), edition, shard)
    store.close()


def _peak(number: int) -> int:
    time.sleep(0.05)
    return peak_bytes()
