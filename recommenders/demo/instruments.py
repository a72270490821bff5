"""The instruments of the demo: single notes and drum strokes, synthesised from a few numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from recommenders.demo.catalogue import Floats

RATE = 22_050
_TABLE = 2048
_HIGHEST_HZ = 10_300.0
_VOWELS_HZ = ((730, 1090, 2440), (530, 1840, 2480), (570, 840, 2410), (300, 870, 2240), (660, 1720, 2410))

Spectrum = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True)
class Timbre:
    """An instrument: `bright` and `dark` are its spectra at the start of a note and towards its end.

    A spectrum gives the strength of each partial from its number and its frequency in Hz. `attack_s`, `decay_s` (time
    to fall by a factor e; infinite for one that sustains), `brightness_s` (how fast the bright part dies away),
    `release_s` after the note's end, `vibrato` (share of the frequency), `detune` (share by which a second voice
    is off), `consonant` (the strength of a hiss that begins the note).
    """

    bright: Spectrum
    dark: Spectrum
    attack_s: float = 0.005
    decay_s: float = np.inf
    brightness_s: float = 0.2
    release_s: float = 0.08
    vibrato: float = 0.0
    detune: float = 0.0
    consonant: float = 0.0


def note(timbre: Timbre, pitch: int, length_s: float) -> Floats:
    """One note at RATE: (n,) float32, about as loud for every pitch."""
    f0 = 440.0 * 2.0 ** ((pitch - 69) / 12)
    n = max(int((length_s + timbre.release_s) * RATE), 64)
    t = _time(n)
    bright, dark = _cycle(timbre.bright, f0), _cycle(timbre.dark, f0)
    fading = np.exp(-t / np.float32(timbre.brightness_s))
    sound = np.zeros(n, dtype=np.float32)
    for factor in (1.0 - timbre.detune, 1.0 + timbre.detune) if timbre.detune else (1.0,):
        phase = t * np.float32(f0 * factor * _TABLE)
        if timbre.vibrato:
            depth = timbre.vibrato * f0 * _TABLE / (2 * np.pi * 5.6)
            phase = phase + np.float32(depth) * np.minimum(t * 3, 1) * np.sin(t * np.float32(2 * np.pi * 5.6))
        index = phase.astype(np.int32) & (_TABLE - 1)
        sound += fading * bright.take(index) + (1 - fading) * dark.take(index)
    sound *= _envelope(timbre, n, length_s)
    if timbre.consonant:
        sound += np.float32(timbre.consonant) * hiss(n, 7800) * np.exp(-t * np.float32(1 / 0.04))
    return sound


def partials(strengths: tuple[float, ...], damping_hz: float) -> Spectrum:
    """Given strengths of the first partials, the last going on ever weaker, damped above `damping_hz`."""
    given = np.array(strengths, dtype=np.float32)

    def spectrum(number: Floats, hz: Floats) -> Floats:
        index = number.astype(np.int64) - 1
        strength = given[np.minimum(index, len(given) - 1)] * np.minimum(1, len(given) / number) ** 2
        return np.asarray(strength / (1 + (hz / damping_hz) ** 2))

    return spectrum


def sawtooth(cutoff_hz: float, slope: float = 1.0) -> Spectrum:
    """A sawtooth through a filter that falls off above `cutoff_hz`."""
    return lambda number, hz: np.asarray(number**-slope / (1 + (hz / cutoff_hz) ** 4))


def plucked(cutoff_hz: float) -> Spectrum:
    """A string plucked at a fifth of its length."""
    return lambda number, hz: np.asarray(np.abs(np.sin(np.pi * number * 0.21)) / number / (1 + (hz / cutoff_hz) ** 2))


def vowel(which: int) -> Spectrum:
    """A sung vowel: three formants, and the singer's formant at 3 kHz."""
    centres = (*_VOWELS_HZ[which % len(_VOWELS_HZ)], 3000)

    def spectrum(number: Floats, hz: Floats) -> Floats:
        formants = sum(
            strength / (1 + ((hz - centre) / width) ** 2)
            for centre, width, strength in zip(centres, (80, 100, 130, 200), (1.0, 0.7, 0.5, 0.5), strict=True)
        )
        return np.asarray(number**-0.5 * (0.02 + formants))

    return spectrum


def bell(pitch: int, length_s: float = 1.2) -> Floats:
    """A small bell: two pure partials that ring out."""
    f0 = 440.0 * 2.0 ** ((pitch - 69) / 12)
    t = _time(int(length_s * RATE))
    ring = np.sin(t * np.float32(2 * np.pi * f0)) + 0.4 * np.sin(t * np.float32(4 * np.pi * f0)) * np.exp(-t * 6)
    return np.asarray(ring * np.exp(-t * 3.5), dtype=np.float32)


def clank(pitch: int, length_s: float = 1.0) -> Floats:
    """Struck metal, the same for every pitch: partials between the keys of a piano and in no simple ratio."""
    t = _time(int(length_s * RATE))
    ring = np.zeros(len(t), dtype=np.float32)
    for half_tones, ring_s in ((80.5, 0.5), (88.5, 0.45), (96.5, 0.4), (102.5, 0.35), (107.5, 0.3), (111.5, 0.25)):
        hz = 440 * 2 ** ((half_tones - 69) / 12)
        ring += np.sin(t * np.float32(2 * np.pi * hz)) * np.exp(-t * np.float32(1 / ring_s))
    return ring * np.float32(0.5)


def crickets(n: int, rng: np.random.Generator) -> Floats:
    """(n,) float32 at RATE of a summer night: chirps of three pulses at about 6 kHz, some two a second."""
    t = _time(int(0.12 * RATE))
    chirp = np.sin(t * np.float32(2 * np.pi * 6150)) * np.maximum(np.sin(t * np.float32(2 * np.pi * 25)), 0)
    sound = np.zeros(n, dtype=np.float32)
    gaps_s = rng.uniform(0.3, 0.6, int(n / RATE / 0.3) + 1)
    for start in (np.cumsum(gaps_s) * RATE).astype(np.int64).tolist():
        piece = chirp[: max(n - start, 0)]
        sound[start : start + len(piece)] += piece
    return sound * np.float32(2)


def kick(electronic: float, seconds: float = 0.28) -> Floats:
    """A bass drum at RATE: a falling tone, and a click that is sharper on a machine (`electronic` 0 to 1)."""
    n = int(seconds * RATE)
    t = np.arange(n, dtype=np.float32) / RATE
    fall = 48 + 12 * (1 - electronic)
    phase = 2 * np.pi * (fall * t + (90 + 60 * electronic) * 0.03 * (1 - np.exp(-t / 0.03)))
    body = np.sin(phase) * np.exp(-t / (0.07 + 0.06 * electronic))
    click = noise(n, 1) * np.exp(-t / 0.004) * 0.5
    return np.asarray(body + click, dtype=np.float32)


def snare(electronic: float) -> Floats:
    """The drum of the backbeat: a wooden stroke, or a machine's noise."""
    n = int(0.22 * RATE)
    t = np.arange(n, dtype=np.float32) / RATE
    wood = np.sin(2 * np.pi * 420 * t) * np.exp(-t / 0.02) + 0.5 * np.sin(2 * np.pi * 980 * t) * np.exp(-t / 0.012)
    machine = noise(n, 2) * np.exp(-t / 0.06) + 0.7 * np.sin(2 * np.pi * 190 * t) * np.exp(-t / 0.05)
    brush = noise(n, 3) * np.exp(-t / 0.03) * 0.4
    return np.asarray((1 - electronic) * (wood + brush) + electronic * machine, dtype=np.float32)


def cymbal(seconds: float, number: int) -> Floats:
    """A hat, a shaker or a crash: noise without its low end, dying away in about `seconds`."""
    n = int(3 * seconds * RATE)
    white = noise(n + 2, number)
    t = np.arange(n, dtype=np.float32) / RATE
    return np.asarray((white[2:] - 2 * white[1:-1] + white[:-2]) * np.exp(-t / seconds) * 0.5, dtype=np.float32)


def hiss(n: int, centre_hz: float) -> Floats:
    """(n,) float32 at RATE of noise in a band of some 1.5 kHz around `centre_hz`."""
    return np.resize(_hiss(centre_hz), n)


def noise(n: int, number: int = 0) -> Floats:
    """(n,) float32 of white noise; the same for the same number."""
    base = _noise()
    start = (number * 7919) % 4096
    return base[start : start + n] if start + n <= len(base) else np.resize(np.roll(base, -start), n)


@lru_cache(maxsize=4)
def _hiss(centre_hz: float) -> Floats:
    smooth = np.convolve(_noise()[: RATE * 10], np.hanning(32).astype(np.float32) / 4, "same")
    return np.asarray(smooth * np.cos(_time(len(smooth)) * np.float32(2 * np.pi * centre_hz)) * 2, dtype=np.float32)


@lru_cache(maxsize=1)
def _noise() -> Floats:
    return np.random.default_rng(1).standard_normal(1_400_000, dtype=np.float32) * np.float32(0.5)


@lru_cache(maxsize=1)
def _long_time() -> Floats:
    return np.arange(RATE * 40, dtype=np.float32) / np.float32(RATE)


def _time(n: int) -> Floats:
    return _long_time()[:n]


def _cycle(spectrum: Spectrum, f0: float) -> Floats:
    """One cycle of a tone as (2048,) float32, of unit power, without partials above _HIGHEST_HZ."""
    number = np.arange(1, max(int(_HIGHEST_HZ / f0), 1) + 1, dtype=np.float32)[: _TABLE // 2 - 1]
    strength = spectrum(number, number * np.float32(f0))
    bins = np.zeros(_TABLE // 2 + 1, dtype=np.complex64)
    bins[1 : len(number) + 1] = strength * np.exp(1j * number * number * 2.4)
    cycle = np.fft.irfft(bins, _TABLE).astype(np.float32)
    return np.asarray(cycle / np.sqrt(np.mean(cycle**2)), dtype=np.float32)


def _envelope(timbre: Timbre, n: int, length_s: float) -> Floats:
    t = _time(n)
    level = np.minimum(t * np.float32(1 / timbre.attack_s), 1)
    if np.isfinite(timbre.decay_s):
        level *= np.exp(-t * np.float32(1 / timbre.decay_s))
    release = np.clip(1 - (t - np.float32(length_s)) * np.float32(1 / timbre.release_s), 0, 1)
    return np.asarray(level * release, dtype=np.float32)
