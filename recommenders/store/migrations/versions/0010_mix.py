"""The mix: the ranker, and what each model said of a song."""

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Nothing to change yet."""
