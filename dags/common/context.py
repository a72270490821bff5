"""What a task learns from its run: the store to open, and the moment that the run is about."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow.sdk import Connection, get_current_context

from recommenders.errors import ConfigurationError
from recommenders.settings import Settings
from recommenders.store import Artifacts, Store
from recommenders.store.database import connection_url

CONNECTION_ID = "mixtape"


@contextmanager
def open_store() -> Iterator[Store]:
    """The store named by the Airflow connection `mixtape`."""
    connection = Connection.get(CONNECTION_ID)
    store = Store(
        connection_url(connection.host, connection.port, connection.login, connection.password, connection.schema)
    )
    try:
        yield store
    finally:
        store.close()


def open_artifacts() -> Artifacts:
    """The artifacts folder of the settings."""
    return Artifacts(Settings().artifacts)


def run_time(context: Any = None) -> dt.datetime:
    """The moment that this run stands for: when its schedule called it, or when it was triggered (UTC)."""
    run = (context or get_current_context())["dag_run"]
    moment: dt.datetime = run.data_interval_end or run.logical_date or run.run_after
    return moment


def run_key(context: Any = None) -> str:
    """A name of this run that a retried task sees again: what it writes under it is written once."""
    run = (context or get_current_context())["dag_run"]
    return f"{run.dag_id}/{run.run_id}"


def resolve_week(week: str | None, context: Any = None) -> dt.date:
    """The Monday that a run is about: the param `week` when given, else the week in which the run's moment lies.

    Weeks begin on Monday 00:00 in the configured time zone. Raises ConfigurationError when `week` is not a Monday.
    """
    if week:
        day = dt.date.fromisoformat(week)
        if day.isoweekday() != 1:
            monday = day - dt.timedelta(days=day.isoweekday() - 1)
            raise ConfigurationError(f"week = {week} is not a Monday; the Monday of that week is {monday}.")
        return day
    today = run_time(context).astimezone(Settings().zone).date()
    return today - dt.timedelta(days=today.isoweekday() - 1)
