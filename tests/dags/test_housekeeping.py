"""The DAG `housekeeping`, run in a real Airflow."""

import datetime as dt

import sqlalchemy as sa

from recommenders.store import Store
from tests.dags.conftest import RunDag


def test_a_night_makes_room_ahead_and_a_second_one_finds_nothing_to_do(store: Store, run_dag: RunDag) -> None:
    first = run_dag("housekeeping")
    assert first.state == "success"
    month = dt.datetime.now(dt.UTC).date().replace(day=1)
    with store.begin() as connection:
        made = connection.execute(
            sa.text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'events'::regclass")
        ).scalars()
        assert {f"events_{month:%Y_%m}", f"events_{month + dt.timedelta(days=62):%Y_%m}"} <= set(made)
    second = run_dag("housekeeping")
    assert second.state == "success"
    assert second.get_task_instance("prepare_partitions").xcom_pull("prepare_partitions") == []
