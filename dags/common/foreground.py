"""Runs one DAG in this process, without a scheduler: `mixtape run DAG_ID` calls it as `python -m`."""

import json
import logging
import sys
import time
from pathlib import Path

from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.pool import Pool as PoolRow
from airflow.utils.db import initdb

from dags.common.defaults import POOL_SLOTS

DAGS_FOLDER = Path(__file__).parent.parent
BUNDLE = "dags-folder"


def run(dag_id: str, conf: dict[str, object]) -> bool:
    """Run the DAG to its end, a failing task without another try; whether it succeeded."""
    _show_stages()
    initdb()
    for pool, slots in POOL_SLOTS.items():
        PoolRow.create_or_update_pool(pool.value, slots, description="", include_deferred=False)
    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(str(DAGS_FOLDER), bundle_name=BUNDLE)
    if dag_id not in bag.dags:
        errors = "".join(f"\n{file}:\n{trace}" for file, trace in bag.import_errors.items())
        sys.exit(f"There is no DAG {dag_id}; there are {', '.join(sorted(bag.dags))}.{errors}")
    sync_bag_to_db(bag, BUNDLE, None)
    dag = bag.dags[dag_id]
    for task in dag.tasks:
        task.retries = 0
    start = time.monotonic()
    finished = dag.test(logical_date=None, run_conf=conf)
    tasks = finished.get_task_instances()
    print(f"{dag_id}: {finished.state}, {len(tasks)} tasks in {time.monotonic() - start:.0f} s")
    for task in tasks:
        if task.state == "failed":
            print(f"  failed: {task.task_id}" + (f" [{task.map_index}]" if task.map_index >= 0 else ""))
    return bool(finished.state == "success")


def _show_stages() -> None:
    """Print what each stage logs, and of Airflow's own lines what its configured level lets through."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", "%H:%M:%S"))
    stages = logging.getLogger("recommenders")
    stages.setLevel(logging.INFO)
    stages.addHandler(handler)
    stages.propagate = False


if __name__ == "__main__":
    sys.exit(0 if run(sys.argv[1], json.loads(sys.argv[2])) else 1)
