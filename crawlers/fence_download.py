"""Scrapy's way to the network, fenced: connects only to an address that was checked, and bounds what an answer may be.

The check stands where the connection is made, so that it holds for every hop of a redirect, for robots.txt and for a
name that means another address than a moment ago: the connection goes to the very address that was checked. A subclass
of Scrapy's own HTTP/1.1 handler, whose agent is not public; the version of Scrapy is pinned.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from scrapy import Request
from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
    _ScrapyAgent,
)
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadCancelledError
from scrapy.http import Headers, Response
from scrapy.utils._download_handlers import wrap_twisted_exceptions
from scrapy.utils.datatypes import LocalCache
from scrapy.utils.defer import maybe_deferred_to_future
from scrapy.utils.misc import load_object
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TooLongError
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.web._newclient import HEADER, STATUS
from twisted.web.client import Agent
from zope.interface import implementer

from crawlers.fence import Place, Reason, RefusedAnswerError, RefusedUrlError, place_of, safe_addresses
from crawlers.fence_answers import check_head, refused

ALLOWED = "fence_allowed"  # request.meta: the allowance of the request's site, see `fence.allowance`; absent: none
ROLE = "role"  # request.meta: what the page is to be: feed | sitemap | listing | article; absent: any of them
_MOST_ADDRESSES = 3  # of one host, that are tried
_KEPT_SECONDS = 4  # for which a connection waits for the next request: less than servers keep it, often 5


class FencedDownloadHandler(HTTP11DownloadHandler):
    """Downloads over HTTP and HTTPS from checked addresses; every failure is a Refused...Error with its reason."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._look_up: Callable[[str], list[str]] = load_object(crawler.settings["FENCE_LOOK_UP"])
        self._dns_timeout_s: float = crawler.settings.getfloat("DNS_TIMEOUT")
        self._known: LocalCache[str, Awaitable[list[str]]] = LocalCache(crawler.settings.getint("DNSCACHE_SIZE"))
        self._pool.retryAutomatically = False  # at once, that is: faster than the site allows
        self._pool.cachedConnectionTimeout = _KEPT_SECONDS
        self._pool._factory = _bounded_factory(crawler.settings.getint("FENCE_HEAD_BYTES"))

    async def download_request(self, request: Request) -> Response:
        """The answer to a request; raises RefusedUrlError or RefusedAnswerError."""
        try:
            place = place_of(request.url)
            addresses = safe_addresses(
                place.host, await self._addresses(place.host), private_ok=request.meta.get(ALLOWED) == place.origin
            )
            agent = _FencedAgent(
                place,
                addresses[:_MOST_ADDRESSES],
                contextFactory=self._contextFactory,
                pool=self._pool,
                maxsize=self._default_maxsize,
                warnsize=0,
                fail_on_dataloss=self._fail_on_dataloss,
                crawler=self._crawler,
            )
            with wrap_twisted_exceptions():
                response = await maybe_deferred_to_future(agent.download_request(request))
        except (RefusedUrlError, RefusedAnswerError):
            raise
        except DownloadCancelledError as error:
            most_bytes = request.meta.get("download_maxsize", self._default_maxsize)
            raise RefusedAnswerError(Reason.SIZE, f"more than {most_bytes:,} bytes") from error
        except Exception as error:
            raise refused(error) from error
        return response

    async def _addresses(self, host: str) -> list[str]:
        """All addresses of a host, asked for once a crawl; in a thread, and not for longer than DNS_TIMEOUT."""
        from twisted.internet import reactor

        if host not in self._known:
            asked: Deferred[list[str]] = deferToThread(self._look_up, host)
            self._known[host] = maybe_deferred_to_future(asked.addTimeout(self._dns_timeout_s, reactor))
        answer: Awaitable[list[str]] = self._known[host]  # a future: whoever asks meanwhile waits for the same one
        try:
            return await answer
        except TooLongError as error:
            self._known.pop(host, None)
            raise RefusedUrlError(Reason.DNS, f"{host[:100]}: no answer in {self._dns_timeout_s:g} s") from error
        except RefusedUrlError:
            self._known.pop(host, None)
            raise


class _FencedAgent(_ScrapyAgent):
    """Scrapy's agent for one request, to one place at checked addresses; looks at the head before it takes the body."""

    def __init__(self, place: Place, addresses: tuple[str, ...], **options: Any) -> None:
        super().__init__(**options)
        self._place = place
        self._addresses = addresses

    def _get_agent(self, request: Request, timeout: float) -> Agent:
        from twisted.internet import reactor

        endpoint: IStreamClientEndpoint = _CheckedEndpoint(reactor, self._addresses, self._place.port, timeout)
        if self._place.scheme == "https":
            creator = self._contextFactory.creatorForNetloc(self._place.host.encode("ascii"), self._place.port)
            endpoint = wrapClientTLS(creator, endpoint)
        return _CheckedAgent(reactor, endpoint, self._addresses, self._pool)

    def _cb_bodyready(self, txresponse: Any, request: Request) -> Any:
        headers: Headers = self._headers_from_twisted_response(txresponse)
        try:
            check_head(int(txresponse.code), headers, request.meta.get(ROLE))
        except RefusedAnswerError:
            if txresponse.length != 0:
                txresponse._transport._producer.abortConnection()
            raise
        return super()._cb_bodyready(txresponse, request)


class _CheckedAgent(Agent):
    """An agent with one endpoint; its pooled connections serve only requests to the same checked addresses."""

    def __init__(self, reactor: Any, endpoint: IStreamClientEndpoint, addresses: tuple[str, ...], pool: Any) -> None:
        super().__init__(reactor, pool=pool)
        self._endpoint = endpoint
        self._addresses = addresses

    def _getEndpoint(self, uri: Any) -> IStreamClientEndpoint:  # noqa: N802
        return self._endpoint

    def _requestWithEndpoint(self, key: Any, *rest: Any, **named: Any) -> Any:  # noqa: N802
        return super()._requestWithEndpoint((*key, self._addresses), *rest, **named)


@implementer(IStreamClientEndpoint)
class _CheckedEndpoint:
    """Connects to the first of some IP addresses that answers, and looks up no name."""

    def __init__(self, reactor: Any, addresses: tuple[str, ...], port: int, timeout_s: float) -> None:
        self._reactor = reactor
        self._addresses = addresses
        self._port = port
        self._timeout_s = timeout_s

    def connect(self, factory: Any) -> Deferred[Any]:
        """A Deferred of the connected protocol."""
        return Deferred.fromCoroutine(self._connect(factory))

    async def _connect(self, factory: Any) -> Any:
        *others, last = self._addresses
        for address in others:
            try:
                return await self._endpoint(address, self._timeout_s / len(self._addresses)).connect(factory)
            except ConnectError:
                continue
        return await self._endpoint(last, self._timeout_s).connect(factory)

    def _endpoint(self, address: str, timeout_s: float) -> Any:
        kind = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
        return kind(self._reactor, address, self._port, timeout=timeout_s)


def _bounded_factory(most_bytes: int) -> type[_LenientHTTP11ClientFactory]:
    """A factory of connections that end when the head of an answer, with all 1xx before it, exceeds `most_bytes`."""

    class BoundedProtocol(_LenientHTTP11ClientProtocol):
        _head_bytes = 0

        def request(self, request: Any) -> Deferred[Any]:
            self._head_bytes = 0
            answer = super().request(request)
            self._parser.MAX_LENGTH = 2 * most_bytes  # of a line: the whole head is counted instead
            return answer

        def dataReceived(self, data: bytes) -> None:  # noqa: N802
            super().dataReceived(data)
            if self._parser is not None and getattr(self._parser, "state", None) in {STATUS, HEADER}:
                self._head_bytes += len(data)
                if self._head_bytes > most_bytes:
                    self._giveUp(Failure(RefusedAnswerError(Reason.HEAD, f"more than {most_bytes:,} bytes")))

    class BoundedFactory(_LenientHTTP11ClientFactory):
        def buildProtocol(self, addr: IPv4Address | None) -> BoundedProtocol:  # noqa: N802
            return BoundedProtocol(self._quiescentCallback)

    return BoundedFactory
