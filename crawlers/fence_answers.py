"""What a server may answer, and the one place that turns any failure into a recorded reason."""

import zlib
from dataclasses import dataclass
from typing import Any

import brotli
from backports import zstd
from scrapy import Request
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    NotSupported,
    ResponseDataLossError,
    UnsupportedURLSchemeError,
)
from scrapy.http import Headers, Response
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.internet.error import ConnectError
from twisted.internet.error import TimeoutError as NoConnectionInTimeError

from crawlers.fence import Reason, RefusedAnswerError, RefusedUrlError, place_of, trap

MOST_ENCODINGS = 2  # one around another: some servers wrap gzip twice
KNOWN_ENCODINGS = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd", "identity", ""})
MOST_FILES = 100  # in one gzip file, one after the other
_SNIFFED_BYTES = 1024
_ANY_ROLE = ("feed", "sitemap", "listing", "article")
_TEXTS = ("text/", "application/xhtml", "application/xml", "application/rss", "application/atom", "application/rdf")
_FEEDS = ("application/json", "application/feed+json", "application/octet-stream", "binary/octet-stream")
_SITEMAPS = ("application/gzip", "application/x-gzip", "application/octet-stream", "binary/octet-stream")
_NO_TEXTS = ("text/css", "text/javascript", "text/calendar", "text/csv", "text/vcard", "text/event-stream")
_BOMS_WITH_ZEROS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_ZIPPED = b"\x1f\x8b"


@dataclass(frozen=True)
class Refusal:
    """Why a page was not taken. `passing`: it may be had another time."""

    reason: str
    detail: str
    passing: bool


_PASSING = frozenset({Reason.DNS, Reason.CONNECTION, Reason.TIME, Reason.BROKEN, Reason.ERROR})
_PASSING_STATUS = frozenset({408, 421, 425, 429})


def refusal(error: BaseException) -> Refusal:
    """The reason to record for anything that went wrong with a request: `failure.value` of an errback."""
    if isinstance(error, HttpError):
        status = error.response.status
        return Refusal(Reason.STATUS, str(status), status >= 500 or status in _PASSING_STATUS)
    known = refused(error)
    return Refusal(known.reason, known.detail, known.reason in _PASSING)


def refused(error: BaseException) -> RefusedUrlError | RefusedAnswerError:
    """Any failure of a download as an error with a reason."""
    if isinstance(error, RefusedUrlError | RefusedAnswerError):
        return error
    for cause in _causes(error):
        if isinstance(cause, RefusedAnswerError):
            return cause
    detail = _detail(error)
    reason = next((reason for kinds, reason in _REASONS if isinstance(error, kinds)), None)
    if reason is None and isinstance(error, IgnoreRequest):
        reason = next((reason for start, reason in _IGNORED if detail.casefold().startswith(start)), None)
    if reason is None and any(
        type(cause).__module__.startswith(("OpenSSL", "service_identity")) for cause in _causes(error)
    ):
        reason = Reason.TLS
    if reason is None:
        module = type(error).__module__.partition(".")[0]
        reason = Reason.BROKEN if module in {"scrapy", "twisted"} else Reason.ERROR
    return RefusedAnswerError(reason, detail)


_REASONS: tuple[tuple[tuple[type[BaseException], ...], Reason], ...] = (
    ((UnsupportedURLSchemeError, NotSupported), Reason.SCHEME),
    ((CannotResolveHostError,), Reason.DNS),
    ((DownloadCancelledError,), Reason.SIZE),
    ((DownloadTimeoutError, NoConnectionInTimeError), Reason.TIME),
    ((DownloadConnectionRefusedError, ConnectError), Reason.CONNECTION),
    ((ResponseDataLossError,), Reason.BROKEN),
)
_IGNORED = (
    ("max redirections", Reason.REDIRECTS),
    ("forbidden by robots", Reason.ROBOTS),
)


def _detail(error: BaseException) -> str:
    """What an error says; of one that only wraps others, what they say."""
    says = [" ".join(str(cause).split()) for cause in _causes(error) if not getattr(cause, "reasons", None)]
    if isinstance(error, DownloadFailedError):
        says = says[1:]
    return next((text[:300] for text in says if text), type(error).__name__)


def _causes(error: BaseException) -> list[BaseException]:
    """What stands behind an error: its causes, and the reasons that Twisted's errors carry."""
    found: list[BaseException] = []
    waiting: list[BaseException] = [error]
    while waiting and len(found) < 50:
        one = waiting.pop()
        found.append(one)
        reasons: list[Any] = getattr(one, "reasons", None) or []
        waiting += [reason.value for reason in reasons if hasattr(reason, "value")]
        waiting += [cause for cause in (one.__cause__,) if cause is not None]
    return found


def check_head(status: int, headers: Headers, role: str | None) -> None:
    """Refuse an answer by its head, before its body is taken; raises RefusedAnswerError.

    Only answers that bring a body that is wanted (2xx) are judged by what they are: a type that no text has, encodings
    that are unknown or too many.
    """
    encodings = [
        name.strip().lower()
        for line in headers.getlist("Content-Encoding")
        for name in line.decode("latin-1").split(",")
    ]
    if len(encodings) > MOST_ENCODINGS:
        raise RefusedAnswerError(Reason.BOMB, f"{len(encodings)} encodings, one around another")
    for name in encodings:
        if name not in KNOWN_ENCODINGS:
            raise RefusedAnswerError(Reason.ENCODING, name[:60])
    if 200 <= status < 300:
        kind = (headers.get("Content-Type") or b"").decode("latin-1").partition(";")[0].strip().lower()
        if not _is_text(kind, role):
            raise RefusedAnswerError(Reason.TYPE, kind[:60])


def _is_text(kind: str, role: str | None) -> bool:
    """Whether a content type is one that a page of this role may have; none at all is."""
    if not kind or "/" not in kind:
        return True
    if kind.startswith(_TEXTS):
        return not kind.startswith(_NO_TEXTS)
    roles = _ANY_ROLE if role is None else (role,)
    return ("feed" in roles and kind.startswith(_FEEDS)) or ("sitemap" in roles and kind.startswith(_SITEMAPS))


class FencedCompression(HttpCompressionMiddleware):
    """Scrapy's decompression, bounded by DOWNLOAD_MAXSIZE at every layer; what comes out has to be text."""

    def process_response(self, request: Request, response: Response, spider: Any = None) -> Request | Response:
        """The response with its body as it was before it was compressed; raises RefusedAnswerError."""
        try:
            plain = super().process_response(request, response)
        except RefusedAnswerError:
            raise
        except IgnoreRequest as error:
            most_bytes = request.meta.get("download_maxsize", self._max_size)
            detail = f"{len(response.body):,} bytes became more than {most_bytes:,}"
            raise RefusedAnswerError(Reason.BOMB, detail) from error
        except (OSError, EOFError, ValueError, zlib.error, brotli.error, zstd.ZstdError) as error:
            raise RefusedAnswerError(Reason.ENCODING, str(error)[:200]) from error
        if isinstance(plain, Response) and _is_binary(plain.body[:_SNIFFED_BYTES]):
            raise RefusedAnswerError(Reason.TYPE, "bytes that are no text")
        return plain

    @staticmethod
    def _decode(body: bytes, encoding: bytes, max_size: int) -> bytes:
        if encoding in {b"gzip", b"x-gzip"}:
            return unzip(body, max_size)
        plain: bytes = HttpCompressionMiddleware._decode(body, encoding, max_size)
        return plain


def unzip(data: bytes, most_bytes: int) -> bytes:
    """What a gzip file holds, as far as it goes.

    Raises RefusedAnswerError for a bomb, zlib.error or EOFError for what is no gzip. In the place of Scrapy's, which
    reads heads of files byte by byte: a long name or a heap of empty files keeps that, and all other sites, waiting.
    """
    found, size = [], 0
    for _ in range(MOST_FILES):
        one = zlib.decompressobj(wbits=31)
        found.append(one.decompress(data, most_bytes - size + 1))
        size += len(found[-1])
        if size > most_bytes:
            raise RefusedAnswerError(Reason.BOMB, f"{len(data):,} bytes became more than {most_bytes:,}")
        if not one.eof and not size:
            raise EOFError("the file is cut short before anything is in it")
        data = one.unused_data
        if not data.startswith(_ZIPPED):
            return b"".join(found)
    raise RefusedAnswerError(Reason.BOMB, f"more than {MOST_FILES} files in one")


class FencedRequests:
    """Refuses a URL that may not be asked for, before anything is asked for its sake."""

    def process_request(self, request: Request) -> None:
        """Raises RefusedUrlError."""
        place_of(request.url)
        why = trap(request.url) if request.meta.get("redirect_times") else None
        if why is not None:
            raise RefusedUrlError(Reason.TRAP, why)


class FencedRedirects:
    """Refuses a redirect to where no request may go: those of other schemes Scrapy would take for a last answer."""

    def process_response(self, request: Request, response: Response) -> Response:
        """The response as it is; raises RefusedUrlError."""
        location = response.headers.get("Location")
        if 300 <= response.status < 400 and location:
            try:
                target = response.urljoin(location.decode("latin-1"))
            except ValueError as error:
                raise RefusedUrlError(Reason.URL, f"a redirect to no address: {error}") from error
            place_of(target)
        return response


def _is_binary(start: bytes) -> bool:
    """Whether this is how no text begins: with zeros, in no encoding of two or four bytes a letter and no gzip."""
    if b"\0" not in start or start.startswith((*_BOMS_WITH_ZEROS, _ZIPPED)):
        return False
    half = len(start) // 2
    even, odd = start[0::2].count(0), start[1::2].count(0)
    return max(even, odd) <= 0.7 * half or min(even, odd) >= 0.3 * half
