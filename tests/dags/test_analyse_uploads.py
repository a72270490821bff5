"""The DAG analyse_uploads, run by a real Airflow on a folder of new songs."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import sqlalchemy as sa
from airflow.utils.state import DagRunState, TaskInstanceState

from recommenders.store import Store
from tests.dags.conftest import RunDag


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    """Three short songs, one of them in a folder, and a text; all of them left alone for a minute."""
    folder = tmp_path / "home" / "uploads"
    (folder / "The Tones").mkdir(parents=True)
    times = np.arange(44_100 * 3) / 44_100
    for number, name in enumerate(["Ada - One.wav", "Ada - Two.wav", "The Tones/Three.wav"]):
        beat = (times % 0.5 < 0.1) * np.sin(2 * np.pi * 220 * 1.26**number * times)
        soundfile.write(folder / name, 0.5 * beat, 44_100)
    (folder / "notes.txt").write_text("buy milk")
    for path in folder.rglob("*"):
        os.utime(path, (time.time() - 60,) * 2)
    return folder


def test_new_songs_are_heard_in_batches_announced_once_and_the_next_run_has_nothing_to_do(
    store: Store, run_dag: RunDag, uploads: Path, asset_events: Callable[[str], list[dict[str, Any]]]
) -> None:
    run = run_dag("analyse_uploads", {"batch_size": 3})
    assert run.state == DagRunState.SUCCESS
    analysed = [task for task in run.get_task_instances() if task.task_id == "analyse"]
    assert sorted(task.rendered_map_index for task in analysed) == ["3 files from 1", "file 4"]
    (event,) = asset_events("track_audio")
    assert event == {"analysed": 3, "duplicate": 0, "rejected": 1, "waiting": 0}
    with store.begin() as connection:
        titles = connection.execute(
            sa.text("""
                SELECT a.name, t.title FROM audio_analyses JOIN tracks t USING (track_id)
                JOIN track_artists USING (track_id) JOIN artists a USING (artist_id) ORDER BY 1, 2
            """)
        ).all()
        rejected = connection.execute(sa.text("SELECT kind, source, reason FROM rejected")).all()
    assert [tuple(row) for row in titles] == [("Ada", "One"), ("Ada", "Two"), ("The Tones", "Three")]
    assert [tuple(row) for row in rejected] == [("uploads", (uploads / "notes.txt").as_uri(), "unreadable")]

    again = run_dag("analyse_uploads")
    assert again.state == DagRunState.SUCCESS
    states = {task.task_id: task.state for task in again.get_task_instances()}
    assert states["summarise"] == TaskInstanceState.SKIPPED
    assert len(asset_events("track_audio")) == 1


def test_a_look_at_a_folder_that_is_not_there_costs_nothing(run_dag: RunDag) -> None:
    assert run_dag("analyse_uploads").state == DagRunState.SUCCESS
