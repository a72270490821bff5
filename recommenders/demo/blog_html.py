"""The invented blogs' pages as HTML: an article within everything that stands around one."""

import calendar as calendars
import datetime as dt
import json
import re
from collections.abc import Sequence
from html import escape

from recommenders.demo.blogs import Blog, Form, Post
from recommenders.demo.prose import Prose

_LINKED = {Form.ATOM, Form.PAGES}
_EMPHASISED = {Form.RSS, Form.SITEMAP}
_STYLE = "".join(
    f".{block}-{part}{{margin:{m}px auto;padding:{m // 2}px;color:#{m:02x}{m:02x}3{m % 10};line-height:1.{m}}}"
    for m, (block, part) in enumerate(
        (
            (b, p)
            for b in ("post", "nav", "side", "note", "foot", "form")
            for p in ("a", "b", "c", "d", "e", "f", "g", "h")
        ),
        11,
    )
)
_COMMENTS = (
    "Could not agree more.",
    "First!",
    "My order arrived today, thank you.",
    "Is there a list of everything you reviewed this year?",
    "I disagree, but nicely put.",
    "Please more about concerts in small towns.",
)


def article(blog: Blog, post: Post, url: str, earlier: Sequence[tuple[str, str]]) -> str:
    """The page of a post. `earlier` are titles and addresses of other posts, which it names in its margin."""
    title = escape(post.title.text)
    body = "\n".join(
        f"<h2>{escape(paragraph.text)}</h2>" if number in post.headings else f"<p>{_marked_up(blog, paragraph)}</p>"
        for number, paragraph in enumerate(post.paragraphs)
    )
    comments = "".join(
        f'<li class="comment"><p>{escape(_COMMENTS[(post.number + n) % len(_COMMENTS)])}</p></li>'
        for n in range(post.number % 4)
    )
    main = (
        f'<article class="post-a"><h1>{title}</h1><p class="byline">by <a rel="author" href="/about">'
        f'{escape(post.author)}</a>{_date_line(blog, post)}</p>\n<div class="entry-content">{body}</div></article>'
        f'<section id="comments" class="comments"><h3>Comments</h3><ol class="commentlist">{comments}</ol></section>'
    )
    return _page(blog, f"{title} – {escape(blog.name)}", main, head=_facts(blog, post, url), earlier=earlier)


def listing(blog: Blog, rows: Sequence[tuple[str, str, dt.datetime, str]], next_path: str | None) -> str:
    """A page of posts: titles, addresses, dates, first lines; `next_path` leads to what is older."""
    items = "\n".join(
        f'<div class="teaser"><h2><a href="{escape(url)}">{escape(title)}</a></h2>'
        f"<p>{at:%d %B %Y}: {escape(text[:90])}…</p></div>"
        for title, url, at, text in rows
    )
    older, head = "", ""
    if next_path and blog.form is Form.PAGES:
        head = f'<link rel="next" href="{next_path}">'
        older = f'<nav class="nav-b"><a href="{next_path}">Older posts</a></nav>'
    elif next_path:
        older = f'<div class="pagination"><a class="next" href="{next_path}">Next »</a></div>'
    return _page(blog, escape(blog.name), f"<main>{items}{older}</main>", head=head)


def calendar(blog: Blog, month: str) -> str:
    """A month of a calendar that goes on for ever in both directions."""
    found = re.fullmatch(r"(\d{4})-(\d\d)", month)
    number = int(found.group(1)) * 12 + int(found.group(2)) - 1 if found else 2026 * 12
    around = [f"{n // 12:04d}-{n % 12 + 1:02d}" for n in (number - 12, number - 1, number + 1, number + 12) if n > 0]
    links = " ".join(
        f'<a href="/calendar?month={month}">{mark}</a>' for month, mark in zip(around, "«‹›»", strict=False)
    )
    name = f"{calendars.month_name[number % 12 + 1]} {number // 12}"
    return _page(blog, f"Calendar: {name}", f"<h1>{name}</h1><p>Nothing.</p><p>{links}</p>")


def draft() -> str:
    """What no crawler may see."""
    return plain_page("Draft", "This is not finished, none of it is true, and robots are asked to stay away. " * 5)


def plain_page(title: str, text: str) -> str:
    """A page of a heading and a paragraph."""
    return f"<!doctype html><html lang=en><title>{title}</title><h1>{title}</h1><p>{text}</p></html>"


def _page(blog: Blog, title: str, main: str, head: str = "", earlier: Sequence[tuple[str, str]] = ()) -> str:
    links = "".join(f'<li><a href="{escape(url)}">{escape(name)}</a></li>' for name, url in earlier)
    more = ' · <a href="/calendar?month=2026-01">Calendar</a> · <a href="/drafts/1">Drafts</a>'
    extra = more if blog.form is Form.QUERY_PAGES else ""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="generator" content="Inkpot 3.1">{head}<style>{_STYLE}</style></head>\n'
        f'<body class="{blog.slug}"><header class="nav-a"><a href="/">{escape(blog.name)}</a> · '
        '<a href="/about">About</a>'
        f'{extra}</header>\n<div class="wrap">{main}</div>\n'
        f'<aside class="sidebar side-a"><h3>Earlier here</h3><ul>{links}</ul></aside>'
        f'<footer class="foot-a"><p>© {escape(blog.name)}. Powered by patience.</p></footer>'
        "<script>window.inkpot={theme:'plain',lazy:true};document.documentElement.className='js';</script>"
        "</body></html>\n"
    )


def _facts(blog: Blog, post: Post, url: str) -> str:
    """What the page says of itself, in the way of this blog."""
    canonical, at = f'<link rel="canonical" href="{escape(url)}">', post.published_at.isoformat()
    if blog.form in (Form.RSS, Form.RDF):
        return f'{canonical}<meta property="article:published_time" content="{at}">'
    if blog.form is Form.SITEMAP:
        told = {
            "@type": "BlogPosting",
            "headline": post.title.text,
            "datePublished": at,
            "author": {"name": post.author},
        }
        data = json.dumps({"@context": "https://schema.org", **told}).replace("<", "\\u003c")
        return f'{canonical}<script type="application/ld+json">{data}</script>'
    if blog.form is Form.BROKEN_RSS:
        return f'<meta name="date" content="{post.published_at:%Y-%m-%d}">'
    return canonical


def _date_line(blog: Blog, post: Post) -> str:
    at = post.published_at
    if blog.form in (Form.ATOM, Form.JSON, Form.PAGES, Form.QUERY_PAGES):
        return f', <time class="published" datetime="{at.isoformat()}">{at:%d %B %Y}</time>'
    return f" · {at:%d %B %Y}"


def _marked_up(blog: Blog, paragraph: Prose) -> str:
    """A paragraph; some blogs link the first name of each artist, others set songs in italics."""
    parts, at, linked = [], 0, set[int]()
    for span in paragraph.spans:
        name = escape(paragraph.text[span.start : span.end], quote=False)
        if blog.form in _LINKED and span.track is None and span.artist not in linked:
            linked.add(span.artist)
            name = f'<a href="https://band-{span.artist}.example/">{name}</a>'
        elif blog.form in _EMPHASISED and span.track is not None:
            name = f"<em>{name}</em>"
        parts += [escape(paragraph.text[at : span.start], quote=False), name]
        at = span.end
    return "".join([*parts, escape(paragraph.text[at:], quote=False)])
