"""The demo service sings: every track as a short recording whose tempo, key, mode, metre and style are known."""

import dataclasses
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from recommenders.demo.catalogue import Artists, Floats, Ints, Tracks
from recommenders.demo.files import credited_as
from recommenders.demo.genres import GENRE_NAMES, GENRES
from recommenders.demo.instruments import noise
from recommenders.demo.mixdown import SAMPLE_RATE, Style, record
from recommenders.demo.score import compose
from recommenders.demo.world import World

CLIP_S = 30.24  # a little more than an excerpt of the audio model; of a length that the FFT likes
SUFFIX = ".flac"
TAGGED_SHARE = 0.7
_STREAM = 0x50D
_TRACKS_AT_ONCE = 20
_EDIT_S = (3.0, 29.0)
_STEPS = 1024  # 11 bits, as quiet as a good cassette, halve the files


def render(world: World, track: int) -> Floats:
    """The recording of `track` (an index into `world.tracks`) as (n_samples,) float32 mono within [-1, 1].

    It depends on the world's seed and the track alone. A remaster, a re-upload and a radio edit are the recording of
    the original, the last a part of it; live and acoustic versions are other performances of the same song.
    """
    return _render(world.seed, world.tracks, track)


def held_back(world: World) -> Ints:
    """Indices of the tracks that nobody has come across yet: the service's newest uploads, ascending."""
    return np.flatnonzero(world.tracks.unplayed)


def tags(world: World, track: int) -> dict[str, str]:
    """What the file of a track says of itself: title, artist, album, and often some words as its genre."""
    return _tags(world.seed, world.artists, world.tracks, track)


def write_audio(
    world: World,
    tracks: Iterable[int],
    folder: Path,
    *,
    processes: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write each of `tracks` (indices) as `folder`/TRACK_ID.flac with its tags, in `processes` processes.

    The same world and track give the same bytes. A file appears under its name only once it is whole; `progress` is
    called with the number of files written and of all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [int(track) for track in tracks]
    batches = [chosen[first : first + _TRACKS_AT_ONCE] for first in range(0, len(chosen), _TRACKS_AT_ONCE)]
    writer = _Writer(world.seed, world.artists, world.tracks, folder)
    done = 0
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_begin, initargs=(writer,)
    ) as pool:
        for written in pool.map(_write_batch, batches):
            done += written
            if progress:
                progress(done, len(chosen))


@dataclasses.dataclass(frozen=True)
class _Writer:
    """What a process needs to write tracks."""

    seed: int
    artists: Artists
    tracks: Tracks
    folder: Path

    def write(self, track: int) -> None:
        import soundfile

        samples = np.round(_render(self.seed, self.tracks, track) * _STEPS) * np.float32(1 / _STEPS)
        path = self.folder / f"{self.tracks.ids[track]}{SUFFIX}"
        partial = path.with_suffix(path.suffix + ".part")
        with soundfile.SoundFile(partial, "w", SAMPLE_RATE, 1, "PCM_16", format="FLAC") as file:
            for name, value in _tags(self.seed, self.artists, self.tracks, track).items():
                setattr(file, name, value)
            file.write(samples)
        partial.rename(path)


_writer: _Writer | None = None


def _begin(writer: _Writer) -> None:
    global _writer  # noqa: PLW0603 - what a process of the pool is given once
    _writer = writer


def _write_batch(batch: list[int]) -> int:
    assert _writer is not None
    for track in batch:
        _writer.write(track)
    return len(batch)


def _render(seed: int, tracks: Tracks, track: int) -> Floats:
    version, work = tracks.version[track], int(tracks.work[track])
    other = version in ("live", "acoustic")
    genre = GENRE_NAMES[int(tracks.genre[track])]
    metre, tempo = int(tracks.metre[track]), float(tracks.tempo_bpm[track])
    n_bars = int(CLIP_S * tempo / 60 / metre) + 1
    song = np.random.default_rng([seed, _STREAM, work])
    score = compose(genre, int(tracks.key[track]), int(tracks.mode[track]), metre, tempo, n_bars, song)
    performance = np.random.default_rng([seed, _STREAM, work, 1 + track if other else 0])
    music = record(score, _style(tracks, track), genre, tempo, CLIP_S, performance)
    if version == "live":
        music += noise(len(music), 12) * np.float32(0.02 * np.std(music))
    return _edit(_master(music, float(tracks.energy[track])), version, np.random.default_rng([seed, _STREAM, track, 7]))


def _style(tracks: Tracks, track: int) -> Style:
    """The style of the recording: a live version is rougher and louder in the room, an acoustic one more wooden."""
    style = Style(*tracks.styles[track].tolist())
    if tracks.version[track] == "live":
        return dataclasses.replace(style, raw=style.raw + 0.1, warm=style.warm - 0.08)
    if tracks.version[track] == "acoustic":
        return dataclasses.replace(style, electronic=style.electronic - 0.2, dense=style.dense - 0.1)
    return style


def _master(music: Floats, energy: float) -> Floats:
    """The music at its loudness, with its loudest moments rounded and its ends faded."""
    target = np.float32(10 ** ((-18 + 4 * energy) / 20))
    music = np.tanh(music * (target / np.sqrt(np.mean(music**2))))
    fade_in, fade_out = SAMPLE_RATE // 50, SAMPLE_RATE
    music[:fade_in] *= np.linspace(0, 1, fade_in, dtype=np.float32)
    music[-fade_out:] *= np.linspace(1, 0, fade_out, dtype=np.float32)
    return music


def _edit(music: Floats, version: str, rng: np.random.Generator) -> Floats:
    """What was done to a finished recording: a re-upload is quieter, a remaster also brighter or darker."""
    if version == "re-upload":
        return music * np.float32(rng.uniform(0.45, 0.9))
    if version == "remaster":
        music[1:] += np.float32(rng.uniform(-0.25, 0.25)) * (music[1:] - music[:-1])
        return music * np.float32(rng.uniform(0.6, 0.95) / max(np.abs(music).max(), 1))
    if version == "radio edit":
        return music[int(_EDIT_S[0] * SAMPLE_RATE) : int(_EDIT_S[1] * SAMPLE_RATE)]
    return music


def _tags(seed: int, artists: Artists, tracks: Tracks, track: int) -> dict[str, str]:
    rng = np.random.default_rng([seed, _STREAM, track, 3])
    known = {
        "title": tracks.titles[track],
        "artist": "; ".join(credited_as(artists, artist, track) for artist in tracks.main_artists[track]),
        "album": tracks.releases[track],
    }
    if rng.random() >= TAGGED_SHARE:
        return known
    words = artists.words[int(tracks.artist[track])]
    said = [words[i] for i in rng.permutation(len(words))[: int(rng.integers(2, 5))]]
    if rng.random() < 0.2:
        strangers = GENRES[int(rng.integers(len(GENRES)))].words
        said[0] = strangers[int(rng.integers(len(strangers)))]
    return known | {"genre": "; ".join(said)}
