"""The crawling process: `python -m crawlers`, its job as JSON on standard input, the database in the environment."""

import logging
import os
import signal
import sys

from scrapy.crawler import AsyncCrawlerProcess

from crawlers.job import CrawlJob
from crawlers.launch import DATABASE_VARIABLE, PARENT_VARIABLE
from crawlers.processes import end_with
from crawlers.settings import crawl_settings
from crawlers.spider import BlogSpider
from crawlers.workers import Workers
from recommenders.settings import Settings
from recommenders.store import Store


def main() -> int:
    """Crawl; the exit code is 0 when everything is recorded, however the sites fared."""
    if parent := os.environ.get(PARENT_VARIABLE):
        end_with(int(parent))
    job = CrawlJob.model_validate_json(sys.stdin.read())
    store = Store(os.environ.pop(DATABASE_VARIABLE))
    contact = Settings().crawl_contact
    _log_what_matters()
    process = AsyncCrawlerProcess(crawl_settings(job.parameters, contact))
    if not contact:
        logging.getLogger("crawlers").warning(
            "Sites are not told whom to ask about this crawler: set MIXTAPE_CRAWL_CONTACT to an address or a page."
        )
    with Workers(job.parameters.workers, job.parameters.page_seconds) as workers:
        crawler = process.create_crawler(BlogSpider)
        process.crawl(crawler, job=job, store=store, workers=workers)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        process.start()
    store.close()
    return 0 if crawler.spider is not None and crawler.spider.is_complete else 1


def _log_what_matters() -> None:
    """Log this project's lines, and Scrapy's warnings."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    handler.addFilter(lambda record: record.levelno >= logging.WARNING or record.name.startswith(("crawlers", "recom")))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


if __name__ == "__main__":
    sys.exit(main())
