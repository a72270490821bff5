"""Retraining the collaborative model, step by step: each step reads and writes artifacts and can be run again.

prepare -> try_configuration (one after the other, or side by side) -> train -> pass_gate -> publish. What they share
is found by the key of the run.
"""

import datetime as dt
import logging
import re
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recommenders.collaborative.model import KIND, AlsParameters, CollaborativeModel, load_model, save_model
from recommenders.collaborative.sweep import RetrainParams, configuration_name
from recommenders.collaborative.training import train as train_model
from recommenders.errors import ArtifactError, ModelError, NotEnoughDataError
from recommenders.evaluation.gate import GateParameters, compare, relative_difference, sanity_problems
from recommenders.evaluation.judging import POPULARITY, Examination, Judgement
from recommenders.evaluation.split import Fold, load_columns, save_columns, split
from recommenders.listening.interactions import interactions
from recommenders.store import Artifacts, Store, models
from recommenders.store.database import advisory_lock
from recommenders.store.models import ModelRow
from recommenders.store.signals import Catalogue, Signals, read_catalogue, read_signals
from recommenders.timing import Stage

log = logging.getLogger(__name__)

RIVAL_WEEKS = 12

GATE = GateParameters()


@dataclass(frozen=True)
class Plan:
    """What one retraining set out to do; kept as an artifact beside its folds, and found by the run's key."""

    run_key: str
    cutoff: dt.datetime
    seed: int
    force: bool
    temporal: bool
    configurations: list[AlsParameters]  # the sweep's, then those of rivals that it lacks
    rivals: list[int]  # configurations of the champion (first) and of every champion of the last 12 weeks

    @property
    def folder(self) -> str:
        """The folder of the run's artifacts."""
        return _folder(self.run_key)

    def save(self, artifacts: Artifacts) -> None:
        """Store the plan."""
        rows = [configuration.model_dump_json() for configuration in self.configurations]
        facts = {name: value for name, value in vars(self).items() if name != "configurations"}
        facts["cutoff"] = self.cutoff.isoformat()
        artifacts.write(f"{self.folder}/plan", pa.table({"configuration": rows}), facts)

    @staticmethod
    def load(artifacts: Artifacts, run_key: str) -> "Plan":
        """The plan of the run `run_key`."""
        table, facts = artifacts.read(f"{artifacts.url}/{_folder(run_key)}/plan.parquet")
        configurations = [AlsParameters.model_validate_json(row) for row in table["configuration"].to_pylist()]
        cutoff = dt.datetime.fromisoformat(facts.pop("cutoff"))
        return Plan(cutoff=cutoff, configurations=configurations, **facts)


def _folder(run_key: str) -> str:
    return "retraining/" + re.sub(r"[^A-Za-z0-9.-]+", "_", run_key)


def prepare(
    store: Store, artifacts: Artifacts, params: RetrainParams, *, cutoff: dt.datetime, run_key: str
) -> list[int]:
    """Freeze what is known at `cutoff`, and plan the run; return the places of the plan's configurations.

    Raises NotEnoughDataError when there is no listening before the cut-off.
    """
    stage = Stage("prepare")
    artifacts.remove("retraining")  # of earlier runs; one runs at a time
    with store.begin() as connection:
        advisory_lock(connection, "import")  # no import in the midst of what is frozen
        signals = read_signals(connection, cutoff)
        if not len(signals):
            raise NotEnoughDataError(
                f"There is no listening before {cutoff:%Y-%m-%d %H:%M} UTC. Import some (DAG import_listening, or "
                "`mixtape import listening PATH`), or choose a later cut-off."
            )
        recent = models.promoted_since(connection, KIND, cutoff - dt.timedelta(weeks=RIVAL_WEEKS))
        sweep = params.configurations(dated=bool((~np.isnat(signals.times)).any()))
        rivals = list(dict.fromkeys(AlsParameters(**row.parameters) for row in _champion_first(recent)))
        configurations = list(dict.fromkeys(sweep + rivals))
        folds = split(connection, cutoff, signals, params.seed, choosing=len(configurations) > 1)
        catalogue = read_catalogue(connection)
    plan = Plan(
        run_key=run_key,
        cutoff=cutoff,
        seed=params.seed,
        force=params.force,
        temporal=folds.temporal,
        configurations=configurations,
        rivals=[configurations.index(rival) for rival in rivals],
    )
    if folds.choose:
        folds.choose.save(artifacts, f"{plan.folder}/choose")
    folds.judge.save(artifacts, f"{plan.folder}/judge")
    save_columns(artifacts, f"{plan.folder}/signals", signals)
    save_columns(artifacts, f"{plan.folder}/catalogue", catalogue)
    plan.save(artifacts)
    stage.done(len(signals), "signals", f"{len(configurations)} configurations to try")
    return list(range(len(configurations)))


def _champion_first(rows: list[ModelRow]) -> list[ModelRow]:
    return sorted(rows, key=lambda row: row.status != "champion")


def describe(artifacts: Artifacts, run_key: str, index: int) -> str:
    """The name of one configuration of the plan."""
    return configuration_name(Plan.load(artifacts, run_key).configurations[index])


def try_configuration(artifacts: Artifacts, run_key: str, index: int) -> str:
    """Train one configuration on the choosing fold and judge it; return the URI of what came out.

    Where it is the only one, there is nothing to choose, and nothing is tried.
    """
    plan = Plan.load(artifacts, run_key)
    recall, figures = np.empty(0), {}
    if len(plan.configurations) > 1:
        examination = _examination(artifacts, plan, "choose")
        stage = Stage(f"try {configuration_name(plan.configurations[index])}")
        judgement, _ = _try(examination, plan.configurations[index], plan.seed)
        stage.done(len(judgement.user_ids), "judged users")
        recall, figures = judgement.recall, judgement.figures
    return artifacts.write(
        f"{plan.folder}/tried/{index}", pa.table({"recall": recall}), {"index": index, "figures": figures}
    )


def train(store: Store, artifacts: Artifacts, run_key: str, tried: list[str], *, now: dt.datetime) -> int:
    """Choose a configuration, judge it beside its rivals, refit it on everything; return the candidate's model_id.

    The same run has one candidate: a second call finds the first one's, and only makes its file anew if that is lost.
    """
    plan = Plan.load(artifacts, run_key)
    with store.begin() as connection:
        existing = models.model_of_run(connection, plan.run_key)
        champion = models.champion(connection, KIND)
        new_space = models.next_space(connection, KIND)
    if existing and _readable(artifacts, existing):
        return existing.model_id
    sweep = {index: (recall, figures) for index, recall, figures in (_read_tried(artifacts, uri) for uri in tried)}
    chosen = _choose(plan, {index: recall for index, (recall, _) in sweep.items()})
    judged, start = _judge(artifacts, plan, chosen)
    stage = Stage("refit")
    signals, _ = load_columns(artifacts, f"{plan.folder}/signals", Signals)
    parameters = plan.configurations[chosen]
    training = train_model(
        interactions(signals, plan.cutoff, parameters),
        parameters,
        plan.seed,
        champion=_readable(artifacts, champion),
        start=start,
        new_space=new_space,
    )
    stage.done(len(signals), "signals", f"{len(training.model.track_ids):,} track vectors")
    name = configuration_name(parameters)
    metrics = {
        "split": "weeks" if plan.temporal else "draw",
        "candidate": name,
        "judged_users": len(judged[name].user_ids),
        "judged": {each: judgement.figures for each, judgement in judged.items()},
        "sweep": {
            configuration_name(plan.configurations[index]): figures for index, (_, figures) in sweep.items() if figures
        },
        "tracks": len(training.model.track_ids),
        "median_cosine_to_champion": training.median_cosine,
    }
    columns = {each: judgement.recall for each, judgement in judged.items()}
    artifacts.write(f"{plan.folder}/judged", pa.table(columns), {"candidate": name})
    uri = save_model(artifacts, plan.folder.replace("retraining/", f"models/{KIND}/", 1), training.model)
    with store.begin() as connection:
        return models.add_candidate(
            connection,
            kind=KIND,
            space=training.model.space,
            run_key=plan.run_key,
            trained_at=now,
            cutoff=plan.cutoff,
            parameters=parameters.model_dump(),
            metrics=metrics,
            artifact_uri=uri,
            package_version=version("monday-mixtape"),
        )


def _readable(artifacts: Artifacts, row: ModelRow | None) -> CollaborativeModel | None:
    """The model of a row; None without a row, and where its file is lost: then there is nothing to go on from."""
    try:
        return load_model(artifacts, row.artifact_uri) if row else None
    except ArtifactError as error:
        log.warning("Going on without a model: %s", error)
        return None


def _choose(plan: Plan, recalls: dict[int, npt.NDArray[np.float64]]) -> int:
    """The configuration with the highest recall@30 on the choosing fold.

    The champion's stays unless another is seen to be better (the whole paired interval is above 0): else noise would
    change the configuration, and the space with it, every week. Too few judged users: the champion's, or the first.
    """
    incumbent = plan.rivals[0] if plan.rivals else 0
    best = max(recalls, key=lambda index: (recalls[index].mean() if len(recalls[index]) else 0.0, -index))
    if len(recalls[best]) < GATE.least_judged_users:
        return incumbent
    if plan.rivals and relative_difference(recalls[best], recalls[incumbent], GATE, plan.seed).low <= 0:
        return incumbent
    return best


def _judge(artifacts: Artifacts, plan: Plan, chosen: int) -> tuple[dict[str, Judgement], CollaborativeModel | None]:
    """The chosen configuration, the rivals' and popularity, on the judging fold, by name; and the chosen one's model,
    if there was anything to learn from."""
    examination = _examination(artifacts, plan, "judge")
    judged, trained = {}, {}
    for index in dict.fromkeys([chosen, *plan.rivals]):
        name = configuration_name(plan.configurations[index])
        stage = Stage(f"judge {name}")
        judged[name], trained[index] = _try(examination, plan.configurations[index], plan.seed)
        stage.done(len(judged[name].user_ids), "judged users")
    return judged | {POPULARITY: examination.judge_popularity()}, trained[chosen]


def _examination(artifacts: Artifacts, plan: Plan, fold: str) -> Examination:
    catalogue, _ = load_columns(artifacts, f"{plan.folder}/catalogue", Catalogue)
    return Examination(Fold.load(artifacts, f"{plan.folder}/{fold}"), catalogue)


def _try(examination: Examination, parameters: AlsParameters, seed: int) -> tuple[Judgement, CollaborativeModel | None]:
    """Train afresh on the examination's fold, where there is anything to train on, and be judged."""
    taste = examination.taste(parameters)
    if not (taste.strengths.data > 0).any():
        return examination.judge_popularity(), None
    model = train_model(taste, parameters, seed).model
    return examination.judge(model), model


def _read_tried(artifacts: Artifacts, uri: str) -> tuple[int, npt.NDArray[np.float64], dict[str, float]]:
    table, facts = artifacts.read(uri)
    return facts["index"], table["recall"].to_numpy(), facts["figures"]


def pass_gate(store: Store, artifacts: Artifacts, run_key: str, model_id: int) -> bool:
    """Whether the candidate may be published; one that may not is kept as rejected, with the reason.

    Raises ArtifactError when the candidate's file is lost: that says nothing about the model.
    """
    stage, plan = Stage("gate"), Plan.load(artifacts, run_key)
    with store.begin() as connection:
        row = models.model(connection, model_id)
        champion = models.champion(connection, KIND)
    if row.status != "candidate":
        return row.status == "champion"
    problems = _problems(artifacts, plan, row, champion)
    table, facts = artifacts.read(f"{artifacts.url}/{plan.folder}/judged.parquet")
    recalls = {name: table[name].to_numpy() for name in table.column_names}
    verdict = compare(facts["candidate"], recalls, GATE, plan.seed)
    reason = "; ".join([*problems, verdict.reason])
    passed = verdict.passed and not problems
    stage.done(table.num_rows, "judged users", f"{'passed' if passed else 'not passed'}: {reason}")
    with store.begin() as connection:
        if passed or plan.force:
            models.note(connection, model_id, reason if passed else f"forced, although: {reason}")
        else:
            models.reject(connection, model_id, reason)
    return passed or plan.force


def _problems(artifacts: Artifacts, plan: Plan, row: ModelRow, champion: ModelRow | None) -> list[str]:
    """What speaks against the refitted model itself."""
    problems = []
    if champion and champion.cutoff > row.cutoff:
        problems.append(f"its data end at {row.cutoff:%Y-%m-%d %H:%M} UTC, before the champion's")
    try:
        candidate = load_model(artifacts, row.artifact_uri)
    except ArtifactError:
        raise
    except ModelError as error:
        return [*problems, str(error)]
    signals, _ = load_columns(artifacts, f"{plan.folder}/signals", Signals)
    serving = _readable(artifacts, champion)
    return problems + sanity_problems(
        candidate, serving, signals=signals, cutoff=plan.cutoff, parameters=GATE, seed=plan.seed
    )


def publish(store: Store, artifacts: Artifacts, model_id: int, *, now: dt.datetime) -> ModelRow:
    """Make the candidate the champion, and put its vectors where SQL finds them."""
    stage = Stage("publish")
    with store.begin() as connection:
        row = models.model(connection, model_id)
    model = load_model(artifacts, row.artifact_uri, model_id)
    with store.begin() as connection:
        models.promote(connection, model_id, now=now, track_ids=model.track_ids, vectors=model.track_factors)
        row = models.model(connection, model_id)
    stage.done(len(model.track_ids), "track vectors")
    return row


def roll_back(store: Store, artifacts: Artifacts, model_id: int, *, run_key: str, now: dt.datetime) -> ModelRow:
    """Make an earlier model the champion again, as a new row, so that the history of champions stays true.

    Raises ModelError when there is no such model or its artifact is gone.
    """
    with store.begin() as connection:
        copy = models.copy_as_candidate(connection, model_id, run_key, f"rolled back to model {model_id}")
    return publish(store, artifacts, copy, now=now)


def retrain(
    store: Store, artifacts: Artifacts, params: RetrainParams, *, cutoff: dt.datetime, run_key: str, now: dt.datetime
) -> ModelRow:
    """All steps in this process, one after the other; the model that came out: champion or rejected."""
    configurations = prepare(store, artifacts, params, cutoff=cutoff, run_key=run_key)
    tried = [try_configuration(artifacts, run_key, index) for index in configurations]
    model_id = train(store, artifacts, run_key, tried, now=now)
    if pass_gate(store, artifacts, run_key, model_id):
        return publish(store, artifacts, model_id, now=now)
    with store.begin() as connection:
        return models.model(connection, model_id)
