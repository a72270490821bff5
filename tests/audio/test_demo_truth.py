"""What is heard in the demo's recordings is what was planted in them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from recommenders.audio.analysis import Track
from recommenders.audio.listening import listen
from recommenders.demo import World, generate_world
from recommenders.demo.sound import SUFFIX, write_audio

NOW = dt.datetime(2026, 3, 2, 4, 30, tzinfo=dt.UTC)
SEED = 23
N_TRACKS = 60
N_ODD = 12  # more, of those in another metre than four


@dataclass(frozen=True)
class Truth:
    """What was planted in a track, and what was heard in its file."""

    tempo_bpm: float
    key: int
    mode: int
    metre: int
    energy: float
    heard: Track


@pytest.fixture(scope="module")
def world() -> World:
    return generate_world(SEED, NOW)


@pytest.fixture(scope="module")
def sample(world: World, tmp_path_factory: pytest.TempPathFactory) -> list[Truth]:
    """Tracks by chance."""
    rng = np.random.default_rng(SEED)
    return hear(world, rng.choice(len(world.track_ids), N_TRACKS, replace=False), tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def odd(world: World, tmp_path_factory: pytest.TempPathFactory) -> list[Truth]:
    """Tracks in three."""
    rng = np.random.default_rng(SEED)
    chosen = rng.choice(np.flatnonzero(world.tracks.metre == 3), N_ODD, replace=False)
    return hear(world, chosen, tmp_path_factory.mktemp("odd"))


def hear(world: World, chosen: Sequence[int], folder: Path) -> list[Truth]:
    write_audio(world, chosen, folder, processes=1)
    tracks = world.tracks
    return [
        Truth(
            float(tracks.tempo_bpm[track]),
            int(tracks.key[track]),
            int(tracks.mode[track]),
            int(tracks.metre[track]),
            float(tracks.energy[track]),
            listen(folder / f"{tracks.ids[track]}{SUFFIX}").analysis.track,
        )
        for track in chosen
    ]


def within(heard: float | None, true: float, factors: Sequence[float]) -> bool:
    return heard is not None and any(abs(heard / (factor * true) - 1) <= 0.02 for factor in factors)


def test_tempo_is_right_for_nine_in_ten(sample: list[Truth]) -> None:
    exact = np.mean([within(track.heard.tempo, track.tempo_bpm, [1]) for track in sample])
    related = np.mean([within(track.heard.tempo, track.tempo_bpm, [1, 2, 3, 1 / 2, 1 / 3]) for track in sample])
    assert related >= 0.95
    assert exact >= 0.85


def test_a_sure_tempo_is_a_right_one(sample: list[Truth]) -> None:
    sure = [track for track in sample if track.heard.tempo_confidence > 0.5]
    assert len(sure) > N_TRACKS / 3
    assert np.mean([within(track.heard.tempo, track.tempo_bpm, [1, 2, 1 / 2]) for track in sure]) >= 0.97


def test_key_and_mode_are_right_for_most(sample: list[Truth]) -> None:
    right = [(track.heard.key, track.heard.mode) == (track.key, track.mode) for track in sample]
    assert np.mean(right) >= 0.9


def test_three_is_told_from_four(sample: list[Truth], odd: list[Truth]) -> None:
    in_four = [track.heard.time_signature == 4 for track in sample if track.metre == 4]
    in_three = [track.heard.time_signature == 3 for track in (*sample, *odd) if track.metre == 3]
    assert np.mean(in_four) >= 0.85
    assert np.mean(in_three) >= 0.8
    assert np.mean(in_four + in_three) >= 0.85


def test_energy_is_heard(sample: list[Truth]) -> None:
    heard = [track.heard.energy for track in sample]
    assert np.corrcoef(np.array(heard, dtype=float), [track.energy for track in sample])[0, 1] > 0.4
