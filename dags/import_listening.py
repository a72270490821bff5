"""Import listening: bring in what was dropped into the landing folder.

Runs every hour; trigger it by hand after dropping files. Files are taken from `catalogue/`, `users/`, `listening/`, and
`tags/`, `biographies/`, `articles/`, `editorial/` below the landing folder (`MIXTAPE_LANDING_URL`, by default
`landing/` in the home folder), in this order and then by name, because a song must be known before it can have been
heard, written about, or put on a list.
README.md describes the formats; HetRec's files go into `catalogue/hetrec/`, `listening/hetrec/` and `tags/hetrec/`.

- `import_catalogue`, `import_users` and `import_plays` each load the good lines of their files, set every other line
  aside in `mixtape.rejected` with its number and reason, and move the files to `imported/`. The log has a line a file.
  A file that is hidden, ends like an unfinished one (`.part`, `.tmp`) or was written to in the last seconds is left for
  the next run.
- `import_writing` takes in what is written about artists and songs; the DAG `crawl_blogs` reads it with its next run.
- `import_lists` takes in curators' lists: a file that changed replaces its list, one that did not changes nothing.
  Mondays and stations recommend from the lists that are valid; the page **Curators** shows and edits them.
- `announce` emits the asset `listening` with the counts; it is skipped when nothing new came in.

While `monday_playlists` is at work an import waits, for an hour at most: a mixtape must not know half of a play.

Importing the same file again adds nothing. A line that was set aside because its song was unknown loads when the file
is imported again after the catalogue. The log of each task and the Mixtape page say how many lines were set aside.
"""

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import CronTriggerTimetable, dag, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.common import ASSET, DEFAULTS, Tag, open_store, run_key, wait_for_mixtapes
from dags.common.defaults import SETTINGS


@dag(
    schedule=CronTriggerTimetable("0 * * * *", timezone=SETTINGS.timezone),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    tags=[Tag.DATA],
    default_args=DEFAULTS,
)
def import_listening() -> None:
    """Wire the tasks of an import."""

    @task
    def import_kinds(kinds: list[str]) -> dict[str, int]:
        """Load the files of some kinds and move each away; the counts of all."""
        from recommenders.exchange.imports import import_landing
        from recommenders.settings import Settings
        from recommenders.store.imports import imported_by

        with open_store() as store:
            wait_for_mixtapes(store)
            import_landing(store, Settings().landing, now=datetime.now(UTC), kinds=kinds, run_key=run_key())
            with store.begin() as connection:
                return imported_by(connection, run_key(), kinds)

    @task(outlets=[ASSET.LISTENING])
    def announce(counts: list[dict[str, int]], *, outlet_events: Any = None) -> dict[str, int]:
        """Tell the DAGs that wait for listening."""
        total = {name: sum(count[name] for count in counts) for name in ("rows", "new", "rejected")}
        if not total["new"]:
            raise AirflowSkipException(f"Nothing new in {total['rows']:,} rows.")
        outlet_events[ASSET.LISTENING].extra = total
        return total

    catalogue = import_kinds.override(task_id="import_catalogue")(["catalogue"])
    users = import_kinds.override(task_id="import_users")(["users"])
    plays = import_kinds.override(task_id="import_plays")(["listening"])
    writing = import_kinds.override(task_id="import_writing")(["tags", "biographies", "articles"])
    lists = import_kinds.override(task_id="import_lists")(["editorial"])
    catalogue >> users >> plays >> writing >> lists
    announce([catalogue, users, plays])


import_listening()
