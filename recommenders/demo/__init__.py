"""The demo service: an invented music service with planted truths, for the first run and for tests."""

from recommenders.demo.oracle import oracle_scores
from recommenders.demo.world import Truth, World, generate_world, write_world

__all__ = ["Truth", "World", "generate_world", "oracle_scores", "write_world"]
