"""How loud: EBU R128, the highest sample, and where fades end and begin."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d

from recommenders.audio.decoding import Samples
from recommenders.audio.library import standard

Floats = npt.NDArray[np.float32]

SILENCE_LUFS = -70.0  # the absolute gate of EBU R128
STEP_S = 0.1  # of momentary loudness
_WINDOW_S = 0.4
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
        centres = np.arange(len(self.momentary)) * STEP_S + _WINDOW_S / 2
        part = self.momentary[(centres >= start_s) & (centres < end_s) & (self.momentary > SILENCE_LUFS)]
        return float(10 * np.log10(np.mean(10 ** (part.astype(np.float64) / 10)))) if len(part) else None


def measure(stereo: Samples, rate: int) -> Loudness:
    """Measure the loudness of `stereo` (n, 2), by essentia's LoudnessEBUR128."""
    peak = float(max(stereo.max(initial=0.0), -stereo.min(initial=0.0)))
    momentary, _, integrated, loudness_range = standard().LoudnessEBUR128(sampleRate=rate, hopSize=STEP_S)(stereo)
    heard = len(momentary) > 0 and float(momentary.max()) > SILENCE_LUFS and np.isfinite(integrated)
    return Loudness(
        float(integrated) if heard else None,
        max(float(loudness_range), 0.0) if heard and np.isfinite(loudness_range) else None,
        float(20 * np.log10(peak)) if peak > 0 else None,
        momentary,
    )


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
