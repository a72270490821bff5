"""Stored excerpts: read back in blocks, the newest of a track, whatever file it is in."""

import os

import numpy as np
import pytest

from recommenders.audio import mels as module
from recommenders.audio.mel import BANDS, FRAMES
from recommenders.audio.mels import analysed_tracks, read_mels, save_mels
from recommenders.errors import ArtifactError
from recommenders.store import Artifacts


def excerpts(*values: float) -> np.ndarray:
    return np.stack([np.full((FRAMES, BANDS), value, dtype=np.float16) for value in values])


def everything(artifacts: Artifacts, wanted: np.ndarray | None = None) -> list[tuple[int, float]]:
    return sorted(
        (int(track), float(mel[0, 0]))
        for ids, block in read_mels(artifacts, wanted)
        for track, mel in zip(ids, block, strict=True)
    )


def test_the_newest_excerpts_of_a_track_count(artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 2)
    newer = save_mels(artifacts, "a/1", np.array([7, 7, 9]), excerpts(1, 2, 3))
    older = save_mels(artifacts, "b/1", np.array([7, 7, 7, 8]), excerpts(4, 5, 6, 7))
    for uri, second in ((older, 1000), (newer, 2000)):
        os.utime(uri.removeprefix("file://"), (second, second))
    assert everything(artifacts) == [(7, 1), (7, 2), (8, 7), (9, 3)]
    assert everything(artifacts, np.array([8, 9, 10])) == [(8, 7), (9, 3)]
    track_ids, numbers = analysed_tracks(artifacts)
    assert (track_ids.tolist(), numbers.tolist()) == ([7, 8, 9], [2, 1, 1])


def test_without_files_there_are_none(artifacts: Artifacts) -> None:
    assert everything(artifacts) == []
    assert len(analysed_tracks(artifacts)[0]) == 0
    save_mels(artifacts, "empty", np.empty(0, dtype=np.int64), np.empty((0, FRAMES, BANDS), dtype=np.float16))
    assert everything(artifacts) == []


def test_a_damaged_file_is_named(artifacts: Artifacts) -> None:
    uri = save_mels(artifacts, "batch", np.array([1]), excerpts(1))
    os.truncate(uri.removeprefix("file://"), 1000)
    with pytest.raises(ArtifactError, match=r"mels/batch\.parquet is missing or damaged"):
        everything(artifacts)
