"""The DAG retrain_collaborative, run by a real Airflow on a small service of two camps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from airflow.utils.state import DagRunState, TaskInstanceState

from recommenders.store import Store
from tests.dags.conftest import RunDag
from tests.service import add_catalogue, add_totals, two_camps

SMALL = {"factors": [4, 8], "alpha": [2], "regularisation": [1]}
AssetEvents = Callable[[str], list[dict[str, Any]]]


def fill(store: Store) -> None:
    rows = two_camps(np.random.default_rng(1))
    with store.begin() as connection:
        add_catalogue(connection, 60, list(range(1, 41)))
        add_totals(connection, np.column_stack([rows, np.full(len(rows), 3)]))


def models_of(store: Store) -> list[tuple[int, str, str]]:
    with store.begin() as connection:
        rows = connection.execute(sa.text("SELECT model_id, status, reason FROM models ORDER BY model_id"))
        return [(row.model_id, row.status, row.reason) for row in rows]


def states(run: Any) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for task in run.get_task_instances():
        found.setdefault(task.task_id, set()).add(task.state)
    return found


def test_it_publishes_the_first_model_rejects_a_worse_one_and_rolls_back(
    store: Store, run_dag: RunDag, asset_events: AssetEvents, tmp_path: Path
) -> None:
    fill(store)
    run = run_dag("retrain_collaborative", SMALL)
    assert run.state == DagRunState.SUCCESS
    assert states(run)["roll_back"] == {TaskInstanceState.SKIPPED}
    labels = {task.rendered_map_index for task in run.get_task_instances() if task.task_id == "try_configuration"}
    assert labels == {f"ALS {factors} factors, alpha 2, regularisation 1, half-life 42 days" for factors in (4, 8)}
    assert models_of(store)[0][:2] == (1, "champion")
    assert asset_events("track_vectors") == [{"model_id": 1, "kind": "collaborative", "space": 1}]
    assert list((tmp_path / "home" / "artifacts" / "models" / "collaborative").iterdir())

    older = run_dag("retrain_collaborative", SMALL | {"cutoff": "2026-01-01T00:00:00+00:00"})
    assert older.state == DagRunState.SUCCESS
    assert states(older)["publish"] == {TaskInstanceState.SKIPPED}
    assert [status for _, status, _ in models_of(store)] == ["champion", "rejected"]
    assert "before the champion's" in models_of(store)[1][2]
    assert len(asset_events("track_vectors")) == 1

    back = run_dag("retrain_collaborative", {"rollback_to": 2})
    assert back.state == DagRunState.SUCCESS
    assert states(back)["prepare"] == states(back)["publish"] == {TaskInstanceState.SKIPPED}
    assert models_of(store)[2] == (3, "champion", "rolled back to model 2")
    assert asset_events("track_vectors")[1] == {"model_id": 3, "kind": "collaborative", "space": 1}


def test_without_listening_it_fails_with_a_clear_message(
    store: Store, run_dag: RunDag, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with store.begin() as connection:
        add_catalogue(connection, 2, [1, 2])
    run = run_dag("retrain_collaborative")
    assert run.state == DagRunState.FAILED
    assert states(run)["prepare"] == {TaskInstanceState.FAILED}
    assert "There is no listening before" in "".join([caplog.text, *capfd.readouterr()])


def test_every_param_of_the_trigger_form_is_explained(dag_bag: Any) -> None:
    params = dag_bag.dags["retrain_collaborative"].params
    assert set(params) == {
        "factors",
        "alpha",
        "regularisation",
        "half_life_days",
        "cutoff",
        "seed",
        "force",
        "rollback_to",
    }
    assert all(params.get_param(name).description for name in params)
