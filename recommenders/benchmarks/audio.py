"""`mixtape bench audio`: listening to recordings, against essentia's own MusicExtractor on the same files."""

import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from recommenders.audio.mel import BANDS, FRAMES
from recommenders.benchmarks.measuring import MIB, Measured, measured, median
from recommenders.errors import ConfigurationError
from recommenders.evaluation.bench import BenchResult

LEAST_TIMES = 2.5  # as much audio in a second of one core
LEAST_TIMES_WITH_NETWORK = 2.2
MOST_MIB = 700  # of one worker
LEAST_GAIN = 1.7  # of two workers
SUFFIXES = {".aac", ".aiff", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav"}
FACTORS, TAGS = 64, 24


def run(
    audio: Path,
    folder: Path,
    rounds: int,
    graph: Path | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> BenchResult:
    """Listen to the files below `audio`, `rounds` times, beside MusicExtractor each time.

    Everything is measured but true peak, which nothing needs. `graph` is a frozen network; without one an untrained
    network of the usual size stands in, which is as fast.
    """
    paths = _files(audio)
    graph = graph or _untrained(folder / "network.pb", progress)
    bare, ours, served, gains = [], [], [], []
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}: MusicExtractor")
        bare.append(measured(_extract, paths))
        progress(f"round {number + 1} of {rounds}: listening, without and with a network")
        ours.append(measured(_listen, paths, None))
        served.append(measured(_listen, paths, str(graph)))
        progress(f"round {number + 1} of {rounds}: one worker, two workers")
        gains.append(_seconds(paths, 1, str(graph)) / _seconds(paths, 2, str(graph)))
    return _result(audio, paths, rounds, bare, ours, served, gains)


def _result(
    audio: Path,
    paths: list[str],
    rounds: int,
    bare: list[Measured],
    ours: list[Measured],
    served: list[Measured],
    gains: list[float],
) -> BenchResult:
    seconds = float(bare[0].result[1])
    rates = {
        name: [seconds / float(found.result[0]) for found in all_rounds]
        for name, all_rounds in (("MusicExtractor", bare), ("listening", ours), ("listening, with a network", served))
    }
    peak = max(found.peak_bytes for found in (*ours, *served)) / MIB
    times, times_served = (
        median([mine / theirs for mine, theirs in zip(rates[name], rates["MusicExtractor"], strict=True)])
        for name in ("listening", "listening, with a network")
    )
    figures = {f"{name}: seconds of audio a core-second": median(values) for name, values in rates.items()}
    ratios = {
        "listening / MusicExtractor": times,
        "listening with a network / MusicExtractor": times_served,
        "two workers / one": median(gains),
        "peak memory / allowed": peak / MOST_MIB,
    }
    peaks = [max(found.peak_bytes for found in all_rounds) / MIB for all_rounds in (bare, ours, served)]
    asked = ("", f">= {LEAST_TIMES}", f">= {LEAST_TIMES_WITH_NETWORK}")
    rows = [
        (name, f"{median(values):.0f}", f"{times_of:.2f}", wanted, f"{memory:,.0f}", f"<= {MOST_MIB}" if wanted else "")
        for (name, values), times_of, wanted, memory in zip(
            rates.items(), (1.0, times, times_served), asked, peaks, strict=True
        )
    ]
    rows.append(("two workers / one", "", f"{median(gains):.2f}", f">= {LEAST_GAIN}", "", ""))
    columns = (
        f"{len(paths)} files, {seconds / 60:.0f} minutes", "audio s / core s", "times", "asked", "peak MiB", "asked"
    )  # fmt: skip
    settings = {"audio": str(audio), "files": len(paths), "audio_s": seconds, "rounds": rounds}
    return BenchResult("audio", settings, {**figures, "peak MiB": peak}, ratios, columns, tuple(rows))


def _files(audio: Path) -> list[str]:
    """The audio files below a folder, the largest first, so that two workers end together."""
    found = [path for path in audio.rglob("*") if path.is_file() and path.suffix.lower() in SUFFIXES]
    if not found:
        raise ConfigurationError(f"There are no audio files in {audio}: name a folder of recordings with --audio.")
    return [str(path) for path in sorted(found, key=lambda path: (-path.stat().st_size, path.name))]


def _untrained(path: Path, progress: Callable[[str], None]) -> Path:
    progress("making a network")
    measured(_freeze, str(path))
    return path


def _freeze(path: str) -> None:
    """In a process of its own: tensorflow and essentia can't share one."""
    import os

    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

    from recommenders.audio.network import NetworkParameters, build, freeze

    mean, deviation = np.zeros(BANDS, dtype=np.float32), np.ones(BANDS, dtype=np.float32)
    Path(path).write_bytes(freeze(build(NetworkParameters(), FACTORS, TAGS, mean, deviation)))


def _extract(paths: list[str]) -> tuple[float, float]:
    """Core-seconds that essentia's MusicExtractor takes, and the seconds of audio."""
    from recommenders.audio.library import standard

    extract = standard().MusicExtractor()
    start, seconds = time.process_time(), 0.0
    for path in paths:
        seconds += float(extract(path)[0]["metadata.audio_properties.length"])
    return time.process_time() - start, seconds


def _listen(paths: list[str], graph: str | None) -> tuple[float, float]:
    """Core-seconds that listening takes, analysis written as JSON, and the seconds of audio."""
    _prepare(graph)
    start = time.process_time()
    seconds = sum(_hear(path) for path in paths)
    return time.process_time() - start, seconds


def _seconds(paths: list[str], n_workers: int, graph: str) -> float:
    """Seconds by the clock for all files, with so many workers that are ready."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(n_workers, _prepare, (graph,)) as pool:
        pool.map(_hear, [paths[-1]] * n_workers, chunksize=1)
        start = time.perf_counter()
        pool.map(_hear, paths, chunksize=1)
        seconds = time.perf_counter() - start
        pool.close()
        pool.join()
    return seconds


_served: dict[str, Any] = {}  # the process's network


def _prepare(graph: str | None) -> None:
    """Load what takes long, once a process."""
    import soundfile  # noqa: F401 - it is imported when the first file is opened

    import recommenders.audio.listening  # noqa: F401 - and with it scipy
    from recommenders.audio.library import standard

    standard()
    if graph:
        from recommenders.audio.served import ServedNetwork

        facts = {"factors": FACTORS, "tags": [f"tag {number}" for number in range(TAGS)]}
        _served["network"] = ServedNetwork.load(Path(graph), facts)
        _served["network"].predict(np.zeros((1, FRAMES, BANDS), dtype=np.float16))  # the first one takes long


def _hear(path: str) -> float:
    """Listen to one file; the seconds of audio in it."""
    from recommenders.audio.listening import listen

    analysis = listen(Path(path), _served.get("network")).analysis
    analysis.as_json()
    return analysis.track.duration
