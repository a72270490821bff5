"""Import listening: bring in what was dropped into the landing folder.

Runs every hour; trigger it by hand after dropping files. Files are taken from `catalogue/`, `users/` and `listening/`
below the landing folder (`MIXTAPE_LANDING_URL`, by default `landing/` in the home folder), in this order and then by
name, because a song must be known before it can have been heard. README.md describes the formats; HetRec's files go
into `catalogue/hetrec/` and `listening/hetrec/`.

- `find` lists what waits. A file that is hidden, ends like an unfinished one (`.part`, `.tmp`) or was written to in the
  last seconds is left for the next run. When nothing waits, the rest of the run is skipped.
- `import_files` (one task for each kind of file, one after the other) loads the good lines, sets every other line aside
  in `mixtape.rejected` with its number and reason, and moves each file to `imported/`. Its log has a line a file.
- `announce` emits the asset `listening` with the counts, when anything new came in.

Importing the same file again adds nothing. A line that was set aside because its song was unknown loads when the file
is imported again after the catalogue. The log of each task and the Mixtape page say how many lines were set aside.
"""

from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from airflow.sdk import CronTriggerTimetable, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.common import ASSET, DEFAULTS, Tag, open_store
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
    def find() -> list[list[dict[str, str]]]:
        """The files that wait in the landing folder, in groups of one kind."""
        from recommenders.exchange.imports import find_landing
        from recommenders.settings import Settings

        files = [vars(file) for file in find_landing(Settings().landing, now=datetime.now(UTC))]
        if not files:
            raise AirflowSkipException("Nothing waits in the landing folder.")
        return [list(group) for _, group in groupby(files, key=itemgetter("kind"))]

    @task(map_index_template="{{ label }}", max_active_tis_per_dagrun=1)
    def import_files(files: list[dict[str, str]]) -> dict[str, int]:
        """Load the files of one kind and move each away; the counts of all."""
        from recommenders.exchange.imports import LandingFile, import_landed
        from recommenders.settings import Settings

        get_current_context()["label"] = f"{files[0]['kind']}: {len(files)} files"  # type: ignore[literal-required]
        with open_store() as store:
            imported = (
                import_landed(store, Settings().landing, LandingFile(**file), now=datetime.now(UTC)) for file in files
            )
            reports = [report for report in imported if report]
        return {
            "rows": sum(report.rows_read for report in reports),
            "new": sum(report.rows_new for report in reports),
            "rejected": sum(report.rows_rejected for report in reports),
        }

    @task(outlets=[ASSET.LISTENING])
    def announce(counts: list[dict[str, int]], *, outlet_events: Any = None) -> dict[str, int]:
        """Tell the DAGs that wait for listening."""
        total = {name: sum(count[name] for count in counts) for name in ("rows", "new", "rejected")}
        if not total["new"]:
            raise AirflowSkipException(f"Nothing new in {total['rows']:,} rows.")
        outlet_events[ASSET.LISTENING].extra = total
        return total

    announce(import_files.expand(files=find()))


import_listening()
