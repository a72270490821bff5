"""The network on both of its sides: trained by Keras, served by essentia, each in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from recommenders.audio.mel import BANDS, FRAMES
from recommenders.audio.mels import save_mels
from recommenders.audio.network import NetworkParameters
from recommenders.audio.serving import Predictions, fetch_network
from recommenders.audio.training import Lessons
from recommenders.settings import PROJECT_ROOT
from recommenders.store import Artifacts

SMALL = NetworkParameters(filters=16, dense=32, batch=16, epochs=3)
N_TRACKS, N_FACTORS, N_TAGS = 60, 6, 2

KERAS_SIDE = """
import sys, numpy as np
from recommenders.audio.training import Lessons, Excerpts, _Course
from recommenders.store import Artifacts
from pathlib import Path
artifacts = Artifacts(sys.argv[1])
lessons = Lessons.load(artifacts, "run")
course = _Course(lessons, Excerpts.collect(artifacts, lessons, Path(sys.argv[2])))
course.go_on(artifacts, "run")
mels = np.load(sys.argv[2] + "/probe.npy").astype(np.float32)
np.save(sys.argv[2] + "/keras.npy", course.finished()(mels, training=False).numpy())
"""
ESSENTIA_SIDE = """
import sys, json, numpy as np
from recommenders.audio.served import ServedNetwork
from recommenders.audio.serving import fetch_network
from recommenders.store import Artifacts
from pathlib import Path
artifacts = Artifacts(sys.argv[1])
path, facts = fetch_network(artifacts, artifacts.url + "/run/network.parquet", Path(sys.argv[2]))
network = ServedNetwork.load(path, facts)
probe = np.load(sys.argv[2] + "/probe.npy")
np.save(sys.argv[2] + "/essentia.npy", network.hear(probe))
direction, tags = network.predict(probe[:3])
assert abs(np.linalg.norm(direction) - 1) < 1e-5, direction
assert set(tags) == {"mood:calm", "mood:loud"}, tags
assert "tensorflow" not in sys.modules
"""


def planted(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Directions (60, 6), and excerpts whose bands hold them."""
    directions = rng.normal(size=(N_TRACKS, N_FACTORS)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    bands = np.maximum(1 + directions @ rng.normal(size=(N_FACTORS, BANDS)), 0)[:, None]
    return directions, (bands + rng.normal(0, 0.1, (N_TRACKS, FRAMES, BANDS))).astype(np.float16)


def prepare(artifacts: Artifacts, parameters: NetworkParameters = SMALL) -> np.ndarray:
    rng = np.random.default_rng(1)
    directions, mels = planted(rng)
    track_ids = np.arange(1, N_TRACKS + 1) * 10
    save_mels(artifacts, "all", track_ids, mels)
    Lessons(
        track_ids=track_ids,
        directions=directions,
        confidences=np.ones(N_TRACKS, dtype=np.float32),
        unseen=np.arange(N_TRACKS) % 5 == 0,
        tags=(rng.random((N_TRACKS, N_TAGS)) < 0.4).astype(np.float32),
        tag_names=("mood:calm", "mood:loud"),
        parameters=parameters,
        seed=3,
    ).save(artifacts, "run")
    return directions


def program(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_both_sides_give_the_same_and_stored_excerpts_are_predicted(artifacts: Artifacts, tmp_path: Path) -> None:
    prepare(artifacts)
    said = program("-m", "recommenders.audio.training", artifacts.url, "run")
    assert "Training on the" in said
    assert "pass 3 of at most 3: 48 excerpts in" in said
    probe = np.concatenate([planted(np.random.default_rng(2))[1][:4], np.zeros((1, FRAMES, BANDS), np.float16)])
    np.save(tmp_path / "probe.npy", probe)
    program("-c", KERAS_SIDE, artifacts.url, str(tmp_path))
    program("-c", ESSENTIA_SIDE, artifacts.url, str(tmp_path))
    ours, theirs = np.load(tmp_path / "keras.npy"), np.load(tmp_path / "essentia.npy")
    assert ours.shape == (5, N_FACTORS + N_TAGS)
    assert np.abs(ours - theirs).max() < 1e-4

    artifacts.write("run/predicted-wanted", pa.table({"track_id": [20, 30, 77]}))
    uri = f"{artifacts.url}/run/network.parquet"
    program("-m", "recommenders.audio.serving", artifacts.url, uri, "run/predicted")
    predicted = Predictions.load(artifacts, "run/predicted")
    assert predicted.track_ids.tolist() == [20, 30]
    assert np.linalg.norm(predicted.directions, axis=1) == pytest.approx([1, 1], abs=1e-5)


def test_the_graph_is_fetched_once(artifacts: Artifacts, tmp_path: Path) -> None:
    uri = artifacts.write("models/audio/a", pa.table({"graph": [b"graph"]}), {"factors": 4})
    path, facts = fetch_network(artifacts, uri, tmp_path / "cache")
    assert path.read_bytes() == b"graph"
    assert facts == {"factors": 4}
    written = path.stat().st_mtime_ns
    assert fetch_network(artifacts, uri, tmp_path / "cache")[0] == path
    assert path.stat().st_mtime_ns == written
    assert [file.name for file in (tmp_path / "cache").iterdir()] == [path.name]


def test_the_facts_of_a_network_are_json() -> None:
    assert json.loads(json.dumps(SMALL.model_dump())) == SMALL.model_dump()
