"""From what is played to a recording: every axis of a track's style steers something that can be heard."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from recommenders.demo.catalogue import Floats
from recommenders.demo.instruments import (
    RATE,
    Timbre,
    bell,
    clank,
    crickets,
    cymbal,
    hiss,
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

Instrument = Timbre | Callable[[int], Floats]
SAMPLE_RATE = 2 * RATE  # nothing is played above 11 kHz: half the work, and smaller files
_SONG_LEVEL = 0.1


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
    crickets: float


def record(score: Score, style: Style, genre: str, tempo_bpm: float, clip_s: float, rng: np.random.Generator) -> Floats:
    """The recording of a score as (clip_s * SAMPLE_RATE,) float32, of no particular loudness.

    `rng` is the performance: how exactly the players keep time, and where the record crackles.
    """
    beat_s = 60.0 / tempo_bpm
    n = round(clip_s * RATE)
    loose_s = 0.004 * float(np.clip(0.5 - style.electronic, 0, 1))
    core, colours = np.zeros(n, dtype=np.float32), np.zeros(n, dtype=np.float32)
    for bus, parts in ((core, _core(style, genre)), (colours, _colours(style))):
        for name, (instrument, level_db) in parts.items():
            _play(bus, score.notes[name.partition(":")[0]], instrument, level_db, beat_s, loose_s, rng)
    core /= np.sqrt(np.mean(core**2)) + np.float32(1e-9)
    colours += np.abs(core) * hiss(n, 4600) * np.float32(_SONG_LEVEL * _factor(-3 + 32 * style.raw))
    colours += crickets(n, rng) * np.float32(_SONG_LEVEL * _factor(-5 + 38 * style.crickets))
    _drum(colours, score, style, beat_s, loose_s, rng)
    return _room(_overdrive(core, style), colours, style)


def _core(style: Style, genre: str) -> dict[str, tuple[Instrument, float]]:
    """The song itself: each part with its instrument and its level in dB; two may play one part (`part:who`)."""
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
        "melody:lead": (Timbre(lead, lead, 0.012, 1.2, 0.3), -6 - 10 * style.sung),
    }


def _colours(style: Style) -> dict[str, tuple[Instrument, float]]:
    """What is laid over the song, each in a place of its own: levels in dB against the song's."""
    drone, pad = sawtooth(300, 0.7), sawtooth(1800, 1.1)
    blip = Timbre(partials((1, 0.02, 0.4), 4500), partials((1,), 4500), 0.002, 0.04)
    voice = Timbre(vowel(0), vowel(1), 0.03, np.inf, 0.12, 0.12, vibrato=0.012, consonant=1.0)
    return {
        "pad": (Timbre(pad, pad, 0.12, release_s=0.3, detune=0.004), -14 + 30 * style.dense),
        "melody:voice": (voice, -7 + 30 * style.sung),
        "bells": (bell, -1 + 38 * style.bells),
        "drone": (Timbre(drone, drone, 0.3, release_s=0.3), -17 + 45 * style.drone),
        "arpeggio": (blip, -1 + 38 * style.arpeggio),
        "sub": (Timbre(partials((1, 0.1), 400), partials((1, 0.1), 400), 0.02), -12 + 26 * style.electronic),
        "clank": (clank, 0 + 36 * style.strange),
    }


def _play(
    bus: Floats,
    part: Notes,
    timbre: Instrument,
    level_db: float,
    beat_s: float,
    loose_s: float,
    rng: np.random.Generator,
) -> None:
    """Add all notes of a part to `bus` (n,) at RATE; a note of one pitch and length is synthesised once."""
    gain = _SONG_LEVEL * _factor(level_db)
    cache: dict[tuple[int, float], Floats] = {}
    late = rng.normal(0, 1, len(part.beat)) * loose_s
    starts = np.maximum((part.beat * beat_s + late) * RATE, 0).astype(np.int64).tolist()
    rows = zip(starts, part.pitch.tolist(), part.length.tolist(), (part.level * gain).tolist(), strict=True)
    for start, pitch, length, level in rows:
        if start >= len(bus):
            continue
        sound = cache.get((pitch, length))
        if sound is None:
            sound = note(timbre, pitch, length * beat_s) if isinstance(timbre, Timbre) else timbre(pitch)
            cache[pitch, length] = sound
        room = len(bus) - start
        piece = sound[:room]
        bus[start : start + len(piece)] += piece * np.float32(level)


def _overdrive(core: Floats, style: Style) -> Floats:
    """The rawer, the more of the sound (n,), of unit power, is folded over; the loudness stays."""
    push = np.float32(_factor(5 + 32 * style.raw))
    return np.asarray(np.tanh(core * push) * (1 / np.tanh(push)), dtype=np.float32)


def _room(core: Floats, colours: Floats, style: Style) -> Floats:
    """Equaliser and room in one pass, (n,) at RATE to (2 n,) at SAMPLE_RATE of a set loudness, and the colours.

    The darker, the steeper the spectrum falls. Warm is a broad swell at 250 Hz, icy a long and bright echo.
    """
    import scipy.fft

    n = len(core)
    spectrum = scipy.fft.rfft(core)
    spectrum *= _equaliser(n, style)
    spectrum *= 1 + np.float32(_factor(-8 - 34 * style.warm)) * _echo(n)
    power = 2 * np.sum(spectrum.real**2 + spectrum.imag**2) / n**2
    spectrum *= np.float32(_SONG_LEVEL / np.sqrt(power))
    spectrum += scipy.fft.rfft(colours)
    wide = np.zeros(n + 1, dtype=np.complex64)
    wide[: len(spectrum)] = spectrum
    return np.asarray(scipy.fft.irfft(wide, 2 * n) * np.float32(2), dtype=np.float32)


_ECHOES: dict[int, Floats] = {}


def _echo(n: int) -> Floats:
    """The spectrum of a bright room's echo of two seconds."""
    import scipy.fft

    if n not in _ECHOES:
        t = np.arange(n, dtype=np.float32) / RATE
        tail = noise(n, 9) * np.exp(-t / 0.6) * (t > 0.01)
        spectrum = scipy.fft.rfft(tail / np.sqrt(np.sum(tail**2)))
        hz = np.arange(len(spectrum), dtype=np.float32) * (RATE / n)
        _ECHOES[n] = spectrum * (hz**2 / (hz**2 + np.float32(1200) ** 2))
    return _ECHOES[n]


def _equaliser(n: int, style: Style) -> Floats:
    """The gain of each bin of a real FFT of n samples."""
    hz = np.arange(n // 2 + 1, dtype=np.float32) * np.float32(RATE / n)
    octaves = np.log2(np.maximum(hz, 40) / np.float32(600))
    tilt_db = np.clip(octaves, -3.5, 4.2) * np.float32(6.0 * style.bright + 1.5)
    swell_db = np.float32(24 * style.warm) * np.exp(-0.5 * ((octaves + 1.26) / 0.55) ** 2)
    return np.asarray(np.exp((tilt_db + swell_db) * np.float32(np.log(10) / 20)), dtype=np.float32)


def _drum(bus: Floats, score: Score, style: Style, beat_s: float, loose_s: float, rng: np.random.Generator) -> None:
    """Add the drums: how loud they are, and above all the shakers between the eighths, tells how driving a track is."""
    import scipy.fft

    machine = float(np.clip(0.5 + style.electronic, 0, 1))
    drive = style.driving
    kit = {
        "kick": (kick(machine), -1 + 12 * drive),
        "snare": (snare(machine), -2 + 20 * drive),
        "hat": (cymbal(0.045, 4), -2 + 20 * drive),
        "shaker": (cymbal(0.03, 6), -4 + 34 * drive),
        "crash": (cymbal(0.35, 7), -14 + 14 * drive),
    }
    for name, (stroke, level_db) in kit.items():
        shaped = stroke
        if name in ("kick", "snare"):
            equaliser = _equaliser(len(stroke), style)
            shaped = scipy.fft.irfft(scipy.fft.rfft(stroke) * equaliser, len(stroke)).astype(np.float32)
        shaped = shaped * np.float32(4 * _SONG_LEVEL * _factor(level_db))
        hits = score.hits[name]
        late = rng.normal(0, 1, len(hits.beat)) * loose_s
        starts = np.maximum((hits.beat * beat_s + late) * RATE, 0).astype(np.int64).tolist()
        for start, level in zip(starts, hits.level.tolist(), strict=True):
            piece = shaped[: max(len(bus) - start, 0)]
            bus[start : start + len(piece)] += piece * np.float32(level)


def _factor(level_db: float) -> float:
    return float(10 ** (level_db / 20))
