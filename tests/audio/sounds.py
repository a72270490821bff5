"""Sounds whose truth is known, because they are made here: clicks, chords, noises, fades."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

Samples = npt.NDArray[np.float32]

RATE = 44_100
TRIADS = {1: (0, 4, 7), 0: (0, 3, 7)}


def tone(frequency_hz: float, seconds: float, level: float = 0.3) -> Samples:
    """A sine."""
    return (level * np.sin(2 * np.pi * frequency_hz * _times(seconds))).astype(np.float32)


def note(pitch: float, seconds: float, level: float = 0.2) -> Samples:
    """A plucked note with four overtones, by its MIDI number."""
    times = _times(seconds)
    frequency_hz = 440 * 2 ** ((pitch - 69) / 12)
    partials = sum(np.sin(2 * np.pi * frequency_hz * n * times) / n**1.5 for n in range(1, 6))
    attack = np.minimum(times / 0.005, 1)
    return (level * partials * attack * np.exp(-1.5 * times)).astype(np.float32)


def chord(root: int, steps: Sequence[int], seconds: float) -> Samples:
    """Several notes at once."""
    return np.sum([note(root + step, seconds) for step in steps], axis=0, dtype=np.float32) / len(steps)


def cadences(key: int, mode: int, seconds: float = 24.0, chord_s: float = 1.0) -> Samples:
    """I IV V I in a key, over and over; in minor the dominant is major."""
    kinds = (mode, mode, 1, mode)
    bar = [chord(48 + (key + step) % 12, TRIADS[kind], chord_s) for step, kind in zip((0, 5, 7, 0), kinds, strict=True)]
    bass = [note(36 + (key + step) % 12, chord_s, 0.15) for step in (0, 5, 7, 0)]
    phrase = np.concatenate([a + b for a, b in zip(bar, bass, strict=True)])
    return np.resize(phrase, round(seconds * RATE))


def beats(tempo_bpm: float, metre: int, seconds: float = 40.0, seed: int = 0) -> Samples:
    """A drum kit: a low stroke and a new bass note on the first beat of a bar, a short noise on each beat."""
    rng = np.random.default_rng(seed)
    sound = np.zeros(round(seconds * RATE), dtype=np.float32)
    beat_s = 60 / tempo_bpm
    click = rng.standard_normal(2205).astype(np.float32) * np.exp(-np.arange(2205, dtype=np.float32) / 250) * 0.25
    kick = tone(60, 0.15, 0.7) * np.exp(-np.arange(round(0.15 * RATE)) / 1500).astype(np.float32)
    for number in range(int(seconds / beat_s)):
        at = round(number * beat_s * RATE)
        add(sound, click * (1.4 if number % metre == 0 else 1.0), at)
        if number % metre == 0:
            add(sound, kick, at)
            add(sound, note(40 + 5 * (number // metre % 3), metre * beat_s, 0.15), at)
    return sound


def noise(seconds: float, level: float = 0.1, seed: int = 0) -> Samples:
    """White noise."""
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * RATE))).astype(np.float32)


def add(sound: Samples, part: Samples, at: int) -> None:
    """Mix `part` into `sound` from sample `at` on, as far as there is room."""
    end = min(at + len(part), len(sound))
    sound[at:end] += part[: end - at]


def write(path: Path, samples: Samples, rate: int = RATE, **how: str) -> Path:
    """Write an audio file; its kind is that of the suffix."""
    soundfile.write(path, samples, rate, **how)
    return path


def _times(seconds: float) -> npt.NDArray[np.float64]:
    return np.arange(round(seconds * RATE)) / RATE
