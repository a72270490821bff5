"""The benchmark of reading runs whole on a small scale, and says what it says it measures."""

import json
from pathlib import Path

import pytest

from recommenders.benchmarks.language import run
from recommenders.errors import ConfigurationError
from recommenders.settings import Settings
from tests.conftest import RealData


def test_reading_is_measured_up_to_many_names_and_beside_the_bare_automaton(
    tmp_path: Path, real_data: RealData
) -> None:
    assert real_data("names").exists() and real_data("text/usefulalgorithm").exists()
    found = run(tmp_path, Settings().test_data, articles=60, most_names=91_440, seed=3, rounds=1)
    said = json.loads(found.as_json())
    assert said["settings"]["names"] == [45_720, 64_658, 91_440]
    assert all(value > 0 for value in said["figures"].values())
    assert said["figures"]["mentions an article"] > 1
    # Twice as many names cost twice as much to keep.
    assert said["ratios"]["memory of a name, 91,440 / 45,720"] < 2
    assert "bare pyahocorasick" in found.table()


def test_without_its_data_the_benchmark_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="MIXTAPE_TEST_DATA"):
        run(tmp_path, tmp_path, articles=10, most_names=10, seed=1, rounds=1)
