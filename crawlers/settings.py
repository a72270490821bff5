"""Scrapy's settings for a crawl: polite, lean, within the fence; each that matters is spelled out."""

from importlib.metadata import version
from typing import Any

from crawlers.fence_settings import FENCE_SETTINGS
from crawlers.pace import Pace
from crawlers.parameters import CrawlParameters
from crawlers.robots import AGENT

_BUILT_IN = "scrapy.downloadermiddlewares"


def user_agent(contact: str | None) -> str:
    """Who asks, and where its operator can be reached."""
    return f"{AGENT}/{version('monday-mixtape')}" + (f" (+{contact})" if contact else "")


def crawl_settings(parameters: CrawlParameters, contact: str | None) -> dict[str, Any]:
    """The settings of one crawling process."""
    return {
        **FENCE_SETTINGS,
        "DOWNLOAD_TIMEOUT": parameters.response_seconds,
        "DOWNLOAD_MAXSIZE": parameters.response_bytes,
        "USER_AGENT": user_agent(contact),
        "DEFAULT_REQUEST_HEADERS": {
            "Accept": "text/html,application/xhtml+xml,application/rss+xml,application/atom+xml,application/feed+json,"
            "application/xml;q=0.9,text/plain;q=0.5,*/*;q=0.1",
            "Accept-Language": "en,*;q=0.5",
        },
        "CONCURRENT_REQUESTS": 0,  # sites bound themselves
        "CONCURRENT_REQUESTS_PER_DOMAIN": parameters.concurrency,
        "DOWNLOAD_DELAY": 0,  # `pace` has one for each host
        "DOWNLOAD_DELAY_JITTER": 0,  # it would go below what was agreed on
        "AUTOTHROTTLE_ENABLED": parameters.throttle,
        "AUTOTHROTTLE_START_DELAY": 0,
        "PACE": Pace(parameters.delay_s),
        "ROBOTSTXT_OBEY": False,  # in its stead, `robots.Robots`
        "RETRY_ENABLED": False,  # the frontier keeps what waits for another try
        "REFERRER_POLICY": "no-referrer",
        "LOG_INSTALL_ROOT_HANDLER": False,
        "LOGSTATS_INTERVAL": 0,
        "EXTENSIONS": {
            "scrapy.extensions.memusage.MemoryUsage": None,
            "crawlers.memory.OwnMemoryUsage": 0,
            "scrapy.extensions.corestats.CoreStats": None,
            "scrapy.extensions.logstats.LogStats": None,
            "scrapy.extensions.spiderstate.SpiderState": None,
            "scrapy.extensions.feedexport.FeedExporter": None,
            "scrapy.extensions.throttle.AutoThrottle": None,
            "crawlers.pace.Throttle": 0,
        },
        "DOWNLOADER_MIDDLEWARES": {
            **FENCE_SETTINGS["DOWNLOADER_MIDDLEWARES"],
            f"{_BUILT_IN}.offsite.OffsiteMiddleware": None,
            f"{_BUILT_IN}.httpauth.HttpAuthMiddleware": None,
            f"{_BUILT_IN}.stats.DownloaderStats": None,
            "crawlers.robots.Robots": 100,
            "crawlers.pace.PacedRequests": 900,
            "crawlers.budgets.Counted": 910,
        },
    }
