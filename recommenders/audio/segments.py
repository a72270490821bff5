"""Segments: short, even sounds, each with its pitches, its timbre and its loudness (Jehan 2005, chapter 3)."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.fft import dct

from recommenders.audio.analysis import Segment
from recommenders.audio.decoding import HALF_RATE, Samples
from recommenders.audio.spectrum import STEP_S, Floats, Spectrum

N_TIMBRE = 12
FLOOR_DB = -60.0  # what is softer counts as silence
_SHORTEST_S = 0.1
_AROUND_S = 0.75  # what a beginning is compared with, on either side
_TIMES_AROUND = 1.3
_LEAST_FLUX = 0.5
_STEP = 64  # samples of the loudness curve: 3 ms


def find_segments(half: Samples, spectrum: Spectrum) -> tuple[Segment, ...]:
    """The segments of mono samples (n,) at 22,050 Hz."""
    starts, confidences = _beginnings(spectrum)
    pitches = _pitches(np.add.reduceat(spectrum.chroma, starts))
    lengths = np.diff(starts, append=len(spectrum.bands))[:, None].astype(np.float32)
    timbres = timbre((np.add.reduceat(spectrum.bands, starts) / lengths).astype(np.float32))
    loudness = loudness_curve(half)
    duration_s = len(half) / HALF_RATE
    times = np.append(starts * STEP_S, duration_s)
    places = np.clip(np.rint(times * HALF_RATE / _STEP).astype(np.int64), 0, len(loudness))
    segments = []
    for index, (first, last) in enumerate(pairwise(places.tolist())):
        part = loudness[first : max(last, first + 1)]
        highest = int(part.argmax())
        segments.append(
            Segment(
                start=float(times[index]),
                duration=float(times[index + 1] - times[index]),
                confidence=float(confidences[index]),
                loudness_start=float(part[0]),
                loudness_max=float(part[highest]),
                loudness_max_time=highest * _STEP / HALF_RATE,
                pitches=tuple(pitches[index].tolist()),
                timbre=tuple(timbres[index].tolist()),
            )
        )
    return tuple(segments)


def loudness_curve(half: Samples) -> Floats:
    """The loudness (n,) in dB below full scale every 64 samples, over 23 ms each; silence is -60."""
    n_steps = max(len(half) // _STEP, 1)
    padded = np.resize(np.pad(half, (0, max(_STEP - len(half), 0))), n_steps * _STEP).reshape(n_steps, _STEP)
    power = np.einsum("ij,ij->i", padded, padded) / _STEP
    smooth = np.convolve(power, np.full(8, 1 / 8), "same")[:n_steps]
    curve: Floats = np.maximum(10 * np.log10(np.maximum(smooth, 1e-12)), FLOOR_DB).astype(np.float32)
    return curve


def timbre(bands: Floats) -> Floats:
    """The shape of spectra (n, 40) as 12 coefficients (n, 12): a cosine transform of the bands in dB.

    The first is the level, from 0 at -60 dB; the second rises from bright to dark, and so on.
    """
    level = np.maximum(10 * np.log10(np.maximum(bands, 1e-12)), FLOOR_DB) - FLOOR_DB
    coefficients = dct(level, type=2, axis=1, norm="ortho")[:, :N_TIMBRE] / np.sqrt(bands.shape[1])
    shape: Floats = coefficients.astype(np.float32)
    return shape


def _beginnings(spectrum: Spectrum) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The rows at which segments begin, the first at 0, and how clearly each does."""
    flux = spectrum.flux.astype(np.float64)
    around = _mean_around(flux, round(_AROUND_S / STEP_S))
    threshold = _TIMES_AROUND * around + _LEAST_FLUX
    peaks = np.flatnonzero((flux > threshold) & (flux >= np.roll(flux, 1)) & (flux > np.roll(flux, -1)))
    kept = _apart(peaks, flux[peaks], round(_SHORTEST_S / STEP_S), len(flux))
    clear = 1 - np.exp(-(flux[kept] / threshold[kept] - 1))
    return np.concatenate([[0], kept]), np.concatenate([[1.0], clear])


def _mean_around(values: npt.NDArray[np.float64], reach: int) -> npt.NDArray[np.float64]:
    """The mean of `reach` values on either side of each; fewer at the ends."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    rows = np.arange(len(values))
    first, last = np.maximum(rows - reach, 0), np.minimum(rows + reach + 1, len(values))
    means: npt.NDArray[np.float64] = (sums[last] - sums[first]) / (last - first)
    return means


def _apart(
    peaks: npt.NDArray[np.int64], heights: npt.NDArray[np.float64], least: int, n_rows: int
) -> npt.NDArray[np.int64]:
    """The peaks, ascending, `least` rows apart and away from both ends: of two that are near the higher one stays."""
    free = np.ones(n_rows + 1, dtype=bool)
    free[:least] = free[n_rows - least :] = False
    kept = []
    for peak in peaks[np.argsort(-heights, kind="stable")].tolist():
        if free[peak]:
            kept.append(peak)
            free[max(peak - least + 1, 0) : peak + least] = False
    return np.array(sorted(kept), dtype=np.int64)


def _pitches(chroma: Floats) -> Floats:
    """Strengths of pitch classes (n, 12), the largest of each row 1; all 1 where there is no pitch."""
    largest = chroma.max(axis=1, keepdims=True)
    return np.where(largest > 0, chroma / np.where(largest > 0, largest, 1), 1).astype(np.float32)
