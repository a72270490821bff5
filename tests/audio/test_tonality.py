"""Key and mode of chords that are known."""

import numpy as np
import pytest

from recommenders.audio.decoding import halved
from recommenders.audio.library import standard
from recommenders.audio.spectrum import spectrum
from recommenders.audio.tonality import NO_TONALITY, Tonality, find_tonality, tonality_of
from tests.audio import sounds


def tonality(samples: sounds.Samples) -> Tonality:
    return find_tonality(samples, spectrum(halved(samples)).chroma)


@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize("key", range(12))
def test_the_key_of_its_cadences_is_heard(key: int, mode: int) -> None:
    music = sounds.cadences(key, mode, seconds=16)
    found = tonality(music)
    assert (found.key, found.mode) == (key, mode)
    assert found.key_confidence > 0.4
    part = tonality_of(spectrum(halved(music)).chroma)
    assert (part.key, part.mode) == (key, mode)


def test_the_key_is_that_of_essentia() -> None:
    music = sounds.cadences(9, 0, seconds=16)
    assert standard().KeyExtractor()(music)[:2] == ("A", "minor")


def test_the_mode_of_bare_fifths_is_less_sure_than_that_of_chords() -> None:
    fifths = np.concatenate([sounds.chord(48, (0, 7, 12), 1.0) for _ in range(16)])
    assert tonality(fifths).mode_confidence < tonality(sounds.cadences(0, 1, 16)).mode_confidence


@pytest.mark.parametrize("samples", [sounds.noise(20), sounds.noise(20) ** 3])
def test_noise_has_no_key(samples: sounds.Samples) -> None:
    assert tonality(samples) == NO_TONALITY


def test_a_glide_through_all_keys_has_none() -> None:
    times = np.arange(30 * sounds.RATE) / sounds.RATE
    glide = 0.3 * np.sin(2 * np.pi * np.cumsum(200 * 2 ** (times / 10)) / sounds.RATE)
    assert tonality(glide.astype(np.float32)).key_confidence < 0.2
