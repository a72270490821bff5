"""What the log of each task says about its work: how much, in how many seconds, how much a second."""

import json
import re
from pathlib import Path

import pytest

from recommenders.runtime.api import RunState
from recommenders.runtime.demo import watch
from tests.end_to_end.conftest import RunningService
from tests.end_to_end.test_backfill import Airflow

FIGURES = r": ([\d,]+) [a-z ]+ in \d+\.\d\d s \([\d,.]+ [a-z ]+/s\)"
STAGES = {
    "import_listening": {
        "import_catalogue": r"import catalogue from .+",
        "import_users": r"import users from .+",
        "import_plays": r"import listening from .+",
    },
    "retrain_collaborative": {
        "prepare": "prepare",
        "try_configuration": r"try ALS .+",
        "train": r"judge ALS .+|refit",
        "gate": "gate",
        "publish": "publish",
    },
    "monday_playlists": {name: name for name in ("plan", "score", "allocate", "finish", "verify", "publish")},
    "housekeeping": {
        "prepare_partitions": "prepare partitions",
        "remove_old_editions": "remove old editions|remove old files",
        "analyze": "analyze",
    },
}


@pytest.mark.parametrize("dag_id", sorted(STAGES))
def test_each_stage_logs_how_much_it_did_in_how_long(service: RunningService, dag_id: str) -> None:
    if dag_id == "housekeeping":
        run_id = service.api.trigger(dag_id)
    else:
        runs = Airflow(service).get(f"dags/{dag_id}/dagRuns", state="success", run_type="manual", order_by="run_after")
        run_id = runs["dag_runs"][0]["dag_run_id"]
    run: RunState = watch(service.api, dag_id, run_id, lambda state, elapsed_s: None)
    for task_id, stage in STAGES[dag_id].items():
        for task in (task for task in run.tasks if task.task_id == task_id):
            log = "\n".join(service.api.log(run, task))
            assert re.search(rf"^(.*\s)?({stage}){FIGURES}", log, re.MULTILINE), f"{dag_id}.{task_id}:\n{log}"


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
