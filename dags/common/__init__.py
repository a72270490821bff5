"""What the DAGs share: defaults, tags, pools, assets, the store, the cut-off, params from pydantic."""

from dags.common.context import open_artifacts, open_store, resolve_moment, run_key, run_time
from dags.common.defaults import ASSET, DEFAULTS, MONDAY_MORNING, Pool, Tag, cron
from dags.common.params import as_params, read_params

__all__ = [
    "ASSET",
    "DEFAULTS",
    "MONDAY_MORNING",
    "Pool",
    "Tag",
    "as_params",
    "cron",
    "open_artifacts",
    "open_store",
    "read_params",
    "resolve_moment",
    "run_key",
    "run_time",
]
