"""Retraining from the first listening on: champions, rejected candidates, roll-backs, the same run twice."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

from recommenders.collaborative.model import load_model
from recommenders.collaborative.sweep import RetrainParams
from recommenders.errors import ModelError, NotEnoughDataError
from recommenders.evaluation import retraining
from recommenders.store import Artifacts, Store, models
from recommenders.store.artifacts import column_matrix, matrix_column
from recommenders.store.models import ModelRow
from tests.service import DAY, NOW, add_catalogue, add_events, add_totals, two_camps

SMALL = RetrainParams(factors=[8], alpha=[2.0], regularisation=[1.0, 3.0])
WEEK = dt.timedelta(days=7)


def fill(store: Store) -> None:
    rows = two_camps(np.random.default_rng(1))
    with store.begin() as connection:
        add_catalogue(connection, 60, list(range(1, 41)))
        add_totals(connection, np.column_stack([rows, np.full(len(rows), 3)]))


def retrain(
    store: Store, artifacts: Artifacts, run: str, params: RetrainParams = SMALL, cutoff: dt.datetime = NOW
) -> ModelRow:
    return retraining.retrain(store, artifacts, params, cutoff=cutoff, run_key=f"dag/{run}+00:00", now=cutoff)


def served(store: Store) -> tuple[set[int], int]:
    """The models whose vectors are in the database, and how many there are."""
    with store.begin() as connection:
        rows = connection.execute(sa.text("SELECT model_id FROM track_vectors")).scalars().all()
    return set(rows), len(rows)


def test_the_first_model_becomes_champion_with_its_vectors_in_the_database(store: Store, artifacts: Artifacts) -> None:
    fill(store)
    first = retrain(store, artifacts, "1")
    assert (first.status, first.space, first.cutoff, first.promoted_at) == ("champion", 1, NOW, NOW)
    assert first.metrics["split"] == "draw"
    assert len(first.metrics["sweep"]) == 2
    judged = first.metrics["judged"]
    assert set(judged) == {first.metrics["candidate"], "popularity"}
    # Within its camp a user has heard 12 of 20 tracks: whoever knows the camps needs only 8 places for the rest.
    assert judged[first.metrics["candidate"]]["recall@30"] > 0.95
    assert judged["popularity"]["mrr"] < judged[first.metrics["candidate"]]["mrr"]
    model = load_model(artifacts, first.artifact_uri)
    assert served(store) == ({first.model_id}, len(model.track_ids))
    with store.begin() as connection:
        vector = connection.execute(
            sa.text("SELECT vector::real[] FROM track_vectors WHERE track_id = :id"), {"id": int(model.track_ids[5])}
        ).scalar_one()
    assert vector == pytest.approx(model.track_factors[5], rel=1e-3, abs=1e-4)


def test_the_next_one_starts_warm_keeps_the_space_and_retires_the_first(store: Store, artifacts: Artifacts) -> None:
    fill(store)
    first = retrain(store, artifacts, "1")
    second = retrain(store, artifacts, "2", cutoff=NOW + WEEK)
    assert (second.status, second.space) == ("champion", first.space)
    assert second.metrics["median_cosine_to_champion"] > 0.95
    assert set(second.metrics["judged"]) == {second.metrics["candidate"], "popularity"}  # the same configuration
    with store.begin() as connection:
        assert models.model(connection, first.model_id).status == "retired"
        for moment, champion, marked in (
            (None, second, False),
            (NOW + WEEK, second, False),
            (NOW + DAY, first, False),
            (NOW - DAY, first, True),
        ):
            found = models.champion(connection, "collaborative", moment)
            assert found is not None
            assert (found.model_id, found.marked) == (champion.model_id, marked)
    assert served(store)[0] == {second.model_id}


def test_the_same_run_again_changes_nothing(store: Store, artifacts: Artifacts) -> None:
    fill(store)
    first, again = retrain(store, artifacts, "1"), retrain(store, artifacts, "1", cutoff=NOW + DAY)
    assert again == first
    with store.begin() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM models")).scalar() == 1


def test_a_candidate_that_is_worse_is_kept_as_rejected_and_the_champion_serves_on(
    store: Store, artifacts: Artifacts
) -> None:
    fill(store)
    first = retrain(store, artifacts, "1")
    run_key = "dag/broken"
    places = retraining.prepare(store, artifacts, SMALL, cutoff=NOW + WEEK, run_key=run_key)
    tried = [retraining.try_configuration(artifacts, run_key, place) for place in places]
    model_id = retraining.train(store, artifacts, run_key, tried, now=NOW + WEEK)
    with store.begin() as connection:
        uri = models.model(connection, model_id).artifact_uri
    table, facts = artifacts.read(uri)
    factors = np.random.default_rng(1).permutation(column_matrix(table["vector"]))
    factors[0, 0] = np.nan
    artifacts.write(
        uri.removeprefix(f"{artifacts.url}/").removesuffix(".parquet"),
        pa.table({"track_id": table["track_id"], "vector": matrix_column(factors)}),
        facts,
    )
    assert not retraining.pass_gate(store, artifacts, run_key, model_id)
    assert not retraining.pass_gate(store, artifacts, run_key, model_id)  # a retry says the same
    with store.begin() as connection:
        rejected = models.model(connection, model_id)
        champion = models.champion(connection, "collaborative")
    assert rejected.status == "rejected"
    assert rejected.reason is not None
    assert "not finite" in rejected.reason
    assert champion is not None
    assert champion.model_id == first.model_id
    with pytest.raises(ModelError):
        retraining.publish(store, artifacts, model_id, now=NOW)
    assert served(store)[0] == {first.model_id}


def test_older_data_are_rejected_unless_forced(store: Store, artifacts: Artifacts) -> None:
    fill(store)
    retrain(store, artifacts, "1")
    older = retrain(store, artifacts, "2", cutoff=NOW - DAY)
    assert older.status == "rejected"
    assert older.reason is not None
    assert "before the champion's" in older.reason
    forced = retrain(store, artifacts, "3", SMALL.model_copy(update={"force": True}), cutoff=NOW - DAY)
    assert forced.status == "champion"
    assert forced.reason is not None
    assert forced.reason.startswith("forced, although:")


def test_rolling_back_serves_the_earlier_vectors_and_keeps_the_history(store: Store, artifacts: Artifacts) -> None:
    fill(store)
    first = retrain(store, artifacts, "1")
    second = retrain(store, artifacts, "2", cutoff=NOW + WEEK)
    back = retraining.roll_back(store, artifacts, first.model_id, run_key="dag/back", now=NOW + WEEK + DAY)
    again = retraining.roll_back(store, artifacts, first.model_id, run_key="dag/back", now=NOW + WEEK + 2 * DAY)
    assert back == again
    assert back.model_id not in {first.model_id, second.model_id}
    assert (back.status, back.artifact_uri, back.space) == ("champion", first.artifact_uri, first.space)
    assert back.reason == f"rolled back to model {first.model_id}"
    assert served(store)[0] == {back.model_id}
    with store.begin() as connection:
        then = models.champion(connection, "collaborative", NOW + DAY)
    assert then is not None
    assert then.model_id == first.model_id
    with pytest.raises(ModelError, match="There is no model 99"):
        retraining.roll_back(store, artifacts, 99, run_key="dag/other", now=NOW)


def test_the_configurations_of_the_last_weeks_are_always_tried_and_judged(store: Store, artifacts: Artifacts) -> None:
    fill(store)
    first = retrain(store, artifacts, "1")
    other = RetrainParams(factors=[4], alpha=[2.0], regularisation=[1.0])
    second = retrain(store, artifacts, "2", other, cutoff=NOW + WEEK)
    assert first.metrics["candidate"] in second.metrics["sweep"]
    assert first.metrics["candidate"] in second.metrics["judged"]


def test_without_listening_it_says_what_to_do(store: Store, artifacts: Artifacts) -> None:
    with store.begin() as connection:
        add_catalogue(connection, 2, [1, 2])
    with pytest.raises(NotEnoughDataError, match=r"no listening before 2026-03-01 12:00 UTC\. Import some"):
        retrain(store, artifacts, "1")


def test_two_listeners_are_enough_for_a_model(store: Store, artifacts: Artifacts) -> None:
    """One user likes P, Q, R, S, another Q, R, S, T."""
    with store.begin() as connection:
        add_catalogue(connection, 2, [1, 2, 3, 4, 5])
        add_events(
            connection,
            [{"user": 1, "track": track, "at": NOW - DAY} for track in (1, 2, 3, 4)]
            + [{"user": 2, "track": track, "at": NOW - DAY} for track in (2, 3, 4, 5)],
        )
    row = retrain(store, artifacts, "1", RetrainParams())
    assert row.status == "champion"
    assert row.reason is not None
    assert "too few" in row.reason
    model = load_model(artifacts, row.artifact_uri)
    assert model.track_ids.tolist() == [1, 2, 3, 4, 5]
    assert np.linalg.norm(model.track_factors, axis=1).min() > 0.1


def test_half_lives_are_swept_only_where_plays_have_times(store: Store, artifacts: Artifacts) -> None:
    fill(store)
    params = RetrainParams(factors=[8], alpha=[1.0], regularisation=[1.0], half_life_days=[10, 100])
    assert len(retraining.prepare(store, artifacts, params, cutoff=NOW, run_key="a")) == 1
    with store.begin() as connection:
        add_events(connection, [{"user": 1, "track": 1, "at": NOW - DAY}])
    assert len(retraining.prepare(store, artifacts, params, cutoff=NOW, run_key="b")) == 2
