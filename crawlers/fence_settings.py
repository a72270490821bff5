"""Scrapy's settings that put the fence up; merged into those of the crawl."""

from typing import Any

FENCE_SETTINGS: dict[str, Any] = {
    "DOWNLOAD_HANDLERS": {
        "http": "crawlers.fence_download.FencedDownloadHandler",
        "https": "crawlers.fence_download.FencedDownloadHandler",
        "file": None,
        "ftp": None,
        "s3": None,
        "data": None,
    },
    "DOWNLOADER_MIDDLEWARES": {
        "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": None,
        "crawlers.fence_answers.FencedRequests": 50,  # before robots.txt is asked for
        "crawlers.fence_answers.FencedCompression": 590,
        "crawlers.fence_answers.FencedRedirects": 610,  # before Scrapy's own looks at a redirect
    },
    "FENCE_LOOK_UP": "crawlers.fence.look_up",
    "FENCE_HEAD_BYTES": 64 * 1024,
    "DOWNLOAD_MAXSIZE": 8 * 1024 * 1024,
    "DOWNLOAD_WARNSIZE": 0,
    "DOWNLOAD_TIMEOUT": 30,  # seconds from the first packet to the last byte, however steadily it drips
    "DNS_TIMEOUT": 10,
    "DOWNLOAD_FAIL_ON_DATALOSS": True,
    "DOWNLOAD_VERIFY_CERTIFICATES": True,
    "REDIRECT_MAX_TIMES": 5,
    "METAREFRESH_ENABLED": False,
    "COOKIES_ENABLED": False,
    "HTTPPROXY_ENABLED": False,  # a proxy would connect where the fence doesn't look
    "HTTPCACHE_ENABLED": False,
    "TELNETCONSOLE_ENABLED": False,
    "REMOTE_CONTROL_ENABLED": False,
    "REACTOR_THREADPOOL_MAXSIZE": 20,  # names that nobody answers for occupy some of them
    "MEMUSAGE_LIMIT_MB": 2048,
}
