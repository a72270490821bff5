"""A crawl that is killed in the middle is finished by the next one: no article twice, none lost."""

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
import sqlalchemy as sa

from crawlers.job import CrawlJob
from crawlers.launch import DATABASE_VARIABLE, CrawlError
from recommenders.store import Store
from recommenders.store.sites import CrawlOutcome, SiteKind, remove_site
from tests.crawlers.blog import Answer, Blog, listing, serve
from tests.crawlers.crawling import NOW, QUICK, articles, crawl, new_site

POSTS = 60


def _paged(blog: Blog) -> str:
    """A blog of POSTS articles, six on a page."""
    for number in range(POSTS // 6):
        path = "/" if number == 0 else f"/page/{number}"
        posts = [f"/post/{6 * number + place}" for place in range(6)]
        further = f"<a rel='next' href='/page/{number + 1}'>Older posts</a>" if 6 * number + 6 < POSTS else ""
        blog.pages[path] = Answer(listing(*posts, further=further))
    for number in range(POSTS):
        blog.post(f"/post/{number}", f"Record number {number}")
    return f"{blog.url}/"


@contextmanager
def _crawling(store: Store, *site_ids: int) -> Iterator[subprocess.Popen[str]]:
    """A crawling process under way."""
    job = CrawlJob(site_ids=list(site_ids), parameters=QUICK, run_key="cut", began_at=NOW)
    url = store.url.render_as_string(hide_password=False)
    process = subprocess.Popen(
        [sys.executable, "-m", "crawlers"], stdin=subprocess.PIPE, env=os.environ | {DATABASE_VARIABLE: url}, text=True
    )
    assert process.stdin is not None
    process.stdin.write(job.model_dump_json())
    process.stdin.close()
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _wait_for(blog: Blog, requests: int) -> None:
    for _ in range(6000):
        if len(blog.noted) >= requests:
            return
        time.sleep(0.01)
    raise AssertionError(f"only {len(blog.noted)} requests came")


@pytest.mark.parametrize("requests", [3, 17, 40])
def test_a_crawl_that_is_killed_is_finished_by_the_next(store: Store, requests: int) -> None:
    with serve() as blog:
        blog.delay_s = 0.02
        site = new_site(store, _paged(blog), SiteKind.PAGES)
        with _crawling(store, site) as process:
            _wait_for(blog, requests)
            workers = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(signal.SIGKILL)
            process.wait()
        psutil.wait_procs(workers, timeout=10)
        assert not any(worker.is_running() for worker in workers)
        at_first = len(articles(store))
        before = len(blog.noted)
        (result,) = crawl(store, site, at=NOW + dt.timedelta(minutes=1))
        after = len(blog.noted) - before
    assert at_first < POSTS
    assert result.outcome is CrawlOutcome.FINISHED
    assert result.figures.articles == POSTS - at_first
    assert len(articles(store)) == len(set(articles(store))) == POSTS
    assert after <= POSTS // 6 + POSTS - at_first + 2
    with store.begin() as connection:
        outcomes = connection.execute(sa.text("SELECT outcome FROM crawls ORDER BY crawl_id")).scalars().all()
    assert outcomes == ["interrupted", "finished"]


def test_two_crawls_of_one_site_at_once_fetch_nothing_twice(store: Store) -> None:
    with serve() as blog:
        blog.delay_s = 0.5
        site = new_site(store, _paged(blog), SiteKind.PAGES)
        with _crawling(store, site) as process:
            _wait_for(blog, 3)
            assert crawl(store, site) == []
            blog.delay_s = 0
            assert process.wait(timeout=120) == 0
    assert max(blog.asked().values()) == 1
    assert len(articles(store)) == POSTS


def test_a_site_that_is_removed_while_it_is_crawled_does_not_trouble_the_others(store: Store) -> None:
    with serve() as one, serve() as other:
        one.delay_s = other.delay_s = 0.05
        removed = new_site(store, _paged(one), SiteKind.PAGES)
        kept = new_site(store, _paged(other), SiteKind.PAGES)
        with _crawling(store, removed, kept) as process:
            _wait_for(one, 10)
            with store.begin() as connection:
                remove_site(connection, removed)
            assert process.wait(timeout=120) == 0
    with store.begin() as connection:
        outcomes = connection.execute(sa.text("SELECT site_id, outcome FROM crawls")).all()
    assert outcomes == [(kept, "finished")]
    assert sum(url.startswith(other.url) for url in articles(store)) == POSTS


def test_a_batch_that_takes_too_long_is_ended_with_its_workers(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawlers.launch.GRACE_SECONDS", 4.0)
    with serve() as blog:
        blog.pages["/"] = Answer(listing("/a"), delay_s=30)
        site = new_site(store, f"{blog.url}/", SiteKind.PAGES, max_seconds=1)
        held = threading.Event()
        with store.engine.connect() as other:
            other.execute(sa.text("LOCK TABLE mixtape.crawls IN SHARE MODE"))  # so that it can't end by itself
            threading.Timer(10, held.set).start()
            before = psutil.Process().children(recursive=True)
            with pytest.raises(CrawlError, match="was ended"):
                _crawl_until(store, site, other, held)
        left = [each for each in psutil.Process().children(recursive=True) if each not in before]
    assert not left


def _crawl_until(store: Store, site: int, other: sa.Connection, held: threading.Event) -> None:
    """Crawl; what holds the crawl back is let go when it was ended."""
    release = threading.Thread(target=lambda: (held.wait(), other.rollback()))
    release.start()
    try:
        crawl(store, site)
    finally:
        release.join()


def test_a_database_that_goes_away_ends_the_crawl_with_an_error(store: Store) -> None:
    with serve() as blog:
        blog.delay_s = 0.05
        site = new_site(store, _paged(blog), SiteKind.PAGES)
        with _crawling(store, site) as process:
            _wait_for(blog, 10)
            with store.begin() as connection:
                connection.execute(
                    sa.text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )
                connection.execute(sa.text("ALTER TABLE mixtape.pages RENAME TO pages_away"))
            assert process.wait(timeout=60) == 1
        with store.begin() as connection:
            connection.execute(sa.text("ALTER TABLE mixtape.pages_away RENAME TO pages"))
        crawl(store, site)
    assert len(articles(store)) == POSTS
