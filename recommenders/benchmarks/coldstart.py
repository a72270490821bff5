"""The cold-start benchmark: does a song that nobody has played find its listeners by its sound alone?

The demo service sings and is imported by the real importer; both models are trained by their real steps. A fifth of the
artists is hidden from the network and from the users' factors; their songs are then ranked for every user. Then comes a
Monday: whom do the newest uploads of artists that the network never heard reach? Last, another network is judged by a
fifth of the songs, by artists of whom it may know others.
"""

import datetime as dt
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recommenders.audio.network import RetrainNetworkParams
from recommenders.benchmarks.demo_service import bring_in, hear
from recommenders.benchmarks.reach import Songs, reach
from recommenders.benchmarks.world import NewStore
from recommenders.collaborative.model import CollaborativeModel, load_model
from recommenders.collaborative.sweep import RetrainParams
from recommenders.demo.sound import held_back
from recommenders.demo.taste import Taste
from recommenders.demo.world import World, generate_world
from recommenders.evaluation import audio_network, retraining
from recommenders.evaluation.audio_network import BOUND, NETWORK, RANDOM, RECALL, Plan
from recommenders.evaluation.bench import BenchResult
from recommenders.evaluation.cold import DEEP, ColdExamination, auc
from recommenders.evaluation.quality import run_monday
from recommenders.listening.interactions import interactions
from recommenders.mixing.candidates import Source
from recommenders.mixing.cold import Cold
from recommenders.playlists.parameters import MixtapeRules
from recommenders.store import Artifacts, Store, mixtapes, models
from recommenders.store.models import ModelRow
from recommenders.store.outside_ids import find_ids
from recommenders.store.places import places_of
from recommenders.store.signals import read_signals

MONDAY = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
MORNING = dt.timedelta(hours=5)
DIRECTIONS = "directions of these"
OTHERS, NETWORK_ON_HALF = "what half the listeners tell the other half", "the network, on that half"
GENRE = "genre alone"
LIKED = 0.5  # a planted liking from which on a song is one that a user likes
HEARD_WITHIN, LIKED_WITHIN = "auc within genre, of plays", "auc within genre, of planted likings"
FIGURES = (RECALL, "auc", f"map@{DEEP}", HEARD_WITHIN, LIKED_WITHIN)
_WEEKS_LOOKED_AT = (9, 12, 15)

Figures = Mapping[str, float]


@dataclass(frozen=True)
class Singing:
    """A demo service that was imported, heard and learnt: where the next measurement begins.

    `track_ids` and `user_ids` are the store's ids of the world's tracks and users, in the world's order; `network` is
    the champion (or, where the gate rejected it, candidate) of the run `run_key`.
    """

    world: World
    store: Store
    artifacts: Artifacts
    track_ids: npt.NDArray[np.int64]
    user_ids: npt.NDArray[np.int64]
    network: ModelRow
    run_key: str


def run(
    seeds: Sequence[int],
    *,
    new_store: NewStore,
    folder: Path,
    users: int = 600,
    tracks: int = 3000,
    params: RetrainNetworkParams | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> BenchResult:
    """Measure cold start on the demo service of each seed; files go into `folder`."""
    params = params or RetrainNetworkParams()
    runs, reached = [], []
    for seed in seeds:
        place = folder / f"coldstart-{seed}"
        with new_store(f"coldstart_{seed}") as store:
            world = generate_world(seed, MONDAY, users=users, tracks=tracks)
            singing = sing(world, store, place, params.model_copy(update={"seed": seed}), progress)
            progress(f"seed {seed}: judging")
            judged = _of_unheard("artists", judge(singing))
            progress(f"seed {seed}: a Monday")
            reached.append(reach_of_uploads(singing))
            progress(f"seed {seed}: training a network that is judged by songs")
            by_songs = params.model_copy(update={"seed": seed, "judge_by": "songs"})
            runs.append(judged | _of_unheard("songs", judge(retrained(singing, by_songs))))
        shutil.rmtree(place, ignore_errors=True)
    settings = {"seeds": list(seeds), "users": users, "tracks": tracks, "network": params.network.model_dump()}
    return _summarise(settings, runs, reached)


def sing(
    world: World,
    store: Store,
    place: Path,
    params: RetrainNetworkParams,
    progress: Callable[[str], None] = lambda step: None,
) -> Singing:
    """Import the service, train the collaborative model, hear every track, train and publish the network."""
    artifacts, run_key = Artifacts((place / "artifacts").as_uri()), f"coldstart/{world.seed}"
    progress(f"seed {world.seed}: importing the service and training the collaborative model")
    bring_in(store, place, world)
    retraining.retrain(
        store, artifacts, RetrainParams(seed=world.seed), cutoff=world.now, run_key="coldstart", now=world.now
    )
    progress(f"seed {world.seed}: rendering and hearing {len(world.track_ids):,} tracks")
    track_ids = hear(store, artifacts, world)
    with store.begin() as connection:
        user_ids = find_ids(connection, "user", pa.array(world.user_ids))
    progress(f"seed {world.seed}: training the network")
    network = audio_network.retrain(store, artifacts, params, run_key=run_key, now=world.now)
    return Singing(world, store, artifacts, track_ids, user_ids, network, run_key)


def retrained(singing: Singing, params: RetrainNetworkParams) -> Singing:
    """The same service with another network."""
    run_key = f"{singing.run_key}/{params.judge_by}"
    row = audio_network.retrain(singing.store, singing.artifacts, params, run_key=run_key, now=singing.world.now)
    return replace(singing, network=row, run_key=run_key)


def _of_unheard(kind: str, judged: dict[str, Figures]) -> dict[str, Figures]:
    return {f"unheard {kind}: {name}": figures for name, figures in judged.items()}


def judge(singing: Singing) -> dict[str, Figures]:
    """The figures of the network, of the collaborative vectors, of the genre alone and of chance on hidden artists."""
    artifacts, plan = singing.artifacts, Plan.load(singing.artifacts, singing.run_key)
    with singing.store.begin() as connection:
        row = models.model(connection, plan.model_id)
        signals = read_signals(connection, row.cutoff)
    model = load_model(artifacts, row.artifact_uri, row.model_id)
    taste = interactions(signals, row.cutoff, model.parameters)
    examination = ColdExamination.of(model, taste, plan.judged, plan.hidden, plan.seed)
    order = np.argsort(singing.track_ids)
    genres = singing.world.tracks.genre[order][places_of(singing.track_ids[order], model.track_ids)]
    places = places_of(model.track_ids, plan.judged)
    network = audio_network.predict(artifacts, singing.network.artifact_uri, plan.judged, f"{plan.folder}/again")
    vectors = {
        BOUND: model.track_factors[places],
        DIRECTIONS: _directions(model)[places],
        NETWORK: network.directions,
        GENRE: _genre_means(model, genres, np.isin(model.track_ids, plan.hidden))[places],
        RANDOM: np.random.default_rng(plan.seed).normal(size=network.directions.shape).astype(np.float32),
    }
    half, learnt = examination.from_half(model, taste, plan.seed)
    on_half = {OTHERS: learnt, NETWORK_ON_HALF: network.directions}
    return {
        **_figures(singing, examination, vectors, genres[places]),
        **_figures(singing, half, on_half, genres[places]),
    }


def _figures(
    singing: Singing,
    examination: ColdExamination,
    vectors: dict[str, npt.NDArray[np.float32]],
    genres: npt.NDArray[np.int64],
) -> dict[str, Figures]:
    """The figures of each set of vectors (n_tracks, n_factors); `genres` (n_tracks,) are those of the judged tracks."""
    liked = _planted_likings(singing, examination)
    judged = audio_network.judge(examination, vectors, genres)
    return {
        name: {
            **{figure: judged[name].figures[figure] for figure in (RECALL, "auc", f"map@{DEEP}")},
            HEARD_WITHIN: judged[name].figures["auc_within_groups"],
            LIKED_WITHIN: float(np.nanmean(auc(examination.users @ vectors[name].T, liked, genres))),
        }
        for name in vectors
    }


def _genre_means(
    model: CollaborativeModel, genres: npt.NDArray[np.int64], hidden: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """For each track the mean direction of the tracks of its genre that are not hidden: what a label would tell."""
    directions = _directions(model)
    means = np.zeros(directions.shape, dtype=np.float32)
    for genre in np.unique(genres):
        means[genres == genre] = directions[(genres == genre) & ~hidden].mean(axis=0)
    return means


def _directions(model: CollaborativeModel) -> npt.NDArray[np.float32]:
    """The model's vectors at length 1: what a network of directions could reach at most."""
    lengths = np.linalg.norm(model.track_factors, axis=1, keepdims=True)
    directions: npt.NDArray[np.float32] = model.track_factors / lengths.clip(1e-9)
    return directions


def _planted_likings(singing: Singing, examination: ColdExamination) -> npt.NDArray[np.bool_]:
    """Which of the judged songs each judged user truly likes, heard or not, (n_users, n_tracks)."""
    users, tracks = np.argsort(singing.user_ids), np.argsort(singing.track_ids)
    rows = users[places_of(singing.user_ids[users], examination.user_ids)]
    columns = tracks[places_of(singing.track_ids[tracks], examination.track_ids)]
    world, likings = singing.world, []
    taste = Taste(world.people, world.tracks, rows)
    for week in _WEEKS_LOOKED_AT:
        likings.append(taste.liking(min(week, world.weeks - 1))[:, columns])
    liked: npt.NDArray[np.bool_] = np.mean(likings, axis=0) >= LIKED
    return liked


def reach_of_uploads(singing: Singing) -> Figures:
    """Make the mixtapes of the Monday; count whom the newest uploads of artists that the network never heard reach."""
    world, store, artifacts, rules = singing.world, singing.store, singing.artifacts, MixtapeRules()
    cutoff = world.now + MORNING
    edition_id = run_monday(store, artifacts, cutoff=cutoff, run_key=singing.run_key)
    with store.begin() as connection:
        lists = mixtapes.lists_of(connection, edition_id)
    users, tracks = np.argsort(singing.user_ids), np.argsort(singing.track_ids)
    songs = Songs(
        users=users[places_of(singing.user_ids[users], lists["user_id"])],
        tracks=tracks[places_of(singing.track_ids[tracks], lists["track_id"])],
        scores=lists["score"],
        by_sound=lists["source"] == Source.AUDIO,
    )
    cold = Cold.load(artifacts, f"{artifacts.url}/editions/{edition_id}/cold.parquet")
    hidden = np.isin(singing.track_ids, Plan.load(artifacts, singing.run_key).hidden)
    uploads = held_back(world)
    unknown = np.isin(world.tracks.artist[uploads], world.tracks.artist[hidden])
    fresh = world.tracks.uploaded_at >= (cutoff - dt.timedelta(weeks=rules.fresh_weeks)).timestamp()
    is_cold = np.isin(singing.track_ids, cold.track_ids)
    return reach(world, songs, uploads[unknown], fresh, is_cold, rules.min_fresh)


def _summarise(
    settings: dict[str, object], runs: Sequence[Mapping[str, Figures]], reached: Sequence[Figures]
) -> BenchResult:
    """A row for each set of vectors, means over the seeds, and what is asked for."""
    means = {name: {key: float(np.mean([run[name][key] for run in runs])) for key in FIGURES} for name in runs[0]}
    figures = {f"{name}: {key}": value for name, of in means.items() for key, value in of.items()}
    uploads = {name: float(np.mean([of[name] for of in reached])) for name in reached[0]}
    figures |= {f"Monday: {name}": value for name, value in uploads.items()}
    ratios = {
        f"{RECALL} of unheard {kind}: {NETWORK} / {bound}": float(
            np.mean([run[f"unheard {kind}: {ours}"][RECALL] / run[f"unheard {kind}: {bound}"][RECALL] for run in runs])
        )
        for kind in ("artists", "songs")
        for ours, bound in ((NETWORK, BOUND), (NETWORK_ON_HALF, OTHERS))
    } | {
        "an upload's rate among its kind / among others": uploads.pop("times as often"),
        "cold songs in other places / their share": uploads["cold in other places"] / uploads["share of cold"],
    }
    rows = [(name, *(f"{of[key]:.3f}" for key in FIGURES)) for name, of in means.items()]
    blank = ("",) * (len(FIGURES) - 1)
    rows += [(key, f"{value:.3f}", *blank) for key, value in (uploads | ratios).items()]
    return BenchResult("coldstart", settings, figures, ratios, ("vectors", *FIGURES), tuple(rows))
