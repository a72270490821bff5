"""Real recordings, some of them versions of one piece: which become one work, and which stay apart."""

import os
import shutil
import time

import pytest

from recommenders.store import Artifacts, Store
from tests.conftest import RealData
from tests.exchange.conftest import Uploads


@pytest.fixture(scope="module")
def heard(module_store: Store, tmp_path_factory: pytest.TempPathFactory, real_data: RealData) -> Uploads:
    """Every recording of the folder of real data, heard."""
    source = real_data("audio")
    home = tmp_path_factory.mktemp("real")
    uploads = Uploads(module_store, Artifacts((home / "artifacts").as_uri()), home / "uploads")
    for path in source.rglob("*"):
        if path.suffix in {".ogg", ".mp3", ".flac"}:
            target = uploads.folder / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            os.utime(target, (time.time() - 60,) * 2)
    uploads.hear(batch_size=1000)
    return uploads


def _track(uploads: Uploads, name: str) -> tuple[int, int]:
    """The track and the work of a file."""
    query = """
        SELECT f.track_id, t.work_id FROM audio_files f JOIN tracks t USING (track_id) WHERE f.uri LIKE '%/' || :name
    """
    ((track_id, work_id),) = uploads.sql(query, name=name)
    return track_id, work_id


def test_every_recording_is_heard(heard: Uploads) -> None:
    states = heard.states()
    assert len(states) == 29
    assert set(states.values()) <= {"analysed", "duplicate"}
    assert heard.sql("SELECT count(*) FROM audio_analyses WHERE loudness_lufs IS NULL OR duration_s < 20") == [(0,)]


def test_the_b_mix_is_another_recording_of_the_same_work(heard: Uploads) -> None:
    """Its title says which song it is ("Come and Find Me - B mix"): no fingerprint could."""
    original, mix = _track(heard, "Come_and_Find_Me.ogg"), _track(heard, "Come_and_Find_Me_-_B_mix.ogg")
    assert original[0] != mix[0]
    assert original[1] == mix[1]


def test_an_intro_and_the_main_part_are_two_works(heard: Uploads) -> None:
    """HHavok-intro and -main are different music, one after the other: neither sounds nor titles are the same."""
    assert _track(heard, "HHavok-intro.ogg")[1] != _track(heard, "HHavok-main.ogg")[1]


def test_re_releases_of_a_piece_are_one_work(heard: Uploads) -> None:
    """Two files of Bumblebeat are the same recording, a third is a newer master by the same name."""
    dodgems = [
        _track(heard, f"{name}.flac")
        for name in (
            "alternative_openrct2.music.dodgems_music_0",
            "history_replacements_openrct2.music.dodgems_music_bb20454f-0",
            "history_replacements_openrct2.music.dodgems_music_5445144f-0",
        )
    ]
    assert len({work for _, work in dodgems}) == 1
    assert heard.sql("SELECT count(*) FROM audio_files WHERE state = 'duplicate'")[0][0] >= 1


def test_the_bumper_cars_are_the_same_recording_with_and_without_tags(heard: Uploads) -> None:
    with_tags = _track(heard, "history_replacements_openrct2.music.bumpercar_music_4d1a968a-0.flac")
    without = _track(heard, "history_replacements_bumpercar_style_775e5a18-Bumpercar_Style.flac")
    assert with_tags[1] == without[1]


def test_all_others_stay_apart(heard: Uploads) -> None:
    together = heard.sql("""
        SELECT array_agg(substring(uri from '[^/]*$') ORDER BY uri) FROM audio_files JOIN tracks t USING (track_id)
        GROUP BY t.work_id HAVING count(*) > 1 ORDER BY 1
    """)
    assert sorted(len(names) for (names,) in together) == [2, 2, 3], together
