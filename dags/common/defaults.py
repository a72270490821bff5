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
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(hours=6),
}

MONDAY_MORNING = CronTriggerTimetable("0 5 * * MON", timezone=SETTINGS.timezone, interval=timedelta(days=7))


class Tag(StrEnum):
    """Every tag that a DAG may carry."""

    DATA = "data"
    MODELS = "models"
    PLAYLISTS = "playlists"
    MAINTENANCE = "maintenance"


class Pool(StrEnum):
    """Every pool; `mixtape up` makes those that are missing with the sizes of `pools.json` (`airflow pools import`)."""

    TRAIN = "train"


POOL_SLOTS = {
    Pool(name): pool["slots"] for name, pool in json.loads(Path(__file__).with_name("pools.json").read_text()).items()
}


class ASSET:
    """Every asset: the edges of the data flow between DAGs."""

    LISTENING = Asset("listening")
    TRACK_VECTORS = Asset("track_vectors")
    PLAYLISTS = Asset("playlists")
