"""Databases for benchmarks."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import sqlalchemy as sa

from recommenders.runtime.postgres import ensure_database
from recommenders.store import Store

NewStore = Callable[[str], AbstractContextManager[Store]]


@pytest.fixture
def new_store(postgres: sa.URL) -> NewStore:
    """Opens an empty, migrated database by a name."""

    @contextmanager
    def opened(name: str) -> Iterator[Store]:
        url = ensure_database(postgres, f"{name}_{uuid.uuid4().hex[:8]}", template="template")
        store = Store(url.render_as_string(hide_password=False))
        yield store
        store.close()

    return opened
