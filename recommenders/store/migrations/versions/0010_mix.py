"""The mix: the ranker of an edition, the sources that it ranks, and what each model said of a song."""

from alembic import op

revision = "0010"
down_revision = "0009"

MIX = """
ALTER TABLE editions ADD COLUMN ranker_id bigint REFERENCES models;

CREATE OR REPLACE FUNCTION source_name(code smallint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (ARRAY['mix', 'nearest listeners', 'culture', 'editorial', 'popular', 'audio', 'items', 'text', 'artist',
                  'listeners like you', 'curators'])[code];
"""


def upgrade() -> None:
    """Say which ranker an edition used, and name the sources that it ranks."""
    op.execute(MIX)
