"""Crawls of real servers on loopback into a real Postgres."""

from recommenders.store import Store
from recommenders.store.sites import CrawlOutcome, SiteKind
from tests.crawlers.blog import Answer, rss, serve
from tests.crawlers.crawling import articles, crawl, new_site


def test_what_a_feed_names_is_fetched_and_stored(store: Store) -> None:
    with serve() as blog:
        blog.pages["/feed.xml"] = Answer(rss("/a", "/b", "/c"), "application/rss+xml")
        for path in ("/a", "/b", "/c"):
            blog.post(path, f"The band at {path}")
        site = new_site(store, f"{blog.url}/feed.xml", SiteKind.FEED)
        (result,) = crawl(store, site)
    assert result.outcome is CrawlOutcome.FINISHED
    assert articles(store) == [f"{blog.url}/a", f"{blog.url}/b", f"{blog.url}/c"]
