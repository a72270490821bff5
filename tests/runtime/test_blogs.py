"""The demo's blogs in a process of their own: planned once, served as long as their file is there, known as sites."""

import datetime as dt
import sys
import time
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa

from recommenders.demo.blogs import BLOGS
from recommenders.errors import ConfigurationError
from recommenders.runtime import blogs
from recommenders.runtime.blogs import add_blogs, plan_blogs, wait_for_blogs
from recommenders.runtime.keeper import Component
from recommenders.settings import Settings
from recommenders.store import Store

MONDAY = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a home of the test's own."""
    return Settings(home=tmp_path)


def test_blogs_are_planned_once_for_a_home(settings: Settings) -> None:
    plan = plan_blogs(settings, MONDAY)
    assert len(set(plan.ports)) == len(BLOGS)
    assert plan_blogs(settings, MONDAY + dt.timedelta(weeks=5)) == plan


def test_a_process_serves_them_once_they_are_planned_and_ends_when_asked(settings: Settings) -> None:
    file = settings.demo_blogs_file
    server = Component("blogs", [sys.executable, "-m", "recommenders.demo.blog_server", str(file)], needs=file)
    server.look(time.monotonic())
    assert server.process is None
    plan = plan_blogs(settings, MONDAY)
    server.look(time.monotonic())
    assert server.process is not None
    try:
        wait_for_blogs(plan)
        first = requests.get(plan.entries()[0][0], timeout=10)
        assert first.status_code == 200 and b"<item>" in first.content
    finally:
        server.process.terminate()
        assert server.process.wait(20) == 0


def test_blogs_that_are_not_served_are_a_clear_error(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blogs, "ANSWER_WITHIN_S", 0)
    with pytest.raises(ConfigurationError, match="not served"):
        wait_for_blogs(plan_blogs(settings, MONDAY))


def test_a_plan_that_is_none_is_a_clear_error(settings: Settings) -> None:
    settings.demo_blogs_file.parent.mkdir()
    settings.demo_blogs_file.write_text("{}")
    with pytest.raises(ConfigurationError, match=str(settings.demo_blogs_file)):
        plan_blogs(settings, MONDAY)


def test_blogs_become_sites_that_may_be_on_this_machine_and_are_due_at_once(store: Store, settings: Settings) -> None:
    plan = plan_blogs(settings, MONDAY)
    for _ in range(2):
        add_blogs(store, plan, MONDAY)
    with store.begin() as connection:
        rows = connection.execute(sa.text("SELECT url, kind, allow_private, delay_s, next_crawl_at FROM sites")).all()
    assert {(row.url, row.kind) for row in rows} == {(url, kind) for url, _, kind in plan.entries()}
    assert len(rows) == len(BLOGS)
    assert all(row.allow_private and row.delay_s == 0 and row.next_crawl_at == MONDAY for row in rows)
