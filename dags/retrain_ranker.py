"""Retrain the ranker: learn how much each model's word counts when a mixtape is made of all of them.

Runs whenever `retrain_collaborative` or `retrain_audio_network` has published (assets `track_vectors` and
`audio_network`), so on a Sunday after each of both; trigger it by hand at any time. It needs a collaborative model and
the listening that it was trained on. Text vectors (DAG `crawl_blogs`) and the audio network take part where they are.

What it does, task by task:

- `prepare` freezes what is known at the cut-off: the listening, and two weeks of it that are held back; the tracks,
  what is said of them and what they sound like. Where plays have no times, or those weeks are empty, a seeded fifth
  of every user's songs is held back instead, twice.
- `describe` (one task for each of the two weeks, in the pool `train`) trains the models on what was known before that
  week, gathers each listener's candidates as on a Monday, and notes what each model says of each of them.
- `learn` finds the weights under which what listeners then heard first was most likely. They are learnt on the first
  week and judged on the second by nDCG@30, beside each model alone, popularity, and the ranker that serves. The
  ablation refits it without each part. If it does not beat the best single model, that model ranks alone, and the
  log, the row of `mixtape.models` and the Monday's edition say so. Then everything is refitted on both weeks, and the
  item-to-item model on all listening. The candidate is a row of `mixtape.models`, kind `ranker`, with these figures.
- `gate` lets it pass if it is sound, not worse by more than 1 % than the ranker that serves, and not seen to be worse
  than popularity. Otherwise the row stays as `rejected` with its reason, `publish` is skipped, and the old one ranks
  on.
- `publish` makes it the champion and emits `ranker`: the next Monday ranks with it.

With fewer than 20 listeners to learn from, the weights of the ranker that serves stay, or some that were learnt
elsewhere stand in; the row says so. To go back to an earlier ranker of the same space, trigger with `rollback_to` =
its `model_id`: nothing is trained. To publish a rejected one nevertheless, trigger with `force`.
"""

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import dag, get_current_context, task

from dags.common import (
    ASSET,
    DEFAULTS,
    Pool,
    Tag,
    as_params,
    open_artifacts,
    open_store,
    read_params,
    run_key,
    run_time,
)
from recommenders.evaluation.ranker_parameters import RetrainRankerParams


@dag(
    schedule=ASSET.TRACK_VECTORS | ASSET.AUDIO_NETWORK,
    doc_md=__doc__,
    tags=[Tag.MODELS],
    params=as_params(RetrainRankerParams),
    default_args=DEFAULTS,
    catchup=False,
    max_active_runs=1,
)
def retrain_ranker() -> None:
    @task.branch
    def choose_path() -> str:
        """Roll back when asked to, else retrain."""
        return "roll_back" if read_params(RetrainRankerParams).rollback_to else "prepare"

    @task
    def prepare() -> list[str]:
        """Freeze what is known at the cut-off; the names of the two weeks."""
        from recommenders.evaluation import ranker_retraining

        params = read_params(RetrainRankerParams)
        with open_store() as store:
            return ranker_retraining.prepare(
                store, open_artifacts(), params, cutoff=params.cutoff or run_time(), run_key=run_key()
            )

    @task(pool=Pool.TRAIN, map_index_template="{{ fold }}")
    def describe(fold: str) -> str:
        """Train the models on what was known before a week, and describe its listeners' candidates."""
        from recommenders.evaluation import ranker_retraining

        get_current_context()["fold"] = fold
        with open_store() as store:
            return ranker_retraining.describe(store, open_artifacts(), run_key(), fold)

    @task(pool=Pool.TRAIN)
    def learn() -> int:
        """Learn, judge, choose what ranks, refit on everything; the candidate's model_id."""
        from recommenders.evaluation import ranker_retraining

        with open_store() as store:
            return ranker_retraining.learn(store, open_artifacts(), run_key(), now=datetime.now(UTC))

    @task.short_circuit
    def gate(model_id: int) -> bool:
        """Let a sound candidate pass that is not worse than what there is; keep another as rejected."""
        from recommenders.evaluation import ranker_retraining

        with open_store() as store:
            return ranker_retraining.pass_gate(store, open_artifacts(), run_key(), model_id)

    @task(outlets=[ASSET.RANKER])
    def publish(model_id: int) -> int:
        """Make the candidate the champion."""
        from recommenders.evaluation import ranker_retraining

        with open_store() as store:
            return _announce(ranker_retraining.publish(store, model_id, now=datetime.now(UTC)))

    @task(outlets=[ASSET.RANKER])
    def roll_back() -> int:
        """Make the earlier ranker `rollback_to` the champion again."""
        from recommenders.evaluation import ranker_retraining

        model_id = read_params(RetrainRankerParams).rollback_to
        with open_store() as store:
            return _announce(
                ranker_retraining.roll_back(store, open_artifacts(), model_id, run_key=run_key(), now=datetime.now(UTC))
            )

    folds = prepare()
    choose_path() >> [folds, roll_back()]
    candidate = learn()
    describe.expand(fold=folds) >> candidate
    gate(candidate) >> publish(candidate)


def _announce(model: Any) -> int:
    """Tell with the asset event which model now serves; return its id."""
    event = get_current_context()["outlet_events"][ASSET.RANKER]
    event.extra = {"model_id": model.model_id, "kind": model.kind, "space": model.space}
    return int(model.model_id)


retrain_ranker()
