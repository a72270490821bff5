"""Housekeeping: makes room ahead, removes what is over, keeps the database's statistics fresh.

Runs every day at 03:30 in the configured time zone. It is safe to trigger at any time and to run beside anything else.

- `prepare_partitions` makes the partitions of `events` for this month and the next three. (An import also makes what it
  needs; this only spares it the wait.)
- `drop_old_events` drops the months of events that are older than `MIXTAPE_EVENTS_RETENTION_MONTHS`. Unset, as by
  default, nothing is ever dropped. Whatever was dropped stays in `heard`: it will not be recommended again.
- `remove_old_editions` deletes dry runs, failed attempts and replaced mixtapes after
  `MIXTAPE_EDITIONS_RETENTION_WEEKS` (26), and the working files of every edition and of models that never served. What
  listeners were given, and every model that ever was champion, is kept.
- `thin_out_reading` keeps the top terms of every day for eight weeks, of earlier months the last ones only, and the
  records of crawls for half a year. Articles and what they mention are kept.
- `analyze` refreshes the statistics that Postgres plans its queries with.

**When something is wrong.** A task that fails is tried again; the next day's run does what this one left. Nothing that
listeners see depends on it.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, task

from dags.common import DEFAULTS, Tag, cron, open_artifacts, open_store
from dags.common.defaults import SETTINGS

EVERY_NIGHT = cron("30 3 * * *")


@dag(
    schedule=EVERY_NIGHT,
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    tags=[Tag.MAINTENANCE],
    default_args=DEFAULTS,
)
def housekeeping() -> None:
    """Wire the tasks of a night."""

    @task
    def prepare_partitions() -> list[str]:
        """Make this month's and the next months' partitions; the names of the new ones."""
        from recommenders.store.partitions import ensure_months_ahead

        with open_store() as store, store.begin() as connection:
            return ensure_months_ahead(connection, datetime.now(UTC).date())

    @task
    def drop_old_events() -> list[str]:
        """Drop the months whose retention is over; their names."""
        from recommenders.store.housekeeping import drop_old_events as drop

        with open_store() as store, store.begin() as connection:
            return drop(connection, datetime.now(UTC).date(), SETTINGS.events_retention_months)

    @task
    def remove_old_editions() -> dict[str, int]:
        """Remove editions that nobody reads, and files that nobody needs; how many of each."""
        from recommenders.store import housekeeping as store_housekeeping

        before = datetime.now(UTC) - timedelta(weeks=SETTINGS.editions_retention_weeks)
        with open_store() as store, store.begin() as connection:
            removed = store_housekeeping.remove_old_editions(connection, before)
            files = store_housekeeping.remove_old_files(connection, open_artifacts(), before)
        return {"lists": len(removed)} | files

    @task
    def thin_out_reading() -> dict[str, int]:
        """Remove what nobody looks at any more of old days' reading; how many rows."""
        from recommenders.store.housekeeping import thin_out_reading as thin_out

        with open_store() as store, store.begin() as connection:
            return thin_out(connection, datetime.now(UTC).date())

    @task
    def analyze() -> None:
        """Refresh the planner's statistics."""
        from recommenders.store.housekeeping import analyze as analyze_tables

        with open_store() as store, store.begin() as connection:
            analyze_tables(connection)

    [prepare_partitions(), drop_old_events(), remove_old_editions(), thin_out_reading()] >> analyze()


housekeeping()
