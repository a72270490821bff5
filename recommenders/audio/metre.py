"""The metre: how many beats a bar has, and on which beats bars begin."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommenders.audio.spectrum import Spectrum

Floats = npt.NDArray[np.float64]

METRES = (3, 4, 5, 7)
LEAST_BEATS = 16
_WINDOW = 48  # beats that are judged together: later ones may have lost or gained a beat
_NEAR = 3  # frames around a beat in which its accent may lie
_DOUBLED = {6: 3, 10: 5}  # a bar of so many beats is one of half as many, tracked at twice its tempo
_DOUBLED_GAIN = 0.12  # how much better the long bar must explain the accents than the short one
_SLOWEST_BPM = 50.0  # below which the beats are not halved
_KNOWN_FROM = 0.05
_DOUBT = 0.15
_MARKS_BAR = np.array([1.0, 0.3, 1.0])  # low strokes and changes of harmony begin a bar, loud ones may be its backbeat
_SLIP = np.log(0.01)  # of a bar having another number of beats than the rest


@dataclass(frozen=True)
class Metre:
    """`beats` per bar (None: unknown); `halved` where two tracked beats are one."""

    beats: int | None
    confidence: float
    halved: bool = False


UNKNOWN = Metre(None, 0.0)


def accents(spectrum: Spectrum, beats: Floats) -> Floats:
    """How much begins on each beat (n,), as (n, 3): low strokes, all strokes, and how far the harmony changes."""
    frames = spectrum.frame(beats)
    near = np.clip(frames[:, None] + np.arange(-_NEAR, _NEAR + 1), 0, len(spectrum.flux) - 1)
    ends = np.append(frames[1:], len(spectrum.flux) - 1)
    sums = np.concatenate([np.zeros((1, 12)), np.cumsum(spectrum.chroma, axis=0, dtype=np.float64)])
    chroma = sums[ends] - sums[frames]
    chroma /= np.maximum(np.linalg.norm(chroma, axis=1, keepdims=True), 1e-9)
    change = np.concatenate([[0.0], 1 - np.einsum("ij,ij->i", chroma[1:], chroma[:-1])])
    strokes = [np.log1p(flux[near].max(axis=1)) for flux in (spectrum.low_flux, spectrum.flux)]
    return np.stack([*strokes, change], axis=1)


def find_metre(marks: Floats, tempo_bpm: float) -> Metre:
    """The metre that explains the accents `marks` (n_beats, 3) best.

    For each number of beats: which share of their variance lies between the places in the bar, corrected for the
    number of places, in stretches of 48 beats.
    """
    if len(marks) < LEAST_BEATS:
        return UNKNOWN
    explained = {beats: _explained(marks, beats) for beats in (2, *METRES, *_DOUBLED)}
    for long, short in _DOUBLED.items():
        gain = explained[long] - max(explained[2], explained[short])
        if gain > _DOUBLED_GAIN and explained[2] > explained[short] and tempo_bpm / 2 >= _SLOWEST_BPM:
            return Metre(short, _confidence(explained[long], explained[4]), halved=True)
    best = max(METRES, key=lambda beats: explained[beats])
    rival = max(explained[beats] for beats in METRES if beats != best)
    confidence = _confidence(explained[best], rival)
    return Metre(best, confidence) if confidence >= _KNOWN_FROM else UNKNOWN


def bar_beats(marks: Floats, beats_per_bar: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """The beats on which bars begin, and how clearly each does; bars may lose or gain a beat, at a price (Viterbi)."""
    centred = (marks - marks.mean(axis=0)) / np.maximum(marks.std(axis=0), 1e-9)
    clear = centred @ (_MARKS_BAR / _MARKS_BAR.sum())
    place = _places(clear, beats_per_bar)
    first = np.flatnonzero(place == 0)
    return first, 1 / (1 + np.exp(-2 * clear[first]))


def _places(clear: Floats, beats_per_bar: int) -> npt.NDArray[np.int64]:
    """Each beat's place in its bar, on the most likely path."""
    came_from = np.zeros((len(clear), beats_per_bar), dtype=np.int64)
    score = np.zeros(beats_per_bar)
    score[0] = clear[0]
    following = np.roll(np.arange(beats_per_bar), 1)
    for beat in range(1, len(clear)):
        stay, slip = score[following], score.max() + _SLIP
        came_from[beat] = np.where(stay >= slip, following, int(score.argmax()))
        score = np.maximum(stay, slip)
        score[0] += clear[beat]
    places = np.empty(len(clear), dtype=np.int64)
    places[-1] = int(score.argmax())
    for beat in range(len(clear) - 1, 0, -1):
        places[beat - 1] = came_from[beat, places[beat]]
    return places


def _explained(marks: Floats, beats: int) -> float:
    """The share of the variance that lies between the places of bars of `beats`, on average, at least 0."""
    n_windows = max(round(len(marks) / _WINDOW), 1)
    parts = [part for part in np.array_split(marks, n_windows) if len(part) > beats + 1]
    return float(np.mean([_adjusted(part, beats) for part in parts])) if parts else 0.0


def _adjusted(marks: Floats, beats: int) -> float:
    place = np.arange(len(marks)) % beats
    means = np.stack([marks[place == number].mean(axis=0) for number in range(beats)])
    total = ((marks - marks.mean(axis=0)) ** 2).sum(axis=0)
    left = ((marks - means[place]) ** 2).sum(axis=0)
    share = 1 - left / np.maximum(total, 1e-9) * (len(marks) - 1) / (len(marks) - beats)
    return float(np.maximum(np.where(total > 1e-9, share, 0), 0).mean())


def _confidence(explained: float, rival: float) -> float:
    return max((explained - rival) / (explained + _DOUBT), 0.0)
