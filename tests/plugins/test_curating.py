"""Curators work on their lists by forms, and stations are made by one; whatever comes from outside is text."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from fastapi import HTTPException

from plugins.pages import writing
from recommenders.store import Store, curating, editorial
from tests.plugins.conftest import NOW, SCRIPT, add_tracks, add_users
from tests.plugins.test_pages import Page

HERE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def client(store: Store, client_of: Callable[[Store], Any]) -> Any:
    """A browser of a curator, over five songs; what the service knows of them is hostile."""
    with store.begin() as connection:
        add_users(connection, {"ann": "Ann"})
        add_tracks(
            connection,
            [
                (SCRIPT, "Band & Co", None),
                ("Halo", "Pale Orchard", None),
                ("100 % Halo", "Tide", None),
                ("Moth", "Pale Orchard", "file:///m.mp3"),
                ("Slow_Moth", SCRIPT, None),
            ],
        )
    opened = client_of(store)
    opened.app.dependency_overrides[writing.may_write] = lambda: None
    opened.follow_redirects = False
    return opened


def make(client: Any, name: str = "Night", tags: str = "dreamy, slow") -> int:
    answer = client.post("/curators", data={"name": name, "tags": tags, "curator": "Bea"}, headers=HERE)
    assert answer.status_code == 303
    return int(parse_qs(urlsplit(answer.headers["location"]).query)["id"][0])


def do(client: Any, list_id: int, **fields: object) -> Any:
    return client.post(f"/curator?id={list_id}", data=fields, headers=HERE)


def songs(store: Store, list_id: int) -> list[str]:
    with store.begin() as connection:
        return [song["outside_id"] for song in editorial.songs_of_list(connection, list_id)]


def test_a_list_is_made_filled_ordered_and_emptied_by_forms(client: Any, store: Store) -> None:
    list_id = make(client)
    for track in (2, 4, 3, 4):
        assert do(client, list_id, action="add", track=track).status_code == 303
    assert songs(store, list_id) == ["t2", "t4", "t3"]
    do(client, list_id, action="move", track=3, to=1)
    assert songs(store, list_id) == ["t3", "t2", "t4"]
    do(client, list_id, action="move", track=3, to=99)
    assert songs(store, list_id) == ["t2", "t4", "t3"]
    do(client, list_id, action="remove", track=4)
    do(client, list_id, action="move", track=3, to=1)
    assert songs(store, list_id) == ["t3", "t2"]
    words = Page(client.get(f"/curator?id={list_id}")).words
    assert "2 songs, by Bea" in words
    assert "1 100 % Halo Tide · Album 3 3:20 Down Remove 2 Halo Pale Orchard · Album 2 3:20 Up Remove" in words


def test_title_tags_and_curator_are_edited_and_a_list_is_withdrawn_and_let_out_again(client: Any, store: Store) -> None:
    list_id = make(client)
    do(client, list_id, action="edit", name=f" {SCRIPT} ", tags="a;B, a , ,c", curator="")
    do(client, list_id, action="withdraw")
    with store.begin() as connection:
        changed = editorial.get_list(connection, list_id)
    assert (changed.name, changed.tags, changed.curator, changed.withdrawn_at) == (SCRIPT, ["a", "B", "c"], "", NOW)
    words = Page(client.get("/curators")).words
    assert f"{SCRIPT} withdrawn a, B, c 0 just now" in words
    assert "It recommends nothing since just now." in Page(client.get(f"/curator?id={list_id}")).words
    do(client, list_id, action="restore")
    with store.begin() as connection:
        assert editorial.get_list(connection, list_id).withdrawn_at is None


def test_songs_are_found_by_words_of_title_and_artist_and_by_id(client: Any) -> None:
    list_id = make(client)
    do(client, list_id, action="add", track=2)

    def found(query: str) -> str:
        return Page(client.get("/curator", params={"id": list_id, "q": query})).words.partition("Add songs")[2]

    assert "Halo Pale Orchard · Album 2 t2 on the list 100 % Halo Tide · Album 3 t3 Add" in found("halo")
    assert "Moth" not in found("orchard halo")
    assert "100 % Halo" in found("%")
    assert "Slow_Moth" in found("w_m")
    assert "No song's title, artists or id contain this." in found("_ %")
    assert "Halo Pale Orchard · Album 2 t2" in found("t2")
    assert SCRIPT in found("<script>")
    kept = client.post(f"/curator?id={list_id}&q=halo", data={"action": "add", "track": 3}, headers=HERE)
    assert kept.headers["location"] == f"curator?id={list_id}&q=halo"


def test_what_can_not_be_is_said_in_words(client: Any) -> None:
    nameless = client.post("/curators", data={"name": " ", "tags": SCRIPT}, headers=HERE)
    assert nameless.status_code == 400
    assert "A list needs a name of at most 200 characters." in Page(nameless).words
    list_id, many = make(client), ",".join(map(str, range(51)))
    assert client.post("/curators", data={"name": "New", "tags": many}, headers=HERE).status_code == 400
    too_many = do(client, list_id, action="edit", name="x", tags=many)
    assert too_many.status_code == 400
    assert "There are 51 tags; a list can have 50." in Page(too_many).words
    assert "Night dreamy, slow Bea 0" in Page(client.get("/curators")).words, "nothing of it was done"
    assert "New dreamy" not in Page(client.get("/curators")).words
    assert do(client, list_id, action="dance").status_code == 422
    assert do(client, list_id, action="add", track="two").status_code == 422
    assert do(client, list_id, action="add", track=99).status_code == 404
    assert do(client, 99, action="withdraw").status_code == 404
    assert client.get("/curator?id=99").status_code == 404


@pytest.mark.parametrize("path", ["/curators", "/curator?id=1", "/stations"])
def test_nothing_is_changed_from_another_site_or_without_the_right_to(client: Any, store: Store, path: str) -> None:
    make(client)
    fields = {"name": "x", "action": "withdraw", "tags": "dreamy"}
    for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert client.post(path, data=fields, headers=headers).status_code == 403, headers

    def refuse() -> None:
        raise HTTPException(403, "Forbidden")

    client.app.dependency_overrides[writing.may_write] = refuse
    assert client.post(path, data=fields, headers=HERE).status_code == 403
    with store.begin() as connection:
        (only,) = editorial.all_lists(connection)
        assert (only.name, only.withdrawn_at) == ("Night", None)
        assert connection.execute(sa.text("SELECT count(*) FROM stations")).scalar() == 0


def test_what_curators_and_files_say_is_text_and_never_markup(client: Any, store: Store) -> None:
    list_id = make(client, SCRIPT, SCRIPT)
    do(client, list_id, action="add", track=1)
    do(client, list_id, action="add", track=5)
    client.post("/stations", data={"tags": SCRIPT}, headers=HERE)
    for path in ("/curators", f"/curator?id={list_id}&q=script", "/stations", "/station?id=1"):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "<script" not in answer.text, path
    assert "<script" not in client.post("/stations", data={"tags": "<script>x"}, headers=HERE).text


def test_an_empty_service_says_how_lists_come(client: Any) -> None:
    assert "There are no lists yet." in Page(client.get("/curators")).words


def test_a_station_is_made_by_a_form_shown_and_downloaded(client: Any, store: Store) -> None:
    list_id = make(client)
    for track in (2, 3, 4):
        do(client, list_id, action="add", track=track)
    with store.begin() as connection:
        connection.execute(sa.text("INSERT INTO heard VALUES (1, 3, '2026-01-01', '2026-01-01')"))
    answer = client.post("/stations", data={"tags": "Dreamy", "user": "ann", "length": "10"}, headers=HERE)
    assert answer.status_code == 303
    page = Page(client.get("/" + answer.headers["location"]))
    assert "Station: Dreamy, for Ann" in page.words
    assert "2 songs: no other song that this user may get fits." in page.words
    assert "Halo Pale Orchard · Album 2 3:20 Dreamy, on the list “Night”" in page.words
    assert "100 % Halo" not in page.words, "Ann has heard it"
    assert "Dreamy Ann 2 just now" in Page(client.get("/stations")).words
    files = [link for link in page.links if link.startswith("station-file")]
    contents = [client.get("/" + link) for link in files]
    assert [content.status_code for content in contents] == [200, 200, 200]
    titles = [element.text for element in ET.fromstring(contents[0].content).iter("{http://xspf.org/ns/0/}title")]
    assert titles[0] == "Station: Dreamy, for Ann"
    assert sorted(titles[1:]) == ["Halo", "Moth"]
    assert client.get("/station-file?id=1&format=exe").status_code == 404


def test_a_users_page_leads_to_the_form_for_them(client: Any) -> None:
    assert "stations?user=ann" in Page(client.get("/user?id=ann")).links
    fields = {attributes.get("name"): attributes.get("value") for _, attributes in Page(
        client.get("/stations?user=ann&like=t2")).elements}  # fmt: skip
    assert (fields["user"], fields["like"]) == ("ann", "t2")


def test_a_station_that_can_not_be_made_says_why_and_keeps_the_form(client: Any) -> None:
    make(client, tags="dreamy, shoegaze")
    answer = client.post("/stations", data={"tags": "shoegazee", "user": "ann"}, headers=HERE)
    page = Page(answer)
    assert answer.status_code == 400
    assert "No song, no article and no curator's list says 'shoegazee'. Did you mean shoegaze?" in page.words
    assert {"name": "user", "value": "ann"}.items() <= next(
        attributes for tag, attributes in page.elements if attributes.get("name") == "user"
    ).items()
    for fields in ({}, {"like": "t99"}, {"tags": "dreamy", "user": "bob"}, {"tags": "dreamy", "length": "31"}):
        assert client.post("/stations", data=fields, headers=HERE).status_code == 400, fields


def test_a_list_keeps_all_its_songs_while_they_are_moved(client: Any, store: Store) -> None:
    list_id = make(client)
    with store.begin() as connection:
        for track in (1, 2, 3, 4, 5):
            curating.add_song(connection, list_id, track, NOW)
        curating.move_song(connection, list_id, 5, 1, NOW)
        curating.remove_song(connection, list_id, 5, NOW)
        curating.add_song(connection, list_id, 5, NOW)
    assert songs(store, list_id) == ["t1", "t2", "t3", "t4", "t5"]
