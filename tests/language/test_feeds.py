"""Feeds in every format and encoding, sound and broken: parsed, or set aside with a reason."""

import codecs
import datetime as dt
import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommenders.language.feeds import Entry, Feed, FeedRefusal, UnreadableFeedError, parse_feed
from tests.language.breaking import broken

ENCODINGS = "text/feedparser-encoding-tests/tests"

# What feedparser's own tests expect of these is another thing than what a reader wants to see.
READ_AS_MEANT = {
    "bozo_linenoise.xml": "’<>”©",  # UTF-8 with one byte of Windows-1252 in it, not three letters for each mark
    "demoronize-3.xml": "don’t",  # the letter instead of a reference to it
}


def expectations(body: bytes) -> tuple[str | None, str]:
    """The content type that a file of feedparser's tests is served with, and what is expected of it."""
    unmarked = body.replace(b"\0", b"").decode("latin-1")
    header = re.search(r"Header:\s*Content-type:\s*([^\r\n]+)", unmarked, re.IGNORECASE)
    return header and header[1].strip(), re.search(r"Expect:\s*([^\r\n]+)", unmarked)[1]


@pytest.fixture(scope="module")
def hostile(real_data) -> list[Path]:
    """Feedparser's own tests of encodings and of broken XML."""
    return sorted(real_data(ENCODINGS).rglob("*.xml"))


def test_every_hostile_feed_is_parsed_or_set_aside_with_a_reason(hostile: list[Path]) -> None:
    refused = {}
    for path in hostile:
        body = path.read_bytes()
        try:
            parse_feed(body, content_type=expectations(body)[0], url="http://example.org/feed")
        except UnreadableFeedError as error:
            refused[path.name] = error.refusal
    assert len(hostile) >= 82
    assert refused == {"rss_empty_document.xml": FeedRefusal.NOT_A_FEED}


def test_a_feed_is_read_in_the_encoding_that_its_authors_expect(hostile: list[Path]) -> None:
    compared = 0
    for path in hostile:
        body = path.read_bytes()
        content_type, expected = expectations(body)
        named = re.search(r"encoding == '([^']+)'", expected)
        if not named:
            continue
        feed = parse_feed(body, content_type=content_type)
        if body.isascii() and not feed.encoding.startswith("utf-32"):
            assert body.decode(feed.encoding) == body.decode(named[1]), path.name
        else:
            assert _family(feed.encoding) == _family(named[1]), path.name
        compared += 1
    assert compared >= 60


def _family(encoding: str) -> str:
    """One name for an encoding and those that only add letters to it."""
    wider = {"gb18030": "gb2312", "cp949": "euc_kr", "cp932": "shift_jis", "big5hkscs": "big5", "cp874": "tis-620"}
    name = codecs.lookup(encoding).name
    return wider.get(name, name)


def test_a_feed_says_what_its_authors_expect(hostile: list[Path]) -> None:
    compared = 0
    for path in hostile:
        body = path.read_bytes()
        content_type, expected = expectations(body)
        parts = re.search(r"(feed|entries\[0\])\W+(title|description|summary|link)\W*\)?\]? == ('.*'|\d+)", expected)
        if not parts:
            continue
        feed = parse_feed(body, content_type=content_type)
        wanted = READ_AS_MEANT.get(path.name) or (
            chr(int(parts[3])) if parts[3].isdigit() else parts[3][1:-1].encode().decode("unicode_escape")
        )
        field = {"title": "title", "description": "html", "summary": "html", "link": "url"}[parts[2]]
        assert getattr(feed if parts[1] == "feed" else feed.entries[0], field) == wanted, path.name
        compared += 1
    assert compared >= 12


def test_texts_without_any_word_on_their_encoding_are_read_in_eight_scripts(hostile: list[Path]) -> None:
    words = {
        "big5": "我希望", "eucjp": "ゲーム三昧な正月", "euckr": "한글닉네임", "gb2312": "不归移民漫画系列",
        "koi8r": "Как пережить новогоднюю ночь", "shiftjis": "記事投稿が反映されない", "tis620": "สำนักงาน",
        "windows1255": "האם תדפיס נייר",
    }  # fmt: skip
    for path in hostile:
        if path.parent.name == "chardet":
            feed = parse_feed(path.read_bytes())
            text = " ".join([feed.title, *(f"{entry.title} {entry.html}" for entry in feed.entries)])
            assert words.pop(path.stem) in text
            assert feed.problems
    assert not words


RSS = """<?xml version="1.0" encoding="utf-8"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>The Blog</title><link>/</link><language>en-gb</language>
<atom:link rel="next" href="?page=2"/>
<item><title>One &amp;amp; &lt;b&gt;only&lt;/b&gt;</title><link>/one#top</link><author>ada</author>
<pubDate>Mon, 02 Jan 2023 10:00:00 +0100</pubDate>
<description>short</description><content:encoded><![CDATA[<p>The whole post.</p>]]></content:encoded></item>
<item><title>Two</title><guid isPermaLink="true">http://blog.example/two</guid></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>The Blog</title><link rel="alternate" href="/"/>
<link rel="prev-archive" href="/archive/1.atom"/>
<entry><title>One</title><link href="/one"/><published>2023-01-02T09:00:00Z</published><author><name>ada</name></author>
<content type="html">&lt;p&gt;The whole post.&lt;/p&gt;</content></entry></feed>"""
JSON_FEED = {
    "version": "https://jsonfeed.org/version/1.1",
    "title": "The Blog",
    "home_page_url": "/",
    "next_url": "/feed.json?page=2",
    "items": [
        {
            "id": "1",
            "url": "/one",
            "title": "One",
            "date_published": "2023-01-02T10:00:00+01:00",
            "content_html": "<p>The whole post.</p>",
            "authors": [{"name": "ada"}],
        },
        "no object",
    ],
}
FORMATS = {
    "RSS": (RSS, "http://blog.example/feed?page=2"),
    "Atom": (ATOM, "http://blog.example/archive/1.atom"),
    "JSON": (json.dumps(JSON_FEED), "http://blog.example/feed.json?page=2"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_gives_the_same_posts(name: str) -> None:
    text, next_url = FORMATS[name]
    feed = parse_feed(text.encode(), url="http://blog.example/feed")
    assert (feed.title, feed.url, feed.next_url) == ("The Blog", "http://blog.example/", next_url)
    published = dt.datetime(2023, 1, 2, 9, tzinfo=dt.UTC)
    title = "One & only" if name == "RSS" else "One"
    entry = Entry("http://blog.example/one", title, published, "<p>The whole post.</p>", "ada")
    assert feed.entries[0] == entry


def test_a_post_without_a_link_has_the_address_that_identifies_it() -> None:
    assert parse_feed(RSS.encode()).entries[1].url == "http://blog.example/two"


def test_a_feed_that_is_cut_off_gives_the_posts_before() -> None:
    feed = parse_feed(RSS[: RSS.index("<title>Two")].encode(), url="http://blog.example/feed")
    assert feed.entries[0].html == "<p>The whole post.</p>"
    assert feed.problems


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "data:text/html,x",
        "http://[::1",
        "x" * 3_000,
        "mailto:a@b.c",
        "http://&#x110000;",
    ],
)
def test_a_link_that_is_no_address_of_the_web_is_none(link: str) -> None:
    feed = parse_feed(RSS.replace("/one#top", link).encode(), url="http://blog.example/feed")
    assert feed.entries[0].url is None


HOSTILE: dict[str, tuple[bytes, FeedRefusal | None]] = {
    "nothing": (b"", FeedRefusal.EMPTY),
    "white space": (b" \n\t ", FeedRefusal.EMPTY),
    "a page of HTML": (b"<!doctype html><html><body><p>Hello</p></body></html>", FeedRefusal.NOT_A_FEED),
    "noise": (bytes(range(256)) * 100, None),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(1_000), FeedRefusal.NOT_A_FEED),
    "broken JSON": (b'{"items": [', FeedRefusal.NOT_A_FEED),
    "JSON without items": (b'{"title": "x"}', FeedRefusal.NOT_A_FEED),
    "JSON nested without end": (b'{"items":' + b"[" * 100_000, FeedRefusal.NOT_A_FEED),
    "JSON of odd types": (b'{"items": [{"url": 5, "title": {}, "content_html": [], "date_published": 1}]}', None),
    "more than is read": (b"<rss>" + b" " * (8 << 20), FeedRefusal.TOO_LARGE),
    "nested without end": (b"<rss><channel>" + b"<item>" * 20_000, None),
    "an entity that multiplies itself": (
        b'<!DOCTYPE rss [<!ENTITY a "lollollollol">'
        + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
        + b"]><rss><channel><title>&j;</title></channel></rss>",
        None,
    ),
    "an entity from a file": (
        b'<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><channel><title>&x;</title></channel></rss>',
        None,
    ),
    "a date beyond time": (RSS.replace("02 Jan 2023", "99 Foo 99999999").encode(), None),
    "utf-7": (RSS.replace('encoding="utf-8"', 'encoding="utf-7"').encode(), None),
    "an encoding that does not exist": (RSS.replace('encoding="utf-8"', 'encoding="\u2603-8"').encode(), None),
    "countless attributes": (
        b"<rss " + b" ".join(b'a%d="1"' % n for n in range(200_000)) + b"><channel/></rss>",
        FeedRefusal.TOO_SLOW,
    ),
    "unclosed markup": (b"<rss><channel><title>" + b"<a " * 100_000, None),
    "references to no letters": (RSS.replace("The Blog", "&#x110000;&#55296;&#0;&#99999999999;").encode(), None),
    "ampersands": (b"<rss><channel><title>" + b"&" * 300_000 + b"</title></channel></rss>", None),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_feed_ends_soon_with_posts_or_a_reason(name: str) -> None:
    body, reason = HOSTILE[name]
    began = time.process_time()
    try:
        feed = parse_feed(body, url="http://blog.example/feed", seconds=2)
    except UnreadableFeedError as error:
        assert reason is None or error.refusal is reason
    else:
        assert reason is None
        assert len(feed.title) <= 500
        assert "root:" not in feed.title
    assert time.process_time() - began < 5


def test_a_feed_of_many_posts_gives_the_first_2000() -> None:
    items = b"".join(b"<item><title>%d</title></item>" % number for number in range(2_500))
    feed: Feed = parse_feed(b"<rss><channel>" + items + b"</channel></rss>")
    assert [feed.entries[0].title, len(feed.entries)] == ["0", 2_000]


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_feed_that_is_broken_at_random_gives_posts_or_a_reason(name: str, seed: int) -> None:
    body, content_type = broken(FORMATS[name][0].encode(), seed)
    try:
        feed = parse_feed(body, content_type=content_type, url="http://blog.example/feed")
    except UnreadableFeedError as error:
        assert error.refusal in FeedRefusal
        return
    for entry in feed.entries:
        for text in (feed.title, entry.title, entry.author or "", entry.url or ""):
            assert "\0" not in text
            text.encode()
