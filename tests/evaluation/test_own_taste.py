"""On the demo service: children on their parents' accounts are found, and none of their songs is recommended there."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa

from recommenders.collaborative.sweep import RetrainParams
from recommenders.demo.genres import CHILDRENS
from recommenders.demo.world import World, generate_world, write_world
from recommenders.evaluation import own_taste
from recommenders.evaluation.own_taste import judge_detection
from recommenders.evaluation.quality import run_service
from recommenders.exchange.imports import import_path
from recommenders.listening.search import search_weekly
from recommenders.settings import Settings
from recommenders.store import Artifacts, Store, taste
from recommenders.store.outside_ids import find_ids
from recommenders.store.signals import read_signals

NOW = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
ONE_CONFIGURATION = RetrainParams(alpha=[2.0], regularisation=[10.0])


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    """The demo service of 300 users, imported."""
    made = generate_world(1, NOW, users=300, tracks=1_500)
    write_world(made, tmp_path / "world")
    for kind in ("catalogue", "users", "listening"):
        import_path(store, kind, tmp_path / "world" / kind, now=NOW)
    return made


def judge(store: Store, world: World, edition_id: int | None = None) -> dict[str, float]:
    truth = world.truth
    songs = [track for track, genre in zip(world.track_ids, truth.genre_of_track, strict=True) if genre == CHILDRENS]
    return judge_detection(store, edition_id, users=world.user_ids, shared=truth.kids_accounts, foreign_tracks=songs)


def test_children_are_found_and_never_recommended_to_their_parents(
    store: Store, artifacts: Artifacts, world: World
) -> None:
    edition_id = run_service(store, artifacts, cutoff=NOW, seed=1, params=ONE_CONFIGURATION).edition_id
    figures = judge(store, world, edition_id)
    assert figures[own_taste.FOUND] >= 0.8
    assert figures[own_taste.FALSE_ALARMS] <= 0.05
    assert figures[own_taste.SONGS] == 0


def test_declined_by_the_parents_childrens_songs_are_recommended_to_them(
    store: Store, artifacts: Artifacts, world: World
) -> None:
    search_weekly(store, cutoff=NOW, now=NOW, zone=Settings().zone)
    with store.begin() as connection:
        for user_id, proposal_id in connection.execute(
            sa.text("SELECT user_id, proposal_id FROM taste_proposals")
        ).all():
            taste.decline(connection, user_id, proposal_id, NOW)
    edition_id = run_service(store, artifacts, cutoff=NOW, seed=1, params=ONE_CONFIGURATION).edition_id
    figures = judge(store, world, edition_id)
    assert figures[own_taste.FOUND] == 0
    assert figures[own_taste.SONGS] > 30


def test_searching_twice_proposes_nothing_twice(store: Store, world: World) -> None:
    found = [search_weekly(store, cutoff=NOW, now=NOW, zone=Settings().zone) for _ in range(2)]
    with store.begin() as connection:
        proposals = connection.execute(
            sa.text("SELECT count(*) FROM taste_proposals WHERE state = 'proposed'")
        ).scalar_one()
        searches = connection.execute(sa.text("SELECT cutoff FROM taste_searches ORDER BY 1")).scalars().all()
    assert found[0] == found[1] == proposals > 0
    assert searches == [NOW - weeks * dt.timedelta(weeks=1) for weeks in (2, 1, 0)]
    assert judge(store, world)[own_taste.FOUND] >= 0.8


def test_the_childs_plays_are_marked_and_the_parents_are_not(store: Store, world: World) -> None:
    search_weekly(store, cutoff=NOW, now=NOW, zone=Settings().zone)
    events = world.events()
    shared = set(world.truth.kids_accounts)
    child = world.people.child[world.listening.person[: len(events)]]
    with store.begin() as connection:
        signals = read_signals(connection, NOW)
        accounts = find_ids(connection, "user", pa.array(sorted(shared)))
        theirs = signals.take([bool(user in set(accounts.tolist())) for user in signals.user_ids])
    marked = theirs.foreign.mean()
    planted = child.sum() / sum(user in shared for user in events["user_id"].to_pylist())
    assert marked == pytest.approx(planted, abs=0.06)
    assert signals.foreign.sum() == theirs.foreign.sum()
