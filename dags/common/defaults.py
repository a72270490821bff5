"""Defaults, tags, pools and assets of every DAG."""

import json
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from airflow.sdk import Asset, CronTriggerTimetable

from recommenders.settings import Settings

SETTINGS = Settings()

DEFAULTS: dict[str, Any] = {
    "owner": "mixtape",
    "retries": 3,
    "retry_delay": timedelta(seconds=SETTINGS.retry_delay_s),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(hours=6),
}


def cron(expression: str, interval: timedelta = timedelta()) -> CronTriggerTimetable:
    """The times of `expression` in the configured time zone; each run is about the `interval` before it.

    Where clocks go forward over such a time, the run comes as much later as they were put forward (02:30 becomes
    03:30); where they go back over it, it comes at the second of the two: every day has its run, and one only.

    A DAG that has never run waits for its next time. Left to itself, Airflow would at once run the one just missed if
    it lies in the last tenth of the way: on a Monday, a service without any data would begin with a failed run.
    """
    return CronTriggerTimetable(
        expression, timezone=SETTINGS.timezone, interval=interval, run_immediately=timedelta(minutes=10)
    )


class Tag(StrEnum):
    """Every tag that a DAG may carry."""

    DATA = "data"
    MODELS = "models"
    PLAYLISTS = "playlists"
    MAINTENANCE = "maintenance"


class Pool(StrEnum):
    """Every pool; `mixtape up` makes those that are missing with the sizes of `pools.json` (`airflow pools import`)."""

    TRAIN = "train"
    AUDIO = "audio"
    CRAWL = "crawl"


POOL_SLOTS = {
    Pool(name): pool["slots"] for name, pool in json.loads(Path(__file__).with_name("pools.json").read_text()).items()
}


class ASSET:
    """Every asset: the edges of the data flow between DAGs."""

    LISTENING = Asset("listening")
    TRACK_VECTORS = Asset("track_vectors")
    TRACK_AUDIO = Asset("track_audio")
    AUDIO_NETWORK = Asset("audio_network")
    RANKER = Asset("ranker")
    TOP_TERMS = Asset("top_terms")
    PLAYLISTS = Asset("playlists")
    REPORT = Asset("report")
