"""The same recording is known again whatever was done to its file; others are not taken for it."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import soundfile

from recommenders.audio.fingerprint import Likeness, Words, bit_error, same_recording, unpack, vote
from recommenders.audio.library import standard
from recommenders.audio.listening import listen
from tests.audio import sounds

# Re-releases of one piece, each explained by the README beside them: the same master, or one that was made anew.
DODGEMS = "alternative_openrct2.music.dodgems_music_0"
AGAIN = {
    frozenset({DODGEMS, "history_replacements_openrct2.music.dodgems_music_bb20454f-0"}): Likeness.SAME,
    frozenset({DODGEMS, "history_replacements_openrct2.music.dodgems_music_5445144f-0"}): Likeness.ALIKE,
    frozenset(
        {
            "history_replacements_openrct2.music.dodgems_music_bb20454f-0",
            "history_replacements_openrct2.music.dodgems_music_5445144f-0",
        }
    ): Likeness.ALIKE,
    frozenset(
        {
            "history_replacements_bumpercar_style_775e5a18-Bumpercar_Style",
            "history_replacements_openrct2.music.bumpercar_music_4d1a968a-0",
        }
    ): Likeness.SAME,
    frozenset({"Come_and_Find_Me", "Come_and_Find_Me_-_B_mix"}): Likeness.ALIKE,
}


def words_of(samples: sounds.Samples) -> Words:
    return unpack(standard().Chromaprinter(maxLength=120)(np.ascontiguousarray(samples)))


@pytest.fixture(scope="module")
def known(audio_files: list[Path]) -> dict[str, Words]:
    """The fingerprint of each real recording."""
    return {path.stem: words_of(standard().MonoLoader(filename=str(path))()) for path in audio_files}


@pytest.fixture(scope="module")
def original(audio_files: list[Path]) -> Path:
    return next(path for path in audio_files if path.stem == "Searching")


def copy_of(original: Path, how: str, folder: Path) -> Path:
    """The recording after what happens to files."""
    stereo, rate = soundfile.read(original, dtype="float32")
    path = folder / f"{how.replace(' ', '-')}.{how.split(maxsplit=1)[0]}"
    match how:
        case "mp3 64k":
            standard().AudioWriter(filename=str(path), format="mp3", bitrate=64, sampleRate=rate)(stereo)
        case "ogg":
            with soundfile.SoundFile(path, "w", rate, 2, "VORBIS", format="OGG") as file:
                for first in range(0, len(stereo), rate):  # the encoder fails on long writes
                    file.write(stereo[first : first + rate])
        case "flac half as loud":
            soundfile.write(path, stereo * 0.5, rate)
        case "flac without ten seconds":
            soundfile.write(path, stereo[10 * rate :], rate)
        case "wav mono":
            soundfile.write(path, stereo.mean(axis=1), rate)
        case _:
            soundfile.write(path, stereo, rate)
    return path


@pytest.mark.parametrize("how", ["mp3 64k", "ogg", "flac", "flac half as loud", "flac without ten seconds", "wav mono"])
def test_a_copy_in_any_form_is_the_same_recording(
    original: Path, known: dict[str, Words], how: str, tmp_path: Path
) -> None:
    words = listen(copy_of(original, how, tmp_path)).fingerprint
    assert same_recording(known["Searching"], words) is Likeness.SAME
    assert bit_error(known["Searching"], words).error < 0.06
    named = vote(words, dict(enumerate(known.values())))
    assert list(known)[named[0].track_id] == "Searching"
    assert all(named[0].votes > 5 * other.votes for other in named[1:])


def test_a_cut_is_found_where_it_begins(known: dict[str, Words], original: Path, tmp_path: Path) -> None:
    cut = listen(copy_of(original, "flac without ten seconds", tmp_path)).fingerprint
    assert bit_error(known["Searching"], cut).offset == pytest.approx(10 * 11_025 / 1365, abs=1)
    assert vote(cut, {7: known["Searching"]})[0].offset == pytest.approx(10 * 11_025 / 1365, abs=2)


def test_different_recordings_are_different_and_versions_are_explained(known: dict[str, Words]) -> None:
    found = {frozenset({one, other}): same_recording(known[one], known[other]) for one, other in combinations(known, 2)}
    assert {pair: likeness for pair, likeness in found.items() if likeness is not Likeness.DIFFERENT} == AGAIN


def test_two_recordings_that_share_only_silence_are_different() -> None:
    silence = np.zeros(30 * sounds.RATE, dtype=np.float32)
    one = np.concatenate([sounds.cadences(0, 1, 30), silence])
    other = np.concatenate([silence, sounds.beats(97, 4, 30) + 0.5 * sounds.cadences(6, 0, 30, chord_s=0.7)])
    assert same_recording(words_of(one), words_of(other)) is Likeness.DIFFERENT


def test_silence_is_like_nothing() -> None:
    silence = words_of(np.zeros(60 * sounds.RATE, dtype=np.float32))
    assert same_recording(silence, silence) is Likeness.DIFFERENT
    assert vote(silence, {1: silence})[:1] == () or vote(silence, {1: silence})[0].votes <= 1
    nothing = np.empty(0, dtype=np.uint32)
    assert same_recording(nothing, nothing) is Likeness.DIFFERENT
    assert vote(nothing, {1: silence}) == ()


def test_words_are_as_many_as_chromaprint_says(known: dict[str, Words]) -> None:
    """Chromaprint makes a word of each 1,365 samples at 11,025 Hz; the first spans 2.6 s."""
    assert len(known["All_of_Us"]) == pytest.approx((120 - 2.6) * 11_025 / 1365, abs=3)
    assert known["All_of_Us"].dtype == np.uint32


def test_what_is_no_fingerprint_has_no_words() -> None:
    for text in ("", "AQ", "AQADtA", "AQAAAA"):
        assert len(unpack(text)) == 0
