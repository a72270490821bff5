"""What `mixtape demo` leaves behind, judged by SQL and by what it prints; and the commands on a running service."""

import json
import re
from collections.abc import Sequence

import pytest
import sqlalchemy as sa

from tests.end_to_end.conftest import RunningService

SONGS = """
    current_mixtapes c JOIN user_ids u ON u.outside_id = c.user_id AND u.source = 'service'
    JOIN track_ids i ON i.outside_id = c.track_id AND i.source = 'service' JOIN tracks t ON t.track_id = i.track_id
"""


def _rows(service: RunningService, query: str) -> Sequence[tuple]:
    with service.store.begin() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def test_it_prints_one_mixtape_with_a_reason_per_song_and_where_to_log_in(service: RunningService) -> None:
    assert service.url in service.output
    assert service.passwords["admin"] in service.output
    assert len(re.findall(r"because you play|like\s+your|you\s+play “", service.output)) >= 20


def test_every_listener_has_exactly_thirty_songs(service: RunningService) -> None:
    query = (
        "SELECT count(*), min(n), max(n) FROM (SELECT count(*) AS n FROM current_mixtapes GROUP BY user_id) AS lists"
    )
    assert _rows(service, query) == [(600, 30, 30)]


def test_no_version_of_a_heard_song_is_on_a_mixtape(service: RunningService) -> None:
    heard = f"""SELECT count(*) FROM {SONGS} JOIN heard h ON h.user_id = u.user_id
                JOIN tracks v ON v.track_id = h.track_id AND v.work_id = t.work_id"""
    assert _rows(service, heard) == [(0,)]
    assert _rows(service, "SELECT count(*) FROM heard")[0][0] > 10_000


def test_no_artist_is_on_a_mixtape_more_than_twice(service: RunningService) -> None:
    query = f"""SELECT max(n) FROM (SELECT count(*) AS n FROM {SONGS} JOIN track_artists a ON a.track_id = t.track_id
                GROUP BY c.user_id, a.artist_id) AS artists"""
    assert _rows(service, query) == [(2,)]


def test_nothing_banned_is_on_a_mixtape(service: RunningService) -> None:
    banned = f"""SELECT count(*) FROM {SONGS} JOIN track_artists a ON a.track_id = t.track_id
                 JOIN events e ON e.user_id = u.user_id AND e.kind = 'ban'
                     AND (e.track_id = t.track_id OR e.artist_id = a.artist_id)"""
    assert _rows(service, banned) == [(0,)]
    assert _rows(service, "SELECT count(*) FROM events WHERE kind = 'ban'")[0][0] > 100


def test_no_song_is_on_more_than_a_tenth_of_the_mixtapes(service: RunningService) -> None:
    query = "SELECT max(n) FROM (SELECT count(*) AS n FROM current_mixtapes GROUP BY track_id) AS songs"
    assert 10 < _rows(service, query)[0][0] <= 60


def test_a_listener_without_history_has_a_mixtape_too(service: RunningService) -> None:
    query = f"""SELECT count(DISTINCT c.user_id) FROM {SONGS}
                WHERE NOT EXISTS (SELECT FROM heard h WHERE h.user_id = u.user_id)"""
    assert _rows(service, query)[0][0] >= 20


def test_songs_that_nobody_has_played_are_heard_placed_and_on_mixtapes_by_their_sound(service: RunningService) -> None:
    unplayed = """SELECT count(*) FROM track_vectors v
                  WHERE kind = 'audio' AND NOT EXISTS (SELECT FROM heard h WHERE h.track_id = v.track_id)"""
    assert _rows(service, unplayed)[0][0] >= 150
    placed = """SELECT count(DISTINCT track_id) FROM playlist_tracks JOIN weeks USING (week, edition_id)
                WHERE source = 'audio'"""
    assert _rows(service, placed)[0][0] >= 20
    state = "SELECT state, count(*) FROM audio_files GROUP BY state"
    assert dict(_rows(service, state))["analysed"] >= 500


def test_the_blogs_are_read_and_most_artists_known_by_words(service: RunningService) -> None:
    assert "The blogs it reads: http://127.0.0.1:" in service.output
    crawls = _rows(service, "SELECT outcome, count(DISTINCT site_id) FROM crawls GROUP BY outcome")
    assert crawls == [("finished", 8)]
    articles, duplicates, waiting = _rows(
        service,
        """SELECT count(*), count(duplicate_of), count(*) FILTER (WHERE duplicate_of IS NULL AND read_version IS NULL)
           FROM articles WHERE source = 'crawl'""",
    )[0]
    assert articles >= 450 and duplicates >= 20 and waiting == 0
    described = "SELECT count(DISTINCT entity_id) FROM top_terms WHERE entity_kind = 'artist'"
    assert 220 <= _rows(service, described)[0][0] < 300
    refused = dict(_rows(service, "SELECT reason, count(*) FROM rejected WHERE kind = 'crawl' GROUP BY reason"))
    assert refused["robots_txt"] == 1
    terms = service.mixtape_command("terms", "Quiet")
    assert terms.returncode == 0 and len(terms.stdout.strip().splitlines()) >= 20


def test_the_commands_agree_with_the_database(service: RunningService) -> None:
    user, song = service.mixtape.user, service.mixtape.songs[0]
    shown = service.mixtape_command("playlist", user, "--format", "json")
    assert [each["title"] for each in json.loads(shown.stdout)["songs"]] == [
        each.title for each in service.mixtape.songs
    ]
    why = service.mixtape_command("why", user, song.outside_id)
    assert f"is number 1 on the mixtape of {user}" in why.stdout
    similar = service.mixtape_command("similar", song.outside_id, "--count", "3")
    assert similar.returncode == 0 and len(similar.stdout.strip().splitlines()) >= 4
    status = service.mixtape_command("status")
    assert status.returncode == 0, status.stdout + status.stderr
    assert "600 mixtapes" in status.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("playlist", "nobody"), "no user"),
        (("why", "nobody", "nothing"), "no user"),
        (("playlist", "u0001", "--week", "soon"), "YYYY-MM-DD"),
    ],
)
def test_a_wrong_name_is_one_clear_line(service: RunningService, arguments: tuple[str, ...], said: str) -> None:
    done = service.mixtape_command(*arguments)
    assert done.returncode == 2
    assert said in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
