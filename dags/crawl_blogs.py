"""Crawl blogs: read what is written about music, so that songs are known by the words people have for them.

Runs every day at 03:40 in the configured time zone, and whenever somebody triggers it. Sites are added with
`mixtape sites add URL`; where none is due and nothing waits to be read, a run costs a look at the tables.

- `plan` takes the sites that are due, in batches. A site that failed is due again later and later, a quarter of an hour
  to a week; `sites` names those that are crawled now, due or not.
- `crawl` (one task for each batch, in the pool `crawl`) fetches their pages in a process of its own: politely
  (robots.txt, a pause between two requests to a site, one at a time), within each site's budget of pages, bytes and
  seconds, and fenced in: private addresses are refused unless a site is marked. What was fetched before is asked for
  with its ETag, and costs nothing where it has not changed. What is found and not fetched yet waits in `mixtape.pages`,
  so that a run that is killed, or whose budget ends, is gone on with by the next one. Articles go to
  `mixtape.articles`; what says the same as another is kept and not read.
- `plan_reading` counts what waits to be read, imported articles, biographies and tags too, and gathers the names of all
  artists and tracks.
- `read` (one task for each batch) finds whom an article mentions (`mixtape.mentions`) and in which words.
- `weigh` adds the new words to each artist's and track's (`mixtape.top_terms`, dated): only what is new costs.
- `place` gives those artists and tracks their vector by text, by which `mixtape similar --by text` goes.
- `announce` emits the asset `top_terms` when something was read; it is skipped otherwise.

A page, a feed or a site that can't be used is set aside with its reason, on the page **Reading**, in `mixtape.rejected`
(kind `crawl`) and in `mixtape.crawls`, and costs itself only. A batch that fails as a whole fails the run, after
everything else was read.

After artists were added to the catalogue, trigger with `read_again_days` to look for them in older articles.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from crawlers.parameters import CrawlParameters
from dags.common import (
    ASSET,
    DEFAULTS,
    Pool,
    Tag,
    as_params,
    cron,
    open_artifacts,
    open_store,
    read_params,
    run_key,
    run_time,
)
from recommenders.language.parameters import ReadingParameters
from recommenders.language.weights import TermParameters
from recommenders.settings import Settings


@dag(
    schedule=cron("40 3 * * *"),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    tags=[Tag.DATA],
    params=as_params(CrawlParameters) | as_params(ReadingParameters) | as_params(TermParameters),
    default_args=DEFAULTS,
)
def crawl_blogs() -> None:
    """Wire the tasks of a day's reading."""

    @task
    def plan() -> list[list[int]]:
        """The sites that are due, in batches, by id."""
        from crawlers import launch

        with open_store() as store:
            return launch.plan(store, read_params(CrawlParameters), now=datetime.now(UTC))

    @task(pool=Pool.CRAWL, map_index_template="{{ label }}")
    def crawl(batch: list[int]) -> dict[str, int]:
        """Crawl the sites of one batch; what came of it."""
        from crawlers import launch

        with open_store() as store:
            get_current_context()["label"] = launch.label(store, batch)  # type: ignore[literal-required]
            url = store.url.render_as_string(hide_password=False)
        parameters = read_params(CrawlParameters)
        report = launch.crawl_batch(url, batch, parameters, run_key=run_key(), clock=lambda: datetime.now(UTC))
        return asdict(report.figures)

    @task(trigger_rule="all_done")
    def plan_reading() -> list[list[int]]:
        """The articles that wait to be read, in batches, by id."""
        from recommenders.language import reading

        with open_store() as store:
            return reading.plan(store, open_artifacts(), read_params(ReadingParameters), now=run_time())

    @task(map_index_template="{{ label }}")
    def read(batch: list[int]) -> dict[str, int]:
        """Find the mentions and the terms of a batch of articles."""
        from recommenders.language import reading

        get_current_context()["label"] = reading.label(batch)  # type: ignore[literal-required]
        with open_store() as store:
            return reading.read(store, open_artifacts(), batch, now=datetime.now(UTC))

    @task(trigger_rule="none_failed")
    def weigh() -> dict[str, int]:
        """Add what is new to the terms of each artist and track."""
        from recommenders.language import learning

        today = run_time().astimezone(Settings().zone).date()
        with open_store() as store:
            return learning.weigh(store, read_params(TermParameters), today)

    @task
    def place() -> dict[str, int]:
        """Give artists and tracks their vectors by text."""
        from recommenders.language import learning

        with open_store() as store:
            return learning.place(store, open_artifacts(), run_key=run_key(), now=run_time())

    @task(outlets=[ASSET.TOP_TERMS], trigger_rule="none_failed")
    def announce(weighed: dict[str, int], *, outlet_events: Any = None) -> dict[str, int]:
        """Tell the DAGs that wait for terms."""
        if not weighed["said"]:
            raise AirflowSkipException("Nothing new was read.")
        outlet_events[ASSET.TOP_TERMS].extra = weighed
        return weighed

    crawled = crawl.expand(batch=plan())
    batches = plan_reading()
    crawled >> batches
    weighed = weigh()
    announced = announce(weighed)
    read.expand(batch=batches) >> weighed >> place() >> announced
    crawled >> announced


crawl_blogs()
