"""One listening gives everything, on real files what essentia itself says, and never nonsense."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recommenders.audio import tonality
from recommenders.audio.analysis import Analysis
from recommenders.audio.fingerprint import unpack
from recommenders.audio.library import standard
from recommenders.audio.listening import Hearing, listen
from recommenders.errors import DataError
from tests.audio import sounds

SAMPLE = 4  # every so-many-th file is held to essentia; all are listened to


@pytest.fixture(scope="module")
def heard(audio_files: list[Path]) -> dict[Path, Hearing]:
    return {path: listen(path) for path in audio_files}


def test_every_real_file_is_heard_whole(heard: dict[Path, Hearing]) -> None:
    assert len(heard) >= 25
    for path, hearing in heard.items():
        assert_sensible(hearing, path.name)
        assert hearing.analysis.track.key is not None, path.name
        assert len(hearing.fingerprint) > 100, path.name
        assert len(hearing.mels) == min(3, max(1, int(hearing.analysis.track.duration / 30.03))), path.name


def test_what_essentia_computes_is_what_it_computes_by_itself(heard: dict[Path, Hearing]) -> None:
    es = standard()
    for path, hearing in list(heard.items())[::SAMPLE]:
        mono, track = es.MonoLoader(filename=str(path))(), hearing.analysis.track
        bpm, ticks, *_ = es.RhythmExtractor2013(method="degara")(mono)
        if track.tempo is not None:
            assert track.tempo == bpm, path.name
            assert [beat.start for beat in hearing.analysis.beats] == ticks.astype(np.float64).tolist(), path.name
        key, scale, _ = es.KeyExtractor()(mono)
        assert (track.key, track.mode) == (tonality._KEYS[key], int(scale == "major")), path.name
        assert track.danceability == min(es.Danceability()(mono)[0], 4), path.name
        assert np.array_equal(hearing.fingerprint, unpack(es.Chromaprinter(maxLength=120)(mono))), path.name
        assert track.peak == pytest.approx(20 * math.log10(np.abs(es.AudioLoader(filename=str(path))()[0]).max()))


def test_an_analysis_is_the_same_after_json(heard: dict[Path, Hearing]) -> None:
    for hearing in list(heard.values())[::SAMPLE]:
        text = hearing.analysis.as_json()
        again = Analysis.from_json(text)
        assert again.as_json() == text
        assert len(again.segments) == len(hearing.analysis.segments)
        assert again.summary() == pytest.approx(hearing.analysis.summary(), abs=1e-5, nan_ok=False)


def test_the_same_file_is_heard_the_same_twice(audio_files: list[Path], heard: dict[Path, Hearing]) -> None:
    again = listen(audio_files[2])
    assert again.analysis == heard[audio_files[2]].analysis
    assert np.array_equal(again.mels, heard[audio_files[2]].mels)


def test_what_is_no_analysis_is_refused() -> None:
    for text in ("", "{}", '{"meta": 1}', "[]"):
        with pytest.raises(DataError):
            Analysis.from_json(text)


@pytest.mark.parametrize(
    "samples", [np.zeros(20 * sounds.RATE, dtype=np.float32), sounds.noise(20, 1e-5)], ids=["digital", "all but"]
)
def test_silence_has_no_tempo_no_key_and_no_fingerprint(samples: sounds.Samples, tmp_path: Path) -> None:
    hearing = listen(sounds.write(tmp_path / "silence.wav", samples, subtype="FLOAT"), NoNetwork())
    track = hearing.analysis.track
    assert (track.tempo, track.key, track.mode, track.time_signature, track.loudness) == (None,) * 5
    assert track.tempo_confidence == track.key_confidence == track.mode_confidence == 0
    assert hearing.analysis.beats == hearing.analysis.bars == ()
    assert len(hearing.fingerprint) == 0
    assert hearing.vector is None
    assert_sensible(hearing, "silence")


class NoNetwork:
    """A network that must not be asked."""

    def predict(self, mels: Any) -> Any:
        raise AssertionError("Silence was given to the network.")


@pytest.mark.parametrize(
    ("name", "samples"),
    [
        ("one second", sounds.tone(440, 1.0)),
        ("two clicks", np.concatenate([sounds.note(60, 0.7), sounds.note(64, 0.7)])),
        ("noise", sounds.noise(12)),
        ("full scale", np.sign(sounds.tone(100, 12))),
        ("offset", np.full(5 * sounds.RATE, 0.5, dtype=np.float32)),
        ("impulse", np.eye(1, 5 * sounds.RATE, 7777, dtype=np.float32)[0]),
        ("mostly silence", np.concatenate([np.zeros(60 * sounds.RATE, np.float32), sounds.cadences(0, 1, 2)])),
    ],
)
def test_odd_sounds_give_nothing_that_makes_no_sense(name: str, samples: sounds.Samples, tmp_path: Path) -> None:
    hearing = listen(sounds.write(tmp_path / "odd.wav", samples, subtype="FLOAT"))
    assert_sensible(hearing, name)
    assert hearing.mels.shape[1:] == (599, 128)


def assert_sensible(hearing: Hearing, name: str) -> None:
    """Everything is finite, in its range, in order, and inside of the recording."""
    analysis = hearing.analysis
    track = analysis.track
    assert np.isfinite(hearing.mels).all(), name
    for part in (track, *analysis.sections, *analysis.segments, *analysis.bars, *analysis.beats, *analysis.tatums):
        for field, value in asdict(part).items():
            values = value if isinstance(value, tuple) else (value,)
            assert all(one is None or math.isfinite(one) for one in values), f"{name}: {field}"
            if "confidence" in field:
                assert 0 <= value <= 1, f"{name}: {field} {value}"
    assert track.tempo is None or 30 <= track.tempo <= 320, name
    assert track.loudness is None or -70 <= track.loudness <= 6, name
    assert track.danceability is None or 0 <= track.danceability <= 4, name
    assert track.energy is None or 0 <= track.energy <= 1, name
    assert (track.tempo is None) == (track.tempo_confidence == 0) == (not analysis.beats), name
    assert 0 <= track.end_of_fade_in <= track.start_of_fade_out <= track.duration, name
    for parts in (analysis.sections, analysis.segments, analysis.bars, analysis.beats, analysis.tatums):
        starts = [part.start for part in parts]
        assert starts == sorted(starts), name
        assert all(0 <= part.start <= track.duration and part.duration >= 0 for part in parts), name
    for parts in (analysis.sections, analysis.segments):
        assert sum(part.duration for part in parts) == pytest.approx(track.duration, abs=0.01), name
