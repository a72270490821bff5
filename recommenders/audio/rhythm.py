"""Rhythm: beats and tempo, the bars that they make, and tatums, the lowest regular pulse."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d

from recommenders.audio.decoding import Samples
from recommenders.audio.library import standard
from recommenders.audio.metre import UNKNOWN, Metre, accents, bar_beats, find_metre
from recommenders.audio.spectrum import Spectrum

Times = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]

_LEAST_BEATS = 8
_LEAST_FLUX = 0.02  # what has no beginnings at all, a drone, has no beat
_KNOWN_FROM = 0.05  # below that confidence the tracker has found beats in noise
_STEADY = 0.05  # how far an interval may be from the usual one
_BY_CHANCE = 0.25  # the share of steady intervals that is found in noise
_NEAR = 5  # frames in which the stroke of a beat may lie
_TERNARY_DOUBT = 0.3
_STANDS_OUT = 1.3  # times as strong as what is beside it
_AUDIBLE = 0.2  # of the strokes on beats
_SHIFTS = 12  # parts of a beat by which the tracker may be off
_MISPLACED = 1.4  # times as strong as on the tracked beats: strokes elsewhere show that it is


@dataclass(frozen=True)
class Rhythm:
    """Beats, bars and tatums: times (n,) in seconds, each with its confidences (n,)."""

    tempo_bpm: float | None
    tempo_confidence: float
    metre: Metre
    beats: Times
    beat_confidences: Times
    bars: Times
    bar_confidences: Times
    tatums: Times
    tatum_confidences: Times
    marks: npt.NDArray[np.float64]  # (n_beats, 3): the accents of the beats


def no_rhythm() -> Rhythm:
    """The rhythm of what has none."""
    none = np.empty(0)
    return Rhythm(None, 0.0, UNKNOWN, none, none, none, none, none, none, np.empty((0, 3)))


def find_rhythm(mono: Samples, spectrum: Spectrum) -> Rhythm:
    """The rhythm of `mono` (n,) at 44,100 Hz: beats and tempo by essentia's RhythmExtractor2013 (Degara et al. 2012).

    That gives no confidence: here it is the share of steady beats, times how far strokes on the beats stand out.
    """
    bpm, ticks, _, _, _ = standard().RhythmExtractor2013(method="degara")(mono)
    strokes = maximum_filter1d(spectrum.flux, _NEAR)
    beats = _aligned(ticks.astype(np.float64), strokes, spectrum)
    steady = _steady(beats)
    confidence = float(steady.mean()) * _prominence(strokes, spectrum.frame(beats)) if len(steady) else 0.0
    if confidence < _KNOWN_FROM:
        return no_rhythm()
    parts, ternary = _subdivision(spectrum, beats)
    if ternary and (twos := _in_twos(_divided(beats, 3), strokes, spectrum)) is not None:
        beats, bpm, parts, ternary = twos, bpm * 3 / 2, 2, False
        steady = _steady(beats)
    marks = accents(spectrum, beats)
    metre = find_metre(marks, bpm)
    if metre.halved:
        kept = slice(_stronger_half(marks), None, 2)
        beats, steady, marks, bpm, parts = beats[kept], steady[kept], marks[kept], bpm / 2, 2
    if ternary and metre.beats == 4:  # four beats in three parts each: 12/8, or 6/8 tracked by its dotted quarters
        metre = Metre(metre.beats, metre.confidence * _TERNARY_DOUBT)
    beat_confidences = steady * _clear(strokes[spectrum.frame(beats)], strokes)
    first, bar_confidences = bar_beats(marks, metre.beats) if metre.beats else (np.empty(0, np.int64), np.empty(0))
    tatums = _divided(beats, parts)
    return Rhythm(
        float(bpm),
        confidence,
        metre,
        beats,
        beat_confidences,
        beats[first],
        bar_confidences * beat_confidences[first] ** 0.5,
        tatums,
        np.repeat(beat_confidences, parts),
        marks,
    )


def _steady(beats: Times) -> Times:
    """How much each beat (n,) keeps to the usual interval, beyond what noise does; nothing where there are too few."""
    if len(beats) < _LEAST_BEATS:
        return np.empty(0)
    intervals = np.diff(beats)
    usual = np.median(intervals)
    near = np.abs(intervals - usual) < _STEADY * usual
    share = np.convolve(np.append(near, near[-1]), np.ones(8), "same") / np.convolve(
        np.ones(len(beats)), np.ones(8), "same"
    )
    return np.clip((share - _BY_CHANCE) / (1 - _BY_CHANCE), 0, 1)


def _prominence(strokes: Floats, frames: npt.NDArray[np.int64]) -> float:
    """How far strokes on beats stand out among all: from 0 where they don't to 1 where each is twice as strong."""
    usual = float(strokes.mean())
    if usual <= _LEAST_FLUX:
        return 0.0
    on_beats = strokes[frames]
    return float(np.clip(on_beats.mean() / usual - 1, 0, 1) * (on_beats > usual).mean())


def _clear(values: Floats, among: Floats) -> Times:
    """Strokes (n,) as confidences, against what is usual among all."""
    usual = max(float(among.mean()), 1e-6)
    return values.astype(np.float64) / (values + usual)


def _stronger_half(marks: npt.NDArray[np.float64]) -> int:
    """Whether the even (0) or the odd (1) beats are the stronger ones."""
    scaled = marks / np.maximum(marks.mean(axis=0), 1e-9)
    return int(scaled[1::2].mean() > scaled[::2].mean())


def _subdivision(spectrum: Spectrum, beats: Times) -> tuple[int, bool]:
    """In how many parts most beats fall, and whether in three (with a stroke on both inner ones)."""
    intervals = np.diff(beats)
    strokes = maximum_filter1d(spectrum.flux, 3)

    def level(*places: float) -> float:
        return float(min(strokes[spectrum.frame(beats[:-1] + place * intervals)].mean() for place in places))

    halves, thirds, quarters = level(1 / 2), level(1 / 3, 2 / 3), level(1 / 4, 3 / 4)
    eighths = level(1 / 8, 3 / 8, 5 / 8, 7 / 8)
    audible = _AUDIBLE * level(0)
    if thirds > max(_STANDS_OUT * max(halves, quarters), audible):
        return 3, True
    if quarters > max(_STANDS_OUT * eighths, audible):
        return 4, False
    return 2, False


def _in_twos(thirds: Times, strokes: Floats, spectrum: Spectrum) -> Times | None:
    """Every second of these thirds of beats, where those stand out: the beats of a waltz that was tracked in halves.

    None where they don't: three thirds make a beat, as in 6/8 and in a shuffle.
    """
    even, odd = (strokes[spectrum.frame(thirds[first::2])].mean() for first in (0, 1))
    if max(even, odd) < _STANDS_OUT * min(even, odd):
        return None
    return thirds[int(odd > even) :: 2]


def _divided(beats: Times, parts: int) -> Times:
    """Each beat in `parts`, the last one as long as the one before."""
    intervals = np.append(np.diff(beats), np.diff(beats[-2:]))
    divided: Times = (beats[:, None] + intervals[:, None] * np.arange(parts) / parts).ravel()
    return divided


def _aligned(beats: Times, strokes: Floats, spectrum: Spectrum) -> Times:
    """The beats where the strokes are: a tracker that knows the tempo may still be off by a constant part of a beat."""
    if len(beats) < _LEAST_BEATS:
        return beats
    interval = float(np.median(np.diff(beats)))
    shifts = np.arange(_SHIFTS) / _SHIFTS * interval
    levels = np.array([strokes[spectrum.frame(beats[:-1] + shift)].mean() for shift in shifts])
    best = int(levels.argmax())
    if levels[best] < _MISPLACED * levels[0]:
        return beats
    shift = float(shifts[best]) - (interval if best > _SHIFTS / 2 else 0)
    moved: Times = beats + shift
    return moved[moved >= 0]
