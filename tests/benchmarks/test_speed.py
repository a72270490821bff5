"""The benchmarks of speed run whole on a small service, and report what they say they report."""

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

from recommenders.benchmarks import audio, imports, monday, retrain
from recommenders.benchmarks.world import Size
from recommenders.errors import ConfigurationError
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


def test_listening_is_measured_beside_essentias_own_extractor(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    (tmp_path / "audio").mkdir()
    for name in ("one.wav", "two.flac"):
        soundfile.write(tmp_path / "audio" / name, 0.1 * rng.standard_normal(20 * 44_100), 44_100)
    found = audio.run(tmp_path / "audio", tmp_path, 1)
    said = json.loads(found.as_json())
    assert said["settings"]["files"] == 2
    assert said["settings"]["audio_s"] == pytest.approx(40)
    assert said["ratios"]["listening / MusicExtractor"] > 1
    assert said["ratios"]["listening with a network / MusicExtractor"] > 1
    assert 0 < said["ratios"]["peak memory / allowed"] < 1
    assert "two workers / one" in found.table()


def test_a_folder_without_recordings_is_no_benchmark(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--audio"):
        audio.run(tmp_path, tmp_path, 1)
