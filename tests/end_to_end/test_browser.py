"""What a person sees in a browser: Airflow with the project's DAGs, and the pages of the plugin."""

import re
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from playwright.sync_api import BrowserContext, FrameLocator, Page, Playwright, expect, sync_playwright

OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 30_000

Login = Callable[..., Page]


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """The driver of the browser."""
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def login(playwright: Playwright, service: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Login]:
    """Logs a user in with the form that Airflow shows, once each, and gives a fresh page."""
    contexts: dict[str, BrowserContext] = {}

    def new_page(username: str, password: str) -> Page:
        if username in contexts:
            return contexts[username].new_page()
        contexts[username] = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("browser"),
            executable_path=shutil.which("chromium"),
            args=OPTIONS,
            color_scheme="null",  # no emulation: the page is to follow Airflow's own switch
            viewport={"width": 1400, "height": 1000},
            accept_downloads=True,
        )
        contexts[username].set_default_timeout(WAIT_MS)
        page = contexts[username].new_page()
        page.goto(service.url)
        page.fill("input[name=username]", username)
        page.fill("input[name=password]", password)
        page.keyboard.press("Enter")
        expect(page.get_by_role("link", name="Dags")).to_be_visible()
        return page

    yield new_page
    for context in contexts.values():
        context.close()


@pytest.fixture
def admin(login: Login, service: Any) -> Iterator[Page]:
    """A page of the user who may do everything."""
    page = login(service.username, service.password)
    yield page
    page.close()


@pytest.fixture
def viewer(login: Login, service: Any) -> Iterator[Page]:
    """A page of the user who may only look."""
    page = login(service.viewer, service.viewer_password)
    yield page
    page.close()


def mixtape_frame(page: Page, url: str) -> FrameLocator:
    """The plugin's page, opened as a person does: by Airflow's navigation."""
    page.goto(url)
    page.get_by_role("link", name="Mixtape").click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("link", name="Monday Mixtape")).to_be_visible()
    return frame


def open_mixtape(page: Page, service: Any) -> FrameLocator:
    """The page of the showcased user, found by search."""
    frame = mixtape_frame(page, service.url)
    frame.get_by_role("searchbox").fill(service.mixtape.user)
    frame.get_by_role("button", name="Search").click()
    row = frame.get_by_role("row").filter(has=frame.get_by_role("cell", name=service.mixtape.user, exact=True))
    row.get_by_role("link").click()
    expect(frame.get_by_role("heading", name=re.compile("^Mixtape of"))).to_be_visible()
    return frame


def test_the_list_shows_every_dag_and_no_import_errors(admin: Page, service: Any) -> None:
    files = {path.stem for path in Path("dags").resolve().glob("*.py")} - {"__init__"}
    admin.goto(f"{service.url}/dags")
    for dag_id in files:
        expect(admin.get_by_role("link", name=dag_id, exact=True)).to_be_visible()
    expect(admin.get_by_text("Import Error")).to_have_count(0)
    assert admin.request.get(f"{service.url}/api/v2/importErrors").json()["total_entries"] == 0


@pytest.mark.parametrize("dag_id", ["import_listening", "retrain_collaborative", "monday_playlists", "housekeeping"])
def test_the_trigger_form_explains_every_param(admin: Page, service: Any, dag_id: str) -> None:
    params = admin.request.get(f"{service.url}/api/v2/dags/{dag_id}/details").json()["params"]
    admin.goto(f"{service.url}/dags/{dag_id}")
    admin.get_by_role("button", name="Trigger").first.click()
    form = admin.get_by_role("dialog")
    for name, param in params.items():
        expect(form.get_by_text(name.replace("_", " "), exact=False).first).to_be_visible()
        assert len(param["description"]) > 10, f"{dag_id}.{name} is not explained"
        expect(form.get_by_text(param["description"])).to_be_visible()


def test_a_finished_run_names_its_mapped_tasks(admin: Page, service: Any) -> None:
    """Shards and configurations have names that a person understands, not numbers."""
    for dag_id, task_id in [("retrain_collaborative", None), ("monday_playlists", "score_shard")]:
        ...
