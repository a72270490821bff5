"""A real listener's posts as a blog: crawled over HTTP, and those found whom the album headings name."""

import datetime as dt
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import sqlalchemy as sa

from crawlers.launch import crawl_batch
from crawlers.parameters import CrawlParameters
from recommenders.language.extraction import extract
from recommenders.language.gazetteer import Gazetteer
from recommenders.language.mentions import find_mentions
from recommenders.language.tokens import words
from recommenders.store import Store
from recommenders.store.mentions import ArtistNames, TrackTitles
from recommenders.store.sites import SiteKind, add_site
from tests.conftest import RealData
from tests.language.useful_algorithm import Post, index_page, posts

NOW = dt.datetime(2026, 3, 2, 4, 30, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
NO_TRACKS = TrackTitles(np.empty(0, np.int64), [], np.empty(0, np.int64))
Article = tuple[str, str]  # title and text


def gazetteer(names: list[str]) -> Gazetteer:
    """Of artists by number, the earlier the more popular."""
    numbers = np.arange(len(names))
    return Gazetteer.build(ArtistNames(numbers, names, -numbers.astype(np.float32)), NO_TRACKS)


@pytest.fixture(scope="module")
def blog(real_data: RealData) -> list[Post]:
    """All its posts about music."""
    return posts(real_data("text/usefulalgorithm"))


@pytest.fixture(scope="module")
def articles(blog: list[Post]) -> dict[str, Article]:
    """The article of each post's page, by its path."""
    found = {}
    for post in blog:
        article = extract(post.html.encode(), f"https://blog.example{post.path}", content_type="text/html")
        found[post.path] = (article.title, article.text)
    return found


@pytest.fixture
def address(blog: list[Post]) -> Iterator[str]:
    """Where the blog is served."""
    pages = {post.path: post.html for post in blog} | {"/": index_page(blog)}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path, "").encode()
            self.send_response(HTTPStatus.OK if body else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def share_found(blog: list[Post], articles: Mapping[str, Article], *, whole: bool) -> float:
    """The share of the headings' artists that are mentions, as often as they stand in headings.

    `whole`: what stands left of a dash is one artist, "Not Waving, Romance"; else commas part artists.
    """
    headings = {
        post.path: [name for heading in post.headings for name in ([", ".join(heading)] if whole else heading)]
        for post in blog
    }
    names = sorted({name for named in headings.values() for name in named})
    built, found, n_wanted = gazetteer(names), 0, 0
    for path, named in headings.items():
        wanted = Counter(tuple(words(name)) for name in named)
        got = Counter(tuple(words(names[one.artist_id])) for one in find_mentions(*articles[path], built))
        n_wanted += wanted.total()
        found += (wanted & got).total()
    assert n_wanted > 1_900
    return found / n_wanted


def test_crawled_as_a_site_the_artists_of_its_album_headings_are_found(
    store: Store, blog: list[Post], address: str
) -> None:
    with store.begin() as connection:
        site = add_site(
            connection, f"{address}/", name="A blog", kind=SiteKind.PAGES, now=NOW, allow_private=True, delay_s=0
        )
    url = store.url.render_as_string(hide_password=False)
    for day in range(2):  # what could not be read in time on a busy machine is read on the next day
        crawl_batch(url, [site], CrawlParameters(), run_key=None, clock=partial(NOW.__add__, day * DAY))
    with store.begin() as connection:
        stored = connection.execute(sa.text("SELECT url, title, text FROM articles")).fetchall()
    crawled = {row.url.removeprefix(address): (row.title, row.text) for row in stored}
    assert {post.path for post in blog} == set(crawled)
    assert share_found(blog, crawled, whole=False) >= 0.95


@pytest.mark.parametrize("whole", [True, False])
def test_several_artists_of_a_heading_are_found_as_one_name_or_as_several(
    blog: list[Post], articles: dict[str, Article], whole: bool
) -> None:
    assert share_found(blog, articles, whole=whole) >= 0.99


def test_names_of_everyday_words_are_seldom_found_where_headings_name_somebody_else(
    blog: list[Post], articles: dict[str, Article], real_data: RealData
) -> None:
    listed = real_data("names/unique_artists.txt").read_text(encoding="utf-8").splitlines()
    names = list(dict.fromkeys(name for name in listed if name.strip()))
    built = gazetteer(names)
    n_right = n_in_headings = n_all = 0
    for post in blog:
        artists = {tuple(words(name)) for heading in post.headings for name in heading}
        title, text = articles[post.path]
        whole = f"{title}\n{text}"
        found = find_mentions(title, text, built)
        n_all += len(found)
        for one in found:
            start, end = whole.rfind("\n", 0, one.start) + 1, whole.find("\n", one.end)
            line = whole[start : end if end >= 0 else None]
            if " - " in line and len(line) < 100:
                n_in_headings += 1
                left = line.partition(" - ")[0]
                parts = {tuple(words(part)) for part in (left, *left.split(", "), *left.split(" & "))}
                n_right += tuple(words(whole[one.start : one.end])) in parts & artists | {tuple(words(left))}
    assert 600 < n_all < 900  # every word that is somebody's name would be 21,000
    assert n_in_headings > 300
    assert n_right / n_in_headings >= 0.95
