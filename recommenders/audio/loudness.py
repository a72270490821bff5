"""How loud: EBU R128, the highest sample, where fades end and begin, and the loudness curve in fine steps."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommenders.audio.decoding import Samples
from recommenders.audio.library import standard

SILENCE_LUFS = -70.0  # the absolute gate of EBU R128
STEP_S = 0.1  # of momentary loudness


@dataclass(frozen=True)
class Loudness:
    """`integrated_lufs` and `range_lu` after EBU R128 (None in silence); `momentary` (n,) LUFS every 0.1 s."""

    integrated_lufs: float | None
    range_lu: float | None
    peak_dbfs: float | None
    momentary: npt.NDArray[np.float32]

    @property
    def silent(self) -> bool:
        """Whether nothing is above the gate: such a recording has no tempo and no key."""
        return self.integrated_lufs is None


def measure(stereo: Samples, rate: int) -> Loudness:
    """Measure the loudness of `stereo` (n, 2)."""
    peak = float(np.abs(stereo).max(initial=0.0))
    r128 = standard().LoudnessEBUR128(sampleRate=rate, hopSize=STEP_S, startAtZero=True)
    momentary, _, integrated, loudness_range = r128(stereo)
    heard = momentary.max(initial=SILENCE_LUFS) > SILENCE_LUFS
    return Loudness(
        float(integrated) if heard else None,
        float(loudness_range) if heard else None,
        float(20 * np.log10(peak)) if peak > 0 else None,
        momentary,
    )
