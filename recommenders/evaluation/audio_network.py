"""Retraining the audio network, step by step: each step reads and writes artifacts and can be run again.

prepare -> train -> pass_gate -> publish. What they share is found by the key of the run. Training (Keras) and
predicting (essentia) are programs of their own; what is judged and published is what the serving side predicts.
"""

import datetime as dt
import logging
import re
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recommenders.audio import serving, training
from recommenders.audio.lengths import fit_length
from recommenders.audio.mels import analysed_tracks
from recommenders.audio.network import KIND, RetrainNetworkParams
from recommenders.audio.programs import run_program
from recommenders.audio.serving import Predictions
from recommenders.audio.training import Lessons
from recommenders.collaborative.model import KIND as COLLABORATIVE
from recommenders.collaborative.model import CollaborativeModel, load_model
from recommenders.errors import ArtifactError, ModelError, NotEnoughDataError
from recommenders.evaluation.cold import DEEP, ColdExamination, ColdJudgement
from recommenders.evaluation.gate import GateParameters, relative_difference
from recommenders.evaluation.judging import K
from recommenders.listening.interactions import Interactions, interactions
from recommenders.store import Artifacts, Store, models
from recommenders.store.models import ModelRow
from recommenders.store.places import places_of
from recommenders.store.recordings import common_tags
from recommenders.store.signals import Catalogue, read_catalogue, read_signals
from recommenders.timing import Stage

log = logging.getLogger(__name__)

Ids = npt.NDArray[np.int64]

FOLDER = "retraining_audio"
LEAST_TRACKS = 100
LEAST_JUDGED = 10
JUDGED_SHARE, UNSEEN_SHARE = 5, 10  # one artist in so many; of the others again
LEAST_TAGGED, MOST_TAGS = 20, 50
NETWORK, SERVING, BOUND, RANDOM = "the network", "the serving network", "collaborative vectors", "random"
RECALL = f"recall@{K}"

GATE = GateParameters()
LEAST_SPREAD = 0.1  # of the directions, as a share of that of the collaborative vectors


@dataclass(frozen=True)
class Plan:
    """What one retraining set out to do; kept as an artifact, and found by the run's key."""

    run_key: str
    model_id: int  # of the collaborative champion
    judged_by: str  # what a fifth was held back of: artists, songs, or tracks where there are too few of these
    seed: int
    force: bool
    judged: Ids  # tracks of artists that neither the network nor users' factors know anything of, ascending
    hidden: Ids  # all of these artists' tracks
    listeners: Ids  # of each of `judged`

    @property
    def folder(self) -> str:
        """The folder of the run's artifacts."""
        return _folder(self.run_key)

    def save(self, artifacts: Artifacts) -> None:
        """Store the plan."""
        facts = {name: getattr(self, name) for name in ("run_key", "model_id", "judged_by", "seed", "force")}
        artifacts.write(f"{self.folder}/plan", pa.table({"track_id": self.judged, "listeners": self.listeners}), facts)
        artifacts.write(f"{self.folder}/hidden", pa.table({"track_id": self.hidden}))

    @staticmethod
    def load(artifacts: Artifacts, run_key: str) -> "Plan":
        """The plan of the run `run_key`."""
        place = f"{artifacts.url}/{_folder(run_key)}"
        table, facts = artifacts.read(f"{place}/plan.parquet")
        hidden, _ = artifacts.read(f"{place}/hidden.parquet")
        columns = {"judged": table["track_id"], "hidden": hidden["track_id"], "listeners": table["listeners"]}
        return Plan(**facts, **{name: column.to_numpy() for name, column in columns.items()})


def _folder(run_key: str) -> str:
    return f"{FOLDER}/" + re.sub(r"[^A-Za-z0-9.-]+", "_", run_key)


def prepare(store: Store, artifacts: Artifacts, params: RetrainNetworkParams, *, run_key: str) -> int:
    """Freeze what the network is to learn, and plan the run; return how many tracks it learns from.

    Raises NotEnoughDataError when there is no collaborative champion, or too little that both was analysed and is
    played.
    """
    stage = Stage("prepare")
    artifacts.remove(FOLDER)  # of earlier runs; one runs at a time
    with store.begin() as connection:
        champion = models.champion(connection, COLLABORATIVE)
        if champion is None:
            raise NotEnoughDataError("There is no collaborative model to learn from. Trigger retrain_collaborative.")
        signals = read_signals(connection, champion.cutoff)
        catalogue = read_catalogue(connection)
        tags = common_tags(connection, LEAST_TAGGED, MOST_TAGS)
    model = load_model(artifacts, champion.artifact_uri, champion.model_id)
    listeners = count_listeners(model, interactions(signals, champion.cutoff, model.parameters))
    learnable = np.isin(model.track_ids, analysed_tracks(artifacts)[0]) & (listeners >= params.least_listeners)
    if learnable.sum() < LEAST_TRACKS:
        raise NotEnoughDataError(
            f"Only {learnable.sum()} tracks were analysed and have at least {params.least_listeners} listeners; "
            f"{LEAST_TRACKS} are needed to learn from. Upload more (DAG analyse_uploads), or wait for listeners."
        )
    judged_by: str = params.judge_by
    groups = _groups(catalogue, judged_by)[places_of(catalogue.track_ids, model.track_ids)]
    hidden = _drawn(groups) % JUDGED_SHARE == 0
    if (learnable & hidden).sum() < LEAST_JUDGED or (learnable & ~hidden).sum() < LEAST_JUDGED:
        judged_by, groups = "tracks", model.track_ids  # a service of a few artists: each song stands for itself
        hidden = _drawn(groups) % JUDGED_SHARE == 0
    judged, learnt = np.flatnonzero(learnable & hidden), np.flatnonzero(learnable & ~hidden)
    plan = Plan(
        run_key=run_key,
        model_id=champion.model_id,
        judged_by=judged_by,
        seed=params.seed,
        force=params.force,
        judged=model.track_ids[judged],
        hidden=model.track_ids[hidden],
        listeners=listeners[judged],
    )
    plan.save(artifacts)
    confidences = np.log1p(listeners[learnt]).astype(np.float32)
    Lessons(
        track_ids=model.track_ids[learnt],
        directions=_unit(model.track_factors[learnt]),
        confidences=confidences / confidences.mean(),
        unseen=(_drawn(groups[learnt]) // JUDGED_SHARE) % UNSEEN_SHARE == 0,
        tags=_tagged(model.track_ids[learnt], tags),
        tag_names=tuple(tags),
        parameters=params.network,
        seed=params.seed,
    ).save(artifacts, plan.folder)
    stage.done(len(learnt), "tracks to learn from", f"{len(judged):,} to be judged by, {len(tags)} tags")
    return len(learnt)


def count_listeners(model: CollaborativeModel, taste: Interactions) -> Ids:
    """How many users like each of the model's tracks, (n_tracks,)."""
    liked = taste.track_ids[taste.strengths.indices[taste.strengths.data > 0]]
    places = places_of(model.track_ids, liked)
    return np.bincount(places[places >= 0], minlength=len(model.track_ids))


def _groups(catalogue: Catalogue, judged_by: str) -> Ids:
    return {"artists": catalogue.artist_ids, "songs": catalogue.work_ids, "tracks": catalogue.track_ids}[judged_by]


def never_learnt(catalogue: Catalogue, network: ModelRow) -> npt.NDArray[np.bool_]:
    """The tracks (n_tracks,) that the network never learns from, whoever listens to them."""
    held_back: npt.NDArray[np.bool_] = _drawn(_groups(catalogue, network.metrics["judged_by"])) % JUDGED_SHARE == 0
    return held_back


def _drawn(ids: Ids) -> Ids:
    """A number for each artist or song, as if drawn, and always the same: whoever is judged by was never learnt from.

    Else the network that serves would be judged by songs that it knows. (The finaliser of SplitMix64, Steele, Lea &
    Flood 2014.)
    """
    number = ids.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (number >> np.uint64(33)).astype(np.int64)


def _tagged(track_ids: Ids, tags: dict[str, Ids]) -> npt.NDArray[np.float32]:
    """Which of `tags` each track has, (n_tracks, n_tags) of 0 and 1."""
    columns = [np.isin(track_ids, tagged).astype(np.float32) for tagged in tags.values()]
    return np.stack(columns, axis=1) if columns else np.zeros((len(track_ids), 0), dtype=np.float32)


def train(store: Store, artifacts: Artifacts, run_key: str, *, now: dt.datetime) -> int:
    """Train the network, judge it on artists that it never heard; return the candidate's model_id.

    Killed and started again it goes on after the last whole pass. The same run has one candidate.
    """
    plan = Plan.load(artifacts, run_key)
    with store.begin() as connection:
        existing = models.model_of_run(connection, run_key)
        row = models.model(connection, plan.model_id)
        serving_row = models.champion(connection, KIND)
        signals = read_signals(connection, row.cutoff)
    if existing and artifacts.exists(existing.artifact_uri):
        return existing.model_id
    run_program(training.__name__, artifacts.url, plan.folder)
    model = load_model(artifacts, row.artifact_uri, row.model_id)
    taste = interactions(signals, row.cutoff, model.parameters)
    examination = ColdExamination.of(model, taste, plan.judged, plan.hidden, plan.seed)
    table, learnt = artifacts.read(f"{artifacts.url}/{plan.folder}/network.parquet")
    vectors = _vectors_to_judge(artifacts, plan, model, serving_row)
    judged = judge(examination, vectors)
    directions, places = vectors[NETWORK], places_of(model.track_ids, plan.judged)
    lessons = Lessons.load(artifacts, plan.folder)
    facts = {
        **learnt,
        "space": model.space,
        "length": fit_length(directions, model.track_factors[places], plan.listeners, examination.users),
        "parameters": lessons.parameters.model_dump(),
        "seed": plan.seed,
    }
    metrics = {
        "learnt_from": len(lessons.track_ids),
        "judged_by": plan.judged_by,
        "judged_tracks": len(plan.judged),
        "judged_users": len(examination.user_ids),
        "judged": {name: judgement.figures for name, judgement in judged.items()},
        "spread": _spread(directions) / max(_spread(_unit(model.track_factors[places])), 1e-9),
        **{name: facts[name] for name in ("cosine", "epochs", "best_epoch", "length", "device")},
    }
    columns = {name: judgement.precision for name, judgement in judged.items()}
    artifacts.write(f"{plan.folder}/judged", pa.table(columns))
    uri = artifacts.write(plan.folder.replace(f"{FOLDER}/", f"models/{KIND}/", 1), table, facts)
    with store.begin() as connection:
        return models.add_candidate(
            connection,
            kind=KIND,
            space=model.space,
            run_key=run_key,
            trained_at=now,
            cutoff=row.cutoff,
            parameters={**facts["parameters"], "seed": plan.seed},
            metrics=metrics,
            artifact_uri=uri,
            package_version=version("monday-mixtape"),
        )


def judge(
    examination: ColdExamination, vectors: dict[str, npt.NDArray[np.float32]], groups: Ids | None = None
) -> dict[str, ColdJudgement]:
    """Each set of vectors (n_tracks, n_factors), judged on the same users and songs."""
    judged = {}
    for name, each in vectors.items():
        stage = Stage(f"judge {name}")
        judged[name] = examination.judge(each, groups)
        stage.done(len(examination.user_ids), "judged users")
    return judged


def _vectors_to_judge(
    artifacts: Artifacts, plan: Plan, model: CollaborativeModel, serving_row: ModelRow | None
) -> dict[str, npt.NDArray[np.float32]]:
    """Vectors of the judged tracks: the network's, the serving network's, the collaborative model's, drawn ones."""
    rng = np.random.default_rng(plan.seed)
    place = f"{artifacts.url}/{plan.folder}/network.parquet"
    vectors = {NETWORK: predict(artifacts, place, plan.judged, f"{plan.folder}/predicted").directions}
    if serving_row and serving_row.space == model.space:
        try:
            again = predict(artifacts, serving_row.artifact_uri, plan.judged, f"{plan.folder}/serving")
            vectors[SERVING] = again.directions
        except ModelError as error:
            log.warning("The serving network can't be compared: %s", error)
    vectors[BOUND] = model.track_factors[places_of(model.track_ids, plan.judged)]
    vectors[RANDOM] = rng.normal(size=vectors[BOUND].shape).astype(np.float32)
    return vectors


def predict(artifacts: Artifacts, network_uri: str, track_ids: Ids, name: str) -> Predictions:
    """What the network at `network_uri` says of tracks (ascending) by their stored excerpts; kept as `name`."""
    artifacts.write(f"{name}-wanted", pa.table({"track_id": track_ids}))
    run_program(serving.__name__, artifacts.url, network_uri, name)
    return Predictions.load(artifacts, name)


def pass_gate(store: Store, artifacts: Artifacts, run_key: str, model_id: int) -> bool:
    """Whether the candidate may be published; one that may not is kept as rejected, with the reason."""
    stage, plan = Stage("gate"), Plan.load(artifacts, run_key)
    with store.begin() as connection:
        row = models.model(connection, model_id)
        champion = models.champion(connection, COLLABORATIVE)
    if row.status != "candidate":
        return row.status == "champion"
    table, _ = artifacts.read(f"{artifacts.url}/{plan.folder}/judged.parquet")
    precisions = {name: table[name].to_numpy() for name in table.column_names}
    predicted = Predictions.load(artifacts, f"{plan.folder}/predicted")
    problems = sanity_problems(predicted.directions, float(row.metrics["spread"]))
    if champion is None or champion.space != row.space:
        problems.append("the collaborative champion lies in another space by now")
    passed, finding = compare(precisions, GATE, plan.seed)
    reason = "; ".join([*problems, finding])
    passed = passed and not problems
    stage.done(table.num_rows, "judged users", f"{'passed' if passed else 'not passed'}: {reason}")
    with store.begin() as connection:
        if passed or plan.force:
            models.note(connection, model_id, reason if passed else f"forced, although: {reason}")
        else:
            models.reject(connection, model_id, reason)
    return passed or plan.force


def compare(precisions: dict[str, npt.NDArray[np.float64]], parameters: GateParameters, seed: int) -> tuple[bool, str]:
    """Whether the network is seen to be better than chance, and no worse than the one that serves by more than 1 %.

    Against chance the whole paired interval must lie above 0. Against the serving network the mean decides: two
    trainings on the same songs differ by more than the tolerance, and if the proof were the candidate's, one lucky
    network would serve for ever.
    """
    n_users = len(precisions[NETWORK])
    if n_users < parameters.least_judged_users:
        return True, f"sound; {n_users} users are too few to judge it by"
    chance = relative_difference(precisions[NETWORK], precisions[RANDOM], parameters, seed)
    passed, findings = chance.low > 0, [f"{'against' if chance.low > 0 else 'not better than'} {RANDOM} {chance}"]
    if SERVING in precisions:
        against = relative_difference(precisions[NETWORK], precisions[SERVING], parameters, seed)
        worse = against.mean < -parameters.tolerance
        passed = passed and not worse
        findings.append(f"{'worse than' if worse else 'against'} {SERVING} {against}")
    return passed, f"map@{DEEP} of {n_users} users: " + "; ".join(findings)


def sanity_problems(directions: npt.NDArray[np.float32], spread: float) -> list[str]:
    """What is wrong with the network's directions (n_tracks, n_factors) themselves."""
    if not np.isfinite(directions).all():
        return ["it predicts numbers that are not finite"]
    problems = []
    if (np.abs(np.linalg.norm(directions, axis=1) - 1) > 1e-3).any():
        problems.append("it predicts directions that are not of length 1")
    if spread < LEAST_SPREAD:
        problems.append(f"its directions are spread by {spread:.0%} of the collaborative ones: they collapsed")
    return problems


def publish(store: Store, artifacts: Artifacts, model_id: int, *, run_key: str, now: dt.datetime) -> ModelRow:
    """Make the candidate the champion, with a vector for each analysed track.

    Tracks that are analysed while this runs were predicted by the network before it; they are predicted again.
    """
    stage = Stage("publish")
    with store.begin() as connection:
        row = models.model(connection, model_id)
    _, facts = artifacts.read(row.artifact_uri)
    length, done = np.float32(facts["length"]), np.empty(0, dtype=np.int64)
    if row.status == "candidate":
        found = predict(artifacts, row.artifact_uri, analysed_tracks(artifacts)[0], f"{_folder(run_key)}/vectors")
        with store.begin() as connection:
            models.promote(connection, model_id, now=now, track_ids=found.track_ids, vectors=found.directions * length)
        done = found.track_ids
    missing = np.setdiff1d(analysed_tracks(artifacts)[0], done)
    with store.begin() as connection:
        row = models.model(connection, model_id)
        known, _ = models.read_vectors(connection, row, now + dt.timedelta(days=1))
    missing = np.setdiff1d(missing, known)
    if len(missing):
        found = predict(artifacts, row.artifact_uri, missing, f"{_folder(run_key)}/missing")
        with store.begin() as connection:
            models.put_vectors(connection, row, found.track_ids, found.directions * length, now)
    stage.done(len(done) + len(missing), "track vectors")
    return row


def roll_back(store: Store, artifacts: Artifacts, model_id: int, *, run_key: str, now: dt.datetime) -> ModelRow:
    """Make an earlier network the champion again, as a new row, so that the history of champions stays true.

    Raises ModelError when there is no such network, its file is gone, or it was trained for another space.
    """
    with store.begin() as connection:
        earlier = models.model(connection, model_id)
        champion = models.champion(connection, COLLABORATIVE)
    if earlier.kind != KIND or champion is None or champion.space != earlier.space:
        raise ModelError(
            f"Model {model_id} is no audio network of the space that the collaborative champion serves in: "
            "train one (retrain_audio_network), or roll back the collaborative model first."
        )
    if not artifacts.exists(earlier.artifact_uri):
        raise ArtifactError(f"The file of model {model_id}, {earlier.artifact_uri}, is gone. Train a new one.")
    with store.begin() as connection:
        copy = models.copy_as_candidate(connection, model_id, run_key, f"rolled back to model {model_id}")
    return publish(store, artifacts, copy, run_key=run_key, now=now)


def retrain(
    store: Store, artifacts: Artifacts, params: RetrainNetworkParams, *, run_key: str, now: dt.datetime
) -> ModelRow:
    """All steps one after the other; the model that came out: champion or rejected."""
    prepare(store, artifacts, params, run_key=run_key)
    model_id = train(store, artifacts, run_key, now=now)
    if pass_gate(store, artifacts, run_key, model_id):
        return publish(store, artifacts, model_id, run_key=run_key, now=now)
    with store.begin() as connection:
        return models.model(connection, model_id)


def _unit(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: npt.NDArray[np.float32] = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return unit


def _spread(directions: npt.NDArray[np.float32]) -> float:
    """How differently they point: 0 where all are the same, near 1 where they cancel out."""
    return float(1 - np.square(directions.astype(np.float64).mean(axis=0)).sum())
