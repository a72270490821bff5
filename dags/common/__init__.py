"""What the DAGs share: defaults, tags, pools, assets, the store, the cut-off, params from pydantic."""

from dags.common.context import (
    one_at_a_time,
    open_artifacts,
    open_store,
    resolve_moment,
    run_key,
    run_time,
    wait_for_import,
    wait_for_mixtapes,
    wait_for_monday,
    wait_for_turn,
)
from dags.common.defaults import ASSET, DEFAULTS, Pool, Tag, cron
from dags.common.params import as_params, read_params

__all__ = [
    "ASSET",
    "DEFAULTS",
    "Pool",
    "Tag",
    "as_params",
    "cron",
    "one_at_a_time",
    "open_artifacts",
    "open_store",
    "read_params",
    "resolve_moment",
    "run_key",
    "run_time",
    "wait_for_import",
    "wait_for_mixtapes",
    "wait_for_monday",
    "wait_for_turn",
]
