"""What is next on a site: the pages that wait in Postgres, those that were just found, and when there are no more."""

import asyncio
import datetime as dt
import heapq
from dataclasses import dataclass, field

from crawlers.budgets import Budget
from recommenders.store.pages import Page
from recommenders.store.sites import CrawlFigures, CrawlOutcome, Site


@dataclass
class SiteFrontier:
    """One crawl of one site as it goes: the pages that are next, and what came of those before.

    A page is open from when it is taken until what came of it is stored: only then is it known what it leads to.
    """

    site: Site
    crawl_id: int
    began_at: dt.datetime
    budget: Budget
    max_depth: int
    allowed: str | None = None
    addresses: int = 0
    not_modified: int = 0
    articles: int = 0
    refused: int = 0
    failed_in_a_row: int = 0
    stopped: tuple[CrawlOutcome, str] | None = None
    wait_until: dt.datetime | None = None
    _waiting: list[tuple[tuple[bool, float, int], Page]] = field(default_factory=list)
    _open: set[int] = field(default_factory=set)
    _open_entries: set[int] = field(default_factory=set)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def put(self, pages: list[Page]) -> None:
        """Queue pages: first what is asked for at each crawl, then what was found last, in the order of the page."""
        for page in pages:
            heapq.heappush(self._waiting, ((page.depth > 0, -page.found_at.timestamp(), page.page_id), page))

    async def take(self) -> Page | None:
        """The next page, when there is one; None when there will be none: all is done, or the crawl was stopped."""
        async with self._changed:
            while not self.over and not self._has_next and self._open:
                await self._changed.wait()
            if self.over or not self._waiting:
                self._changed.notify_all()
                return None
            page = heapq.heappop(self._waiting)[1]
            self._open.add(page.page_id)
            if page.depth == 0:
                self._open_entries.add(page.page_id)
            return page

    @property
    def _has_next(self) -> bool:
        """Whether it is known what is next: what the site's own address names today goes before what waits already."""
        return bool(self._waiting) and (self._waiting[0][1].depth == 0 or not self._open_entries)

    async def settle(self, stored: set[int], found: list[Page]) -> None:
        """Note of which pages, by id, it is stored what came of them, and which pages wait since then."""
        async with self._changed:
            self.put(found)
            self._open -= stored
            self._open_entries -= stored
            self._changed.notify_all()

    def stop(self, outcome: CrawlOutcome, detail: str) -> None:
        """Let the crawl of this site end; the first reason counts."""
        self.stopped = self.stopped or (outcome, detail)

    @property
    def over(self) -> bool:
        """Whether no further page is to be asked for."""
        if self.stopped is None and (spent := self.budget.spent) and self._waiting:
            self.stop(CrawlOutcome.BUDGET_SPENT, spent)
        return self.stopped is not None

    @property
    def figures(self) -> CrawlFigures:
        """What the crawl cost and brought so far."""
        return CrawlFigures(self.budget.requests, self.not_modified, self.budget.bytes, self.articles, self.refused)
