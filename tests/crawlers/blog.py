"""A small blog over real HTTP on loopback: pages by address, answered as a test wants, each request noted."""

import gzip
import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SENTENCES = (
    "The record opens with a slow organ and a drum that seems to come from the next room.",
    "By the third song the guitars have taken over, and nobody in the band seems to mind.",
    "She sings about ferries, about her sister, about a winter in which the harbour froze.",
    "It was recorded in four days in a boathouse, which is what it sounds like.",
    "Play it loud, play it twice, and then lend it to somebody who says that they don't like folk.",
)


@dataclass(frozen=True)
class Answer:
    """What the server says to one address."""

    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0


@dataclass(frozen=True)
class Noted:
    """A request as it came: when, what, with which headers; the status and the length of the body of the answer."""

    at: float
    path: str
    headers: dict[str, str]
    status: int
    length: int


class Blog:
    """The pages of a server by their path with query; `noted`: the requests."""

    def __init__(self) -> None:
        self.pages: dict[str, Answer | Callable[[], Answer]] = {}
        self.noted: list[Noted] = []
        self.url = ""
        self.delay_s = 0.0

    def post(self, path: str, words: str, **more: Any) -> None:
        """Put an article of its own words at a path."""
        self.pages[path] = Answer(article(words), **more)

    def asked(self) -> Counter[str]:
        """How often each path was asked for, robots.txt aside."""
        return Counter(each.path for each in self.noted if each.path != "/robots.txt")

    def forget(self) -> None:
        """Forget the requests."""
        self.noted.clear()


def article(words: str, links: str = "") -> bytes:
    """A page with an article that says something that no other words make it say."""
    seed = hashlib.sha256(words.encode()).hexdigest()
    paragraphs = "".join(
        f"<p>{sentence} {words} {seed[4 * place : 4 * place + 24]} {' '.join(_words(seed, place))}.</p>"
        for place, sentence in enumerate(SENTENCES)
    )
    return (
        f"<html><head><title>{words}</title></head><body><nav><a href='/about'>About</a></nav>"
        f"<article><h1>{words}</h1>{paragraphs}</article>{links}</body></html>"
    ).encode()


def _words(seed: str, place: int) -> Iterator[str]:
    for number in range(30):
        yield hashlib.sha256(f"{seed}{place}{number}".encode()).hexdigest()[:6]


def listing(*paths: str, further: str = "") -> bytes:
    """A page that lists articles."""
    items = "".join(f"<article><h2><a href='{path}'>On {path}</a></h2><p>Read on.</p></article>" for path in paths)
    return f"<html><head><title>Blog</title></head><body><main>{items}</main>{further}</body></html>".encode()


def rss(*links: str, further: str = "") -> bytes:
    """A feed of articles."""
    items = "".join(
        f"<item><title>{link}</title><link>{link}</link>"
        f"<pubDate>Mon, 0{1 + place % 9} Jun 2026 10:00:00 GMT</pubDate></item>"
        for place, link in enumerate(links)
    )
    return (
        "<?xml version='1.0'?><rss version='2.0' xmlns:atom='http://www.w3.org/2005/Atom'><channel>"
        f"<title>Blog</title>{further}{items}</channel></rss>"
    ).encode()


def sitemap(*paths: str, index: bool = False, changed: dict[str, str] | None = None) -> bytes:
    """A sitemap, or an index of some, of paths; `changed`: when what is there last did."""
    outer, inner = ("sitemapindex", "sitemap") if index else ("urlset", "url")
    days = {path: f"<lastmod>{day}</lastmod>" for path, day in (changed or {}).items()}
    items = "".join(f"<{inner}><loc>{path}</loc>{days.get(path, '')}</{inner}>" for path in paths)
    return f"<{outer} xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{items}</{outer}>".encode()


@contextmanager
def serve(blog: Blog | None = None, port: int = 0) -> Iterator[Blog]:
    """Serve a blog on loopback; every page has an ETag, and is not sent to whom has it."""
    blog = blog or Blog()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            at = time.monotonic()
            page = blog.pages.get(self.path, Answer(b"nothing here", status=404))
            answer = page() if callable(page) else page
            time.sleep(answer.delay_s or blog.delay_s)
            etag = f'"{hashlib.sha256(answer.body).hexdigest()[:16]}"'
            status, body = answer.status, answer.body
            if status == 200 and self.headers.get("If-None-Match") == etag:
                status, body = 304, b""
            elif "gzip" in self.headers.get("Accept-Encoding", "") and len(body) > 200:
                body = gzip.compress(body, 1)
            blog.noted.append(Noted(at, self.path, dict(self.headers), status, len(body)))
            self.send_response(status)
            if status == 200:
                self.send_header("ETag", etag)
                if body != answer.body:
                    self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Type", answer.content_type)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if status != 304:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    blog.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield blog
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
