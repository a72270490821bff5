"""What is called by a term that a listener blocks is never on their mixtape, and says nothing of their taste."""

import datetime as dt

import pytest

from recommenders.errors import ModelError
from recommenders.playlists import monday
from recommenders.playlists.why import why
from recommenders.store.blocks import block_term, blocked_terms, unblock_term
from recommenders.store.signals import read_signals
from tests.playlists.conftest import CUTOFF, Service, plant

EARLIER = CUTOFF - dt.timedelta(days=3)


def describe(service: Service, kind: str, entity: int, *terms: str) -> None:
    """Let these be the heaviest terms of an artist or a track."""
    ids = [
        service.sql(
            "INSERT INTO terms (kind, term) VALUES ('word', :t) ON CONFLICT (term, kind) DO UPDATE SET term = :t "
            "RETURNING term_id",
            t=term,
        )[0][0]
        for term in terms
    ]
    service.sql(
        "INSERT INTO top_terms VALUES (CAST(:k AS entity_kind), :id, :day, 1, :ids, :weights)",
        k=kind,
        id=entity,
        day=EARLIER.date(),
        ids=ids,
        weights=[0.5 / (n + 1) for n in range(len(ids))],
    )


def tag(service: Service, track: int, attribute: str, value: str) -> None:
    service.sql("INSERT INTO track_tags VALUES (:t, :a, :v, 1, 'human')", t=track, a=attribute, v=value)


def test_who_blocks_christmas_gets_nothing_that_is_called_so_in_any_version(service: Service) -> None:
    service.promote(plant(service, 51))
    tagged, said, artist = service.tracks[10:20], service.tracks[20:30], 7
    for track in tagged[:5]:
        tag(service, track, "mood", "Christmas")
    for track in tagged[5:]:
        tag(service, track, "christmas", "yes")
    for track in said:
        describe(service, "track", track, "snowy", "christmas", "bells")
    describe(service, "artist", artist, "christmas")
    of_artist = {t for (t,) in service.sql("SELECT track_id FROM track_artists WHERE artist_id = :a", a=artist)}
    described_otherwise = min(of_artist - {*tagged, *said})
    describe(service, "track", described_otherwise, "summery")
    called = {*tagged, *said, *of_artist} - {described_otherwise}
    works = dict(service.sql("SELECT track_id, work_id FROM tracks"))
    unwanted = {works[track] for track in called}
    without = service.lists(service.run(run_key="without", publish=False))
    with service.store.begin() as connection:
        for user in service.users[::2]:
            block_term(connection, user, "Christmas", EARLIER)
    lists = service.lists(service.run(run_key="with"))
    assert sum(bool({works[t] for t in without[user]} & unwanted) for user in service.users) > 30
    for user in service.users[::2]:
        assert not {works[track] for track in lists[user]} & unwanted
        assert len(lists[user]) == 30
    assert any({works[track] for track in lists[user]} & unwanted for user in service.users[1::2])


def test_a_term_that_is_far_down_the_list_or_said_later_does_not_count(service: Service) -> None:
    service.promote(plant(service, 52))
    others = [f"word {n}" for n in range(20)]
    for track in service.tracks:
        describe(service, "track", track, *others, "christmas")
    service.sql("UPDATE top_terms SET as_of = :day WHERE entity_id % 2 = 0", day=CUTOFF.date())
    with service.store.begin() as connection:
        for user in service.users:
            block_term(connection, user, "christmas", EARLIER)
            block_term(connection, user, "word 3", CUTOFF + dt.timedelta(hours=1))
    assert all(len(tracks) == 30 for tracks in service.lists(service.run()).values())


def test_what_is_called_so_says_nothing_of_their_taste_until_the_block_ends(service: Service) -> None:
    plant(service, 53, users=6)
    user = service.users[4]
    heard = [t for (t,) in service.sql("SELECT track_id FROM heard WHERE user_id = :u ORDER BY 1", u=user)]
    tag(service, heard[0], "genre", "christmas")

    def known(at: dt.datetime) -> set[int]:
        with service.store.begin() as connection:
            signals = read_signals(connection, at, (user, user + 1))
        return set(signals.track_ids.tolist())

    assert heard[0] in known(CUTOFF)
    with service.store.begin() as connection:
        block_term(connection, user, "christmas", EARLIER)
        assert blocked_terms(connection, user, CUTOFF) == ["christmas"]
    assert known(CUTOFF) == known(EARLIER) - {heard[0]}
    with service.store.begin() as connection:
        assert unblock_term(connection, user, "CHRISTMAS ", CUTOFF) == 1
        assert blocked_terms(connection, user, CUTOFF) == []
    assert heard[0] in known(CUTOFF + dt.timedelta(days=1))
    assert heard[0] not in known(CUTOFF - dt.timedelta(hours=1)), "as of then it was blocked"


def test_verification_finds_a_song_that_is_called_what_is_blocked_and_why_names_the_term(service: Service) -> None:
    service.promote(plant(service, 54))
    edition = service.run(publish=False)
    user = service.users[9]
    track = service.lists(edition)[user][0]
    tag(service, track, "genre", "christmas")
    with service.store.begin() as connection:
        block_term(connection, user, "christmas", EARLIER)
    with pytest.raises(ModelError, match="songs that are called what is blocked: 1"):
        monday.verify_edition(service.store, service.artifacts, edition)
    service.run(run_key="again")
    name = service.sql("SELECT outside_id FROM track_ids WHERE track_id = :t", t=track)[0][0]
    with service.store.begin() as connection:
        lines = why(connection, service.artifacts, "user 9", name).lines
    assert "It is called something that the user blocks: christmas." in lines
