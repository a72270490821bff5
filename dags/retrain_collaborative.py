"""Retrain the collaborative model: learn from all listening which songs are liked together.

Runs every Sunday at 02:30 in the configured time zone (`MIXTAPE_TIMEZONE`), so that Monday's mixtapes rest on fresh
vectors; trigger it by hand at any time. Once a Sunday also when clocks change: at 03:30 where there is no 02:30, at the
second 02:30 where there are two. It needs listening (DAG `import_listening`) and nothing else.

What it does, task by task:

- `search_foreign` looks for listening that is not the users' own: a child's on the parent's account, a sleeper's, one
  night with guests. Each finding is a proposal to exclude it, on the page of the user's taste and at `mixtape taste`.
  Until somebody decides there, it does not count, and music of its kind is not recommended to that user.
- `prepare` freezes what is known at the cut-off: what each user likes, and two weeks that are held back. Where plays
  have no times, or those weeks are empty, a seeded fifth of every user's songs is held back instead.
- `try_configuration` (one task for each combination of the swept lists, named after it, plus the configurations that
  served in the last 12 weeks) trains without either week and is compared by recall@30 on the first of them.
- `train` takes the best one (the champion's stays unless another is clearly better), judges it on the second week
  beside the champion's configuration and plain popularity, and refits it on everything, beginning at the champion's
  vectors and rotated back onto them. The candidate is a row of `mixtape.models` with its metrics.
- `gate` lets it pass if it is sound and not worse, by more than 1 %, than the champion and the best of the last
  12 weeks. Otherwise the row stays as `rejected` with its reason, `publish` is skipped, the week goes on with the old
  champion, and no asset event fires.
- `publish` makes it the champion, stores its vectors in `mixtape.track_vectors`, and emits `track_vectors`.

To go back to an earlier model, trigger with `rollback_to` = its `model_id`: nothing is trained. To publish a rejected
configuration nevertheless, trigger with the same lists and `force`. A run that is cleared or retried finds what it has
made already; running it twice at once is not possible (one run at a time).

If it fails with "There is no listening before ...", import some first.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import dag, get_current_context, task

from dags.common import (
    ASSET,
    DEFAULTS,
    Pool,
    Tag,
    as_params,
    cron,
    open_artifacts,
    open_store,
    read_params,
    run_key,
    run_time,
)
from recommenders.collaborative.sweep import RetrainParams

SUNDAY_NIGHT = cron("30 2 * * SUN", interval=timedelta(days=7))


@dag(
    schedule=SUNDAY_NIGHT,
    doc_md=__doc__,
    tags=[Tag.MODELS],
    params=as_params(RetrainParams),
    default_args=DEFAULTS,
    catchup=False,
    max_active_runs=1,
)
def retrain_collaborative() -> None:
    @task.branch
    def choose_path() -> str:
        """Roll back when asked to, else retrain."""
        return "roll_back" if read_params(RetrainParams).rollback_to else "search_foreign"

    @task
    def search_foreign() -> int:
        """Propose to exclude what does not look like the users' own listening; the number of findings."""
        from recommenders.listening.search import search_weekly
        from recommenders.settings import Settings

        cutoff = read_params(RetrainParams).cutoff or run_time()
        with open_store() as store:
            return search_weekly(store, cutoff=cutoff, now=datetime.now(UTC), zone=Settings().zone)

    @task
    def prepare() -> list[int]:
        """Freeze what is known at the cut-off, and plan the sweep."""
        from recommenders.evaluation import retraining

        params = read_params(RetrainParams)
        with open_store() as store:
            return retraining.prepare(
                store, open_artifacts(), params, cutoff=params.cutoff or run_time(), run_key=run_key()
            )

    @task(pool=Pool.TRAIN, map_index_template="{{ configuration_name }}")
    def try_configuration(configuration: int) -> str:
        """Train one configuration and judge it on the choosing week."""
        from recommenders.evaluation import retraining

        artifacts = open_artifacts()
        get_current_context()["configuration_name"] = retraining.describe(artifacts, run_key(), configuration)
        return retraining.try_configuration(artifacts, run_key(), configuration)

    @task(pool=Pool.TRAIN)
    def train(tried: list[str]) -> int:
        """Choose, judge on the judging week, refit on everything; the candidate's model_id."""
        from recommenders.evaluation import retraining

        with open_store() as store:
            return retraining.train(store, open_artifacts(), run_key(), list(tried), now=datetime.now(UTC))

    @task.short_circuit
    def gate(model_id: int) -> bool:
        """Let a sound candidate pass that is not worse than what there is; keep another as rejected."""
        from recommenders.evaluation import retraining

        with open_store() as store:
            return retraining.pass_gate(store, open_artifacts(), run_key(), model_id)

    @task(outlets=[ASSET.TRACK_VECTORS])
    def publish(model_id: int) -> int:
        """Make the candidate the champion."""
        from recommenders.evaluation import retraining

        with open_store() as store:
            return _announce(retraining.publish(store, open_artifacts(), model_id, now=datetime.now(UTC)))

    @task(outlets=[ASSET.TRACK_VECTORS])
    def roll_back() -> int:
        """Make the earlier model `rollback_to` the champion again."""
        from recommenders.evaluation import retraining

        model_id = read_params(RetrainParams).rollback_to
        with open_store() as store:
            return _announce(
                retraining.roll_back(store, open_artifacts(), model_id, run_key=run_key(), now=datetime.now(UTC))
            )

    configurations = prepare()
    searched = search_foreign()
    choose_path() >> [searched, roll_back()]
    searched >> configurations
    candidate = train(try_configuration.expand(configuration=configurations))
    gate(candidate) >> publish(candidate)


def _announce(model: Any) -> int:
    """Tell with the asset event which model now serves; return its id."""
    event = get_current_context()["outlet_events"][ASSET.TRACK_VECTORS]
    event.extra = {"model_id": model.model_id, "kind": model.kind, "space": model.space}
    return int(model.model_id)


retrain_collaborative()
