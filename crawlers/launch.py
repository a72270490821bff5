"""Crawling a batch of sites in a process of its own, which is ended when it takes too long; what came of each site."""

import datetime as dt
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from crawlers.job import CrawlJob
from crawlers.parameters import CrawlParameters
from recommenders.errors import MixtapeError
from recommenders.store import Store
from recommenders.store.sites import (
    CrawlFigures,
    CrawlOutcome,
    SiteCrawl,
    crawls_since,
    due_sites,
    end_interrupted,
    find_sites,
    get_sites,
    last_crawl,
)
from recommenders.timing import Stage

DATABASE_VARIABLE = "MIXTAPE_DATABASE_URL"
PARENT_VARIABLE = "MIXTAPE_CRAWL_PARENT"
MOST_BATCHES = 1024  # mapped tasks that Airflow takes
GRACE_SECONDS = 120.0  # to start, and to store what came last

log = logging.getLogger(__name__)


class CrawlError(MixtapeError):
    """A crawling process that ended before it was done; what it stored is kept, the rest waits."""


@dataclass(frozen=True)
class CrawlReport:
    """What came of a batch: a record of each site's crawl."""

    crawls: list[SiteCrawl]

    @property
    def figures(self) -> CrawlFigures:
        """The sums over all sites."""
        names = CrawlFigures.__dataclass_fields__
        return CrawlFigures(**{name: sum(getattr(crawl.figures, name) for crawl in self.crawls) for name in names})

    @property
    def failed(self) -> list[SiteCrawl]:
        """The crawls of those sites that failed."""
        return [crawl for crawl in self.crawls if crawl.outcome is CrawlOutcome.FAILED]


def plan(store: Store, parameters: CrawlParameters, now: dt.datetime) -> list[list[int]]:
    """The sites that are crawled now, by id, in batches; raises UnknownNameError for a name that no site has."""
    stage = Stage("plan crawls")
    with store.begin() as connection:
        wanted = find_sites(connection, parameters.sites) if parameters.sites else due_sites(connection, now)
    size = max(parameters.batch_sites, -(-len(wanted) // MOST_BATCHES))
    stage.done(len(wanted), "sites")
    return [wanted[start : start + size] for start in range(0, len(wanted), size)]


def label(store: Store, site_ids: Sequence[int]) -> str:
    """What a batch is called: its first site and how many more."""
    with store.begin() as connection:
        first = get_sites(connection, site_ids[:1])
    return (first[0].name if first else "no site") + (f" and {len(site_ids) - 1} more" if len(site_ids) > 1 else "")


def crawl_batch(
    database_url: str,
    site_ids: Sequence[int],
    parameters: CrawlParameters,
    *,
    run_key: str | None,
    clock: Callable[[], dt.datetime],
) -> CrawlReport:
    """Crawl sites side by side in one process, and say what came of it. A failing site is no error.

    Raises CrawlError when the process ends early or has to be ended; what waits then is crawled by the next call.
    """
    stage = Stage("crawl")
    if not site_ids:
        return CrawlReport([])
    job = CrawlJob(site_ids=list(site_ids), parameters=parameters, run_key=run_key, began_at=clock())
    store = Store(database_url)
    try:
        with store.begin() as connection:
            sites, before = get_sites(connection, site_ids), last_crawl(connection)
        limit = max((site.max_seconds or parameters.max_seconds for site in sites), default=0) + GRACE_SECONDS
        problem = _run(job, database_url, limit)
        with store.begin() as connection:
            if problem:
                end_interrupted(connection, site_ids, clock())
            report = CrawlReport(crawls_since(connection, site_ids, before))
    finally:
        store.close()
    if problem:
        raise CrawlError(f"The crawl of {len(sites)} sites {problem}. What it has stored is kept; start it again.")
    done = report.figures
    note = f"{done.articles:,} articles, {done.not_modified:,} unchanged, {done.refused:,} refused"
    stage.done(done.requests, "requests", f"{note}; {len(report.failed):,} of {len(report.crawls):,} sites failed")
    return report


def _run(job: CrawlJob, database_url: str, limit_s: float) -> str | None:
    """Run the process to its end; what went wrong, if anything did."""
    process = subprocess.Popen(
        [sys.executable, "-m", "crawlers"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ | {DATABASE_VARIABLE: database_url, PARENT_VARIABLE: str(os.getpid())},
        start_new_session=True,
        text=True,
        errors="replace",
    )
    assert process.stdin is not None and process.stderr is not None
    logging_on = threading.Thread(target=_log_lines, args=(process.stderr,), daemon=True)
    logging_on.start()
    try:
        process.stdin.write(job.model_dump_json())
        process.stdin.close()
        code = process.wait(limit_s)
    except subprocess.TimeoutExpired:
        return f"was not done after {limit_s:,.0f} seconds, and was ended"
    except BrokenPipeError:
        code = process.wait(limit_s)
    finally:
        _end_group(process)
        logging_on.join(timeout=5)
    return f"broke off (exit code {code})" if code else None


def _end_group(process: subprocess.Popen[str]) -> None:
    """End the process and its workers, whatever they do."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _log_lines(lines: IO[str]) -> None:
    for line in lines:
        serious = line.startswith(("WARNING", "ERROR", "CRITICAL"))
        log.log(logging.WARNING if serious else logging.INFO, "%s", line.rstrip())
