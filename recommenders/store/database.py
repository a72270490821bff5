"""The database: how it is opened, migrated and locked."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import OperationalError

from recommenders.errors import ConfigurationError

SCHEMA = "mixtape"
MIGRATIONS = Path(__file__).parent / "migrations"


class Store:
    """One PostgreSQL database with the schema `mixtape`.

    Every function of `recommenders.store` takes a connection of it, so that the caller decides what is one
    transaction.
    """

    def __init__(self, url: str) -> None:
        """Open `url` (postgresql://...); nothing is connected before the first use."""
        parsed = sa.make_url(url)
        self.url = parsed.set(drivername="postgresql+psycopg2")
        self.engine = sa.create_engine(
            self.url,
            pool_size=2,
            max_overflow=4,
            pool_pre_ping=True,  # a web server outlives a restart of the database
            connect_args={"options": f"-c search_path={SCHEMA},public -c timezone=UTC"},
        )

    def __repr__(self) -> str:
        return f"Store({self.url.render_as_string(hide_password=True)})"

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A connection in one transaction: committed at the end, rolled back on an error.

        Raises ConfigurationError when the database can't be reached.
        """
        try:
            connection = self.engine.connect()
        except OperationalError as error:
            raise ConfigurationError(
                f"Can't reach the database {self.url.render_as_string(hide_password=True)}: {error.orig}. "
                "Is it running (`mixtape up`), and is MIXTAPE_DATABASE_URL right?"
            ) from error
        with connection, connection.begin():
            yield connection

    def migrate(self) -> None:
        """Bring the schema to the newest version; safe to call at any time, also from two processes at once."""
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self.begin() as connection:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('mixtape.migrate', 0))"))
            connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def connection_url(
    host: str | None,
    port: int | None,
    login: str | None,
    password: str | None,
    database: str | None,
    *,
    options: Mapping[str, str],
) -> str:
    """The URL of a database that is named by separate fields, as in an Airflow connection.

    A `host` that begins with "/" is the folder of a unix socket; `options` are libpq's (sslmode and the like).
    """
    socket = host is not None and host.startswith("/")
    url = sa.URL.create(
        "postgresql",
        username=login,
        password=password,
        host=None if socket else host,
        port=None if socket else port,
        database=database,
        query={**options, "host": host} if host and socket else options,
    )
    return url.render_as_string(hide_password=False)


def advisory_lock(connection: sa.Connection, *name: object) -> None:
    """Wait for, and hold until the end of the transaction, the lock called `name`."""
    key = "mixtape." + ".".join(map(str, name))
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def glance(connection: sa.Connection, tables: str) -> None:
    """ANALYZE `tables` from a fifth of the usual rows, right after they were written: how many there are is what
    matters to the planner. Housekeeping looks thoroughly every night."""
    connection.execute(sa.text("SET LOCAL default_statistics_target = 20"))
    connection.execute(sa.text(f"ANALYZE {tables}"))
    connection.execute(sa.text("SET LOCAL default_statistics_target TO DEFAULT"))
