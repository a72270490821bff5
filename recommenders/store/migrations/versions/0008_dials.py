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

BLOCKS = """
-- What is called `term`, in lower case, by its tags or by what is written of it, is blocked as well.
ALTER TABLE blocks
    ADD COLUMN term text CHECK (term = lower(term) AND length(term) BETWEEN 1 AND 200),
    DROP CONSTRAINT blocks_check,
    ADD CHECK (num_nonnulls(track_id, artist_id, term) = 1),
    DROP CONSTRAINT blocks_user_id_track_id_artist_id_since_key,
    ADD UNIQUE NULLS NOT DISTINCT (user_id, track_id, artist_id, term, since);
CREATE INDEX ON blocks (user_id) WHERE term IS NOT NULL;
"""


def upgrade() -> None:
    """Create the table of dials, and let terms be blocked."""
    op.execute(DIALS)
    op.execute(BLOCKS)
