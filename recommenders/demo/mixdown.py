"""From what is played to a recording: every axis of a track's style steers something that can be heard."""

from dataclasses import dataclass

import numpy as np

from recommenders.demo.catalogue import Floats
from recommenders.demo.instruments import (
    DRUM_RATE,
    NOTE_RATE,
    Timbre,
    bell,
    clank,
    cymbal,
    kick,
    noise,
    note,
    partials,
    plucked,
    sawtooth,
    snare,
    vowel,
)
from recommenders.demo.score import MANNERS, Notes, Score


@dataclass(frozen=True)
class Style:
    """The style vector of a track by name: the ends of genres.AXES, and the four scenes that have no name."""

    bright: float
    driving: float
    dense: float
    electronic: float
    sung: float
    warm: float
    raw: float
    strange: float
    bells: float
    drone: float
    arpeggio: float
    crackle: float


def record(score: Score, style: Style, genre: str, tempo_bpm: float, clip_s: float, rng: np.random.Generator) -> Floats:
    """The recording of a score as (clip_s * DRUM_RATE,) float32, of no particular loudness.

    `rng` is the performance: how exactly the players keep time, and where the record crackles.
    """
    beat_s = 60.0 / tempo_bpm
    n = round(clip_s * NOTE_RATE)
    loose_s = 0.004 * float(np.clip(0.5 - style.electronic, 0, 1))
    parts = _timbres(style, genre)
    tonal = np.zeros(n, dtype=np.float32)
    for name, (timbre, level_db) in parts.items():
        _play(tonal, score.notes[name.partition(":")[0]], timbre, level_db, beat_s, loose_s, rng)
    tonal = _roughen(tonal, style)
    music = _room(tonal, style)
    _drum(music, score, style, beat_s, loose_s, rng)
    _crackle(music, style.crackle, rng)
    return music


def _timbres(style: Style, genre: str) -> dict[str, tuple[Timbre | str, float]]:
    """Every part with its instrument and its level in dB; a part of the score may be played by two (`part:who`)."""
    machine = style.electronic
    staccato = float(np.exp(-0.8 * style.driving))
    string = Timbre(plucked(2600), plucked(500), 0.003, 0.35 * staccato, 0.08)
    saw = Timbre(sawtooth(5200, 0.8), sawtooth(1500), 0.006, np.inf, 0.25 * staccato, detune=0.003)
    lead = partials(MANNERS[genre].partials, 4000)
    return {
        "bass:string": (Timbre(plucked(700), plucked(250), 0.004, 0.5), -5 - 12 * machine),
        "bass:machine": (Timbre(sawtooth(420), sawtooth(180), 0.006), -9 + 16 * machine),
        "comp:string": (string, -7 - 18 * machine),
        "comp:machine": (saw, -17 + 24 * machine),
        "pad": (
            Timbre(sawtooth(1800, 1.1), sawtooth(1800, 1.1), 0.12, release_s=0.3, detune=0.004),
            -24 + 30 * style.dense,
        ),
        "melody:lead": (Timbre(lead, lead, 0.012, 1.2, 0.3), -9),
        "melody:voice": (
            Timbre(vowel(0), vowel(1), 0.03, np.inf, 0.12, 0.12, vibrato=0.012),
            -18 + 30 * style.sung,
        ),
        "bells": ("bell", -26 + 45 * style.bells),
        "drone": (Timbre(sawtooth(400, 0.7), sawtooth(400, 0.7), 0.3, release_s=0.3), -26 + 40 * style.drone),
        "arpeggio": (
            Timbre(partials((1, 0.02, 0.5, 0.02, 0.4), 4500), sawtooth(1500), 0.003, 0.09),
            -26 + 45 * style.arpeggio,
        ),
        "clank": ("clank", -22 + 32 * style.strange),
    }


def _play(
    bus: Floats,
    part: Notes,
    timbre: Timbre | str,
    level_db: float,
    beat_s: float,
    loose_s: float,
    rng: np.random.Generator,
) -> None:
    """Add all notes of a part to `bus` (n,) at NOTE_RATE; a note of one pitch and length is synthesised once."""
    gain = 10 ** (level_db / 20) * 0.2
    cache: dict[tuple[int, float], Floats] = {}
    late = rng.normal(0, 1, len(part.beat)) * loose_s
    starts = np.maximum((part.beat * beat_s + late) * NOTE_RATE, 0).astype(np.int64).tolist()
    rows = zip(starts, part.pitch.tolist(), part.length.tolist(), (part.level * gain).tolist(), strict=True)
    for start, pitch, length, level in rows:
        if start >= len(bus):
            continue
        sound = cache.get((pitch, length))
        if sound is None:
            if timbre == "bell":
                sound = bell(pitch, 1.2)
            elif isinstance(timbre, str):
                sound = clank(pitch, 0.8)
            else:
                sound = note(timbre, pitch, length * beat_s)
            cache[pitch, length] = sound
        room = len(bus) - start
        piece = sound[:room]
        bus[start : start + len(piece)] += piece * np.float32(level)


def _roughen(tonal: Floats, style: Style) -> Floats:
    """Overdrive and breath: the rawer, the more of the sound is folded over, and the more noise follows it."""
    level = np.float32(np.sqrt(np.mean(tonal**2)) + 1e-9)
    push = np.float32(10 ** ((2 + 20 * style.raw) / 20))
    driven = np.tanh(tonal * (push / level)) * (level / np.tanh(push))
    breath = np.float32(10 ** ((-20 + 26 * style.raw) / 20))
    return np.asarray(driven + np.abs(tonal) * noise(len(tonal), 5) * breath, dtype=np.float32)


def _room(tonal: Floats, style: Style) -> Floats:
    """Equaliser and room in one pass, (n,) at NOTE_RATE to (2 n,) at DRUM_RATE.

    The darker, the steeper the spectrum falls. Warm is a broad swell at 250 Hz, icy a long and bright echo.
    """
    import scipy.fft

    n = len(tonal)
    spectrum = scipy.fft.rfft(tonal)
    spectrum *= _equaliser(n, NOTE_RATE, style)
    spectrum *= 1 + np.float32(10 ** ((-16 - 26 * style.warm) / 20)) * _echo(n)
    wide = np.zeros(n + 1, dtype=np.complex64)
    wide[: len(spectrum)] = spectrum
    return np.asarray(scipy.fft.irfft(wide, 2 * n) * np.float32(2), dtype=np.float32)


_ECHOES: dict[int, Floats] = {}


def _echo(n: int) -> Floats:
    """The spectrum of a bright room's echo of two seconds."""
    import scipy.fft

    if n not in _ECHOES:
        t = np.arange(n, dtype=np.float32) / NOTE_RATE
        tail = noise(n, 9) * np.exp(-t / 0.6) * (t > 0.01)
        spectrum = scipy.fft.rfft(tail / np.sqrt(np.sum(tail**2)))
        hz = np.arange(len(spectrum), dtype=np.float32) * (NOTE_RATE / n)
        _ECHOES[n] = spectrum * (hz**2 / (hz**2 + np.float32(1200) ** 2))
    return _ECHOES[n]


def _equaliser(n: int, rate: int, style: Style) -> Floats:
    """The gain of each bin of a real FFT of n samples."""
    hz = np.arange(n // 2 + 1, dtype=np.float32) * np.float32(rate / n)
    octaves = np.log2(np.maximum(hz, 40) / np.float32(600))
    tilt_db = np.clip(octaves, -3.5, 4.2) * np.float32(6.0 * style.bright - 1)
    swell_db = np.float32(14 * style.warm) * np.exp(-0.5 * ((octaves + 1.26) / 0.55) ** 2)
    return np.asarray(np.exp((tilt_db + swell_db) * np.float32(np.log(10) / 20)), dtype=np.float32)


def _drum(music: Floats, score: Score, style: Style, beat_s: float, loose_s: float, rng: np.random.Generator) -> None:
    """Add the drums: how loud they are, and above all the shakers between the eighths, tells how driving a track is."""
    import scipy.fft

    machine = float(np.clip(0.5 + style.electronic, 0, 1))
    drive = style.driving
    kit = {
        "kick": (kick(machine), -6 + 12 * drive),
        "snare": (snare(machine), -15 + 20 * drive),
        "hat": (cymbal(0.025, 4), -24 + 16 * drive),
        "shaker": (cymbal(0.015, 6), -32 + 34 * drive),
        "crash": (cymbal(0.35, 7), -30 + 14 * drive),
    }
    for name, (stroke, level_db) in kit.items():
        spectrum = scipy.fft.rfft(stroke)
        shaped = scipy.fft.irfft(spectrum * _equaliser(len(stroke), DRUM_RATE, style), len(stroke))
        shaped = (shaped * np.float32(10 ** (level_db / 20) * 0.45)).astype(np.float32)
        hits = score.hits[name]
        late = rng.normal(0, 1, len(hits.beat)) * loose_s
        starts = np.maximum((hits.beat * beat_s + late) * DRUM_RATE, 0).astype(np.int64).tolist()
        for start, level in zip(starts, hits.level.tolist(), strict=True):
            piece = shaped[: max(len(music) - start, 0)]
            music[start : start + len(piece)] += piece * np.float32(level)


def _crackle(music: Floats, amount: float, rng: np.random.Generator) -> None:
    """Add the crackle of an old record, and its hiss."""
    n = len(music)
    gain = np.float32(10 ** ((-30 + 45 * amount) / 20))
    at = rng.integers(0, n - 8, int(25 * n / DRUM_RATE))
    size = rng.exponential(1.0, len(at)).astype(np.float32) * gain
    for offset, shape in enumerate((1.0, -1.0, 0.6, -0.4)):
        music[at + offset] += size * np.float32(shape)
