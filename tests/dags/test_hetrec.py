"""Real listening, whole: HetRec's Last.fm data through the three DAGs, judged by SQL."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from airflow.utils.state import DagRunState

from recommenders.runtime.postgres import ensure_database
from recommenders.store import Store
from tests.dags.conftest import RunDag


@pytest.fixture(scope="module")
def published(
    postgres: sa.URL,
    hetrec: Path,
    dag_runner: Callable[[Store, Path], RunDag],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Store]:
    """A service that holds HetRec's data, after its first Monday."""
    home = tmp_path_factory.mktemp("hetrec")
    for kind, name in {"catalogue": "artists.dat", "listening": "user_artists.dat"}.items():
        folder = home / "landing" / kind / "hetrec"
        folder.mkdir(parents=True)
        shutil.copy(hetrec / name, folder / name)
        os.utime(folder / name, (time.time() - 60,) * 2)
    store = Store(ensure_database(postgres, "hetrec", template="template").render_as_string(hide_password=False))
    run_dag = dag_runner(store, home)
    sweep = {"alpha": [2.0], "regularisation": [5.0]}
    for dag_id, conf in {"import_listening": {}, "retrain_collaborative": sweep, "monday_playlists": {}}.items():
        assert run_dag(dag_id, conf).state == DagRunState.SUCCESS, dag_id
    yield store
    store.close()


def _one(store: Store, query: str) -> tuple:
    with store.begin() as connection:
        return tuple(connection.execute(sa.text(query)).one())


def test_every_user_has_exactly_thirty_songs(published: Store) -> None:
    query = (
        "SELECT count(*), min(n), max(n) FROM (SELECT count(*) AS n FROM current_mixtapes GROUP BY user_id) AS lists"
    )
    assert _one(published, query) == (1_892, 30, 30)


def test_no_song_comes_twice_and_none_is_heard(published: Store) -> None:
    songs = (
        "current_mixtapes c JOIN user_ids u ON u.outside_id = c.user_id JOIN track_ids t ON t.outside_id = c.track_id"
    )
    assert _one(published, f"SELECT count(*) - count(DISTINCT (c.user_id, c.track_id)) FROM {songs}") == (0,)
    heard = "JOIN listening_totals h ON h.user_id = u.user_id AND h.track_id = t.track_id"
    assert _one(published, f"SELECT count(*) FROM {songs} {heard}") == (0,)


def test_no_song_is_on_more_than_a_tenth_of_the_mixtapes(published: Store) -> None:
    query = "SELECT max(n) FROM (SELECT count(*) AS n FROM current_mixtapes GROUP BY track_id) AS songs"
    highest = _one(published, query)[0]
    assert 20 < highest <= 189


def test_most_songs_come_from_the_model_and_say_why(published: Store) -> None:
    share = "SELECT avg((reason = 'plays')::int), avg((cardinality(reason_track_ids) > 0)::int) FROM current_mixtapes"
    assert min(_one(published, share)) > 0.95
