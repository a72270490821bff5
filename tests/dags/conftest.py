"""A real Airflow in the test's own process: its metadata in the embedded Postgres, the project's DAGs in its bag."""

import copy
import json
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import pytest
import sqlalchemy as sa

from recommenders.runtime.postgres import ensure_database
from recommenders.settings import PROJECT_ROOT
from recommenders.store import Store
from tests.conftest import AIRFLOW_HOME

BUNDLE = "dags-folder"

# Airflow reads these when it is imported, which a test module may do before any fixture runs.
os.environ.update(
    AIRFLOW__CORE__DAGS_FOLDER=str(PROJECT_ROOT / "dags"),
    AIRFLOW__CORE__PLUGINS_FOLDER=str(Path(AIRFLOW_HOME) / "plugins"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__LOGGING__BASE_LOG_FOLDER=str(Path(AIRFLOW_HOME) / "logs"),
)


class RunDag(Protocol):
    """Runs one DAG to its end; see `run_dag`."""

    def __call__(
        self,
        dag_id: str,
        conf: dict[str, Any] | None = None,
        *,
        run_after: datetime | None = None,
        logical_date: datetime | None = None,
        retries: bool = False,
    ) -> Any:
        """The finished DagRun."""


@pytest.fixture(scope="session")
def dag_bag(postgres: sa.URL) -> Iterator[Any]:
    """Every DAG of the project, known to an Airflow whose metadata database is the test session's own."""
    url = ensure_database(postgres, "airflow").set(drivername="postgresql+psycopg2")
    os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = url.render_as_string(hide_password=False)
    from airflow import settings

    settings.configure_vars()
    settings.configure_orm()
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.utils.db import initdb

    from dags.common.defaults import POOL_SLOTS

    initdb()
    _make_pools({pool.value: slots for pool, slots in POOL_SLOTS.items()})
    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(str(PROJECT_ROOT / "dags"), bundle_name=BUNDLE)
    sync_bag_to_db(bag, BUNDLE, None)
    yield bag
    settings.dispose_orm()


def _make_pools(slots: dict[str, int]) -> None:
    from airflow.models.pool import Pool

    for name, count in slots.items():
        Pool.create_or_update_pool(name, count, description="", include_deferred=False)


@pytest.fixture(scope="session")
def dag_runner(dag_bag: Any) -> Callable[[Store, Path], RunDag]:
    """`dag_runner(store, home)` is a `run_dag` for that database and MIXTAPE_HOME: for fixtures of a whole module."""

    def runner_for(store: Store, home: Path) -> RunDag:
        def run(
            dag_id: str,
            conf: dict[str, Any] | None = None,
            *,
            run_after: datetime | None = None,
            logical_date: datetime | None = None,
            retries: bool = False,
        ) -> Any:
            assert dag_id in dag_bag.dags, dag_bag.import_errors
            dag = dag_bag.dags[dag_id]
            given = {task: task.retries for task in dag.tasks}
            params = {holder: copy.deepcopy(holder.params) for holder in (dag, *dag.tasks)}  # a run writes into them
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("AIRFLOW_CONN_MIXTAPE", _airflow_connection(store.url))
                patch.setenv("MIXTAPE_HOME", str(home))
                if not retries:
                    for task in dag.tasks:
                        task.retries = 0
                try:
                    return dag.test(run_after=run_after, logical_date=logical_date, run_conf=conf)
                finally:
                    for holder, fresh in params.items():
                        holder.params = fresh
                    for task, number in given.items():
                        task.retries = number

        return run

    return runner_for


@pytest.fixture
def run_dag(dag_runner: Callable[[Store, Path], RunDag], store: Store, tmp_path: Path) -> RunDag:
    """Run a DAG in this process against the test's `store`, with MIXTAPE_HOME = `tmp_path / "home"`.

    `run_dag(dag_id, conf, run_after=..., logical_date=..., retries=False)` returns the finished DagRun: its `.state`,
    its tasks by `dag_run.get_task_instances()`. As in a triggered run, `logical_date` is None unless given. Without
    `retries` a failing task fails at once instead of waiting for its next try.
    """
    return dag_runner(store, tmp_path / "home")


@pytest.fixture
def asset_events(dag_bag: Any) -> Callable[[str], list[dict[str, Any]]]:
    """`asset_events(name)` lists the `extra` of each event of that asset since the test began, oldest first."""
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session

    with create_session() as session:
        last = session.scalar(sa.select(sa.func.max(AssetEvent.id))) or 0

    def events(name: str) -> list[dict[str, Any]]:
        with create_session() as session:
            query = (
                sa.select(AssetEvent.extra)
                .join(AssetModel, AssetModel.id == AssetEvent.asset_id)
                .where(AssetModel.name == name, AssetEvent.id > last)
                .order_by(AssetEvent.id)
            )
            return [dict(extra or {}) for extra in session.scalars(query)]

    return events


def _airflow_connection(url: sa.URL) -> str:
    """`url` as Airflow wants a connection in an environment variable: JSON, with a socket directory as the host."""
    host = url.host or url.query.get("host")
    return json.dumps(
        {
            "conn_type": "postgres",
            "host": host,
            "login": url.username,
            "password": url.password,
            "port": url.port,
            "schema": url.database,
        }
    )
