"""What a person sees in a browser: Airflow with the project's DAGs, and the pages of the plugin."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
import requests
from playwright.sync_api import BrowserContext, FrameLocator, Page, Playwright, expect, sync_playwright

from recommenders.settings import PROJECT_ROOT
from tests.end_to_end.conftest import RunningService

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
def login(playwright: Playwright, service: RunningService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Login]:
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
def admin(login: Login, service: RunningService) -> Iterator[Page]:
    """A page of the user who may do everything."""
    page = login("admin", service.passwords["admin"])
    yield page
    page.close()


@pytest.fixture
def viewer(login: Login, service: RunningService) -> Iterator[Page]:
    """A page of the user who may only look."""
    page = login("viewer", service.passwords["viewer"])
    yield page
    page.close()


def mixtape_frame(page: Page, url: str) -> FrameLocator:
    """The plugin's page, opened as a person does: by Airflow's navigation."""
    page.goto(url)
    page.get_by_role("link", name="Mixtape").click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("link", name="Monday Mixtape")).to_be_visible()
    return frame


def open_mixtape(page: Page, service: RunningService) -> FrameLocator:
    """The page of the showcased user, found by search."""
    frame = mixtape_frame(page, service.url)
    frame.get_by_role("searchbox").fill(service.mixtape.user)
    frame.get_by_role("button", name="Search").click()
    row = frame.get_by_role("row").filter(has=frame.get_by_role("cell", name=service.mixtape.user, exact=True))
    row.get_by_role("link").click()
    expect(frame.get_by_role("heading", name=re.compile("^Mixtape of"))).to_be_visible()
    return frame


def test_the_list_shows_every_dag_and_no_import_errors(admin: Page, service: RunningService) -> None:
    files = {path.stem for path in (PROJECT_ROOT / "dags").glob("*.py")} - {"__init__"}
    admin.goto(f"{service.url}/dags")
    for dag_id in files:
        expect(admin.get_by_role("link", name=dag_id, exact=True)).to_be_visible()
    expect(admin.get_by_text("Import Error")).to_have_count(0)
    assert admin.request.get(f"{service.url}/api/v2/importErrors").json()["total_entries"] == 0


@pytest.mark.parametrize("dag_id", ["import_listening", "retrain_collaborative", "monday_playlists", "housekeeping"])
def test_the_trigger_form_explains_every_param(admin: Page, service: RunningService, dag_id: str) -> None:
    params = admin.request.get(f"{service.url}/api/v2/dags/{dag_id}/details").json()["params"]
    admin.goto(f"{service.url}/dags/{dag_id}")
    admin.get_by_role("button", name="Trigger").first.click()
    form = admin.get_by_role("dialog")
    for name, param in params.items():
        expect(form.get_by_text(name.replace("_", " "), exact=False).first).to_be_visible()
        assert len(param["description"]) > 10, f"{dag_id}.{name} is not explained"
        expect(form.get_by_text(param["description"])).to_be_visible()


def test_a_finished_run_names_its_mapped_tasks(admin: Page, service: RunningService) -> None:
    """Shards and configurations have names that a person understands, not numbers."""
    runs = admin.request.get(f"{service.url}/api/v2/dags/monday_playlists/dagRuns?order_by=-run_after").json()
    run_id = runs["dag_runs"][0]["dag_run_id"]
    admin.goto(f"{service.url}/dags/monday_playlists/runs/{run_id}/tasks/score/mapped")
    expect(admin.get_by_text(re.compile(r"users 1 to \d+"))).to_be_visible()
    expect(admin.get_by_text("success", exact=False).first).to_be_visible()


def test_the_week_is_told_on_the_plugin_s_first_page(admin: Page, service: RunningService) -> None:
    frame = mixtape_frame(admin, service.url)
    expect(frame.get_by_text(re.compile("published", re.IGNORECASE)).first).to_be_visible()
    expect(frame.get_by_text("600", exact=False).first).to_be_visible()


def test_a_listener_s_mixtape_is_found_and_shows_thirty_songs_with_reasons(
    viewer: Page, service: RunningService
) -> None:
    frame = open_mixtape(viewer, service)
    for song in service.mixtape.songs:
        expect(frame.get_by_text(song.reason, exact=False).first).to_be_visible()
    assert len(service.mixtape.songs) == 30


@pytest.mark.parametrize(("label", "suffix", "start"), [("XSPF", ".xspf", "<?xml"), ("M3U8", ".m3u8", "#EXTM3U")])
def test_a_mixtape_can_be_saved_as_a_file(
    admin: Page, service: RunningService, label: str, suffix: str, start: str
) -> None:
    frame = open_mixtape(admin, service)
    with admin.expect_download() as waiting:
        frame.get_by_role("link", name=label).click()
    assert waiting.value.suggested_filename.endswith(suffix)
    content = Path(waiting.value.path()).read_text(encoding="utf-8")
    assert content.startswith(start)
    assert all(escape(song.title) in content or song.title in content for song in service.mixtape.songs)


@pytest.mark.parametrize(
    "path",
    ["", "users?q=a", "user?id=u0001", "static/style.css", "docs", "openapi.json", "nowhere", "mixtape.xspf?id=u0001"],
)
def test_an_anonymous_caller_gets_nothing(service: RunningService, path: str) -> None:
    answer = requests.get(f"{service.url}/mixtape/{path}", timeout=30, allow_redirects=False)
    assert answer.status_code == 401
    assert service.mixtape.user_name not in answer.text
