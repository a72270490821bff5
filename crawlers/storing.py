"""What came of pages, on its way into Postgres: an article and the page that it is of in one transaction.

What is stored while another transaction runs goes into the next one, all of it together.
"""

import asyncio
import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from scrapy.http import Response
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError

from crawlers.budgets import Budget
from crawlers.fence import RefusedUrlError, allowance
from crawlers.fence_answers import Refusal
from crawlers.frontier import SiteFrontier
from crawlers.job import CrawlJob
from crawlers.reading import Lead, PageRead
from recommenders.language.articles import as_row, save_articles
from recommenders.store import Store
from recommenders.store.articles import ArticleRow
from recommenders.store.pages import (
    FoundAddress,
    Page,
    PageResult,
    PageRole,
    PageState,
    add_addresses,
    count_addresses,
    count_waiting,
    open_frontier,
    save_results,
    set_aside,
)
from recommenders.store.sites import (
    CrawlEnd,
    CrawlOutcome,
    SiteKind,
    begin_crawl,
    count_crawl,
    get_sites,
    hold_site,
    note_crawl,
)

MOST_AT_ONCE = 100
BARREN_DEPTH = 2  # a list deeper than that, on which nothing is new, leads no further

_ENTRY_ROLES = {
    SiteKind.FEED: PageRole.FEED,
    SiteKind.SITEMAP: PageRole.SITEMAP,
    SiteKind.PAGES: PageRole.LISTING,
}

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stored:
    """What came of one page: its state, its article, the addresses that it names."""

    frontier: SiteFrontier
    page: Page
    result: PageResult
    article: ArticleRow | None = None
    leads: tuple[Lead, ...] = ()

    @classmethod
    def not_modified(cls, frontier: SiteFrontier, page: Page, at: dt.datetime, response: Response) -> "Stored":
        """Of a page that is as it was."""
        etag, modified = _validators(response)
        frontier.not_modified += 1
        return cls(frontier, page, PageResult(page.page_id, PageState.FETCHED, at, 0, etag, modified, True))

    @classmethod
    def not_had(cls, frontier: SiteFrontier, page: Page, at: dt.datetime, why: Refusal, *, again: bool) -> "Stored":
        """Of a page that could not be had; it waits on, if it is to be tried `again`, and always if it is an entry."""
        state = PageState.WAITING if again or page.depth == 0 else PageState.REFUSED
        frontier.refused += state is PageState.REFUSED
        result = PageResult(
            page.page_id,
            state,
            at,
            page.tries + 1,
            page.etag,
            page.last_modified,
            reason=str(why.reason),
            detail=why.detail,
        )
        return cls(frontier, page, result)

    @classmethod
    def read(cls, frontier: SiteFrontier, page: Page, at: dt.datetime, response: Response, read: PageRead) -> "Stored":
        """Of a page that was read."""
        etag, modified = _validators(response)
        article = None
        if read.article is not None:
            article = as_row(
                read.article,
                source="crawl",
                fetched_at=at,
                site_id=frontier.site.site_id,
                published_at=page.published_at,
            )
        refused = read.reason is not None
        if refused:
            etag = modified = None  # to look at it again, whether or not it has changed
        frontier.refused += refused
        if refused and page.depth == 0 and page.url == frontier.site.url:
            frontier.stop(CrawlOutcome.FAILED, f"{read.reason}: {read.detail}")
        state = PageState.REFUSED if refused else PageState.FETCHED
        result = PageResult(
            page.page_id, state, at, 0, etag, modified, reason=read.reason, detail=read.detail or None, role=read.role
        )
        return cls(frontier, page, result, article, read.leads if page.depth < frontier.max_depth else ())

    def unusable(self, error: Exception) -> "Stored":
        """The same page, set aside because what it brought can't be stored."""
        result = PageResult(
            self.page.page_id,
            PageState.REFUSED,
            self.result.fetched_at,
            reason="not_storable",
            detail=type(error).__name__,
        )
        return Stored(self.frontier, self.page, result)


def _validators(response: Response) -> tuple[str | None, str | None]:
    """ETag and Last-Modified of an answer, to be given back as they are."""
    values = (response.headers.get(name) for name in ("ETag", "Last-Modified"))
    etag, modified = (value.decode("latin-1")[:1000].replace("\0", "") if value else None for value in values)
    return etag, modified


class Writer:
    """Writes what came of pages, one transaction after the other, beside the reactor."""

    def __init__(self, store: Store, job: CrawlJob) -> None:
        self._store = store
        self._job = job
        self._holding = store.engine.connect()
        self._queue: asyncio.Queue[Stored | SiteFrontier | None] = asyncio.Queue(maxsize=2 * MOST_AT_ONCE)
        self._database = asyncio.Lock()

    async def begin(self, site_id: int) -> SiteFrontier | None:
        """Begin the crawl of a site; None where another process crawls it, or it is not there any more."""
        return await self._in_turn(self._begin, site_id)

    def _begin(self, site_id: int) -> SiteFrontier | None:
        is_held = hold_site(self._holding, site_id)
        self._holding.commit()  # the hold is the connection's, not the transaction's
        if not is_held:
            return None
        now, parameters = self._job.now(), self._job.parameters
        with self._store.begin() as connection:
            site = next(iter(get_sites(connection, [site_id])), None)
            if site is None:
                return None
            budget = Budget.of(site, parameters)
            frontier = SiteFrontier(
                site,
                begin_crawl(connection, site_id, self._job.run_key, now),
                now,
                budget,
                max_depth=parameters.max_depth,
            )
            pages = open_frontier(connection, site_id, site.url, _ENTRY_ROLES[site.kind], budget.max_pages, now)
            frontier.addresses = count_addresses(connection, site_id)
        try:
            frontier.allowed = allowance(site.url) if site.allow_private else None
        except RefusedUrlError as error:
            frontier.stop(CrawlOutcome.FAILED, str(error))
        frontier.put(pages)
        return frontier

    def _end(self, frontier: SiteFrontier) -> None:
        now = self._job.now()
        with self._store.begin() as connection:
            outcome, detail = frontier.stopped or (CrawlOutcome.FINISHED, "")
            waiting = count_waiting(connection, frontier.site.site_id)
            due = frontier.wait_until or now
            if outcome is CrawlOutcome.FINISHED:
                due = now + dt.timedelta(hours=self._job.parameters.every_hours)
            count_crawl(connection, frontier.crawl_id, frontier.figures)
            note_crawl(connection, frontier.crawl_id, CrawlEnd(outcome, detail, now, due))
        log.info(
            "%s: %s%s, %s articles, %s requests, %s pages wait",
            frontier.site.name,
            outcome.replace("_", " "),
            f" ({detail})" if detail else "",
            f"{frontier.articles:,}",
            f"{frontier.budget.requests:,}",
            f"{waiting:,}",
        )

    async def put(self, item: Stored | SiteFrontier) -> None:
        """Let something be stored soon: what came of a page, or, after all its pages, how a site's crawl ended."""
        await self._queue.put(item)

    async def close(self) -> None:
        """Let `run` end, once everything is stored."""
        await self._queue.put(None)

    async def run(self) -> None:
        """Store what is put, until `close`."""
        going = True
        while going:
            batch = [await self._queue.get()]
            while not self._queue.empty() and len(batch) < MOST_AT_ONCE:
                batch.append(self._queue.get_nowait())
            going = None not in batch
            await self._store_all([each for each in batch if isinstance(each, Stored)])
            for each in batch:
                if isinstance(each, SiteFrontier):
                    await self._in_turn(self._end, each)
        await self._in_turn(self._holding.close)

    async def _in_turn(self, work: Callable[..., T], *given: object) -> T:
        async with self._database:
            return await asyncio.to_thread(work, *given)

    async def _store_all(self, batch: list[Stored]) -> None:
        if not batch:
            return
        found = await self._in_turn(self._write_what_can_be, batch)
        for site_id, frontier in {each.page.site_id: each.frontier for each in batch}.items():
            stored = {each.page.page_id for each in batch if each.page.site_id == site_id}
            await frontier.settle(stored, [page for page in found if page.site_id == site_id])

    def _write_what_can_be(self, batch: list[Stored]) -> list[Page]:
        """Store a batch; where something in it can't be stored, each alone, and of that only that it can't."""
        try:
            return self._write(batch)
        except (DataError, IntegrityError, ValueError) as error:
            if len(batch) > 1:
                return [page for each in batch for page in self._write_what_can_be([each])]
            log.exception("%s can't be stored", batch[0].page.url)
            return self._write([batch[0].unusable(error)])

    def _write(self, batch: list[Stored]) -> list[Page]:
        """One transaction; the pages that wait since then."""
        articles = [each for each in batch if each.article is not None]
        with self._store.begin() as connection:
            saved = save_articles(connection, [each.article for each in articles if each.article is not None])
            save_results(connection, [each.result for each in batch])
            set_aside(connection, [each.page.url for each in batch], [each.result for each in batch])
            found = self._add_leads(connection, batch)
            fresh = saved.new | saved.changed
            for each, article_id in zip(articles, saved.ids, strict=True):
                each.frontier.articles += article_id in fresh
            for frontier in {each.page.site_id: each.frontier for each in batch}.values():
                count_crawl(connection, frontier.crawl_id, frontier.figures)
        return found

    def _add_leads(self, connection: Connection, batch: list[Stored]) -> list[Page]:
        """Note where pages lead: first to articles, and then further, where that brings anything new."""
        batch = [each for each in batch if each.frontier.addresses < self._job.parameters.max_addresses]
        articles = [(each, lead) for each in batch for lead in each.leads if lead.role is PageRole.ARTICLE]
        pages, is_new = self._add(connection, [_address(each, lead) for each, lead in articles])
        with_news = {each.page.page_id for (each, _), new in zip(articles, is_new, strict=True) if new}
        further = []
        for each in batch:
            has_news = each.page.page_id in with_news
            for lead in each.leads:
                if lead.role is PageRole.SITEMAP:
                    further.append(_address(each, lead, again=lead.changed_at is None))
                elif lead.role is not PageRole.ARTICLE and (has_news or each.page.depth < BARREN_DEPTH):
                    further.append(_address(each, lead, again=has_news))
        pages += self._add(connection, further)[0]
        for each in {each.page.site_id: each for each in batch}.values():
            each.frontier.addresses += sum(page.site_id == each.page.site_id for page in pages)
        return pages

    def _add(self, connection: Connection, found: list[FoundAddress]) -> tuple[list[Page], list[bool]]:
        return add_addresses(connection, found, self._job.began_at)


def _address(stored: Stored, lead: Lead, *, again: bool = False) -> FoundAddress:
    page = stored.page
    depth = 0 if lead.entry else page.depth + 1
    return FoundAddress(page.site_id, lead.url, lead.role, depth, lead.published_at, lead.changed_at, again)
