"""Serves the invented blogs over HTTP on loopback, each on a port of its own: with ETag, 304, gzip, robots.txt.

`python -m recommenders.demo.blog_server FILE` serves what FILE (see `Plan`) says, until it is ended.
"""

import datetime as dt
import gzip
import hashlib
import json
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from email.message import Message
from email.utils import format_datetime, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from recommenders.demo.blog_pages import ENTRIES, Answer, Pages
from recommenders.demo.blogs import BLOGS, Blogs, make_blogs
from recommenders.demo.world import generate_world
from recommenders.errors import ConfigurationError

HOST = "127.0.0.1"
_COMPRESSED_FROM = 500  # bytes


@dataclass(frozen=True)
class Plan:
    """Which blogs are served where: the world's seed, the Monday on which its weeks end, and a port for each blog."""

    seed: int
    monday: str
    ports: tuple[int, ...]

    @classmethod
    def read(cls, file: Path) -> "Plan":
        """The plan in a file; raises ConfigurationError when it is none."""
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
            return cls(int(told["seed"]), str(told["monday"]), tuple(int(port) for port in told["ports"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(f"{file} does not say which blogs to serve: {error}. Remove it.") from error

    def write(self, file: Path) -> None:
        """Write it, whole or not at all."""
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".part")
        unfinished.write_text(json.dumps(asdict(self)), encoding="utf-8")
        unfinished.rename(file)

    def blogs(self) -> Blogs:
        """The blogs of that world."""
        return make_blogs(generate_world(self.seed, dt.datetime.fromisoformat(self.monday)))

    def entries(self) -> list[tuple[str, str, str]]:
        """Address, name and kind of each blog, as `sites` needs them."""
        return [
            (f"http://{HOST}:{port}{ENTRIES[blog.form]}", blog.name, blog.kind)
            for blog, port in zip(BLOGS, self.ports, strict=True)
        ]


@dataclass(frozen=True)
class Request:
    """A request that came in: to which blog, when (seconds, of a clock that only goes on), and what was answered."""

    blog: int
    at_s: float
    path: str
    status: int
    body_bytes: int
    user_agent: str


@dataclass
class BlogServer:
    """The running servers. `requests` are those that came in so far, in the order of their answers."""

    sites: list[Pages]
    requests: list[Request] = field(default_factory=list)

    def counts(self) -> Counter[int]:
        """How often each status was answered so far."""
        return Counter(request.status for request in list(self.requests))

    def page_urls(self) -> dict[int, str]:
        """The address of each post, by its number."""
        return {
            post.number: site.url(post) for site in self.sites for post in site.blogs.posts if post.blog == site.blog
        }


@contextmanager
def serving(
    blogs: Blogs, ports: Sequence[int] | None = None, clock: Callable[[], dt.datetime] | None = None
) -> Iterator[BlogServer]:
    """Serve the blogs while the block goes on; `ports` one for each blog, by default any that are free.

    What a blog shows follows `clock` (the time of day by default). Raises ConfigurationError for a port that is taken.
    """
    running = BlogServer([])
    servers: list[ThreadingHTTPServer] = []
    try:
        for number, port in enumerate(ports or [0] * len(blogs.blogs)):
            server = _bound(port)
            servers.append(server)
            running.sites.append(Pages(blogs, number, f"http://{HOST}:{server.server_address[1]}"))
            server.RequestHandlerClass = _handler(running, running.sites[-1], clock or _now)
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        yield running
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def _bound(port: int) -> ThreadingHTTPServer:
    try:
        return _Server((HOST, port), BaseHTTPRequestHandler)
    except OSError as error:
        raise ConfigurationError(
            f"Port {port} of {HOST} is taken, and a blog is to be served there: {error}."
        ) from error


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _handler(running: BlogServer, site: Pages, clock: Callable[[], dt.datetime]) -> type[BaseHTTPRequestHandler]:
    """What answers the requests to one blog."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "Inkpot/3.1"
        timeout = 30

        def do_GET(self) -> None:
            """Answer a GET."""
            address = urlsplit(self.path)
            answer = site.answer(address.path, address.query, clock())
            tag = f'"{hashlib.sha256(answer.body).hexdigest()[:20]}"'
            unchanged = answer.status == 200 and _is_known(self.headers, tag, answer.modified)
            self._send(answer, tag, 304 if unchanged else answer.status)

        def do_HEAD(self) -> None:
            """Answer a HEAD."""
            self.do_GET()

        def _send(self, answer: Answer, tag: str, status: int) -> None:
            body = b"" if status == 304 or self.command == "HEAD" else answer.body
            packed = "gzip" in self.headers.get("Accept-Encoding", "") and answer.content_type != "application/gzip"
            if packed := packed and len(body) >= _COMPRESSED_FROM:
                body = gzip.compress(body, 4, mtime=0)
            self.send_response(status)
            if status == 200:
                self.send_header("Content-Type", answer.content_type)
            if status in (200, 304):
                self.send_header("ETag", tag)
                if answer.modified:
                    self.send_header("Last-Modified", format_datetime(answer.modified, usegmt=True))
            if packed:
                self.send_header("Content-Encoding", "gzip")
            if answer.location:
                self.send_header("Location", answer.location)
            if status != 304:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            agent = self.headers.get("User-Agent", "")
            running.requests.append(Request(site.blog, time.monotonic(), self.path, status, len(body), agent))

        def log_message(self, *_: object) -> None:
            """Say nothing of each request."""

    return Handler


def _is_known(headers: Message, tag: str, modified: dt.datetime | None) -> bool:
    """Whether the asker has this very answer already (RFC 9110, 13.1: an entity tag counts more than a date)."""
    if tags := headers.get("If-None-Match"):
        return tag in tags or tags.strip() == "*"
    since = headers.get("If-Modified-Since")
    try:
        return bool(since and modified and modified.replace(microsecond=0) <= parsedate_to_datetime(since))
    except (TypeError, ValueError):
        return False


def main(file: Path) -> None:
    """Serve what `file` plans until SIGTERM."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    plan = Plan.read(file)
    with serving(plan.blogs(), plan.ports):
        ended.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
