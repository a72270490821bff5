"""From a file to samples: decoded once, and refused where nothing sensible could be heard in it."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recommenders.audio.analysis import ANALYSIS_VERSION, Meta, Refusal, UnreadableAudioError
from recommenders.audio.library import standard

Samples = npt.NDArray[np.float32]

RATE = 44_100  # Hz, at which everything is heard
HALF_RATE = RATE // 2  # at which spectra are made
SHORTEST_S = 1.0
LONGEST_S = 20 * 60.0
HIGHEST_PEAK = 10.0  # 20 dB beyond full scale: decoders of damaged files reach it, music does not
_RESAMPLING = 1  # the quality of essentia's own MonoLoader


@dataclass(frozen=True)
class Recording:
    """A decoded file: `stereo` (n, 2) at the file's own rate (mono: the right is empty), `mono` (m,) at 44,100 Hz."""

    meta: Meta
    stereo: Samples
    mono: Samples

    @property
    def duration_s(self) -> float:
        """Seconds of audio that were decoded."""
        return len(self.stereo) / self.meta.sample_rate


def decode(path: Path, longest_s: float = LONGEST_S) -> Recording:
    """Decode the audio file at `path`. Raises UnreadableAudioError.

    A file whose header tells that it lasts longer than `longest_s` is refused before it is decoded.
    """
    _check_file(path, longest_s)
    stereo, meta = _load(path)
    duration_s = len(stereo) / meta.sample_rate
    _check_length(path, duration_s, longest_s)
    peak = float(max(-stereo.min(), stereo.max()))
    if not np.isfinite(peak) or not np.isfinite(stereo).all():
        raise _refuse(Refusal.NOT_FINITE, path, "it holds samples that are no numbers: encode it again")
    if peak > HIGHEST_PEAK:
        raise _refuse(Refusal.OUT_OF_RANGE, path, f"its peak is {peak:,.0f} x full scale: it is damaged")
    return Recording(meta, stereo, _mono(stereo, meta))


def _check_file(path: Path, longest_s: float) -> None:
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise _refuse(Refusal.NOT_A_FILE, path, f"it can't be opened ({error})") from error
    if not stat.S_ISREG(status.st_mode):
        raise _refuse(Refusal.NOT_A_FILE, path, "it is no regular file")
    if status.st_size == 0:
        raise _refuse(Refusal.UNREADABLE, path, "it is empty")
    claimed_s = _claimed_s(path)
    if claimed_s > longest_s:
        _check_length(path, claimed_s, longest_s)


def _claimed_s(path: Path) -> float:
    """Seconds that the file's header claims; 0 where it is not understood (decoding will tell)."""
    import soundfile

    try:
        with path.open("rb") as file:
            header = soundfile.info(file)
    except (RuntimeError, OSError):
        return 0.0
    return float(header.frames / header.samplerate) if header.samplerate else 0.0


def _check_length(path: Path, seconds: float, longest_s: float) -> None:
    if seconds > longest_s:
        raise _refuse(Refusal.TOO_LONG, path, f"it lasts {seconds / 60:,.0f} minutes, more than {longest_s / 60:,.0f}")
    if seconds < SHORTEST_S:
        raise _refuse(Refusal.TOO_SHORT, path, f"it lasts {seconds:.3f} s, less than {SHORTEST_S:g}")


def _load(path: Path) -> tuple[Samples, Meta]:
    """The samples (n, 2) and what the file says of itself."""
    opened = ""
    try:
        with path.open("rb") as file:  # by its number: a name that is no text can't be handed over
            opened = f"/proc/self/fd/{file.fileno()}"
            loader = standard().AudioLoader(filename=opened)
            stereo, rate, channels, _, bit_rate, codec = loader()
    except (RuntimeError, OSError) as error:
        why = " ".join(str(error).split()).replace(f'"{opened}"', "it")
        raise _refuse(Refusal.UNREADABLE, path, f"it can't be decoded ({why})") from error
    meta = Meta(ANALYSIS_VERSION, str(codec), round(rate), int(channels), int(bit_rate))
    return stereo, meta


def _mono(stereo: Samples, meta: Meta) -> Samples:
    """The mean of the channels, at 44,100 Hz: what essentia's MonoLoader gives."""
    mono = stereo[:, 0].copy() if meta.channels == 1 else (stereo[:, 0] + stereo[:, 1]) * np.float32(0.5)
    if meta.sample_rate == RATE:
        return mono
    resample: Any = standard().Resample(inputSampleRate=meta.sample_rate, outputSampleRate=RATE, quality=_RESAMPLING)
    resampled: Samples = resample(mono)
    return resampled


def halved(mono: Samples) -> Samples:
    """Mono samples at 22,050 Hz, from 44,100: what is far above is damped before it is folded down."""
    even, odd = mono[: len(mono) // 2 * 2 : 2], mono[1::2]
    half = even * np.float32(0.5)
    half += odd * np.float32(0.25)
    half[1:] += odd[:-1] * np.float32(0.25)
    return half


def _refuse(refusal: Refusal, path: Path, why: str) -> UnreadableAudioError:
    name = os.fsencode(path.name).decode(errors="replace")
    return UnreadableAudioError(refusal, f"{name!r} can't be analysed: {why}.")
