"""The pages show what was published, escape what they show, and say in plain words what is missing."""

import datetime as dt
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from recommenders.store import Store


class Page(HTMLParser):
    """What a browser would see: elements with their attributes, links, and text."""

    def __init__(self, response: Any) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(response.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.text += " " if tag in ("td", "th", "dt", "dd", "br") else ""

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def links(self) -> list[str]:
        return [str(attributes["href"]) for tag, attributes in self.elements if tag == "a"]

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


def test_the_first_page_shows_the_state_of_the_week_and_its_inputs(client: Any, shop: Any) -> None:
    response = client.get("/")
    page = Page(response)
    words = page.words
    assert response.status_code == 200
    assert "Week of 23 November 2026 published Published Mon 23 Nov 2026, 09:00 UTC, just now." in words
    assert f"Edition {shop.edition_id}, made from what was played before Mon 23 Nov 2026, 00:00 UTC" in words
    assert "Mixtapes 2 With fewer than 30 songs 1 Users 3 Songs 40 by 40 artists Listening events 10" in words
    assert "Mix close to their own taste 66.7 %" in words
    assert "Popular popular with everybody 33.3 %" in words
    assert "Listening newest event stale 13 days ago Tue 10 Nov 2026, 00:00 UTC 10 events" in words
    last_import = f"{shop.script}.csv: 12,000 new of 12,345 rows, 7 set aside"
    assert f"Listening last import fresh 1 hour ago Mon 23 Nov 2026, 07:30 UTC {last_import}" in words
    assert "Catalogue newest upload fresh no dates 40 songs by 40 artists" in words
    assert "Catalogue last import missing none yet" in words
    assert "Champion model trained fresh 1 day ago Sun 22 Nov 2026, 09:00 UTC model 1" in words
    assert "Mixtapes published fresh just now" in words
    assert "Set aside in the last 7 days: 7 of 12,345 imported rows (listening 7), the last 1 hour ago." in words
    assert "Champion Model 1, trained Sun 22 Nov 2026, 09:00 UTC (1 day ago)" in words
    times = [attributes["datetime"] for tag, attributes in page.elements if tag == "time"]
    assert times[:2] == ["2026-11-10 00:00:00Z", "2026-11-23 07:30:00Z"]
    assert "it found 32.1 % of what listeners played next; the most popular songs find 10.0 %." in words
    assert "Last rejected candidate Model 2" in words
    assert "Recall@30 is 4.2 % under the champion's." in words
    assert "The champion is 20 days old." in words
    assert "The newest event is 13 days old" in words


def test_the_bars_of_the_picture_are_as_long_as_the_shares(client: Any) -> None:
    bars = [attributes for tag, attributes in Page(client.get("/")).elements if tag == "rect"]
    assert [bar["width"] for bar in bars if bar["class"] == "value"] == ["66.67", "33.33"]


def test_a_mixtape_page_shows_thirty_songs_with_artist_length_source_and_reason(client: Any, shop: Any) -> None:
    response = client.get("/user", params={"id": "ann"})
    page = Page(response)
    assert response.status_code == 200
    assert f"Mixtape of 23 November 2026 30 songs, 1 h 40 min · edition {shop.edition_id}" in page.words
    assert "2 Song 2 Artist 2 · Album 2 3:20 because you play “" in page.words
    assert "3 Song 3 Artist 3 · Album 3 3:20 popular here, and new to you popular" in page.words
    assert "30 Song 30" in page.words and "31 Song" not in page.words
    assert "exposure rule bent" in page.words


def test_the_most_played_artists_stand_beside_the_mixtape(client: Any) -> None:
    words = Page(client.get("/user", params={"id": "ann"})).words
    assert "10 plays on record" in words
    assert "Artist Plays Artist 2 4 " in words
    assert words.endswith('Artist 3 3 Quote" onmouseover="alert(2) 3')


def test_an_older_week_can_be_chosen(client: Any, shop: Any) -> None:
    last_week = str(shop.week - dt.timedelta(days=7))
    page = Page(client.get("/user", params={"id": "ann"}))
    options = [attributes for tag, attributes in page.elements if tag == "option"]
    assert [option["value"] for option in options] == [str(shop.week), last_week]
    assert ["selected" in option for option in options] == [True, False]
    older = Page(client.get("/user", params={"id": "ann", "week": last_week})).words
    assert "Mixtape of 16 November 2026" in older
    assert "30 Song 40" in older


def test_a_short_mixtape_says_why(client: Any, shop: Any) -> None:
    words = Page(client.get("/user", params={"id": shop.hostile_id})).words
    assert "3 songs, fewer than there should be: the service has no more unheard songs for this user." in words


def test_names_from_outside_are_text_and_never_markup(client: Any, shop: Any) -> None:
    for path, parameters in [
        ("/", {}),
        ("/user", {"id": shop.hostile_id}),
        ("/user", {"id": "ann"}),
        ("/users", {"q": "<b>"}),
        ("/users", {"q": shop.script}),
        ("/user", {"id": shop.script}),
        (f"/{shop.script}", {}),
        ("/download", {"id": "ann", "week": str(shop.week), "format": shop.script}),
        ("/user", {"id": "ann", "week": shop.script}),
    ]:
        page = Page(client.get(path, params=parameters))
        assert not [tag for tag, _ in page.elements if tag in ("script", "b", "i", "img")], path
        assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")], path
    words = Page(client.get("/user", params={"id": shop.hostile_id})).words
    assert f"<b>{shop.script}" in words
    assert 'Quote" onmouseover="alert(2)' in words


def test_any_service_id_survives_the_way_from_search_to_page_to_file(client: Any, shop: Any) -> None:
    found = Page(client.get("/users", params={"q": "script"}))
    (link,) = [link for link in found.links if link.startswith("user?")]
    assert parse_qs(urlsplit(link).query) == {"id": [shop.hostile_id]}
    page = Page(client.get(f"/{link}"))
    assert shop.hostile_id in page.words
    downloads = [link for link in page.links if link.startswith("download?")]
    assert len(downloads) == 3
    for download in downloads:
        response = client.get(f"/{download}")
        assert response.status_code == 200
        name = response.headers["Content-Disposition"].split('"')[1]
        assert name.isascii() and not set(name) & set("/\\?#&'<> %")


def test_the_files_hold_the_mixtape(client: Any, shop: Any) -> None:
    address = {"id": "ann", "week": str(shop.week)}
    xspf = client.get("/download", params={**address, "format": "xspf"})
    assert xspf.headers["Content-Type"] == "application/xspf+xml"
    assert xspf.headers["Content-Disposition"].startswith('attachment; filename="monday-mixtape-2026-11-23-ann.xspf"')
    titles = [track.findtext("{*}title") for track in ET.fromstring(xspf.content).iter("{http://xspf.org/ns/0/}track")]
    assert titles == [shop.script, *(f"Song {n}" for n in range(2, 31))]
    m3u8 = client.get("/download", params={**address, "format": "m3u8"})
    assert m3u8.text.startswith("#EXTM3U\n") and "\nfile:///music/2.mp3\n" in m3u8.text
    jspf = json.loads(client.get("/download", params={**address, "format": "jspf"}).text)
    assert [track["title"] for track in jspf["playlist"]["track"]] == titles


def test_a_search_lists_users_with_their_plays(client: Any) -> None:
    response = client.get("/users", params={"q": "an"})
    assert response.status_code == 200
    assert "Ann ann 10" in Page(response).words
    assert "Bob bob 0" in Page(client.get("/users")).words


@pytest.mark.parametrize(
    ("path", "status_code", "says"),
    [
        ("/users?q=nobody", 404, "No user's name or id contains this."),
        ("/user?id=nobody", 404, "The service has no user 'nobody'."),
        ("/user?id=bob", 404, "The newest mixtapes, of 23 November 2026, hold none for Bob"),
        ("/user?id=ann&week=2026-11-02", 404, "There is no mixtape for Ann in the week of 2 November 2026."),
        ("/user?id=ann&week=yesterday", 422, "misspelt: look at week"),
        ("/user", 422, "misspelt: look at id"),
        ("/user?id=a%00b", 404, "The service has no user"),
        ("/download?id=ann&week=2026-11-02&format=xspf", 404, "No mixtapes have been published for the week"),
        ("/download?id=bob&week=2026-11-23&format=xspf", 404, "has no mixtape"),
        ("/download?id=ann&week=2026-11-23&format=exe", 404, "only xspf, m3u8, jspf"),
        ("/docs", 404, "There is no page /docs here."),
        ("/openapi.json", 404, "There is no page"),
        ("/static/../app.py", 404, "There is no page"),
    ],
)
def test_what_is_not_there_is_said_in_plain_words(client: Any, path: str, status_code: int, says: str) -> None:
    response = client.get(path)
    assert response.status_code == status_code
    page = Page(response)
    assert says in page.words
    assert ("link", {"rel": "stylesheet", "href": "style.css"}) in page.elements


def test_before_the_first_monday_the_pages_say_what_to_do(store: Store, client_of: Callable[[Store], Any]) -> None:
    client = client_of(store)
    assert "No mixtapes yet" in Page(client.get("/")).words
    assert "import_listening" in Page(client.get("/users")).words
    with store.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO users (name) VALUES ('Ann'); INSERT INTO user_ids VALUES ('service', 'ann', 1)")
        )
    response = client.get("/user?id=ann")
    assert response.status_code == 404
    assert "No mixtapes have been published yet. They come with the first run of the DAG monday_playlists" in (
        Page(response).words
    )
    assert "Nothing played yet" in Page(response).words


def test_a_database_that_does_not_answer_is_a_friendly_page_without_its_secrets(
    client_of: Callable[[Store], Any],
) -> None:
    response = client_of(Store("postgresql://somebody:hunter2@127.0.0.1:9/mixtape")).get("/")
    assert response.status_code == 503
    assert "The database does not answer" in response.text
    assert "hunter2" not in response.text and "somebody" not in response.text


def test_a_database_without_the_schema_is_a_friendly_page(store: Store, client_of: Callable[[Store], Any]) -> None:
    with store.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA mixtape CASCADE"))
    response = client_of(store).get("/users?q=ann")
    assert response.status_code == 503
    assert "schema" in response.text


@pytest.mark.parametrize("path", ["/", "/users?q=an", "/user?id=ann", "/user?id=nobody", "/style.css", "/icon.svg"])
def test_every_answer_forbids_scripts_and_foreign_content(client: Any, path: str) -> None:
    policy = client.get(path).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy and "unsafe" not in policy
    assert "frame-ancestors 'self'" in policy


def test_pages_ask_nobody_else_for_anything(client: Any) -> None:
    for path in ("/", "/users", "/user?id=ann"):
        for _, attributes in Page(client.get(path)).elements:
            for name in ("href", "src", "action"):
                assert "//" not in (attributes.get(name) or "")


def test_nothing_but_reading_is_offered(client: Any) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert client.request(method, "/user?id=ann").status_code == 405


def test_an_age_is_a_point_on_a_line_that_ends_with_now(client: Any) -> None:
    page = Page(client.get("/"))
    points = [float(str(attributes["cx"]).rstrip("%")) for tag, attributes in page.elements if tag == "circle"]
    event, imported, trained, until, published = points
    assert 0 < event < trained == until < imported < published == 100
    lines = [(tag, attributes) for tag, attributes in page.elements if attributes.get("class") in ("within", "point")]
    limit, stale_point = float(str(lines[0][1]["x"]).rstrip("%")), event
    assert stale_point < limit < trained, "left of its green part: stale"
    labels = [attributes.get("aria-label") for tag, attributes in page.elements if attributes.get("class") == "ages"]
    assert labels[0] == "13 days ago, stale after 8 days"


def test_uploads_show_what_was_heard_and_what_cannot_be_used(
    store: Store, client_of: Callable[[Store], Any], shop_of: Callable[[Store], None]
) -> None:
    shop_of(store)
    page = Page(client_of(store).get("/uploads"))
    assert "Recordings heard 1 Of songs known already 0 Waiting 0 Set aside 1" in page.words
    assert "<script>.mp3 not audio no decoder knows it" in page.words
    assert "Song 2 Artist 2 92 bpm A minor -14.2 LUFS 3:20 1 hour ago" in page.words
    assert not [tag for tag, _ in page.elements if tag == "script"]


def test_uploads_of_a_service_without_audio_say_how_to_begin(client: Any) -> None:
    words = Page(client.get("/uploads")).words
    assert "No recording has been heard yet." in words and "analyse_uploads" in words


def test_every_source_of_a_song_is_explained(store: Store) -> None:
    from plugins.pages.rendering import SOURCES

    with store.begin() as connection:
        names = connection.execute(
            sa.text("SELECT source_name(code::smallint) FROM generate_series(1, 100) code")
        ).scalars()
        assert set(SOURCES) == set(names) - {None}
