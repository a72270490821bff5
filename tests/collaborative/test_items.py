"""The item-to-item model says what its two methods say, scores by their mean, and is read back as it was written."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from implicit.nearest_neighbours import ItemItemRecommender, bm25_weight, normalize
from scipy.sparse import csr_matrix
from scipy.sparse import random as random_matrix

from recommenders.collaborative.items import (
    ItemModel,
    ItemParameters,
    fit_items,
    load_items,
    save_items,
    score_items,
)
from recommenders.errors import ArtifactError, ModelError, NotEnoughDataError
from recommenders.language.similarity import Space
from recommenders.listening.interactions import Interactions
from recommenders.store import Artifacts

EASE_ALONE = ItemParameters(most_dense=1_000, least_likers=1, neighbours=1_000, other_neighbours=0, regularisation=5)
BM25_ALONE = ItemParameters(most_dense=0)


def _listening(seed: int, n_users: int = 60, n_tracks: int = 30, density: float = 0.2) -> Interactions:
    matrix = random_matrix(n_users, n_tracks, density, "csr", dtype=np.float32, random_state=seed)
    matrix.data = (0.5 + 20 * matrix.data).astype(np.float32)
    matrix.sort_indices()
    return Interactions(np.arange(n_users), 100 + 3 * np.arange(n_tracks), matrix)


def _said(track_ids: npt.NDArray[np.int64], seed: int) -> Space:
    vectors = np.random.default_rng(seed).normal(size=(len(track_ids), 6)).astype(np.float32)
    return Space.of(track_ids, vectors)


def _regressed(
    rows: npt.NDArray[np.float64], penalties: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64] | None = None
) -> npt.NDArray[np.float64]:
    """What EASE is the closed form of: each column as a ridge regression on all others; or each column of `wanted`."""
    wanted = rows if wanted is None else wanted
    weights = np.zeros((rows.shape[1], rows.shape[1]))
    for column in range(rows.shape[1]):
        others = np.delete(np.arange(rows.shape[1]), column)
        gram = rows[:, others].T @ rows[:, others] + np.diag(penalties[others])
        weights[others, column] = np.linalg.solve(gram, rows[:, others].T @ wanted[:, column])
    return weights


def _each_mean_one(strengths: csr_matrix) -> npt.NDArray[np.float64]:
    weights = np.log1p(strengths.toarray().astype(np.float64))
    return weights * (weights > 0).sum(axis=1, keepdims=True) / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)


@pytest.mark.parametrize("dropout", [0.0, 1.0])
def test_ease_is_every_track_regressed_on_all_others(dropout: float) -> None:
    listening = _listening(1)
    model = fit_items(listening, EASE_ALONE.model_copy(update={"dropout": dropout}))
    rows = _each_mean_one(listening.strengths)
    expected = np.maximum(_regressed(rows, 5 + dropout * (rows**2).sum(axis=0)), 0)
    assert model.track_ids.tolist() == listening.track_ids.tolist()
    assert model.similarity.toarray() == pytest.approx(expected, abs=1e-5)


def _pulls(text: Space, rows: npt.NDArray[np.float64], weight: float, unsaid: int) -> npt.NDArray[np.float64]:
    """The text vectors as further listeners of the tracks; of the first `unsaid` nothing is said."""
    likers = (rows > 0).sum(axis=0)
    pulls = np.zeros((text.vectors.shape[1], rows.shape[1]))
    pulls[:, unsaid:] = text.vectors.T
    weighted: npt.NDArray[np.float64] = (
        pulls * np.sqrt(weight * (rows**2).sum(axis=0).mean()) * (likers / likers.mean()) ** 0.25
    )
    return weighted


def test_what_is_said_of_tracks_joins_as_further_listeners_and_has_its_part_of_each_entry() -> None:
    """The part of text is what predicts a track's text, where each track is predicted from all others."""
    listening = _listening(2)
    text = _said(listening.track_ids[5:], 2)
    model = fit_items(listening, EASE_ALONE.model_copy(update={"text": 1.5, "dropout": 0.5}), text)
    rows = _each_mean_one(listening.strengths)
    pulls = _pulls(text, rows, 1.5, 5)
    both = np.concatenate([rows, pulls])
    penalties = 5 + 0.5 * (both**2).sum(axis=0)
    whole = _regressed(both, penalties)
    assert model.similarity.toarray() == pytest.approx(np.maximum(whole, 0), abs=1e-5)
    of_text = _regressed(both, penalties, np.concatenate([np.zeros_like(rows), pulls]))
    assert model.told.toarray() == pytest.approx(np.clip(of_text, 0, np.maximum(whole, 0)), abs=1e-5)
    assert 0 < model.told.sum() < model.similarity.sum()
    assert not fit_items(listening, EASE_ALONE).told.nnz


def test_tracks_without_a_common_listener_speak_for_each_other_when_the_same_is_said_of_them() -> None:
    strengths = csr_matrix(np.kron(np.eye(4), np.ones((6, 3))).astype(np.float32))
    listening = Interactions(np.arange(24), np.arange(12), strengths)
    vectors = np.tile(np.eye(2, dtype=np.float32), (6, 1))
    parameters = ItemParameters(regularisation=5)
    deaf = fit_items(listening, parameters).similarity.toarray()
    told = fit_items(listening, parameters, Space.of(np.arange(12), vectors)).similarity.toarray()
    assert deaf[0, 4] == deaf[0, 5] == 0
    assert told[0, 4] > told[0, 5] == 0


def test_bm25_is_the_cosine_that_implicit_finds() -> None:
    listening = _listening(3, n_users=80, n_tracks=40)
    parameters = BM25_ALONE.model_copy(update={"k1": 1.7, "b": 0.4, "other_neighbours": 7})
    found = fit_items(listening, parameters).similarity
    liked = listening.strengths.copy()
    liked.data = np.log1p(liked.data)
    theirs = ItemItemRecommender(K=8)
    theirs.fit(normalize(bm25_weight(liked.T, 1.7, 0.4)).T.tocsr(), show_progress=False)
    expected = theirs.similarity.toarray()
    np.fill_diagonal(expected, 0)
    assert (np.diff(found.indptr) <= 7).all()
    assert found.toarray() == pytest.approx(expected, abs=1e-5)


def test_only_the_strongest_positive_neighbours_are_kept() -> None:
    listening = _listening(4, n_tracks=50)
    whole = fit_items(listening, EASE_ALONE).similarity.toarray()
    few = fit_items(listening, EASE_ALONE.model_copy(update={"neighbours": 5})).similarity
    assert (few.data > 0).all()
    for track, row in enumerate(whole):
        kept = few[track].toarray()[0]
        assert np.count_nonzero(kept) == min(5, np.count_nonzero(row))
        assert np.sort(kept[kept > 0]) == pytest.approx(np.sort(row)[::-1][:5][::-1][-np.count_nonzero(kept) :])


def test_seldom_liked_tracks_are_spoken_for_as_well_on_the_same_scale() -> None:
    """A popular half among which EASE says who goes with whom, and a half that it does not know."""
    rng = np.random.default_rng(5)
    scene = rng.integers(4, size=400)
    likes = rng.random((400, 80)) < np.where(np.arange(80) < 40, 0.25, 0.05)
    likes &= (np.arange(80) % 4)[None] == scene[:, None]
    listening = Interactions(np.arange(400), np.arange(80), csr_matrix(likes.astype(np.float32)))
    model = fit_items(listening, ItemParameters(most_dense=40, regularisation=5, other_trust=1))
    similarity = model.similarity.toarray()
    same = (np.arange(80) % 4)[:, None] == np.arange(80) % 4
    assert (similarity[:, 40:].sum(axis=0) > 0).all()
    assert similarity[~same].sum() == 0
    scores, heard = score_items(model, listening.strengths), listening.strengths.toarray() > 0
    assert 0.2 < scores[:, 40:][heard[:, 40:]].mean() / scores[:, :40][heard[:, :40]].mean() < 5


def test_of_whoever_likes_very_much_only_the_strongest_likings_count() -> None:
    listening = _listening(6, density=0.5)
    dense = listening.strengths.toarray()
    for row in dense:
        row[np.argsort(-row, kind="stable")[8:]] = 0
    cut = Interactions(listening.user_ids, listening.track_ids, csr_matrix(dense))
    for parameters in (EASE_ALONE, BM25_ALONE):
        found = fit_items(listening, parameters.model_copy(update={"most_liked": 8}))
        assert (found.similarity != fit_items(cut, parameters).similarity).nnz == 0


def test_a_dislike_says_nothing_and_without_likings_there_is_no_model() -> None:
    listening = _listening(7)
    disliked = listening.strengths.copy()
    disliked.data[::5] = -5
    gone = disliked.maximum(0).tocsr()
    gone.eliminate_zeros()
    one, other = (
        fit_items(Interactions(listening.user_ids, listening.track_ids, strengths), EASE_ALONE)
        for strengths in (disliked, gone)
    )
    assert (one.similarity != other.similarity).nnz == 0
    assert score_items(one, disliked) == pytest.approx(score_items(one, gone))
    with pytest.raises(NotEnoughDataError, match="nobody likes"):
        fit_items(Interactions(np.arange(1), np.arange(2), csr_matrix([[-1.0, -5.0]], dtype=np.float32)), EASE_ALONE)


def test_the_same_listening_gives_the_same_model_to_the_last_bit() -> None:
    listening = _listening(8, n_users=300, n_tracks=200)
    parameters = ItemParameters(most_dense=120, least_likers=1)
    text = _said(listening.track_ids, 8)
    one, other = fit_items(listening, parameters, text), fit_items(listening, parameters, text)
    assert (one.similarity != other.similarity).nnz == 0
    assert one.similarity.has_canonical_format


@st.composite
def _models(draw: st.DrawFn) -> tuple[ItemModel, csr_matrix]:
    n_users, n_tracks = draw(st.integers(1, 6)), draw(st.integers(1, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    says = np.where(
        rng.random((n_tracks, n_tracks)) < draw(st.floats(0, 1)), rng.integers(1, 5, (n_tracks, n_tracks)), 0
    )
    np.fill_diagonal(says, 0)
    strengths = np.where(rng.random((n_users, n_tracks)) < 0.5, rng.integers(-2, 6, (n_users, n_tracks)), 0)
    says = csr_matrix(says.astype(np.float32))
    model = ItemModel(np.arange(n_tracks), says, csr_matrix(says.shape, dtype=np.float32), ItemParameters())
    return model, csr_matrix(strengths.astype(np.float32))


def _score(model: ItemModel, strengths: npt.NDArray[Any], song: int) -> float:
    weights = np.log1p(np.maximum(strengths, 0).astype(np.float64))
    said = model.similarity.toarray()[:, song]
    return float(weights @ said / weights.sum()) if weights.any() else 0.0


@settings(deadline=None)
@given(_models())
def test_a_score_is_the_mean_of_what_the_liked_tracks_say(drawn: tuple[ItemModel, csr_matrix]) -> None:
    model, strengths = drawn
    scores = score_items(model, strengths)
    for user, row in enumerate(strengths.toarray()):
        assert scores[user] == pytest.approx([_score(model, row, song) for song in range(len(row))], abs=1e-5)


def test_a_model_is_read_back_as_it_was_written(artifacts: Artifacts) -> None:
    listening = _listening(9)
    parameters = ItemParameters(most_dense=20, least_likers=1, neighbours=6, k1=2)
    model = fit_items(listening, parameters, _said(listening.track_ids, 9))
    read = load_items(artifacts, save_items(artifacts, "models/items/1", model), model_id=5)
    assert read.track_ids.tolist() == model.track_ids.tolist()
    assert (read.similarity != model.similarity).nnz == 0
    assert (read.told != model.told).nnz == 0 < read.told.nnz
    assert (read.parameters, read.model_id) == (model.parameters, 5)


def _written(artifacts: Artifacts, facts: dict[str, Any] | None = None, **changed: Any) -> str:
    columns = {
        "track_id": [3, 5, 8],
        "tracks": pa.array([[1, 2], [], [0]], pa.list_(pa.int32())),
        "similarities": pa.array([[0.5, 0.25], [], [0.125]], pa.list_(pa.float32())),
        "told_tracks": pa.array([[2], [], []], pa.list_(pa.int32())),
        "told": pa.array([[0.25], [], []], pa.list_(pa.float32())),
    }
    kept = {"parameters": ItemParameters().model_dump()} if facts is None else facts
    return artifacts.write("models/items/2", pa.table(columns | changed), kept)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"track_id": [3, 3, 8]}, "ascending order"),
        ({"tracks": pa.array([[1, 3], [], [0]], pa.list_(pa.int32()))}, "does not hold"),
        ({"tracks": pa.array([[1], [2], [0]], pa.list_(pa.int32()))}, "does not hold"),
        ({"tracks": pa.array([[2, 1], [], [0]], pa.list_(pa.int32()))}, "out of order"),
        ({"tracks": pa.array([[1, 1], [], [0]], pa.list_(pa.int32()))}, "out of order"),
        ({"similarities": pa.array([[0.5, -0.25], [], [0.125]], pa.list_(pa.float32()))}, "not above 0"),
        ({"similarities": pa.array([[0.5, float("nan")], [], [0.125]], pa.list_(pa.float32()))}, "not finite"),
        ({"told_tracks": pa.array([[3], [], []], pa.list_(pa.int32()))}, "does not hold"),
        ({"told": pa.array([[-0.25], [], []], pa.list_(pa.float32()))}, "not above 0"),
        ({"facts": {"parameters": {"neighbours": 0}}}, "not an item-to-item model"),
        ({"facts": {}}, "not an item-to-item model"),
        ({"tracks": [1, 2, 3]}, "not an item-to-item model"),
    ],
)
def test_a_damaged_model_is_refused(artifacts: Artifacts, changed: dict[str, Any], problem: str) -> None:
    load_items(artifacts, _written(artifacts))
    with pytest.raises(ModelError, match=problem):
        load_items(artifacts, _written(artifacts, **changed))


def test_a_missing_model_is_an_error(artifacts: Artifacts) -> None:
    with pytest.raises(ArtifactError, match="missing or damaged"):
        load_items(artifacts, f"{artifacts.url}/models/items/none.parquet")
