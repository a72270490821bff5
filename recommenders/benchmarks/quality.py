"""The quality benchmark's data: real listening (HetRec) and the demo service, brought in by the real importer.

`run` is what `mixtape bench quality` calls. It makes a database for each seed, and drops nothing: the caller does.
"""

import datetime as dt
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from recommenders.collaborative.sweep import RetrainParams
from recommenders.demo.oracle import oracle_scores
from recommenders.demo.world import World, generate_world, write_world
from recommenders.errors import ConfigurationError, DataError
from recommenders.evaluation import metrics
from recommenders.evaluation.bench import BenchResult
from recommenders.evaluation.judging import POPULARITY, Examination, Judgement, K
from recommenders.evaluation.quality import (
    BARE_IMPLICIT,
    MODEL,
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
from recommenders.store.signals import Pairs, read_catalogue, read_heard, read_signals

ORACLE = "oracle"
RANDOM = "random"
HETREC = "listening/hetrec2011-lastfm-2k"
HELD_OUT = 0.2
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
                runs.append(_hetrec(store, artifacts, place, test_data / HETREC, seed, params))
            else:
                runs.append(_demo(store, artifacts, place, seed, params))
        shutil.rmtree(place, ignore_errors=True)
    swept = (params or RetrainParams()).model_dump(include={"factors", "alpha", "regularisation", "half_life_days"})
    settings = {"data": data, "seeds": list(seeds), "sweep": swept}
    return summarise(f"quality {data}", settings, runs, _ratios(runs))


def _ratios(runs: list[Judgements]) -> dict[str, float]:
    """What is asked for: how much of the model's recall the published lists keep, and of the oracle's the models."""
    recall = {name: float(np.mean([run[name].figures[RECALL] for run in runs])) for name in runs[0]}
    ratios = {f"{PUBLISHED} / {MODEL}": recall[PUBLISHED] / recall[MODEL]}
    if ORACLE in recall:
        span = recall[ORACLE] - recall[RANDOM]
        ratios |= {
            f"share of the oracle: {name}": (recall[name] - recall[RANDOM]) / span
            for name in (MODEL, PUBLISHED, BARE_IMPLICIT, POPULARITY)
        }
    return ratios


def _hetrec(
    store: Store, artifacts: Artifacts, place: Path, source: Path, seed: int, params: RetrainParams | None
) -> Judgements:
    """Judge by a seeded 20 % of the rows of user_artists.dat, drawn in the file's order; the rest is imported."""
    plays = source / "user_artists.dat"
    if not plays.exists():
        raise DataError(f"There is no {plays}: set MIXTAPE_TEST_DATA to the folder that holds {HETREC}.")
    header, *lines = plays.read_text(encoding="utf-8").splitlines(keepends=True)
    held_out = np.random.RandomState(seed).rand(len(lines)) < HELD_OUT
    place.mkdir(parents=True, exist_ok=True)
    kept = place / plays.name
    kept.write_text(header + "".join(where(lines, ~held_out)), encoding="utf-8")
    for kind, path in (("catalogue", source / "artists.dat"), ("listening", kept)):
        import_path(store, kind, path, file_format="hetrec", now=MONDAY)
    row, edition_id = run_service(store, artifacts, cutoff=MONDAY, seed=seed, params=params)
    users, tracks = zip(*(line.split("\t")[:2] for line in where(lines, held_out)), strict=True)
    with store.begin() as connection:
        labels = pairs_of(
            find_ids(connection, "user", pa.array(users)), find_ids(connection, "track", pa.array(tracks))
        )
        fold = Fold(MONDAY, read_signals(connection, MONDAY), read_heard(connection, MONDAY).before(MONDAY), labels)
        examination = Examination(fold, read_catalogue(connection))
    return judge_service(store, artifacts, examination, row, edition_id, seed)


def _demo(store: Store, artifacts: Artifacts, place: Path, seed: int, params: RetrainParams | None) -> Judgements:
    """Judge by the week after the Monday, which is imported only after everything has been decided."""
    world = generate_world(seed, MONDAY)
    write_world(world, place)
    for kind in ("catalogue", "users", "listening"):
        import_path(store, kind, place / kind, now=MONDAY)
    row, edition_id = run_service(store, artifacts, cutoff=MONDAY, seed=seed, params=params)
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
    judged = judge_service(store, artifacts, examination, row, edition_id, seed)
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


def pairs_of(users: npt.NDArray[np.int64], tracks: npt.NDArray[np.int64]) -> Pairs:
    """Pairs in order of users and tracks."""
    order = np.lexsort((tracks, users))
    return Pairs(users[order], tracks[order])


def where(lines: list[str], chosen: Iterable[bool]) -> list[str]:
    """The lines that are chosen."""
    return [line for line, taken in zip(lines, chosen, strict=True) if taken]
