"""The pages about reading: sites, what rises, artists and their words; whatever comes from outside is text."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from recommenders.store import Store
from tests.plugins.conftest import NOW, SCRIPT, add_tracks
from tests.plugins.test_pages import Page

READ = """
INSERT INTO sites (url, name, kind, added_at, next_crawl_at, failures)
VALUES ('https://blog.example/feed', :hostile, 'feed', :now, :tomorrow, 0),
       ('https://gone.example/', 'Gone', 'pages', :now, :tomorrow, 3);
INSERT INTO crawls (site_id, started_at, finished_at, outcome, detail)
VALUES (1, :hour_ago, :hour_ago, 'finished', NULL), (2, :hour_ago, :hour_ago, 'failed', 'no such host');
INSERT INTO pages (site_id, url, role, state, found_at, reason)
VALUES (1, 'https://blog.example/1', 'article', 'waiting', :now, NULL),
       (1, 'https://blog.example/2', 'article', 'refused', :now, 'too_large');
INSERT INTO articles (source, site_id, url, fetched_at, published_at, published_is_known, title, text, content_hash,
                      read_version)
VALUES ('crawl', 1, 'https://blog.example/0', :now, :hour_ago, true, :hostile, 'text', 1, 1);
INSERT INTO mentions (article_id, position, length, artist_id, sentiment) VALUES (1, 0, 4, 1, 0.6), (1, 9, 4, 1, 0.2);
INSERT INTO terms (kind, term) VALUES ('word', 'shoegaze'), ('adjective', 'woozy'), ('word', :hostile);
INSERT INTO top_terms (entity_kind, entity_id, as_of, articles, term_ids, weights)
VALUES ('artist', 1, '2026-11-10', 1, '{1}', '{0.5}'), ('artist', 1, '2026-11-23', 2, '{2,1,3}', '{0.8,0.5,0.1}');
INSERT INTO entity_terms (entity_kind, entity_id, as_of, half_life_days, articles, mass, term_ids, masses)
VALUES ('artist', 1, '2026-11-23', 180, 2, 2, '{1}', '{1}');
INSERT INTO rejected (kind, source, content_hash, reason, detail, rejected_at)
VALUES ('crawl', 'https://blog.example/2?<script>', 'x', 'too_large', 'more than 10 MB', :now);
INSERT INTO models (kind, space, status, trained_at, cutoff, parameters, metrics, artifact_uri, package_version)
VALUES ('text', 1, 'champion', :now, :now, '{}', '{}', 'file:///x', '0');
INSERT INTO artist_vectors (artist_id, kind, model_id, space, vector)
VALUES (1, 'text', 1, 1, '[1,0]'), (2, 'text', 1, 1, '[0,1]'), (3, 'text', 1, 1, '[0.8,0.6]');
"""


@pytest.fixture
def reader(store: Store, client_of: Callable[[Store], Any]) -> Any:
    """A browser over a service that has read two articles about one of its three artists."""
    with store.begin() as connection:
        add_tracks(connection, [("One", SCRIPT, None), ("Two", "Second", None), ("Three", "Third", None)])
        connection.execute(
            sa.text(READ),
            {
                "now": NOW,
                "tomorrow": NOW + dt.timedelta(days=1),
                "hour_ago": NOW - dt.timedelta(hours=1),
                "hostile": SCRIPT,
            },
        )
    return client_of(store)


def test_the_sites_show_their_last_crawl_and_those_in_trouble_come_first(reader: Any) -> None:
    words = Page(reader.get("/reading")).words
    assert "Articles 1 Waiting to be read 0 Mentions 2 Artists described 1" in words
    assert "Gone https://gone.example/ failed 1 hour ago no such host 0 0 0 in 1 day after 3 failures" in words
    assert f"{SCRIPT} https://blog.example/feed finished 1 hour ago 1 1 1 in 1 day" in words
    assert words.index("Gone") < words.index("https://blog.example/feed")
    assert "https://blog.example/2?<script> too large more than 10 MB just now" in words


def test_what_rises_is_what_grew_most_and_new_artists_do_not(reader: Any) -> None:
    page = Page(reader.get("/reading"))
    assert f"{SCRIPT} woozy" in page.words
    assert "shoegaze" not in page.words
    assert ("svg", "80 %") in [(tag, attributes.get("aria-label")) for tag, attributes in page.elements]


def test_an_artist_shows_its_words_by_kind_its_neighbours_and_its_articles(reader: Any) -> None:
    page = Page(reader.get("/artist?id=1"))
    words = page.words
    assert "As 2 articles describe it; last on 23 November 2026." in words
    assert f"Words shoegaze {SCRIPT} Adjectives woozy Described alike Third Second" in words
    assert f"{SCRIPT} https://blog.example/0 2 warm 1 hour ago" in words


def test_artists_are_found_by_name_and_those_most_written_about_come_without_asking(reader: Any) -> None:
    assert f"{SCRIPT} 2" in Page(reader.get("/artists")).words
    found = reader.get("/artists?q=SECON")
    assert "artist?id=2" in Page(found).links
    nobody = reader.get("/artists?q=%25")
    assert nobody.status_code == 404
    assert "No artist's name, alias or id contains this." in Page(nobody).words


@pytest.mark.parametrize("path", ["/reading", "/artists", "/artists?q=alert", "/artist?id=1", "/artist?id=2"])
def test_what_blogs_say_is_text_and_never_markup(reader: Any, path: str) -> None:
    assert "<script" not in reader.get(path).text


def test_where_nothing_was_read_the_pages_say_how_to_begin(store: Store, client_of: Callable[[Store], Any]) -> None:
    empty = client_of(store)
    assert "mixtape sites add" in Page(empty.get("/reading")).words
    assert "Nobody has been written about yet." in Page(empty.get("/artists")).words
    assert empty.get("/artist?id=7").status_code == 404
    assert empty.get("/artist?id=seven").status_code == 422
