"""What became of each week's mixtapes."""

from alembic import op

revision = "0005"
down_revision = "0004"

REPORTS = """
-- One row a week and run. `until`: what happened before it is known; `complete`: the week was over by then.
-- `edition_id` is null where nothing was published for the week.
CREATE TABLE reports (
    week date NOT NULL CHECK (extract(isodow FROM week) = 1),
    run_key text NOT NULL,
    edition_id bigint,
    until timestamptz NOT NULL,
    complete boolean NOT NULL,
    figures jsonb NOT NULL,
    drift jsonb NOT NULL,
    alarms text[] NOT NULL,
    made_at timestamptz NOT NULL,
    PRIMARY KEY (week, run_key)
);
"""


def upgrade() -> None:
    """Create the table of reports."""
    op.execute(REPORTS)
