"""Who is like whom: users of one camp, and the tracks that they like, are each other's nearest."""

import numpy as np
import pytest

from recommenders.collaborative.model import AlsParameters, save_model
from recommenders.collaborative.neighbours import nearest, similar_tracks, similar_users
from recommenders.collaborative.training import train
from recommenders.errors import NotEnoughDataError, UnknownNameError
from recommenders.listening.interactions import load_interactions
from recommenders.store import Artifacts, Store, models
from tests.service import NOW, add_catalogue, add_totals, two_camps


def test_nearest_is_by_cosine_without_oneself_and_without_empty_vectors() -> None:
    vectors = np.array([[1, 0], [5, 1], [0, 0], [0, 2], [9, 0]], dtype=np.float32)
    rows, cosines = nearest(vectors, 0, 10)
    assert rows.tolist() == [4, 1, 3]
    assert cosines == pytest.approx([1, 5 / 26**0.5, 0])
    assert nearest(vectors, 0, 1)[0].tolist() == [4]


def test_neighbours_share_the_taste_and_come_with_names(store: Store, artifacts: Artifacts) -> None:
    rows = two_camps(np.random.default_rng(1))
    parameters = AlsParameters(factors=8)
    with store.begin() as connection:
        add_catalogue(connection, 62, list(range(1, 42)))
        with pytest.raises(NotEnoughDataError, match="no collaborative model"):
            similar_tracks(connection, artifacts, "t1")
        add_totals(connection, np.column_stack([rows, np.full(len(rows), 3)]))
        model = train(load_interactions(connection, NOW, parameters), parameters, 0).model
        model_id = models.add_candidate(
            connection,
            kind="collaborative",
            space=1,
            run_key="test",
            trained_at=NOW,
            cutoff=NOW,
            parameters=parameters.model_dump(),
            metrics={},
            artifact_uri=save_model(artifacts, "models/a", model),
            package_version="0",
        )
        models.promote(connection, model_id, now=NOW, track_ids=model.track_ids, vectors=model.track_factors)
        tracks = similar_tracks(connection, artifacts, "t3")
        users = similar_users(connection, artifacts, "u4", NOW)
        assert len(tracks) == len(users) == 10
        assert all(int(found.outside_id[1:]) % 2 == 1 for found in tracks)
        assert all(int(found.outside_id[1:]) % 2 == 0 for found in users)
        assert tracks[0].name == f"n{tracks[0].outside_id[1:]} – song {tracks[0].outside_id[1:]}"
        assert [found.cosine for found in tracks] == sorted((found.cosine for found in tracks), reverse=True)
        with pytest.raises(NotEnoughDataError, match="nobody liked it"):
            similar_tracks(connection, artifacts, "t41")
        with pytest.raises(NotEnoughDataError, match="likes nothing"):
            similar_users(connection, artifacts, "u62", NOW)
        with pytest.raises(UnknownNameError):
            similar_tracks(connection, artifacts, "nothing")
        with pytest.raises(UnknownNameError):
            similar_users(connection, artifacts, "nobody", NOW)
