"""Postgres and the artifacts: the only place with SQL."""

from recommenders.store.artifacts import Artifacts
from recommenders.store.database import Store

__all__ = ["Artifacts", "Store"]
