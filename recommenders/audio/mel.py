"""Log-mel excerpts: what the network hears, the same numbers in training and in serving.

128 bands of 30 s at 22,050 Hz in 599 frames (van den Oord, Dieleman & Schrauwen 2013, section 5.1). Window and bands
are those of essentia's `Windowing` (hann) and `MelBands` (HTK's mel scale, triangles in it, each of unit sum), as
formulas, so that neither side needs essentia for it.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

MEL_RATE = 22_050  # Hz
FRAME = 2048  # samples under one window
HOP = 1104  # samples from one frame to the next
FRAMES, BANDS = 599, 128
MOST_EXCERPTS = 3
COMPRESSION = 10_000.0  # power is compressed to log10(1 + 10,000 power): -40 dB of full scale is where it bends

_EXCERPT = HOP * (FRAMES - 1) + FRAME  # samples that one excerpt reads
_BREAK_HZ, _MELS = 700.0, 1127.01048  # of HTK's scale


def log_mel(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
    """The excerpts of a recording, (n_excerpts, 599, 128) float16, from mono samples (n,) float32 at 22,050 Hz.

    Up to three, spread evenly, as many as the recording is long; one shorter than 30 s is repeated from its beginning.
    """
    if len(samples) < _EXCERPT:
        frames = _compressed(np.pad(samples, (0, max(FRAME - len(samples), 0))))
        return np.resize(frames, (1, FRAMES, BANDS))  # begins again where the frames end
    n_excerpts = min(MOST_EXCERPTS, len(samples) // _EXCERPT)
    room = len(samples) - _EXCERPT
    starts = [round(room * (number + 0.5) / n_excerpts) for number in range(n_excerpts)]
    return np.stack([_compressed(samples[start : start + _EXCERPT]) for start in starts])


def _compressed(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
    """The log-mel of every whole frame of `samples`, (n_frames, 128) float16."""
    from scipy.fft import rfft  # four times as fast as numpy's, and too slow to import for a DAG file

    frames = np.lib.stride_tricks.sliding_window_view(np.asarray(samples, dtype=np.float32), FRAME)[::HOP]
    spectrum = rfft(frames * window(), axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    compressed: npt.NDArray[np.float16] = np.log10(1 + np.float32(COMPRESSION) * (power @ bank())).astype(np.float16)
    return compressed


@cache
def window() -> npt.NDArray[np.float32]:
    """essentia's normalised hann window, (2048,) float32: a sine of amplitude 1 has a peak of 1."""
    hann = np.hanning(FRAME)
    scaled: npt.NDArray[np.float32] = (hann * 2 / hann.sum()).astype(np.float32)
    return scaled


@cache
def bank() -> npt.NDArray[np.float32]:
    """essentia's filterbank, (1025, 128) float32: the share of each bin's power in each band."""
    edges = np.linspace(0, _mel(np.array(MEL_RATE / 2)), BANDS + 2)
    bins = _mel(np.arange(FRAME // 2 + 1) * MEL_RATE / FRAME)[:, None]
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.maximum(np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)), 0)
    shares: npt.NDArray[np.float32] = (triangles / triangles.sum(axis=0)).astype(np.float32)
    return shares


def _mel(frequency_hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return _MELS * np.log1p(frequency_hz / _BREAK_HZ)
