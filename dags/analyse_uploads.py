"""Analyse uploads: listen to new songs, so that they can be recommended before anybody has played them.

Runs every ten minutes, three minutes past, and whenever somebody triggers it; where nothing is new it costs a look at
the folder. Songs are files of audio in the uploads folder (`MIXTAPE_UPLOADS_URL`, by default `uploads/` in the home
folder), in any folders below it, and the files that the catalogue names (`audio_uri`).

- `scan` registers what is new or has changed, and what an older version of the analysis has heard. A file that was
  written to in the last seconds, is hidden, or is named like an unfinished one (`.part`, `.tmp`) is left for the next
  run. Links, pipes and devices are never opened.
- `analyse` (one task for each batch, in the pool `audio`: as many at once as it has slots) decodes each file once, in a
  process with limits on memory and time: tempo, key, loudness, sections and the rest go to `mixtape.audio_analyses`,
  the fingerprint to `mixtape.fingerprints`, genres to `mixtape.track_tags`; the audio network that serves, if there is
  one, predicts a vector (`mixtape.track_vectors`).
  While `monday_playlists` is at work a batch waits, for an hour at most.
- `summarise` logs what came of it, and emits the asset `track_audio` when something was heard.

**Which song a file is.** The catalogue names the file, or the file is named after a track's id: it is that track's.
Else, if a known track has the same recording (whatever its format, bitrate or loudness), it adds nothing. Else it is a
new song: its tags say which, or its name ("Artist - Title"), or the folder it lies in (the artist) and its name.

**What can't be used** is set aside in `mixtape.rejected` (kind `uploads`) with its reason, and costs itself only. Put a
better file in its place, or trigger with `reanalyse` = `rejected`, and it is tried again. A task that is killed goes on
where it was: no file is heard twice but the one it was at, and one that ends the process three times is given up.
"""

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import CronTriggerTimetable, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.common import (
    ASSET,
    DEFAULTS,
    Pool,
    Tag,
    as_params,
    open_artifacts,
    open_store,
    read_params,
    wait_for_monday,
)
from dags.common.defaults import SETTINGS
from recommenders.exchange.upload_parameters import UploadParameters
from recommenders.settings import Settings


@dag(
    schedule=CronTriggerTimetable("3-53/10 * * * *", timezone=SETTINGS.timezone),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    tags=[Tag.DATA],
    params=as_params(UploadParameters),
    default_args=DEFAULTS,
)
def analyse_uploads() -> None:
    """Wire the tasks of a look at the uploads."""

    @task
    def scan() -> list[list[int]]:
        """Register what is new; the batches of files that wait, by id."""
        from recommenders.exchange import uploads

        parameters = read_params(UploadParameters)
        with open_store() as store:
            uploads.scan(store, Settings().uploads, parameters, now=datetime.now(UTC))
            return uploads.plan_batches(store, parameters)

    @task(pool=Pool.AUDIO, map_index_template="{{ label }}")
    def analyse(batch: list[int]) -> dict[str, int]:
        """Hear the files of one batch; how many came to what."""
        from recommenders.exchange import uploads

        settings = Settings()
        get_current_context()["label"] = uploads.label(batch)  # type: ignore[literal-required]
        wait_for_monday()
        with open_store() as store:
            return uploads.analyse_batch(
                store,
                open_artifacts(),
                batch,
                settings.uploads,
                scratch=settings.home / "fetched",
                clock=lambda: datetime.now(UTC),
            ).counts()

    @task(outlets=[ASSET.TRACK_AUDIO], trigger_rule="none_failed")
    def summarise(*, outlet_events: Any = None) -> dict[str, int]:
        """Log what came of this run, and tell the DAGs that wait for new recordings."""
        from recommenders.exchange import uploads

        with open_store() as store:
            total = uploads.summarise(store, since=get_current_context()["dag_run"].start_date)
        if not total["analysed"]:
            raise AirflowSkipException("Nothing new was heard.")
        outlet_events[ASSET.TRACK_AUDIO].extra = total
        return total

    analyse.expand(batch=scan()) >> summarise()


analyse_uploads()
