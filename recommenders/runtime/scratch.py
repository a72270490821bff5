"""Databases and a folder for a benchmark, gone when it is over."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import sqlalchemy as sa

from recommenders.runtime.postgres import ensure_database, start_postgres
from recommenders.settings import Settings
from recommenders.store import Store

NewStore = Callable[[str], AbstractContextManager[Store]]


@contextmanager
def scratch(settings: Settings) -> Iterator[tuple[NewStore, Path]]:
    """`new_store(name)`, which opens an empty, migrated database of the embedded Postgres, and an empty folder."""
    server = start_postgres(settings.postgres_dir)
    folder = settings.home / "bench" / uuid.uuid4().hex
    folder.mkdir(parents=True)
    try:
        yield (lambda name: _database(server, f"{name}_{uuid.uuid4().hex[:8]}")), folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _database(server: sa.URL, name: str) -> Iterator[Store]:
    store = Store(ensure_database(server, name).render_as_string(hide_password=False))
    try:
        store.migrate()
        yield store
    finally:
        store.close()
        engine = sa.create_engine(
            server.set(drivername="postgresql+psycopg2"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
        )
        with engine.connect() as connection:
            connection.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        engine.dispose()
