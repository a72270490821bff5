"""Real servers on loopback that misbehave: a port for each kind of hostile behaviour, a good page beside it."""

import asyncio
import random
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = Callable[["Visit"], Awaitable[None]]

_WORDS = """
    guitar melody chorus album record singer stage drums bass voice quiet loud evening summer river light shadow
    dream street window winter garden silver thunder echo distant gentle broken golden hollow tender bright slow
"""


@dataclass
class Visit:
    """One request at a hostile server, and the connection on which it came."""

    path: str
    headers: dict[str, str]
    port: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *parts: bytes) -> None:
        """Write, and wait until the other side has room for more."""
        for part in parts:
            self.writer.write(part)
        await self.writer.drain()

    async def answer(
        self, body: bytes = b"", *, status: str = "200 OK", kind: str = "text/html; charset=utf-8", **headers: str
    ) -> None:
        """A whole, correct answer; an underscore in a header's name is a dash. `kind` empty: no content type."""
        fields = {"Content-Type": kind, "Content-Length": str(len(body)), **headers}
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items() if value)
        await self.send(f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1"), body)


@dataclass(frozen=True)
class Kind:
    """One kind of hostile behaviour, and what a crawl has to record of it.

    `paths`: how it answers where; all else is a small, well-behaved site, whose front page links `bad` and a good page.
    `reason`: why `bad` is refused, None where it may be taken. `outcome`: how the crawl of the site ends.
    """

    name: str
    reason: str | None
    paths: dict[str, Answer]
    bad: str = "/bad"
    outcome: str = "finished"
    has_good: bool = True  # whether the good page becomes an article in any case
    start: str = "/"  # the site's own address
    site_kind: str = "pages"
    scheme: str = "http"
    secure: bool = False  # whether it speaks TLS
    max_seconds: int | None = None


@dataclass
class HostileSite:
    """A server that is running: its kind, its port, and how often each path was asked for."""

    kind: Kind
    port: int
    asked: dict[str, int] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where its front page is."""
        return f"{self.kind.scheme}://127.0.0.1:{self.port}/"

    @property
    def start(self) -> str:
        """The address of the site."""
        return self.url + self.kind.start[1:]


def good_page(name: str) -> bytes:
    """An article of a few hundred words, different for each name."""
    chance = random.Random(name)
    paragraphs = "".join(
        f"<p>{' '.join(chance.choice(_WORDS.split()) for _ in range(60)).capitalize()}.</p>" for _ in range(5)
    )
    return (
        f"<!doctype html><html lang='en'><head><title>{name} plays</title></head>"
        f"<body><article><h1>{name} plays</h1>{paragraphs}</article></body></html>"
    ).encode()


def front_page(*links: str) -> bytes:
    """A page that lists these."""
    items = "".join(f"<li><a href='{link}'>A post</a></li>" for link in links)
    return f"<!doctype html><html><head><title>Blog</title></head><body><ul>{items}</ul></body></html>".encode()


def self_signed(folder: Path) -> tuple[str, str]:
    """Files of a certificate for 127.0.0.1 that nobody vouches for, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    start = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=3))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    secret = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(encoding))
    (folder / "key.pem").write_bytes(secret)
    return str(folder / "certificate.pem"), str(folder / "key.pem")


@contextmanager
def hostile_sites(kinds: list[Kind], certificate: tuple[str, str]) -> Iterator[dict[str, HostileSite]]:
    """Serve every kind on a port of its own, in a thread. `certificate`: files of a self-signed one and its key."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    sites = {kind.name: HostileSite(kind, 0) for kind in kinds}
    servers = [asyncio.run_coroutine_threadsafe(_listen(site, certificate), loop).result(10) for site in sites.values()]
    try:
        yield sites
    finally:
        asyncio.run_coroutine_threadsafe(_stop(servers), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _listen(site: HostileSite, certificate: tuple[str, str]) -> asyncio.Server:
    context = None
    if site.kind.secure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            while await _serve_one(site, reader, writer):
                pass
        writer.transport.abort() if writer.is_closing() else writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    site.port = server.sockets[0].getsockname()[1]
    return server


async def _serve_one(site: HostileSite, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Answer one request; False when the connection is to be closed."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.splitlines()
    path = first.split(" ")[1]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    site.asked[path] = site.asked.get(path, 0) + 1
    visit = Visit(path, headers, site.port, reader, writer)
    for start, answer in site.kind.paths.items():
        if path == start or (start.endswith("*") and path.startswith(start[:-1])):
            await answer(visit)
            return False
    if path == "/":
        await visit.answer(front_page("/good", site.kind.bad))
    elif path == "/good":
        await visit.answer(good_page(site.kind.name))
    else:
        await visit.answer(b"not here", status="404 Not Found", kind="text/plain")
    return True


async def _stop(servers: list[asyncio.Server]) -> None:
    for server in servers:
        server.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
