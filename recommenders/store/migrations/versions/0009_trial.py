"""Trials of two models in one mixtape."""

from alembic import op

revision = "0009"
down_revision = "0008"

TRIAL = """
-- The model that is tried beside the edition's own, and the share of users with whom; null outside of a trial.
ALTER TABLE editions
    ADD COLUMN trial_model_id bigint REFERENCES models,
    ADD COLUMN trial_share double precision CHECK (trial_share > 0 AND trial_share <= 1),
    ADD CHECK ((trial_model_id IS NULL) = (trial_share IS NULL));

-- Which side of a trial picked each song: 1 = the champion, 2 = the model that is tried, 0 = neither. Null for a user
-- who is not in a trial.
ALTER TABLE playlists ADD COLUMN teams smallint[];
"""


def upgrade() -> None:
    """Let editions name a trial, and songs the side that picked them."""
    op.execute(TRIAL)
