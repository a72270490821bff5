"""How loud: EBU R128, the highest sample, and where fades end and begin."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d
from scipy.signal import sosfilt

from recommenders.audio.decoding import Samples

Floats = npt.NDArray[np.float64]

SILENCE_LUFS = -70.0  # the absolute gate of EBU R128
STEP_S = 0.1  # of momentary loudness
_WINDOW_S = 0.4
_SHORT_TERM_S = 3.0
_RELATIVE_GATE_LU = 10.0
_RANGE_GATE_LU = 20.0
_STEPS_AT_ONCE = 100
_FADE_DEPTH_LU = 10.0  # a fade begins at least so far below its end
_STILL_RISING_LU = 1.5  # within the next three seconds
_AHEAD = 30  # steps
_HOLD = 10  # steps for which a peak is held, so that beats don't look like falls
_SHORTEST_FADE_S = 1.0
_LONGEST_FADE_S = 20.0  # what rises for longer is music


@dataclass(frozen=True)
class Loudness:
    """`integrated_lufs` and `range_lu` after EBU R128, None in silence; `momentary` (n,) LUFS every 0.1 s."""

    integrated_lufs: float | None
    range_lu: float | None
    peak_dbfs: float | None
    momentary: Floats

    @property
    def silent(self) -> bool:
        """Whether nothing is above the gate: such a recording has no tempo and no key."""
        return self.integrated_lufs is None

    def between(self, start_s: float, end_s: float) -> float | None:
        """The loudness from `start_s` to `end_s` in LUFS, gated against silence only; None where that is all."""
        starts = np.arange(len(self.momentary)) * STEP_S
        inside = (starts >= start_s) & (starts + _WINDOW_S <= end_s + STEP_S / 2)
        part = self.momentary[inside & (self.momentary > SILENCE_LUFS)]
        return _mean_lufs(part) if len(part) else None


def measure(stereo: Samples, rate: int) -> Loudness:
    """Measure the loudness of `stereo` (n, 2) at `rate` Hz, after ITU-R BS.1770-4 and EBU Tech 3342.

    In a quarter of the time of essentia's LoudnessEBUR128, whose filter is up to 0.3 LU off at 44.1 kHz.
    """
    peak = float(max(stereo.max(initial=0.0), -stereo.min(initial=0.0)))
    powers = _step_powers(stereo, rate)
    momentary = _lufs(_moving_mean(powers, round(_WINDOW_S / STEP_S)))
    short_term = _lufs(_moving_mean(powers, round(_SHORT_TERM_S / STEP_S)))
    return Loudness(
        _gated(momentary, _RELATIVE_GATE_LU),
        _range(short_term),
        float(20 * np.log10(peak)) if peak > 0 else None,
        momentary,
    )


def _step_powers(stereo: Samples, rate: int) -> Floats:
    """The K-weighted power of both channels together in each 0.1 s, (n_steps,)."""
    filters = _k_weighting(rate)
    step = round(rate * STEP_S)
    state = np.zeros((len(filters), stereo.shape[1], 2))
    powers = []
    for start in range(0, len(stereo), step * _STEPS_AT_ONCE):
        block = stereo[start : start + step * _STEPS_AT_ONCE].T.astype(np.float64)
        weighted, state = sosfilt(filters, block, axis=1, zi=state)
        whole = weighted[:, : weighted.shape[1] // step * step].reshape(len(weighted), -1, step)
        powers.append(np.einsum("cns,cns->n", whole, whole) / step)
    return np.concatenate(powers)


def _k_weighting(rate: int) -> Floats:
    """The filter of BS.1770 for any rate, as second-order sections (2, 6): a shelf, and a high-pass (De Man 2018)."""
    k = np.tan(np.pi * 1681.974450955533 / rate)
    high, q = 10 ** (3.999843853973347 / 20), 0.7071752369554196
    band = high**0.4996667741545416
    low = k * k
    scale = 1 + k / q + low
    shelf = [high + band * k / q + low, 2 * (low - high), high - band * k / q + low]
    shelf = [*(value / scale for value in shelf), 1, 2 * (low - 1) / scale, (1 - k / q + low) / scale]
    k, q = np.tan(np.pi * 38.13547087602444 / rate), 0.5003270373238773
    scale = 1 + k / q + k * k
    high_pass = [1, -2, 1, 1, 2 * (k * k - 1) / scale, (1 - k / q + k * k) / scale]
    return np.array([shelf, high_pass])


def _moving_mean(values: Floats, length: int) -> Floats:
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return np.maximum(sums[length:] - sums[:-length], 0) / length if len(values) >= length else np.empty(0)


def _lufs(power: Floats) -> Floats:
    levels: Floats = 10 * np.log10(np.maximum(power, 1e-30)) - 0.691
    return levels


def _mean_lufs(levels: Floats) -> float:
    """The level of the mean power."""
    return float(10 * np.log10(np.mean(10 ** (levels / 10))))


def _gated(levels: Floats, gate_lu: float) -> float | None:
    """The mean level of what is above the absolute gate, and not `gate_lu` below the mean of that; None in silence."""
    heard = levels[levels > SILENCE_LUFS]
    if not len(heard):
        return None
    return _mean_lufs(heard[heard > _mean_lufs(heard) - gate_lu])


def _range(short_term: Floats) -> float | None:
    """The loudness range in LU: from the 10th to the 95th percentile of the gated short-term levels."""
    heard = short_term[short_term > SILENCE_LUFS]
    if not len(heard):
        return None
    low, high = np.percentile(heard[heard > _mean_lufs(heard) - _RANGE_GATE_LU], [10, 95])
    return float(high - low)


def fades(loudness: Loudness, duration_s: float) -> tuple[float, float]:
    """When the fade-in ends and when the fade-out begins, in seconds; without one, where sound begins and ends."""
    if loudness.silent:
        return 0.0, duration_s
    levels = np.maximum(loudness.momentary, SILENCE_LUFS)
    return _fade_end_s(levels), duration_s - _fade_end_s(levels[::-1])


def _fade_end_s(levels: Floats) -> float:
    """Seconds from the start of `levels` to the end of a fade-in, else to the first sound."""
    begin = int(np.flatnonzero(levels > SILENCE_LUFS)[0])
    held = maximum_filter1d(levels, _HOLD, origin=_HOLD // 2 - 1)  # of the last second
    ahead = maximum_filter1d(levels, _AHEAD, origin=-_AHEAD // 2)
    resting = np.flatnonzero(held[begin:] >= ahead[begin:] - _STILL_RISING_LU)
    end = begin + (int(resting[0]) if len(resting) else 0)
    seconds = (end - begin) * STEP_S
    if _SHORTEST_FADE_S <= seconds <= _LONGEST_FADE_S and levels[begin] < held[end] - _FADE_DEPTH_LU:
        return end * STEP_S + _WINDOW_S / 2
    return begin * STEP_S + _WINDOW_S / 2 if begin else 0.0
