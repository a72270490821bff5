"""Sections: the long parts of a recording, each with a sound of its own."""

import numpy as np
import numpy.typing as npt

from recommenders.audio.analysis import Section
from recommenders.audio.loudness import Loudness
from recommenders.audio.metre import Metre, find_metre
from recommenders.audio.rhythm import Rhythm
from recommenders.audio.segments import timbre
from recommenders.audio.spectrum import Spectrum
from recommenders.audio.tonality import tonality_of

Floats = npt.NDArray[np.float64]

_STEP_S = 0.5  # of the grid where there are no beats
_REACH_S = 12.0  # on either side of a possible border
SHORTEST_S = 8.0
_LEAST_NOVELTY = 0.45  # of the usual spread of the features
_SURE_NOVELTY = 1.2


def find_sections(spectrum: Spectrum, rhythm: Rhythm, loudness: Loudness, duration_s: float) -> tuple[Section, ...]:
    """The sections of a recording of `duration_s`: from its start to its end, one after the other."""
    grid = _grid(rhythm, duration_s)
    borders, confidences = _borders(_features(spectrum, grid), grid, rhythm.bars, duration_s)
    starts, ends = np.append(0.0, borders), np.append(borders, duration_s)
    return tuple(
        _section(float(start), float(end), float(confidence), spectrum, rhythm, loudness)
        for start, end, confidence in zip(starts, ends, np.append(1.0, confidences), strict=True)
    )


def _grid(rhythm: Rhythm, duration_s: float) -> Floats:
    """Times (n,) at which a section may begin: the beats, else every half a second."""
    if len(rhythm.beats) * 2 > duration_s / _STEP_S / 2:
        return rhythm.beats
    return np.arange(0, duration_s, _STEP_S)


def _features(spectrum: Spectrum, grid: Floats) -> Floats:
    """Timbre and harmony of each step of the grid, (n, 24), each of them spread by about 1 over the recording."""
    rows = np.unique(spectrum.frame(grid))
    lengths = np.diff(rows, append=len(spectrum.flux))[:, None].astype(np.float32)
    timbres = timbre((np.add.reduceat(spectrum.bands, rows) / lengths).astype(np.float32))
    chroma = np.add.reduceat(spectrum.chroma, rows)
    chroma /= np.maximum(chroma.sum(axis=1, keepdims=True), 1e-9)
    features = np.concatenate([timbres, chroma], axis=1).astype(np.float64)
    spread: Floats = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-3)
    return spread


def _borders(features: Floats, grid: Floats, bars: Floats, duration_s: float) -> tuple[Floats, Floats]:
    """Where sections begin after the first, in seconds, and how clearly."""
    step_s = duration_s / max(len(features), 1)
    novelty = _novelty(features, max(round(_REACH_S / step_s), 2))
    peaks = np.flatnonzero(
        (novelty >= _LEAST_NOVELTY) & (novelty >= np.roll(novelty, 1)) & (novelty > np.roll(novelty, -1))
    )
    chosen: list[float] = []
    heights: list[float] = []
    for peak in peaks[np.argsort(-novelty[peaks], kind="stable")].tolist():
        time = _nearest(bars, float(grid[peak]), 2 * step_s)
        if all(abs(time - other) >= SHORTEST_S for other in (0.0, duration_s, *chosen)):
            chosen.append(time)
            heights.append(min(float(novelty[peak]) / _SURE_NOVELTY, 1.0))
    order = np.argsort(chosen)
    return np.array(chosen)[order], np.array(heights)[order]


def _novelty(features: Floats, reach: int) -> Floats:
    """How much what follows each step differs from what came before, (n,).

    Foote's checkerboard (2000) over inner products, which is the squared difference of two weighted means: linear in
    the length of the recording. The root is taken, over the number of features.
    """
    weights = np.exp(-0.5 * (np.arange(reach) / (reach / 2)) ** 2)
    n_steps = len(features)
    if n_steps < 4:
        return np.zeros(n_steps)
    known = np.ones(n_steps)
    after = np.concatenate([weights[::-1], np.zeros(reach)])  # convolution turns it around
    before = np.concatenate([np.zeros(reach), weights])
    means = []
    for kernel in (after, before):
        total = np.maximum(_sliding(known, kernel, n_steps), 1e-9)
        means.append(np.stack([_sliding(column, kernel, n_steps) / total for column in features.T], axis=1))
    novelty: Floats = np.sqrt(((means[0] - means[1]) ** 2).mean(axis=1))
    novelty[[0, 1, -2, -1]] = 0
    return novelty


def _sliding(values: Floats, kernel: Floats, n_steps: int) -> Floats:
    full = np.convolve(values, kernel)
    first = len(kernel) // 2 - 1
    return full[first : first + n_steps]


def _nearest(times: Floats, time: float, within: float) -> float:
    """The one of `times` that is nearest to `time`, if it is near."""
    if not len(times):
        return time
    nearest = float(times[np.abs(times - time).argmin()])
    return nearest if abs(nearest - time) <= within else time


def _section(
    start: float, end: float, confidence: float, spectrum: Spectrum, rhythm: Rhythm, loudness: Loudness
) -> Section:
    rows = slice(int(spectrum.frame(start)), int(spectrum.frame(end)) + 1)
    tonality = tonality_of(spectrum.chroma[rows])
    level = loudness.between(start, end)
    tempo, tempo_confidence, metre = _pace(start, end, rhythm)
    return Section(
        start=start,
        duration=end - start,
        confidence=confidence,
        loudness=level,
        tempo=tempo,
        tempo_confidence=tempo_confidence,
        key=tonality.key,
        key_confidence=tonality.key_confidence,
        mode=tonality.mode,
        mode_confidence=tonality.mode_confidence,
        time_signature=metre.beats,
        time_signature_confidence=metre.confidence,
    )


def _pace(start: float, end: float, rhythm: Rhythm) -> tuple[float | None, float, Metre]:
    """Tempo, its confidence, and the metre of the beats in a section; the recording's, where they are too few."""
    inside = np.flatnonzero((rhythm.beats >= start) & (rhythm.beats < end))
    if len(inside) < 8:
        return rhythm.tempo_bpm, rhythm.tempo_confidence / 2, rhythm.metre
    tempo = 60 / float(np.diff(rhythm.beats[inside]).mean())
    metre = find_metre(rhythm.marks[inside], tempo)
    if metre.halved or metre.confidence < rhythm.metre.confidence:
        metre = rhythm.metre
    return tempo, float(rhythm.beat_confidences[inside].mean()), metre
