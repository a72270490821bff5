"""The invented blogs, read: planted mentions, words and a rising term are found, from the pages as they are served."""

import datetime as dt
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from recommenders.demo import World, generate_world, write_world
from recommenders.demo.blog_pages import Pages
from recommenders.demo.blogs import Blogs, Post, make_blogs
from recommenders.demo.genres import PLAIN_NAMES
from recommenders.exchange.imports import import_path
from recommenders.language import reading
from recommenders.language.articles import as_row, save_articles
from recommenders.language.extraction import Extracted, extract
from recommenders.language.parameters import ReadingParameters
from recommenders.language.weighing import rising_terms, weigh_terms
from recommenders.language.weights import TermParameters
from recommenders.runtime.postgres import ensure_database
from recommenders.store import Artifacts, Store
from recommenders.store.articles import Saved
from recommenders.store.top_terms import top_terms

NOW = dt.datetime(2026, 3, 2, 4, 30, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
Named = tuple[str, int, str | None]  # as written, artist_id, the song's work


@dataclass(frozen=True)
class Reading:
    """All posts up to the end, extracted from their pages, read and weighed: weekly, and daily at last."""

    store: Store
    world: World
    blogs: Blogs
    pages: dict[int, tuple[str, Extracted]]
    saved: Saved
    artists: tuple[int, ...]
    works: tuple[int, ...]

    @property
    def originals(self) -> list[Post]:
        """The posts that say what none said before."""
        return [post for post in self.blogs.posts if post.duplicate_of is None]

    def found(self) -> dict[str, list[tuple[int, int, int, int | None, float]]]:
        """By address: start, end, artist_id, work_id of the song, and mood, of each mention."""
        query = """SELECT a.url, m.position, m.position + m.length AS stop, m.artist_id, t.work_id, m.sentiment
                   FROM mentions m JOIN articles a USING (article_id) LEFT JOIN tracks t ON t.track_id = m.track_id"""
        mentions: dict[str, list[tuple[int, int, int, int | None, float]]] = {}
        with self.store.begin() as connection:
            for url, *rest in connection.execute(sa.text(query)):
                mentions.setdefault(url, []).append(tuple(rest))
        return mentions


@pytest.fixture(scope="module")
def read_blogs(postgres: sa.URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    """The demo's blogs in a database of their own, with its catalogue."""
    world = generate_world(11, NOW)
    blogs = make_blogs(world)
    url = ensure_database(postgres, f"blogs_{uuid.uuid4().hex}", template="template")
    store = Store(url.render_as_string(hide_password=False))
    with tempfile.TemporaryDirectory() as folder:
        write_world(world, Path(folder))
        import_path(store, "catalogue", Path(folder) / "catalogue", now=NOW)
    pages = dict(_extracted(blogs))
    with store.begin() as connection:
        rows = [as_row(article, source="crawl", fetched_at=blogs.end) for _, article in pages.values()]
        saved = save_articles(connection, rows)
        artists = dict(connection.execute(sa.text("SELECT outside_id, artist_id FROM artist_ids")).tuples().all())
        works = connection.execute(sa.text("SELECT outside_id, work_id FROM track_ids JOIN tracks USING (track_id)"))
        works_by_id = dict(works.tuples().all())
    artifacts = Artifacts(tmp_path_factory.mktemp("artifacts").as_uri())
    for batch in reading.plan(store, artifacts, ReadingParameters(), blogs.end):
        reading.read(store, artifacts, batch, blogs.end)
    for age in (*range(112, 14, -7), *range(14, -8, -1)):
        with store.begin() as connection:
            weigh_terms(connection, TermParameters(), (NOW - age * DAY).date())
    yield Reading(
        store,
        world,
        blogs,
        pages,
        saved,
        tuple(artists[one] for one in world.artists.ids),
        tuple(works_by_id[one] for one in world.track_ids),
    )
    store.close()


def _extracted(blogs: Blogs) -> Iterator[tuple[int, tuple[str, Extracted]]]:
    """Address and article of each post, by its number."""
    sites = [Pages(blogs, number, f"http://127.0.0.1:{9101 + number}") for number in range(len(blogs.blogs))]
    for post in blogs.posts:
        url = sites[post.blog].url(post)
        answer = sites[post.blog].answer(url.removeprefix(sites[post.blog].base), "", blogs.end)
        yield post.number, (url, extract(answer.body, url, content_type=answer.content_type))


def test_a_page_gives_its_article_and_nothing_that_stands_around_it(read_blogs: Reading) -> None:
    for post in read_blogs.blogs.posts:
        article = read_blogs.pages[post.number][1]
        assert (article.title, article.text) == (post.title.text, post.text)
        assert article.language == "en"
        assert article.published_at and article.published_at.date() == post.published_at.date()


def test_press_releases_count_once(read_blogs: Reading) -> None:
    planted = {post.number for post in read_blogs.blogs.posts if post.duplicate_of is not None}
    found = {
        n for n, id_ in zip(read_blogs.pages, read_blogs.saved.ids, strict=True) if id_ in read_blogs.saved.duplicates
    }
    assert len(found) == len(planted) >= 20
    assert {_first(read_blogs, number) for number in found} == {_first(read_blogs, number) for number in planted}


def _first(read_blogs: Reading, number: int) -> int:
    earlier = read_blogs.blogs.posts[number].duplicate_of
    return number if earlier is None else earlier


def _scores(read_blogs: Reading, artists: set[int]) -> tuple[float, float, int]:
    """Precision and recall of the mentions of these artists (ids), by who is named where, and how many are planted."""
    found = read_blogs.found()
    hits = n_found = n_planted = 0
    for post in read_blogs.originals:
        url = read_blogs.pages[post.number][0]
        if url not in found and not post.mentions:
            continue
        planted = {
            (span.end, read_blogs.artists[span.artist], None if span.track is None else read_blogs.works[span.track])
            for span in post.mentions
        }
        got = {(stop, artist, work) for _, stop, artist, work, _ in found.get(url, [])}
        got, planted = ({one for one in some if one[1] in artists} for some in (got, planted))
        hits, n_found, n_planted = hits + len(got & planted), n_found + len(got), n_planted + len(planted)
    return hits / n_found, hits / n_planted, n_planted


def test_mentions_are_found_as_planted(read_blogs: Reading) -> None:
    precision, recall, planted = _scores(read_blogs, set(read_blogs.artists))
    assert planted > 5_000
    assert precision >= 0.97 and recall >= 0.95


def test_artists_that_are_called_like_something_else_are_told_from_it(read_blogs: Reading) -> None:
    names = read_blogs.world.artists.names
    plain = {id_ for id_, name in zip(read_blogs.artists, names, strict=True) if name in PLAIN_NAMES.values()}
    precision, recall, planted = _scores(read_blogs, plain)
    assert planted > 150
    assert precision >= 0.97 and recall >= 0.95


def test_a_review_that_likes_nothing_is_felt(read_blogs: Reading) -> None:
    moods, found = {True: Counter[bool](), False: Counter[bool]()}, read_blogs.found()
    for post in read_blogs.originals:
        about = {span.artist for span in post.mentions}
        if post.kind in ("slating", "review") and about:
            first = read_blogs.artists[post.mentions[0].artist]
            felt = [mood for *_, artist, _, mood in found[read_blogs.pages[post.number][0]] if artist == first]
            moods[post.negative][sum(felt) < 0] += 1
    assert moods[True][True] / moods[True].total() > 0.8
    assert moods[False][True] / moods[False].total() < 0.2


def test_the_planted_words_are_among_the_first_twenty_terms(read_blogs: Reading) -> None:
    counts = read_blogs.blogs.articles_about(read_blogs.blogs.end)
    asked = complete = 0
    with read_blogs.store.begin() as connection:
        for artist, words in read_blogs.blogs.planted.items():
            if counts.get(artist, 0) >= 5:
                day = read_blogs.blogs.end.date()
                said = [
                    term.term for term in top_terms(connection, "artist", read_blogs.artists[artist], day, limit=20)
                ]
                asked += 1
                complete += all(any(form in said for form in word.forms) for word in words)
    assert asked >= 200
    assert complete / asked >= 0.9


def test_of_an_artist_that_nobody_writes_about_nothing_is_known(read_blogs: Reading) -> None:
    unwritten = set(range(len(read_blogs.artists))) - set(read_blogs.blogs.articles_about(read_blogs.blogs.end))
    assert len(unwritten) >= 30
    with read_blogs.store.begin() as connection:
        for artist in unwritten:
            assert top_terms(connection, "artist", read_blogs.artists[artist], read_blogs.blogs.end.date()) == []


def test_a_rising_word_is_found_on_the_day_it_rises(read_blogs: Reading) -> None:
    with read_blogs.store.begin() as connection:
        for rise in read_blogs.blogs.rises:
            artist = read_blogs.artists[rise.artist]
            risen = rising_terms(connection, "artist", artist, rise.day, limit=3)
            assert rise.word in [term.term for term in risen]
            before = rising_terms(connection, "artist", artist, rise.day - DAY, limit=1_000)
            assert rise.word not in [term.term for term in before]
