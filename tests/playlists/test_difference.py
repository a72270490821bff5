"""A dry run reports in what it differs from what is published."""

import datetime as dt
import logging
from collections import Counter

import pytest

from recommenders.playlists import monday
from recommenders.store.differences import newest_dry_run
from tests.playlists.conftest import CUTOFF, WEEK, Service, plant


def figures(service: Service, edition: int) -> dict:
    return service.sql("SELECT figures FROM editions WHERE edition_id = :e", e=edition)[0][0]


def sources(service: Service, edition: int, users: int) -> dict[str, float]:
    rows = service.sql("SELECT source, count(*) FROM playlist_tracks WHERE edition_id = :e GROUP BY 1", e=edition)
    return {source: round(songs / users, 2) for source, songs in rows}


def test_a_dry_run_counts_users_songs_and_sources_against_this_weeks_edition(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    factors = plant(service, 61)
    service.promote(factors)
    published = service.run(run_key="published")
    newcomer = service.add_user("newcomer")
    service.promote(factors[::-1].copy())
    with caplog.at_level(logging.INFO):
        dry = service.run(run_key="dry", dry_run=True)
    old, new = service.lists(published), service.lists(dry)
    changed = {user: len(set(new[user]) - set(old[user])) for user in old}
    come = Counter(track for user in old for track in set(new[user]) - set(old[user]))
    go = Counter(track for user in old for track in set(old[user]) - set(new[user]))
    artists = dict(
        service.sql("SELECT DISTINCT ON (track_id) track_id, artist_id FROM track_artists ORDER BY 1, position")
    )
    new_artists = [len({artists[t] for t in new[u]} - {artists[t] for t in old[u]}) for u in old]
    found = figures(service, dry)["difference"]
    assert (found["compared_with"], found["compared_week"]) == (published, WEEK.isoformat())
    assert (found["users"], found["users_only_new"], found["users_only_old"]) == (40, 1, 0)
    assert newcomer in new
    assert found["users_over_20_changed"] == sum(n > 20 for n in changed.values()) > 0
    assert found["mean_songs_changed"] == pytest.approx(sum(changed.values()) / 40, abs=0.005)
    assert found["mean_new_artists"] == pytest.approx(sum(new_artists) / 40, abs=0.005)
    for low, high, users in found["changed"]:
        assert users == sum(low <= n <= high for n in changed.values())
    assert sum(users for *_, users in found["changed"]) == 40
    for kind, counted in (("come", come), ("go", go)):
        assert [n for _, n in found[kind]] == sorted(counted.values(), reverse=True)[:10]
        assert all(counted[track] == n for track, n in found[kind])
    assert {name: before for name, (before, _) in found["sources"].items() if before} == sources(service, published, 40)
    assert "Most often come: " in caplog.text and "Users by songs changed: 0: " in caplog.text


def test_where_this_week_has_none_it_is_compared_with_the_week_before(service: Service) -> None:
    service.promote(plant(service, 62))
    weeks = [WEEK - dt.timedelta(weeks=back) for back in (3, 2)]
    *_, last = (service.run(week=week, run_key=str(week)) for week in weeks)
    later = service.run(week=WEEK + dt.timedelta(weeks=1), run_key="later")
    dry = service.run(run_key="dry", dry_run=True)
    found = figures(service, dry)["difference"]
    assert (found["compared_with"], found["compared_week"]) == (last, weeks[-1].isoformat())
    assert later != last
    assert found["mean_songs_changed"] == 30, "nothing comes again within twelve weeks"


def test_an_edition_like_the_published_one_differs_in_nothing(service: Service) -> None:
    service.promote(plant(service, 63))
    service.run(run_key="published")
    found = figures(service, service.run(run_key="dry", dry_run=True))["difference"]
    assert (found["changed"][0], found["mean_songs_changed"], found["come"], found["go"]) == ([0, 0, 40], 0, [], [])
    assert all(before == after for before, after in found["sources"].values())


def test_the_newest_dry_run_is_shown_until_its_week_is_published(service: Service) -> None:
    service.promote(plant(service, 64, users=5))
    service.run(run_key="published")
    edition = service.run(run_key="dry", dry_run=True, cutoff=CUTOFF + dt.timedelta(hours=2), length=20)
    with service.store.begin() as connection:
        shown = newest_dry_run(connection)
    assert shown is not None and shown.edition_id == edition
    assert shown.difference["go"] and all(name.startswith("band ") for name, _ in shown.difference["go"])
    monday.publish_edition(
        service.store,
        service.run(run_key="later", cutoff=CUTOFF + dt.timedelta(hours=3)),
        CUTOFF + dt.timedelta(hours=3),
    )
    with service.store.begin() as connection:
        assert newest_dry_run(connection) is None


def test_the_first_dry_run_of_all_has_nothing_to_be_compared_with(service: Service) -> None:
    service.promote(plant(service, 65, users=5))
    assert "difference" not in figures(service, service.run(dry_run=True))
