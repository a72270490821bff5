"""What the crawl of a site may cost, and has cost."""

import time
from dataclasses import dataclass, field

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response

from crawlers.parameters import CrawlParameters
from crawlers.robots import CRAWL
from recommenders.store.sites import Site


@dataclass
class Budget:
    """The budgets of one crawl of a site, and what of them is spent: requests, bytes as they came, seconds."""

    max_pages: int
    max_bytes: int
    max_seconds: float
    requests: int = 0
    bytes: int = 0
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, site: Site, parameters: CrawlParameters) -> "Budget":
        """The site's own, or else the crawl's."""
        return cls(
            site.max_pages or parameters.max_pages,
            site.max_bytes or parameters.max_bytes,
            site.max_seconds or parameters.max_seconds,
        )

    @property
    def spent(self) -> str | None:
        """Which budget is spent, if one is."""
        if self.requests >= self.max_pages:
            return f"{self.max_pages:,} requests"
        if self.bytes >= self.max_bytes:
            return f"{self.max_bytes:,} bytes"
        return f"{self.max_seconds:g} seconds" if self.seconds_left <= 0 else None

    @property
    def seconds_left(self) -> float:
        """Seconds that are left."""
        return self.began + self.max_seconds - time.monotonic()


class Counted:
    """The downloader middleware nearest to the network: counts each request, robots.txt and redirects too."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "Counted":
        """As Scrapy makes its middlewares."""
        return cls()

    def process_request(self, request: Request) -> None:
        """Count a request."""
        if budget := request.meta.get(CRAWL):
            budget.requests += 1

    def process_response(self, request: Request, response: Response) -> Response:
        """Count an answer, as it came."""
        if budget := request.meta.get(CRAWL):
            budget.bytes += len(response.body)
        return response
