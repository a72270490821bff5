"""Retraining the ranker on a small service of two camps: champions, rejected ones, roll-backs, the same run twice."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

from recommenders.collaborative.items import ItemParameters, fit_items, load_items, score_items
from recommenders.collaborative.model import align, load_model
from recommenders.collaborative.sweep import RetrainParams
from recommenders.errors import ModelError, NotEnoughDataError
from recommenders.evaluation import ranker_retraining, retraining
from recommenders.evaluation.judging import Examination
from recommenders.evaluation.ranker_choice import MIX, SERVING, UNTRAINED
from recommenders.evaluation.ranker_parameters import RetrainRankerParams
from recommenders.evaluation.ranking import Described, Known, describe_fold
from recommenders.evaluation.split import Fold, split
from recommenders.language.similarity import Space
from recommenders.mixing.ranker import FEATURES, Ranker
from recommenders.mixing.shelf import read_shelf
from recommenders.store import Artifacts, Store, models
from recommenders.store.models import ModelRow
from recommenders.store.signals import read_catalogue, read_signals
from tests.service import DAY, NOW, add_catalogue, add_events, add_totals, two_camps

WEEK = dt.timedelta(days=7)
SMALL = RetrainParams(factors=[8], alpha=[2.0], regularisation=[1.0])


def fill(store: Store, artifacts: Artifacts) -> ModelRow:
    """Users like the odd tracks or the even ones; the collaborative model knows it."""
    rows = two_camps(np.random.default_rng(1))
    with store.begin() as connection:
        add_catalogue(connection, 60, list(range(1, 41)))
        add_totals(connection, np.column_stack([rows, np.full(len(rows), 3)]))
    return retraining.retrain(store, artifacts, SMALL, cutoff=NOW, run_key="collaborative", now=NOW)


def retrain(
    store: Store, artifacts: Artifacts, run: str, cutoff: dt.datetime = NOW, *, force: bool = False
) -> ModelRow:
    params = RetrainRankerParams(force=force)
    return ranker_retraining.retrain(store, artifacts, params, cutoff=cutoff, run_key=f"dag/{run}", now=cutoff)


def test_the_first_ranker_becomes_champion_with_the_item_to_item_model(store: Store, artifacts: Artifacts) -> None:
    collaborative = fill(store, artifacts)
    first = retrain(store, artifacts, "1")
    assert (first.kind, first.status, first.space) == ("ranker", "champion", collaborative.space)
    assert dict(zip(FEATURES, Ranker(**first.parameters).weights, strict=True)) == first.metrics["weights"]
    items = load_items(artifacts, first.artifact_uri)
    odd = items.track_ids % 2 == 1
    assert odd.any()
    assert not items.similarity[odd][:, ~odd].nnz  # nobody likes both kinds
    judged = first.metrics["judged"]
    assert {MIX, "collaborative", "items", "popularity"} <= set(judged)
    assert judged[first.metrics["candidate"]]["recall@30"] > 0.95
    assert judged["popularity"]["mrr"] < judged[first.metrics["candidate"]]["mrr"]
    assert {"facts", "collaborative"} <= set(first.metrics["ablation"])
    with store.begin() as connection:
        served = connection.execute(sa.text("SELECT DISTINCT model_id FROM track_vectors")).scalars().all()
    assert served == [collaborative.model_id]  # a ranker has no vectors


def test_the_same_run_again_changes_nothing(store: Store, artifacts: Artifacts) -> None:
    fill(store, artifacts)
    first, again = retrain(store, artifacts, "1"), retrain(store, artifacts, "1", NOW + DAY)
    assert again == first


def test_the_next_one_is_compared_with_the_one_that_serves_and_retires_it(store: Store, artifacts: Artifacts) -> None:
    fill(store, artifacts)
    first, second = retrain(store, artifacts, "1"), retrain(store, artifacts, "2", NOW + WEEK)
    assert second.status == "champion"
    assert second.reason is not None
    assert f"against {SERVING}" in second.reason
    with store.begin() as connection:
        assert models.model(connection, first.model_id).status == "retired"


def test_one_that_is_worse_or_says_nothing_is_kept_as_rejected(store: Store, artifacts: Artifacts) -> None:
    fill(store, artifacts)
    first = retrain(store, artifacts, "1")
    for number, (broken, said) in enumerate(
        [("judged", f"worse than {SERVING}"), ("weights", "all its weights are 0"), ("space", "another space")], 2
    ):
        run_key = f"dag/{number}"
        for fold in ranker_retraining.prepare(
            store, artifacts, RetrainRankerParams(), cutoff=NOW + WEEK, run_key=run_key
        ):
            ranker_retraining.describe(store, artifacts, run_key, fold)
        model_id = ranker_retraining.learn(store, artifacts, run_key, now=NOW + WEEK)
        _break(store, artifacts, run_key, model_id, broken)
        for _ in range(2):  # a retry says the same
            assert not ranker_retraining.pass_gate(store, artifacts, run_key, model_id)
        with store.begin() as connection:
            rejected, champion = models.model(connection, model_id), models.champion(connection, "ranker")
        assert rejected.status == "rejected"
        assert said in (rejected.reason or "")
        assert champion == first
        with pytest.raises(ModelError):
            ranker_retraining.publish(store, model_id, now=NOW)


def _break(store: Store, artifacts: Artifacts, run_key: str, model_id: int, what: str) -> None:
    if what == "judged":
        name = f"{ranker_retraining.Plan.load(artifacts, run_key).folder}/judged"
        table, facts = artifacts.read(f"{artifacts.url}/{name}.parquet")
        columns = {each: table[each].to_numpy() for each in table.column_names}
        columns[facts["candidate"]] = columns[facts["candidate"]] * 0.9
        artifacts.write(name, pa.table(columns), facts)
        return
    change = {
        "weights": "parameters = jsonb_set(parameters, '{weights}', '[0, 0, 0, 0, 0, 0, 0]')",
        "space": "space = space + 1",
    }[what]
    with store.begin() as connection:
        connection.execute(sa.text(f"UPDATE models SET {change} WHERE model_id = :id"), {"id": model_id})


def test_older_data_are_rejected_unless_forced(store: Store, artifacts: Artifacts) -> None:
    fill(store, artifacts)
    retrain(store, artifacts, "1")
    older = retrain(store, artifacts, "2", NOW - DAY)
    assert older.status == "rejected"
    assert "before the serving ranker's" in (older.reason or "")
    forced = retrain(store, artifacts, "3", NOW - DAY, force=True)
    assert forced.status == "champion"
    assert (forced.reason or "").startswith("forced, although:")


def test_rolling_back_ranks_as_before_and_keeps_the_history(store: Store, artifacts: Artifacts) -> None:
    collaborative = fill(store, artifacts)
    first = retrain(store, artifacts, "1")
    retrain(store, artifacts, "2", NOW + WEEK)
    back = ranker_retraining.roll_back(store, artifacts, first.model_id, run_key="dag/back", now=NOW + WEEK)
    assert back == ranker_retraining.roll_back(store, artifacts, first.model_id, run_key="dag/back", now=NOW + WEEK)
    assert (back.status, back.parameters, back.artifact_uri) == ("champion", first.parameters, first.artifact_uri)
    assert back.reason == f"rolled back to model {first.model_id}"
    with pytest.raises(ModelError, match="is no ranker of the space"):
        ranker_retraining.roll_back(store, artifacts, collaborative.model_id, run_key="dag/no", now=NOW)


def test_without_a_model_or_listening_it_says_what_to_do(store: Store, artifacts: Artifacts) -> None:
    with pytest.raises(NotEnoughDataError, match=r"no collaborative model .*\(retrain_collaborative"):
        retrain(store, artifacts, "1")
    with store.begin() as connection:
        add_catalogue(connection, 2, [1, 2, 3])
        add_events(connection, [{"user": 1, "track": track, "at": NOW - DAY} for track in (1, 2, 3)])
    retraining.retrain(store, artifacts, SMALL, cutoff=NOW, run_key="c", now=NOW)
    with pytest.raises(NotEnoughDataError, match=r"no listening before .* later cut-off"):
        retrain(store, artifacts, "2", NOW - WEEK)


def test_a_service_of_two_listeners_ranks_with_weights_learnt_elsewhere_and_says_so(
    store: Store, artifacts: Artifacts
) -> None:
    with store.begin() as connection:
        add_catalogue(connection, 2, [1, 2, 3, 4, 5])
        events = [{"user": user, "track": track, "at": NOW - DAY} for user in (1, 2) for track in range(user, user + 4)]
        add_events(connection, events)
    retraining.retrain(store, artifacts, SMALL, cutoff=NOW, run_key="c", now=NOW)
    row = retrain(store, artifacts, "1")
    assert row.status == "champion"
    assert Ranker(**row.parameters) == UNTRAINED
    assert "20 are needed to learn" in row.metrics["warning"]
    assert "20 are needed to learn" in (row.reason or "")


def test_no_more_users_are_described_than_asked_for(store: Store, artifacts: Artifacts) -> None:
    fill(store, artifacts)
    params = RetrainRankerParams(most_users=20)
    for fold in ranker_retraining.prepare(store, artifacts, params, cutoff=NOW, run_key="few"):
        uri = ranker_retraining.describe(store, artifacts, "few", fold)
        assert len(Described.load(artifacts, uri).lesson.rows) == 20


@pytest.fixture
def camps(store: Store, artifacts: Artifacts) -> tuple[Known, Fold]:
    """The two camps, of whose tracks texts speak as differently, and a fold of it."""
    row = fill(store, artifacts)
    with store.begin() as connection:
        catalogue = read_catalogue(connection)
        fold = split(connection, NOW, read_signals(connection, NOW), 0).judge
        shelf = read_shelf(connection, NOW, 8)
    rng = np.random.default_rng(2)
    camp = np.column_stack([catalogue.track_ids % 2 == 0, catalogue.track_ids % 2 == 1])
    vectors = np.hstack([camp + 0.1 * rng.normal(size=camp.shape), 0.1 * rng.normal(size=(40, 3))])
    text = Space.of(catalogue.track_ids, vectors.astype(np.float32))
    return Known(shelf, catalogue, text, None, load_model(artifacts, row.artifact_uri)), fold


def test_each_model_alone_offers_what_it_would(camps: tuple[Known, Fold]) -> None:
    """Against the models' own scores of everything, sorted."""
    known, fold = camps
    parameters = known.champion.parameters
    described = describe_fold(known, fold, parameters, ItemParameters(), 0)
    examination = Examination(fold, known.catalogue)
    taste = examination.taste(parameters)
    items = fit_items(taste, ItemParameters(), known.text)
    scores = np.zeros((len(examination.user_ids), len(known.catalogue)), dtype=np.float32)
    places = np.searchsorted(known.catalogue.track_ids, items.track_ids)
    users = np.searchsorted(taste.user_ids, examination.user_ids)
    scores[:, places] = score_items(items, align(taste, items.track_ids))[users]
    scores[examination.heard.nonzero()] = 0
    for user, given in enumerate(described.alone["items"]):
        n = min(30, int((scores[user] > 0).sum()))
        assert scores[user, given[:n]] == pytest.approx(np.sort(scores[user])[::-1][:n], rel=1e-4)
        assert len(set(given[given >= 0])) == int((given >= 0).sum())
    unheard = np.asarray(examination.heard.todense()) == 0
    odd = examination.user_ids % 2 == 1
    for user, given in enumerate(described.alone["text"]):
        own = unheard[user] & ((known.catalogue.track_ids % 2 == 1) == odd[user])
        assert set(known.catalogue.track_ids[given[: own.sum()]]) == set(known.catalogue.track_ids[own])


def test_a_fold_is_described_the_same_again_and_from_its_file(camps: tuple[Known, Fold], artifacts: Artifacts) -> None:
    known, fold = camps
    parameters = known.champion.parameters
    first, again = (describe_fold(known, fold, parameters, ItemParameters(), 0) for _ in range(2))
    stored = Described.load(artifacts, first.save(artifacts, "described"))
    for other in (again, stored):
        for name in ("rows", "features", "heard"):
            assert np.array_equal(getattr(first.lesson, name), getattr(other.lesson, name))
        assert {name: lists.tolist() for name, lists in first.alone.items()} == {
            name: lists.tolist() for name, lists in other.alone.items()
        }


def test_candidates_are_unheard_each_once_and_marked_where_they_were_then_heard(camps: tuple[Known, Fold]) -> None:
    known, fold = camps
    lesson = describe_fold(known, fold, known.champion.parameters, ItemParameters(), 0).lesson
    examination = Examination(fold, known.catalogue)
    heard, relevant = (np.asarray(each.todense()) > 0 for each in (examination.heard, examination.relevant))
    for user, rows in enumerate(lesson.rows):
        given = rows[rows >= 0]
        assert len(set(given)) == len(given)
        assert not heard[user, given].any()
        assert np.array_equal(lesson.heard[user][rows >= 0], relevant[user, given])
    assert lesson.heard.any(axis=1).mean() > 0.9


def test_a_fold_without_any_liking_has_no_candidates(camps: tuple[Known, Fold]) -> None:
    known, fold = camps
    nothing = replace(fold, signals=fold.signals.take(np.empty(0, dtype=np.int64)))
    described = describe_fold(known, nothing, known.champion.parameters, ItemParameters(), 0)
    assert not (described.lesson.rows >= 0).any()
