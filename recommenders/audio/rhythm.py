"""Rhythm: beats and tempo, the metre and its bars, and tatums, the lowest regular pulse."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommenders.audio.decoding import Samples
from recommenders.audio.library import standard

Times = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rhythm:
    """Beats, bars and tatums: times (n,) in seconds, each with its confidences (n,). `metre` is in beats per bar."""

    tempo_bpm: float | None
    tempo_confidence: float
    metre: int | None
    metre_confidence: float
    beats: Times
    beat_confidences: Times
    bars: Times
    bar_confidences: Times
    tatums: Times
    tatum_confidences: Times


def no_rhythm() -> Rhythm:
    """The rhythm of what has none."""
    none = np.empty(0)
    return Rhythm(None, 0.0, None, 0.0, none, none, none, none, none, none)


def find_rhythm(mono: Samples) -> Rhythm:
    """Beats and tempo of `mono` (n,) at 44,100 Hz."""
    bpm, ticks, _, _, _ = standard().RhythmExtractor2013(method="degara")(mono)
    beats = ticks.astype(np.float64)
    if len(beats) < 4:
        return no_rhythm()
    sure = np.full(len(beats), 0.5)
    return Rhythm(float(bpm), 0.5, 4, 0.0, beats, sure, beats[::4], sure[::4], beats, sure)
