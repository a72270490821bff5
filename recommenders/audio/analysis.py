"""The analysis of one recording as plain objects, in the shape of The Echo Nest's: track, beats, sections, segments.

The names are The Echo Nest's own (Jehan 2005; its "Analyzer documentation" 2014), so that what reads those reads these:
times are seconds from the start, loudness is in LUFS (track, sections) or dB below full scale (segments), key 0 is C,
mode 1 is major, each confidence lies in [0, 1]. What is not known is None, with confidence 0.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from recommenders.errors import DataError

ANALYSIS_VERSION = 1  # raised when an analysis gets better: what is older is analysed again


class Refusal(StrEnum):
    """Why a file can't be analysed."""

    NOT_A_FILE = "not a regular file"
    UNREADABLE = "no audio that can be decoded"
    TOO_SHORT = "too short"
    TOO_LONG = "too long"
    NOT_FINITE = "samples that are no numbers"
    OUT_OF_RANGE = "samples far beyond full scale"
    TOO_LARGE = "too large"
    TIMEOUT = "takes too long to hear"
    CPU_TIME = "takes too much processor time"
    MEMORY = "takes too much memory"
    CRASHED = "ends the process that hears it"
    KILLED = "the process that heard it was killed"
    GIVEN_UP = "given up after several attempts"


class UnreadableAudioError(DataError):
    """A file that can't be analysed; `refusal` says why."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal

    def __reduce__(self) -> tuple[type["UnreadableAudioError"], tuple[Refusal, str]]:
        """Errors cross from the process that decodes to the one that asked."""
        return type(self), (self.refusal, str(self))


@dataclass(frozen=True)
class Meta:
    """What was analysed, by what."""

    analyzer_version: int
    codec: str
    sample_rate: int
    channels: int
    bit_rate: int


@dataclass(frozen=True)
class Track:
    """The recording as a whole.

    `loudness` is integrated loudness in LUFS, `loudness_range` in LU (EBU R128), `peak` the highest sample in dBFS.
    `danceability` is essentia's (Streich & Herrera 2005), from 0 to about 3; `energy` lies in [0, 1].
    """

    duration: float
    end_of_fade_in: float
    start_of_fade_out: float
    loudness: float | None
    loudness_range: float | None
    peak: float | None
    tempo: float | None
    tempo_confidence: float
    time_signature: int | None
    time_signature_confidence: float
    key: int | None
    key_confidence: float
    mode: int | None
    mode_confidence: float
    danceability: float | None
    energy: float | None


@dataclass(frozen=True)
class Interval:
    """A bar, a beat or a tatum."""

    start: float
    duration: float
    confidence: float


@dataclass(frozen=True)
class Section:
    """A long part whose sound is its own: a verse, a chorus, a bridge. `confidence` is that of its beginning."""

    start: float
    duration: float
    confidence: float
    loudness: float | None
    tempo: float | None
    tempo_confidence: float
    key: int | None
    key_confidence: float
    mode: int | None
    mode_confidence: float
    time_signature: int | None
    time_signature_confidence: float


@dataclass(frozen=True)
class Segment:
    """A short, even sound: a note, a chord, a stroke of a drum.

    `loudness_start` and `loudness_max` are in dB below full scale, `loudness_max_time` in seconds after the start.
    `pitches` are 12 strengths from C to B, the largest of them 1; `timbre` 12 coefficients of the spectrum's shape.
    """

    start: float
    duration: float
    confidence: float
    loudness_start: float
    loudness_max: float
    loudness_max_time: float
    pitches: tuple[float, ...]
    timbre: tuple[float, ...]


@dataclass(frozen=True)
class Analysis:
    """The analysis of one recording."""

    meta: Meta
    track: Track
    bars: tuple[Interval, ...]
    beats: tuple[Interval, ...]
    tatums: tuple[Interval, ...]
    sections: tuple[Section, ...]
    segments: tuple[Segment, ...]

    def as_json(self) -> str:
        """One JSON object; times and the like rounded to five decimals, pitches and timbre to three."""
        parts: dict[str, Any] = {name: _rounded(vars(getattr(self, name))) for name in ("meta", "track")}
        for name in _LISTS:
            parts[name] = [_rounded(vars(part)) for part in getattr(self, name)]
        return json.dumps(parts, allow_nan=False, separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> "Analysis":
        """What `as_json` wrote. Raises DataError when `text` is something else."""
        try:
            parts = json.loads(text)
            lists = {name: tuple(kind(**_tuples(part)) for part in parts[name]) for name, kind in _LISTS.items()}
            return Analysis(meta=Meta(**parts["meta"]), track=Track(**parts["track"]), **lists)
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"This is not an analysis of version {ANALYSIS_VERSION}: {error}.") from error

    def summary(self) -> dict[str, float | int | None]:
        """What is stored in columns, by name; units are part of the names."""
        track = self.track
        return {
            "duration_s": track.duration,
            "tempo_bpm": track.tempo,
            "tempo_confidence": track.tempo_confidence,
            "time_signature": track.time_signature,
            "time_signature_confidence": track.time_signature_confidence,
            "key": track.key,
            "key_confidence": track.key_confidence,
            "mode": track.mode,
            "mode_confidence": track.mode_confidence,
            "loudness_lufs": track.loudness,
            "loudness_range_lu": track.loudness_range,
            "peak_dbfs": track.peak,
            "danceability": track.danceability,
            "energy": track.energy,
            "fade_in_end_s": track.end_of_fade_in,
            "fade_out_start_s": track.start_of_fade_out,
            "n_bars": len(self.bars),
            "n_beats": len(self.beats),
            "n_sections": len(self.sections),
            "n_segments": len(self.segments),
        }


_LISTS: Mapping[str, type[Any]] = {
    "bars": Interval,
    "beats": Interval,
    "tatums": Interval,
    "sections": Section,
    "segments": Segment,
}


def intervals(starts: Iterable[float], end: float, confidences: Iterable[float]) -> tuple[Interval, ...]:
    """Intervals that begin at `starts`, ascending, and last until the next one, the last until `end`.

    Those that would begin only after `end` are left out.
    """
    begun = [(float(start), float(confidence)) for start, confidence in zip(starts, confidences, strict=True)]
    begun = [(start, confidence) for start, confidence in begun if start < end]
    ends = [*(start for start, _ in begun[1:]), end]
    return tuple(
        Interval(start, stop - start, confidence) for (start, confidence), stop in zip(begun, ends, strict=False)
    )


def _rounded(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _round(value) for name, value in fields.items()}


def _round(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 5)
    return [round(part, 3) for part in value] if isinstance(value, tuple) else value


def _tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
