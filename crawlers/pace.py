"""How fast hosts are asked: never faster than a site's delay and robots.txt allow, slower where a host is slow."""

from time import monotonic

from scrapy import Request, signals
from scrapy.core.downloader import Slot
from scrapy.crawler import Crawler
from scrapy.extensions.throttle import AutoThrottle
from scrapy.http import Response

from crawlers.addresses import slot_of


class Pace:
    """The least seconds between two requests to each host; one of them for a crawling process."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._delays: dict[str, float] = {}

    @classmethod
    def of(cls, crawler: Crawler) -> "Pace":
        """The one that the settings hold."""
        pace = crawler.settings["PACE"]
        assert isinstance(pace, cls)
        return pace

    def delay(self, slot: str) -> float:
        """The least seconds between two requests to a host."""
        return self._delays.get(slot, self._delay_s)

    def set_site(self, slot: str, delay_s: float) -> None:
        """Note the delay of a site; of two sites on one host the slower counts."""
        self._delays[slot] = max(self._delays.get(slot, 0.0), delay_s)

    def slow_down(self, slot: str, delay_s: float) -> None:
        """Note what robots.txt asks for."""
        self._delays[slot] = max(self.delay(slot), delay_s)


class PacedRequests:
    """A downloader middleware that queues each request, also of a redirect, with its own host."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._pace = Pace.of(crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "PacedRequests":
        """As Scrapy makes its middlewares."""
        paced = cls(crawler)
        crawler.signals.connect(paced.answered, signals.response_downloaded)
        return paced

    def process_request(self, request: Request) -> None:
        """Choose the queue."""
        name = slot_of(request.url)
        request.meta["download_slot"] = name
        _, slot = self._crawler.engine.downloader._get_slot(request)
        slot.delay = max(slot.delay, self._pace.delay(name))

    def process_exception(self, request: Request, exception: Exception) -> None:
        """Count it from a failure on, too."""
        self.answered(request)

    def answered(self, request: Request) -> None:
        """Count the delay from the answer on: a request may be long on its way, the next one after it is not."""
        slot = self._crawler.engine.downloader.slots.get(request.meta.get("download_slot", ""))
        if slot is not None:
            slot.lastseen = monotonic()


class Throttle(AutoThrottle):
    """Scrapy's AutoThrottle, with the least delay of each host."""

    def _adjust_delay(self, slot: Slot, latency: float, response: Response) -> None:
        super()._adjust_delay(slot, latency, response)
        slot.delay = max(slot.delay, Pace.of(self.crawler).delay(slot_of(response.url)))
