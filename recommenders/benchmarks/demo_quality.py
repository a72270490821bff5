"""The quality of everything on the demo service: listening, blogs and sound, all models trained, a Monday made.

Judged by the week that follows, which is imported only after everything has been decided, beside the planted oracle.
"""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from recommenders.audio.network import RetrainNetworkParams
from recommenders.benchmarks.demo_service import bring_in, hear, read_blogs
from recommenders.collaborative.sweep import RetrainParams
from recommenders.demo.genres import CHILDRENS
from recommenders.demo.oracle import oracle_scores
from recommenders.demo.world import World, generate_world
from recommenders.evaluation import metrics
from recommenders.evaluation.judging import Examination, Judgement, K
from recommenders.evaluation.own_taste import judge_detection
from recommenders.evaluation.quality import Service, judge_service, run_service
from recommenders.evaluation.reasons import edition_reasons_hold
from recommenders.evaluation.split import Fold, first_heard
from recommenders.exchange.imports import import_path
from recommenders.store import Artifacts, Store
from recommenders.store.outside_ids import find_ids
from recommenders.store.signals import read_catalogue, read_heard, read_signals

ORACLE, RANDOM = "oracle", "random"
FELL, NAMING = "reasons: songs that fall without the named plays", "reasons: songs that name plays"
SAMPLED_REASONS = 1_000
WEEK = dt.timedelta(weeks=1)


def measure_demo(
    store: Store,
    artifacts: Artifacts,
    place: Path,
    seed: int,
    now: dt.datetime,
    *,
    params: RetrainParams | None = None,
    network: RetrainNetworkParams | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> tuple[dict[str, Judgement], dict[str, float]]:
    """Bring in the demo service of a Monday, `now`, run it, and judge it by the week that follows: the judged lists by
    name, and figures of the rest. With `network` its songs are rendered and heard as well."""
    world = generate_world(seed, now)
    bring_in(store, place, world)
    progress(f"demo, seed {seed}: reading the blogs")
    read_blogs(store, artifacts, world)
    if network:
        progress(f"demo, seed {seed}: rendering and hearing {len(world.track_ids):,} songs")
        hear(store, artifacts, world)
    progress(f"demo, seed {seed}: training, and making mixtapes")
    service = run_service(store, artifacts, cutoff=now, seed=seed, params=params, network=network)
    figures = _detection(store, world, service) | _reasons(store, artifacts, service, seed)
    examination = _following_week(store, place, world)
    with store.begin() as connection:
        user_ids = find_ids(connection, "user", pa.array(world.user_ids))
        track_ids = find_ids(connection, "track", pa.array(world.track_ids))
    drawn = np.random.default_rng(seed).random(examination.heard.shape, dtype=np.float32)
    return {
        **judge_service(store, artifacts, examination, service, seed),
        ORACLE: examination.judge_lists(_oracle_lists(world, examination, user_ids, track_ids)),
        RANDOM: examination.judge_lists(_best_unheard(drawn, examination)),
    }, figures


def _following_week(store: Store, place: Path, world: World) -> Examination:
    """What is judged by: the songs first heard in the week after the world's end."""
    with store.begin() as connection:
        known, heard = read_signals(connection, world.now), read_heard(connection, world.now).before(world.now)
    following = place / "following.parquet"
    pq.write_table(world.events(world.now + WEEK, since=world.now), following)
    import_path(store, "listening", following, now=world.now + WEEK)
    with store.begin() as connection:
        labels = first_heard(read_signals(connection, world.now + WEEK), heard, world.now, world.now + WEEK)
        return Examination(Fold(world.now, known, heard, labels), read_catalogue(connection))


def _detection(store: Store, world: World, service: Service) -> dict[str, float]:
    """How well the children on their parents' accounts were found."""
    truth = world.truth
    songs = [track for track, genre in zip(world.track_ids, truth.genre_of_track, strict=True) if genre == CHILDRENS]
    return judge_detection(
        store, service.edition_id, users=world.user_ids, shared=truth.kids_accounts, foreign_tracks=songs
    )


def _reasons(store: Store, artifacts: Artifacts, service: Service, seed: int) -> dict[str, float]:
    """Whether songs fall without the plays that their reasons name."""
    held = edition_reasons_hold(store, artifacts, service.edition_id, SAMPLED_REASONS, seed)
    return {FELL: held.fell, NAMING: held.naming}


def _oracle_lists(
    world: World, examination: Examination, user_ids: npt.NDArray[np.int64], track_ids: npt.NDArray[np.int64]
) -> metrics.Lists:
    """The oracle's best unheard songs; `user_ids` and `track_ids` are those of the world's users and tracks."""
    users, tracks = np.argsort(user_ids), np.argsort(track_ids)
    judged = users[np.searchsorted(user_ids[users], examination.user_ids)]
    return _best_unheard(oracle_scores(world, world.now)[judged][:, tracks], examination)


def _best_unheard(scores: npt.NDArray[np.float32], examination: Examination) -> metrics.Lists:
    """The 30 highest scores (n_users, n_tracks) of each judged user among what they have not heard."""
    scores[examination.heard.nonzero()] = -np.inf
    best = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    return np.where(np.isfinite(np.take_along_axis(scores, best, axis=1)), best, -1)
