"""Tonality: the key and the mode, of a recording and of its parts."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommenders.audio.decoding import Samples
from recommenders.audio.library import standard
from recommenders.audio.spectrum import Floats

_KEYS = {"C": 0, "C#": 1, "Db": 1, "D": 2, "D#": 3, "Eb": 3, "E": 4, "F": 5, "F#": 6, "Gb": 6, "G": 7, "G#": 8}
_KEYS |= {"Ab": 8, "A": 9, "A#": 10, "Bb": 10, "B": 11}
# How often each pitch class sounds in a stretch of music in C major and C minor (Temperley 2007, chapter 6).
_MAJOR = (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400)
_MINOR = (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330)
_PEAKED_FROM = 1.45  # the highest pitch class against the mean: noise and drums stay below 1.4 in each frame
_UNEVEN_FROM = 1.1  # the same over all frames: a glide is peaked, but rests nowhere
_SHARPNESS = 0.08  # of correlations, when they become probabilities


@dataclass(frozen=True)
class Tonality:
    """`key` 0 is C, `mode` 1 is major; None where there is none."""

    key: int | None
    key_confidence: float
    mode: int | None
    mode_confidence: float


NO_TONALITY = Tonality(None, 0.0, None, 0.0)


def find_tonality(mono: Samples, chroma: Floats) -> Tonality:
    """The key and the mode of `mono` (n,) at 44,100 Hz, by essentia's KeyExtractor.

    Its strength is high for almost everything, noise too. So the pitch classes (n_frames, 12) are a second witness: the
    confidences are the strength times the probability that they give to the same answer.
    """
    if not _has_pitch(chroma):
        return NO_TONALITY
    name, scale, strength = standard().KeyExtractor()(mono)
    key, mode = _KEYS[name], int(scale == "major")
    return _confident(_probabilities(chroma), key, mode, float(np.clip(strength, 0, 1)))


def tonality_of(chroma: Floats) -> Tonality:
    """The key and the mode of a part, from its pitch classes (n_frames, 12) alone."""
    if not _has_pitch(chroma):
        return NO_TONALITY
    probabilities = _probabilities(chroma)
    mode, key = divmod(int(probabilities.argmax()), 12)
    return _confident(probabilities, key, mode, 1.0)


def _confident(probabilities: npt.NDArray[np.float64], key: int, mode: int, strength: float) -> Tonality:
    of_key = float(probabilities[:, key].sum())
    of_mode = float(probabilities[mode, key]) / max(of_key, 1e-9)
    return Tonality(key, strength * of_key, mode, strength * of_mode)


def _has_pitch(chroma: Floats) -> bool:
    """Whether single pitch classes stand out, in the frames and over all of them."""
    sums = chroma.sum(axis=1)
    total = float(sums.sum())
    if total <= 0:
        return False
    peaked = 12 * float(chroma.max(axis=1).sum()) / total
    uneven = 12 * float(chroma.sum(axis=0).max()) / total
    return peaked > _PEAKED_FROM and uneven > _UNEVEN_FROM


def _probabilities(chroma: Floats) -> npt.NDArray[np.float64]:
    """How probable each mode and key is, (2, 12): correlations with the 24 profiles (Krumhansl 1990), sharpened."""
    profiles = np.array([np.roll(profile, key) for profile in (_MINOR, _MAJOR) for key in range(12)])
    heard = chroma.mean(axis=0, dtype=np.float64)
    raised = np.exp(np.corrcoef(profiles, heard)[-1, :-1] / _SHARPNESS)
    probabilities: npt.NDArray[np.float64] = (raised / raised.sum()).reshape(2, 12)
    return probabilities
