"""Tonality: the key and the mode."""

from dataclasses import dataclass

from recommenders.audio.decoding import Samples
from recommenders.audio.library import standard

_KEYS = {"C": 0, "C#": 1, "Db": 1, "D": 2, "D#": 3, "Eb": 3, "E": 4, "F": 5, "F#": 6, "Gb": 6, "G": 7, "G#": 8}
_KEYS |= {"Ab": 8, "A": 9, "A#": 10, "Bb": 10, "B": 11}


@dataclass(frozen=True)
class Tonality:
    """`key` 0 is C, `mode` 1 is major; None where there is none."""

    key: int | None
    key_confidence: float
    mode: int | None
    mode_confidence: float


NO_TONALITY = Tonality(None, 0.0, None, 0.0)


def find_tonality(mono: Samples) -> Tonality:
    """The key and the mode of `mono` (n,) at 44,100 Hz, by essentia's KeyExtractor."""
    key, scale, strength = standard().KeyExtractor()(mono)
    confidence = float(min(max(strength, 0.0), 1.0))
    return Tonality(_KEYS[key], confidence, int(scale == "major"), confidence) if confidence > 0 else NO_TONALITY
