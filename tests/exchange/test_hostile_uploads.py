"""Broken and hostile files: none stops a batch, hangs it, leaves nonsense or is lost without a reason."""

import os
import time

import pytest

from recommenders.store import Artifacts, Store
from tests.audio.hostile_files import CONTENTS, GOOD, IRREGULAR, LEFT_ALONE, encoded, make_hostile, tune
from tests.exchange.conftest import Uploads


@pytest.fixture(scope="module")
def heard(module_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Uploads:
    """Everything there is of broken and hostile files, with good ones in between, heard in one batch."""
    home = tmp_path_factory.mktemp("hostile")
    uploads = Uploads(module_store, Artifacts((home / "artifacts").as_uri()), home / "uploads")
    make_hostile(uploads.folder, time.time() - 60)
    for number in range(1, 6):
        (uploads.folder / f"{'aLNs~'[number - 1]} good {number}.ogg").write_bytes(encoded(tune(100 + number), "OGG"))
    past = time.time() - 60
    for path in uploads.folder.glob("* good *"):
        os.utime(path, (past, past))
    (report,) = uploads.hear(batch_size=1000)
    assert report.left == 0
    return uploads


def test_there_are_more_than_25_kinds() -> None:
    bad = [name for name, (_, outcomes) in CONTENTS.items() if outcomes != {GOOD}]
    assert len(bad) + len(IRREGULAR) >= 25


@pytest.mark.parametrize("name", CONTENTS)
def test_each_comes_to_what_it_deserves(heard: Uploads, name: str) -> None:
    _, outcomes = CONTENTS[name]
    assert heard.states().get(name, LEFT_ALONE) in outcomes


@pytest.mark.parametrize("name", IRREGULAR)
def test_what_is_no_file_is_set_aside_unopened(heard: Uploads, name: str) -> None:
    assert heard.states()[name] == "not_a_file"


def test_the_good_files_between_them_are_analysed(heard: Uploads) -> None:
    good = {name: state for name, state in heard.states().items() if " good " in name}
    assert len(good) == 5
    assert set(good.values()) == {"analysed"}


def test_every_file_that_was_set_aside_has_a_reason_that_names_it(heard: Uploads) -> None:
    rows = heard.sql("SELECT source, reason, detail FROM rejected WHERE kind = 'uploads'")
    assert rows
    for source, reason, detail in rows:
        assert reason and "can't be analysed: " in detail, (source, reason, detail)
        assert "/proc/" not in detail
    assert len({source for source, _, _ in rows}) == len(rows)
    assert heard.sql("SELECT count(*) FROM audio_files WHERE state = 'waiting'") == [(0,)]


def test_no_analysis_is_nonsense(heard: Uploads) -> None:
    rows = heard.sql("""
        SELECT t.title, a.tempo_bpm, a.loudness_lufs, a.peak_dbfs, a.duration_s, a.tempo_confidence, a.key_confidence
        FROM audio_analyses a JOIN tracks t USING (track_id)
        WHERE a.tempo_bpm NOT BETWEEN 30 AND 300 OR a.loudness_lufs NOT BETWEEN -70 AND 6 OR a.peak_dbfs > 20
           OR a.duration_s NOT BETWEEN 1 AND 30 OR 'NaN' IN (a.loudness_range_lu, a.danceability, a.energy, a.peak_dbfs)
    """)
    assert rows == []


def test_silence_has_no_tempo_and_no_key(heard: Uploads) -> None:
    rows = heard.sql("""
        SELECT tempo_bpm, tempo_confidence, key, key_confidence, mode, mode_confidence, time_signature, loudness_lufs
        FROM audio_analyses a JOIN tracks t USING (track_id) WHERE title = 'silence'
    """)
    assert rows == [(None, 0, None, 0, None, 0, None, None)]
    assert heard.sql("SELECT count(*) FROM fingerprints JOIN tracks USING (track_id) WHERE title = 'silence'") == [(0,)]


def test_names_become_titles_that_people_can_read(heard: Uploads) -> None:
    titles = {title for (title,) in heard.sql("SELECT title FROM tracks")}
    assert "quotes \" and ' and $(reboot); DROP TABLE tracks;" in {title.removesuffix(" --") for title in titles}
    assert {"new line tab", "emoji 🎷🎶 %41 #?", "-rf *", "%03d"} <= titles
    assert all(title.isprintable() and 0 < len(title) <= 500 for title in titles)


def test_another_look_finds_nothing_to_do_and_says_nothing_twice(heard: Uploads) -> None:
    before = heard.sql("SELECT * FROM rejected ORDER BY rejected_id")
    os.utime(heard.folder / "growing.ogg")
    found = heard.scan()
    assert (found.new, found.set_aside) == (0, 0)
    assert heard.sql("SELECT * FROM rejected ORDER BY rejected_id") == before


def test_nothing_from_outside_the_folder_was_heard(heard: Uploads) -> None:
    assert heard.sql("SELECT count(*) FROM audio_files WHERE uri LIKE '%secret%' OR uri LIKE '%hostname%'") == [(0,)]
