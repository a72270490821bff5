"""What was heard is kept: the newest analysis counts, and a fingerprint is found among many."""

import datetime as dt
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from recommenders.store import Store
from recommenders.store.recordings import (
    Tag,
    read_analysis,
    read_genres,
    read_sounds,
    read_summaries,
    read_tags,
    similar_fingerprints,
    write_analysis,
    write_fingerprint,
    write_tags,
)

NOW = dt.datetime(2026, 11, 23, 5, tzinfo=dt.UTC)
Words = npt.NDArray[np.uint32]

FIGURES: dict[str, float | int | None] = {
    "duration_s": 180.5,
    "tempo_bpm": 92.0,
    "tempo_confidence": 0.9,
    "time_signature": 4,
    "time_signature_confidence": 0.8,
    "key": 9,
    "key_confidence": 0.7,
    "mode": 0,
    "mode_confidence": 0.6,
    "loudness_lufs": -14.2,
    "loudness_range_lu": 6.1,
    "peak_dbfs": -0.3,
    "danceability": 1.2,
    "energy": 0.5,
    "fade_in_end_s": 0.2,
    "fade_out_start_s": 175.0,
    "n_bars": 69,
    "n_beats": 276,
    "n_sections": 8,
    "n_segments": 600,
}


@pytest.fixture
def tracks(store: Store) -> Store:
    """2,000 tracks that nobody has listened to yet."""
    with store.begin() as connection:
        connection.execute(sa.text("INSERT INTO works (title_key) VALUES ('song')"))
        connection.execute(
            sa.text("INSERT INTO tracks (work_id, title) SELECT 1, 'Song ' || n FROM generate_series(1, 2000) n")
        )
    return store


def test_the_newest_version_of_an_analysis_counts_whichever_was_written_last(tracks: Store) -> None:
    with tracks.begin() as connection:
        write_analysis(connection, 1, 2, FIGURES | {"tempo_bpm": 93.0}, '{"version": 2}', NOW)
        write_analysis(connection, 1, 1, FIGURES, '{"version": 1}', NOW)
        write_analysis(connection, 2, 1, FIGURES, '{"version": 1}', NOW)
        write_analysis(connection, 2, 1, FIGURES | {"key": None, "key_confidence": 0.0}, '{"again": 1}', NOW)
        summaries = read_summaries(connection, [1, 2, 3])
        assert read_analysis(connection, 1) == '{"version": 2}'
        assert read_analysis(connection, 2) == '{"again": 1}'
        assert read_analysis(connection, 3) is None
    assert set(summaries) == {1, 2}
    assert (summaries[1].version, summaries[1].figures["tempo_bpm"]) == (2, 93)
    assert (summaries[2].figures["key"], summaries[2].figures["n_beats"]) == (None, 276)


def test_a_track_of_unknown_duration_gets_that_of_its_recording(tracks: Store) -> None:
    with tracks.begin() as connection:
        connection.execute(sa.text("UPDATE tracks SET duration_s = 200 WHERE track_id = 2"))
        for track_id in (1, 2):
            write_analysis(connection, track_id, 1, FIGURES, "{}", NOW)
        durations = connection.execute(sa.text("SELECT duration_s FROM tracks WHERE track_id < 3 ORDER BY track_id"))
        assert durations.scalars().all() == [180.5, 200]


@pytest.mark.parametrize(
    "nonsense",
    [
        {"tempo_bpm": 5168.0},
        {"tempo_bpm": 0.0},
        {"key": 12},
        {"mode": 2},
        {"duration_s": 0.0},
        {"loudness_lufs": float("nan")},
        {"tempo_confidence": 1.5},
        {"key_confidence": None},
        {"danceability": float("inf")},
    ],
)
def test_the_database_takes_no_nonsense(tracks: Store, nonsense: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), tracks.begin() as connection:
        write_analysis(connection, 1, 1, FIGURES | nonsense, "{}", NOW)


def _words(rng: np.random.Generator, length: int = 900) -> Words:
    return rng.integers(0, 2**32, length, dtype=np.uint64).astype(np.uint32)


def _disturbed(rng: np.random.Generator, words: Words, share: float) -> Words:
    """The words with this share of their bits flipped."""
    flips = np.packbits(rng.random((len(words), 32)) < share, axis=1, bitorder="little").view(np.uint32).ravel()
    return words ^ flips


def test_a_fingerprint_is_found_among_many_though_some_of_its_bits_differ(tracks: Store) -> None:
    rng = np.random.default_rng(1)
    known = {track_id: _words(rng) for track_id in range(1, 2001)}
    common = _words(rng, 40)  # words that every recording has
    with tracks.begin() as connection:
        for track_id, words in known.items():
            words[:40] = common
            write_fingerprint(connection, track_id, words)
        for track_id in (1, 777, 2000):
            heard = _disturbed(rng, known[track_id][100:], 0.035)  # as after a cut and another codec
            found = similar_fingerprints(connection, heard)
            assert next(iter(found)) == track_id
            assert len(found) <= 10
            np.testing.assert_array_equal(found[track_id], known[track_id])
        stranger = similar_fingerprints(connection, _words(rng))
        scans = sa.text("SELECT pg_stat_get_xact_numscans(CAST('fingerprints_sample_idx' AS regclass))")
        assert connection.execute(scans).scalar_one() > 0
    assert len(stranger) <= 10


def test_a_fingerprint_replaces_the_one_before_and_none_removes_it(tracks: Store) -> None:
    rng = np.random.default_rng(2)
    first, second = _words(rng), _words(rng)
    with tracks.begin() as connection:
        write_fingerprint(connection, 1, first)
        write_fingerprint(connection, 1, second)
        assert similar_fingerprints(connection, first) == {}
        assert list(similar_fingerprints(connection, second)) == [1]
        write_fingerprint(connection, 1, np.empty(0, dtype=np.uint32))
        assert similar_fingerprints(connection, second) == {}
        assert similar_fingerprints(connection, np.empty(0, dtype=np.uint32)) == {}


def test_tags_of_a_model_replace_its_own_and_leave_those_of_people(tracks: Store) -> None:
    with tracks.begin() as connection:
        write_tags(
            connection, 1, [Tag("genre", "rock"), Tag("tag", "rock", 0.9, "model"), Tag("tag", "loud", 0.2, "model")]
        )
        write_tags(connection, 1, [Tag("genre", "slowcore"), Tag("tag", "quiet", 0.8, "model")])
        write_tags(connection, 1, [Tag("genre", "slowcore")])
        assert read_tags(connection, 1) == [
            Tag("genre", "rock"),
            Tag("genre", "slowcore"),
            Tag("tag", "quiet", pytest.approx(0.8), "model"),
        ]


def test_how_tracks_sound_is_read_as_it_was_known_at_a_moment(tracks: Store) -> None:
    with tracks.begin() as connection:
        write_analysis(connection, 7, 1, FIGURES, "{}", NOW)
        write_analysis(connection, 7, 2, FIGURES | {"key": 2}, "{}", NOW + dt.timedelta(days=2))
        unknown: dict[str, float | int | None] = dict.fromkeys(("key", "mode", "tempo_bpm", "loudness_lufs"))
        write_analysis(connection, 3, 1, FIGURES | unknown, "{}", NOW)
        then, now = (read_sounds(connection, NOW + dt.timedelta(days=days)) for days in (1, 3))
        assert not len(read_sounds(connection, NOW)["track_id"])
    assert then["track_id"].tolist() == now["track_id"].tolist() == [3, 7]
    assert then["key"].tolist() == [-1, 9]
    assert now["key"].tolist() == [-1, 2]
    assert then["mode"].tolist() == [-1, 0]
    assert np.allclose(then["tempo_bpm"], [np.nan, 92], equal_nan=True)
    assert np.allclose(then["loudness_lufs"], [np.nan, -14.2], equal_nan=True)


def test_tracks_that_share_a_genre_share_a_bit(tracks: Store) -> None:
    with tracks.begin() as connection:
        write_tags(connection, 1, [Tag("genre", "Shoegaze"), Tag("genre", "dream pop"), Tag("year", "1991")])
        write_tags(connection, 2, [Tag("genre", "shoegaze")])
        write_tags(connection, 3, [Tag("genre", "polka")])
        write_tags(connection, 4, [Tag("tag", "shoegaze", source="model")])
        found = read_genres(connection)
    assert found["track_id"].tolist() == [1, 2, 3]
    one, two, three = found["genres"].tolist()
    assert one & two == two
    assert one.bit_count() == 2
    assert not one & three
