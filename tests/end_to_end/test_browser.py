"""What a person sees in a browser: Airflow with the project's DAGs, and the pages of the plugin."""

import re
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
import sqlalchemy as sa
from playwright.sync_api import BrowserContext, FrameLocator, Page, Playwright, expect, sync_playwright

from recommenders.runtime.demo import watch
from recommenders.settings import PROJECT_ROOT

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
DAGS = sorted(path.stem for path in (PROJECT_ROOT / "dags").glob("*.py") if path.stem != "__init__")
PAGES = [
    "",
    "users",
    "users?q=a",
    "user?id=",
    "taste?id=",
    "tastes",
    "uploads",
    "report",
    "reading",
    "artists?q=a",
    "artist?id=1",
    "download?format=xspf&id=",
    "style.css",
    "icon.svg",
    "docs",
    "nothing",
]

Login = Callable[[str], Page]


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """The driver of the browser."""
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def login(playwright: Playwright, service: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Login]:
    """Gives a page of a user, who has logged in with Airflow's own form in a browser of their own."""
    contexts: dict[str, BrowserContext] = {}

    def open_page(username: str) -> Page:
        if username not in contexts:
            context = playwright.chromium.launch_persistent_context(
                tmp_path_factory.mktemp("browser"),
                executable_path=shutil.which("chromium"),
                args=OPTIONS,
                color_scheme="null",  # nothing emulated: a page is to follow Airflow's own switch
                viewport={"width": 1400, "height": 1000},
            )
            context.set_default_timeout(WAIT_MS)
            contexts[username] = context
            _log_in(context.new_page(), service.url, username, service.passwords[username])
        return contexts[username].new_page()

    yield open_page
    for context in contexts.values():
        context.close()


def _log_in(page: Page, url: str, username: str, password: str) -> None:
    page.goto(url)
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Dags").first).to_be_visible()


@pytest.fixture
def admin(login: Login) -> Iterator[Page]:
    """A page of the user who may do everything."""
    page = login("admin")
    yield page
    page.close()


@pytest.fixture
def viewer(login: Login) -> Iterator[Page]:
    """A page of the user who may only look."""
    page = login("viewer")
    yield page
    page.close()


def mixtape_pages(page: Page, service: Any) -> FrameLocator:
    """The plugin's pages in the frame that Airflow puts them in."""
    page.goto(f"{service.url}/plugin/mixtape")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("link", name="Monday Mixtape")).to_be_visible()
    return frame


def find_user(frame: FrameLocator, text: str, name: str) -> None:
    """Search for `text` and open the page of the user called `name`."""
    frame.get_by_role("searchbox").fill(text)
    frame.get_by_role("button", name="Search").click()
    frame.get_by_role("main").get_by_role("link", name=name, exact=True).click()
    expect(frame.get_by_role("heading", level=1)).to_have_text(name)


def test_the_list_shows_every_dag_and_no_import_errors(admin: Page, service: Any) -> None:
    admin.goto(f"{service.url}/dags")
    for dag_id in DAGS:
        expect(admin.get_by_role("link", name=dag_id, exact=True)).to_be_visible()
    expect(admin.get_by_text(re.compile("import error", re.IGNORECASE))).to_have_count(0)
    for errors in ("importErrors", "plugins/importErrors"):
        assert admin.request.get(f"{service.url}/api/v2/{errors}").json()["total_entries"] == 0


@pytest.mark.parametrize("dag_id", DAGS)
def test_the_trigger_form_explains_every_param(admin: Page, service: Any, dag_id: str) -> None:
    params = admin.request.get(f"{service.url}/api/v2/dags/{dag_id}/details").json()["params"]
    admin.goto(f"{service.url}/dags/{dag_id}")
    admin.get_by_role("button", name="Trigger").first.click()
    form = admin.get_by_role("dialog")
    expect(form.get_by_role("button", name="Trigger", exact=True)).to_be_visible()
    for name, param in params.items():
        assert param["description"], f"{dag_id}: {name} is not explained"
        label = re.escape(name.replace("_", " ").title())
        expect(form.get_by_text(re.compile(rf"^{label}\s*\*?$")).first).to_be_visible()
        expect(form.get_by_text(param["description"], exact=True)).to_be_visible()


@pytest.mark.parametrize(
    ("dag_id", "task_id", "named"),
    [
        ("monday_playlists", "score", r"users \d+ to \d+"),
        ("monday_playlists", "finish", r"users \d+ to \d+"),
        ("retrain_collaborative", "try_configuration", r"ALS \d+ factors, .+"),
    ],
)
def test_a_finished_run_names_its_mapped_tasks(
    admin: Page, service: Any, dag_id: str, task_id: str, named: str
) -> None:
    runs = f"{service.url}/api/v2/dags/{dag_id}/dagRuns"
    (run, *_) = admin.request.get(runs, params={"state": "success"}).json()["dag_runs"]
    mapped = f"{runs}/{quote(run['dag_run_id'])}/taskInstances/{task_id}/listMapped"
    n_tasks = admin.request.get(mapped).json()["total_entries"]
    admin.goto(f"{service.url}/dags/{dag_id}/runs/{quote(run['dag_run_id'])}/tasks/{task_id}/mapped")
    table = admin.get_by_role("table").last
    expect(table.get_by_role("link", name=re.compile(f"^{named}$"))).to_have_count(n_tasks)
    assert n_tasks > 1


def test_the_first_page_shows_the_published_week(viewer: Page, service: Any) -> None:
    viewer.goto(service.url)
    viewer.get_by_role("link", name="Mixtape").click()
    frame = viewer.frame_locator("iframe")
    heading = frame.get_by_role("heading", level=1)
    expect(heading).to_contain_text(f"Week of {service.mixtape.week.day} {service.mixtape.week:%B %Y}")
    expect(heading).to_contain_text("published")
    with service.store.begin() as connection:
        n_users = connection.execute(sa.text("SELECT count(DISTINCT user_id) FROM current_mixtapes")).scalar_one()
    expect(frame.locator("dl > div").filter(has_text="Mixtapes").locator("dd")).to_have_text(f"{n_users:,}")
    expect(frame.get_by_role("rowheader", name="Champion", exact=True)).to_be_visible()


def test_the_first_page_shows_how_old_each_input_is(viewer: Page, service: Any) -> None:
    frame = mixtape_pages(viewer, service)
    ages = frame.get_by_role("region", name="How old everything is")
    expect(ages.locator("tbody tr")).to_have_count(13)
    expect(ages.locator("tbody tr.fresh")).to_have_count(13)
    now = ages.locator("svg.axis text.last").bounding_box()
    assert now is not None
    for row in ages.locator("tbody tr").all():
        line, point = row.locator("rect.track").bounding_box(), row.locator("circle").bounding_box()
        assert line is not None and point is not None
        middle = point["x"] + point["width"] / 2
        assert line["width"] > 200
        assert line["x"] + line["width"] / 2 < middle <= now["x"] + now["width"] + 1, "of the demo nothing is old"


def test_a_user_is_found_and_their_mixtape_is_read_with_its_reasons(viewer: Page, service: Any) -> None:
    mixtape = service.mixtape
    frame = mixtape_pages(viewer, service)
    find_user(frame, mixtape.user, mixtape.user_name)
    rows = frame.locator("table.songs tbody tr")
    expect(rows).to_have_count(len(mixtape.songs))
    for row, song in zip(rows.all(), mixtape.songs, strict=True):
        expect(row).to_contain_text(song.title)
        expect(row).to_contain_text(", ".join(song.artists))
        expect(row).to_contain_text(song.reason)
    expect(frame.get_by_role("region", name="Most played").get_by_role("row")).not_to_have_count(0)


def test_a_mixtape_is_saved_as_files_from_inside_airflows_frame(viewer: Page, service: Any, tmp_path: Path) -> None:
    mixtape = service.mixtape
    frame = mixtape_pages(viewer, service)
    find_user(frame, mixtape.user, mixtape.user_name)
    files = {}
    for kind in ("XSPF", "M3U8", "JSPF"):
        with viewer.expect_download() as download:
            frame.get_by_role("link", name=kind).click()
        assert download.value.suggested_filename.endswith(f".{kind.lower()}")
        files[kind] = tmp_path / kind
        download.value.save_as(files[kind])
    songs = ET.parse(files["XSPF"]).getroot().findall("{*}trackList/{*}track")
    titles = [song.findtext("{*}title") for song in songs]
    assert titles == [song.title for song in mixtape.songs]
    assert all(song.findtext("{*}annotation") for song in songs)
    assert files["M3U8"].read_text(encoding="utf-8").startswith("#EXTM3U\n")


def test_the_pages_follow_airflows_own_dark_mode(viewer: Page, service: Any) -> None:
    backgrounds = []
    frame = mixtape_pages(viewer, service)
    for theme in ("light", "dark"):
        viewer.evaluate("theme => localStorage.setItem('theme', theme)", theme)
        viewer.reload()
        expect(frame.get_by_role("link", name="Monday Mixtape")).to_be_visible()
        colour = frame.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
        backgrounds.append(sum(map(int, re.findall(r"\d+", colour)[:3])))
    assert backgrounds[0] > 3 * 230
    assert backgrounds[1] < 3 * 30


def test_hostile_names_are_shown_as_text_and_run_nothing(viewer: Page, service: Any) -> None:
    name = '<img src=x onerror="top.hacked=1"><script>top.hacked=1</script>\''
    song = service.mixtape.songs[0]
    rename = sa.text("UPDATE tracks SET title = :title WHERE track_id = :id")
    with service.store.begin() as connection:
        connection.execute(rename, {"title": name, "id": song.track_id})
    try:
        frame = mixtape_pages(viewer, service)
        find_user(frame, service.mixtape.user, service.mixtape.user_name)
        expect(frame.locator("table.songs tbody tr").first).to_contain_text(name)
        assert frame.locator("img, script").count() == 0
        frame.get_by_role("searchbox").fill(name)
        frame.get_by_role("button", name="Search").click()
        expect(frame.get_by_role("heading", level=1)).to_contain_text(name)
        assert viewer.evaluate("window.hacked") is None
    finally:
        with service.store.begin() as connection:
            connection.execute(rename, {"title": song.title, "id": song.track_id})


@pytest.mark.parametrize("page", PAGES)
def test_without_a_login_the_plugin_gives_nothing(service: Any, page: str) -> None:
    address = f"{service.url}/mixtape/{page}" + (service.mixtape.user if page.endswith("=") else "")
    anonymous = requests.get(address, timeout=30)
    assert anonymous.status_code == 401
    assert service.mixtape.user_name not in anonymous.text
    assert "<" not in anonymous.text
    forged = {"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."}
    assert requests.get(address, headers=forged, timeout=30).status_code in (401, 403)
    assert requests.post(address, timeout=30).status_code in (401, 405)


def test_the_page_of_uploads_shows_what_was_heard(viewer: Page, service: Any) -> None:
    frame = mixtape_pages(viewer, service)
    frame.get_by_role("link", name="Uploads").click()
    expect(frame.get_by_role("heading", level=1)).to_have_text("Uploads")
    expect(frame.locator("table.heard tbody tr")).to_have_count(25)
    expect(frame.locator("table.heard tbody tr").first).to_contain_text("bpm")


def test_the_page_of_reading_leads_to_an_artist_and_the_words_for_it(viewer: Page, service: Any) -> None:
    frame = mixtape_pages(viewer, service)
    frame.get_by_role("link", name="Reading").click()
    expect(frame.get_by_role("heading", level=1)).to_have_text("Reading")
    sites = frame.locator("table.sites tbody tr")
    with service.store.begin() as connection:
        expect(sites).to_have_count(connection.execute(sa.text("SELECT count(*) FROM sites")).scalar_one())
    expect(sites.first).to_contain_text("finished")
    rising = frame.locator("table.rising tbody tr")
    expect(rising).not_to_have_count(0)
    name = rising.first.get_by_role("link").inner_text()
    rising.first.get_by_role("link").click()
    expect(frame.get_by_role("heading", level=1)).to_have_text(name)
    expect(frame.get_by_role("region", name="Words", exact=True).get_by_role("listitem")).to_have_count(12)
    expect(frame.get_by_role("region", name="Described alike").get_by_role("listitem")).to_have_count(10)


def test_the_page_of_reports_shows_this_week_so_far_on_a_phone_too(viewer: Page, service: Any) -> None:
    run = watch(service.api, "weekly_report", service.api.trigger("weekly_report"), lambda state, elapsed_s: None)
    assert run.state == "success"
    frame = mixtape_pages(viewer, service)
    frame.get_by_role("link", name="Report", exact=True).click()
    expect(frame.get_by_role("heading", level=1)).to_contain_text("Mixtapes of")
    expect(frame.locator("main")).to_contain_text("The week goes on")
    mixtapes = frame.get_by_role("rowheader", name=re.compile("^Mixtapes"))
    expect(frame.locator("table.reported tbody tr").filter(has=mixtapes)).to_contain_text("600")
    expect(frame.locator("svg.weeks .point")).not_to_have_count(0)
    viewer.set_viewport_size({"width": 390, "height": 844})
    width = frame.locator("html").evaluate("page => [page.scrollWidth, page.clientWidth]")
    assert width[0] <= width[1], "the page is wider than a phone"
