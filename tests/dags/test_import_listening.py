"""The DAG import_listening, run by a real Airflow on files in its landing folder."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.utils.state import DagRunState, TaskInstanceState

from recommenders.store import Store
from recommenders.store.editorial import all_lists
from tests.dags.conftest import RunDag


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    """A landing folder with a catalogue, a file of plays one of whose lines is bad, tags, and a curator's list."""
    folder = tmp_path / "home" / "landing"
    for name, content in {
        "catalogue/tracks.csv": "track_id,title,artists\nt1,One,Ada\n",
        "listening/plays.csv": "user_id,track_id,at\nu1,t1,2026-11-01\nu1,t7,2026-11-01\n",
        "tags/tags.csv": "track_id,tag,count\nt1,dreamy,3\nt1,loud,1\n",
        "editorial/night.m3u8": "#EXTM3U\n#MIXTAPE-TAGS:dreamy\n#EXTINF:-1,Ada - One\none.mp3\n",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        os.utime(path, (time.time() - 60,) * 2)
    return folder


def test_it_imports_what_landed_announces_it_and_the_next_run_has_nothing_to_do(
    store: Store, run_dag: RunDag, landing: Path, asset_events: Callable[[str], list[dict[str, Any]]]
) -> None:
    run = run_dag("import_listening")
    assert run.state == DagRunState.SUCCESS
    assert asset_events("listening") == [{"rows": 3, "new": 2, "rejected": 1}]
    with store.begin() as connection:
        rejected = connection.execute(sa.text("SELECT source, line, reason FROM rejected")).all()
        assert connection.execute(sa.text("SELECT count(*) FROM events")).scalar_one() == 1
        assert connection.execute(sa.text("SELECT source, text FROM articles")).one() == ("tags", "dreamy\t3\nloud\t1")
        (only,) = all_lists(connection)
    assert [tuple(row) for row in rejected] == [("listening/plays.csv", 3, "unknown_track")]
    assert (only.name, only.tags, only.songs) == ("night", ["dreamy"], 1)

    again = run_dag("import_listening")
    states = {task.task_id: task.state for task in again.get_task_instances()}
    assert states["announce"] == TaskInstanceState.SKIPPED
    assert len(asset_events("listening")) == 1
