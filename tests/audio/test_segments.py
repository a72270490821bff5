"""Segments of a scale and of drums whose notes are known; sections of music that changes."""

import numpy as np
import pytest

from recommenders.audio.analysis import Section, Segment
from recommenders.audio.decoding import halved
from recommenders.audio.loudness import measure
from recommenders.audio.rhythm import find_rhythm
from recommenders.audio.sections import find_sections
from recommenders.audio.segments import find_segments
from recommenders.audio.spectrum import spectrum
from tests.audio import sounds

SCALE = (0, 2, 4, 5, 7, 9, 11)


def segments_of(samples: sounds.Samples) -> tuple[Segment, ...]:
    half = halved(samples)
    return find_segments(half, spectrum(half))


def sections_of(samples: sounds.Samples) -> tuple[Section, ...]:
    heard = spectrum(halved(samples))
    loudness = measure(np.stack([samples, samples], axis=1), sounds.RATE)
    return find_sections(heard, find_rhythm(samples, heard), loudness, len(samples) / sounds.RATE)


@pytest.fixture(scope="module")
def scale() -> tuple[Segment, ...]:
    """A scale, twice, a note each half second."""
    return segments_of(np.concatenate([sounds.note(60 + step, 0.5) for step in SCALE * 2]))


def test_each_note_is_a_segment_that_begins_where_it_does(scale: tuple[Segment, ...]) -> None:
    assert len(scale) == 2 * len(SCALE)
    for number, segment in enumerate(scale):
        assert segment.start == pytest.approx(number / 2, abs=0.04)
        assert segment.duration == pytest.approx(0.5, abs=0.06)


def test_the_strongest_pitch_of_a_segment_is_its_note(scale: tuple[Segment, ...]) -> None:
    assert tuple(int(np.argmax(segment.pitches)) for segment in scale) == SCALE * 2
    for segment in scale:
        assert len(segment.pitches) == 12
        assert max(segment.pitches) == 1
        assert min(segment.pitches) >= 0


def test_loudness_rises_to_its_maximum_within_the_segment(scale: tuple[Segment, ...]) -> None:
    for segment in scale:
        assert -60 <= segment.loudness_start <= segment.loudness_max <= 0
        assert 0 <= segment.loudness_max_time < 0.1


def test_segments_follow_one_another_to_the_end(scale: tuple[Segment, ...]) -> None:
    ends = np.cumsum([segment.duration for segment in scale])
    assert np.allclose([segment.start for segment in scale[1:]], ends[:-1])
    assert ends[-1] == pytest.approx(7)


def test_timbre_tells_loud_from_soft_and_bright_from_dark() -> None:
    loud, soft = (segments_of(sounds.noise(3, level))[0].timbre for level in (0.2, 0.02))
    assert loud[0] - soft[0] == pytest.approx(20, abs=1)
    bright, dark = sounds.noise(3, 0.1), np.cumsum(sounds.noise(3, 0.002)).astype(np.float32)
    assert segments_of(dark)[0].timbre[1] > segments_of(bright)[0].timbre[1]


def test_silence_is_one_segment() -> None:
    (segment,) = segments_of(np.zeros(5 * sounds.RATE, dtype=np.float32))
    assert (segment.start, segment.duration, segment.loudness_max) == (0, pytest.approx(5), -60)


def test_music_that_changes_has_a_section_for_each_part() -> None:
    parts = [
        sounds.cadences(0, 1, 30),
        0.4 * sounds.beats(120, 4, 30) + sounds.noise(30, 0.02),
        sounds.cadences(5, 0, 30),
    ]
    sections = sections_of(np.concatenate(parts))
    assert [section.start for section in sections] == pytest.approx([0, 30, 60], abs=1.1)
    assert [(sections[place].key, sections[place].mode) for place in (0, 2)] == [(0, 1), (5, 0)]
    assert all(section.confidence > 0.5 for section in sections)


def test_music_that_stays_the_same_is_one_section() -> None:
    assert len(sections_of(sounds.cadences(2, 1, 60))) == 1


def test_sections_cover_the_recording_and_know_their_loudness() -> None:
    music = sounds.cadences(0, 1, 50)
    music[24 * sounds.RATE :] *= 0.1
    sections = sections_of(music)
    assert sections[0].start == 0
    assert sum(section.duration for section in sections) == pytest.approx(50)
    levels = [section.loudness for section in (sections[0], sections[-1])]
    assert levels[0] > levels[1] + 12
