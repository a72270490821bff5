"""Retrain the audio network: learn to hear where a song lies among all others, also one that nobody has played.

Runs whenever `retrain_collaborative` has published new vectors (asset `track_vectors`); trigger it by hand at any time.
It needs a collaborative model and at least 100 songs that were analysed (DAG `analyse_uploads`) and have listeners.
With less there is nothing to learn from: `prepare` says so in its log, the run ends as skipped, and nothing changes.

What it does, task by task:

- `prepare` freezes what the network is to learn: for each analysed song with enough listeners the direction of its
  collaborative vector, and the tags that people gave it. A fifth of all artists, always the same, is held back.
- `train` (in the pool `train`) trains it from the stored excerpts in a process of its own, on the graphics card if
  there is one; the log shows each pass. It stops when artists that it does not learn from gain nothing more. Killed or
  retried, it goes on after the last whole pass. Then it ranks the songs of the held-back artists for every listener, as
  if nobody had played them: recall@30, AUC and mAP@500, beside chance, the collaborative vectors (the most that can be
  reached) and the network that serves. The candidate is a row of `mixtape.models` with these figures, kind `audio`.
- `gate` lets it pass if it is clearly better than chance, sound, and not worse, by more than 1 %, than the network that
  serves in the same space. Otherwise the row stays as `rejected` with its reason, and the old network serves on.
- `publish` makes it the champion, predicts every analysed song anew from its stored excerpts into
  `mixtape.track_vectors` (kind `audio`), and emits `audio_network`. `analyse_uploads` predicts with it from then on.

When the collaborative model has opened a new space, Monday's mixtapes do without audio until this DAG has published a
network for it.

To go back to an earlier network of the same space, trigger with `rollback_to` = its `model_id`: nothing is trained. To
publish a rejected one nevertheless, trigger with the same params and `force`. Larger services gain from more `filters`
and `dense` units (256 and 1024 for a million songs, with a graphics card).
"""

import logging
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

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
)
from recommenders.audio.network import RetrainNetworkParams
from recommenders.errors import NotEnoughDataError

log = logging.getLogger(__name__)


@dag(
    schedule=[ASSET.TRACK_VECTORS],
    doc_md=__doc__,
    tags=[Tag.MODELS],
    params=as_params(RetrainNetworkParams),
    default_args=DEFAULTS,
    catchup=False,
    max_active_runs=1,
)
def retrain_audio_network() -> None:
    @task.branch
    def choose_path() -> str:
        """Roll back when asked to, else retrain."""
        return "roll_back" if read_params(RetrainNetworkParams).rollback_to else "prepare"

    @task
    def prepare() -> int:
        """Freeze what the network is to learn; skip the rest where that is too little."""
        from recommenders.evaluation import audio_network

        params = read_params(RetrainNetworkParams)
        with open_store() as store:
            try:
                return audio_network.prepare(store, open_artifacts(), params, run_key=run_key())
            except NotEnoughDataError as error:
                log.warning("Nothing to train: %s", error)
                raise AirflowSkipException(str(error)) from error

    @task(pool=Pool.TRAIN)
    def train() -> int:
        """Train, and judge on artists that were never heard; the candidate's model_id."""
        from recommenders.evaluation import audio_network

        with open_store() as store:
            return audio_network.train(store, open_artifacts(), run_key(), now=datetime.now(UTC))

    @task.short_circuit
    def gate(model_id: int) -> bool:
        """Let a sound candidate pass that hears better than chance and no worse than what there is."""
        from recommenders.evaluation import audio_network

        with open_store() as store:
            return audio_network.pass_gate(store, open_artifacts(), run_key(), model_id)

    @task(outlets=[ASSET.AUDIO_NETWORK], pool=Pool.TRAIN)
    def publish(model_id: int) -> int:
        """Make the candidate the champion, and predict every analysed song anew."""
        from recommenders.evaluation import audio_network

        with open_store() as store:
            return _announce(
                audio_network.publish(store, open_artifacts(), model_id, run_key=run_key(), now=datetime.now(UTC))
            )

    @task(outlets=[ASSET.AUDIO_NETWORK], pool=Pool.TRAIN)
    def roll_back() -> int:
        """Make the earlier network `rollback_to` the champion again."""
        from recommenders.evaluation import audio_network

        model_id = read_params(RetrainNetworkParams).rollback_to
        with open_store() as store:
            return _announce(
                audio_network.roll_back(store, open_artifacts(), model_id, run_key=run_key(), now=datetime.now(UTC))
            )

    lessons = prepare()
    choose_path() >> [lessons, roll_back()]
    candidate = train()
    lessons >> candidate
    gate(candidate) >> publish(candidate)


def _announce(model: Any) -> int:
    """Tell with the asset event which network now serves; return its id."""
    event = get_current_context()["outlet_events"][ASSET.AUDIO_NETWORK]
    event.extra = {"model_id": model.model_id, "kind": model.kind, "space": model.space}
    return int(model.model_id)


retrain_audio_network()
