"""The invented blogs' feeds and sitemaps."""

import datetime as dt
import json
from collections.abc import Sequence
from email.utils import format_datetime
from html import escape
from typing import Protocol

from recommenders.demo.blogs import Blog, Post

_XML = '<?xml version="1.0" encoding="utf-8"?>\n'


class Addressed(Protocol):
    """A blog that knows its addresses."""

    @property
    def about(self) -> Blog:
        """The blog."""

    @property
    def base(self) -> str:
        """Its root, without a slash at the end."""

    def link(self, post: Post) -> str:
        """The address of a post."""


def rss(site: Addressed, posts: Sequence[Post], archive: str | None) -> str:
    """RSS 2.0 with whole posts; `archive` is the feed of what came before."""
    before = f'<atom:link rel="prev-archive" href="{escape(archive)}"/>' if archive else ""
    items = "".join(
        f"<item>{_titled(site, post)}<dc:creator>{escape(post.author)}</dc:creator><pubDate>"
        f"{format_datetime(post.published_at)}</pubDate><content:encoded><![CDATA[{_whole(post)}]]></content:encoded></item>\n"
        for post in posts
    )
    spaces = (
        'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    )
    return f'{_XML}<rss version="2.0" {spaces}><channel>{_channel(site)}{before}\n{items}</channel></rss>\n'


def atom(site: Addressed, posts: Sequence[Post], next_url: str | None) -> str:
    """Atom with summaries; `next_url` is the feed's next page."""
    entries = "".join(
        f"<entry><title>{escape(post.title.text)}</title><id>{escape(site.link(post).split('?')[0])}</id>"
        f'<link rel="alternate" href="{escape(site.link(post))}"/><updated>{post.published_at.isoformat()}</updated>'
        f"<published>{post.published_at.isoformat()}</published><author><name>{escape(post.author)}</name></author>"
        f'<summary type="text">{escape(_first_line(post))}</summary></entry>\n'
        for post in posts
    )
    more = f'<link rel="next" href="{escape(next_url)}"/>' if next_url else ""
    return (
        f'{_XML}<feed xmlns="http://www.w3.org/2005/Atom"><title>{escape(site.about.name)}</title><id>{site.base}/</id>'
        f'<link rel="alternate" href="{site.base}/"/>{more}<updated>{posts[0].published_at.isoformat()}</updated>\n'
        f"{entries}</feed>\n"
    )


def json_feed(site: Addressed, posts: Sequence[Post], next_url: str | None) -> str:
    """JSON Feed 1.1; `next_url` is the feed's next page."""
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": site.about.name,
        "home_page_url": f"{site.base}/",
        **({"next_url": next_url} if next_url else {}),
        "items": [
            {
                "id": str(post.number),
                "url": site.link(post),
                "title": post.title.text,
                "summary": _first_line(post),
                "date_published": post.published_at.isoformat(),
                "authors": [{"name": post.author}],
            }
            for post in posts
        ],
    }
    return json.dumps(feed, ensure_ascii=False, indent=1)


def rdf(site: Addressed, posts: Sequence[Post]) -> str:
    """RSS 1.0."""
    items = "".join(
        f'<item rdf:about="{escape(site.link(post))}">{_titled(site, post)}<dc:date>{post.published_at.isoformat()}'
        f"</dc:date><description>{escape(_first_line(post))}</description></item>\n"
        for post in posts
    )
    spaces = (
        'xmlns="http://purl.org/rss/1.0/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"'
    )
    return f'{_XML}<rdf:RDF {spaces}><channel rdf:about="{site.base}/">{_channel(site)}</channel>\n{items}</rdf:RDF>\n'


def broken_rss(site: Addressed, posts: Sequence[Post]) -> bytes:
    """RSS that is broken: not UTF-8 as it says, a bare &, an unknown entity, a control character, and no end."""
    items = "".join(
        f"<item><title>{post.title.text}</title><link>{site.link(post)}</link><pubDate>"
        f"{format_datetime(post.published_at)}</pubDate><description>&hellip;&nbsp;{_first_line(post)} R&B & more\x0b"
        "</description></item>\n"
        for post in posts
    )
    feed = f'{_XML}<rss version="2.0"><channel>{_channel(site)}\n{items}'
    return feed.removesuffix("</description></item>\n").encode("windows-1252", "replace")


def sitemap_index(rows: Sequence[tuple[str, dt.datetime]]) -> str:
    """A sitemap of sitemaps, and when each was changed."""
    maps = "".join(
        f"<sitemap><loc>{escape(url)}</loc><lastmod>{at.isoformat()}</lastmod></sitemap>\n" for url, at in rows
    )
    return f'{_XML}<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{maps}</sitemapindex>\n'


def sitemap(rows: Sequence[tuple[str, dt.datetime]]) -> str:
    """A sitemap of addresses and when they were changed."""
    urls = "".join(f"<url><loc>{escape(url)}</loc><lastmod>{at.isoformat()}</lastmod></url>\n" for url, at in rows)
    return f'{_XML}<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}</urlset>\n'


def _channel(site: Addressed) -> str:
    name = escape(site.about.name)
    return f"<title>{name}</title><link>{site.base}/</link><description>Records and evenings</description>"


def _titled(site: Addressed, post: Post) -> str:
    return f"<title>{escape(post.title.text)}</title><link>{escape(site.link(post))}</link>"


def _first_line(post: Post) -> str:
    return post.paragraphs[0].text[:160]


def _whole(post: Post) -> str:
    return "".join(f"<p>{escape(paragraph.text, quote=False)}</p>" for paragraph in post.paragraphs)
