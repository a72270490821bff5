"""The picture of an analysis, and the command that draws it."""

import datetime as dt
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from recommenders.audio.analysis import ANALYSIS_VERSION, Analysis
from recommenders.audio.listening import listen
from recommenders.audio.plot import draw, key_name, stored
from recommenders.cli import app
from recommenders.errors import ConfigurationError, NotEnoughDataError, UnknownNameError
from recommenders.store import Store
from recommenders.store.recordings import write_analysis
from tests.audio import sounds

NOW = dt.datetime(2026, 11, 23, 5, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    music = sounds.cadences(0, 0, 45) + 0.5 * sounds.beats(120, 4, 45)
    return sounds.write(tmp_path_factory.mktemp("song") / "Song.flac", music)


@pytest.fixture(scope="module")
def analysis(song: Path) -> Analysis:
    return listen(song).analysis


def pixels(picture: bytes, folder: Path) -> np.ndarray:
    (folder / "picture.png").write_bytes(picture)
    return matplotlib.image.imread(folder / "picture.png")


def test_a_picture_shows_what_differs_between_two_moments(analysis: Analysis, tmp_path: Path) -> None:
    one, two = (pixels(draw(analysis, "Song", start), tmp_path) for start in (0.0, 3.3))
    assert one.shape == two.shape
    assert one.shape[0] > 800
    assert one.shape[1] > 1200
    assert np.abs(one - two).max(axis=2).mean() > 0.01
    assert one.std() > 0.1


def test_the_same_moment_gives_the_same_picture(analysis: Analysis) -> None:
    assert draw(analysis, "Song", 5.0) == draw(analysis, "Song", 5.0)


def test_a_moment_outside_of_the_recording_is_refused(analysis: Analysis) -> None:
    with pytest.raises(ConfigurationError, match=r"45\.0 s"):
        draw(analysis, "Song", 45.0)


@pytest.mark.parametrize("samples", [np.zeros(3 * sounds.RATE, dtype=np.float32), sounds.tone(440, 1.0)])
def test_silence_and_a_single_tone_can_be_drawn(samples: sounds.Samples, tmp_path: Path) -> None:
    drawn = draw(listen(sounds.write(tmp_path / "short.wav", samples)).analysis, "$\\frac{")
    assert drawn.startswith(b"\x89PNG")


def test_keys_are_named_as_musicians_do() -> None:
    assert [key_name(0, 1), key_name(3, 0), key_name(6, 1), key_name(None, None)] == [
        "C major",
        "E♭ minor",
        "F♯ major",
        "",
    ]


def test_the_command_draws_a_file(song: Path, tmp_path: Path) -> None:
    target = tmp_path / "picture.png"
    done = CliRunner().invoke(app, ["plot", str(song), "--out", str(target), "--start", "10"])
    assert done.exit_code == 0
    assert str(target.name) in done.output.replace("\n", "")
    assert target.read_bytes().startswith(b"\x89PNG")


def test_a_stored_analysis_is_drawn_as_the_file_was(store: Store, analysis: Analysis) -> None:
    with store.begin() as connection:
        connection.execute(sa.text("INSERT INTO works (title_key) VALUES ('song')"))
        for number in (1, 2):
            values = {"number": number, "title": f"Song {number}", "id": f"t{number}"}
            connection.execute(sa.text("INSERT INTO tracks (work_id, title) VALUES (1, :title)"), values)
            connection.execute(sa.text("INSERT INTO track_ids VALUES ('service', :id, :number)"), values)
        write_analysis(connection, 1, ANALYSIS_VERSION, analysis.summary(), analysis.as_json(), NOW)
        name, found = stored(connection, "t1")
        assert name == "Song 1"
        assert found.as_json() == analysis.as_json()
        with pytest.raises(NotEnoughDataError, match="analyse_uploads"):
            stored(connection, "t2")
        with pytest.raises(UnknownNameError):
            stored(connection, "t3")
