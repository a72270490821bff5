"""What is not a listener's own taste."""

from alembic import op

revision = "0006"
down_revision = "0005"

TASTE = """
-- Listening that looks like somebody else's. It is confined to a device, to hours of the day (local, from `first_hour`
-- on) or to one night (`from_at` to `until_at`); `artist_ids` are those whose music it is, the user's own plays of them
-- first. Known from `known_at` on: the cut-off of the listening in which it was found first; `seen_at`: last. As of a
-- moment before `changed_at` the artists were `former_artist_ids`. Withdrawn, as of `withdrawn_at`: not found again.
CREATE TABLE taste_proposals (
    proposal_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users,
    finding text NOT NULL CHECK (finding IN ('somebody else', 'sleep', 'party')),
    device text,
    first_hour smallint CHECK (first_hour BETWEEN 0 AND 23),
    hours smallint CHECK (hours BETWEEN 1 AND 24),
    from_at timestamptz,
    until_at timestamptz,
    artist_ids bigint[] NOT NULL,
    former_artist_ids bigint[] NOT NULL DEFAULT '{}',
    changed_at timestamptz NOT NULL DEFAULT '-infinity',
    played_artists integer NOT NULL,
    evidence jsonb NOT NULL,
    state text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'accepted', 'declined', 'withdrawn')),
    known_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    decided_at timestamptz,
    withdrawn_at timestamptz,
    CHECK (num_nonnulls(device, first_hour, from_at) = 1),
    CHECK ((first_hour IS NULL) = (hours IS NULL) AND (from_at IS NULL) = (until_at IS NULL))
);
CREATE INDEX ON taste_proposals (user_id);

-- An accepted proposal is an exclusion: what fits its columns, and all plays of the proposal's artists. One that was
-- undone is as if it had never been.
ALTER TABLE taste_exclusions
    ADD COLUMN proposal_id bigint UNIQUE REFERENCES taste_proposals,
    ADD COLUMN made_at timestamptz,
    ADD COLUMN undone_at timestamptz,
    DROP CONSTRAINT taste_exclusions_check,
    ADD CHECK (num_nonnulls(device, context, from_at, until_at, track_id, artist_id, proposal_id) > 0);

-- When proposals were looked for, as of which moment.
CREATE TABLE taste_searches (
    search_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cutoff timestamptz NOT NULL UNIQUE,
    made_at timestamptz NOT NULL,
    users bigint NOT NULL,
    plays bigint NOT NULL,
    found integer NOT NULL
);

-- The genre of each track as of a search: above 0 a tag's, below 0 a kind of music found in who plays what.
CREATE TABLE track_genres (
    search_id bigint NOT NULL REFERENCES taste_searches ON DELETE CASCADE,
    track_id bigint NOT NULL REFERENCES tracks,
    genre integer NOT NULL CHECK (genre <> 0),
    PRIMARY KEY (search_id, track_id)
);
"""


def upgrade() -> None:
    """Create the tables of proposals, of searches for them, and of genres; let an exclusion come of a proposal."""
    op.execute(TASTE)
