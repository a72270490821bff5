"""The DAG crawl_blogs, run by a real Airflow on blogs that are served over real HTTP."""

import datetime as dt
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.utils.state import DagRunState, TaskInstanceState

from recommenders.demo import generate_world, write_world
from recommenders.demo.blog_server import BlogServer, serving
from recommenders.demo.blogs import make_blogs
from recommenders.exchange.imports import import_path
from recommenders.store import Store
from recommenders.store.sites import SiteKind, add_site
from tests.dags.conftest import RunDag

NOW = dt.datetime(2026, 3, 2, 4, 30, tzinfo=dt.UTC)


@pytest.fixture
def blogs(store: Store, tmp_path: Path) -> Iterator[BlogServer]:
    """The blogs of a small service whose catalogue is in the store; they are sites, the last of them is gone."""
    world = generate_world(3, NOW, users=20, tracks=600, weeks=8)
    write_world(world, tmp_path / "world")
    import_path(store, "catalogue", tmp_path / "world" / "catalogue", now=NOW)
    with serving(make_blogs(world), clock=lambda: NOW) as server, socket.create_server(("127.0.0.1", 0)) as taken:
        gone = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        taken.close()
        with store.begin() as connection:
            for site in server.sites:
                kind = SiteKind(site.about.kind)
                add_site(
                    connection, site.entry, name=site.about.name, kind=kind, now=NOW, allow_private=True, delay_s=0
                )
            add_site(connection, gone, name="Gone", kind=SiteKind.PAGES, now=NOW, allow_private=True, delay_s=0)
        yield server


def _one(store: Store, query: str) -> Any:
    with store.begin() as connection:
        return connection.execute(sa.text(query)).scalar()


def test_blogs_become_terms_and_vectors_and_a_site_that_is_gone_costs_itself_only(
    store: Store, run_dag: RunDag, blogs: BlogServer, asset_events: Callable[[str], list[dict[str, Any]]]
) -> None:
    run = run_dag("crawl_blogs", {"batch_sites": 4, "batch_articles": 100, "tries": 1})
    assert run.state == DagRunState.SUCCESS
    tasks = run.get_task_instances()
    assert len([task for task in tasks if task.task_id == "crawl"]) == -(-(len(blogs.sites) + 1) // 4)
    assert "articles from" in next(task.rendered_map_index for task in tasks if task.task_id == "read")
    assert _one(store, "SELECT count(*) FROM articles WHERE read_version IS NULL AND duplicate_of IS NULL") == 0
    articles = _one(store, "SELECT count(*) FROM articles")
    assert articles > 50
    assert _one(store, "SELECT count(DISTINCT artist_id) FROM mentions") > 20
    assert _one(store, "SELECT count(*) FROM top_terms") > 20
    assert _one(store, "SELECT count(*) FROM artist_vectors WHERE kind = 'text'") > 20
    assert _one(store, "SELECT string_agg(name, ', ') FROM sites WHERE failures > 0") == "Gone"
    (event,) = asset_events("top_terms")
    assert event["said"] > 50 and event["entities"] > 20

    again = run_dag("crawl_blogs", {"sites": [site.about.name for site in blogs.sites], "tries": 1})
    assert again.state == DagRunState.SUCCESS
    states = {task.task_id: task.state for task in again.get_task_instances()}
    assert states["crawl"] == TaskInstanceState.SUCCESS
    assert (states["read"], states["announce"]) == (TaskInstanceState.SKIPPED, TaskInstanceState.SKIPPED)
    assert _one(store, "SELECT count(*) FROM articles") == articles
    assert len(asset_events("top_terms")) == 1


def test_a_service_without_sites_is_fine_and_a_site_that_is_not_known_is_named(store: Store, run_dag: RunDag) -> None:
    assert run_dag("crawl_blogs").state == DagRunState.SUCCESS
    assert run_dag("crawl_blogs", {"sites": ["https://nowhere.example/"]}).state == DagRunState.FAILED
