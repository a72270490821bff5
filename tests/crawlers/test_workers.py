"""Reading pages in worker processes: a page that crashes or hangs its reader costs itself, nothing else."""

import asyncio
import os
import signal

import psutil
import pytest

from crawlers.reading import PageBody, PageRead, read_page
from crawlers.workers import Workers
from recommenders.store.pages import PageRole
from tests.crawlers.blog import article


def _page(words: str) -> PageBody:
    return PageBody(f"https://blog.example/{words}", PageRole.ARTICLE, article(words), "text/html", follow=True)


def _read(workers: Workers, *pages: PageBody) -> list[PageRead]:
    async def all_of_them() -> list[PageRead]:
        return list(await asyncio.gather(*(workers.read(page) for page in pages)))

    return asyncio.run(all_of_them())


def _processes() -> list[psutil.Process]:
    return [each for each in psutil.Process().children() if "crawlers.worker" in each.cmdline()]


def test_pages_are_read_side_by_side() -> None:
    with Workers(2, 20) as workers:
        found = _read(workers, *(_page(f"record {number}") for number in range(8)))
    assert [each.article.title for each in found if each.article] == [f"record {number}" for number in range(8)]
    assert not _processes()


def test_a_reader_that_is_killed_costs_the_page_that_it_read() -> None:
    with Workers(1, 20) as workers:
        _read(workers, _page("before"))
        (reader,) = _processes()
        reader.send_signal(signal.SIGSTOP)

        async def with_a_crash() -> list[PageRead]:
            reading = [asyncio.ensure_future(workers.read(_page(words))) for words in ("during", "after")]
            await asyncio.sleep(0.5)
            os.kill(reader.pid, signal.SIGKILL)
            return list(await asyncio.gather(*reading))

        during, after = asyncio.run(with_a_crash())
    assert (during.article, during.reason) == (None, "crashed")
    assert after.article is not None


def test_a_reader_that_hangs_is_ended_in_time() -> None:
    with Workers(1, 1.0) as workers:
        _read(workers, _page("before"))
        (reader,) = _processes()
        reader.send_signal(signal.SIGSTOP)
        hung, after = _read(workers, _page("during"), _page("after"))
        assert not reader.is_running()
    assert (hung.article, hung.reason) == (None, "too_slow")
    assert after.article is not None


@pytest.mark.parametrize("role", list(PageRole))
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0" * 5000,
        b"<" * 20_000,
        b"<div>" * 50_000,
        b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'aaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><urlset>&b;</urlset>",
        b"\x1f\x8b" + b"x" * 500,
        b"<a href='http://[::1'>x</a><a href='//'>y</a><a href='http://x:99999/'>z</a>" * 50,
        bytes(range(256)) * 200,
    ],
    ids=["nothing", "zeros", "brackets", "deep", "entities", "no gzip", "no addresses", "any byte"],
)
def test_whatever_a_page_holds_there_is_an_answer(role: PageRole, body: bytes) -> None:
    read = read_page(PageBody("https://blog.example/page", role, body, None, follow=True))
    assert not read.leads
    assert role in (PageRole.LISTING, PageRole.SITEMAP) or (read.article is None) == (read.reason is not None)
