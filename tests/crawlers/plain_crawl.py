"""A bare Scrapy spider behind the fence, as a process: what came of each URL, and why. Reads and prints JSON."""

import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import scrapy
from scrapy.crawler import CrawlerProcess
from twisted.python.failure import Failure

from crawlers.fence_answers import refusal
from crawlers.fence_download import ALLOWED
from crawlers.fence_settings import FENCE_SETTINGS


class PlainSpider(scrapy.Spider):
    """Asks for each URL once."""

    name = "plain"

    def __init__(self, asked: list[dict[str, Any]]) -> None:
        super().__init__()
        self.asked = asked
        self.found: dict[str, dict[str, Any]] = {}

    async def start(self) -> AsyncIterator[scrapy.Request]:
        """The URLs, all at once."""
        for one in self.asked:
            meta = {ALLOWED: one["allowed"]} if one.get("allowed") else {}
            yield scrapy.Request(
                one["url"],
                meta={**meta, "dont_merge_cookies": True},
                dont_filter=True,
                callback=self.taken,
                errback=self.refused,
                cb_kwargs={"key": one["key"]},
            )

    def taken(self, response: Any, key: str) -> None:
        """An answer that came through."""
        self.found[key] = {"status": response.status, "bytes": len(response.body), "url": response.url}

    def refused(self, failure: Failure) -> None:
        """One that didn't."""
        why = refusal(failure.value)
        key = failure.request.cb_kwargs["key"]  # type: ignore[attr-defined]
        self.found[key] = {"reason": str(why.reason), "detail": why.detail, "passing": why.passing}


def main() -> None:
    """Crawl what stdin says."""
    order = json.load(sys.stdin)
    settings = {"LOG_LEVEL": "ERROR", "RETRY_ENABLED": False, "CONCURRENT_REQUESTS": 200, "DOWNLOAD_TIMEOUT": 3}
    process = CrawlerProcess({**FENCE_SETTINGS, **settings, **order.get("settings", {})})
    crawler = process.create_crawler(PlainSpider)
    process.crawl(crawler, asked=order["urls"])
    process.start()
    assert crawler.spider is not None
    print(json.dumps(crawler.spider.found))


if __name__ == "__main__":
    main()
