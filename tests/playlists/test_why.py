"""`mixtape why` names the rule that really kept a track away."""

from recommenders.playlists.why import why
from tests.playlists.conftest import Service, plant


def _explain(service: Service, user: int, track: int) -> str:
    outside = service.sql("SELECT outside_id FROM track_ids WHERE track_id = :t", t=track)[0][0]
    with service.store.begin() as connection:
        return "\n".join(why(connection, service.artifacts, f"user {service.users.index(user)}", outside).lines)


def test_each_reason_to_stay_away_is_named(service: Service) -> None:
    service.promote(plant(service, 21))
    edition = service.run()
    user = service.users[9]
    tracks = service.lists(edition)[user]
    assert "is number 3 on the mixtape of user 9" in _explain(service, user, tracks[2])
    works = dict(service.sql("SELECT track_id, work_id FROM tracks"))

    heard = service.sql("SELECT track_id FROM heard WHERE user_id = :u", u=user)[0][0]
    assert "Already heard: itself." in _explain(service, user, heard)
    version = service.add_track("song live", [], work=works[heard])
    assert "Already heard: as “" in _explain(service, user, version)

    blocked = service.sql("SELECT track_id FROM blocks WHERE user_id = :u AND track_id > 0", u=user)[0][0]
    assert "Blocked: since 2026-01-01." in _explain(service, user, blocked)
    banned = service.sql(
        "SELECT c.track_id FROM track_artists c JOIN blocks b USING (artist_id) WHERE b.user_id = :u LIMIT 1", u=user
    )[0][0]
    assert "Its artist is blocked by the user" in _explain(service, user, banned)


def test_a_track_without_a_rule_against_it_is_told_its_rank(service: Service) -> None:
    service.promote(plant(service, 22, users=5, artists=250))
    edition = service.run()
    user = service.users[4]
    chosen = set(service.lists(edition)[user])
    works = dict(service.sql("SELECT track_id, work_id FROM tracks"))
    gone = {works[t] for t in chosen} | {
        works[t] for (t,) in service.sql("SELECT track_id FROM heard WHERE user_id = :u", u=user)
    }
    left = [track for track in service.tracks if works[track] not in gone]
    said = [_explain(service, user, track) for track in left[:40]]
    assert any("It was candidate" in text for text in said)
    assert all("of 300 tracks, heard ones included" in text for text in said)
