"""The training of the network: it learns what is planted, gives the same each time, and goes on after it was killed."""

import io
import signal
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from recommenders.audio.network import NetworkParameters
from recommenders.settings import PROJECT_ROOT
from recommenders.store import Artifacts
from tests.audio.test_serving import SMALL, prepare

PARAMETERS = SMALL.model_copy(update={"epochs": 12, "patience": 12, "batch": 8, "dropout": 0.1})


def program(artifacts: Artifacts) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "recommenders.audio.training", artifacts.url, "run"],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def trained(artifacts: Artifacts) -> tuple[str, dict[str, Any], dict[str, np.ndarray]]:
    """What a training says, the network's facts, and every number of its last checkpoint."""
    process = program(artifacts)
    said, complaints = process.communicate(timeout=600)
    assert process.returncode == 0, complaints
    _, facts = artifacts.read(f"{artifacts.url}/run/network.parquet")
    table, _ = artifacts.read(f"{artifacts.url}/run/checkpoint.parquet")
    with np.load(io.BytesIO(table["state"][0].as_py())) as numbers:
        return said, facts, dict(numbers)


def test_it_learns_what_is_planted_and_a_killed_training_goes_on_to_the_same_network(tmp_path: Any) -> None:
    whole, broken = Artifacts((tmp_path / "whole").as_uri()), Artifacts((tmp_path / "broken").as_uri())
    prepare(whole, PARAMETERS)
    prepare(broken, PARAMETERS)
    _, facts, numbers = trained(whole)
    assert facts["factors"] == 6
    assert facts["excerpts"] == 60
    assert facts["cosine"] > 0.3  # on tracks that it did not learn from; a guess has 0
    process = program(broken)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("pass 4 of"):
            process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    process.stderr.close() if process.stderr else None
    said, again, resumed = trained(broken)
    assert "Going on after pass" in said
    assert "pass 1 of" not in said
    assert again == facts
    assert set(resumed) == set(numbers)
    assert all((resumed[name] == values).all() for name, values in numbers.items())
    once_more, _, _ = trained(broken)
    assert "pass" not in once_more  # it is there already


def test_it_stops_when_unseen_artists_gain_nothing_more(artifacts: Artifacts) -> None:
    prepare(artifacts, PARAMETERS.model_copy(update={"epochs": 200, "patience": 2, "learning_rate": 0.5}))
    _, facts, _ = trained(artifacts)
    assert facts["epochs"] == facts["best_epoch"] + 2 < 200


@pytest.mark.parametrize("wrong", [{"filters": 0}, {"crop_frames": 700}, {"dropout": 1.0}, {"layers": 9}])
def test_senseless_parameters_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NetworkParameters(**wrong)
