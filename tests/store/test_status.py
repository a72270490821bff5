"""The state of the service, told from what is in the store."""

import datetime as dt
import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from recommenders.store import Store
from recommenders.store.freshness import Freshness, Input
from recommenders.store.partitions import ensure_months_ahead
from recommenders.store.status import ServiceStatus, service_status

UTC = ZoneInfo("UTC")
MONDAY = dt.date(2026, 3, 2)
WEDNESDAY = dt.datetime(2026, 3, 4, 12, tzinfo=dt.UTC)


def _status(store: Store, now: dt.datetime = WEDNESDAY, zone: ZoneInfo = UTC) -> ServiceStatus:
    with store.begin() as connection:
        return service_status(connection, now, zone)


def _run(store: Store, *statements: str, **values: Any) -> None:
    with store.begin() as connection:
        ensure_months_ahead(connection, MONDAY)
        for statement in statements:
            connection.execute(sa.text(statement), values)


CATALOGUE = """
    INSERT INTO users (name) VALUES ('Ada'), ('Ben');
    INSERT INTO artists (name, name_key) VALUES ('Low', 'low');
    INSERT INTO works (artist_id, title_key) VALUES (1, 'words');
    INSERT INTO tracks (work_id, title) VALUES (1, 'Words');
    INSERT INTO events (occurred_at, event_id, user_id, track_id, kind) VALUES ('2026-03-01T10:00Z', 1, 1, 1, 'play')
"""
MODEL = """
    INSERT INTO models (kind, space, status, reason, trained_at, cutoff, parameters, metrics, artifact_uri,
                        package_version)
    VALUES ('collaborative', 1, :status, :reason, :at, :at, '{}', '{"ndcg": 0.3}', 'file:///nowhere', '0')
"""
WEEK = "INSERT INTO weeks (week, cutoff, seed) VALUES (:week, :week, 1) ON CONFLICT DO NOTHING"
EDITION = """
    INSERT INTO editions (week, state, dry_run, cutoff, seed, parameters, figures, package_version, created_at)
    VALUES (:week, :state, :dry_run, :week, 1, '{}', :figures, '0', :week)
"""
PUBLISH = "UPDATE weeks SET edition_id = (SELECT max(edition_id) FROM editions WHERE week = :week) WHERE week = :week"


def _edition(store: Store, state: str, week: dt.date = MONDAY, dry_run: bool = False) -> None:
    figures = json.dumps({"playlists": 2, "short": 1, "songs_by_source": {"mix": 45, "popular": 15}})
    publish = [PUBLISH] if state == "published" else []
    _run(store, WEEK, EDITION, *publish, week=week, state=state, dry_run=dry_run, figures=figures)


@pytest.fixture
def filled(store: Store) -> Store:
    """A store with two users, a track, a play and a champion, and nothing wrong with it."""
    _run(store, CATALOGUE)
    _run(store, MODEL, status="champion", reason=None, at=WEDNESDAY - dt.timedelta(days=3))
    _edition(store, "published")
    return store


def test_an_empty_store_asks_for_data_and_is_not_broken(store: Store) -> None:
    status = _status(store)
    assert (status.n_users, status.n_tracks, status.week, status.champion) == (0, 0, None, None)
    assert status.broken == []
    assert "import a catalogue" in status.stale[0]


def test_a_healthy_service_has_no_problems_and_shows_its_figures(filled: Store) -> None:
    status = _status(filled)
    assert status.problems == []
    assert (status.n_users, status.n_artists, status.n_tracks, status.n_events) == (2, 1, 1, 1)
    assert status.newest_event_at == dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC)
    assert status.champion is not None and status.champion.metrics == {"ndcg": 0.3}
    assert status.week is not None
    assert (status.week.week, status.week.state, status.week.n_playlists, status.week.n_short) == (
        MONDAY,
        "published",
        2,
        1,
    )
    assert status.week.sources == {"mix": 0.75, "popular": 0.25}


def test_a_week_without_mixtapes_is_broken_from_monday_noon_in_the_configured_zone(filled: Store) -> None:
    next_monday = dt.datetime(2026, 3, 9, tzinfo=dt.UTC)
    assert _status(filled, next_monday + dt.timedelta(hours=11)).broken == []
    assert "2026-03-09 are not published" in _status(filled, next_monday + dt.timedelta(hours=13)).broken[0]
    in_auckland = _status(filled, next_monday + dt.timedelta(hours=1), ZoneInfo("Pacific/Auckland"))
    assert "2026-03-09 are not published" in in_auckland.broken[0]


def test_a_failed_redo_is_broken_while_the_published_edition_is_shown(filled: Store) -> None:
    _edition(filled, "failed")
    status = _status(filled)
    assert status.week is not None and status.week.state == "published"
    assert "Edition 2 of the week of 2026-03-02 has failed; edition 1 is still served" in status.broken[0]


def test_a_dry_run_is_not_the_state_of_a_week(filled: Store) -> None:
    _edition(filled, "dry_run", MONDAY + dt.timedelta(days=7), dry_run=True)
    week = _status(filled).week
    assert week is not None and week.week == MONDAY


def test_an_old_model_and_old_listening_are_stale(filled: Store) -> None:
    stale = _status(filled, WEDNESDAY + dt.timedelta(days=6)).stale
    assert stale == [
        "The newest event is 9 days old: does the import still run?",
        "The champion model is stale (trained: 9 days ago): see the last run of retrain_collaborative.",
    ]


def test_the_last_rejected_candidate_is_shown_with_its_reason(filled: Store) -> None:
    _run(filled, MODEL, status="rejected", reason="worse than the champion", at=WEDNESDAY)
    rejected = _status(filled).last_rejected
    assert rejected is not None and (rejected.model_id, rejected.reason) == (2, "worse than the champion")


def test_rows_set_aside_by_the_last_import_are_told(filled: Store) -> None:
    _run(
        filled,
        """INSERT INTO imports (kind, source, content_hash, started_at, finished_at, rows_read, rows_new, rows_rejected)
           VALUES ('listening', 'events.csv', 'h', :now, :now, 100, 90, 10)""",
        now=WEDNESDAY,
    )
    status = _status(filled)
    assert status.last_import is not None and status.last_import.rows_new == 90
    assert "set 10 of 100 rows aside" in status.stale[0]


IMPORT = """
    INSERT INTO imports (kind, source, content_hash, started_at, finished_at, rows_read, rows_new, rows_rejected)
    VALUES (:kind, :source, :source, :at, :at, 100, 90, :rejected)
"""


def _inputs(store: Store, now: dt.datetime = WEDNESDAY) -> dict[tuple[str, str], Input]:
    return {(each.name, each.what): each for each in _status(store, now).inputs}


def test_nothing_is_there_in_an_empty_store(store: Store) -> None:
    assert {each.state for each in _inputs(store).values()} == {Freshness.MISSING}


def test_each_input_is_as_old_as_planted(filled: Store) -> None:
    days = {"upload": 20, "user": 300, "listening": 2, "catalogue": 55}
    ages = {name: WEDNESDAY - dt.timedelta(days=number) for name, number in days.items()}
    _run(filled, "UPDATE tracks SET uploaded_at = :at", at=ages["upload"])
    _run(filled, "UPDATE users SET created_at = :at WHERE user_id = 2", at=ages["user"])
    _run(filled, "UPDATE users SET created_at = :at WHERE user_id = 1", at=WEDNESDAY + dt.timedelta(days=1))
    for kind in ("listening", "catalogue"):
        _run(filled, IMPORT, kind=kind, source="old.csv", at=ages[kind] - dt.timedelta(days=1), rejected=0)
        _run(filled, IMPORT, kind=kind, source=f"{kind}.csv", at=ages[kind], rejected=3)
    inputs = _inputs(filled)
    assert {key: each.at for key, each in inputs.items()} == {
        ("Listening", "newest event"): dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC),
        ("Listening", "last import"): ages["listening"],
        ("Catalogue", "newest upload"): ages["upload"],
        ("Catalogue", "last import"): ages["catalogue"],
        ("Users", "newest user"): ages["user"],
        ("Champion model", "trained"): WEDNESDAY - dt.timedelta(days=3),
        ("Champion model", "end of its data"): WEDNESDAY - dt.timedelta(days=3),
        ("Mixtapes", "published"): None,
    }
    assert {each.state for each in inputs.values()} == {Freshness.FRESH}
    assert inputs["Listening", "last import"].detail == "listening.csv: 90 new of 100 rows, 3 set aside"


@pytest.mark.parametrize(
    ("what", "limit_days", "said"),
    [
        (("Listening", "newest event"), 8, "The newest event is 8 days old"),
        (("Listening", "last import"), 8, "does the import still run?"),
        (("Catalogue", "newest upload"), 56, "The newest upload is 8 weeks old"),
        (("Catalogue", "last import"), 56, "does the import of the catalogue still run?"),
        (("Champion model", "trained"), 8, "The champion model is stale (trained: 8 days ago)"),
        (("Champion model", "end of its data"), 8, "The champion model is stale"),
    ],
)
def test_an_input_is_stale_when_it_is_older_than_its_limit(
    filled: Store, what: tuple[str, str], limit_days: int, said: str
) -> None:
    _run(filled, "UPDATE tracks SET uploaded_at = :at", at=WEDNESDAY)
    for kind in ("listening", "catalogue"):
        _run(filled, IMPORT, kind=kind, source=kind, at=WEDNESDAY, rejected=0)
    at, limit = _inputs(filled)[what].at, dt.timedelta(days=limit_days)
    assert at is not None
    assert _inputs(filled, at + limit)[what].state == Freshness.FRESH
    late = _status(filled, at + limit + dt.timedelta(seconds=1))
    assert next(each for each in late.inputs if (each.name, each.what) == what).state == Freshness.STALE
    assert sum(said in sentence for sentence in late.stale) == 1


def test_last_week_s_mixtapes_are_stale_on_monday(filled: Store) -> None:
    published = ("Mixtapes", "published")
    sunday = dt.datetime(2026, 3, 8, 23, 59, tzinfo=dt.UTC)
    assert _inputs(filled, sunday)[published].state == Freshness.FRESH
    assert _inputs(filled, sunday + dt.timedelta(minutes=1))[published].state == Freshness.STALE


def test_what_was_set_aside_lately_is_counted_once_for_each_file(filled: Store) -> None:
    day = dt.timedelta(days=1)
    for kind, source, age, rejected in [
        ("listening", "a.csv", 5, 40),
        ("listening", "a.csv", 1, 10),  # imported again, when most of its songs were known
        ("catalogue", "b.csv", 3, 2),
        ("catalogue", "c.csv", 8, 99),  # longer ago
    ]:
        _run(filled, IMPORT, kind=kind, source=source, at=WEDNESDAY - age * day, rejected=rejected)
    aside = _status(filled).set_aside
    assert (aside.rows, aside.rows_read) == (12, 200)
    assert aside.by_kind == {"catalogue": 2, "listening": 10}
    assert aside.newest_at == WEDNESDAY - day


UPLOAD = """
    INSERT INTO audio_files (uri, size, modified_at, state, track_id, reason, found_at, concluded_at)
    VALUES (:uri, 1, :at, :state, :track, :reason, :at, CASE WHEN :state <> 'waiting' THEN CAST(:at AS timestamptz) END)
"""


def _upload(store: Store, uri: str, state: str, at: str) -> None:
    track = 1 if state in ("analysed", "duplicate") else None
    _run(store, UPLOAD, uri=uri, state=state, at=at, track=track, reason="unreadable" if state == "rejected" else None)


def _uploads(status: ServiceStatus) -> dict[str, tuple[dt.datetime | None, Freshness, str]]:
    return {each.what: (each.at, each.state, each.detail) for each in status.inputs if each.name == "Uploads"}


def test_a_service_without_files_of_audio_has_no_row_of_uploads(store: Store) -> None:
    assert _uploads(_status(store)) == {}


def test_uploads_show_the_newest_that_was_heard_what_waits_and_what_was_set_aside(store: Store) -> None:
    _run(store, CATALOGUE)
    _upload(store, "a", "analysed", "2026-03-01T10:00Z")
    _upload(store, "b", "analysed", "2026-03-03T10:00Z")
    _upload(store, "c", "duplicate", "2026-03-04T11:00Z")
    _upload(store, "d", "rejected", "2026-03-04T11:30Z")
    newest = dt.datetime(2026, 3, 3, 10, tzinfo=dt.UTC)
    detail = "2 files heard, 1 of known songs, 1 set aside"
    assert _uploads(_status(store)) == {"newest analysis": (newest, Freshness.FRESH, detail)}
    _upload(store, "e", "waiting", "2026-03-04T10:00Z")
    _upload(store, "f", "waiting", "2026-03-04T11:00Z")
    status = _status(store)
    waiting = (dt.datetime(2026, 3, 4, 10, tzinfo=dt.UTC), Freshness.FRESH, "2 files wait")
    assert _uploads(status)["oldest waiting file"] == waiting
    assert not [sentence for sentence in status.stale if "analyse_uploads" in sentence]


def test_an_upload_that_waits_for_long_is_stale_and_names_its_dag(store: Store) -> None:
    _run(store, CATALOGUE)
    _upload(store, "a", "waiting", "2026-03-04T04:00Z")
    status = _status(store)
    assert _uploads(status)["oldest waiting file"][1] is Freshness.STALE
    assert [s for s in status.stale if "The oldest waiting file has waited for 8 hours" in s and "analyse_uploads" in s]


@pytest.mark.parametrize(
    ("name", "kind", "dag"),
    [("Audio network", "audio", "retrain_audio_network"), ("Ranker", "ranker", "retrain_ranker")],
)
def test_the_age_of_a_model_beside_the_collaborative_one_is_shown_once_there_is_one(
    filled: Store, name: str, kind: str, dag: str
) -> None:
    assert name not in {each.name for each in _status(filled).inputs}
    model = MODEL.replace("'collaborative'", f"'{kind}'")
    _run(filled, model, status="champion", reason=None, at=WEDNESDAY - dt.timedelta(days=9))
    status = _status(filled)
    (row,) = [each for each in status.inputs if each.name == name]
    assert row.state is Freshness.STALE
    assert any(dag in sentence for sentence in status.stale)


BLOGS = """
INSERT INTO sites (url, name, kind, added_at, next_crawl_at, failures)
VALUES ('https://a.example/', 'A', 'pages', :crawled, :crawled, 0),
       ('https://b.example/', 'B', 'pages', :crawled, :crawled, 2);
INSERT INTO crawls (site_id, started_at, finished_at, outcome) VALUES (1, :crawled, :crawled, 'finished');
INSERT INTO articles (source, url, fetched_at, published_at, published_is_known, title, text, content_hash)
VALUES ('crawl', 'https://a.example/1', :crawled, :crawled, true, '', '', 1)
"""


def _blogs(status: ServiceStatus) -> dict[str, tuple[Freshness, str]]:
    return {each.what: (each.state, each.detail) for each in status.inputs if each.name == "Blogs"}


def test_a_service_that_reads_nothing_has_no_row_of_blogs(store: Store) -> None:
    assert _blogs(_status(store)) == {}


def test_blogs_show_their_last_crawl_who_fails_and_what_waits(store: Store) -> None:
    _run(store, BLOGS, crawled=WEDNESDAY - dt.timedelta(days=2))
    status = _status(store)
    assert _blogs(status) == {
        "last crawl": (Freshness.FRESH, "2 sites, 1 of them failing"),
        "newest article": (Freshness.FRESH, "1 articles, 0 artists described, 1 not read yet"),
    }
    assert not any("crawl_blogs" in sentence for sentence in status.stale)


def test_blogs_that_nobody_crawled_for_days_are_stale_and_name_their_dag(store: Store) -> None:
    _run(store, BLOGS, crawled=WEDNESDAY - dt.timedelta(days=4))
    status = _status(store)
    assert _blogs(status)["last crawl"][0] is Freshness.STALE
    assert any("The last crawl is 4 days old" in s and "crawl_blogs" in s for s in status.stale)
