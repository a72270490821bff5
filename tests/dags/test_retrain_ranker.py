"""The DAG retrain_ranker, run by a real Airflow on a small service of two camps."""

from collections.abc import Callable
from typing import Any

import pytest
from airflow.utils.state import DagRunState, TaskInstanceState

from recommenders.mixing.ranker import FEATURES, Ranker
from recommenders.store import Store, models
from tests.dags.conftest import RunDag
from tests.dags.test_retrain_collaborative import fill, states
from tests.service import add_catalogue

AssetEvents = Callable[[str], list[dict[str, Any]]]
SMALL = {"factors": [4], "alpha": [2], "regularisation": [1]}


def test_it_publishes_a_ranker_beside_the_collaborative_model_and_rolls_back(
    store: Store, run_dag: RunDag, asset_events: AssetEvents
) -> None:
    fill(store)
    assert run_dag("retrain_collaborative", SMALL).state == DagRunState.SUCCESS
    run = run_dag("retrain_ranker")
    assert run.state == DagRunState.SUCCESS
    assert states(run)["roll_back"] == {TaskInstanceState.SKIPPED}
    labels = {task.rendered_map_index for task in run.get_task_instances() if task.task_id == "describe"}
    assert labels == {"learn", "judge"}
    with store.begin() as connection:
        ranker = models.champion(connection, "ranker")
    assert ranker is not None
    assert len(Ranker(**ranker.parameters).weights) == len(FEATURES)
    assert asset_events("ranker") == [{"model_id": ranker.model_id, "kind": "ranker", "space": 1}]

    back = run_dag("retrain_ranker", {"rollback_to": ranker.model_id})
    assert back.state == DagRunState.SUCCESS
    assert states(back)["prepare"] == states(back)["publish"] == {TaskInstanceState.SKIPPED}
    assert len(asset_events("ranker")) == 2


def test_a_ranker_of_older_data_is_kept_as_rejected(store: Store, run_dag: RunDag, asset_events: AssetEvents) -> None:
    fill(store)
    assert run_dag("retrain_collaborative", SMALL).state == DagRunState.SUCCESS
    assert run_dag("retrain_ranker").state == DagRunState.SUCCESS
    older = run_dag("retrain_ranker", {"cutoff": "2026-01-01T00:00:00+00:00"})
    assert older.state == DagRunState.SUCCESS
    assert states(older)["publish"] == {TaskInstanceState.SKIPPED}
    assert len(asset_events("ranker")) == 1


def test_without_a_collaborative_model_it_fails_with_a_clear_message(
    store: Store, run_dag: RunDag, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with store.begin() as connection:
        add_catalogue(connection, 2, [1, 2])
    run = run_dag("retrain_ranker")
    assert run.state == DagRunState.FAILED
    assert states(run)["prepare"] == {TaskInstanceState.FAILED}
    assert "There is no collaborative model before" in "".join([caplog.text, *capfd.readouterr()])


def test_it_follows_the_collaborative_model_and_the_audio_network(dag_bag: Any) -> None:
    dag = dag_bag.dags["retrain_ranker"]
    assert sorted(asset.name for asset in dag.timetable.asset_condition.objects) == ["audio_network", "track_vectors"]
    assert type(dag.timetable.asset_condition).__name__.endswith("Any")  # each of both calls it by itself
    assert all(dag.params.get_param(name).description for name in dag.params)
