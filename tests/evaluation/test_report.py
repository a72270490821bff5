"""The weekly report: figures that a person can count, and those of a random service counted in plain Python."""

import datetime as dt
import itertools
import math
import random
import statistics
from collections import Counter
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from recommenders.errors import NotEnoughDataError, UnknownNameError
from recommenders.evaluation.report import report_week, week_until, weeks_of_run
from recommenders.evaluation.report_parameters import ReportParameters
from recommenders.mixing.candidates import SOURCE_NAMES, Source
from recommenders.store import Store, reports
from recommenders.store.reports import Report
from recommenders.store.status import service_status
from tests.evaluation.mixtapes import Event, Planted, Song

UTC = ZoneInfo("UTC")
WEEK = dt.date(2026, 11, 16)
BEFORE = WEEK - dt.timedelta(weeks=1)
OVER = dt.datetime(2026, 11, 23, 5, 30, tzinfo=dt.UTC)


def at(week: dt.date, hours: float) -> dt.datetime:
    """That many hours after the Monday 00:00 of the week."""
    return dt.datetime.combine(week, dt.time(), dt.UTC) + dt.timedelta(hours=hours)


def context(week: dt.date) -> str:
    return f"mixtape:{week}"


def report(
    planted: Planted | Store,
    week: dt.date = WEEK,
    moment: dt.datetime = OVER,
    run_key: str = "run",
    zone: ZoneInfo = UTC,
    **parameters: Any,
) -> Report:
    store = planted if isinstance(planted, Store) else planted.store
    return report_week(store, week, ReportParameters(**parameters), run_key=run_key, at=moment, now=moment, zone=zone)


@pytest.fixture
def small(store: Store) -> Planted:
    """Four users and eight songs of five artists; two weeks of mixtapes of three songs each.

    Song 4 is a version of song 1, song 8 came in a week before the Monday.
    """
    artists = [(1,), (2,), (3,), (1, 4), (4,), (5,), (2,), (5,)]
    works = [1, 2, 3, 1, 4, 5, 6, 7]
    songs = [Song(a, w) for a, w in zip(artists, works, strict=True)]
    songs[7] = replace(songs[7], uploaded=at(WEEK, -7 * 24))
    songs[6] = replace(songs[6], uploaded=at(WEEK, -9 * 7 * 24))
    planted = Planted(store, 4, songs)
    planted.happen([Event(at(BEFORE, -48), 1, 1)])
    planted.publish(BEFORE, {1: [1, 2, 3], 2: [1, 2, 3], 3: [5, 6, 7]})
    planted.publish(
        WEEK,
        {1: [4, 5, 7], 2: [6, 8, 5], 3: [8, 6, 5], 4: [1, 8]},
        sources={2: [1, 6, 5], 4: [2, 5]},
        model_id=planted.champion(at(WEEK, -24)),
    )
    return planted


LISTENED = [
    # In the week before users 1 and 3 open their mixtapes, 3 with nothing but a visit to an artist.
    Event(at(BEFORE, 9), 1, 1, ms=100_000, context=context(BEFORE)),
    Event(at(BEFORE, 9), 3, 0, "artist_visit", context=context(BEFORE)),
    # User 1 hears one song for 30 s, one to an unknown extent, skips one, and comes back to it.
    Event(at(WEEK, 9), 1, 4, ms=30_000, context=context(WEEK)),
    Event(at(WEEK, 10), 1, 5, context=context(WEEK)),
    Event(at(WEEK, 11), 1, 7, ms=5_000, context=context(WEEK)),
    Event(at(WEEK, 80), 1, 7, ms=190_000, context=context(WEEK)),
    # User 2 skips a song, saves another one, plays one that is not on the list, and one without the context.
    Event(at(WEEK, 9), 2, 6, ms=29_999, context=context(WEEK)),
    Event(at(WEEK, 9), 2, 8, "save", context=context(WEEK)),
    Event(at(WEEK, 9), 2, 1, ms=100_000, context=context(WEEK)),
    Event(at(WEEK, 9), 2, 5, ms=100_000),
    # User 3 plays from last week's mixtape, user 4 when the next one is out: neither opened this one.
    Event(at(WEEK, 9), 3, 8, ms=100_000, context=context(BEFORE)),
    Event(at(WEEK, 7 * 24 + 5), 4, 1, ms=100_000, context=context(WEEK)),
]


def test_what_users_did_with_a_mixtape_is_counted_from_the_events_with_its_context(small: Planted) -> None:
    small.happen(LISTENED)
    figures = report(small).figures
    assert figures["reach"] == 2 / 4
    assert figures["depth"] == 3 / 2
    assert figures["depth_counts"] == {"0": 1, "3": 1}
    assert figures["retention"] == 1 / 2  # users 1 and 3 opened the week before
    assert figures["saves"] == 1 / 2
    assert figures["skips"] == 1 / 4  # of songs 4, 5, 7 of user 1 and 6 of user 2


def test_what_the_mixtapes_held_is_counted_from_the_lists(small: Planted) -> None:
    figures = report(small).figures
    assert (figures["users"], figures["mixtapes"], figures["songs"]) == (4, 4, 11)
    assert (figures["empty"], figures["short"]) == (0, 1)
    assert figures["duplicates"] == 2 / 4  # users 2 and 3 have the same three songs
    assert figures["freshness"] == 3 / 11
    assert figures["coverage"] == 6 / 8
    # User 1 has another version of song 1; user 3 had songs 5 and 6 before. User 4 had no mixtape before.
    assert figures["repeated_songs"] == 3 / 9
    # By somebody who was on it before: all of user 1 but song 5, and all of user 3, whose song 8 is by the artist of 6.
    assert figures["repeated_artists"] == 5 / 9
    assert figures["sources"] == {"mix": 7 / 11, "nearest listeners": 1 / 11, "popular": 2 / 11, "audio": 1 / 11}
    assert figures["fallbacks"] == 3 / 11
    # Exposure 0, 0, 1, 1, 1, 2, 3, 3: the mean absolute difference over twice the mean.
    exposure = [0, 0, 1, 1, 1, 2, 3, 3]
    assert figures["gini"] == pytest.approx(sum(abs(a - b) for a in exposure for b in exposure) / 64 / (2 * 11 / 8))


def test_each_figure_stands_beside_its_mean_in_the_four_weeks_before(store: Store) -> None:
    planted = Planted(store, 10, [Song((1,), n) for n in range(1, 10)])
    planted.happen([Event(at(WEEK, -6 * 7 * 24), 1, 1)])
    opened = {
        5: 10,
        4: 2,
        3: 4,
        1: 6,
        0: 5,
    }  # users who opened, by weeks before; two weeks before nothing was published
    for weeks, n in opened.items():
        week = WEEK - dt.timedelta(weeks=weeks)
        planted.publish(week, {user: [1, 2, 3] for user in range(1, 11)}, sources={1: [5, 5, 5]} if weeks else {})
        planted.happen(Event(at(week, 30), user, 2, context=context(week)) for user in range(1, n + 1))
    drift = report(planted).drift
    assert drift["reach"]["weeks"] == 3
    assert drift["reach"]["mean"] == pytest.approx((0.2 + 0.4 + 0.6) / 3)
    assert drift["reach"]["change"] == pytest.approx(0.5 / 0.4 - 1)
    assert drift["sources"]["popular"] == pytest.approx({"mean": 0.1, "weeks": 3, "change": -1})
    assert drift["freshness"] == {"mean": 0, "weeks": 3, "change": None}


def test_a_week_that_goes_on_is_compared_with_the_others_at_the_same_hour(small: Planted) -> None:
    tuesday = Event(at(BEFORE, 30), 2, 1, context=context(BEFORE))
    small.happen([*LISTENED, tuesday])
    noon = report(small, moment=at(WEEK, 12))
    assert not noon.complete
    assert (noon.figures["reach"], noon.drift["reach"]["mean"]) == (2 / 4, 2 / 3)
    assert noon.figures["depth_counts"] == {"0": 1, "2": 1}  # user 1 comes back later
    wednesday = report(small, moment=at(WEEK, 54))
    assert wednesday.drift["reach"]["mean"] == 3 / 3


def test_the_week_is_that_of_the_service_s_clocks() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    week = week_until(dt.date(2026, 10, 19), OVER, berlin)  # clocks go back on the Sunday
    assert week.window.since == dt.datetime(2026, 10, 18, 22, tzinfo=dt.UTC)
    assert week.window.until == dt.datetime(2026, 10, 26, 4, tzinfo=dt.UTC)
    assert week.complete
    assert not week_until(dt.date(2026, 10, 19), dt.datetime(2026, 10, 26, 3, 59, tzinfo=dt.UTC), berlin).complete


def test_a_run_that_reports_again_replaces_its_row_and_another_run_adds_one(small: Planted) -> None:
    report(small, moment=at(WEEK, 12))
    again = report(small)
    other = report(small, moment=OVER + dt.timedelta(hours=1), run_key="other")
    with small.store.begin() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM reports")).scalar_one() == 2
        assert reports.report_of(connection, WEEK) == other
        assert [each.run_key for each in reports.newest_reports(connection, 5)] == ["other"]
    assert again.figures == other.figures


def test_what_was_made_again_later_is_not_what_users_had(small: Planted) -> None:
    small.happen(LISTENED)
    told = report(small)
    small.publish(WEEK, {user: [1, 2, 3] for user in range(1, 5)}, at=OVER + dt.timedelta(days=3), run_key="redo ")
    assert report(small).figures == told.figures


def test_mixtapes_that_came_after_their_week_have_no_figures_of_listening(store: Store) -> None:
    planted = Planted(store, 2, [Song((1,), 1), Song((1,), 2)])
    planted.happen([Event(at(WEEK, -48), 1, 1)])
    planted.publish(WEEK, {1: [1], 2: [2]}, at=OVER)
    late = report(planted)
    assert "reach" not in late.figures
    assert not [alarm for alarm in late.alarms if "opened" in alarm]


def test_events_that_were_dropped_are_not_taken_for_silence(small: Planted) -> None:
    small.happen(LISTENED)
    moments = {"at": OVER, "now": OVER, "zone": UTC}
    december = dict.fromkeys(("at", "now"), dt.datetime(2026, 12, 1, tzinfo=dt.UTC)) | {"zone": UTC}
    for moment, months, known in ((moments, 1, True), (december, 1, True), (december, 0, False)):
        told = report_week(small.store, WEEK, ReportParameters(), run_key="run", retention_months=months, **moment)
        assert ("reach" in told.figures, "reach" in told.drift) == (known, known)


# Alarms


def healthy(store: Store, n_users: int = 100) -> Planted:
    """A service of five weeks in which half of the users open their mixtape and hear two songs of three."""
    planted = Planted(store, n_users, [Song((n,), n) for n in range(1, 10)])
    planted.happen([Event(at(WEEK, -6 * 7 * 24), 1, 1)])
    lists = dict(
        enumerate(itertools.islice(itertools.cycle(itertools.permutations(range(1, 10), 3)), n_users), start=1)
    )
    for week in (WEEK - dt.timedelta(weeks=n) for n in range(4, -1, -1)):
        planted.publish(
            week, lists, model_id=planted.champion(at(week, -24)) if week == BEFORE else 1 if week == WEEK else None
        )
        planted.happen(listen(lists, week, n_users // 2))
    return planted


def listen(lists: dict[int, Any], week: dt.date, n_users: int, songs: int = 2, ms: int = 60_000) -> list[Event]:
    return [
        Event(at(week, 30), user, song, ms=ms, context=context(week))
        for user in list(lists)[:n_users]
        for song in lists[user][:songs]
    ]


PERMUTED = dict(enumerate(itertools.permutations(range(1, 10), 3), start=1))


def alarms(planted: Planted, **parameters: Any) -> list[str]:
    return report(planted, max_duplicates=1, **parameters).alarms


def test_a_healthy_week_has_no_alarms(store: Store) -> None:
    assert alarms(healthy(store)) == []


def test_a_week_without_mixtapes_is_one_alarm(small: Planted) -> None:
    nothing = report(small, week=BEFORE - dt.timedelta(weeks=1))
    assert nothing.alarms == [
        "There are no mixtapes of the week of 2026-11-02: trigger the DAG monday_playlists with week = 2026-11-02."
    ]
    assert nothing.edition_id is None


def test_an_edition_without_lists_is_one_alarm(small: Planted) -> None:
    small.publish(WEEK + dt.timedelta(weeks=1), {})
    told = report(small, week=WEEK + dt.timedelta(weeks=1))
    assert told.alarms == ["The edition of the week of 2026-11-23 holds no mixtapes: see its run of monday_playlists."]


def test_empty_short_missing_and_duplicate_mixtapes_are_told_with_their_numbers(small: Planted) -> None:
    small.publish(WEEK, {1: [], 2: [1, 2], 3: [1, 2]}, at=at(WEEK, 6), run_key="redo ", model_id=1)
    told = alarms(small)
    assert "1 of 4 users have none of the mixtapes of 2026-11-16." in told
    assert "1 of the mixtapes of 2026-11-16 are empty." in told
    assert "3 of the mixtapes of 2026-11-16, of 3, have fewer songs than they should." in told
    assert "67 % of the mixtapes of 2026-11-16 hold the very songs of another one." in report(small).alarms


def test_sources_are_called_as_the_database_calls_them(store: Store) -> None:
    with store.begin() as connection:
        spelled = {
            source: connection.execute(
                sa.text("SELECT source_name(CAST(:code AS smallint))"), {"code": source}
            ).scalar()
            for source in Source
        }
    assert spelled == SOURCE_NAMES


def test_too_many_fallbacks_are_told_with_the_rung_that_most_come_from(small: Planted) -> None:
    said = "27 % of the songs on the mixtapes of 2026-11-16 are no model's choice, most of them from “popular”."
    assert said in alarms(small, max_fallbacks=0.2)
    assert said not in alarms(small, max_fallbacks=0.28)


@pytest.mark.parametrize(("days", "told"), [(9, False), (20, True)])
def test_a_stale_champion_is_told(small: Planted, days: int, told: bool) -> None:
    with small.store.begin() as connection:
        connection.execute(sa.text("UPDATE models SET cutoff = :at"), {"at": at(WEEK, 5 - 24 * days)})
    assert (f"The champion model 1 knows nothing of the last {days} days." in alarms(small)) == told


def test_mixtapes_without_any_champion_are_told(small: Planted) -> None:
    assert any("There is no champion model yet" in alarm for alarm in alarms(small, week=BEFORE))


def test_a_fallen_reach_is_told_with_what_it_was(store: Store) -> None:
    planted = healthy(store)
    with store.begin() as connection:
        connection.execute(
            sa.text("DELETE FROM events WHERE context = :context AND user_id > 25"), {"context": context(WEEK)}
        )
    (reach, retention) = alarms(planted)
    assert reach == "Reach of the mixtapes of 2026-11-16 has fallen to 25.0 %, from 50.0 % in the 4 weeks before."
    assert retention.startswith("Retention of the mixtapes of 2026-11-16 has fallen to 50.0 %, from 100.0 %")


def test_a_fallen_reach_among_few_users_may_be_chance_and_is_not_told(store: Store) -> None:
    planted = healthy(store, n_users=8)
    with store.begin() as connection:
        connection.execute(
            sa.text("DELETE FROM events WHERE context = :context AND user_id > 2"), {"context": context(WEEK)}
        )
    assert report(planted).drift["reach"]["change"] == -0.5
    assert not [alarm for alarm in alarms(planted) if "Reach" in alarm]


def test_a_fall_is_not_told_before_the_week_is_over(store: Store) -> None:
    planted = healthy(store)
    with store.begin() as connection:
        connection.execute(sa.text("DELETE FROM events WHERE context = :context"), {"context": context(WEEK)})
    assert report(planted, moment=at(WEEK, 160), max_duplicates=1).alarms == []
    assert alarms(planted) == [
        "Nobody has opened any of the mixtapes of 2026-11-16: do plays from them come with their context?"
    ]


def test_more_skips_and_less_depth_are_told(store: Store) -> None:
    planted = healthy(store)
    with store.begin() as connection:
        connection.execute(
            sa.text("UPDATE events SET ms_played = 4000 WHERE context = :context AND user_id % 3 > 0"),
            {"context": context(WEEK)},
        )
    depth, skips = alarms(planted)
    assert depth.startswith("Depth of the mixtapes of 2026-11-16 has fallen to 0.64, from 2.00")
    assert skips.startswith(
        "The share of songs that are skipped on the mixtapes of 2026-11-16 has risen to 68.0 %, from 0.0"
    )


def test_fewer_mixtapes_and_less_of_the_catalogue_are_told(store: Store) -> None:
    planted = healthy(store)
    planted.publish(WEEK, dict.fromkeys(range(1, 51), PERMUTED[1]), at=at(WEEK, 6), run_key="redo ", model_id=1)
    told = alarms(planted)
    assert "The number of the mixtapes of 2026-11-16 has fallen to 50, from 100 in the 4 weeks before." in told
    assert any(
        alarm.startswith("The coverage of the catalogue by the mixtapes of 2026-11-16 has fallen") for alarm in told
    )


# Where reports and alarms are seen


def test_alarms_are_in_the_state_of_the_service_until_a_better_edition_is_out(small: Planted) -> None:
    def standing() -> list[str]:
        with small.store.begin() as connection:
            return service_status(connection, at(WEEK, 12), UTC).alarms

    assert standing() == []
    told = report(small, moment=at(WEEK, 12))
    assert standing() == told.alarms != []
    report(small, week=BEFORE - dt.timedelta(weeks=3), moment=at(WEEK, 13))
    assert standing() == told.alarms
    small.publish(WEEK, {1: [4, 5, 7]}, at=at(WEEK, 14), run_key="redo ")
    assert standing() == []


def test_a_run_reports_on_the_newest_week_and_the_one_before(small: Planted) -> None:
    assert weeks_of_run(small.store, None) == [BEFORE, WEEK]
    assert weeks_of_run(small.store, BEFORE) == [BEFORE]


def test_the_first_week_of_a_service_has_none_before_and_a_missed_one_is_reported(store: Store) -> None:
    with pytest.raises(NotEnoughDataError, match="trigger the DAG monday_playlists"):
        weeks_of_run(store, None)
    planted = Planted(store, 1, [Song((1,), 1)])
    planted.publish(BEFORE, {1: [1]})
    assert weeks_of_run(store, None) == [BEFORE]
    planted.publish(WEEK + dt.timedelta(weeks=1), {1: [1]})
    assert weeks_of_run(store, None) == [WEEK, WEEK + dt.timedelta(weeks=1)]


def test_the_report_shown_is_of_the_newest_week_that_was_over(small: Planted) -> None:
    with small.store.begin() as connection, pytest.raises(UnknownNameError, match="trigger the DAG weekly_report"):
        reports.report_of(connection)
    report(small, moment=at(WEEK, 12))
    report(small, week=BEFORE, moment=at(WEEK, 12))
    with small.store.begin() as connection:
        assert reports.report_of(connection).week == BEFORE
        assert reports.report_of(connection, WEEK).week == WEEK
        assert reports.reported_weeks(connection) == [WEEK, BEFORE]


# The same figures, counted another way


def counted(planted: Planted, lists: dict[dt.date, Any], events: list[Event], week: dt.date) -> dict[str, Any]:
    """The figures of a complete week in plain Python, from what was planted."""
    songs, mine = planted.songs, lists[week]

    def with_context(monday: dt.date) -> list[Event]:
        start, end = at(monday, 0), at(monday, 7 * 24 + 5)
        return [e for e in events if e.context == context(monday) and start <= e.at < end]

    opened = {e.user for e in with_context(week)} & set(mine)
    opened_before = {e.user for e in with_context(week - dt.timedelta(7))} & set(lists[week - dt.timedelta(7)])
    plays: dict[tuple[int, int], list[Event]] = {}
    saved = set()
    for e in with_context(week):
        if e.user in mine and e.song in mine[e.user]:
            if e.kind == "play":
                plays.setdefault((e.user, e.song), []).append(e)
            if e.kind in ("save", "love"):
                saved.add((e.user, e.song))
    heard = {key for key, each in plays.items() if any(e.ms is None or e.ms >= 30_000 for e in each)}
    skipped = {
        key
        for key, each in plays.items()
        if key not in heard
        and any(
            e.ms < 30_000 and (songs[key[1] - 1].duration_s is None or e.ms < songs[key[1] - 1].duration_s * 500)
            for e in each
        )
    }
    depth = Counter(sum(1 for u, _ in heard if u == user) for user in opened)
    earlier = [lists[w] for w in lists if week - dt.timedelta(weeks=26) <= w < week]
    returning = [(u, s) for u, own in mine.items() for s in own if any(u in each for each in earlier)]
    known_works = {(u, songs[s - 1].work) for each in earlier for u, own in each.items() for s in own}
    known_artists = {(u, a) for each in earlier for u, own in each.items() for s in own for a in songs[s - 1].artists}
    cutoff = at(week, 5)
    places = [s for own in mine.values() for s in own]
    catalogue = [n for n, s in enumerate(songs, 1) if s.uploaded is None or s.uploaded < cutoff]
    exposure = [places.count(n) for n in catalogue]
    fresh = [
        s for s in places if songs[s - 1].uploaded and cutoff - dt.timedelta(weeks=8) <= songs[s - 1].uploaded < cutoff
    ]
    same = Counter(frozenset(own) for own in mine.values())
    difference = sum(abs(a - b) for a in exposure for b in exposure) / len(exposure) ** 2
    return {
        "reach": len(opened) / len(mine),
        "depth": sum(n * users for n, users in depth.items()) / len(opened),
        "depth_counts": {str(n): users for n, users in sorted(depth.items())},
        "retention": len(opened & opened_before) / len(opened_before),
        "saves": len(saved) / len(opened),
        "skips": len(skipped) / len(plays),
        "mixtapes": len(mine),
        "short": sum(len(own) < 6 for own in mine.values()),
        "duplicates": sum(n for n in same.values() if n > 1) / len(mine),
        "repeated_songs": sum((u, songs[s - 1].work) in known_works for u, s in returning) / len(returning),
        "repeated_artists": sum(any((u, a) in known_artists for a in songs[s - 1].artists) for u, s in returning)
        / len(returning),
        "freshness": len(fresh) / len(places),
        "coverage": len(set(places)) / len(catalogue),
        "gini": difference / (2 * statistics.mean(exposure)),
    }


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_figures_of_a_random_service_are_those_of_another_implementation(
    store: Store, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recommenders.evaluation.repeats.BLOCK_USERS", 7)  # several blocks of these thirty
    dice = random.Random(seed)
    songs = [
        Song(
            tuple(dice.sample(range(1, 16), dice.choice([1, 1, 2]))),
            dice.randint(1, 45),
            dice.choice([None, at(WEEK, -24 * dice.randint(30, 90))]),
            dice.choice([None, 20.0, 50.0, 240.0]),
        )
        for _ in range(50)
    ]
    planted = Planted(store, 30, songs)
    weeks = [WEEK - dt.timedelta(weeks=n) for n in range(6, -1, -1)]
    lists, events = {}, [Event(at(weeks[0], -24), 1, 1)]
    for week in weeks:
        old = [n for n, song in enumerate(songs, 1) if song.uploaded is None or song.uploaded < at(week, 5)]
        mixes = [dice.sample(old, 6) for _ in range(12)]
        lists[week] = {user: dice.choice(mixes)[: dice.choice([6, 6, 6, 5])] for user in dice.sample(range(1, 31), 25)}
        planted.publish(week, lists[week], length=6)
        for user in dice.sample(range(1, 31), 15):
            for _ in range(dice.randint(1, 12)):
                own = lists[week].get(user, [1])
                song = dice.choice(own) if dice.random() < 0.9 else dice.randint(1, 50)
                kind = dice.choice(["play"] * 6 + ["save", "love", "ban", "artist_visit"])
                ms = dice.choice([None, 1_000, 15_000, 29_999, 30_000, 200_000]) if kind == "play" else None
                hours = dice.uniform(-3, 8 * 24)
                events.append(Event(at(week, hours), user, song, kind, ms, dice.choice([context(week)] * 5 + [None])))
    planted.happen(events)
    told = report(planted)
    expected = {week: counted(planted, lists, events, week) for week in weeks[2:]}
    for name, value in expected[WEEK].items():
        assert told.figures[name] == pytest.approx(value), name
        if name != "depth_counts":
            usual = statistics.mean(expected[week][name] for week in weeks[2:-1])
            assert told.drift[name]["mean"] == pytest.approx(usual), name
            assert told.drift[name]["change"] == (None if not usual else pytest.approx(value / usual - 1)), name
    assert not math.isclose(told.figures["repeated_songs"], 0)
