"""Tempo, beats, bars and metre of sounds whose rhythm is known."""

import numpy as np
import pytest

from recommenders.audio.decoding import halved
from recommenders.audio.library import standard
from recommenders.audio.rhythm import Rhythm, find_rhythm
from recommenders.audio.spectrum import spectrum
from tests.audio import sounds


def rhythm_of(samples: sounds.Samples) -> Rhythm:
    return find_rhythm(samples, spectrum(halved(samples)))


@pytest.mark.parametrize(
    ("tempo", "metre"), [(120, 3), (90, 3), (150, 3), (120, 4), (72, 4), (128, 4), (100, 5), (108, 5), (140, 7)]
)
def test_tempo_and_time_signature_of_a_drum_kit_are_heard(tempo: float, metre: int) -> None:
    rhythm = rhythm_of(sounds.beats(tempo, metre))
    assert rhythm.tempo_bpm == pytest.approx(tempo, rel=0.01)
    assert rhythm.tempo_confidence > 0.8
    assert rhythm.metre.beats == metre
    assert rhythm.metre.confidence > 0.5


def test_bars_begin_on_the_first_beat() -> None:
    rhythm = rhythm_of(sounds.beats(120, 3))
    first_beats = np.arange(0, 40, 1.5)
    assert len(rhythm.bars) == pytest.approx(len(first_beats), abs=2)
    assert all(np.abs(first_beats - bar).min() < 0.07 for bar in rhythm.bars)


def test_every_beat_lies_within_its_bar_and_begins_with_a_tatum() -> None:
    rhythm = rhythm_of(sounds.beats(100, 4))
    assert set(rhythm.bars) <= set(rhythm.beats) <= set(rhythm.tatums)
    for times in (rhythm.bars, rhythm.beats, rhythm.tatums):
        assert (np.diff(times) > 0).all()


def test_eighths_between_the_beats_are_tatums() -> None:
    music = sounds.beats(90, 3, seconds=30)
    for at in np.arange(0, 30, 60 / 90):
        sounds.add(music, sounds.note(76, 0.2, 0.3), round((at + 30 / 90) * sounds.RATE))
    rhythm = rhythm_of(music)
    assert len(rhythm.tatums) == 2 * len(rhythm.beats)


def test_a_lost_beat_shifts_the_bars_after_it_and_not_those_before() -> None:
    whole = sounds.beats(120, 4, seconds=24)
    music = np.concatenate([whole, whole[: 4 * sounds.RATE : 1][: round(1.5 * sounds.RATE)], whole])  # three beats
    rhythm = rhythm_of(music)
    first_beats = np.concatenate([np.arange(0, 24, 2), [24], 25.5 + np.arange(0, 24, 2)])
    near = [np.abs(first_beats - bar).min() < 0.07 for bar in rhythm.bars]
    assert np.mean(near) > 0.9


def test_six_eighths_are_not_taken_for_a_sure_four() -> None:
    music = np.zeros(40 * sounds.RATE, dtype=np.float32)
    stroke = sounds.noise(0.05) * np.exp(-np.arange(round(0.05 * sounds.RATE)) / 300).astype(np.float32)
    for number in range(int(40 / 0.25)):
        level = (4.0, 1.5, 1.5, 2.5, 1.5, 1.5)[number % 6]
        sounds.add(music, level * stroke, round(number * 0.25 * sounds.RATE))
        if number % 6 == 0:
            sounds.add(music, sounds.note(40 + 5 * (number // 6 % 2), 1.5), round(number * 0.25 * sounds.RATE))
    metre = rhythm_of(music).metre
    assert metre.beats != 4 or metre.confidence < 0.3


@pytest.mark.parametrize("sound", ["noise", "tone", "chord"])
def test_what_has_no_beat_has_no_tempo(sound: str) -> None:
    samples = {
        "noise": sounds.noise(30),
        "tone": sounds.tone(440, 30),
        "chord": sounds.tone(220, 30) + sounds.tone(330, 30),
    }[sound]
    rhythm = rhythm_of(samples)
    assert rhythm.tempo_bpm is None
    assert rhythm.metre.beats is None
    assert len(rhythm.beats) == len(rhythm.bars) == len(rhythm.tatums) == 0


def test_strokes_at_random_are_no_sure_tempo() -> None:
    music = np.zeros(40 * sounds.RATE, dtype=np.float32)
    for at in np.random.default_rng(3).uniform(0, 39, 90):
        sounds.add(music, sounds.note(60, 0.2), round(at * sounds.RATE))
    assert rhythm_of(music).tempo_confidence < 0.5


def test_beats_are_those_of_essentia() -> None:
    music = sounds.beats(120, 4)
    bpm, ticks, *_ = standard().RhythmExtractor2013(method="degara")(music)
    rhythm = rhythm_of(music)
    assert rhythm.tempo_bpm == bpm
    assert np.array_equal(rhythm.beats, ticks.astype(np.float64))
