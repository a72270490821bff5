"""What is not a listener's own taste."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Nothing to change yet."""
