"""What a task learns from its run: the store to open, and the moment that the run is about."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow.sdk import Connection, get_current_context
from airflow.sdk.exceptions import AirflowFailException

from recommenders.errors import ConfigurationError, NotEnoughDataError
from recommenders.playlists import calendar
from recommenders.playlists.calendar import Moment, asked_week
from recommenders.settings import Settings
from recommenders.store import Artifacts, Store
from recommenders.store.database import connection_url
from recommenders.store.mixtapes import week_cutoff

CONNECTION_ID = "mixtape"


@contextmanager
def open_store() -> Iterator[Store]:
    """The store named by the Airflow connection `mixtape`; a task that finds too little in it isn't tried again."""
    fields = Connection.get(CONNECTION_ID)
    url = connection_url(
        fields.host, fields.port, fields.login, fields.password, fields.schema, options=fields.extra_dejson
    )
    store = Store(url)
    try:
        yield store
    except NotEnoughDataError as error:
        raise AirflowFailException(str(error)) from error
    finally:
        store.close()


def open_artifacts() -> Artifacts:
    """The artifacts folder of the settings."""
    return Artifacts(Settings().artifacts)


def run_time(context: Any = None) -> dt.datetime:
    """The moment that this run stands for (UTC): when it was triggered by hand, or when its schedule called it."""
    run = (context or get_current_context())["dag_run"]
    moment: dt.datetime = run.run_after if run.run_type == "manual" else run.data_interval_end or run.run_after
    return moment


def run_key(context: Any = None) -> str:
    """A name of this run that a retried task sees again: what it writes under it is written once."""
    run = (context or get_current_context())["dag_run"]
    return f"{run.dag_id}/{run.run_id}"


def resolve_moment(week: str | None, store: Store, context: Any = None) -> Moment:
    """The week that a run is about and its cut-off: the param `week` when given, else the run's own moment.

    Raises AirflowFailException, so that the task isn't tried again, when `week` is no Monday.
    """
    context = context or get_current_context()
    try:
        asked = asked_week(week) if week else None
    except ConfigurationError as error:
        raise AirflowFailException(str(error)) from error
    with store.begin() as connection:
        recorded = week_cutoff(connection, asked) if asked else None
    return calendar.resolve_moment(
        asked,
        run_at=run_time(context),
        now=context["dag_run"].start_date,
        recorded=recorded,
        zone=Settings().zone,
    )
