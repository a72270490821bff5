"""The network that serves places a new song at once; without it, or with a broken one, songs are heard all the same."""

import datetime as dt
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from recommenders.settings import PROJECT_ROOT
from recommenders.store import Artifacts, Store, models
from recommenders.store.recordings import Tag, read_tags
from tests.audio.hostile_files import encoded, tune
from tests.exchange.conftest import Uploads

NOW = dt.datetime(2026, 11, 23, 5, tzinfo=dt.UTC)
LENGTH, FACTORS, TAGS = 0.25, 6, ["rock", "slow"]

# A process of its own, since none may hold both tensorflow and essentia. Seeded, so that two of them differ.
FREEZE = f"""
import sys, keras, numpy as np
from recommenders.audio.network import NetworkParameters, build, freeze
keras.utils.set_random_seed(int(sys.argv[2]))
zeros, ones = np.zeros(128, np.float32), np.ones(128, np.float32)
model = build(NetworkParameters(filters=16, dense=16), {FACTORS}, {len(TAGS)}, zeros, ones)
open(sys.argv[1], "wb").write(freeze(model))
"""


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Two frozen networks that nobody has trained."""
    folder = tmp_path_factory.mktemp("graphs")
    for seed in (1, 2):
        subprocess.run([sys.executable, "-c", FREEZE, folder / f"{seed}.pb", str(seed)], check=True, cwd=PROJECT_ROOT)
    return [(folder / f"{seed}.pb").read_bytes() for seed in (1, 2)]


def _serve(store: Store, artifacts: Artifacts, graph: bytes, name: str) -> int:
    """Make the graph the champion of audio networks."""
    facts = {"factors": FACTORS, "tags": TAGS, "length": LENGTH, "space": 3}
    uri = artifacts.write(f"models/audio/{name}", pa.table({"graph": [graph]}), facts)
    with store.begin() as connection:
        model_id = models.add_candidate(
            connection,
            kind="audio",
            space=3,
            run_key=name,
            trained_at=NOW,
            cutoff=NOW,
            parameters={},
            metrics={},
            artifact_uri=uri,
            package_version="0",
        )
        nothing = np.empty((0, FACTORS), dtype=np.float32)
        models.promote(connection, model_id, now=NOW, track_ids=np.empty(0, dtype=np.int64), vectors=nothing)
    return model_id


def _vector(uploads: Uploads, title: str) -> tuple[np.ndarray, int, int]:
    query = """
        SELECT v.vector::public.vector::real[], v.space, v.model_id FROM track_vectors v JOIN tracks USING (track_id)
        WHERE v.kind = 'audio' AND title = :title
    """
    ((vector, space, model_id),) = uploads.sql(query, title=title)
    return np.array(vector), space, model_id


def test_a_new_song_gets_the_vector_and_the_tags_of_the_network_that_serves(
    uploads: Uploads, put: Callable[[str, bytes], Path], graphs: list[bytes]
) -> None:
    put("one.ogg", encoded(tune(1), "OGG"))
    uploads.hear()
    assert uploads.sql("SELECT count(*) FROM track_vectors") == [(0,)]

    first = _serve(uploads.store, uploads.artifacts, graphs[0], "first")
    put("two.ogg", encoded(tune(2), "OGG"))
    put("same sound.wav", encoded(np.concatenate([tune(2), tune(2)]), "WAV"))
    uploads.hear()
    vector, space, model_id = _vector(uploads, "two")
    assert (len(vector), space, model_id) == (FACTORS, 3, first)
    assert np.linalg.norm(vector) == pytest.approx(LENGTH, rel=1e-2)
    with uploads.store.begin() as connection:
        (track_id,) = uploads.sql("SELECT track_id FROM tracks WHERE title = 'two'")[0]
        tags = read_tags(connection, track_id)
    assert {(tag.attribute, tag.value, tag.source) for tag in tags} == {("tag", name, "model") for name in TAGS}
    assert all(isinstance(tag, Tag) and 0 <= tag.weight <= 1 for tag in tags)

    second = _serve(uploads.store, uploads.artifacts, graphs[1], "second")
    uploads.hear(reanalyse="all")
    again, _, model_id = _vector(uploads, "two")
    assert model_id == second
    assert np.abs(again - vector).max() > 1e-3
    assert uploads.sql("SELECT DISTINCT model_id FROM track_vectors") == [(second,)]


@pytest.mark.parametrize("broken", ["garbage", "lost"])
def test_with_a_broken_network_songs_are_heard_without_a_vector(
    uploads: Uploads, put: Callable[[str, bytes], Path], broken: str
) -> None:
    _serve(uploads.store, uploads.artifacts, b"no graph", "broken")
    if broken == "lost":
        uploads.artifacts.remove("models/audio")
    put("one.ogg", encoded(tune(1), "OGG"))
    (report,) = uploads.hear()
    assert report.analysed == 1
    assert uploads.sql("SELECT count(*) FROM track_vectors") == [(0,)]
