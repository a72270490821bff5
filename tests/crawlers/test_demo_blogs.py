"""The invented blogs, crawled over real HTTP: every post once, nothing that robots may not see, and 304 thereafter."""

import datetime as dt
from collections import Counter

import pytest
import sqlalchemy as sa

from crawlers.launch import CrawlReport, crawl_batch
from crawlers.parameters import CrawlParameters
from recommenders.demo import generate_world
from recommenders.demo.blog_server import BlogServer, serving
from recommenders.demo.blogs import Blogs, make_blogs
from recommenders.store import Store
from recommenders.store.sites import CrawlOutcome, SiteKind, add_site

NOW = dt.datetime(2026, 3, 2, 4, 30, tzinfo=dt.UTC)


def _add(store: Store, server: BlogServer) -> list[int]:
    with store.begin() as connection:
        return [
            add_site(
                connection,
                site.entry,
                name=site.about.name,
                kind=SiteKind(site.about.kind),
                now=NOW,
                allow_private=True,
                delay_s=0,
            )
            for site in server.sites
        ]


def _crawl(store: Store, ids: list[int], now: dt.datetime) -> CrawlReport:
    url = store.url.render_as_string(hide_password=False)
    return crawl_batch(url, ids, CrawlParameters(), run_key=None, clock=lambda: now)


@pytest.fixture
def blogs() -> Blogs:
    """Blogs of a small service."""
    return make_blogs(generate_world(3, NOW, users=20, tracks=600, weeks=8))


def test_every_post_is_crawled_once_and_a_second_crawl_downloads_nothing(store: Store, blogs: Blogs) -> None:
    with serving(blogs, clock=lambda: NOW) as server:
        ids = _add(store, server)
        report = _crawl(store, ids, NOW)
        urls = server.page_urls()
        shown = {urls[post.number]: post for post in blogs.posts if post.published_at <= NOW}
        with store.begin() as connection:
            stored = {
                row.url: row
                for row in connection.execute(
                    sa.text("SELECT url, title, text, published_at, duplicate_of IS NOT NULL AS again FROM articles")
                )
            }
        assert set(stored) == set(shown)
        for url, post in shown.items():
            assert (stored[url].title, stored[url].text) == (post.title.text, post.text)
            assert stored[url].published_at.date() == post.published_at.date()
        told = Counter(post.number if post.duplicate_of is None else post.duplicate_of for post in shown.values())
        first = {url: post.number if post.duplicate_of is None else post.duplicate_of for url, post in shown.items()}
        assert Counter(first[url] for url in shown if not stored[url].again) == Counter(dict.fromkeys(told, 1))
        assert report.failed == [] and {crawl.outcome for crawl in report.crawls} == {CrawlOutcome.FINISHED}
        asked = [request.path for request in server.requests]
        assert not [path for path in asked if path.startswith("/drafts/") or "print=" in path]
        assert len([path for path in asked if path.startswith("/calendar")]) < 150
        assert all(request.user_agent.startswith("MondayMixtape/") for request in server.requests)
        before = len(server.requests)
        _crawl(store, ids, NOW)
        again = server.requests[before:]
        assert again and {request.status for request in again if request.path != "/robots.txt"} == {304}
        assert sum(request.body_bytes for request in again if request.path != "/robots.txt") == 0


def test_a_new_post_is_found_by_the_next_crawl(store: Store, blogs: Blogs) -> None:
    now = [NOW - dt.timedelta(days=10)]
    with serving(blogs, clock=lambda: now[0]) as server:
        ids = _add(store, server)
        _crawl(store, ids, now[0])
        now[0] = NOW
        before = len(server.requests)
        _crawl(store, ids, now[0])
        new = {post.number for post in blogs.posts if NOW - dt.timedelta(days=10) < post.published_at <= NOW}
        with store.begin() as connection:
            stored = set(connection.execute(sa.text("SELECT url FROM articles")).scalars())
        urls = server.page_urls()
        assert stored == {urls[post.number] for post in blogs.posts if post.published_at <= NOW}
        fetched = [r.path for r in server.requests[before:] if r.status == 200 and r.path.startswith("/20")]
        assert len(fetched) == len(new) > 3
