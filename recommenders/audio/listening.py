"""Listening to one file: decoded once, everything that is known of it comes out."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from recommenders.audio import fingerprint
from recommenders.audio.analysis import Analysis, Track, intervals
from recommenders.audio.decoding import LONGEST_S, RATE, Recording, Samples, decode, halved
from recommenders.audio.library import standard
from recommenders.audio.loudness import Loudness, measure
from recommenders.audio.mel import log_mel
from recommenders.audio.rhythm import Rhythm, find_rhythm, no_rhythm
from recommenders.audio.tonality import NO_TONALITY, Tonality, find_tonality

if TYPE_CHECKING:
    from recommenders.audio.serving import ServedNetwork


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
    recording = decode(path, longest_s)
    loudness = measure(recording.stereo, recording.meta.sample_rate)
    half = halved(recording.mono)
    analysis = _analyse(recording, loudness)
    mels = log_mel(half)
    words = np.empty(0, dtype=np.uint32) if loudness.silent else _words(recording.mono)
    if network is None or loudness.silent:
        return Hearing(analysis, words, mels)
    vector, tags = network.predict(mels)
    return Hearing(analysis, words, mels, vector, tags)


def _words(mono: Samples) -> npt.NDArray[np.uint32]:
    text = standard().Chromaprinter(maxLength=fingerprint.LONGEST_S, sampleRate=RATE)(mono)
    return fingerprint.unpack(text)


def _analyse(recording: Recording, loudness: Loudness) -> Analysis:
    rhythm = no_rhythm() if loudness.silent else find_rhythm(recording.mono)
    tonality = NO_TONALITY if loudness.silent else find_tonality(recording.mono)
    end = recording.duration_s
    return Analysis(
        recording.meta,
        _track(recording, loudness, rhythm, tonality),
        bars=intervals(rhythm.bars, end, rhythm.bar_confidences),
        beats=intervals(rhythm.beats, end, rhythm.beat_confidences),
        tatums=intervals(rhythm.tatums, end, rhythm.tatum_confidences),
        sections=(),
        segments=(),
    )


def _track(recording: Recording, loudness: Loudness, rhythm: Rhythm, tonality: Tonality) -> Track:
    danceability = None if loudness.silent else float(standard().Danceability()(recording.mono)[0])
    return Track(
        duration=recording.duration_s,
        end_of_fade_in=0.0,
        start_of_fade_out=recording.duration_s,
        loudness=loudness.integrated_lufs,
        loudness_range=loudness.range_lu,
        peak=loudness.peak_dbfs,
        tempo=rhythm.tempo_bpm,
        tempo_confidence=rhythm.tempo_confidence,
        time_signature=rhythm.metre,
        time_signature_confidence=rhythm.metre_confidence,
        key=tonality.key,
        key_confidence=tonality.key_confidence,
        mode=tonality.mode,
        mode_confidence=tonality.mode_confidence,
        danceability=danceability,
        energy=None if loudness.silent else 0.5,
    )
