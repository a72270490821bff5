"""`mixtape bench crawl`: pages a minute from a blog to stored articles, against `scrapy bench`; and how politely."""

import datetime as dt
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import sqlalchemy as sa

from crawlers.launch import crawl_batch
from crawlers.parameters import CrawlParameters
from recommenders.benchmarks.measuring import median
from recommenders.benchmarks.site import BlogSite, blog_site
from recommenders.benchmarks.world import NewStore
from recommenders.evaluation.bench import BenchResult
from recommenders.store import Store
from recommenders.store.sites import SiteKind, add_site

BARE = "scrapy bench"
ASKED = 0.35
BARE_SECONDS = 10
FAST = CrawlParameters(
    max_pages=1_000_000, max_bytes=1 << 40, max_seconds=3600, delay_s=0, throttle=False, concurrency=16, workers=2
)
POLITE_SITES = 3
POLITE_PAGES = 30
POLITE_DELAY_S = 0.25
POLITE = CrawlParameters(delay_s=POLITE_DELAY_S)
_WINDOW = 10  # requests over which the rate at the server is taken
_FIGURE = r"'{}': ([\d.]+)"


def run(
    new_store: NewStore,
    folder: Path,
    pages: int,
    seed: int,
    rounds: int,
    progress: Callable[[str], None] = lambda step: None,
) -> BenchResult:
    """Crawl a local blog as fast as it goes, `rounds` times, beside `scrapy bench`; then some blogs politely."""
    bare: list[float] = []
    ours: list[float] = []
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}: {BARE}")
        bare.append(_scrapy_bench(folder))
        progress(f"round {number + 1} of {rounds}: {pages:,} pages")
        with new_store("crawl") as store, blog_site(pages, seed + number) as site:
            ours.append(_pages_a_minute(store, site, pages))
    progress(f"{POLITE_SITES} blogs, politely")
    with new_store("polite") as store:
        requests = _politely(store, seed)

    ratio = median([mine / other for mine, other in zip(ours, bare, strict=True)])
    most = max(_highest_rate(times) for times in requests)
    asked = 1 / POLITE_DELAY_S
    together = sum(len(times) - 1 for times in requests) / (max(map(max, requests)) - min(map(min, requests)))
    figures = {
        f"{BARE}: pages/min": median(bare),
        "crawled and stored: pages/min": median(ours),
        "polite: requests/s allowed to a site": asked,
        "polite: most requests/s that a site saw": most,
        "polite: least seconds between two requests": min(min(_gaps(times)) for times in requests),
        "polite: requests/s of all sites": together,
    }
    rows = (
        (BARE, f"{median(bare):,.0f} pages/min", "1", ""),
        ("crawled and stored", f"{median(ours):,.0f} pages/min", f"{ratio:.2f}", f">= {ASKED}"),
        ("allowed to each site", f"{asked:.2f} requests/s", "1", ""),
        ("most that a site saw", f"{most:.2f} requests/s", f"{most / asked:.2f}", "<= 1"),
        (f"{POLITE_SITES} sites together", f"{together:.2f} requests/s", f"{together / asked:.2f}", ""),
    )
    return BenchResult(
        "crawl",
        {"pages": pages, "seed": seed, "rounds": rounds, "polite_delay_s": POLITE_DELAY_S},
        figures,
        {f"crawled and stored / {BARE}": ratio, "most that a site saw / allowed": most / asked},
        ("", "", "ratio", "asked"),
        rows,
    )


def _pages_a_minute(store: Store, site: BlogSite, pages: int) -> float:
    """Crawl all of a site; the clock runs from the start of the crawling process to its end."""
    start = time.perf_counter()
    _crawl(store, [site], FAST)
    seconds = time.perf_counter() - start
    with store.begin() as connection:
        articles = connection.execute(sa.text("SELECT count(*) FROM articles")).scalar_one()
    if articles != pages:
        raise AssertionError(f"The benchmark's own blog has {pages:,} posts, and {articles:,} articles were stored.")
    return pages / seconds * 60


def _politely(store: Store, seed: int) -> list[list[float]]:
    """Crawl some sites side by side; the times at which each saw its requests."""
    with ExitStack() as running:
        sites = [running.enter_context(blog_site(POLITE_PAGES, seed + number)) for number in range(POLITE_SITES)]
        _crawl(store, sites, POLITE)
        return [site.requests() for site in sites]


def _crawl(store: Store, sites: Sequence[BlogSite], parameters: CrawlParameters) -> None:
    now = dt.datetime.now(dt.UTC)
    with store.begin() as connection:
        ids = [
            add_site(connection, site.sitemap, name=site.url, kind=SiteKind.SITEMAP, now=now, allow_private=True)
            for site in sites
        ]
    url = store.url.render_as_string(hide_password=False)
    report = crawl_batch(url, ids, parameters, run_key="bench", clock=_now)
    if any(crawl.outcome is None or crawl.outcome.is_failure for crawl in report.crawls):
        raise AssertionError(f"The benchmark's own blog could not be crawled: {report}.")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _scrapy_bench(folder: Path) -> float:
    """Pages a minute of Scrapy alone: tiny pages, followed and thrown away."""
    command = [sys.executable, "-m", "scrapy", "bench", "-s", f"CLOSESPIDER_TIMEOUT={BARE_SECONDS}"]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stderr
    pages, seconds = (_figure(name, said) for name in ("response_received_count", "elapsed_time_seconds"))
    return pages / seconds * 60


def _figure(name: str, said: str) -> float:
    found = re.search(_FIGURE.format(name), said)
    if found is None:
        raise AssertionError(f"`scrapy bench` did not say {name}: {said[-500:]}")
    return float(found.group(1))


def _gaps(times: Sequence[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


def _highest_rate(times: Sequence[float]) -> float:
    """The most requests a second over any _WINDOW requests in a row."""
    spans = zip(times, times[_WINDOW - 1 :], strict=False)
    return max((_WINDOW - 1) / (end - start) for start, end in spans)
