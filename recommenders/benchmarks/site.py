"""A blog of a size that is asked for, served from a process of its own, which keeps the time of every request."""

import asyncio
import json
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

PAGE_BYTES = 19_000
_REQUESTS = "/requests.json"
_WORDS = """
    the a of and to in on with for from by as at is was it this that they their his her we you not but or so when where
    while after before over under again still never always almost perhaps song songs album record track single band
    singer voice guitar drums bass piano chorus verse melody rhythm noise silence studio stage tour label debut cover
    summer winter night morning city river road house window light shadow water fire glass paper stone dream memory
    story letter friend stranger mother child heart hand eye face slow fast loud quiet bright dark warm cold old new
    young long short simple strange gentle heavy hollow golden silver broken distant tender restless playful honest
    plays sings writes sounds feels grows falls opens closes turns waits breathes burns drifts returns remembers
    listening recorded released produced mixed written heard loved forgotten promised carried followed answered
"""


@dataclass(frozen=True)
class BlogSite:
    """A running site: where it is."""

    url: str

    @property
    def sitemap(self) -> str:
        """The address of the list of all its pages."""
        return f"{self.url}sitemap.xml"

    def requests(self) -> list[float]:
        """When each request came so far, robots.txt's included: seconds of one clock, ascending."""
        with urllib.request.urlopen(f"{self.url.rstrip('/')}{_REQUESTS}") as answer:
            times: list[float] = json.load(answer)
        return times


@contextmanager
def blog_site(pages: int, seed: int) -> Iterator[BlogSite]:
    """Serve a blog with so many posts on loopback for as long as this lasts."""
    command = [sys.executable, "-m", __name__, str(pages), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield BlogSite(server.stdout.readline().strip())
        finally:
            server.terminate()


def post(number: int, seed: int) -> bytes:
    """A post of about PAGE_BYTES: a quarter of it text, the rest what blogs have around it."""
    chance = random.Random(f"{seed} {number}")
    words = _WORDS.split()

    def sentence() -> str:
        return " ".join(chance.choices(words, k=chance.randint(7, 20))).capitalize() + "."

    def paragraph() -> str:
        return " ".join(sentence() for _ in range(chance.randint(3, 6)))

    title = " ".join(chance.choices(words, k=5)).title()
    text = "".join(f"<p>{paragraph()}</p>\n" for _ in range(11))
    around = "".join(
        f"<li class='widget-item menu-item-{chance.randrange(9999)}'><a href='/tag/{word}/'>{word}</a></li>\n"
        for word in chance.choices(words, k=60)
    )
    head = (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{title}</title>"
        f"<meta property='article:published_time' content='2026-{chance.randint(1, 9):02}-{chance.randint(1, 28):02}'>"
        f"<style>{'.entry-content p { margin: 0 0 1.5em; line-height: 1.6 } ' * 40}</style></head>"
    )
    page = (
        f"{head}<body><header><nav><ul>{around}</ul></nav></header><main><article class='post'><h1>{title}</h1>"
        f"<div class='entry-content'>{text}</div></article></main><aside><ul>{around}</ul></aside>"
    )
    script = (
        "<script>window.dataLayer = window.dataLayer || []; function track(name) { dataLayer.push(name) }</script>\n"
    )
    missing = max(0, PAGE_BYTES - len(page))
    return f"{page}{script * (missing // len(script))}<footer>A blog</footer></body></html>".encode()


class _Blog(asyncio.Protocol):
    """One connection that is kept; each request is answered at once from what stands ready."""

    def __init__(self, answers: dict[bytes, bytes], times: list[float]) -> None:
        self._answers = answers
        self._times = times
        self._waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *heads, self._waiting = (self._waiting + data).split(b"\r\n\r\n")
        for head in heads:
            path = head.split(b" ", 2)[1]
            if path == _REQUESTS.encode():
                self._transport.write(_answer(json.dumps(self._times).encode(), b"application/json"))
            else:
                self._times.append(time.monotonic())
                self._transport.write(self._answers.get(path) or _answer(b"not here", b"text/plain", b"404 Not Found"))


def _answer(body: bytes, kind: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (status, kind, len(body), body)


async def _serve(pages: int, seed: int) -> None:
    answers: dict[bytes, bytes] = {}
    times: list[float] = []
    server = await asyncio.get_running_loop().create_server(lambda: _Blog(answers, times), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    for number in range(pages):
        answers[f"/{number}.html".encode()] = _answer(post(number, seed), b"text/html; charset=utf-8")
    entries = "".join(f"<url><loc>{url}{number}.html</loc></url>\n" for number in range(pages))
    sitemap = f"<?xml version='1.0'?>\n<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{entries}</urlset>"
    answers[b"/sitemap.xml"] = _answer(sitemap.encode(), b"application/xml")
    answers[b"/robots.txt"] = _answer(b"User-agent: *\nDisallow: /tag/\n", b"text/plain")
    print(url, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
