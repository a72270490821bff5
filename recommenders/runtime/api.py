"""A small client of Airflow's REST API: pools, DAGs, runs and their logs."""

import datetime as dt
import time
from dataclasses import dataclass
from typing import Any

import requests

from recommenders.errors import ConfigurationError, MixtapeError

FINISHED = {"success", "failed"}
TASK_DONE = {"success", "skipped", "failed", "upstream_failed", "removed"}
PAGE = 100


class AirflowError(MixtapeError):
    """Airflow refused a request."""


@dataclass(frozen=True)
class TaskState:
    """One task instance of a run; `label` is its rendered map index, or its number among the mapped ones."""

    task_id: str
    map_index: int
    label: str | None
    state: str | None
    try_number: int
    duration_s: float | None


@dataclass(frozen=True)
class RunState:
    """How far a run is."""

    dag_id: str
    run_id: str
    state: str
    tasks: list[TaskState]

    @property
    def finished(self) -> bool:
        """Whether the run has ended, well or not."""
        return self.state in FINISHED

    @property
    def done(self) -> int:
        """Number of task instances that have ended."""
        return sum(task.state in TASK_DONE for task in self.tasks)

    def failed_tasks(self) -> list[TaskState]:
        """The task instances that failed themselves."""
        return [task for task in self.tasks if task.state == "failed"]


class AirflowApi:
    """The REST API of one Airflow, as one of its users."""

    def __init__(self, url: str, username: str, password: str) -> None:
        """`url` is the web UI's address; nothing is requested before the first use."""
        self.url = url
        self._login = {"username": username, "password": password}
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy has no business between two processes of one machine

    def is_healthy(self) -> bool:
        """Whether the API answers, and database, scheduler and DAG processor are alive."""
        try:
            health = self._session.get(f"{self.url}/api/v2/monitor/health", timeout=10).json()
        except (requests.RequestException, ValueError):
            return False
        return all((health.get(part) or {}).get("status") == "healthy" for part in _PARTS)

    def ensure_pool(self, name: str, slots: int, description: str) -> None:
        """Make the pool `name` unless it is there; one that is there keeps its size."""
        if "name" not in self._request("GET", f"/pools/{name}", also_fine=404):
            pool = {"name": name, "slots": slots, "description": description, "include_deferred": False}
            self._request("POST", "/pools", json=pool, also_fine=409)

    def wait_for_dag(self, dag_id: str, timeout_s: float = 90) -> None:
        """Return when Airflow knows the DAG; raises AirflowError when its file can't be imported, or in time."""
        deadline = time.monotonic() + timeout_s
        while not self._request("GET", f"/dags/{dag_id}", also_fine=404).get("dag_id"):
            errors = self.import_errors()
            if errors or time.monotonic() > deadline:
                found = "\n".join(f"{file}:\n{trace}" for file, trace in errors.items()) or "no import error either"
                raise AirflowError(f"Airflow does not know the DAG {dag_id}; {found}")
            time.sleep(0.25)

    def import_errors(self) -> dict[str, str]:
        """The stack trace of each DAG file that can't be imported."""
        found = self._request("GET", "/importErrors")["import_errors"]
        return {error["filename"]: error["stack_trace"] for error in found}

    def trigger(
        self,
        dag_id: str,
        conf: dict[str, Any] | None = None,
        *,
        run_after: dt.datetime | None = None,
        run_id: str | None = None,
    ) -> str:
        """Start a run of a DAG, unpausing it, and return the run's id.

        `run_after`: the moment, now or past, that the run stands for; by default now.
        """
        self._request("PATCH", f"/dags/{dag_id}", json={"is_paused": False})
        body: dict[str, Any] = {"logical_date": None, "conf": conf or {}}
        if run_after:
            body["run_after"] = run_after.isoformat()
        if run_id:
            body["dag_run_id"] = run_id
        started: str = self._request("POST", f"/dags/{dag_id}/dagRuns", json=body)["dag_run_id"]
        return started

    def run(self, dag_id: str, run_id: str) -> RunState:
        """The state of a run and of its tasks."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}"
        state = self._request("GET", path)["state"]
        tasks: list[TaskState] = []
        while True:
            page = self._request("GET", f"{path}/taskInstances", params={"limit": PAGE, "offset": len(tasks)})
            tasks += [_task_state(task) for task in page["task_instances"]]
            if not page["task_instances"] or len(tasks) >= page["total_entries"]:
                return RunState(dag_id=dag_id, run_id=run_id, state=state, tasks=tasks)

    def runs_since(self, dag_id: str, since: dt.datetime) -> list[str]:
        """The ids of a DAG's runs that were made at or after `since`, the newest first."""
        parameters = {"order_by": "-run_after", "run_after_gte": since.isoformat(), "limit": PAGE}
        return [
            run["dag_run_id"] for run in self._request("GET", f"/dags/{dag_id}/dagRuns", params=parameters)["dag_runs"]
        ]

    def announced(self, run_id: str) -> list[tuple[str, dict[str, Any]]]:
        """The asset events that a run has emitted: name of the asset, and what was said."""
        found = self._request("GET", "/assets/events", params={"source_run_id": run_id, "limit": PAGE})["asset_events"]
        return [(event["name"], event["extra"] or {}) for event in found]

    def log(self, run: RunState, task: TaskState) -> list[str]:
        """The lines of a task instance's last try, without Airflow's own fields."""
        path = f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/{task.task_id}/logs/{task.try_number}"
        content = self._request("GET", path, params={"map_index": task.map_index, "full_content": "true"})["content"]
        return [line for entry in content for line in _log_lines(entry)]

    def _request(self, method: str, path: str, also_fine: int | None = None, **options: Any) -> dict[str, Any]:
        """One request under /api/v2, logging in first when needed. Raises AirflowError, ConfigurationError."""
        for fresh in (False, True):
            if fresh or "Authorization" not in self._session.headers:
                self._log_in()
            response = self._send(method, f"{self.url}/api/v2{path}", **options)
            if response.status_code != requests.codes.unauthorized:
                break
        if not response.ok and response.status_code != also_fine:
            raise AirflowError(f"Airflow answers {method} {path} with {response.status_code}: {response.text[:500]}")
        answer: dict[str, Any] = response.json()
        return answer

    def _log_in(self) -> None:
        response = self._send("POST", f"{self.url}/auth/token", json=self._login)
        if not response.ok:
            raise AirflowError(f"Airflow refuses the login of {self._login['username']}: {response.text[:200]}")
        self._session.headers["Authorization"] = f"Bearer {response.json()['access_token']}"

    def _send(self, method: str, url: str, **options: Any) -> requests.Response:
        try:
            return self._session.request(method, url, timeout=60, **options)
        except requests.RequestException as error:
            raise ConfigurationError(f"Airflow does not answer at {self.url}: {error}. Start it: mixtape up") from error


_PARTS = ("metadatabase", "scheduler", "dag_processor")


def _task_state(task: dict[str, Any]) -> TaskState:
    mapped = task["map_index"] >= 0
    return TaskState(
        task_id=task["task_id"],
        map_index=task["map_index"],
        label=(task.get("rendered_map_index") or str(task["map_index"])) if mapped else None,
        state=task["state"],
        try_number=task["try_number"],
        duration_s=task["duration"],
    )


def _log_lines(entry: dict[str, Any]) -> list[str]:
    """One log entry as plain lines: its text and its error, nothing for what only folds the log in the web UI."""
    text = str(entry.get("event", ""))
    if text.startswith(("::group::", "::endgroup::")):
        return []
    lines = [text]
    for error in entry.get("error_detail") or []:
        for frame in error.get("frames", [])[-1:]:
            lines.append(f"{frame.get('filename')}:{frame.get('lineno')}, in {frame.get('name')}")
        lines.append(f"{error.get('exc_type')}: {error.get('exc_value')}")
    return lines
