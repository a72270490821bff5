"""The DAG retrain_audio_network, run by a real Airflow on a small service of two camps that can be told by ear."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.utils.state import DagRunState, TaskInstanceState

from recommenders.store import Artifacts, Store
from tests.dags.conftest import RunDag
from tests.dags.test_retrain_collaborative import fill as fill_without_audio
from tests.dags.test_retrain_collaborative import states
from tests.evaluation.test_audio_network import N_TRACKS, N_UNPLAYED, SMALL, fill

AssetEvents = Callable[[str], list[dict[str, Any]]]
CONF = SMALL.model_dump(include={"filters", "dense", "batch", "epochs", "learning_rate"})


def test_it_publishes_a_network_and_a_vector_for_each_analysed_song(
    store: Store, run_dag: RunDag, asset_events: AssetEvents, tmp_path: Path
) -> None:
    fill(store, Artifacts((tmp_path / "home" / "artifacts").as_uri()))
    run = run_dag("retrain_audio_network", CONF)
    assert run.state == DagRunState.SUCCESS
    assert states(run)["roll_back"] == {TaskInstanceState.SKIPPED}
    with store.begin() as connection:
        row = connection.execute(sa.text("SELECT model_id, status, space FROM models WHERE kind = 'audio'")).one()
        n_vectors = connection.execute(sa.text("SELECT count(*) FROM track_vectors WHERE kind = 'audio'")).scalar_one()
    assert (row.status, row.space) == ("champion", 1)
    assert n_vectors == N_TRACKS + N_UNPLAYED
    assert asset_events("audio_network") == [{"model_id": row.model_id, "kind": "audio", "space": 1}]

    back = run_dag("retrain_audio_network", {"rollback_to": row.model_id})
    assert back.state == DagRunState.SUCCESS
    assert states(back)["prepare"] == states(back)["publish"] == {TaskInstanceState.SKIPPED}
    assert len(asset_events("audio_network")) == 2


@pytest.mark.parametrize("played", [False, True])
def test_on_a_service_without_audio_it_ends_as_skipped_and_says_why(
    store: Store,
    run_dag: RunDag,
    asset_events: AssetEvents,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    played: bool,
) -> None:
    if played:
        fill_without_audio(store)
        assert (
            run_dag("retrain_collaborative", {"factors": [4], "alpha": [2], "regularisation": [1]}).state == "success"
        )
    run = run_dag("retrain_audio_network")
    assert run.state == DagRunState.SUCCESS
    assert states(run)["prepare"] == states(run)["train"] == states(run)["publish"] == {TaskInstanceState.SKIPPED}
    assert asset_events("audio_network") == []
    said = "".join([caplog.text, *capfd.readouterr()])
    assert ("Only 0 tracks were analysed" if played else "There is no collaborative model") in said


def test_it_follows_the_collaborative_model(dag_bag: Any) -> None:
    dag = dag_bag.dags["retrain_audio_network"]
    assert [asset.name for asset in dag.timetable.asset_condition.objects] == ["track_vectors"]
    assert all(dag.params.get_param(name).description for name in dag.params)
