"""Trials of two models in one mixtape."""

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Nothing to change yet."""
