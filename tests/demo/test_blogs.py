"""The invented blogs: what is planted in them, and how they answer over HTTP."""

import datetime as dt
import gzip
import itertools
import re
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import numpy as np
import pytest

from recommenders.demo import World
from recommenders.demo.blog_server import BlogServer, Plan, serving
from recommenders.demo.blogs import BLOGS, Blogs, Form, make_blogs
from recommenders.demo.genres import PLAIN_NAMES
from recommenders.language.duplicates import similarity


@pytest.fixture(scope="module")
def blogs(world: World) -> Blogs:
    """The blogs of the demo service."""
    return make_blogs(world)


@pytest.fixture(scope="module")
def server(blogs: Blogs) -> Iterator[BlogServer]:
    """The blogs, served as they are at the end of the world's weeks."""
    with serving(blogs, clock=lambda: blogs.end - dt.timedelta(weeks=1)) as running:
        yield running


def _get(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def test_the_same_world_has_the_same_blogs(world: World, blogs: Blogs) -> None:
    assert make_blogs(world) == blogs


def test_each_planted_span_is_a_name_of_whom_it_means(world: World, blogs: Blogs) -> None:
    artists, tracks = world.artists, world.tracks
    plain = str.maketrans("öäåøéáíó", "oaaoeaio")
    for post in blogs.posts:
        whole = f"{post.title.text}\n{post.text}"
        for span in post.mentions:
            written = whole[span.start : span.end].translate(plain).casefold()
            names = {name.casefold() for name in (artists.names[span.artist], *artists.aliases[span.artist])}
            if span.track is not None:
                names = {tracks.titles[span.track].casefold()}
                assert tracks.artist[span.track] == span.artist
            assert any(
                name == written or name.startswith(f"{written} feat.") or name.startswith(f"{written} (feat.")
                for name in names
            )


def test_nobody_else_is_named_and_plain_words_are_used_beside_plain_names(world: World, blogs: Blogs) -> None:
    names = {
        name: a
        for a, all_ in enumerate(zip(world.artists.names, world.artists.aliases, strict=True))
        for name in (all_[0], *all_[1])
    }
    pattern = re.compile(r"(?<!\w)(" + "|".join(sorted(map(re.escape, names), key=len, reverse=True)) + r")(?!\w)")
    ordinary = set()
    for post in blogs.posts:
        whole = f"{post.title.text}\n{post.text}"
        planted = [(span.start, span.end) for span in post.mentions]
        for found in pattern.finditer(whole):
            if not any(start <= found.start() and found.end() <= end for start, end in planted):
                ordinary.add(found.group())
    assert ordinary == set(PLAIN_NAMES.values())


def test_most_artists_have_five_articles_some_fewer_some_none(world: World, blogs: Blogs) -> None:
    counts = blogs.articles_about(world.now)
    enough = sum(count >= 5 for count in counts.values())
    assert enough >= 0.65 * len(world.artists.ids)
    assert len(counts) - enough >= 10
    assert len(world.artists.ids) - len(counts) >= 30
    plain = [number for number, name in enumerate(world.artists.names) if name in PLAIN_NAMES.values()]
    assert len(plain) == 8 and all(counts[number] >= 5 for number in plain)
    assert 500 <= len(blogs.posts) <= 750


def test_each_planted_word_is_in_several_articles_of_its_artist(world: World, blogs: Blogs) -> None:
    counts = blogs.articles_about(world.now)
    for artist, words in blogs.planted.items():
        about = [
            post.text
            for post in blogs.posts
            if post.duplicate_of is None and any(span.artist == artist for span in post.mentions)
        ]
        said = [sum(any(form in text for form in word.forms) for text in about) for word in words]
        if counts.get(artist, 0) >= 5:
            assert min(said) >= 1 and np.mean(said) >= 2


def test_a_rising_word_is_said_on_three_blogs_on_its_day_and_never_before(blogs: Blogs) -> None:
    for rise in blogs.rises:
        with_it = [post for post in blogs.posts if rise.word in f"{post.title.text} {post.text}"]
        assert {span.artist for post in with_it for span in post.mentions} >= {rise.artist}
        days = [post.published_at.date() for post in with_it]
        assert min(days) == rise.day
        assert len({post.blog for post in with_it if post.published_at.date() == rise.day}) == 3
    assert blogs.rises[-1].day > (blogs.end - dt.timedelta(weeks=1)).date()


def test_press_releases_are_printed_again_elsewhere_and_no_two_say_the_same(blogs: Blogs) -> None:
    releases = [post for post in blogs.posts if post.kind in ("release", "copy")]
    first = {post.number: post if post.duplicate_of is None else blogs.posts[post.duplicate_of] for post in releases}
    assert sum(post.duplicate_of is not None for post in releases) >= 20
    for one, other in itertools.combinations(releases, 2):
        same = first[one.number] is first[other.number]
        assert (similarity(one.text, other.text) > 0.75) if same else (similarity(one.text, other.text) < 0.3)
    assert all(first[post.number].published_at <= post.published_at for post in releases)


def test_some_reviews_like_nothing(blogs: Blogs) -> None:
    assert sum(post.negative for post in blogs.posts) >= 10


def test_an_unchanged_page_is_answered_without_its_body(server: BlogServer, blogs: Blogs) -> None:
    for site in server.sites:
        status, headers, body = _get(site.entry)
        assert status == 200 and body
        assert _get(site.entry, If_None_Match=headers["ETag"])[::2] == (304, b"")
        assert _get(site.entry, If_Modified_Since=headers["Last-Modified"])[::2] == (304, b"")
        assert _get(site.entry, If_None_Match='"another"')[0] == 200
    url = server.page_urls()[0]
    packed = _get(url, Accept_Encoding="gzip")
    assert gzip.decompress(packed[2]) == _get(url)[2]


def test_only_what_is_published_is_shown(world: World, blogs: Blogs, server: BlogServer) -> None:
    urls = server.page_urls()
    shown = [_get(urls[post.number])[0] for post in blogs.posts[-60:]]
    assert shown == [200 if post.published_at <= world.now else 404 for post in blogs.posts[-60:]]
    assert 404 in shown and 200 in shown


@pytest.mark.parametrize("form", list(Form))
def test_every_post_can_be_reached_from_where_a_crawl_begins(form: Form, blogs: Blogs, server: BlogServer) -> None:
    """Follows a blog's own pagination with nothing but regular expressions."""
    (number,) = (number for number, blog in enumerate(BLOGS) if blog.form is form)
    site, seen, waiting, found = server.sites[number], set(), [server.sites[number].entry], set()
    more = r"""archive-\d+\.xml|atom\.xml\?page=\d+|feed\.json\?page=\d+|sitemap-[\d-]+\.xml\.gz|page/\d+|\?page=\d+"""
    while waiting:
        url = waiting.pop()
        seen.add(url)
        body = _get(url)[2]
        text = (gzip.decompress(body) if url.endswith(".gz") else body).decode("utf-8", "replace")
        found |= set(re.findall(r"/(?:\d{4}/\d\d/[a-z0-9-]+|n/\d+)(?=[\"<?&])", text))
        for path in re.findall(rf"/(?:feed/)?(?:{more})", text):
            if site.base + path not in seen and site.base + path not in waiting:
                waiting.append(site.base + path)
    ours = blogs.visible(number, blogs.end - dt.timedelta(weeks=1))
    expected = (
        {f"/n/{post.number}" for post in ours}
        if form is Form.RDF
        else {site.url(post).removeprefix(site.base) for post in ours}
    )
    assert found == expected


def test_the_broken_feed_is_no_xml(server: BlogServer) -> None:
    (site,) = (site for site in server.sites if site.about.form is Form.BROKEN_RSS)
    with pytest.raises(ET.ParseError):
        ET.fromstring(_get(site.entry)[2])


def test_the_calendar_has_no_end_and_the_drafts_are_closed_to_robots(server: BlogServer) -> None:
    (site,) = (site for site in server.sites if site.about.form is Form.QUERY_PAGES)
    body = _get(f"{site.base}/calendar?month=2391-12")[2].decode()
    assert "/calendar?month=2392-01" in body and "/calendar?month=2391-11" in body
    assert "Disallow: /drafts/" in _get(f"{site.base}/robots.txt")[2].decode()
    assert b'href="/drafts/1"' in _get(site.entry)[2]


def test_a_plan_names_each_blog_and_survives_a_restart(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("plan") / "blogs.json"
    plan = Plan(7, "2026-03-02T00:00:00+00:00", tuple(range(9001, 9001 + len(BLOGS))))
    plan.write(file)
    assert Plan.read(file) == plan
    assert [kind for _, _, kind in plan.entries()].count("feed") == 5
    assert ("http://127.0.0.1:9005/", "Nightbus Notes", "pages") in plan.entries()
