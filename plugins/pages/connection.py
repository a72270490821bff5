"""What a route asks for: a transaction in the store, and the moment."""

import datetime as dt
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated

import sqlalchemy as sa
from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from fastapi import Depends

from recommenders.errors import ConfigurationError
from recommenders.store import Store
from recommenders.store.database import connection_url

CONNECTION_ID = "mixtape"


@lru_cache(maxsize=1)
def _store(url: str) -> Store:
    return Store(url)


def open_connection() -> Iterator[sa.Connection]:
    """A transaction in the store that the Airflow connection `mixtape` names."""
    try:
        fields = Connection.get(CONNECTION_ID)
    except AirflowNotFoundException as error:
        raise ConfigurationError(
            f"Airflow has no connection {CONNECTION_ID!r}: make it, or run `mixtape up`."
        ) from error
    url = connection_url(
        fields.host, fields.port, fields.login, fields.password, fields.schema, options=fields.extra_dejson
    )
    with _store(url).begin() as connection:
        yield connection


def current_time() -> dt.datetime:
    """Now, in UTC."""
    return dt.datetime.now(dt.UTC)


Database = Annotated[sa.Connection, Depends(open_connection)]
Now = Annotated[dt.datetime, Depends(current_time)]
