"""The spectrum over time, once for everything that needs it: bands, pitch classes, and what begins in each frame."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.fft import rfft

from recommenders.audio.decoding import HALF_RATE, Samples

Floats = npt.NDArray[np.float32]

HOP = 512  # samples at 22,050 Hz between two frames
STEP_S = HOP / HALF_RATE
BANDS = 40
_FRAME = 2048  # short, for when something begins
_LONG_FRAME = 4096  # long, to tell a semitone from the next
_BLOCK = 256  # frames at a time, so that they stay in the cache
_LOWEST_HZ, _HIGHEST_HZ = 120.0, 4000.0  # of what has a pitch
_LOW_HZ = 160.0  # below it drums and basses mark the bar
_COMPRESSION = 1e4


@dataclass(frozen=True)
class Spectrum:
    """One row for every 23 ms; row i is centred on i * STEP_S.

    `bands` (n, 40) power in bands of the mel scale; `chroma` (n, 12) strength of each pitch class, C first; `flux` (n,)
    by how much the bands' compressed power rises, `low_flux` (n,) that below 160 Hz.
    """

    bands: Floats
    chroma: Floats
    flux: Floats
    low_flux: Floats

    def frame(self, time_s: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """The row nearest to a time."""
        nearest = np.rint(np.asarray(time_s) / STEP_S).astype(np.int64)
        return np.clip(nearest, 0, len(self.flux) - 1)


def spectrum(half: Samples) -> Spectrum:
    """The spectrum of mono samples (n,) at 22,050 Hz."""
    bands = _filtered(half, _FRAME, HOP, _band_shares())
    chroma = np.repeat(_filtered(half, _LONG_FRAME, 2 * HOP, _pitch_shares(), root=True), 2, axis=0)[: len(bands)]
    compressed = np.log1p(np.float32(_COMPRESSION) * bands) * np.float32(np.log10(np.e))
    rise = np.diff(compressed, axis=0, prepend=compressed[:1])
    np.maximum(rise, 0, out=rise)
    low = int(np.searchsorted(_edges()[1:-1], _LOW_HZ))
    return Spectrum(bands, chroma, rise.sum(axis=1), rise[:, :low].sum(axis=1))


def _filtered(samples: Samples, frame: int, hop: int, shares: Floats, root: bool = False) -> Floats:
    """The power of overlapping frames (its `root`: amplitude) in a bank of filters `shares` (n_bins, n_filters).

    The first frame is centred on the first sample.
    """
    n_frames = len(samples) // hop + 1
    padded = np.concatenate([np.zeros(frame // 2, np.float32), samples, np.zeros(frame // 2 + hop, np.float32)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, frame)[::hop][:n_frames]
    hann = np.hanning(frame + 1)[:-1]
    window = (hann * 2 / hann.sum()).astype(np.float32)
    filtered = np.empty((n_frames, shares.shape[1]), dtype=np.float32)
    for start in range(0, n_frames, _BLOCK):
        transformed = rfft(frames[start : start + _BLOCK] * window, axis=1)[:, : len(shares)]
        power = transformed.real**2 + transformed.imag**2
        np.matmul(np.sqrt(power, out=power) if root else power, shares, out=filtered[start : start + _BLOCK])
    return filtered


def _edges() -> npt.NDArray[np.float64]:
    """Where the bands begin, culminate and end, in Hz: even steps of the mel scale (O'Shaughnessy 1987)."""
    highest = np.log1p(HALF_RATE / 2 / 700)
    edges: npt.NDArray[np.float64] = 700 * np.expm1(np.linspace(0, highest, BANDS + 2))
    return edges


@cache
def _band_shares() -> Floats:
    """Which share of each bin's power falls into each band, (1025, 40)."""
    edges, bins = _edges(), np.arange(_FRAME // 2 + 1)[:, None] * (HALF_RATE / _FRAME)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    shares = np.maximum(np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)), 0)
    return shares.astype(np.float32)


@cache
def _pitch_shares() -> Floats:
    """Which share of each bin's amplitude belongs to each pitch class, (n, 12): a bell of a third of a semitone."""
    bins_hz = np.arange(1, int(_HIGHEST_HZ * _LONG_FRAME / HALF_RATE) + 1) * (HALF_RATE / _LONG_FRAME)
    above_c = 12 * np.log2(bins_hz / 440) + 9
    apart = (above_c[:, None] - np.arange(12) + 6) % 12 - 6
    octaves = np.log2(bins_hz / 500)
    heard = np.exp(-0.5 * (octaves / 1.2) ** 2) * (bins_hz > _LOWEST_HZ)
    shares = np.exp(-0.5 * (apart / 0.33) ** 2) * heard[:, None]
    return np.concatenate([np.zeros((1, 12)), shares]).astype(np.float32)
