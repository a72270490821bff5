"""What can be decoded is what essentia decodes; what makes no sense is refused, with a reason."""

import os
import pickle
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from recommenders.audio.analysis import Refusal, UnreadableAudioError
from recommenders.audio.decoding import decode, halved
from recommenders.audio.library import standard
from recommenders.audio.listening import listen
from tests.audio import sounds


def refusal(path: Path) -> Refusal:
    with pytest.raises(UnreadableAudioError) as caught:
        listen(path)
    assert repr(path.name) in str(caught.value)
    return caught.value.refusal


def test_real_files_are_decoded_as_by_essentia(audio_files: list[Path]) -> None:
    for path in audio_files[::4]:
        expected = standard().MonoLoader(filename=str(path))()
        assert np.array_equal(decode(path).mono, expected), path.name


def test_mono_and_other_rates_come_out_alike(tmp_path: Path) -> None:
    tone = sounds.tone(440, 3)
    mono = decode(sounds.write(tmp_path / "mono.wav", tone)).mono
    assert np.abs(mono - tone).max() < 1e-4
    slow = decode(sounds.write(tmp_path / "slow.wav", sounds.tone(880, 3), rate=22_050))
    assert slow.meta.sample_rate == 22_050
    assert slow.duration_s == pytest.approx(6, abs=0.01)
    assert len(slow.mono) == pytest.approx(6 * 44_100, abs=50)


def test_halving_keeps_what_is_low_and_damps_what_would_fold_down() -> None:
    low, high = sounds.tone(500, 2), sounds.tone(21_500, 2)
    assert halved(low).std() == pytest.approx(low.std(), rel=0.01)
    assert halved(high).std() < 0.02 * high.std()
    assert len(halved(low[:-1])) == len(halved(low)) - 1


def test_nothing_that_is_no_audio_is_listened_to(tmp_path: Path) -> None:
    for name, content in (("empty.mp3", b""), ("text.ogg", b"hello " * 999), ("noise.wav", os.urandom(9999))):
        (tmp_path / name).write_bytes(content)
        assert refusal(tmp_path / name) is Refusal.UNREADABLE


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "zero.wav").symlink_to("/dev/zero")
    (tmp_path / "folder.mp3").mkdir()
    for name in ("pipe.wav", "zero.wav", "folder.mp3", "missing.wav"):
        assert refusal(tmp_path / name) is Refusal.NOT_A_FILE


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(tmp_path: Path, value: float) -> None:
    samples = sounds.tone(440, 3)
    samples[50_000] = value
    assert refusal(sounds.write(tmp_path / "nan.wav", samples, subtype="FLOAT")) is Refusal.NOT_FINITE


def test_samples_far_beyond_full_scale_are_refused(tmp_path: Path) -> None:
    samples = sounds.tone(440, 3)
    samples[50_000] = 1e6
    assert refusal(sounds.write(tmp_path / "loud.wav", samples, subtype="FLOAT")) is Refusal.OUT_OF_RANGE


def test_less_than_a_second_is_too_short(tmp_path: Path) -> None:
    assert refusal(sounds.write(tmp_path / "click.wav", sounds.tone(440, 0.5))) is Refusal.TOO_SHORT
    assert refusal(sounds.write(tmp_path / "one.wav", sounds.tone(440, 1 / 44_100))) is Refusal.TOO_SHORT


def test_three_hours_of_silence_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    path = tmp_path / "silence.flac"
    with soundfile.SoundFile(path, "w", 44_100, 1, "PCM_16", format="FLAC") as file:
        minute = np.zeros(60 * 44_100, dtype=np.int16)
        for _ in range(180):
            file.write(minute)
    start = time.perf_counter()
    assert refusal(path) is Refusal.TOO_LONG
    assert time.perf_counter() - start < 1


def test_half_a_file_is_heard_as_far_as_it_goes(audio_files: list[Path], tmp_path: Path) -> None:
    whole = next(path for path in audio_files if path.stem == "HHavok-intro")
    half = tmp_path / whole.name
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    duration = listen(half).analysis.track.duration
    assert 0.3 * 68 < duration < 0.7 * 68


@pytest.mark.parametrize("name", ['it\'s "quoted".wav', "two\nlines.wav", "🎵 ヨルシカ.wav", "-rf.wav", "%s{0}.wav"])
def test_any_name_can_be_opened(tmp_path: Path, name: str) -> None:
    assert decode(sounds.write(tmp_path / name, sounds.tone(440, 2))).duration_s == pytest.approx(2)


def test_a_name_that_is_no_text_can_be_opened(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav"))
    sounds.write(tmp_path / "plain.wav", sounds.tone(440, 2)).rename(path)
    assert decode(path).duration_s == pytest.approx(2)


def test_a_refusal_survives_the_way_between_processes() -> None:
    error = pickle.loads(pickle.dumps(UnreadableAudioError(Refusal.TOO_LONG, "x")))
    assert (error.refusal, str(error)) == (Refusal.TOO_LONG, "x")
