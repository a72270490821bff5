"""Crawls of real servers on loopback into a real Postgres."""

import datetime as dt
import gzip
import json
import re

import pytest
import sqlalchemy as sa

from recommenders.store import Store
from recommenders.store.sites import CrawlOutcome, SiteKind
from tests.crawlers.blog import Answer, article, listing, rss, serve, sitemap
from tests.crawlers.crawling import NOW, articles, crawl, new_site, pages


def test_what_a_feed_names_is_fetched_and_stored(store: Store) -> None:
    with serve() as blog:
        blog.pages["/feed.xml"] = Answer(rss("/a", "/b", "/c"), "application/rss+xml")
        for path in ("/a", "/b", "/c"):
            blog.post(path, f"The band at {path}")
        site = new_site(store, f"{blog.url}/feed.xml", SiteKind.FEED)
        (result,) = crawl(store, site)
    assert result.outcome is CrawlOutcome.FINISHED
    assert articles(store) == [f"{blog.url}/a", f"{blog.url}/b", f"{blog.url}/c"]


def test_an_unchanged_site_is_crawled_again_without_a_body(store: Store) -> None:
    with serve() as blog:
        blog.pages["/feed.xml"] = Answer(rss("/a", "/b"), "application/rss+xml")
        blog.post("/a", "A quiet record")
        blog.post("/b", "A loud record")
        site = new_site(store, f"{blog.url}/feed.xml", SiteKind.FEED)
        crawl(store, site)
        blog.forget()
        (result,) = crawl(store, site, at=NOW + dt.timedelta(days=1))
    assert result.outcome is CrawlOutcome.FINISHED
    assert blog.asked() == {"/feed.xml": 1}
    assert sum(each.length for each in blog.noted if each.path != "/robots.txt") == 0
    assert (result.figures.not_modified, result.figures.articles) == (1, 0)


def test_only_what_is_new_is_fetched(store: Store) -> None:
    with serve() as blog:
        blog.pages["/feed.xml"] = Answer(rss("/a", "/b"), "application/rss+xml")
        for path in ("/a", "/b", "/c"):
            blog.post(path, f"The band at {path}")
        site = new_site(store, f"{blog.url}/feed.xml", SiteKind.FEED)
        crawl(store, site)
        blog.forget()
        blog.pages["/feed.xml"] = Answer(rss("/c", "/a"), "application/rss+xml")
        crawl(store, site, at=NOW + dt.timedelta(days=1))
    assert blog.asked() == {"/feed.xml": 1, "/c": 1}
    assert articles(store) == [f"{blog.url}/a", f"{blog.url}/b", f"{blog.url}/c"]


def test_the_date_that_a_feed_gives_is_when_an_article_was_published(store: Store) -> None:
    with serve() as blog:
        blog.pages["/feed.xml"] = Answer(rss("/a"), "application/rss+xml")
        blog.post("/a", "A quiet record")
        crawl(store, new_site(store, f"{blog.url}/feed.xml", SiteKind.FEED))
    with store.begin() as connection:
        (published,) = connection.execute(sa.text("SELECT published_at FROM articles")).scalars()
    assert published == dt.datetime(2026, 6, 1, 10, tzinfo=dt.UTC)


def test_the_archives_of_a_feed_are_followed(store: Store) -> None:
    archive = "<atom:link rel='prev-archive' href='/2025.xml'/>"
    with serve() as blog:
        blog.pages["/feed.xml"] = Answer(rss("/new", further=archive), "application/rss+xml")
        blog.pages["/2025.xml"] = Answer(rss("/old"), "application/rss+xml")
        blog.post("/new", "A new record")
        blog.post("/old", "An old record")
        crawl(store, new_site(store, f"{blog.url}/feed.xml", SiteKind.FEED))
    assert articles(store) == [f"{blog.url}/new", f"{blog.url}/old"]


def test_a_page_that_was_given_as_a_feed_leads_to_its_feed(store: Store) -> None:
    head = (
        b"<html><head><link rel='alternate' type='application/rss+xml' href='/rss'></head><body>Welcome</body></html>"
    )
    with serve() as blog:
        blog.pages["/"] = Answer(head)
        blog.pages["/rss"] = Answer(rss("/a"), "application/rss+xml")
        blog.post("/a", "A quiet record")
        (result,) = crawl(store, new_site(store, f"{blog.url}/", SiteKind.FEED))
    assert result.outcome is CrawlOutcome.FINISHED
    assert articles(store) == [f"{blog.url}/a"]


def test_a_json_feed_is_read(store: Store) -> None:
    with serve() as blog:
        feed = {"version": "https://jsonfeed.org/version/1.1", "title": "Blog", "items": [{"id": "1", "url": "/a"}]}
        blog.pages["/feed.json"] = Answer(json.dumps(feed).encode(), "application/feed+json")
        blog.post("/a", "A quiet record")
        crawl(store, new_site(store, f"{blog.url}/feed.json", SiteKind.FEED))
    assert articles(store) == [f"{blog.url}/a"]


def test_sitemaps_of_sitemaps_are_followed_gzipped_or_not(store: Store) -> None:
    with serve() as blog:
        blog.pages["/sitemap.xml"] = Answer(sitemap("/one.xml", "/two.xml.gz", index=True), "application/xml")
        blog.pages["/one.xml"] = Answer(sitemap("/a", "/b"), "application/xml")
        blog.pages["/two.xml.gz"] = Answer(gzip.compress(sitemap("/c")), "application/gzip")
        for path in ("/a", "/b", "/c"):
            blog.post(path, f"The band at {path}")
        crawl(store, new_site(store, f"{blog.url}/sitemap.xml", SiteKind.SITEMAP))
    assert articles(store) == [f"{blog.url}/{name}" for name in "abc"]


def test_a_sitemap_of_an_index_that_is_unchanged_and_gives_no_dates_is_asked_again(store: Store) -> None:
    with serve() as blog:
        blog.pages["/sitemap.xml"] = Answer(sitemap("/one.xml", "/two.xml", index=True), "application/xml")
        blog.pages["/one.xml"] = Answer(sitemap("/a"), "application/xml")
        blog.pages["/two.xml"] = Answer(sitemap("/b"), "application/xml")
        for path in ("/a", "/b", "/c"):
            blog.post(path, f"The band at {path}")
        site = new_site(store, f"{blog.url}/sitemap.xml", SiteKind.SITEMAP)
        crawl(store, site)
        blog.forget()
        blog.pages["/two.xml"] = Answer(sitemap("/b", "/c"), "application/xml")
        (result,) = crawl(store, site, at=NOW + dt.timedelta(days=1))
    assert result.figures.not_modified == 2
    assert blog.asked() == {"/sitemap.xml": 1, "/one.xml": 1, "/two.xml": 1, "/c": 1}


def test_an_article_that_a_sitemap_says_has_changed_is_fetched_again(store: Store) -> None:
    with serve() as blog:
        blog.pages["/sitemap.xml"] = Answer(sitemap("/a", "/b"), "application/xml")
        blog.post("/a", "A quiet record")
        blog.post("/b", "A loud record")
        site = new_site(store, f"{blog.url}/sitemap.xml", SiteKind.SITEMAP)
        crawl(store, site)
        blog.forget()
        blog.pages["/sitemap.xml"] = Answer(sitemap("/a", "/b", changed={"/a": "2026-11-24"}), "application/xml")
        blog.post("/a", "A quiet record, heard again")
        (result,) = crawl(store, site, at=NOW + dt.timedelta(days=2))
    assert blog.asked() == {"/sitemap.xml": 1, "/a": 1}
    assert result.figures.articles == 1
    with store.begin() as connection:
        titles = connection.execute(sa.text("SELECT title FROM articles ORDER BY url")).scalars().all()
    assert titles == ["A quiet record, heard again", "A loud record"]


PAGINATIONS = {
    "rel next": lambda number: f"<a rel='next' href='/more/{number}'>On we go</a>",
    "older posts": lambda number: f"<div class='nav-previous'><a href='/page/{number}/'>Older posts</a></div>",
    "a query": lambda number: f"<a href='/?paged={number}'>{number}</a>",
    "a link in the head": lambda number: f"<link rel='next' href='/p{number}'>",
    "nav": lambda number: f"<nav><a href='/page/{number}'>{number}</a><a href='/about'>About us</a></nav>",
}


@pytest.mark.parametrize("kind", PAGINATIONS)
def test_the_pages_of_a_list_are_followed_to_the_last(store: Store, kind: str) -> None:
    def link(number: int) -> str:
        return PAGINATIONS[kind](number)

    with serve() as blog:
        here = "/"
        for number in range(2, 6):
            blog.pages[here] = Answer(listing(f"/{number}-first", f"/{number}-second", further=link(number)))
            here = re.search(r"href='([^']+)'", link(number))[1]
        blog.pages[here] = Answer(listing("/6-first", "/6-second"))
        for number in range(2, 7):
            blog.post(f"/{number}-first", f"The first of {number}")
            blog.post(f"/{number}-second", f"The second of {number}")
        (result,) = crawl(store, new_site(store, f"{blog.url}/", SiteKind.PAGES))
    assert len(articles(store)) == result.figures.articles == 10
    assert max(blog.asked().values()) == 1


def test_a_list_is_walked_again_only_as_far_as_it_brings_news(store: Store) -> None:
    with serve() as blog:
        for number in range(1, 7):
            path = "/" if number == 1 else f"/page/{number}"
            blog.pages[path] = Answer(listing(f"/{number}", further=f"<a href='/page/{number + 1}'>Older posts</a>"))
            blog.post(f"/{number}", f"Number {number}")
        site = new_site(store, f"{blog.url}/", SiteKind.PAGES)
        crawl(store, site)
        blog.forget()
        blog.post("/0", "Number nought")
        blog.pages["/"] = Answer(listing("/0", "/1", further="<a href='/page/2'>Older posts</a>"))
        crawl(store, site, at=NOW + dt.timedelta(days=1))
    assert blog.asked() == {"/": 1, "/0": 1, "/page/2": 1}


def test_a_category_that_looks_like_an_article_is_taken_for_the_list_that_it_is(store: Store) -> None:
    with serve() as blog:
        blog.pages["/"] = Answer(listing("/reviews/", "/a"))
        words = article("Reviews", links="<a href='/b'>B</a><a href='/reviews/page/2'>Next</a>")
        blog.pages["/reviews/"] = Answer(words)
        blog.pages["/reviews/page/2"] = Answer(listing("/c"))
        for path in ("/a", "/b", "/c"):
            blog.post(path, f"The band at {path}")
        crawl(store, new_site(store, f"{blog.url}/", SiteKind.PAGES))
    assert articles(store) == [f"{blog.url}/{name}" for name in "abc"]


def test_an_article_is_known_by_one_address_whatever_leads_to_it(store: Store) -> None:
    with serve() as blog:
        blog.pages["/feed.xml"] = Answer(
            rss("/a?utm_source=rss", "/a#comments", "/moved", "/print/a"), "application/rss+xml"
        )
        canonical = article("A quiet record").replace(b"<head>", b"<head><link rel='canonical' href='/a'>")
        blog.pages["/a"] = blog.pages["/print/a"] = Answer(canonical)
        blog.pages["/moved"] = Answer(status=301, headers={"Location": "/a"})
        (result,) = crawl(store, new_site(store, f"{blog.url}/feed.xml", SiteKind.FEED))
    assert articles(store) == [f"{blog.url}/a"]
    assert result.figures.articles == 1


def test_a_page_does_not_speak_for_another_site(store: Store) -> None:
    with serve() as blog:
        blog.pages["/feed.xml"] = Answer(rss("/a"), "application/rss+xml")
        claim = b"<head><link rel='canonical' href='https://famous.example/review'>"
        blog.pages["/a"] = Answer(article("A quiet record").replace(b"<head>", claim))
        crawl(store, new_site(store, f"{blog.url}/feed.xml", SiteKind.FEED))
    assert articles(store) == [f"{blog.url}/a"]


def test_what_can_not_be_used_is_set_aside_with_its_reason(store: Store) -> None:
    with serve() as blog:
        blog.pages["/feed.xml"] = Answer(rss("/a", "/gone", "/short", "/wish"), "application/rss+xml")
        blog.post("/a", "A quiet record")
        blog.pages["/short"] = Answer(b"<html><body><p>Soon.</p></body></html>")
        wish = b"<head><meta name='robots' content='noindex'>"
        blog.pages["/wish"] = Answer(article("Not for robots").replace(b"<head>", wish))
        site = new_site(store, f"{blog.url}/feed.xml", SiteKind.FEED)
        (result,) = crawl(store, site)
    assert pages(store, site) == {
        "/feed.xml": ("fetched", None),
        "/a": ("fetched", None),
        "/gone": ("refused", "status"),
        "/short": ("refused", "too_short"),
        "/wish": ("refused", "noindex"),
    }
    assert (result.outcome, result.figures.refused) == (CrawlOutcome.FINISHED, 3)
    with store.begin() as connection:
        shown = connection.execute(sa.text("SELECT source, reason, detail FROM rejected ORDER BY source")).all()
    assert [(row.source.removeprefix(blog.url), row.reason) for row in shown] == [
        ("/gone", "status"),
        ("/short", "too_short"),
        ("/wish", "noindex"),
    ]
    assert shown[0].detail == "404"


def test_a_page_that_leads_to_the_front_page_is_no_article(store: Store) -> None:
    with serve() as blog:
        blog.pages["/"] = Answer(article("Welcome to the blog"))
        blog.pages["/feed.xml"] = Answer(rss("/deleted", "/a"), "application/rss+xml")
        blog.pages["/deleted"] = Answer(status=302, headers={"Location": "/"})
        blog.post("/a", "A quiet record")
        site = new_site(store, f"{blog.url}/feed.xml", SiteKind.FEED)
        crawl(store, site)
    assert articles(store) == [f"{blog.url}/a"]
    assert pages(store, site)["/deleted"] == ("refused", "gone")


def test_a_feed_that_can_not_be_read_fails_its_site_each_time(store: Store) -> None:
    with serve() as blog:
        blog.pages["/feed.xml"] = Answer(b"<html><body>Under construction.</body></html>")
        site = new_site(store, f"{blog.url}/feed.xml", SiteKind.FEED)
        results = [crawl(store, site, at=NOW + dt.timedelta(days=day))[0] for day in range(2)]
    assert [each.outcome for each in results] == [CrawlOutcome.FAILED] * 2
    assert all("not_a_feed" in (each.detail or "") for each in results)


def test_what_was_found_last_is_fetched_first(store: Store) -> None:
    with serve() as blog:
        old = [f"/old/{number}" for number in range(6)]
        for path in (*old, "/new"):
            blog.post(path, f"The band at {path}")
        blog.pages["/feed.xml"] = Answer(rss(*old), "application/rss+xml")
        site = new_site(store, f"{blog.url}/feed.xml", SiteKind.FEED, max_pages=4)
        crawl(store, site)
        blog.pages["/feed.xml"] = Answer(rss("/new", *old), "application/rss+xml")
        blog.forget()
        crawl(store, site, at=NOW + dt.timedelta(days=1))
    assert list(blog.asked()) == ["/feed.xml", "/new", "/old/2"]
