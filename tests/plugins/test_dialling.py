"""Dials in the web UI: set by forms of these pages only; what would be otherwise; what a dry run would change."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import HTTPException

from plugins.pages import writing
from recommenders.store import Artifacts, Store
from recommenders.store.blocks import blocked_terms
from recommenders.store.dials import OwnDials, dials_of
from tests.playlists.conftest import Service, plant
from tests.plugins.conftest import NOW, SCRIPT
from tests.plugins.test_pages import Page

HERE = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def service(store: Store, artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch) -> Service:
    """A planted service with a published Monday, whose artifacts are where the settings say."""
    monkeypatch.setenv("MIXTAPE_ARTIFACTS_URL", artifacts.url)
    service = Service(store, artifacts)
    service.promote(plant(service, 71))
    service.run()
    return service


@pytest.fixture
def client(service: Service, client_of: Callable[[Store], Any]) -> Any:
    """A browser of somebody who may set dials."""
    opened = client_of(service.store)
    opened.app.dependency_overrides[writing.may_write] = lambda: None
    return opened


def own(service: Service, user: int) -> OwnDials:
    with service.store.begin() as connection:
        return dials_of(connection, user)


def test_dials_are_set_shown_and_taken_back(client: Any, service: Service) -> None:
    user = service.users[8]
    form = {"action": "set", "adventurousness": "0.4", "length": "20", "min_fresh": ""}
    response = client.post("/dials", params={"id": "user 8"}, data=form, headers=HERE, follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (303, "dials?id=user+8")
    assert own(service, user) == OwnDials(adventurousness=0.4, length=20)
    page = Page(client.get("/dials", params={"id": "user 8"}))
    values = {a["id"]: a["value"] for tag, a in page.elements if tag == "input" and a.get("type") == "number"}
    assert (values["own-adventurousness"], values["own-length"], values["own-min_fresh"]) == ("0.4", "20", "")
    client.post("/dials", params={"id": "user 8"}, data={"action": "set"}, headers=HERE)
    assert own(service, user) == OwnDials()
    assert "dials?id=user+8" in Page(client.get("/user", params={"id": "user 8"})).links


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"origin": "https://elsewhere"}, {}])
def test_a_form_of_another_site_sets_nothing(client: Any, service: Service, headers: dict[str, str]) -> None:
    form = {"action": "set", "length": "20"}
    assert client.post("/dials", params={"id": "user 8"}, data=form, headers=headers).status_code == 403
    assert own(service, service.users[8]) == OwnDials()


def test_who_may_not_start_a_monday_may_not_turn_dials(client: Any, service: Service) -> None:
    def refuse() -> None:
        raise HTTPException(403, "no")

    client.app.dependency_overrides[writing.may_write] = refuse
    form = {"action": "set", "length": "20"}
    assert client.post("/dials", params={"id": "user 8"}, data=form, headers=HERE).status_code == 403
    assert own(service, service.users[8]) == OwnDials()


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"length": "3"}, "Songs: input should be greater than or equal to 5."),
        ({"adventurousness": "7"}, "Adventurousness: input should be less than or equal to 1."),
        ({"max_per_artist": SCRIPT}, "Of one artist: input should be a valid integer"),
    ],
)
def test_what_a_dial_can_not_be_is_said_and_nothing_is_set(
    client: Any, service: Service, form: dict[str, str], said: str
) -> None:
    response = client.post("/dials", params={"id": "user 8"}, data={"action": "set", **form}, headers=HERE)
    assert response.status_code == 400
    assert said in Page(response).words
    assert own(service, service.users[8]) == OwnDials()
    assert client.post("/dials", params={"id": "user 8"}, data={"action": "x"}, headers=HERE).status_code == 422


def test_a_term_is_blocked_escaped_and_let_be(client: Any, service: Service) -> None:
    for action, terms in (("block", [SCRIPT]), ("unblock", [])):
        response = client.post("/dials", params={"id": "user 8"}, data={"action": action, "term": SCRIPT}, headers=HERE)
        assert response.status_code == 200
        assert SCRIPT not in response.text
        with service.store.begin() as connection:
            assert blocked_terms(connection, service.users[8], NOW) == terms


def test_what_would_be_otherwise_stands_beside_what_is_published(client: Any, service: Service) -> None:
    before = service.sql("SELECT t::text FROM playlists t ORDER BY 1")
    (artist, name), *_ = service.sql(
        "SELECT artist_id, max(name) FROM heard JOIN track_artists USING (track_id) JOIN artists USING (artist_id) "
        "WHERE user_id = :u GROUP BY 1 ORDER BY count(*) DESC, 1",
        u=service.users[8],
    )
    response = client.get("/whatif", params={"id": "user 8", "length": "10", "artist": artist})
    page = Page(response)
    assert response.status_code == 200
    assert "As published" in page.words and "As it would be" in page.words and "not stored" in page.words
    songs = sum(attributes.get("class") == "number quiet" for tag, attributes in page.elements if tag == "td")
    assert songs == 30 + 10
    assert name in Page(client.get("/dials", params={"id": "user 8"})).words
    assert service.sql("SELECT t::text FROM playlists t ORDER BY 1") == before


def test_what_can_not_be_asked_is_said(client: Any, service: Service) -> None:
    for asked, said in (
        ({"track": "no such song"}, "The service has no track 'no such song'."),
        ({"length": "1000"}, "Songs: input should be less than or equal to 100."),
    ):
        response = client.get("/whatif", params={"id": "user 8", **asked})
        assert response.status_code == 400
        assert said in Page(response).words
    edition = service.sql("SELECT edition_id FROM weeks")[0][0]
    service.artifacts.remove(f"editions/{edition}")
    assert "is no longer kept" in Page(client.get("/whatif", params={"id": "user 8"})).words
    assert client.get("/whatif", params={"id": "nobody"}).status_code == 404


def test_the_first_page_shows_what_a_dry_run_would_change(client: Any, service: Service) -> None:
    edition = service.run(run_key="dry", dry_run=True, length=12)
    words = Page(client.get("/")).words
    assert "Dry run of 23 November 2026" in words
    assert f"Edition {edition}, made" in words and "and not published; beside edition" in words
    assert "0 of 40 users would change more than 20 songs; 0.0 songs on average" in words
    assert "Goes most often: band " in words
