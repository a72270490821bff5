"""Each listener's own dials, and blocks of a term."""

from alembic import op

revision = "0008"
down_revision = "0007"

DIALS = """
-- What a listener has set for their own mixtapes, from `since` on until their next row; null = as the run has it.
-- A row of nulls takes everything back.
CREATE TABLE user_dials (
    user_id bigint NOT NULL REFERENCES users,
    since timestamptz NOT NULL,
    adventurousness real CHECK (adventurousness BETWEEN -1 AND 1),
    min_fresh smallint CHECK (min_fresh BETWEEN 0 AND 100),
    length smallint CHECK (length BETWEEN 5 AND 100),
    max_per_artist smallint CHECK (max_per_artist BETWEEN 1 AND 100),
    max_per_release smallint CHECK (max_per_release BETWEEN 1 AND 100),
    PRIMARY KEY (user_id, since)
);
"""


def upgrade() -> None:
    """Create the table of dials."""
    op.execute(DIALS)
