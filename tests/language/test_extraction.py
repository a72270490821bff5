"""From a page to its article: its text alone, what the page says of itself, and a reason where there is none."""

import datetime as dt
import pickle
import re
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommenders.language.dates import parse_date
from recommenders.language.deadline import TooSlowError, deadline
from recommenders.language.extraction import Extracted, NoTextError, Refusal, extract, from_entry
from recommenders.language.feeds import Entry
from tests.language.breaking import broken
from tests.language.useful_algorithm import posts

URL = "http://blog.example/2023/04/05/a-record"
PARAGRAPH = "<p>The second record of Björk is warm and strange; nobody else makes such dreamy music, or ever did.</p>"
TEXT = "The second record of Björk is warm and strange; nobody else makes such dreamy music, or ever did."


def page(body: str = f"<article><h1>A record</h1>{PARAGRAPH * 3}</article>", head: str = "", lang: str = "en") -> bytes:
    """A page of a blog."""
    return f"""<!doctype html><html lang="{lang}">
        <head><meta charset="utf-8"><title>A record | Blog</title>{head}</head>
        <body><header><a href="/">Blog</a><nav><a href="/about">About us</a> <a href="/shop">Shop</a></nav></header>
        <main>{body}</main><aside>Buy our shirts</aside><footer>All rights reserved by the owners</footer></body></html>
        """.encode()


def read(body: bytes, url: str = URL, content_type: str | None = "text/html; charset=utf-8") -> Extracted:
    """The article of a page."""
    return extract(body, url, content_type=content_type)


def test_an_article_is_its_text_without_the_page_around_it() -> None:
    article = read(page())
    assert (article.title, article.text, article.language) == ("A record", "\n".join([TEXT] * 3), "en")
    assert (article.url, article.canonical_url, article.author) == (URL, None, None)


def test_an_article_can_be_sent_from_one_process_to_another() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(read, page()).result() == read(page())
        with pytest.raises(NoTextError) as raised:
            pool.submit(read, page("")).result()
    assert pickle.loads(pickle.dumps(raised.value)).refusal is Refusal.TOO_SHORT


DATES = {
    "JSON-LD": (
        '<script type="application/ld+json">{"@graph": [{"@type": "WebSite"}, {"@type": ["BlogPosting"], '
        '"datePublished": "2022-05-06T07:08:09+02:00"}]}</script><meta name="date" content="1999-01-01">',
        dt.datetime(2022, 5, 6, 5, 8, 9, tzinfo=dt.UTC),
    ),
    "Open Graph": (
        '<meta property="article:published_time" content="2022-05-06T07:08:09.123Z">',
        dt.datetime(2022, 5, 6, 7, 8, 9, tzinfo=dt.UTC),
    ),
    "Dublin Core": ('<meta name="DC.date" content="2022-05-06">', dt.datetime(2022, 5, 6, tzinfo=dt.UTC)),
    "mail": (
        '<meta name="pubdate" content="Fri, 6 May 2022 07:08:09 GMT">',
        dt.datetime(2022, 5, 6, 7, 8, 9, tzinfo=dt.UTC),
    ),
    "the address": ("", dt.datetime(2023, 4, 5, tzinfo=dt.UTC)),
    "a date that is none": ('<meta name="date" content="yesterday">', dt.datetime(2023, 4, 5, tzinfo=dt.UTC)),
    "a date before the web": ('<meta name="date" content="0001-01-01T00:00Z">', dt.datetime(2023, 4, 5, tzinfo=dt.UTC)),
}  # fmt: skip


@pytest.mark.parametrize("name", DATES)
def test_the_date_is_what_the_page_says_in_any_of_its_ways(name: str) -> None:
    head, published = DATES[name]
    assert read(page(head=head)).published_at == published


def test_the_date_is_that_of_the_time_element_of_the_article() -> None:
    body = f"<article><h1>A record</h1><time datetime='2022-05-06T07:00:00-05:00'>May</time>{PARAGRAPH * 3}</article>"
    assert read(page(body)).published_at == dt.datetime(2022, 5, 6, 12, tzinfo=dt.UTC)


SHOWN = {
    "a line above the text": "<span class='date'>Posted on May 3, 2021</span>",
    "a German day": "<div class='entry-date'>03.05.2021</div>",
    "a sentence of the text": "",
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_day_that_only_readers_are_shown_is_found_where_days_stand(name: str) -> None:
    text = PARAGRAPH.replace("is warm", "came out on May 3, 2021, is warm")
    body = f"<article><h1>A record</h1>{SHOWN[name]}{text * 3}</article><footer>© 2019 The Blog</footer>"
    published = dt.datetime(2021, 5, 3, tzinfo=dt.UTC) if SHOWN[name] else None
    assert read(page(body), "http://blog.example/a").published_at == published


WRITTEN = {
    "2023-01-02 10:00:00 +0100": dt.datetime(2023, 1, 2, 9, tzinfo=dt.UTC),
    "2023-01-02T10:00:00.123456789Z": dt.datetime(2023, 1, 2, 10, tzinfo=dt.UTC),
    "Mon, 02 Jan 2023 10:00:00 EST": dt.datetime(2023, 1, 2, 15, tzinfo=dt.UTC),
    "January 2, 2023": dt.datetime(2023, 1, 2, tzinfo=dt.UTC),
    "2023年1月2日": dt.datetime(2023, 1, 2, tzinfo=dt.UTC),
    "02/03/2023": None,
    "9999-12-31T23:59:59-23:00": None,
    "0": None,
    "": None,
}


@pytest.mark.parametrize("written", WRITTEN)
def test_a_date_is_read_in_every_form_that_all_agree_on(written: str) -> None:
    assert parse_date(written) == WRITTEN[written]


def test_a_title_is_without_the_name_of_its_site() -> None:
    head = '<meta property="og:title" content="A record – The Blog"><meta property="og:site_name" content="The Blog">'
    assert read(page(head=head)).title == "A record"
    assert read(page(head=head.replace("A record – The Blog", "The Blog"))).title == "The Blog"


def test_a_page_that_names_no_date_has_none() -> None:
    assert read(page(), "http://blog.example/a-record-of-1234-5678").published_at is None


AUTHORS = {
    "meta": '<meta name="author" content=" Ada  Lovelace ">',
    "JSON-LD": '<script type="application/ld+json">{"@type": "Article", "author": [{"name": "Ada Lovelace"}]}</script>',
}


@pytest.mark.parametrize("name", AUTHORS)
def test_the_author_is_named(name: str) -> None:
    assert read(page(head=AUTHORS[name])).author == "Ada Lovelace"


def test_the_author_is_the_one_whom_the_article_links() -> None:
    link = '<p>By <a rel="author external" href="/ada">Ada <b>Lovelace</b></a></p>'
    assert read(page(f"<article><h1>A record</h1>{link}{PARAGRAPH * 3}</article>")).author == "Ada Lovelace"


CANONICAL = {
    "/a-record": "http://blog.example/a-record",
    "http://www.blog.example/a-record#top": "http://www.blog.example/a-record",
    "http://other.example/a-record": None,
    "http://example/a-record": None,
    "/": None,
    "/?p=12": "http://blog.example/?p=12",
    "javascript:alert(1)": None,
    "http://[": None,
    "": None,
}


@pytest.mark.parametrize("href", CANONICAL)
def test_a_page_is_known_by_the_address_that_it_names_on_its_own_site(href: str) -> None:
    article = read(page(head=f'<link rel="canonical" href="{href}">'))
    assert article.canonical_url == CANONICAL[href]
    assert article.key == (CANONICAL[href] or URL)


ENCODED = {
    "UTF-8, said by the header": ("utf-8", "text/html; charset=utf-8", ""),
    "UTF-8, said by nobody": ("utf-8", "text/html", ""),
    "UTF-8, said to be another": ("utf-8", "text/html; charset=iso-8859-1", ""),
    "Latin-1, said by the header": ("iso-8859-1", "text/html; charset=iso-8859-1", ""),
    "Latin-1, said by the page": ("iso-8859-1", None, '<meta charset="iso-8859-1">'),
    "Windows-1252, said to be UTF-8": ("cp1252", "text/html; charset=utf-8", ""),
    "UTF-16 with its mark": ("utf-16", None, ""),
}


@pytest.mark.parametrize("name", ENCODED)
def test_a_page_is_read_in_its_encoding(name: str) -> None:
    encoding, content_type, head = ENCODED[name]
    body = page(head=head).decode().replace('<meta charset="utf-8">', "").encode(encoding)
    assert "Björk" in read(body, content_type=content_type).text


LANGUAGES = {
    "en": "Their second record is warmer than the first, and it is sung as if nobody were listening to them at night.",
    "de": "Ihr zweites Album ist wärmer als das erste, und gesungen wird darauf, als ob nachts niemand zuhören würde.",
    "fr": "Leur deuxième disque est plus chaleureux que le premier, et chanté comme si personne n'écoutait la nuit.",
    "es": "Su segundo disco es más cálido que el primero, y lo cantan como si nadie los estuviera escuchando de noche.",
    "pt": "O segundo disco deles é mais quente do que o primeiro, e cantado como se ninguém estivesse a ouvir à noite.",
    "it": "Il loro secondo disco è più caldo del primo, ed è cantato come se nessuno li stesse ascoltando di notte.",
    "nl": "Hun tweede plaat is warmer dan de eerste, en gezongen alsof niemand er 's nachts naar luisterde.",
    "sv": "Deras andra skiva är varmare än den första, och den sjungs som om ingen lyssnade på dem om natten alls.",
    "pl": "Ich druga płyta jest cieplejsza niż pierwsza, a śpiewają na niej tak, jakby nikt ich w nocy nie słuchał.",
    "ru": "Их вторая пластинка теплее первой, и поют они на ней так, как будто ночью их совсем никто не слушает.",
    "el": "Ο δεύτερος δίσκος τους είναι πιο ζεστός από τον πρώτο και τραγουδούν σαν να μην τους ακούει κανείς.",
    "zh": "他们的第二张专辑比第一张更温暖，唱得好像夜里没有人在听一样。这是今年最好的唱片之一。",
    "ja": "彼らの二枚目のアルバムは一枚目よりも温かく、夜に誰も聴いていないかのように歌われている。",
    "ko": "그들의 두 번째 앨범은 첫 번째보다 더 따뜻하고, 밤에 아무도 듣지 않는 것처럼 노래한다. 올해 최고의 앨범이다.",
    "th": "อัลบั้มที่สองของพวกเขาอบอุ่นกว่าอัลบั้มแรก และร้องราวกับว่าไม่มีใครฟังอยู่ในตอนกลางคืนเลยแม้แต่คนเดียว",
    "he": "האלבום השני שלהם חם יותר מהראשון, והם שרים בו כאילו איש אינו מקשיב להם בלילה. זה אחד הטובים של השנה הזאת.",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_language_of_a_short_text_is_told_whatever_the_template_says(language: str) -> None:
    body = f"<article><h1>Sigur Rós</h1><p>{LANGUAGES[language]}</p></article>"
    assert read(page(body, lang="en-US")).language == language


def test_a_text_too_short_to_tell_is_in_the_language_that_the_page_names() -> None:
    body = f"<article><p>{'Kelela - Raven (8.4). Squid - O Monolith (8.4). ' * 2}</p></article>"
    assert read(page(body, lang="zh-TW")).language == "zh"


def test_chinese_among_the_latin_names_of_bands_is_chinese() -> None:
    entry = Entry(
        None, "Sigur Rós - ( )", None, "<p>這張 post-rock 專輯真的很好聽，比 Godspeed You! Black Emperor 還要好</p>"
    )
    article = from_entry(entry, URL)
    assert (article.language, article.title) == ("zh", "Sigur Rós - ( )")


def test_the_posts_of_a_real_blog_keep_the_headings_of_their_albums(real_data) -> None:
    found = total = 0
    for post in posts(real_data("text/usefulalgorithm")):
        text = read(post.html.encode(), "http://blog.example" + post.path).text
        names = [name for heading in post.headings for name in heading]
        found += sum(re.sub(r"\s+", " ", name) in text for name in names)
        total += len(names)
    assert total > 1_900
    assert found >= 0.98 * total


def test_a_chart_that_looks_like_a_menu_is_kept() -> None:
    albums = [f"Band {number} - Album {number}" for number in range(40)]
    items = "".join(
        f'<h4><a href="http://shop.example/{number}">{album}</a></h4>' for number, album in enumerate(albums)
    )
    share = '<div class="share-buttons"><a href="#">Tell your friends</a></div>'
    text = read(page(f'<article><h1>The year</h1><div class="entry-content">{items}{share}</div></article>')).text
    assert text.split("\n") == albums


def test_what_is_written_twice_in_code_is_read_as_meant() -> None:
    article = read(
        page(f"<article><h1>BjÃ¶rk&#146;s record</h1>{PARAGRAPH * 3}<p>Itâ€™s fine, and long enough.</p></article>")
    )
    assert (article.title, article.text.split("\n")[-1]) == ("Björk’s record", "It’s fine, and long enough.")


MB = 1_000_000
HOSTILE: dict[str, tuple[bytes, Refusal | None]] = {
    "nothing": (b"", Refusal.NO_TEXT),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 100, Refusal.NOT_A_PAGE),
    "zeros": (bytes(100_000), Refusal.NOT_A_PAGE),
    "noise": (bytes(range(1, 256)) * 1_000, Refusal.NOT_A_PAGE),
    "letters of no encoding": (b"<p>" + b"\xff\xfe\x81\x8d" * 9_000, Refusal.UNREADABLE),
    "more than is read": (b"<p>" + b"x" * (5 * MB), Refusal.TOO_LARGE),
    "only a menu": (page(""), Refusal.TOO_SHORT),
    "one line": (page("<p>Not found.</p>"), Refusal.TOO_SHORT),
    "divisions without end": (page("<div>" * 100_000 + PARAGRAPH), Refusal.TOO_DEEP),
    "tables without end": (page("<table><tr><td>" * 20_000), Refusal.TOO_DEEP),
    "as deep as is read": (page("<div>" * 150 + PARAGRAPH * 3 + "</div>" * 150), None),
    "more elements than are read": (page("<p>" + "word<br>" * 25_000), Refusal.TOO_LARGE),
    "as many elements as are read": (page("<article>" + "<h2>A - B</h2>" * 19_000 + "</article>"), None),
    "links": (page("<p>" + "<a href=/x>link</a> " * 12_000), None),
    "cells": (page("<table>" + ("<tr>" + "<td>ab cd</td>" * 190) * 100 + "</table>"), None),
    "one word": (page("<p>" + "a" * 3 * MB), None),
    "one text": (page("<p>" + "word " * 600_000), None),
    "white space": (page("<p>x" + " " * 3 * MB + "y"), Refusal.TOO_SHORT),
    "a title of line ends": (page(head="<title>" + "\n " * MB + "</title>"), None),
    "attributes": (page("<p " + " ".join(f'a{n}=">"' for n in range(300_000)) + ">" + PARAGRAPH * 3), None),
    "a long attribute": (page('<img src="data:image/png;base64,' + "A" * 3 * MB + '">' + PARAGRAPH * 3), None),
    "ampersands": (page("<p>" + "&amp;" * 600_000), None),
    "an open comment": (page("<!--" + "-" * 3 * MB), Refusal.TOO_SHORT),
    "open tags": (b"<a " * MB, Refusal.NO_TEXT),
    "a script of markup": (page("<script>" + "<p a='" * 500_000 + "</script>" + PARAGRAPH * 3), None),
    "an open script": (page(PARAGRAPH * 3 + "<script>" + "<script>" * 300_000), None),
    "JSON-LD nested without end": (
        page(head='<script type="application/ld+json">' + "[" * 500_000 + "</script>"),
        None,
    ),
    "JSON-LD of odd types": (
        page(head='<script type="application/ld+json">{"@type": "Article", "headline": 5, "author": [[]], '
             '"datePublished": {}}</script>'),
        None,
    ),
    "JSON-LD of odd kinds": (
        page(
            head='<script type="application/ld+json">{"@type": [{}, 5, "Article"], '
            '"headline": "\\ud800\\u0000"}</script>'
        ),
        None,
    ),
    "a date of digits": (page(head=f'<meta name="date" content="{"9" * MB}">'), None),
    "marks upon marks": (page("<p>a" + "\u0301" * MB), None),
    "letters that turn the line": (page("<p>" + "\u202e\u200b" * 500_000), Refusal.NO_TEXT),
    "an entity that multiplies itself": (
        b'<!DOCTYPE html [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;">]><html><body>&b;' + PARAGRAPH.encode() * 3,
        None,
    ),
    "characters that no database takes": (page(PARAGRAPH.replace("warm", "wa\x00rm\x08\ufffe") * 3), None),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page_ends_soon_with_an_article_or_a_reason(name: str) -> None:
    body, reason = HOSTILE[name]
    began = time.process_time()
    if reason is None:
        article = read(body)
        assert 0 < len(article.text) <= 200_000
        assert len(article.title) <= 500
        assert not re.search("[\x00-\x08\ufffe]", article.title + article.text)
    else:
        with pytest.raises(NoTextError) as raised:
            read(body)
        assert raised.value.refusal is reason
    assert time.process_time() - began < 8


@pytest.mark.parametrize("kind", ["application/pdf", "image/png", "audio/mpeg", "application/json"])
def test_what_is_no_page_is_not_read(kind: str) -> None:
    with pytest.raises(NoTextError) as raised:
        read(page(), content_type=kind)
    assert raised.value.refusal is Refusal.NOT_A_PAGE


def test_a_page_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(NoTextError) as raised:
        extract(page("<article>" + "<h2>A - B</h2>" * 19_000 + "</article>"), URL, seconds=0.2)
    assert raised.value.refusal is Refusal.TOO_SLOW


def test_a_deadline_ends_even_what_swallows_its_first_interruption() -> None:
    def stubborn() -> None:
        for _ in range(2):
            try:
                while True:
                    pass
            except TooSlowError:
                continue
        while True:
            pass

    with pytest.raises(TooSlowError), deadline(0.1):
        stubborn()


def test_a_post_that_its_feed_holds_is_read_from_there() -> None:
    html = f"<h2>Two</h2>{PARAGRAPH}<script>evil()</script><ul><li>One</li><li>Two <b>and</b> a half</li></ul>"
    article = from_entry(Entry(URL, "A record", None, html, "ada"), URL)
    assert article.text == f"Two\n{TEXT}\nOne\nTwo and a half"
    assert (article.title, article.author, article.url) == ("A record", "ada", URL)


def test_a_post_that_its_feed_only_names_is_not_there() -> None:
    with pytest.raises(NoTextError) as raised:
        from_entry(Entry(URL, "A record", None, None), URL)
    assert raised.value.refusal is Refusal.NO_TEXT


def test_the_same_article_has_the_same_hash_and_another_has_another() -> None:
    assert read(page()).content_hash == read(page(head="<meta name=x content=y>")).content_hash
    assert read(page()).content_hash != read(page(f"<article><h1>A record</h1>{PARAGRAPH * 4}</article>")).content_hash


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32), head=st.sampled_from([head for head, _ in DATES.values()]))
def test_a_page_that_is_broken_at_random_gives_an_article_or_a_reason(seed: int, head: str) -> None:
    body, content_type = broken(page(head=head), seed)
    try:
        article = read(body, content_type=content_type)
    except NoTextError as error:
        assert error.refusal in Refusal
        assert error.__cause__ is None or not isinstance(error.__cause__, TypeError | AttributeError)
        return
    for text in (article.title, article.text, article.author or "", article.key):
        assert "\0" not in text
        text.encode()
