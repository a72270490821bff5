"""Crawling as the tests do it: without delay, beginning at a moment of their own."""

import datetime as dt
from typing import Any

import sqlalchemy as sa

from crawlers.launch import crawl_batch
from crawlers.parameters import CrawlParameters
from recommenders.store import Store
from recommenders.store.sites import SiteCrawl, SiteKind, add_site

NOW = dt.datetime(2026, 11, 23, 5, tzinfo=dt.UTC)
QUICK = CrawlParameters(delay_s=0, throttle=False)


def new_site(store: Store, url: str, kind: SiteKind, *, allow_private: bool = True, **more: Any) -> int:
    """A site on this machine, which is allowed unless a test says otherwise."""
    with store.begin() as connection:
        return add_site(connection, url, name=url, kind=kind, allow_private=allow_private, now=NOW, **more)


def crawl(store: Store, *site_ids: int, at: dt.datetime = NOW, **parameters: Any) -> list[SiteCrawl]:
    """Crawl sites now; what came of each, in the order of the sites."""
    url = store.url.render_as_string(hide_password=False)
    given = QUICK.model_copy(update=parameters)
    report = crawl_batch(url, site_ids, given, run_key=None, clock=lambda: at)
    return sorted(report.crawls, key=lambda each: each.site_id)


def articles(store: Store) -> list[str]:
    """The addresses of all articles, sorted."""
    with store.begin() as connection:
        return sorted(connection.execute(sa.text("SELECT url FROM articles")).scalars())


def pages(store: Store, site_id: int) -> dict[str, tuple[str, str | None]]:
    """The state of each page of a site, and the reason for it, by path."""
    with store.begin() as connection:
        rows = connection.execute(
            sa.text("SELECT url, state, reason FROM pages WHERE site_id = :id ORDER BY page_id"), {"id": site_id}
        )
        return {"/" + row.url.split("/", 3)[3]: (row.state, row.reason) for row in rows}
