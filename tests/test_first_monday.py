"""The first test of all: two listeners, five songs, and each gets the other's."""

import datetime as dt
from pathlib import Path

from recommenders.collaborative.sweep import RetrainParams
from recommenders.evaluation.retraining import retrain
from recommenders.exchange.imports import import_path
from recommenders.playlists.mixtape import read_mixtape
from recommenders.store import Artifacts, Store
from tests.playlists.conftest import Service

NOW = dt.datetime(2026, 11, 23, 5, tzinfo=dt.UTC)


def test_one_likes_p_q_r_s_another_q_r_s_t_and_each_gets_the_others_song(
    store: Store, artifacts: Artifacts, tmp_path: Path
) -> None:
    (tmp_path / "tracks.csv").write_text(
        "track_id,title,artists\n" + "".join(f"{song},Song {song},Band {song}\n" for song in "PQRST")
    )
    plays = [("one", song) for song in "PQRS"] + [("another", song) for song in "QRST"]
    (tmp_path / "plays.csv").write_text(
        "user_id,track_id,at,kind\n" + "".join(f"{user},{song},2026-11-20T12:00:00Z,love\n" for user, song in plays)
    )
    import_path(store, "catalogue", tmp_path / "tracks.csv", now=NOW)
    import_path(store, "listening", tmp_path / "plays.csv", now=NOW)
    model = retrain(store, artifacts, RetrainParams(), cutoff=NOW, run_key="retrain", now=NOW)
    assert model.status == "champion", model.reason
    Service(store, artifacts).run(cutoff=NOW)
    for user, song in {"one": "T", "another": "P"}.items():
        with store.begin() as connection:
            mixtape = read_mixtape(connection, user)
        assert [each.outside_id for each in mixtape.songs] == [song]
        assert (mixtape.songs[0].source, mixtape.songs[0].reason_code) == ("mix", "plays")
        assert mixtape.short_reason
