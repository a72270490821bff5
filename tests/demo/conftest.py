"""One demo service of the default size, shared by the tests of this folder."""

import datetime as dt

import pytest

from recommenders.demo import World, generate_world

NOW = dt.datetime(2026, 3, 2, 4, 30, tzinfo=dt.UTC)


@pytest.fixture(scope="session")
def now() -> dt.datetime:
    """The Monday morning on which the demo's weeks end."""
    return NOW


@pytest.fixture(scope="session")
def world() -> World:
    """The demo service with seed 11, and a held-out week."""
    return generate_world(11, NOW)
