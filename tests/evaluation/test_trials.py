"""Who wins a trial: counted by hand, over many planted services, and through a whole Monday and its week."""

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recommenders.collaborative.sweep import RetrainParams
from recommenders.evaluation import retraining
from recommenders.evaluation.trials import conclusion, judge, sign_test
from recommenders.mixing.candidates import Candidates
from recommenders.playlists.trial import team_draft
from recommenders.store import Artifacts, Store, models
from recommenders.store.trials import Listened, Placed
from tests.evaluation.mixtapes import Event, Planted, Song
from tests.evaluation.test_report import OVER, WEEK, at, context, report
from tests.playlists.conftest import CUTOFF, Service, plant
from tests.playlists.conftest import WEEK as SERVED
from tests.playlists.test_team_draft import shelf_of
from tests.playlists.test_trial import candidate

LENGTH = 30


# Counted by hand


@pytest.fixture
def tried(store: Store) -> Planted:
    """A champion 1 and a rejected model 2 on the mixtapes of users 1 to 3; user 4 is not in their trial."""
    planted = Planted(store, 4, [Song((n,), n) for n in range(1, 9)])
    planted.happen([Event(at(WEEK, -48), 1, 1)])
    champion, other = planted.champion(at(WEEK, -24)), planted.champion(at(WEEK, -20), "rejected")
    planted.publish(
        WEEK,
        {1: [1, 2, 3, 4], 2: [5, 6, 7, 8], 3: [2, 4, 6, 8], 4: [1, 2, 3, 4]},
        teams={1: [1, 2, 2, 1], 2: [2, 1, 1, 2], 3: [2, 1, 2, 0]},
        model_id=champion,
        trial_model_id=other,
        length=4,
    )
    return planted


WEEKS_EVENTS = [
    # User 1 plays a song of the champion, saves one of the candidate and then plays it, and skips its other one.
    Event(at(WEEK, 9), 1, 1, ms=30_000, context=context(WEEK)),
    Event(at(WEEK, 9), 1, 2, "save", context=context(WEEK)),
    Event(at(WEEK, 10), 1, 2, ms=100_000, context=context(WEEK)),
    Event(at(WEEK, 11), 1, 3, ms=4_000, context=context(WEEK)),
    # User 2 saves and loves one song of the champion, and skips one of the candidate before playing it.
    Event(at(WEEK, 9), 2, 6, "save", context=context(WEEK)),
    Event(at(WEEK, 9), 2, 6, "love", context=context(WEEK)),
    Event(at(WEEK, 9), 2, 5, ms=4_000, context=context(WEEK)),
    Event(at(WEEK, 10), 2, 5, context=context(WEEK)),
    # User 3 plays the song that neither picked, and one that is not on the list.
    Event(at(WEEK, 9), 3, 8, context=context(WEEK)),
    Event(at(WEEK, 9), 3, 1, context=context(WEEK)),
    # Not in the trial, without the context, and after the week.
    Event(at(WEEK, 9), 4, 2, context=context(WEEK)),
    Event(at(WEEK, 9), 1, 4),
    Event(at(WEEK, 7 * 24 + 5), 1, 4, context=context(WEEK)),
]


def test_what_was_done_with_either_side_s_songs_is_counted_from_the_events_of_the_week(tried: Planted) -> None:
    tried.happen(WEEKS_EVENTS)
    trial = report(tried).figures["trial"]
    assert (trial["champion"], trial["candidate"], trial["mixtapes"], trial["users"]) == (1, 2, 3, 3)
    assert trial["sides"]["champion"] == {
        "songs": 5, "plays": 1, "saves": 1, "loves": 1, "skips": 0, "credit": pytest.approx(2 / 3),
    }  # fmt: skip
    assert trial["sides"]["candidate"] == {
        "songs": 6, "plays": 2, "saves": 1, "loves": 0, "skips": 1, "credit": pytest.approx(3 / 3),
    }  # fmt: skip
    assert (trial["wins"], trial["losses"], trial["ties"]) == (1, 0, 2)
    assert trial["balance"]["places"] == [round(2 / 3, 4), round(1 / 3, 4), round(2 / 3, 4), 0.5]
    assert trial["winner"] is None
    assert trial["verdict"].startswith("Undecided between model 2 and the champion 1: what 3 users did who opened")


def test_a_week_without_a_trial_says_nothing_of_one(store: Store) -> None:
    planted = Planted(store, 1, [Song((1,), 1)])
    planted.publish(WEEK, {1: [1]}, model_id=planted.champion(at(WEEK, -24)))
    planted.happen([Event(at(WEEK, 9), 1, 1, context=context(WEEK))])
    assert "trial" not in report(planted).figures


@pytest.mark.parametrize(("wins", "losses", "chance"), [(1, 1, 1.0), (5, 0, 2 / 32), (0, 3, 2 / 8), (8, 2, 112 / 1024)])
def test_the_sign_test_is_that_of_the_tables(wins: int, losses: int, chance: float) -> None:
    assert sign_test(wins, losses) == pytest.approx(chance)
    assert sign_test(0, 0) is None


# Planted likings


def simulated(seed: int, *, better: float, users: int = 300, songs: int = 400) -> dict[str, Any]:
    """A trial of two noisy views of what users like, the candidate's less noisy by `better`; nobody who listens knows
    who picked what, and some open their mixtape for a song or two only."""
    rng = np.random.default_rng(seed)
    liking = rng.normal(size=(users, songs))
    sides = []
    for noise in (2.0, 2.0 - better):
        seen = (liking + noise * rng.normal(size=liking.shape)).astype(np.float32)
        rows = np.argsort(-seen, axis=1)[:, : 2 * LENGTH].astype(np.int32)
        scores = np.take_along_axis(seen, rows, axis=1)
        mix = np.ones(rows.shape, dtype=np.int8)
        sides.append(Candidates(np.arange(users) + 1, rows, scores, mix, np.zeros(users, np.float32)))
    merged, teams = team_draft(*sides, shelf_of(list(range(songs))), seed)
    order = rng.permuted(np.tile(np.arange(LENGTH), (users, 1)), axis=1)  # the order of the songs is nobody's
    rows, teams = (np.take_along_axis(each[:, :LENGTH], order, axis=1) for each in (merged.rows, teams))
    reached = np.arange(LENGTH) < rng.integers(1, LENGTH + 1, users)[:, np.newaxis]
    chance = 1 / (1 + np.exp(-np.take_along_axis(liking, rows, axis=1)))
    played = reached & (rng.random(rows.shape) < chance)
    kept = played & (rng.random(rows.shape) < chance / 3)

    return judge(Placed(counts(teams), users), listened_of(teams, played, kept), seed)


def counts(teams: np.ndarray) -> np.ndarray:
    """The songs of either side in each place, (length, 2)."""
    return np.stack([(teams == side).sum(axis=0) for side in (1, 2)], axis=1)


def listened_of(teams: np.ndarray, played: np.ndarray, saved: np.ndarray) -> Listened:
    users, places = np.nonzero(played | saved)
    nothing = np.zeros(len(users), dtype=np.bool_)
    done = (played[users, places], nothing, saved[users, places], nothing)
    return Listened(np.arange(len(teams)), users, teams[users, places].astype(np.int64) - 1, places, *done)


def test_the_better_model_wins_and_the_worse_one_loses() -> None:
    for better, winner in ((1.2, "candidate"), (-3.0, "champion")):
        found = [simulated(seed, better=better) for seed in range(20)]
        assert [trial["winner"] for trial in found].count(winner) >= 19
        assert all((trial["change"] > 0) == (winner == "candidate") for trial in found)
        assert all(trial["low"] < trial["change"] < trial["high"] for trial in found)


def test_between_equals_nobody_wins_in_about_nineteen_of_twenty_trials() -> None:
    n = 400
    found = [simulated(seed, better=0.0, users=120) for seed in range(n)]
    decided = [trial["winner"] for trial in found if trial["winner"]]
    # 20 expected; three standard errors of a count of 400 at .05.
    assert abs(len(decided) - 0.05 * n) < 3 * np.sqrt(n * 0.05 * 0.95)
    assert 0.2 < decided.count("candidate") / len(decided) < 0.8
    assert np.mean([trial["change"] for trial in found]) == pytest.approx(0, abs=0.01)
    assert np.mean([trial["sign_test"] < 0.05 for trial in found]) < 0.08
    assert not any(trial["balance"]["uneven"] for trial in found)


@pytest.mark.parametrize("first_places", [0.33, 0.8])
def test_a_side_that_has_fewer_songs_or_later_ones_does_not_lose_by_that(first_places: float) -> None:
    """Equals, of which the candidate has a third of all songs, or most of the first half and few of the second; half of
    all listeners don't get beyond the first half. Counting songs alone would name a winner every time."""
    decided = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        share = np.where(np.arange(LENGTH) < LENGTH // 2, first_places, 0.33 if first_places < 0.5 else 0.2)
        teams = np.where(rng.random((400, LENGTH)) < share, 2, 1)
        reached = np.arange(LENGTH) < rng.choice([LENGTH // 2, LENGTH], (400, 1))
        played = reached & (rng.random(teams.shape) < rng.uniform(0.2, 0.8, (400, 1)))
        found = judge(Placed(counts(teams), 400), listened_of(teams, played, np.zeros_like(played)), seed)
        decided.append(found["winner"] is not None)
        assert min(found["wins"], found["losses"]) < 0.35 * 400
        assert found["balance"]["uneven"] > 0.1
    assert sum(decided) <= 3 + 3 * np.sqrt(60 * 0.05 * 0.95)


def test_a_place_that_is_one_side_s_compares_nothing() -> None:
    teams = np.tile([[2, 1, 2]], (50, 1))
    teams[:25, 1:] = 3 - teams[:25, 1:]
    only_first = np.tile([[True, False, False]], (50, 1))
    found = judge(Placed(counts(teams), 50), listened_of(teams, only_first, only_first), 1)
    assert found["winner"] is None and found["change"] is None


@pytest.mark.parametrize(("kind", "dag"), [("collaborative", "retrain_collaborative"), ("ranker", "retrain_ranker")])
def test_what_to_do_names_the_dag_of_the_winner_s_kind_and_its_params(kind: str, dag: str) -> None:
    found = {"champion": 7, "candidate": 12, "users": 900, "change": 0.081, "low": 0.0204, "high": 0.14}
    won = conclusion(found | {"winner": "candidate"}, kind, complete=True)
    assert won["verdict"] == "Model 12 wins against the champion 7: +8.1 % (+2.0 % to +14.0 %)."
    assert won["advice"] == f"To promote it, trigger the DAG {dag} with rollback_to = 12."
    lost = found | {"winner": "champion", "change": -0.081, "low": -0.14, "high": -0.0204}
    assert conclusion(lost, kind, complete=True) == {
        "verdict": "The champion 7 wins: model 12 stands at −8.1 % (−14.0 % to −2.0 %) against it.",
        "advice": "Leave the champion, and end the trial.",
    }
    open_ = conclusion(found | {"winner": None, "low": -0.01}, kind, complete=True)
    assert open_["verdict"] == "Undecided between model 12 and the champion 7: +8.1 % (−1.0 % to +14.0 %)."


# A Monday, its week, and what an operator reads and does


def listen(service: Service, truth: np.ndarray) -> None:
    """In the week everybody plays through what they like by the planted `truth`, and some of the rest; they skip most
    of it, save some of what they like, and don't know who picked it."""
    rng = np.random.default_rng(9)
    heard: dict[int, list[int]] = {}
    for user, track in service.sql("SELECT user_id, track_id FROM heard"):
        heard.setdefault(user, []).append(service.tracks.index(track))
    with service.one_transaction():
        for user, tracks in service.lists(1).items():
            taste = truth[heard.get(user, [0])].sum(axis=0)
            likes = truth @ taste > np.quantile(truth @ taste, 0.7)
            for n, track in enumerate(tracks):
                liked = likes[service.tracks.index(track)] or rng.random() < 0.2
                moment = CUTOFF + dt.timedelta(hours=24, minutes=4 * n)
                service.event(user, track, moment, context=f"mixtape:{SERVED}", ms=180_000 if liked else 4_000)


@pytest.fixture
def trialled(store: Store, artifacts: Artifacts) -> Service:
    """A champion that knows nothing, and a candidate, rejected by a gate, that knows what people like."""
    service = Service(store, artifacts)
    truth = plant(service, 31, users=60)
    service.sql("CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')")
    service.promote(np.random.default_rng(8).normal(size=truth.shape))
    service.run(trial_model=candidate(service, truth))
    listen(service, truth)
    return service


def test_the_better_model_of_a_real_monday_is_named_and_can_be_promoted(trialled: Service) -> None:
    during = report(trialled.store, SERVED, CUTOFF + dt.timedelta(days=3)).figures["trial"]
    assert during["winner"] is None
    assert during["verdict"].startswith("The week goes on: so far model 2 stands at +")
    told = report(trialled.store, SERVED, OVER + dt.timedelta(weeks=1))
    trial = told.figures["trial"]
    assert trial["winner"] == "candidate"
    assert trial["verdict"].startswith("Model 2 wins against the champion 1: +")
    assert trial["low"] > 0.1
    assert trial["advice"] == "To promote it, trigger the DAG retrain_collaborative with rollback_to = 2."
    assert RetrainParams(rollback_to=2)
    assert trial["wins"] > trial["losses"]
    assert trial["sign_test"] < 0.01
    retraining.roll_back(trialled.store, trialled.artifacts, 2, run_key="promote", now=OVER)
    with trialled.store.begin() as connection:
        champion, tried = models.champion(connection, "collaborative"), models.model(connection, 2)
    assert champion is not None and champion.artifact_uri == tried.artifact_uri


def test_sides_that_did_not_stand_alike_are_an_alarm(trialled: Service) -> None:
    trialled.sql("UPDATE playlists SET teams = array_fill(2::smallint, ARRAY[5]) || teams[6:30] WHERE user_id > 6")
    told = report(trialled.store, SERVED, OVER + dt.timedelta(weeks=1))
    assert f"The sides of the trial did not stand alike on the mixtapes of {SERVED}" in " ".join(told.alarms)
    assert "more than chance makes uneven" in told.figures["trial"]["placed"]
    calm = report(trialled.store, SERVED, OVER + dt.timedelta(weeks=1), max_uneven=0.5)
    assert "trial" not in " ".join(calm.alarms)


def test_the_trial_is_judged_on_what_users_had(tried: Planted) -> None:
    """The week is made again later, without a trial: what was heard is still of the first edition."""
    tried.happen([replace(event) for event in WEEKS_EVENTS])
    told = report(tried).figures["trial"]
    tried.publish(WEEK, {1: [1], 2: [2], 3: [3], 4: [4]}, at=OVER + dt.timedelta(days=3), run_key="redo ")
    assert report(tried).figures["trial"] == told
