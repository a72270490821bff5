"""What a task learns from its run: the store to open, and the moment that the run is about."""

import datetime as dt
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow.sdk import Connection, get_current_context
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException

from recommenders.errors import ConfigurationError, NotEnoughDataError
from recommenders.playlists import calendar
from recommenders.playlists.calendar import Moment, asked_week
from recommenders.settings import Settings
from recommenders.store import Artifacts, Store
from recommenders.store.database import advisory_lock, connection_url
from recommenders.store.mixtapes import editions_in_the_making, unpublished_runs, week_cutoff

CONNECTION_ID = "mixtape"
TURN_EVERY = dt.timedelta(seconds=10)

MONDAY, IMPORT, UPLOADS = "monday_playlists", "import_listening", "analyse_uploads"
# A run waits at most so long for the other.
PATIENCE = {MONDAY: dt.timedelta(minutes=15), IMPORT: dt.timedelta(hours=1), UPLOADS: dt.timedelta(hours=1)}

log = logging.getLogger(__name__)


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


@contextmanager
def one_at_a_time(store: Store, doing: str) -> Iterator[None]:
    """Wait until nobody else is `doing` the same, and keep others waiting inside; a killed task lets go."""
    with store.begin() as connection:
        advisory_lock(connection, doing, "all")
        yield


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
        now=dt.datetime.now(dt.UTC),
        recorded=recorded,
        zone=Settings().zone,
    )


def wait_for_turn(moment: Moment, store: Store, memory_weeks: int, context: Any = None) -> None:
    """Return when no run is making a week within `memory_weeks` of this one.

    Two such runs at once would not know which songs the other gives, and give some twice. Airflow starts many runs of
    a backfill at once, whatever the DAG allows: they go one after another, the earliest week first, so that their lists
    don't depend on who was quicker. Raises AirflowRescheduleException to try again a little later.
    """
    context = context or get_current_context()
    run, task = context["dag_run"], context["ti"]
    with store.begin() as connection:
        keys = editions_in_the_making(connection, moment.week, memory_weeks)
    run_ids = [key.removeprefix(f"{run.dag_id}/") for key in keys]
    made_now = run_ids and task.get_dr_count(run.dag_id, run_ids=run_ids, states=["running"])
    if made_now or (moment.past and task.get_previous_dagrun(state="running")):
        log.info("A run for another week goes first; looking again in %d s", TURN_EVERY.seconds)
        raise AirflowRescheduleException(dt.datetime.now(dt.UTC) + TURN_EVERY)


def wait_for_import(store: Store, context: Any = None) -> None:
    """Return when nothing is imported or heard, or this run has begun already: what it knows must not change meanwhile.

    Both are called on Monday at 05:00. Raises AirflowRescheduleException to try again a little later.
    """
    context = context or get_current_context()
    with store.begin() as connection:
        if run_key(context) in unpublished_runs(connection):
            return
    if context["ti"].get_dr_count(IMPORT, states=["running"]):
        _look_again("An import goes first", MONDAY, context)
    if context["ti"].get_ti_count(UPLOADS, task_ids=["analyse"], states=["running"]):
        _look_again("The uploads being heard go first", MONDAY, context)


def wait_for_monday(context: Any = None) -> None:
    """Return when no run of `monday_playlists` is at work: a part of it only would know which songs become one work.

    Raises AirflowRescheduleException to try again a little later.
    """
    context = context or get_current_context()
    if context["ti"].get_dr_count(MONDAY, states=["running"]):
        _look_again("The mixtapes in the making go first", UPLOADS, context)


def wait_for_mixtapes(store: Store, context: Any = None) -> None:
    """Return when no Monday is in the making: plays that arrive in its midst would be known to a part of it only.

    Raises AirflowRescheduleException to try again a little later.
    """
    context = context or get_current_context()
    with store.begin() as connection:
        run_ids = [key.removeprefix(f"{MONDAY}/") for key in unpublished_runs(connection)]
    if run_ids and context["ti"].get_dr_count(MONDAY, run_ids=run_ids, states=["running"]):
        _look_again("The mixtapes in the making go first", IMPORT, context)


def _look_again(why: str, waiting: str, context: Any) -> None:
    """Try the task again later, unless its run has waited long enough."""
    now = dt.datetime.now(dt.UTC)
    if now - context["dag_run"].start_date < PATIENCE[waiting]:
        log.info("%s; looking again in %d s", why, TURN_EVERY.seconds)
        raise AirflowRescheduleException(now + TURN_EVERY)
