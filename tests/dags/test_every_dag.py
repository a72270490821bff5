"""What holds for every DAG: it is documented, tagged, owned, retried, limited, and cheap to parse."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import TimeRestriction

from dags.common.defaults import POOL_SLOTS, Pool, Tag
from dags.common.readme import readme
from recommenders.settings import PROJECT_ROOT

EVERY_DAG = {
    "analyse_uploads",
    "crawl_blogs",
    "housekeeping",
    "import_listening",
    "monday_playlists",
    "retrain_audio_network",
    "retrain_collaborative",
    "retrain_ranker",
    "weekly_report",
}
# What a DAG file may not load when it is parsed: each takes most of a second, or gigabytes.
HEAVY = [
    "implicit",
    "numba",
    "scipy",
    "pandas",
    "pyspark",
    "tensorflow",
    "essentia",
    "scrapy",
    "trafilatura",
    "textblob",
]


@pytest.fixture(params=sorted(EVERY_DAG))
def dag(request: pytest.FixtureRequest, dag_bag: Any) -> Any:
    """Each DAG in turn."""
    assert request.param in dag_bag.dags, dag_bag.import_errors
    return dag_bag.dags[request.param]


def test_every_dag_is_found_and_none_fails_to_import(dag_bag: Any) -> None:
    assert dag_bag.import_errors == {}
    assert set(dag_bag.dags) == EVERY_DAG


def test_its_manual_is_its_files_docstring_and_says_how_it_runs(dag: Any) -> None:
    assert Path(dag.fileloc).stem == dag.dag_id
    assert dag.doc_md and dag.doc_md.strip() in readme()
    assert len(dag.doc_md.split()) > 80
    assert dag.doc_md.splitlines()[0].endswith(".")


def test_its_tags_are_known(dag: Any) -> None:
    assert dag.tags
    assert set(dag.tags) <= {tag.value for tag in Tag}


def test_it_runs_once_at_a_time_and_never_catches_up(dag: Any) -> None:
    assert dag.max_active_runs == 1
    assert dag.catchup is False


def test_one_that_never_ran_waits_for_its_next_time(dag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler_sees = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
    monday_noon = datetime(2026, 3, 2, 12, 20, tzinfo=UTC)
    monkeypatch.setattr("airflow.timetables.trigger.utcnow", lambda: monday_noon)
    first = scheduler_sees.timetable.next_dagrun_info(
        last_automated_data_interval=None, restriction=TimeRestriction(None, None, catchup=False)
    )
    assert first is None or first.run_after >= monday_noon  # None: it waits for its assets


def test_every_param_is_typed_and_explained_in_the_form(dag: Any) -> None:
    for name in dag.params:
        param = dag.params.get_param(name)
        assert len(param.description or "") > 10, f"{dag.dag_id}.{name} is not explained"
        assert {"type", "enum"} & set(param.schema), f"{dag.dag_id}.{name} is not typed"
        assert param.has_value or "null" in param.schema["type"], f"{dag.dag_id}.{name} has no default"


def test_every_task_is_owned_retried_with_growing_pauses_and_limited(dag: Any) -> None:
    for task in dag.tasks:
        name = f"{dag.dag_id}.{task.task_id}"
        assert task.owner == "mixtape", name
        assert task.retries >= 1, name
        assert task.retry_exponential_backoff > 1, name
        assert task.max_retry_delay is not None and task.retry_delay > timedelta(), name
        assert task.execution_timeout is not None and task.execution_timeout > timedelta(), name


def test_every_mapped_task_names_its_instances(dag: Any) -> None:
    for task in dag.tasks:
        if task.is_mapped:
            assert task.map_index_template, f"{dag.dag_id}.{task.task_id}"


def test_every_pool_is_known(dag: Any) -> None:
    assert {task.pool for task in dag.tasks} <= {"default_pool", *Pool}
    assert set(POOL_SLOTS) == set(Pool)
    assert min(POOL_SLOTS.values()) >= 1


def test_parsing_loads_nothing_heavy(dag: Any) -> None:
    code = f"""
import importlib.util, sys
import airflow.sdk, airflow.timetables.trigger  # what Airflow itself loads is not the DAG's fault
before = set(sys.modules)
spec = importlib.util.spec_from_file_location("parsed", {dag.fileloc!r})
spec.loader.exec_module(importlib.util.module_from_spec(spec))
print(",".join(sorted({{name.split(".")[0] for name in set(sys.modules) - before}} & set({HEAVY!r}))))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT_ROOT)
    assert done.stdout.strip().splitlines()[-1:] in ([], [""]), done.stdout


def test_the_readme_is_what_the_docstrings_say() -> None:
    written = (PROJECT_ROOT / "dags" / "README.md").read_text(encoding="utf-8")
    assert written == readme(), "dags/README.md is stale: run python -m dags.common.readme"
