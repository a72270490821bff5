"""An import that was cut off goes on in the ledger where it was."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Say which run imported a file, and whether the file is out of the way."""
    op.execute("""
        ALTER TABLE imports ADD COLUMN run_key text, ADD COLUMN settled boolean NOT NULL DEFAULT false;
        UPDATE imports SET settled = true;
        CREATE INDEX ON imports (run_key);
        CREATE INDEX ON imports (content_hash) WHERE NOT settled;
    """)
