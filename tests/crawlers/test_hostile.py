"""Hostile pages and servers: a crawl survives every kind, takes what is good beside it, and records why not more."""

import datetime as dt
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from crawlers.launch import crawl_batch
from crawlers.parameters import CrawlParameters
from recommenders.runtime.postgres import ensure_database
from recommenders.store import Store
from recommenders.store.sites import SiteKind, add_site
from tests.crawlers import hostile_contents, hostile_kinds
from tests.crawlers.hostile_server import HostileSite, Kind, hostile_sites, self_signed

KINDS = {kind.name: kind for kind in (*hostile_kinds.KINDS, *hostile_contents.KINDS)}
REFUSED = [kind.name for kind in KINDS.values() if kind.reason is not None]
MOST_REQUESTS = 40
PARAMETERS = CrawlParameters(
    delay_s=0, throttle=False, tries=1, max_pages=MOST_REQUESTS, response_seconds=6, response_bytes=4_000_000
)


@dataclass(frozen=True)
class Crawled:
    """What a crawl of all hostile sites left behind."""

    store: Store
    sites: dict[str, HostileSite]

    def rows(self, sql: str, **values: object) -> list[sa.Row[tuple[object, ...]]]:
        """The rows of a query."""
        with self.store.begin() as connection:
            return list(connection.execute(sa.text(sql), values))


@pytest.fixture(scope="module")
def crawled(postgres: sa.URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    """All hostile sites, crawled side by side by one process."""
    certificate = self_signed(tmp_path_factory.mktemp("certificate"))
    with _new_store(postgres) as store, hostile_sites(list(KINDS.values()), certificate) as sites:
        with store.begin() as connection:
            ids = [_add(connection, site) for site in sites.values()]
        url = store.url.render_as_string(hide_password=False)
        crawl_batch(url, ids, PARAMETERS, run_key="hostile", clock=_now)
        yield Crawled(store, sites)


@contextmanager
def _new_store(postgres: sa.URL) -> Iterator[Store]:
    url = ensure_database(postgres, f"hostile_{uuid.uuid4().hex}", template="template")
    store = Store(url.render_as_string(hide_password=False))
    yield store
    store.close()


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _add(connection: sa.Connection, site: HostileSite, *, allow_private: bool = True) -> int:
    kind = site.kind
    return add_site(
        connection,
        site.start,
        name=kind.name,
        kind=SiteKind(kind.site_kind),
        now=_now(),
        allow_private=allow_private,
        max_seconds=kind.max_seconds,
    )


def test_there_are_many_kinds() -> None:
    assert len(REFUSED) >= 80


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_page_is_refused_and_the_reason_is_recorded_where_operators_look(crawled: Crawled, name: str) -> None:
    site = crawled.sites[name]
    bad, reason = site.url.rstrip("/") + site.kind.bad, str(site.kind.reason)
    assert crawled.rows("SELECT reason FROM pages WHERE url = :url", url=bad) == [(reason,)]
    if site.kind.outcome == "failed":
        told = "SELECT detail FROM crawls JOIN sites USING (site_id) WHERE name = :name"
    else:
        told = "SELECT reason FROM rejected WHERE kind = 'crawl' AND source = :url"
    ((said,),) = crawled.rows(told, url=bad, name=name)
    assert str(said).startswith(reason)


@pytest.mark.parametrize("name", KINDS)
def test_a_hostile_site_costs_no_more_than_its_budget_and_its_crawl_ends(crawled: Crawled, name: str) -> None:
    site = crawled.sites[name]
    crawls = crawled.rows("SELECT outcome FROM crawls JOIN sites USING (site_id) WHERE url = :url", url=site.start)
    assert crawls == [(site.kind.outcome,)]
    assert sum(site.asked.values()) <= MOST_REQUESTS + 1


@pytest.mark.parametrize("name", [kind.name for kind in KINDS.values() if kind.has_good])
def test_what_is_good_beside_it_is_taken(crawled: Crawled, name: str) -> None:
    (count,) = crawled.rows("SELECT count(*) FROM articles WHERE url = :url", url=f"{crawled.sites[name].url}good")
    assert count == (1,)


@pytest.mark.parametrize("name", [kind.name for kind in hostile_kinds.BROKEN])
def test_a_server_that_hangs_up_is_not_asked_again_at_once(crawled: Crawled, name: str) -> None:
    assert crawled.sites[name].asked["/bad"] == 1


def test_nothing_of_this_machine_comes_into_an_article(crawled: Crawled) -> None:
    stored = crawled.rows("SELECT text FROM articles UNION ALL SELECT coalesce(detail, '') FROM pages")
    assert not [text for (text,) in stored if "root:" in str(text)]


def test_slow_servers_are_waited_for_side_by_side(crawled: Crawled) -> None:
    slow = [name for name, kind in KINDS.items() if kind.reason == "too_slow"]
    (span,) = crawled.rows(
        "SELECT max(started_at) < min(finished_at) FROM crawls JOIN sites USING (site_id) WHERE name = ANY(:slow)",
        slow=slow,
    )
    assert len(slow) >= 6
    assert span == (True,)


def test_a_private_address_that_is_not_allowed_is_not_even_connected_to(
    store: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kind = Kind("at home", None, {})
    with hostile_sites([kind], self_signed(tmp_path_factory.mktemp("certificate"))) as sites:
        site = sites["at home"]
        with store.begin() as connection:
            site_id = _add(connection, site, allow_private=False)
        url = store.url.render_as_string(hide_password=False)
        report = crawl_batch(url, [site_id], PARAMETERS, run_key=None, clock=_now)
    assert [crawl.outcome for crawl in report.failed] == ["failed"]
    assert "private_address" in str(report.failed[0].detail)
    assert site.asked == {}
