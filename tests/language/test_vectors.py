"""The text space: what it learns, how others are placed in it, and that it stays the same when time passes."""

import datetime as dt

import numpy as np
import pytest
import sqlalchemy as sa
from scipy.sparse import csr_matrix

from recommenders.errors import ModelError, NotEnoughDataError
from recommenders.language.placing import Placed, place
from recommenders.language.vectors import TextParameters, fit, fold_in, load_model, principal_axes, save_model
from recommenders.language.weighing import weigh_terms
from recommenders.language.weights import TermParameters
from recommenders.store import Artifacts, Store, models
from recommenders.store.terms import put_article_terms, withdraw_article_terms
from tests.language.writing import TODAY, add_article, rows_touched, says, write
from tests.service import NOW, add_catalogue

DAY = dt.timedelta(days=1)
SMALL = TextParameters(dimensions=8, refit_growth=0.2)
METAL = ("loud", "heavy", "riffs", "growls")
AMBIENT = ("quiet", "slow", "drones", "fields")


def _two_camps(n_artists: int, rng: np.random.Generator) -> csr_matrix:
    """Artists, every other of whom is described by the first, the others by the last ten of twenty terms."""
    odd = np.arange(n_artists)[:, None] % 2
    likely = np.where((np.arange(20) >= 10) == odd, 0.5, 0.03)
    return csr_matrix((rng.random((n_artists, 20)) < likely).astype(float))


def test_the_axes_are_those_of_a_full_decomposition() -> None:
    rows = csr_matrix(np.random.default_rng(1).random((60, 40)) * (np.random.default_rng(2).random((60, 40)) < 0.3))
    axes = principal_axes(rows, 5, seed=3)
    _, _, exact = np.linalg.svd(rows.toarray())
    assert np.abs(np.einsum("mk,km->k", axes, exact[:5])) == pytest.approx(np.ones(5), abs=1e-3)
    assert axes.T @ axes == pytest.approx(np.eye(5), abs=1e-9)


def test_artists_described_alike_lie_together_even_without_a_common_word() -> None:
    said = _two_camps(60, np.random.default_rng(4))
    ids = np.arange(100, 120)
    model = fit(said, ids, np.full(20, "word"), TextParameters(dimensions=2, least_artists=1))
    vectors = fold_in(model, csr_matrix(np.eye(20)[:, np.searchsorted(ids, model.term_ids)]))
    assert (vectors[:10] @ vectors[:10].T).min() > 0.9
    assert (vectors[:10] @ vectors[10:].T).max() < 0.5


def test_vectors_stay_when_all_that_was_said_decays() -> None:
    said = _two_camps(30, np.random.default_rng(5))
    model = fit(said, np.arange(20), np.full(20, "word"), SMALL)
    said = said[:, model.term_ids]
    assert fold_in(model, said * 0.01) == pytest.approx(fold_in(model, said), abs=1e-5)
    assert np.linalg.norm(fold_in(model, said), axis=1) == pytest.approx(np.ones(30), abs=1e-5)


def test_of_whom_nothing_known_is_said_there_is_no_direction() -> None:
    model = fit(_two_camps(30, np.random.default_rng(6)), np.arange(20), np.full(20, "word"), SMALL)
    assert not fold_in(model, csr_matrix((1, len(model.term_ids)))).any()


def test_too_little_said_makes_no_space() -> None:
    with pytest.raises(NotEnoughDataError, match="Too little"):
        fit(csr_matrix(np.ones((1, 20))), np.arange(20), np.full(20, "word"), SMALL)


def test_a_model_comes_back_as_it_was_saved(artifacts: Artifacts) -> None:
    model = fit(_two_camps(30, np.random.default_rng(7)), np.arange(20), np.full(20, "pair"), SMALL)
    uri = save_model(artifacts, "models/text/1", model)
    found = load_model(artifacts, uri)
    assert (found.projection == model.projection).all()
    assert (found.term_ids == model.term_ids).all()
    assert found.parameters == SMALL
    with pytest.raises(ModelError):
        load_model(artifacts, artifacts.write("models/other", _other()))


def _other() -> object:
    import pyarrow as pa

    return pa.table({"track_id": [1]})


def _tell(connection: sa.Connection, artists: int) -> None:
    """Every other artist is called loud and heavy, the others quiet and slow, each in words that vary."""
    rng = np.random.default_rng(artists)
    for artist in range(1, artists + 1):
        words = METAL if artist % 2 else AMBIENT
        write(connection, TODAY, says(artist, dict.fromkeys(rng.choice(words, 3, replace=False), 1.0)))


def _vectors(connection: sa.Connection, entity: str = "artist") -> dict[int, np.ndarray]:
    rows = connection.execute(sa.text(f"SELECT {entity}_id, vector::text FROM {entity}_vectors WHERE kind = 'text'"))
    return {row[0]: np.array(row[1].strip("[]").split(","), dtype=float) for row in rows}


def test_those_of_whom_something_new_was_said_are_placed_and_nobody_else(store: Store, artifacts: Artifacts) -> None:
    with store.begin() as connection:
        add_catalogue(connection, 1, list(range(1, 21)))
        _tell(connection, 12)
        assert place(connection, artifacts, SMALL, run_key="a", now=NOW) == Placed(0, False, None)
        weigh_terms(connection, TermParameters(), TODAY)
        first = place(connection, artifacts, SMALL, run_key="a", now=NOW)
        assert first.entities == 12
        assert first.refitted
        assert place(connection, artifacts, SMALL, run_key="a", now=NOW) == Placed(0, False, None)
        vectors = _vectors(connection)
        assert vectors[1] @ vectors[3] > 0.5 > vectors[1] @ vectors[2]
        write(connection, TODAY + DAY, says(13, dict.fromkeys(METAL, 1.0)), says(5, {"slow": 1}, kind="track"))
        weigh_terms(connection, TermParameters(), TODAY + DAY)
        second = place(connection, artifacts, SMALL, run_key="b", now=NOW + DAY)
        assert second == Placed(2, False, first.model_id)
        after = _vectors(connection)
        assert after[13] @ after[1] > 0.5
        assert all((after[artist] == vectors[artist]).all() for artist in vectors)
        assert list(_vectors(connection, "track")) == [5]


def test_placing_costs_what_is_new_and_not_what_is_known(store: Store, artifacts: Artifacts) -> None:
    costs = []
    for first, end in ((1, 101), (101, 1_001)):
        with store.begin() as connection:
            if first == 1:
                add_catalogue(connection, 1, list(range(1, 1_101)))
            said = [
                [says(artist, dict.fromkeys(METAL if artist % 2 else AMBIENT, 1.0))] for artist in range(first, end)
            ]
            articles = [add_article(connection) for _ in said]
            put_article_terms(connection, articles, [TODAY] * len(said), said)
            weigh_terms(connection, TermParameters(), TODAY)
            place(connection, artifacts, SMALL, run_key=str(first), now=NOW)
        with store.begin() as connection:
            connection.execute(sa.text("ANALYZE entity_terms, artist_vectors, track_vectors"))
        with store.begin() as connection:
            write(connection, TODAY, says(end, dict.fromkeys(METAL, 1.0)))
            weigh_terms(connection, TermParameters(), TODAY)
            before = rows_touched(connection)
            assert place(connection, artifacts, SMALL, run_key="b", now=NOW).entities == 1
            costs.append(rows_touched(connection) - before)
    assert costs[1] <= costs[0] < 150


def test_the_space_is_made_anew_when_it_has_aged_or_many_are_new(store: Store, artifacts: Artifacts) -> None:
    with store.begin() as connection:
        add_catalogue(connection, 1, list(range(1, 21)))
        _tell(connection, 10)
        weigh_terms(connection, TermParameters(), TODAY)
        first = place(connection, artifacts, SMALL, run_key="a", now=NOW)
    with store.begin() as connection:
        write(connection, TODAY, says(11, {"loud": 1}))
        write(connection, TODAY, says(12, {"quiet": 1}))
        write(connection, TODAY, says(13, {"quiet": 1}))
        weigh_terms(connection, TermParameters(), TODAY)
        grown = place(connection, artifacts, SMALL, run_key="b", now=NOW)
        assert grown.refitted
        assert grown.entities == 13
        assert models.champion(connection, "text").space == models.model(connection, first.model_id).space + 1
    with store.begin() as connection:
        write(connection, TODAY + 7 * DAY, says(1, {"riffs": 1}))
        weigh_terms(connection, TermParameters(), TODAY + 7 * DAY)
        assert place(connection, artifacts, SMALL, run_key="c", now=NOW + 7 * DAY).refitted


def test_who_has_nothing_left_loses_the_vector(store: Store, artifacts: Artifacts) -> None:
    with store.begin() as connection:
        add_catalogue(connection, 1, list(range(1, 21)))
        _tell(connection, 10)
        article = write(connection, TODAY, says(11, {"loud": 1}))
        weigh_terms(connection, TermParameters(), TODAY)
        place(connection, artifacts, SMALL, run_key="a", now=NOW)
        assert 11 in _vectors(connection)
        withdraw_article_terms(connection, [article])
        weigh_terms(connection, TermParameters(), TODAY)
        assert set(_vectors(connection)) == set(range(1, 11))
