"""Retraining the ranker, step by step: each step reads and writes artifacts and can be run again.

prepare -> describe (one fold after the other, or side by side) -> learn -> pass_gate -> publish. What they share is
found by the key of the run. The ranker is a row of `models`: its weights are the row's parameters, its file is the
item-to-item model of everything up to the cut-off.
"""

import datetime as dt
import logging
from dataclasses import replace
from importlib.metadata import version

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import ValidationError

from recommenders.collaborative.items import ItemParameters, fit_items, load_items, save_items
from recommenders.collaborative.model import KIND as COLLABORATIVE
from recommenders.collaborative.model import load_model
from recommenders.errors import ArtifactError, ModelError, NotEnoughDataError
from recommenders.evaluation.audio_network import never_learnt
from recommenders.evaluation.gate import GateParameters, compare, relative_difference
from recommenders.evaluation.judging import Examination
from recommenders.evaluation.ranker_choice import NDCG, SERVING, Choice, ablate, choose
from recommenders.evaluation.ranker_parameters import RetrainRankerParams
from recommenders.evaluation.ranker_plan import FOLDER, JUDGE, LEARN, Plan
from recommenders.evaluation.ranking import Described, Known, describe_fold
from recommenders.evaluation.split import Fold, load_columns, save_columns, split
from recommenders.language.similarity import By, Space, read_spaces
from recommenders.language.terms import EntityKind
from recommenders.listening.interactions import interactions
from recommenders.mixing.cold import KIND as AUDIO
from recommenders.mixing.cold import Sound, read_sound
from recommenders.mixing.ranker import FEATURES, KIND, Ranker
from recommenders.mixing.shelf import load_shelf, read_shelf, save_shelf
from recommenders.store import Artifacts, Store, models
from recommenders.store.artifacts import column_matrix, matrix_column
from recommenders.store.database import advisory_lock
from recommenders.store.models import ModelRow
from recommenders.store.signals import Catalogue, Signals, read_catalogue, read_signals
from recommenders.timing import Stage

log = logging.getLogger(__name__)

FRESH_WEEKS = 8
GATE = GateParameters()


def prepare(
    store: Store, artifacts: Artifacts, params: RetrainRankerParams, *, cutoff: dt.datetime, run_key: str
) -> list[str]:
    """Freeze what is known at `cutoff`: listening, two folds of it, the tracks, and what the models say of them.

    Returns the names of the folds. Raises NotEnoughDataError when there is no collaborative model, or no listening
    before the cut-off.
    """
    stage = Stage("prepare")
    artifacts.remove(FOLDER)  # of earlier runs; one runs at a time
    with store.begin() as connection:
        advisory_lock(connection, "import")  # no import in the midst of what is frozen
        champion = models.champion(connection, COLLABORATIVE)
        signals = read_signals(connection, cutoff)
        if champion is None or not len(signals):
            missing = "listening" if champion else "collaborative model"
            raise NotEnoughDataError(
                f"There is no {missing} before {cutoff:%Y-%m-%d %H:%M} UTC. Import listening (DAG import_listening), "
                "then train on it (retrain_collaborative), or choose a later cut-off."
            )
        network = models.champion(connection, AUDIO)
        network = network if network and network.space == champion.space else None
        folds = split(connection, cutoff, signals, params.seed)
        shelf = read_shelf(connection, cutoff, FRESH_WEEKS)
        catalogue = read_catalogue(connection)
        text = read_spaces(connection, EntityKind.TRACK, By.TEXT)[By.TEXT]
        sound = read_sound(connection, network, cutoff) if network else None
    plan = Plan(
        run_key=run_key,
        cutoff=cutoff,
        seed=params.seed,
        force=params.force,
        temporal=folds.temporal,
        collaborative=champion.model_id,
        network=network.model_id if network else None,
    )
    assert folds.choose is not None
    for name, fold in ((LEARN, folds.choose), (JUDGE, folds.judge)):
        _drawn(fold, params.most_users, params.seed).save(artifacts, f"{plan.folder}/{name}")
    save_columns(artifacts, f"{plan.folder}/signals", signals)
    save_columns(artifacts, f"{plan.folder}/catalogue", catalogue)
    save_shelf(artifacts, f"{plan.folder}/shelf", shelf, {})
    _save_places(artifacts, f"{plan.folder}/text", text.ids, text.vectors)
    if sound is not None:
        _save_places(artifacts, f"{plan.folder}/sound", sound.track_ids, sound.vectors)
    plan.save(artifacts)
    said = f"{len(text.ids):,} tracks spoken of, {len(sound.track_ids) if sound else 0:,} heard"
    stage.done(len(signals), "signals", said)
    return [LEARN, JUDGE]


def _drawn(fold: Fold, most_users: int, seed: int) -> Fold:
    """The fold with the labels of at most so many users, drawn."""
    user_ids = np.unique(fold.labels.user_ids)
    if len(user_ids) <= most_users:
        return fold
    drawn = np.random.default_rng(seed).permutation(user_ids)[:most_users]
    return replace(fold, labels=fold.labels.take(np.isin(fold.labels.user_ids, drawn)))


def _save_places(artifacts: Artifacts, name: str, ids: npt.NDArray[np.int64], vectors: npt.NDArray[np.float32]) -> None:
    artifacts.write(name, pa.table({"track_id": ids, "vector": matrix_column(vectors)}))


def _load_places(artifacts: Artifacts, uri: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    table, _ = artifacts.read(uri)
    return table["track_id"].to_numpy(), column_matrix(table["vector"])


def describe(store: Store, artifacts: Artifacts, run_key: str, fold: str) -> str:
    """Train the models on what one fold knows, and describe its users' candidates; return the URI of what came out."""
    plan, stage = Plan.load(artifacts, run_key), Stage(f"describe {fold}")
    with store.begin() as connection:
        row = models.model(connection, plan.collaborative)
        network = models.model(connection, plan.network) if plan.network else None
    model = load_model(artifacts, row.artifact_uri, row.model_id)
    place = f"{artifacts.url}/{plan.folder}"
    shelf, _ = load_shelf(artifacts, f"{place}/shelf.parquet")
    catalogue, _ = load_columns(artifacts, f"{plan.folder}/catalogue", Catalogue)
    sound = Sound(*_load_places(artifacts, f"{place}/sound.parquet")) if plan.network else None
    unlearnt = never_learnt(catalogue, network) if network else None
    known = Known(shelf, catalogue, _text(artifacts, plan), sound, model, unlearnt)
    described = describe_fold(
        known, Fold.load(artifacts, f"{plan.folder}/{fold}"), model.parameters, ItemParameters(), plan.seed
    )
    uri = described.save(artifacts, f"{plan.folder}/described-{fold}")
    stage.done(len(described.lesson.rows), "users", f"{int((described.lesson.rows >= 0).sum()):,} candidates")
    return uri


def _text(artifacts: Artifacts, plan: Plan) -> Space:
    return Space.of(*_load_places(artifacts, f"{artifacts.url}/{plan.folder}/text.parquet"))


def learn(store: Store, artifacts: Artifacts, run_key: str, *, now: dt.datetime) -> int:
    """Learn what counts how much, judge it, choose what ranks, and fit the item-to-item model on everything; return the
    candidate's model_id.

    The same run has one candidate: a second call finds the first one's, and only makes its file anew if that is lost.
    """
    plan = Plan.load(artifacts, run_key)
    with store.begin() as connection:
        existing = models.model_of_run(connection, run_key)
        collaborative = models.model(connection, plan.collaborative)
        serving = _ranker_of(models.champion(connection, KIND))
    if existing and artifacts.exists(existing.artifact_uri):
        return existing.model_id
    stage = Stage("learn")
    learnt_from, judged_by = (
        Described.load(artifacts, f"{artifacts.url}/{plan.folder}/described-{fold}.parquet") for fold in (LEARN, JUDGE)
    )
    catalogue, _ = load_columns(artifacts, f"{plan.folder}/catalogue", Catalogue)
    examination = Examination(Fold.load(artifacts, f"{plan.folder}/{JUDGE}"), catalogue)
    choice = choose(examination, learnt_from.lesson, judged_by, serving, GATE, plan.seed)
    ablation = ablate(examination, learnt_from.lesson, judged_by.lesson, GATE, plan.seed)
    stage.done(len(examination.user_ids), "judged users", f"{choice.name} ranks")
    if choice.warning:
        log.warning(choice.warning)
    columns = {name: choice.judged[name].ndcg for name in (choice.name, *choice.rivals)}
    artifacts.write(f"{plan.folder}/judged", pa.table(columns), {"candidate": choice.name})
    stage = Stage("fit items")
    signals, _ = load_columns(artifacts, f"{plan.folder}/signals", Signals)
    parameters = load_model(artifacts, collaborative.artifact_uri, collaborative.model_id).parameters
    taste = interactions(signals, plan.cutoff, parameters)
    items = fit_items(taste, ItemParameters(), _text(artifacts, plan))
    stage.done(len(items.track_ids), "tracks")
    uri = save_items(artifacts, plan.folder.replace(f"{FOLDER}/", f"models/{KIND}/", 1), items)
    with store.begin() as connection:
        return models.add_candidate(
            connection,
            kind=KIND,
            space=collaborative.space,
            run_key=run_key,
            trained_at=now,
            cutoff=plan.cutoff,
            parameters=choice.ranker.model_dump(),
            metrics=_metrics(plan, choice, learnt_from, examination) | {"ablation": ablation},
            artifact_uri=uri,
            package_version=version("monday-mixtape"),
        )


def _ranker_of(row: ModelRow | None) -> Ranker | None:
    """The ranker of a row; None without one, and where it weighed other features than there are now."""
    try:
        return Ranker(**row.parameters) if row else None
    except ValidationError as error:
        log.warning("The serving ranker can't be compared: %s", error)
        return None


def _metrics(plan: Plan, choice: Choice, learnt_from: Described, examination: Examination) -> dict[str, object]:
    mine = choice.judged[choice.name].ndcg
    return {
        "split": "weeks" if plan.temporal else "draw",
        "candidate": choice.name,
        "best_single": choice.best_single,
        "warning": choice.warning,
        "learnt_users": learnt_from.lesson.n_teaching if choice.taught else 0,
        "judged_users": len(examination.user_ids),
        "judged": {name: judgement.figures for name, judgement in choice.judged.items()},
        "better_by": {  # in nDCG@30: low, mean, high of the paired interval
            name: list(vars(relative_difference(mine, judgement.ndcg, GATE, plan.seed)).values())
            for name, judgement in choice.judged.items()
            if name != choice.name
        },
        "weights": dict(zip(FEATURES, choice.ranker.weights, strict=True)),
        "collaborative": plan.collaborative,
        "network": plan.network,
    }


def pass_gate(store: Store, artifacts: Artifacts, run_key: str, model_id: int) -> bool:
    """Whether the candidate may be published; one that may not is kept as rejected, with the reason.

    Against the serving ranker the mean of nDCG@30 decides: two of them learnt in two weeks differ by more than the
    tolerance, and if the proof were the candidate's, one lucky week would rank for ever.

    Raises ArtifactError when the candidate's file is lost: that says nothing about the model.
    """
    stage, plan = Stage("gate"), Plan.load(artifacts, run_key)
    with store.begin() as connection:
        row = models.model(connection, model_id)
        serving = models.champion(connection, KIND)
        collaborative = models.champion(connection, COLLABORATIVE)
    if row.status != "candidate":
        return row.status == "champion"
    problems = _problems(artifacts, row, serving, collaborative)
    table, facts = artifacts.read(f"{artifacts.url}/{plan.folder}/judged.parquet")
    judged = {name: table[name].to_numpy() for name in table.column_names}
    verdict = compare(facts["candidate"], judged, GATE, plan.seed, NDCG, by_mean=[SERVING])
    warning = row.metrics["warning"]
    reason = "; ".join([*problems, *([warning.removesuffix(".")] if warning else []), verdict.reason])
    passed = verdict.passed and not problems
    stage.done(table.num_rows, "judged users", f"{'passed' if passed else 'not passed'}: {reason}")
    with store.begin() as connection:
        if passed or plan.force:
            models.note(connection, model_id, reason if passed else f"forced, although: {reason}")
        else:
            models.reject(connection, model_id, reason)
    return passed or plan.force


def _problems(
    artifacts: Artifacts, row: ModelRow, serving: ModelRow | None, collaborative: ModelRow | None
) -> list[str]:
    """What speaks against the candidate itself."""
    problems = []
    if serving and serving.cutoff > row.cutoff:
        problems.append(f"its data end at {row.cutoff:%Y-%m-%d %H:%M} UTC, before the serving ranker's")
    if collaborative is None or collaborative.space != row.space:
        problems.append("the collaborative champion lies in another space by now")
    ranker = Ranker(**row.parameters)
    if not np.isfinite([*ranker.weights, ranker.intercept]).all():
        problems.append("its weights are not finite")
    elif not any(ranker.weights):
        problems.append("all its weights are 0: it ranks nothing")
    try:
        load_items(artifacts, row.artifact_uri, row.model_id)
    except ArtifactError:
        raise
    except ModelError as error:
        problems.append(str(error))
    return problems


def publish(store: Store, model_id: int, *, now: dt.datetime) -> ModelRow:
    """Make the candidate the champion."""
    stage = Stage("publish")
    nothing = np.empty(0, dtype=np.int64), np.empty((0, 1), dtype=np.float32)
    with store.begin() as connection:
        models.promote(connection, model_id, now=now, track_ids=nothing[0], vectors=nothing[1])
        row = models.model(connection, model_id)
    stage.done(len(FEATURES), "weights")
    return row


def roll_back(store: Store, artifacts: Artifacts, model_id: int, *, run_key: str, now: dt.datetime) -> ModelRow:
    """Make an earlier ranker the champion again, as a new row, so that the history of champions stays true.

    Raises ModelError when there is no such ranker, its file is gone, or it was made for another space.
    """
    with store.begin() as connection:
        earlier, champion = models.model(connection, model_id), models.champion(connection, COLLABORATIVE)
    if earlier.kind != KIND or champion is None or champion.space != earlier.space:
        raise ModelError(
            f"Model {model_id} is no ranker of the space that the collaborative champion serves in: "
            "train one (retrain_ranker), or roll back the collaborative model first."
        )
    if not artifacts.exists(earlier.artifact_uri):
        raise ArtifactError(f"The file of model {model_id}, {earlier.artifact_uri}, is gone. Train a new one.")
    with store.begin() as connection:
        copy = models.copy_as_candidate(connection, model_id, run_key, f"rolled back to model {model_id}")
    return publish(store, copy, now=now)


def retrain(
    store: Store,
    artifacts: Artifacts,
    params: RetrainRankerParams,
    *,
    cutoff: dt.datetime,
    run_key: str,
    now: dt.datetime,
) -> ModelRow:
    """All steps in this process, one after the other; the model that came out: champion or rejected."""
    for fold in prepare(store, artifacts, params, cutoff=cutoff, run_key=run_key):
        describe(store, artifacts, run_key, fold)
    model_id = learn(store, artifacts, run_key, now=now)
    if pass_gate(store, artifacts, run_key, model_id):
        return publish(store, model_id, now=now)
    with store.begin() as connection:
        return models.model(connection, model_id)
