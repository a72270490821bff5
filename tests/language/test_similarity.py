"""Who is alike, by each model and by all, in a service of which every vector is known."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
import sqlalchemy as sa

from recommenders.errors import NotEnoughDataError, UnknownNameError
from recommenders.language.similarity import By, Space, ranked, similar, standardised, summed
from recommenders.language.terms import EntityKind
from recommenders.store import Store, models
from recommenders.store.spaces import artist_labels, artist_of
from recommenders.store.text_vectors import put_text_vectors
from tests.service import NOW, add_catalogue

ARTIST, TRACK = EntityKind.ARTIST, EntityKind.TRACK
EAST, NORTH, NORTHEAST = (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)


def _model(connection: sa.Connection, kind: str, tracks: dict[int, tuple[float, ...]]) -> models.ModelRow:
    model_id = models.add_candidate(
        connection,
        kind=kind,
        space=1,
        run_key=kind,
        trained_at=NOW,
        cutoff=NOW,
        parameters={},
        metrics={},
        artifact_uri="",
        package_version="0",
    )
    ids: npt.NDArray[np.int64] = np.array(list(tracks), dtype=np.int64)
    vectors = np.array(list(tracks.values()), dtype=np.float32).reshape(len(tracks), 2)
    models.promote(connection, model_id, now=NOW, track_ids=ids, vectors=vectors)
    return models.model(connection, model_id)


@pytest.fixture
def service(store: Store) -> Iterator[sa.Connection]:
    """Tracks 1 to 6 of the artists 1, 1, 2, 3, 4, 5. People play 1, 2, 3, 4; blogs write of the artists 1, 3, 4 and of
    track 2; tracks 1 and 6 were heard."""
    with store.begin() as connection:
        add_catalogue(connection, 1, [1, 1, 2, 3, 4, 5])
        _model(connection, "collaborative", {1: (3.0, 0.0), 2: (0.0, 1.0), 3: (2.0, 0.1), 4: NORTH})
    with store.begin() as connection:
        _model(connection, "audio", {1: EAST, 6: NORTHEAST})
    with store.begin() as connection:
        text = _model(connection, "text", {})
        keys = np.array([2, 6, 8, 5])
        put_text_vectors(connection, text, keys, np.array([EAST, NORTH, (0.9, 0.1), NORTH], dtype=np.float32), NOW)
        yield connection


def _names(connection: sa.Connection, kind: EntityKind, one: int, by: By) -> list[str]:
    return [found.outside_id for found in similar(connection, kind, one, by)]


def test_artists_by_text_by_listening_and_by_sound(service: sa.Connection) -> None:
    assert _names(service, ARTIST, 1, By.TEXT) == ["a4", "a3"]
    assert _names(service, ARTIST, 1, By.COLLABORATIVE) == ["a2", "a3"]
    assert _names(service, ARTIST, 1, By.AUDIO) == ["a5"]
    assert similar(service, ARTIST, 1, By.AUDIO)[0].cosines[By.AUDIO] == pytest.approx(0.5**0.5, abs=1e-3)


def test_all_together_rank_everybody_whom_one_of_them_knows(service: sa.Connection) -> None:
    found = similar(service, ARTIST, 1, By.ALL)
    assert {one.outside_id for one in found} == {"a2", "a3", "a4", "a5"}
    assert found[-1].outside_id == "a3"
    assert set(found[-1].cosines) == {By.COLLABORATIVE, By.TEXT}
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_whom_nobody_plays_has_neighbours_by_text(service: sa.Connection) -> None:
    assert _names(service, ARTIST, 4, By.TEXT)[0] == "a1"
    assert _names(service, ARTIST, 4, By.ALL)[0] == "a1"
    with pytest.raises(NotEnoughDataError, match="nobody liked it"):
        similar(service, ARTIST, 4, By.COLLABORATIVE)


def test_a_track_of_which_nothing_is_said_lies_where_its_artist_does_and_is_marked(service: sa.Connection) -> None:
    found = {one.outside_id: one for one in similar(service, TRACK, 2, By.TEXT)}
    assert set(found) == {"t1", "t4", "t5"}
    assert found["t4"].cosines[By.TEXT] == pytest.approx(1, abs=1e-3)
    assert all(one.inherited for one in found.values())
    [own] = [one for one in similar(service, TRACK, 4, By.TEXT) if one.outside_id == "t2"]
    assert not own.inherited


def test_who_is_in_no_space_has_no_neighbours(service: sa.Connection) -> None:
    for by in By:
        with pytest.raises(NotEnoughDataError):
            similar(service, TRACK, 99, by)


def test_artists_are_known_by_id_by_name_and_by_alias(service: sa.Connection) -> None:
    service.execute(sa.text("INSERT INTO artist_aliases VALUES (3, 'The Third', 'third'), (4, 'Fourth', 'n5')"))
    assert artist_of(service, "a2", "a2") == 2
    assert artist_of(service, "N2", "n2") == 2
    assert artist_of(service, "Third", "third") == 3
    assert artist_of(service, "n5", "n5") == 5
    with pytest.raises(UnknownNameError, match="no artist 'nobody'"):
        artist_of(service, "nobody", "nobody")
    service.execute(sa.text("UPDATE artists SET name_key = 'n2' WHERE artist_id = 3"))
    with pytest.raises(UnknownNameError, match="a2, a3"):
        artist_of(service, "n2", "n2")
    assert artist_labels(service, [3, 1]) == [("a3", "n3"), ("a1", "n1")]


def test_an_artist_lies_where_its_tracks_lie_the_more_liked_the_more() -> None:
    ids = np.array([3, 5, 8])
    vectors = np.array([[2, 0], [0, 1], [1, 1]], dtype=np.float32)
    artists, sums = summed(ids, vectors, np.array([3, 4, 5, 8, 8, 9]), np.array([7, 7, 7, 7, 6, 6]))
    assert artists.tolist() == [6, 7]
    assert sums.tolist() == [[1, 1], [3, 2]]


def test_who_is_asked_for_is_not_among_the_answers_and_ties_go_by_id() -> None:
    ids, scores = ranked({By.TEXT: (np.array([1, 2, 3, 4]), np.array([0.5, 1.0, 0.5, 0.1], dtype=np.float32))}, 2, 2)
    assert ids.tolist() == [1, 3]
    assert scores.tolist() == [0.5, 0.5]


def test_scores_of_two_models_are_made_comparable() -> None:
    assert standardised(np.array([[1.0, 3.0], [10.0, 30.0]])) == pytest.approx(np.array([[-1, 1], [-1, 1]]))
    assert standardised(np.ones(3)).tolist() == [0, 0, 0]


def test_vectors_of_nothing_are_not_in_the_space() -> None:
    space = Space.of(np.array([1, 2]), np.array([[0, 0], [0, 5]], dtype=np.float32))
    assert space.ids.tolist() == [2]
    assert space.cosines(1) is None
