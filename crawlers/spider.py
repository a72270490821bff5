"""The spider: all sites of a batch side by side, each from its own frontier, page by page."""

import asyncio
import datetime as dt
import logging
from collections import deque
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any

from scrapy import Request, Spider
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from crawlers.addresses import is_front, slot_of
from crawlers.fence import Reason, RefusedUrlError, place_of, trap
from crawlers.fence_answers import Refusal, refusal
from crawlers.fence_download import ALLOWED, ROLE
from crawlers.frontier import SiteFrontier
from crawlers.job import CrawlJob
from crawlers.pace import Pace
from crawlers.reading import PageBody
from crawlers.robots import CRAWL, RobotsUnreachableError
from crawlers.storing import Stored, Writer
from crawlers.workers import Workers
from recommenders.store import Store
from recommenders.store.pages import Page, PageRole
from recommenders.store.sites import CrawlOutcome, SiteKind

GONE = "gone"
FAILURES_IN_A_ROW = 5  # after which a site is left alone
LONGEST_WAIT = dt.timedelta(days=7)  # that a server may ask for

log = logging.getLogger(__name__)


class BlogSpider(Spider):
    """Crawls the sites of a job; Scrapy downloads, the frontier says what."""

    name = "blogs"

    def __init__(self, job: CrawlJob, store: Store, workers: Workers, **options: Any) -> None:
        super().__init__(self.name, **options)
        self.is_complete = False
        self._job = job
        self._workers = workers
        self._writer = Writer(store, job)

    async def start(self) -> AsyncIterator[Any]:
        """Crawl all sites; yields nothing, as requests go straight to the downloader.

        When nothing can be stored any more, the crawl ends.
        """
        writing = asyncio.create_task(self._writer.run())
        crawling = asyncio.create_task(self._crawl_all())
        try:
            await asyncio.wait({writing, crawling}, return_when=asyncio.FIRST_COMPLETED)
            if not writing.done():
                await crawling
                await self._writer.close()
            await writing
            self.is_complete = True
        finally:
            crawling.cancel()
        return
        yield

    async def _crawl_all(self) -> None:
        await asyncio.gather(*(self._crawl(site_id) for site_id in self._job.site_ids))

    async def _crawl(self, site_id: int) -> None:
        """One site, to its end, which is recorded; nothing that happens here concerns the others."""
        frontier = await self._writer.begin(site_id)
        if frontier is None:
            log.info("site %d is not there any more, or is crawled by another process", site_id)
            return
        parameters, site = self._job.parameters, frontier.site
        Pace.of(self.crawler).set_site(slot_of(site.url), parameters.delay_s if site.delay_s is None else site.delay_s)
        try:
            async with asyncio.timeout(frontier.budget.max_seconds), asyncio.TaskGroup() as group:
                for _ in range(parameters.concurrency):
                    group.create_task(self._work(frontier))
        except TimeoutError:
            frontier.stop(CrawlOutcome.BUDGET_SPENT, f"{frontier.budget.max_seconds:g} seconds")
        except ExceptionGroup as errors:
            log.exception("site %s: the crawl broke off", site.url)
            frontier.stop(CrawlOutcome.FAILED, f"{type(errors.exceptions[0]).__name__}: {errors.exceptions[0]}"[:500])
        await self._writer.put(frontier)

    async def _work(self, frontier: SiteFrontier) -> None:
        while (page := await frontier.take()) is not None:
            await self._writer.put(await self._fetch(frontier, page))

    async def _fetch(self, frontier: SiteFrontier, page: Page) -> Stored:
        """Ask for a page and read it; what came of it."""
        at = self._job.now()
        try:
            if page.depth and (why := trap(page.url)):
                raise RefusedUrlError(Reason.TRAP, why)
            response = await self._download(self._request(frontier, page))
        except Exception as error:  # whatever it is, `refusal` has a reason for it
            return self._not_had(frontier, page, at, _refusal(error))
        if response.status == 304 and (page.etag or page.last_modified):
            frontier.failed_in_a_row = 0
            return Stored.not_modified(frontier, page, at, response)
        if not 200 <= response.status < 300:
            return self._not_had(frontier, page, at, self._status(frontier, response))
        frontier.failed_in_a_row = 0
        if page.role is PageRole.ARTICLE and response.url != page.url and is_front(response.url, frontier.site.url):
            return self._not_had(frontier, page, at, Refusal(GONE, "it leads to the front page", passing=False))
        body = PageBody(
            response.url,
            page.role,
            response.body,
            (response.headers.get("Content-Type") or b"").decode("latin-1") or None,
            follow=frontier.site.kind is SiteKind.PAGES,
        )
        return Stored.read(frontier, page, at, response, await self._workers.read(body))

    async def _download(self, request: Request) -> Response:
        try:
            return await self.crawler.engine.download_async(request)
        except asyncio.CancelledError:
            for slot in self.crawler.engine.downloader.slots.values():  # it may wait there for its turn
                slot.queue = deque(each for each in slot.queue if each[0] is not request)
            raise

    def _request(self, frontier: SiteFrontier, page: Page) -> Request:
        headers = {}
        if page.etag:
            headers["If-None-Match"] = page.etag
        if page.last_modified:
            headers["If-Modified-Since"] = page.last_modified
        meta: dict[str, Any] = {ROLE: page.role.value, CRAWL: frontier.budget}
        if frontier.allowed:
            meta[ALLOWED] = frontier.allowed
        place_of(page.url)
        return Request(page.url, headers=headers, meta=meta, callback=NO_CALLBACK, dont_filter=True)

    def _not_had(self, frontier: SiteFrontier, page: Page, at: dt.datetime, why: Refusal) -> Stored:
        """Note a failure: the page is tried again or refused; the site is left alone if this is its way."""
        if why.passing:
            frontier.failed_in_a_row += 1
        if page.depth == 0 and page.url == frontier.site.url:
            frontier.stop(CrawlOutcome.FAILED, f"{why.reason}: {why.detail}")
        elif frontier.failed_in_a_row >= FAILURES_IN_A_ROW:
            frontier.stop(
                CrawlOutcome.FAILED, f"{FAILURES_IN_A_ROW} failures in a row, the last: {why.reason}: {why.detail}"
            )
        again = why.passing and page.tries + 1 < self._job.parameters.tries
        return Stored.not_had(frontier, page, at, why, again=again)

    def _status(self, frontier: SiteFrontier, response: Response) -> Refusal:
        passing = response.status >= 500 or response.status in (408, 421, 425, 429)
        if response.status in (429, 503):
            wait = _retry_after(response, self._job.now())
            if wait is not None or response.status == 429:
                frontier.wait_until = self._job.now() + (wait or dt.timedelta(hours=1))
                frontier.stop(CrawlOutcome.ASKED_TO_WAIT, f"status {response.status} at {response.url}")
        return Refusal(Reason.STATUS, str(response.status), passing)


def _refusal(error: Exception) -> Refusal:
    if isinstance(error, RobotsUnreachableError):
        return Refusal(error.reason, error.detail, passing=True)
    return refusal(error)


def _retry_after(response: Response, now: dt.datetime) -> dt.timedelta | None:
    """How long a server asks to be left alone (RFC 9110, 10.2.3), up to a week."""
    text = (response.headers.get("Retry-After") or b"").decode("latin-1").strip()
    if not text:
        return None
    try:
        wait = dt.timedelta(seconds=int(text)) if text.isdigit() else parsedate_to_datetime(text) - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, dt.timedelta(0)), LONGEST_WAIT)
