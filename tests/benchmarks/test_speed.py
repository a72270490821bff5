"""The benchmarks of speed run whole on a small service, and report what they say they report."""

import json
from pathlib import Path
from types import ModuleType

import pytest

from recommenders.benchmarks import imports, monday, retrain
from recommenders.benchmarks.world import Size
from tests.benchmarks.conftest import NewStore

SMALL = Size(users=1000, tracks=1000, events=20_000, seed=4)


@pytest.mark.parametrize(
    ("benchmark", "ratio"),
    [
        (imports, "csv / bare COPY"),
        (retrain, "retraining / bare fit"),
        (monday, "users/s / recommend"),
    ],
)
def test_a_benchmark_measures_the_whole_beside_the_bare_library(
    new_store: NewStore, tmp_path: Path, benchmark: ModuleType, ratio: str
) -> None:
    steps: list[str] = []
    found = benchmark.run(new_store, tmp_path, SMALL, 1, steps.append)
    said = json.loads(found.as_json())
    assert said["settings"]["users"] == 1000
    assert said["ratios"][ratio] > 0
    assert all(value > 0 for value in said["figures"].values())
    assert len({len(line.split("  ")[0]) for line in found.table().splitlines()}) > 1
    assert steps
