"""What each address of an invented blog answers: articles, listings, feeds, sitemaps, and a calendar without end."""

import datetime as dt
import gzip
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from recommenders.demo.blog_feeds import atom, broken_rss, json_feed, rdf, rss, sitemap, sitemap_index
from recommenders.demo.blog_html import article, calendar, draft, listing, plain_page
from recommenders.demo.blogs import Blog, Blogs, Form, Post

PER_LISTING, PER_FEED = 10, 20
ENTRIES = {
    Form.RSS: "/feed.xml",
    Form.ATOM: "/atom.xml",
    Form.JSON: "/feed.json",
    Form.SITEMAP: "/sitemap.xml",
    Form.PAGES: "/",
    Form.QUERY_PAGES: "/",
    Form.BROKEN_RSS: "/rss",
    Form.RDF: "/index.rdf",
}
HTML = "text/html; charset=utf-8"
_ARTICLE = re.compile(r"/\d{4}/\d\d/([a-z0-9-]+)/?")
_MONTHLY = re.compile(r"/sitemap-(\d{4}-\d\d)\.xml\.gz")


@dataclass(frozen=True)
class Answer:
    """An answer to a request: `modified` for Last-Modified; `location` of a redirect."""

    body: bytes = b""
    content_type: str = HTML
    status: int = 200
    modified: dt.datetime | None = None
    location: str | None = None


NOT_FOUND = Answer(plain_page("Not found", "There is nothing here.").encode(), status=404)


@dataclass(frozen=True)
class Pages:
    """The pages of blog number `blog` at `base`, such as `http://127.0.0.1:8101`."""

    blogs: Blogs
    blog: int
    base: str
    _by_slug: dict[str, Post] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        ours = {post.slug: post for post in self.blogs.posts if post.blog == self.blog}
        object.__setattr__(self, "_by_slug", ours)

    @property
    def about(self) -> Blog:
        """The blog itself."""
        return self.blogs.blogs[self.blog]

    @property
    def entry(self) -> str:
        """Where a crawl of the blog begins."""
        return self.base + ENTRIES[self.about.form]

    def url(self, post: Post) -> str:
        """The address of a post, as the post itself gives it."""
        return self.base + path_of(post)

    def link(self, post: Post) -> str:
        """The address of a post as the blog's feed has it: it leads to the post, now and then in a roundabout way."""
        if self.about.form is Form.ATOM:
            return f"{self.url(post)}?utm_source=feed&utm_medium=atom"
        return f"{self.base}/n/{post.number}" if self.about.form is Form.RDF else self.url(post)

    def answer(self, path: str, query: str, now: dt.datetime) -> Answer:
        """What is answered at `now` to a request of `path`."""
        if path == "/robots.txt":
            return Answer(self._robots().encode(), "text/plain; charset=utf-8", modified=self.blogs.start)
        if found := _ARTICLE.fullmatch(path):
            return self._article(found.group(1), now)
        posts = self.blogs.visible(self.blog, now)
        made = self._of_form(path, {name: values[0] for name, values in parse_qs(query).items()}, posts)
        return made or self._common(path, posts) or NOT_FOUND

    def _robots(self) -> str:
        more = f"Sitemap: {self.base}/sitemap.xml\n" if self.about.form is Form.SITEMAP else ""
        return self.about.robots + more

    def _article(self, slug: str, now: dt.datetime) -> Answer:
        post = self._by_slug.get(slug)
        if post is None or post.published_at > now:
            return NOT_FOUND
        earlier = [other for other in self.blogs.visible(self.blog, post.published_at) if other is not post][:5]
        body = article(self.about, post, self.url(post), [(one.title.text, self.url(one)) for one in earlier])
        return Answer(body.encode(), modified=post.published_at)

    def _common(self, path: str, posts: Sequence[Post]) -> Answer | None:
        """The home page and what every blog has."""
        if path == "/":
            return self._listing(posts[:PER_LISTING], None)
        if path == "/about":
            text = f"{self.about.name} is written in the evenings. There are no advertisements and no scores."
            return Answer(plain_page("About", text).encode(), modified=self.blogs.start)
        return None

    def _of_form(self, path: str, query: dict[str, str], posts: Sequence[Post]) -> Answer | None:
        """What only a blog of this form has."""
        makers: dict[Form, Callable[[str, dict[str, str], Sequence[Post]], Answer | None]] = {
            Form.RSS: self._rss,
            Form.ATOM: self._atom,
            Form.JSON: self._json,
            Form.SITEMAP: self._sitemap,
            Form.PAGES: self._pages,
            Form.QUERY_PAGES: self._query_pages,
            Form.BROKEN_RSS: self._broken,
            Form.RDF: self._rdf,
        }
        return makers[self.about.form](path, query, posts)

    def _rss(self, path: str, query: dict[str, str], posts: Sequence[Post]) -> Answer | None:
        """The latest posts, and archives that never change: each names the one before (RFC 5005)."""
        oldest_first = posts[::-1]
        full = len(posts) // PER_FEED
        if path == "/feed.xml":
            part, before = posts[:PER_FEED], full
        elif (found := re.fullmatch(r"/feed/archive-(\d+)\.xml", path)) and 1 <= int(found.group(1)) <= full:
            before = int(found.group(1)) - 1
            part = oldest_first[before * PER_FEED : (before + 1) * PER_FEED][::-1]
        else:
            return None
        archive = f"{self.base}/feed/archive-{before}.xml" if before else None
        return self._feed(rss(self, part, archive).encode(), "application/rss+xml; charset=utf-8", part)

    def _atom(self, path: str, query: dict[str, str], posts: Sequence[Post]) -> Answer | None:
        part, following = self._page(posts, query, PER_FEED)
        if path != "/atom.xml" or not part:
            return None
        next_url = f"{self.base}/atom.xml?page={following}" if following else None
        return self._feed(atom(self, part, next_url).encode(), "application/atom+xml", part)

    def _json(self, path: str, query: dict[str, str], posts: Sequence[Post]) -> Answer | None:
        part, following = self._page(posts, query, PER_FEED)
        if path != "/feed.json" or not part:
            return None
        next_url = f"{self.base}/feed.json?page={following}" if following else None
        return self._feed(json_feed(self, part, next_url).encode(), "application/feed+json", part)

    def _sitemap(self, path: str, query: dict[str, str], posts: Sequence[Post]) -> Answer | None:
        changed = {f"{post.published_at:%Y-%m}": post.published_at for post in reversed(posts)}
        if path == "/sitemap.xml":
            rows = [(f"{self.base}/sitemap-{month}.xml.gz", at) for month, at in changed.items()]
            return self._feed(sitemap_index(rows).encode(), "application/xml", posts)
        if found := _MONTHLY.fullmatch(path):
            part = [post for post in posts if f"{post.published_at:%Y-%m}" == found.group(1)]
            rows = [(self.url(post), post.published_at) for post in part]
            return (
                self._feed(gzip.compress(sitemap(rows).encode(), mtime=0), "application/gzip", part) if part else None
            )
        return None

    def _pages(self, path: str, query: dict[str, str], posts: Sequence[Post]) -> Answer | None:
        found = re.fullmatch(r"/(?:page/(\d+)/?)?", path)
        if not found:
            return None
        part, following = self._page(posts, {"page": found.group(1) or "1"}, PER_LISTING)
        return self._listing(part, f"/page/{following}" if following else None) if part else None

    def _query_pages(self, path: str, query: dict[str, str], posts: Sequence[Post]) -> Answer | None:
        if path == "/calendar":
            return Answer(calendar(self.about, query.get("month", "")).encode(), modified=self.blogs.start)
        if path.startswith("/drafts/"):
            return Answer(draft().encode())
        if path != "/":
            return None
        part, following = self._page(posts, query, PER_LISTING)
        return self._listing(part, f"/?page={following}" if following else None) if part else None

    def _broken(self, path: str, query: dict[str, str], posts: Sequence[Post]) -> Answer | None:
        return self._feed(broken_rss(self, posts), "text/xml", posts) if path == "/rss" else None

    def _rdf(self, path: str, query: dict[str, str], posts: Sequence[Post]) -> Answer | None:
        if path == "/index.rdf":
            return self._feed(rdf(self, posts).encode(), "application/rdf+xml", posts)
        number = path.removeprefix("/n/")
        found = [post for post in posts if str(post.number) == number]
        return Answer(status=301, location=self.url(found[0])) if found else None

    def _page(self, posts: Sequence[Post], query: dict[str, str], size: int) -> tuple[Sequence[Post], int | None]:
        """The posts of the page that is asked for, and the number of the next one."""
        asked = query.get("page", "1")
        page = int(asked) if asked.isdigit() and len(asked) < 6 else 1
        return posts[(page - 1) * size : page * size], page + 1 if len(posts) > page * size else None

    def _listing(self, part: Sequence[Post], next_path: str | None) -> Answer:
        rows = [(post.title.text, self.url(post), post.published_at, post.paragraphs[0].text) for post in part]
        return Answer(listing(self.about, rows, next_path).encode(), modified=_latest(part, self.blogs.start))

    def _feed(self, body: bytes, content_type: str, part: Sequence[Post]) -> Answer:
        return Answer(body, content_type, modified=_latest(part, self.blogs.start))


def path_of(post: Post) -> str:
    """The path of a post's address."""
    return f"/{post.published_at:%Y/%m}/{post.slug}"


def _latest(posts: Sequence[Post], start: dt.datetime) -> dt.datetime:
    return max((post.published_at for post in posts), default=start)
