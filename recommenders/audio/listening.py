"""Listening to one file: decoded once, everything that is known of it comes out."""

import ctypes
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from recommenders.audio import fingerprint
from recommenders.audio.analysis import Analysis, Meta, Track, intervals
from recommenders.audio.decoding import LONGEST_S, RATE, Samples, decode, halved
from recommenders.audio.library import standard
from recommenders.audio.loudness import Loudness, fades, measure
from recommenders.audio.mel import log_mel
from recommenders.audio.rhythm import Rhythm, find_rhythm, no_rhythm
from recommenders.audio.sections import find_sections
from recommenders.audio.segments import find_segments
from recommenders.audio.spectrum import Spectrum, spectrum
from recommenders.audio.tonality import NO_TONALITY, find_tonality

if TYPE_CHECKING:
    from recommenders.audio.served import ServedNetwork

HIGHEST_DANCEABILITY = 4.0
USUAL_FLUX = 1.5


@dataclass(frozen=True)
class Hearing:
    """What was heard: the analysis, Chromaprint's words (n_words,), the network's excerpts (n_excerpts, 599, 128).

    `vector` (n_factors,) float32 of unit length is the network's, where there is one and anything was heard; `tags` are
    its probabilities of human tags. A silent recording has no words and no vector.
    """

    analysis: Analysis
    fingerprint: npt.NDArray[np.uint32]
    mels: npt.NDArray[np.float16]
    vector: npt.NDArray[np.float32] | None = None
    tags: dict[str, float] = field(default_factory=dict)


def listen(path: Path, network: "ServedNetwork | None" = None, longest_s: float = LONGEST_S) -> Hearing:
    """Listen to the audio file at `path`. Raises UnreadableAudioError, which says why it can't be."""
    _give_back()
    with _one_thread().limit(limits=1, user_api="blas"):
        recording = decode(path, longest_s)
        meta, duration_s, mono = recording.meta, recording.duration_s, recording.mono
        loudness = measure(recording.stereo, meta.sample_rate)
        del recording  # its channels are most of the memory
        half = halved(mono)
        analysis = _analyse(meta, duration_s, mono, half, loudness)
        mels = log_mel(half)
        if loudness.silent:
            return Hearing(analysis, np.empty(0, dtype=np.uint32), mels)
        words = _words(mono)
        if network is None:
            return Hearing(analysis, words, mels)
        vector, tags = network.predict(mels)
        return Hearing(analysis, words, mels, vector, tags)


@cache
def _one_thread() -> ThreadpoolController:
    """A second thread costs more than it gains on matrices as small as a recording's."""
    return ThreadpoolController()


def _give_back() -> None:
    """Give memory that the last recording has left to the system; glibc keeps it otherwise."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _words(mono: Samples) -> npt.NDArray[np.uint32]:
    """Chromaprint's words for the beginning of mono samples (n,) at 44,100 Hz."""
    beginning = mono[: round(fingerprint.LONGEST_S * RATE)]
    return fingerprint.unpack(standard().Chromaprinter(sampleRate=RATE)(beginning))


def _analyse(meta: Meta, duration_s: float, mono: Samples, half: Samples, loudness: Loudness) -> Analysis:
    heard = spectrum(half)
    rhythm = no_rhythm() if loudness.silent else find_rhythm(mono, heard)
    return Analysis(
        meta,
        _track(duration_s, mono, loudness, rhythm, heard),
        bars=intervals(rhythm.bars, duration_s, rhythm.bar_confidences),
        beats=intervals(rhythm.beats, duration_s, rhythm.beat_confidences),
        tatums=intervals(rhythm.tatums, duration_s, rhythm.tatum_confidences),
        sections=find_sections(heard, rhythm, loudness, duration_s),
        segments=find_segments(half, heard),
    )


def _track(duration_s: float, mono: Samples, loudness: Loudness, rhythm: Rhythm, heard: Spectrum) -> Track:
    tonality = NO_TONALITY if loudness.silent else find_tonality(mono, heard.chroma)
    fade_in_end, fade_out_start = fades(loudness, duration_s)
    return Track(
        duration=duration_s,
        end_of_fade_in=fade_in_end,
        start_of_fade_out=fade_out_start,
        loudness=loudness.integrated_lufs,
        loudness_range=loudness.range_lu,
        peak=loudness.peak_dbfs,
        tempo=rhythm.tempo_bpm,
        tempo_confidence=rhythm.tempo_confidence,
        time_signature=rhythm.metre.beats,
        time_signature_confidence=rhythm.metre.confidence,
        key=tonality.key,
        key_confidence=tonality.key_confidence,
        mode=tonality.mode,
        mode_confidence=tonality.mode_confidence,
        danceability=None if loudness.silent else _danceability(mono),
        energy=None if loudness.integrated_lufs is None else _energy(loudness.integrated_lufs, heard),
    )


def _danceability(mono: Samples) -> float | None:
    value = float(standard().Danceability()(mono)[0])
    return min(max(value, 0.0), HIGHEST_DANCEABILITY) if np.isfinite(value) else None


def _energy(loudness_lufs: float, heard: Spectrum) -> float:
    """Half of it is loudness (from -30 to -6 LUFS), the rest how much happens and how much of it is bright."""
    level = float(np.clip((loudness_lufs + 30) / 24, 0, 1))
    flux = float(heard.flux.mean())
    bands = np.sqrt(heard.bands.mean(axis=0))
    bright = float(bands[len(bands) // 2 :].sum() / max(bands.sum(), 1e-9))
    return 0.5 * level + 0.3 * flux / (flux + USUAL_FLUX) + 0.2 * min(2 * bright, 1.0)
