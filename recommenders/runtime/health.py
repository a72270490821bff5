"""Is everything running that should, and is what it makes fresh? For `mixtape status`; it starts nothing."""

import datetime as dt
from dataclasses import dataclass, field

import sqlalchemy as sa

from recommenders.errors import MixtapeError
from recommenders.runtime.airflow import running, was_started
from recommenders.runtime.postgres import database_url, postgres_runs
from recommenders.settings import Settings
from recommenders.store import Store
from recommenders.store.status import ServiceStatus, service_status


@dataclass(frozen=True)
class Health:
    """What is broken, alarming and stale, as plain sentences; `service` is None where the store can't be read."""

    service: ServiceStatus | None
    broken: list[str]
    stale: list[str]
    alarms: list[str] = field(default_factory=list)


def check(settings: Settings, now: dt.datetime) -> Health:
    """The health of Postgres, Airflow and what they make, at `now` (aware)."""
    if not settings.database_url and not postgres_runs(settings.postgres_dir):
        return Health(None, ["Postgres is not running: mixtape up"], [])
    broken = _airflow_problems(settings)
    store = Store(database_url(settings))
    try:
        with store.begin() as connection:
            service = service_status(connection, now)
    except MixtapeError as error:
        return Health(None, [str(error), *broken], [])
    except sa.exc.ProgrammingError:
        return Health(None, ["The database does not have this version's tables: mixtape up makes them", *broken], [])
    finally:
        store.close()
    return Health(service, broken + service.broken, service.stale, service.alarms)


def _airflow_problems(settings: Settings) -> list[str]:
    """What is wrong with the Airflow that `mixtape up` starts; an Airflow of another's is not ours to judge."""
    if settings.database_url and not was_started(settings):
        return []
    service = running(settings)
    if service is None:
        return ["Airflow is not running: mixtape up"]
    return [
        f"Airflow can't import {file}: {trace.strip().splitlines()[-1]}"
        for file, trace in service.api().import_errors().items()
    ]
