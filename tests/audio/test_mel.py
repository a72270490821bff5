"""The log-mel excerpts: equal to essentia's own, and as many as a recording is long."""

import numpy as np
import pytest

from recommenders.audio.mel import BANDS, COMPRESSION, FRAME, FRAMES, HOP, MEL_RATE, bank, log_mel, window


def noise(seconds: float) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 0.1, round(seconds * MEL_RATE)).astype(np.float32)


def test_window_bands_and_every_frame_equal_those_of_essentia() -> None:
    standard = pytest.importorskip("essentia.standard")
    bands = standard.MelBands(
        inputSize=FRAME // 2 + 1, numberBands=BANDS, sampleRate=MEL_RATE, highFrequencyBound=MEL_RATE / 2
    )
    theirs = np.stack([bands(row) for row in np.eye(FRAME // 2 + 1, dtype=np.float32)])
    assert np.abs(bank() - theirs).max() < 2e-5
    windowing = standard.Windowing(type="hann", zeroPhase=False)
    assert np.abs(window() - windowing(np.ones(FRAME, dtype=np.float32))).max() < 1e-7
    clip, spectrum = noise(30), standard.Spectrum(size=FRAME)
    excerpt = log_mel(clip)[0].astype(np.float32)
    for frame in (0, 100, FRAMES - 2):
        samples = clip[frame * HOP : frame * HOP + FRAME]
        expected = np.log10(1 + COMPRESSION * bands(spectrum(windowing(samples))))
        assert np.abs(excerpt[frame] - expected).max() < 2e-3  # half a float16's step


@pytest.mark.parametrize(("seconds", "excerpts"), [(0.01, 1), (7, 1), (31, 1), (70, 2), (240, 3), (900, 3)])
def test_there_are_up_to_three_excerpts(seconds: float, excerpts: int) -> None:
    found = log_mel(noise(seconds))
    assert found.shape == (excerpts, FRAMES, BANDS)
    assert found.dtype == np.float16
    assert np.isfinite(found).all()


def test_a_short_recording_is_repeated_from_its_beginning() -> None:
    excerpt = log_mel(noise(5))[0]
    n_frames = (5 * MEL_RATE - FRAME) // HOP + 1
    assert (excerpt[n_frames : 2 * n_frames] == excerpt[:n_frames]).all()
    assert (excerpt[1] != excerpt[0]).any()


def test_a_tone_sounds_in_the_band_of_its_frequency() -> None:
    time = np.arange(30 * MEL_RATE) / MEL_RATE
    for hertz in (110, 440, 3000):
        loudest = int(log_mel(np.sin(2 * np.pi * hertz * time).astype(np.float32))[0].mean(axis=0).argmax())
        peak_hz = bank()[:, loudest].argmax() * MEL_RATE / FRAME
        assert abs(peak_hz - hertz) < 30


def test_excerpts_are_spread_over_the_recording() -> None:
    clip = np.concatenate([np.zeros(MEL_RATE * 60, np.float32), noise(60), np.zeros(MEL_RATE * 60, np.float32)])
    first, middle, last = log_mel(clip).astype(np.float32).mean(axis=(1, 2))
    assert first == last == 0
    assert middle > 0.1
