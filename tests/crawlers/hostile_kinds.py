"""Servers that misbehave at the page /bad: in time, size, encoding, headers, redirects, protocol, type, status."""

import asyncio
import gzip
import struct
import zlib
from socket import SO_LINGER, SOL_SOCKET

import brotli
from backports import zstd

from crawlers.fence import Reason
from tests.crawlers.hostile_server import Answer, Kind, Visit, good_page

MIB = 1 << 20
BOMB = 32 * MIB  # what each bomb becomes
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


def raw(*parts: bytes) -> Answer:
    """Send these bytes, and close."""

    async def answer(visit: Visit) -> None:
        await visit.send(*parts)

    return answer


def drip(head: bytes, part: bytes, pause_s: float = 0.05) -> Answer:
    """Send `part` again and again, for ever."""

    async def answer(visit: Visit) -> None:
        await visit.send(head)
        while True:
            await visit.send(part)
            await asyncio.sleep(pause_s)

    return answer


def page(body: bytes, status: str = "200 OK", kind: str = "text/html; charset=utf-8", **headers: str) -> Answer:
    """A correct answer with this body."""

    async def answer(visit: Visit) -> None:
        await visit.answer(body, status=status, kind=kind, **headers)

    return answer


def redirect(target: str) -> Answer:
    """To `target`, in which {port} is the server's own."""
    return lambda visit: visit.answer(status="302 Found", Location=target.format(port=visit.port), Connection="close")


def zipped(body: bytes, encoding: str) -> Answer:
    """A body that says it is encoded so."""
    return page(body, Content_Encoding=encoding)


async def silent(visit: Visit) -> None:
    """Say nothing, and keep the connection."""
    await asyncio.sleep(3600)


async def reset(visit: Visit) -> None:
    """Reset the connection in the middle of the head."""
    await visit.send(OK)
    visit.writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    visit.writer.transport.abort()


async def redirects_without_end(visit: Visit) -> None:
    """From each address to a new one."""
    number = int(visit.path.rpartition("-")[2]) if "-" in visit.path else 0
    await visit.answer(status="302 Found", Location=f"/bad-{number + 1}", Connection="close")


def _raw_deflate(body: bytes) -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    return squeeze.compress(body) + squeeze.flush()


ZEROS = bytes(BOMB)


def kinds(reason: str, answers: dict[str, Answer]) -> list[Kind]:
    """Kinds whose page /bad answers so, and is refused for this reason."""
    return [Kind(name, reason, {"/bad": answer}) for name, answer in answers.items()]


SLOW = kinds(
    Reason.TIME,
    {
        "never answers": silent,
        "a head byte by byte": drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a"),
        "a body byte by byte": drip(OK + b"Content-Length: 100000\r\n\r\n<html>", b"a"),
        "chunks of one byte": drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        "headers one by one": drip(b"HTTP/1.1 200 OK\r\n", b"X-More: yes\r\n"),
        "a gzip that never ends": drip(OK + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08", b"\0"),
    },
)
LARGE = kinds(
    Reason.SIZE,
    {
        "a body without end": drip(OK + b"\r\n", b"<p>" * 20_000, 0),
        "chunks without end": drip(
            OK + b"Transfer-Encoding: chunked\r\n\r\n", b"ffff\r\n" + b"a" * 65_535 + b"\r\n", 0
        ),
        "a length of a terabyte": raw(OK + b"Content-Length: 1099511627776\r\n\r\n<html>"),
    },
)
BOMBS = kinds(
    Reason.BOMB,
    {
        "a gzip bomb": zipped(gzip.compress(ZEROS), "gzip"),
        "a brotli bomb": zipped(brotli.compress(ZEROS, quality=5), "br"),
        "a zstd bomb": zipped(zstd.compress(ZEROS), "zstd"),
        "a deflate bomb": zipped(zlib.compress(ZEROS), "deflate"),
        "a raw deflate bomb": zipped(_raw_deflate(ZEROS), "deflate"),
        "a gzip bomb in a gzip": zipped(gzip.compress(gzip.compress(ZEROS)), "gzip, gzip"),
        "a brotli bomb in a gzip": zipped(gzip.compress(brotli.compress(ZEROS, quality=5)), "br, gzip"),
        "a thousand files in a gzip": zipped(gzip.compress(b"") * 1000, "gzip"),
        "ten encodings": zipped(b"x", ", ".join(["gzip"] * 10)),
    },
)
ENCODINGS = kinds(
    Reason.ENCODING,
    {
        "a gzip with a name of a megabyte": zipped(b"\x1f\x8b\x08\x08" + bytes(6) + b"a" * MIB, "gzip"),
        "an unknown encoding": zipped(b"x", "lzma"),
        "no gzip at all": zipped(b"<html>" * 100, "gzip"),
        "no brotli at all": zipped(b"<html>" * 100, "br"),
        "no zstd at all": zipped(b"<html>" * 100, "zstd"),
        "no deflate at all": zipped(b"\xff<html>" * 100, "deflate"),
    },
)
HEADS = kinds(
    Reason.HEAD,
    {
        "headers without end": drip(b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"a" * 4000 + b"\r\n", 0),
        "one endless header": drip(b"HTTP/1.1 200 OK\r\nX-Long: ", b"a" * 4000, 0),
        "wait and wait": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, 0),
    },
)
REDIRECTS = [
    *kinds(Reason.REDIRECTS, {"a redirect to itself": redirect("/bad")}),
    Kind("redirects without end", Reason.REDIRECTS, {"/bad*": redirects_without_end}),
    Kind("a redirect in circles", Reason.REDIRECTS, {"/bad": redirect("/bad2"), "/bad2": redirect("/bad")}),
    *kinds(
        Reason.SCHEME,
        {
            "a redirect to a file": redirect("file:///etc/passwd"),
            "a redirect to data": redirect("data:text/html,hello"),
            "a redirect to ftp": redirect("ftp://127.0.0.1/x"),
            "a redirect to gopher": redirect("gopher://127.0.0.1:70/_x"),
        },
    ),
    *kinds(
        Reason.PRIVATE,
        {
            "a redirect to another server here": redirect("http://127.0.0.1:8080/"),
            "a redirect to localhost": redirect("http://localhost:{port}/good"),
            "a redirect to a number": redirect("http://2130706433:{port}/good"),
            "a redirect to a short address": redirect("http://127.1:{port}/good"),
            "a redirect to hexadecimal": redirect("http://0x7f.0.0.1:{port}/good"),
            "a redirect to octal": redirect("http://0177.0.0.1:{port}/good"),
            "a redirect to all addresses": redirect("http://0.0.0.0:{port}/good"),
            "a redirect to IPv6": redirect("http://[::1]:{port}/good"),
            "a redirect to mapped IPv4": redirect("http://[::ffff:127.0.0.1]:{port}/good"),
            "a redirect to NAT64": redirect("http://[64:ff9b::7f00:1]:{port}/good"),
            "a redirect to a cloud's metadata": redirect("http://169.254.169.254/latest/meta-data/"),
            "a redirect to a private network": redirect("http://10.0.0.1/"),
            "a redirect without a scheme": redirect("//127.0.0.1:8080/"),
        },
    ),
    *kinds(
        Reason.URL,
        {
            "a redirect to another service": redirect("http://127.0.0.1:25/"),
            "a redirect with a password": redirect("http://blog.example@127.0.0.1:{port}/good"),
            "a redirect of 5,000 characters": redirect("/bad?" + "a" * 5000),
            "a redirect to no address": redirect("http://[nonsense/"),
        },
    ),
    *kinds(Reason.DNS, {"a redirect to an unknown name": redirect("http://nobody.invalid/")}),
    *kinds(Reason.STATUS, {"a redirect to nowhere": page(b"", status="302 Found")}),
]
BROKEN = kinds(
    Reason.BROKEN,
    {
        "closes at once": raw(b""),
        "resets the connection": reset,
        "speaks no HTTP": raw(b"220 mail.example ESMTP\r\n"),
        "speaks HTTP/0.9": raw(b"<html><body>Hello</body></html>"),
        "a body cut short": raw(OK + b"Content-Length: 100000\r\n\r\n<html>"),
        "a negative length": raw(OK + b"Content-Length: -5\r\n\r\n<html>"),
        "two lengths": raw(OK + b"Content-Length: 6\r\nContent-Length: 7\r\n\r\n<html>"),
        "broken chunks": raw(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n<html>\r\n"),
        "an unknown transfer": raw(OK + b"Transfer-Encoding: pigeon\r\n\r\n<html>"),
        "a status that is none": raw(b"HTTP/1.1 twohundred OK\r\n\r\n<html>"),
    },
)
TYPES = kinds(
    Reason.TYPE,
    {
        "a picture": page(b"\x89PNG", kind="image/png"),
        "a stream of music": drip(OK.replace(b"text/html", b"audio/mpeg") + b"\r\n", bytes(50_000), 0),
        "a stream of pictures": drip(OK.replace(b"text/html", b"multipart/x-mixed-replace") + b"\r\n", b"--x"),
        "a stream of events": drip(OK.replace(b"text/html", b"text/event-stream") + b"\r\n", b"data: x\n\n"),
        "an archive": page(b"PK\x03\x04", kind="application/zip"),
        "a program that says it is a page": page(b"\x7fELF" + bytes(5000)),
    },
)
STATUS = kinds(
    Reason.STATUS,
    {
        "gone": page(b"gone", status="410 Gone"),
        "a server's error": page(b"oops", status="500 Oops"),
        "nothing has changed, unasked": page(b"", status="304 Not Modified"),
        "a status of 999": page(good_page("999"), status="999 Denied"),
    },
)
WAIT = Kind(
    "come back in a thousand years",
    Reason.STATUS,
    {"/bad": page(b"", status="429 Slow", Retry_After="99999999999")},
    outcome="asked_to_wait",
)
_AT_THE_DOOR = {"bad": "/", "scheme": "https", "outcome": "failed", "has_good": False}
SECURE = [
    Kind("a certificate of its own", Reason.TLS, {}, secure=True, **_AT_THE_DOOR),
    Kind("a safe address, and silence", Reason.TIME, {}, **_AT_THE_DOOR),
]
TRAPS = [
    Kind("a path in circles", Reason.TRAP, {}, bad="/a/b/a/b/a/b/"),
    Kind("a heap of parameters", Reason.TRAP, {}, bad="/bad?" + "&".join(f"p{n}=1" for n in range(20))),
    Kind("a path of many folders", Reason.TRAP, {}, bad="/" + "/".join("abcdefghijklmnopqrst")),
]

KINDS = [*SLOW, *LARGE, *BOMBS, *ENCODINGS, *HEADS, *REDIRECTS, *BROKEN, *TYPES, *STATUS, WAIT, *SECURE, *TRAPS]
