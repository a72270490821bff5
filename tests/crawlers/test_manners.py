"""How a crawl behaves towards sites: rate, robots.txt, budgets, leaving alone what fails. Measured at the server."""

import datetime as dt
import socket
from itertools import pairwise

import pytest
import sqlalchemy as sa

from recommenders.store import Store
from recommenders.store.sites import LONGEST_DELAY, CrawlOutcome, SiteKind, back_off, due_sites
from tests.crawlers.blog import Answer, Blog, listing, rss, serve
from tests.crawlers.crawling import NOW, articles, crawl, new_site, pages


def _feed(blog: Blog, n_posts: int) -> str:
    paths = [f"/post/{number}" for number in range(n_posts)]
    blog.pages["/feed.xml"] = Answer(rss(*paths), "application/rss+xml")
    for path in paths:
        blog.post(path, f"The band at {path}")
    return f"{blog.url}/feed.xml"


def _gaps(blog: Blog) -> list[float]:
    return [second.at - first.at for first, second in pairwise(blog.noted)]


def _due(store: Store, site_id: int) -> tuple[dt.timedelta, int]:
    """After how long a site is due again, and how often it failed."""
    with store.begin() as connection:
        row = connection.execute(
            sa.text("SELECT next_crawl_at, failures FROM sites WHERE site_id = :id"), {"id": site_id}
        ).one()
    return row.next_crawl_at - NOW, row.failures


def _closed_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def test_a_site_never_sees_requests_faster_than_its_delay(store: Store) -> None:
    with serve() as blog:
        crawl(store, new_site(store, _feed(blog, 6), SiteKind.FEED, delay_s=0.3))
    assert len(blog.noted) == 8
    assert min(_gaps(blog)) >= 0.3


def test_two_sites_on_one_host_share_its_delay(store: Store) -> None:
    with serve() as blog:
        first = new_site(store, _feed(blog, 4), SiteKind.FEED)
        blog.pages["/"] = Answer(listing("/other/1", "/other/2"))
        blog.post("/other/1", "Other one")
        blog.post("/other/2", "Other two")
        second = new_site(store, f"{blog.url}/", SiteKind.PAGES)
        crawl(store, first, second, delay_s=0.2)
    assert len(blog.noted) == 9
    assert min(_gaps(blog)) >= 0.2


def test_the_crawl_delay_of_robots_txt_is_kept(store: Store) -> None:
    with serve() as blog:
        blog.pages["/robots.txt"] = Answer(b"User-agent: *\nCrawl-delay: 0.4\n", "text/plain")
        crawl(store, new_site(store, _feed(blog, 3), SiteKind.FEED))
    assert len(blog.noted) == 5
    assert min(_gaps(blog)) >= 0.4


def test_a_slow_site_is_asked_less_often(store: Store) -> None:
    with serve() as blog:
        blog.delay_s = 0.4
        crawl(store, new_site(store, _feed(blog, 4), SiteKind.FEED), throttle=True)
    later = _gaps(blog)[3:]
    assert min(later) >= 0.6  # the 0.4 that an answer takes, and a good part of that again


def test_robots_txt_is_obeyed_and_what_it_forbids_is_never_asked_for(store: Store) -> None:
    with serve() as blog:
        rules = b"User-agent: *\nDisallow: /\n\nUser-agent: MondayMixtape\nDisallow: /post/1\nAllow: /\n"
        blog.pages["/robots.txt"] = Answer(rules, "text/plain")
        site = new_site(store, _feed(blog, 3), SiteKind.FEED)
        crawl(store, site)
    assert "/post/1" not in blog.asked()
    assert pages(store, site)["/post/1"] == ("refused", "robots_txt")
    assert articles(store) == [f"{blog.url}/post/0", f"{blog.url}/post/2"]


def test_robots_txt_holds_for_where_a_redirect_leads(store: Store) -> None:
    with serve() as blog:
        blog.pages["/robots.txt"] = Answer(b"User-agent: *\nDisallow: /secret\n", "text/plain")
        blog.pages["/feed.xml"] = Answer(rss("/open"), "application/rss+xml")
        blog.pages["/open"] = Answer(status=302, headers={"Location": "/secret/a"})
        blog.post("/secret/a", "A secret record")
        site = new_site(store, f"{blog.url}/feed.xml", SiteKind.FEED)
        crawl(store, site)
    assert "/secret/a" not in blog.asked()
    assert pages(store, site)["/open"] == ("refused", "robots_txt")


def test_a_site_whose_robots_txt_fails_is_left_alone(store: Store) -> None:
    with serve() as blog:
        blog.pages["/robots.txt"] = Answer(b"broken", "text/plain", status=500)
        site = new_site(store, _feed(blog, 3), SiteKind.FEED)
        (result,) = crawl(store, site)
    assert result.outcome is CrawlOutcome.FAILED
    assert not blog.asked()


def test_a_rule_that_would_take_for_ever_to_match_does_not_stop_the_crawl(store: Store) -> None:
    with serve() as blog:
        rules = b"User-agent: *\nDisallow: /" + b"*a" * 200 + b"b$\nDisallow: /post/1\n"
        blog.pages["/robots.txt"] = Answer(rules, "text/plain")
        long = "/" + "a" * 500
        blog.pages["/feed.xml"] = Answer(rss("/post/0", "/post/1", long), "application/rss+xml")
        blog.post("/post/0", "A record")
        blog.post(long, "A long record")
        site = new_site(store, f"{blog.url}/feed.xml", SiteKind.FEED)
        (result,) = crawl(store, site, max_seconds=30)
    assert result.outcome is CrawlOutcome.FINISHED
    assert len(articles(store)) == 2


def test_the_user_agent_says_who_asks_and_where_to_reach_them(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIXTAPE_CRAWL_CONTACT", "https://radio.example/bot")
    with serve() as blog:
        crawl(store, new_site(store, _feed(blog, 1), SiteKind.FEED))
    agents = {each.headers["User-Agent"] for each in blog.noted}
    assert len(agents) == 1
    (agent,) = agents
    assert agent.startswith("MondayMixtape/")
    assert agent.endswith(" (+https://radio.example/bot)")


def test_the_budget_of_pages_bounds_a_crawl_and_the_next_one_goes_on(store: Store) -> None:
    with serve() as blog:
        site = new_site(store, _feed(blog, 10), SiteKind.FEED, max_pages=6)
        first, second, third = (crawl(store, site, at=NOW + dt.timedelta(days=day))[0] for day in range(3))
        asked = len(blog.noted)
    assert [each.outcome for each in (first, second, third)] == [
        CrawlOutcome.BUDGET_SPENT,
        CrawlOutcome.BUDGET_SPENT,
        CrawlOutcome.FINISHED,
    ]
    assert first.detail == "6 requests"
    assert [each.figures.articles for each in (first, second, third)] == [4, 4, 2]
    assert asked == 6 + 6 + 4


def test_a_site_with_pages_left_is_due_at_once_and_another_one_when_a_day_is_over(store: Store) -> None:
    with serve() as blog:
        cut = new_site(store, _feed(blog, 10), SiteKind.FEED, max_pages=3)
        blog.pages["/other.xml"] = Answer(rss(), "application/rss+xml")
        done = new_site(store, f"{blog.url}/other.xml", SiteKind.FEED)
        crawl(store, cut, done)
    assert _due(store, cut)[0] < dt.timedelta(minutes=5)
    assert dt.timedelta(hours=20) <= _due(store, done)[0] < dt.timedelta(hours=21)
    with store.begin() as connection:
        assert due_sites(connection, NOW + dt.timedelta(minutes=5)) == [cut]


def test_the_budget_of_bytes_bounds_a_crawl(store: Store) -> None:
    with serve() as blog:
        site = new_site(store, _feed(blog, 10), SiteKind.FEED, max_bytes=3000)
        (result,) = crawl(store, site)
    assert (result.outcome, result.detail) == (CrawlOutcome.BUDGET_SPENT, "3,000 bytes")
    sent = [each.length for each in blog.noted]
    assert sum(sent[:-1]) < 3000 <= sum(sent)


def test_the_budget_of_seconds_bounds_a_crawl(store: Store) -> None:
    with serve() as blog:
        site = new_site(store, _feed(blog, 50), SiteKind.FEED, max_seconds=4)
        blog.delay_s = 0.2
        (result,) = crawl(store, site)
        asked = len(blog.noted)
        crawl(store, site, max_seconds=60)
    assert (result.outcome, result.detail) == (CrawlOutcome.BUDGET_SPENT, "4 seconds")
    assert 2 < asked <= 22


def test_a_crawl_delay_beyond_the_budget_ends_the_crawl_without_another_request(store: Store) -> None:
    with serve() as blog:
        blog.pages["/robots.txt"] = Answer(b"User-agent: *\nCrawl-delay: 86400\n", "text/plain")
        site = new_site(store, _feed(blog, 3), SiteKind.FEED, max_seconds=2)
        (result,) = crawl(store, site)
    assert result.outcome is CrawlOutcome.BUDGET_SPENT
    assert [each.path for each in blog.noted] == ["/robots.txt"]


def test_a_failing_site_is_left_alone_for_twice_as_long_each_time_and_does_not_delay_the_others(store: Store) -> None:
    with serve() as good, serve() as bad:
        bad.pages["/feed.xml"] = Answer(b"", status=500)
        failing = new_site(store, f"{bad.url}/feed.xml", SiteKind.FEED)
        waits = []
        for number in range(3):
            fine = new_site(store, _feed(good, 3), SiteKind.FEED)
            results = crawl(store, failing, fine)
            waits.append(_due(store, failing))
            assert {each.site_id: each.outcome for each in results} == {
                failing: CrawlOutcome.FAILED,
                fine: CrawlOutcome.FINISHED,
            }
            assert bad.asked() == {"/feed.xml": number + 1}
        bad.pages["/feed.xml"] = Answer(rss(), "application/rss+xml")
        crawl(store, failing)
    minutes = [wait.total_seconds() // 60 for wait, _ in waits]
    assert minutes == [15, 30, 60]
    assert [failures for _, failures in waits] == [1, 2, 3]
    assert _due(store, failing)[1] == 0
    assert len(articles(store)) == 3


def test_no_site_is_given_up_for_longer_than_a_week() -> None:
    waits = [back_off(failures) for failures in range(100)]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_DELAY == dt.timedelta(days=7)


def test_a_site_that_asks_to_wait_is_left_alone_at_once_and_for_as_long(store: Store) -> None:
    with serve() as blog:
        site = new_site(store, _feed(blog, 5), SiteKind.FEED)
        blog.pages["/post/1"] = Answer(b"", status=429, headers={"Retry-After": "7200"})
        (result,) = crawl(store, site)
        assert result.outcome is CrawlOutcome.ASKED_TO_WAIT
        assert list(blog.asked()) == ["/feed.xml", "/post/0", "/post/1"]
        assert dt.timedelta(hours=2) <= _due(store, site)[0] < dt.timedelta(hours=3)
        assert pages(store, site)["/post/1"][0] == "waiting"
        blog.post("/post/1", "A record at last")
        crawl(store, site, at=NOW + dt.timedelta(hours=3))
    assert len(articles(store)) == 5


def test_a_site_that_fails_again_and_again_is_left_before_all_of_it_was_tried(store: Store) -> None:
    with serve() as blog:
        url = _feed(blog, 20)
        for number in range(3, 20):
            blog.pages[f"/post/{number}"] = Answer(b"", status=502)
        site = new_site(store, url, SiteKind.FEED)
        (result,) = crawl(store, site)
    assert result.outcome is CrawlOutcome.FAILED
    assert len(blog.asked()) == 1 + 3 + 5


def test_a_page_that_fails_is_tried_again_by_the_next_crawls_and_then_refused(store: Store) -> None:
    with serve() as blog:
        url = _feed(blog, 2)
        blog.pages["/post/1"] = Answer(b"", status=500)
        site = new_site(store, url, SiteKind.FEED)
        states = []
        for day in range(4):
            crawl(store, site, at=NOW + dt.timedelta(days=day))
            states.append(pages(store, site)["/post/1"])
    assert states == [("waiting", "status"), ("waiting", "status"), ("refused", "status"), ("refused", "status")]
    assert blog.asked()["/post/1"] == 3


def test_nobody_at_the_address_is_a_failure_of_the_site_alone(store: Store) -> None:
    with serve() as blog:
        gone = new_site(store, "http://127.0.0.1:19/feed.xml", SiteKind.FEED)
        closed = new_site(store, f"http://127.0.0.1:{_closed_port()}/feed.xml", SiteKind.FEED)
        unknown = new_site(store, "http://nobody.invalid/feed.xml", SiteKind.FEED)
        fine = new_site(store, _feed(blog, 2), SiteKind.FEED)
        results = crawl(store, gone, closed, unknown, fine)
    assert [each.outcome for each in results] == [*[CrawlOutcome.FAILED] * 3, CrawlOutcome.FINISHED]


def test_a_site_that_is_not_allowed_to_be_private_is_not_asked(store: Store) -> None:
    with serve() as blog:
        site = new_site(store, _feed(blog, 2), SiteKind.FEED, allow_private=False)
        (result,) = crawl(store, site)
    assert result.outcome is CrawlOutcome.FAILED
    assert "private_address" in (result.detail or "")
    assert not blog.noted
