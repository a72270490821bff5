"""What the log of each task says about its work: how much, in how many seconds, how much a second."""

import json
import re
from pathlib import Path

import pytest

from recommenders.runtime.demo import watch
from tests.end_to_end.conftest import RunningService
from tests.end_to_end.test_backfill import Airflow

FIGURES = r": ([\d,]+) [a-z ]+ in \d+\.\d\d s \([\d,.]+ [a-z ]+/s\)"
FIRST_RUNS = 4
STAGES = {
    "import_listening": {
        "import_catalogue": r"import catalogue from .+",
        "import_users": r"import users from .+",
        "import_plays": r"import listening from .+",
    },
    "crawl_blogs": {
        "plan": "plan crawls",
        "crawl": "crawl",
        "plan_reading": "gather names",
        "read": "read .+",
        "weigh": "weigh",
        "place": "place",
    },
    "retrain_collaborative": {
        "search_foreign": "search",
        "prepare": "prepare",
        "try_configuration": r"try ALS .+",
        "train": r"judge ALS .+|refit",
        "gate": "gate",
        "publish": "publish",
    },
    "retrain_ranker": {
        "prepare": "prepare",
        "describe": "describe learn|describe judge",
        "learn": "learn|fit items",
        "gate": "gate",
        "publish": "publish",
    },
    "monday_playlists": {name: name for name in ("plan", "score", "allocate", "finish", "verify", "publish")},
    "weekly_report": {"report": "report"},
    "housekeeping": {
        "prepare_partitions": "prepare partitions",
        "remove_old_editions": "remove old editions|remove old files",
        "thin_out_reading": "thin out reading",
        "analyze": "analyze",
    },
}


@pytest.mark.parametrize("dag_id", sorted(STAGES))
def test_each_stage_logs_how_much_it_did_in_how_long(service: RunningService, dag_id: str) -> None:
    if dag_id in ("housekeeping", "weekly_report"):
        watch(service.api, dag_id, service.api.trigger(dag_id), lambda state, elapsed_s: None)
    # Whichever run came first did the work: the demo's, or the one that Airflow schedules when it first sees the DAG.
    found = Airflow(service).get(f"dags/{dag_id}/dagRuns", state="success", order_by="run_after", limit=FIRST_RUNS)
    runs = [service.api.run(dag_id, run["dag_run_id"]) for run in found["dag_runs"]]
    for task_id, stage in STAGES[dag_id].items():
        logs = [
            "\n".join(service.api.log(run, task))
            for run in runs
            for task in run.tasks
            if task.task_id == task_id and task.state == "success"
        ]
        assert any(re.search(rf"^(.*\s)?({stage}){FIGURES}", log, re.MULTILINE) for log in logs), (
            f"{dag_id}.{task_id}:\n" + "\n".join(logs)
        )


def test_a_run_in_the_foreground_prints_what_each_stage_did(service: RunningService) -> None:
    done = service.mixtape_command("run", "housekeeping", within_s=180)
    assert done.returncode == 0, done.stdout + done.stderr
    for stage in ("prepare partitions", "remove old editions", "remove old files", "analyze"):
        assert re.search(rf"  {stage}{FIGURES}", done.stdout), done.stdout


def test_an_import_at_the_terminal_says_how_long_it_took(service: RunningService, tmp_path: Path) -> None:
    file = tmp_path / "users.jsonl"
    file.write_text(json.dumps({"user_id": service.mixtape.user, "name": service.mixtape.user_name}) + "\n")
    done = service.mixtape_command("import", "users", str(file))
    heading, row = (line for line in done.stdout.splitlines() if "rows" in line or "users" in line)
    assert "seconds" in heading and "rows/s" in heading
    assert re.search(r"\d\.\d{3} .+ [\d,]+ ", row)
