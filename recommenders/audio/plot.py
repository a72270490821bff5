"""The analysis as a picture: half a minute of it, as The Echo Nest drew "Around the World" (Jehan 2005, figure 3-13).

From top to bottom: how loud, which pitches, which timbre, where beats and bars fall, and the sections with their key.
"""

import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from recommenders.audio.analysis import Analysis, Interval, Section, Segment
from recommenders.errors import ConfigurationError, NotEnoughDataError
from recommenders.store.names import track_names, track_of
from recommenders.store.recordings import read_analysis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SNIPPET_S = 30.0
PITCHES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
_INK, _QUIET, _PAPER = "#1f2430", "#8a90a0", "#fbfaf7"
_LOUD, _START, _BEAT = "#d1495b", "#2e6f95", "#2e6f95"
_SECTIONS = ("#cfe3ea", "#f4dcc4", "#d9e6cf", "#e9d5e3")
_HEIGHTS = (2.2, 2.6, 2.6, 1.0, 0.7)
_FLOOR_DB = -60.0
_MINUS = "−"
_LEAST_WIDTH = 0.09  # of the picture, for a section to have room for its second line


def draw(analysis: Analysis, title: str, start_s: float | None = None, length_s: float = SNIPPET_S) -> bytes:
    """A PNG of `length_s` seconds of the analysis from `start_s` on; by default from a bar near the middle.

    Raises ConfigurationError when `start_s` lies outside of the recording.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    first, last = _window(analysis, start_s, length_s)
    figure = Figure(figsize=(14, 9), dpi=110, facecolor=_PAPER)
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(len(_HEIGHTS), 1, height_ratios=_HEIGHTS, hspace=0.14)
    axes = [figure.add_subplot(grid[row]) for row in range(len(_HEIGHTS))]
    shown = _around(analysis.segments, first, last)
    _draw_loudness(axes[0], shown)
    _draw_pitches(axes[1], shown)
    _draw_timbre(axes[2], shown, analysis.segments)
    _draw_pulse(axes[3], analysis)
    _draw_sections(axes[4], analysis.sections, first, last)
    for axis in axes:
        _tidy(axis, first, last)
    for axis in axes[:3]:
        _mark_bars(axis, analysis.bars)
    axes[-1].tick_params(axis="x", labelbottom=True, length=3)
    axes[-1].set_xlabel("seconds", color=_QUIET, fontsize=9)
    figure.suptitle(title, x=0.085, y=0.965, ha="left", fontsize=17, fontweight="bold", color=_INK)
    figure.text(0.085, 0.915, _summary(analysis), fontsize=10.5, color=_QUIET)
    figure.subplots_adjust(left=0.085, right=0.985, top=0.885, bottom=0.065)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", facecolor=_PAPER, metadata={"Software": None})
    return picture.getvalue()


def stored(connection: sa.Connection, track: str) -> tuple[str, Analysis]:
    """The name and the newest analysis of the track that the service calls `track`.

    Raises UnknownNameError where there is none such, NotEnoughDataError where it has not been heard yet.
    """
    track_id = track_of(connection, track)
    text = read_analysis(connection, track_id)
    if text is None:
        raise NotEnoughDataError(f"The track {track} has not been heard: upload its file, and run analyse_uploads.")
    ((_, name),) = track_names(connection, [track_id])
    return name, Analysis.from_json(text)


def key_name(key: int | None, mode: int | None) -> str:
    """A key as musicians call it: C minor; empty where there is none."""
    if key is None:
        return ""
    return f"{PITCHES[key]} {('minor', 'major')[mode]}" if mode is not None else PITCHES[key]


def _window(analysis: Analysis, start_s: float | None, length_s: float) -> tuple[float, float]:
    duration = analysis.track.duration
    if start_s is None:
        middle = max((duration - length_s) / 2, 0.0)
        start_s = min((bar.start for bar in analysis.bars), key=lambda start: abs(start - middle), default=middle)
        start_s = start_s if middle else 0.0
    if not 0 <= start_s < duration:
        raise ConfigurationError(f"--start {start_s:g} lies outside of the recording, which lasts {duration:.1f} s.")
    return start_s, min(start_s + length_s, duration)


def _around(segments: tuple[Segment, ...], first: float, last: float) -> list[Segment]:
    """The segments that are seen between two times, with one more on either side, so that curves reach the edges."""
    seen = [place for place, s in enumerate(segments) if s.start < last and s.start + s.duration > first]
    return list(segments[max(seen[0] - 1, 0) : seen[-1] + 2])


def _summary(analysis: Analysis) -> str:
    track = analysis.track
    minutes, seconds = divmod(round(track.duration), 60)
    parts = [f"{minutes}:{seconds:02d}", key_name(track.key, track.mode)]
    parts += [f"{track.tempo:.1f} bpm" if track.tempo else "no tempo"]
    parts += [f"{track.time_signature} beats to the bar" if track.time_signature else ""]
    parts += [f"{track.loudness:.1f} LUFS" if track.loudness is not None else "silent"]
    parts += [f"range {track.loudness_range:.1f} LU" if track.loudness_range is not None else ""]
    parts += [f"{len(analysis.sections)} sections", f"{len(analysis.segments):,} segments"]
    return "   ·   ".join(part for part in parts if part).replace("-", _MINUS)


def _draw_loudness(axis: "Axes", segments: list[Segment]) -> None:
    """The curve through each segment's start and maximum; the maxima as dots, larger where a beginning is clearer."""
    starts = [(segment.start, segment.loudness_start) for segment in segments]
    peaks = [(segment.start + segment.loudness_max_time, segment.loudness_max) for segment in segments]
    times, levels = zip(*(point for pair in zip(starts, peaks, strict=True) for point in pair), strict=True)
    lowest = max(min(levels) - 4, _FLOOR_DB)
    axis.fill_between(times, levels, lowest, color=_LOUD, alpha=0.13, linewidth=0)
    axis.plot(times, levels, color=_LOUD, linewidth=1.1, alpha=0.9)
    sizes = [4 + 26 * segment.confidence for segment in segments]
    for points, size, colour, meaning in (
        (peaks, sizes, _LOUD, "maximum of a segment"),
        (starts, 9.0, _START, "its start"),
    ):
        x, y = zip(*points, strict=True)
        axis.scatter(x, y, s=size, color=colour, zorder=3, linewidths=0, label=meaning)
    axis.set_ylim(lowest, max(max(levels) + 4, lowest + 6))
    _name(axis, "loudness")
    axis.yaxis.set_major_formatter("{x:.0f} dB")
    legend = axis.legend(loc="lower right", ncols=2, fontsize=8, frameon=True, framealpha=0.85, edgecolor="none")
    legend.get_frame().set_facecolor(_PAPER)


def _draw_pitches(axis: "Axes", segments: list[Segment]) -> None:
    values = np.array([segment.pitches for segment in segments]).T
    axis.pcolormesh(_edges(segments), np.arange(13), values, cmap="magma", vmin=0, vmax=1, rasterized=True)
    axis.set_yticks(np.arange(12) + 0.5, PITCHES, fontsize=7.5)
    _name(axis, "pitches")


def _draw_timbre(axis: "Axes", segments: list[Segment], all_segments: tuple[Segment, ...]) -> None:
    """Each coefficient against its usual spread in the recording."""
    everywhere = np.array([segment.timbre for segment in all_segments])
    values = np.array([segment.timbre for segment in segments]) - everywhere.mean(axis=0)
    values /= np.maximum(everywhere.std(axis=0), 1e-6)
    axis.pcolormesh(_edges(segments), np.arange(13), values.T, cmap="RdBu_r", vmin=-2.5, vmax=2.5, rasterized=True)
    axis.set_yticks(np.arange(12) + 0.5, [str(number + 1) for number in range(12)], fontsize=7.5)
    _name(axis, "timbre")


def _draw_pulse(axis: "Axes", analysis: Analysis) -> None:
    """Three rows of strokes; the fainter, the less sure."""
    rows = (("bars", analysis.bars, 2, 2.6), ("beats", analysis.beats, 1, 1.6), ("tatums", analysis.tatums, 0, 0.9))
    for _, intervals, row, width in rows:
        colours = [(*_rgb(_BEAT), 0.25 + 0.75 * min(interval.confidence, 1.0)) for interval in intervals]
        axis.vlines([i.start for i in intervals], row + 0.12, row + 0.88, colors=colours, linewidths=width)
    axis.set_ylim(0, 3)
    axis.set_yticks([2.5, 1.5, 0.5], [name for name, *_ in rows], fontsize=8.5)
    if not analysis.beats:
        axis.text(0.5, 0.5, "no steady beat", transform=axis.transAxes, ha="center", va="center", color=_QUIET)
        axis.set_yticks([])


def _draw_sections(axis: "Axes", sections: tuple[Section, ...], first: float, last: float) -> None:
    for number, section in enumerate(sections):
        begin, end = max(section.start, first), min(section.start + section.duration, last)
        if begin >= end:
            continue
        axis.axvspan(begin, end, color=_SECTIONS[number % len(_SECTIONS)], linewidth=0)
        lines = [f"section {number + 1}"]
        if (end - begin) / (last - first) > _LEAST_WIDTH:
            lines.append(_section_text(section, (end - begin) / (last - first) > 2 * _LEAST_WIDTH))
            axis.text((begin + end) / 2, 0.5, "\n".join(lines), ha="center", va="center", fontsize=8.5, color=_INK)
    axis.set_ylim(0, 1)
    axis.set_yticks([0.5], ["sections"], fontsize=8.5)


def _section_text(section: Section, wide: bool) -> str:
    parts = [key_name(section.key, section.mode)]
    if wide:
        parts += [f"{section.tempo:.0f} bpm" if section.tempo else ""]
        parts += [f"{section.loudness:.0f} LUFS" if section.loudness is not None else ""]
    return " · ".join(part for part in parts if part).replace("-", _MINUS)


def _mark_bars(axis: "Axes", bars: tuple[Interval, ...]) -> None:
    low, high = axis.get_ylim()
    axis.vlines([bar.start for bar in bars], low, high, colors=_QUIET, linewidths=0.6, alpha=0.35, zorder=2.5)
    axis.set_ylim(low, high)


def _tidy(axis: "Axes", first: float, last: float) -> None:
    axis.set_xlim(first, last)
    axis.set_xticks(np.arange(math.ceil(first / 5) * 5, last, 5))
    axis.tick_params(labelbottom=False, length=0, colors=_QUIET, labelsize=8.5)
    axis.set_facecolor(_PAPER)
    for side in axis.spines.values():
        side.set_visible(False)


def _edges(segments: list[Segment]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([segment.start for segment in segments] + [segments[-1].start + segments[-1].duration])


def _name(axis: "Axes", name: str) -> None:
    axis.set_ylabel(name, color=_INK, fontsize=10.5)
    axis.yaxis.set_label_coords(-0.052, 0.5)


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue
