"""A user's taste in the web UI: what is proposed, why, where they listen; and decisions that only a form here makes."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from plugins.pages import tasting, writing
from recommenders.store import Store, taste
from recommenders.store.taste import Hours
from tests.plugins.conftest import NOW, SCRIPT
from tests.plugins.test_pages import Page
from tests.service import DAY, add_catalogue, add_events

HERE = {"sec-fetch-site": "same-origin"}
EVIDENCE = {
    "plays": 40,
    "rest_plays": 90,
    "confined": 0.95,
    "elsewhere": 0.02,
    "days": 11,
    "cosine": -0.03,
    "n_acts": 6,
    "acts": 0,
    "own_acts": 0.07,
    "stretch_min": 12,
    "skips": 0.1,
}


def add_proposal(connection: sa.Connection, **columns: Any) -> int:
    """A proposal about user 1, on a tablet unless `columns` say otherwise."""
    values = {
        "user_id": 1,
        "finding": "somebody else",
        "device": "tablet",
        "artist_ids": [2, 3],
        "played_artists": 1,
        "evidence": json.dumps(EVIDENCE),
        "known_at": NOW - DAY,
        "seen_at": NOW - DAY,
    } | columns
    names = ", ".join(values)
    return int(
        connection.execute(
            sa.text(f"INSERT INTO taste_proposals ({names}) VALUES (:{', :'.join(values)}) RETURNING proposal_id"),
            values,
        ).scalar_one()
    )


@pytest.fixture
def client(store: Store, client_of: Callable[[Store], Any]) -> Any:
    """A browser of somebody who may decide, over a user with two devices, one of them hostile, and a proposal."""
    with store.begin() as connection:
        add_catalogue(connection, 2, [1, 2, 3])
        connection.execute(sa.text("UPDATE artists SET name = :name WHERE artist_id = 2"), {"name": SCRIPT})
        for hour, device, track in ((7, "tablet", 2), (7, "tablet", 2), (20, SCRIPT, 1), (21, None, 1)):
            at = (NOW - 3 * DAY).replace(hour=hour)
            add_events(connection, [{"user": 1, "track": track, "at": at, "device": device}])
        add_proposal(connection)
    opened = client_of(store)
    opened.app.dependency_overrides[writing.may_write] = lambda: None
    opened.follow_redirects = False
    return opened


def post(client: Any, headers: dict[str, str] | None = None, **fields: object) -> Any:
    return client.post("/taste?id=u1", data=fields, headers=HERE if headers is None else headers)


def test_the_page_says_what_is_proposed_and_why(client: Any) -> None:
    response = client.get("/taste?id=u1")
    words = Page(response).words
    assert response.status_code == 200
    assert "40 plays on tablet: somebody else's" in words
    assert f"Most played there: {SCRIPT}." in words
    assert "95 % of the 40 plays of this music are on tablet, and 2 % of the 90 plays of other music." in words
    assert "It was played on 11 days." in words
    assert "Of 100 plays of it 0.0 come with a save, a rating or the like; of other music 7.0." in words
    assert SCRIPT not in response.text


def test_the_page_draws_plays_by_device_and_hour(client: Any) -> None:
    page = Page(client.get("/taste?id=u1"))
    cells = [attributes for tag, attributes in page.elements if tag == "rect" and attributes["class"] == "plays"]
    assert [cell["fill-opacity"] for cell in cells] == ["1.00", "0.56", "0.56"]
    assert "tablet, 7 to 8 o'clock: 2 plays" in page.words
    assert "unknown device, 21 to 22 o'clock: 1 play" in page.words
    assert sum(attributes.get("class") == "mark" for _, attributes in page.elements) == 1


def test_hours_over_midnight_are_framed_on_both_sides() -> None:
    hours = Hours(["phone", None], [[1] * 24, [0] * 24])
    asleep = taste.Proposal(1, 1, "sleep", None, 22, 8, None, None, {}, "proposed", NOW, NOW, None, [])
    assert tasting.marks(hours, [asleep]) == [(22, 0, 2, 2), (0, 0, 6, 2)]


def test_the_users_page_leads_there(client: Any) -> None:
    assert "taste?id=u1" in Page(client.get("/user?id=u1")).links


def test_users_to_decide_about_are_listed_until_it_is_decided(client: Any) -> None:
    page = Page(client.get("/tastes"))
    assert "1 user to decide about" in page.words
    assert "n1 1 40 1 day ago" in page.words
    assert "taste?id=u1" in page.links
    assert "tastes" in Page(client.get("/users")).links
    post(client, action="decline", number=1)
    assert "Nothing to decide." in Page(client.get("/tastes")).words


def test_without_a_login_nothing_is_shown_or_changed() -> None:
    from fastapi.testclient import TestClient

    from plugins.pages.app import create_app

    nobody = TestClient(create_app())
    assert nobody.get("/taste?id=u1").status_code == nobody.get("/tastes").status_code == 401
    assert post(nobody, action="accept", number=1).status_code == 401


def test_buttons_accept_undo_decline_and_reopen(client: Any, store: Store) -> None:
    def state() -> tuple[str, int]:
        with store.begin() as connection:
            (proposal,) = taste.proposals_of(connection, 1)
            return proposal.state, len(taste.exclusions_of(connection, 1, NOW))

    done = post(client, action="accept", number=1)
    assert (done.status_code, done.headers["location"]) == (303, "taste?id=u1")
    assert state() == ("accepted", 1)
    assert "on tablet, and the music of proposal 1 2 Undo" in Page(client.get("/taste?id=u1")).words
    post(client, action="undo", number=1)
    assert state() == ("proposed", 0)
    post(client, action="decline", number=1)
    assert state() == ("declined", 0)
    assert "Their own, as decided" in Page(client.get("/taste?id=u1")).words
    post(client, action="reopen", number=1)
    assert state() == ("proposed", 0)


def test_a_form_excludes_what_it_names_and_says_what_is_wrong(client: Any, store: Store) -> None:
    post(client, action="exclude", device="tablet", artist="a2", **{"from": "2026-11-20T18:00"})
    with store.begin() as connection:
        (excluded,) = taste.exclusions_of(connection, 1, NOW)
    assert (excluded.device, excluded.artist) == ("tablet", SCRIPT)
    assert excluded.from_at == dt.datetime(2026, 11, 20, 18, tzinfo=dt.UTC)
    nothing = post(client, action="exclude", device="", context=" ")
    assert "An exclusion of everything would leave no taste" in Page(nothing).words
    assert "The service has no track 'nope'." in Page(post(client, action="exclude", track="nope")).words
    assert "This user has no proposal 999." in Page(post(client, action="accept", number=999)).words


@pytest.mark.parametrize(
    "headers",
    [{}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://elsewhere.example"}],
)
def test_another_sites_form_changes_nothing(client: Any, store: Store, headers: dict[str, str]) -> None:
    assert post(client, headers, action="accept", number=1).status_code == 403
    with store.begin() as connection:
        assert taste.proposals_of(connection, 1)[0].state == "proposed"


def test_an_old_browser_of_this_site_may_change(client: Any) -> None:
    assert post(client, {"origin": "http://testserver"}, action="accept", number=1).status_code == 303


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"action": "accept", "number": "1e9"}, 422),
        ({"action": "drop", "number": "1"}, 422),
        ({"action": "exclude", "from": "yesterday"}, 422),
        ({"action": "exclude", "context": "x" * 30_000}, 413),
        ({"action": "exclude", "context": "a\0b"}, 303),
    ],
)
def test_odd_forms_are_refused(client: Any, fields: dict[str, str], status: int) -> None:
    assert post(client, **fields).status_code == status


def test_who_may_not_start_a_monday_may_not_decide(store: Store, client_of: Callable[[Store], Any]) -> None:
    from fastapi import HTTPException

    def refuse() -> None:
        raise HTTPException(403, "Forbidden")

    client = client_of(store)
    client.app.dependency_overrides[writing.may_write] = refuse
    with store.begin() as connection:
        add_catalogue(connection, 1, [1])
    assert post(client, action="exclude", device="tablet").status_code == 403
    with store.begin() as connection:
        assert not taste.exclusions_of(connection, 1, NOW)
