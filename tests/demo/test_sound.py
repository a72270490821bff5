"""The demo sings its truth: tempo, key, mode, metre and style can be heard, and versions are what they are called."""

import datetime as dt
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import scipy.fft
import soundfile

from recommenders.audio.fingerprint import bit_error, unpack
from recommenders.audio.mel import log_mel
from recommenders.demo import World, generate_world
from recommenders.demo.catalogue import unit
from recommenders.demo.sound import CLIP_S, SAMPLE_RATE, held_back, render, tags, write_audio

Floats = npt.NDArray[np.float32]
HEARD_FOR_STYLE = 200


@pytest.fixture(scope="module")
def sample(world: World) -> list[tuple[int, Floats]]:
    """Forty originals of all genres, and how they sound."""
    originals = np.flatnonzero(np.array(world.tracks.version) == "")
    return [(int(track), render(world, int(track))) for track in np.random.default_rng(2).choice(originals, 40, False)]


@pytest.fixture(scope="module")
def a_few(world: World) -> list[int]:
    """Some tracks of every kind of version, and some originals."""
    kinds = np.array(world.tracks.version)
    return [int(track) for kind in sorted(set(kinds)) for track in np.flatnonzero(kinds == kind)[:2]]


def of_kind(world: World, kind: str, n: int) -> list[tuple[int, int]]:
    """Tracks of a kind of version, each with the original of its work."""
    tracks = np.flatnonzero(np.array(world.tracks.version) == kind)[:n]
    return [(int(track), int(world.tracks.work[track])) for track in tracks]


def fingerprint(samples: Floats) -> npt.NDArray[np.uint32]:
    import essentia.standard as es

    return unpack(es.Chromaprinter(maxLength=120, sampleRate=SAMPLE_RATE)(np.ascontiguousarray(samples)))


def halved(samples: Floats) -> Floats:
    """At half the rate."""
    spectrum = scipy.fft.rfft(samples)
    return scipy.fft.irfft(spectrum[: len(samples) // 4 + 1], len(samples) // 2).astype(np.float32) / 2


def below(samples: Floats, hz: float) -> Floats:
    """Without all that is above `hz`."""
    spectrum = scipy.fft.rfft(samples)
    spectrum[int(hz * len(samples) / SAMPLE_RATE) :] = 0
    return scipy.fft.irfft(spectrum, len(samples)).astype(np.float32)


def test_a_track_sounds_the_same_whoever_renders_it(now: dt.datetime) -> None:
    one, two, other = (generate_world(seed, now, users=20, tracks=300, weeks=2) for seed in (5, 5, 6))
    render(one, 7)  # what was rendered before leaves no trace
    assert np.array_equal(render(one, 3), render(two, 3))
    assert not np.array_equal(render(one, 3), render(other, 3))


def test_files_are_the_same_bytes_from_one_process_and_from_two(world: World, a_few: list[int], tmp_path: Path) -> None:
    reported: list[tuple[int, int]] = []
    write_audio(world, a_few, tmp_path / "one", processes=1)
    write_audio(world, a_few, tmp_path / "two", processes=2, progress=lambda *done: reported.append(done))
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == sorted(f"{world.tracks.ids[track]}.flac" for track in a_few)
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert reported[-1] == (len(a_few), len(a_few))


def test_a_file_holds_what_was_rendered(world: World, a_few: list[int], tmp_path: Path) -> None:
    write_audio(world, a_few[:1], tmp_path, processes=1)
    samples, rate = soundfile.read(tmp_path / f"{world.tracks.ids[a_few[0]]}.flac", dtype="float32")
    assert rate == SAMPLE_RATE == 44_100
    assert len(samples) == round(CLIP_S * rate)
    assert np.abs(samples - render(world, a_few[0])).max() < 1e-3


def test_clips_are_loud_enough_and_never_clip(sample: list[tuple[int, Floats]]) -> None:
    for _, samples in sample:
        assert samples.dtype == np.float32
        assert np.isfinite(samples).all()
        assert np.abs(samples).max() <= 1
        assert -26 < 20 * np.log10(samples.std()) < -8


def test_the_files_tags_say_whose_song_it_is_and_often_what_it_is_like(
    world: World, a_few: list[int], tmp_path: Path
) -> None:
    import mutagen

    write_audio(world, a_few, tmp_path, processes=1)
    tracks = world.tracks
    for track in a_few:
        said = mutagen.File(tmp_path / f"{tracks.ids[track]}.flac")
        assert said["title"] == [tracks.titles[track]]
        assert said["album"] == [tracks.releases[track]]
        spellings = (world.artists.names[tracks.artist[track]], *world.artists.aliases[tracks.artist[track]])
        assert said["artist"][0].split("; ")[0] in spellings
    everyone = [tags(world, track) for track in range(len(tracks.ids))]
    with_words = [said["genre"].split("; ") for said in everyone if "genre" in said]
    assert 0.65 < len(with_words) / len(everyone) < 0.75
    assert all(2 <= len(words) <= 4 for words in with_words)


def test_the_unheard_tracks_are_held_back(world: World) -> None:
    assert tuple(world.tracks.ids[track] for track in held_back(world)) == world.truth.unplayed_tracks


@pytest.mark.parametrize("kind", ["re-upload", "remaster", "radio edit"])
def test_a_version_of_the_same_recording_is_the_same_recording(world: World, kind: str) -> None:
    for version, original in of_kind(world, kind, 4):
        one, other = render(world, version), render(world, original)
        assert not np.array_equal(one, other)
        assert bit_error(fingerprint(one), fingerprint(other)).error <= 0.15


def test_a_radio_edit_is_a_shortened_part_of_the_original(world: World) -> None:
    for version, original in of_kind(world, "radio edit", 2):
        edit, whole = render(world, version), render(world, original)
        start = next(i for i in range(len(whole) - 1000) if np.array_equal(whole[i : i + 1000], edit[:1000]))
        assert len(edit) < len(whole)
        assert np.array_equal(whole[start : start + len(edit)], edit)


@pytest.mark.parametrize("kind", ["live", "acoustic"])
def test_live_and_acoustic_versions_are_other_performances_at_another_tempo(world: World, kind: str) -> None:
    for version, original in of_kind(world, kind, 4):
        assert 0.02 < abs(world.tracks.tempo_bpm[version] / world.tracks.tempo_bpm[original] - 1) < 0.1
        assert world.tracks.key[version] == world.tracks.key[original]
        assert bit_error(fingerprint(render(world, version)), fingerprint(render(world, original))).error > 0.1


def test_two_songs_are_two_recordings(sample: list[tuple[int, Floats]]) -> None:
    prints = [fingerprint(samples) for _, samples in sample]
    errors = [bit_error(one, other).error for one, other in combinations(prints, 2)]
    assert min(errors) > 0.15
    assert np.median(errors) > 0.38


def test_the_tempo_is_the_one_that_is_heard(world: World, sample: list[tuple[int, Floats]]) -> None:
    import essentia.standard as es

    extractor = es.RhythmExtractor2013(method="degara")
    ratio = np.array([extractor(samples)[0] / world.tracks.tempo_bpm[track] for track, samples in sample])
    octaves = np.array([1, 2, 1 / 2, 3, 1 / 3])
    assert (np.abs(ratio - 1) < 0.02).mean() >= 0.85
    assert (np.abs(ratio[:, None] / octaves - 1) < 0.02).any(axis=1).mean() >= 0.95


def test_key_and_mode_are_the_ones_that_are_heard(world: World, sample: list[tuple[int, Floats]]) -> None:
    import essentia.standard as es

    names = {"C": 0, "C#": 1, "Db": 1, "D": 2, "D#": 3, "Eb": 3, "E": 4, "F": 5, "F#": 6, "Gb": 6, "G": 7}
    names |= {"G#": 8, "Ab": 8, "A": 9, "A#": 10, "Bb": 10, "B": 11}
    extractor = es.KeyExtractor()
    heard = [extractor(samples)[:2] for _, samples in sample]
    truth = [(world.tracks.key[track], world.tracks.mode[track]) for track, _ in sample]
    right = [(names[key], int(scale == "major")) == true for (key, scale), true in zip(heard, truth, strict=True)]
    assert np.mean(right) >= 0.9


def test_the_first_beat_of_a_bar_is_the_heaviest(world: World, sample: list[tuple[int, Floats]]) -> None:
    right = []
    for track, samples in sample:
        beat_s, metre = 60 / world.tracks.tempo_bpm[track], int(world.tracks.metre[track])
        power = np.cumsum(below(samples, 200) ** 2)
        starts = (np.arange(beat_s, CLIP_S - 1 - beat_s, beat_s) * SAMPLE_RATE).astype(int)
        window = SAMPLE_RATE // 12
        rise = np.maximum(power[starts + window] - 2 * power[starts] + power[starts - window], 0)
        weight = [rise[place - 1 if place else metre - 1 :: metre].mean() for place in range(metre)]
        right.append(int(np.argmax(weight)) == 0)
    assert np.mean(right) >= 0.95


def test_the_style_can_be_read_back_from_the_sound_of_unheard_artists_within_a_genre(world: World) -> None:
    tracks = world.tracks
    rows = np.random.default_rng(3).choice(len(tracks.ids), HEARD_FOR_STYLE, replace=False)
    heard = np.stack([summary(log_mel(halved(render(world, int(row))))[0].astype(np.float32)) for row in rows])
    genre, styles = tracks.genre[rows], tracks.styles[rows].astype(np.float64)
    guessed = guess(heard, styles, fold=tracks.artist[rows] % 5)
    same = np.eye(len(world.truth.genres))[genre] @ np.eye(len(world.truth.genres))[genre].T
    same /= same.sum(axis=1, keepdims=True)
    beyond_genre, guessed_beyond = styles - same @ styles, guessed - same @ guessed
    correlation = [np.corrcoef(beyond_genre[:, axis], guessed_beyond[:, axis])[0, 1] for axis in range(12)]
    assert min(correlation) > 0.4
    assert np.mean(correlation) > 0.6
    assert auc_within_genre(world, genre, styles, guessed) > 0.75


def summary(mel: Floats) -> Floats:
    """Level and liveliness of each band of a log-mel (599, 128)."""
    rise = np.maximum(np.diff(mel, axis=0), 0).mean(axis=0)
    ends = np.quantile(mel, [0.1, 0.97], axis=0)
    return np.concatenate([mel.mean(axis=0), mel.std(axis=0), rise, *ends])


def guess(heard: Floats, styles: npt.NDArray[np.float64], fold: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Ridge regression of styles on what was heard, each fold of artists from the others."""
    scaled = (heard - heard.mean(axis=0)) / (heard.std(axis=0) + 1e-6)
    guessed = np.zeros_like(styles)
    for part in np.unique(fold):
        known, unknown = scaled[fold != part], scaled[fold == part]
        mean = styles[fold != part].mean(axis=0)
        dual = np.linalg.solve(known @ known.T + 100 * np.eye(len(known)), styles[fold != part] - mean)
        guessed[fold == part] = unknown @ (known.T @ dual) + mean
    return guessed


def auc_within_genre(
    world: World, genre: npt.NDArray[np.int64], styles: npt.NDArray[np.float64], guessed: npt.NDArray[np.float64]
) -> float:
    """How well the guessed styles rank the tracks of an artist's genre for a listener whose taste is that artist's."""
    areas = []
    for artist in range(len(world.artists.ids)):
        rows = np.flatnonzero(genre == world.artists.genre[artist])
        liking = styles[rows] @ world.artists.styles[artist]
        liked = liking > np.quantile(liking, 0.8)
        rank = np.argsort(np.argsort(unit(guessed[rows]) @ world.artists.styles[artist]))
        areas.append((rank[liked].mean() - (liked.sum() - 1) / 2) / (~liked).sum())
    return float(np.mean(areas))
