"""robots.txt (RFC 9309), obeyed at each hop: what may be fetched, and how long to leave a host alone in between."""

import re
from asyncio import Future, get_running_loop

from protego import Protego
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from crawlers.addresses import slot_of
from crawlers.fence import Reason, RefusedAnswerError, RefusedUrlError
from crawlers.fence_answers import refused
from crawlers.fence_download import ALLOWED
from crawlers.pace import Pace

AGENT = "MondayMixtape"
MOST_BYTES = 500 * 1024  # RFC 9309, 2.5
LONGEST_LINE = 1_000
MOST_STARS = 6  # in one rule: more of them take for ever to match
IS_ROBOTS = "is_robots"  # request.meta
CRAWL = "crawl"  # request.meta: the crawl of a site that asks


class RobotsUnreachableError(RefusedAnswerError):
    """What a host allows can't be known for the moment: then it allows nothing (RFC 9309, 2.3.1.4)."""


class Robots:
    """A downloader middleware that asks each host for its robots.txt once a crawl, and holds to it."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._rules: dict[tuple[str, str | None], Future[Protego | Exception]] = {}
        self._pace = Pace.of(crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "Robots":
        """As Scrapy makes its middlewares."""
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        """Let a request through; raises RefusedAnswerError where robots.txt forbids it or can't be had."""
        if request.meta.get(IS_ROBOTS):
            return
        rules = await self._rules_for(request)
        if isinstance(rules, Exception):
            raise rules
        if not rules.can_fetch(request.url, AGENT):
            raise RefusedAnswerError(Reason.ROBOTS, "the site asks robots to keep out")

    async def _rules_for(self, request: Request) -> Protego | Exception:
        origin = request.url.split("/", 3)[:3]
        key = "/".join(origin), request.meta.get(ALLOWED)
        if key not in self._rules:
            answer: Future[Protego | Exception] = get_running_loop().create_future()
            self._rules[key] = answer
            try:
                answer.set_result(await self._ask(f"{key[0]}/robots.txt", request))
            except BaseException:
                self._rules.pop(key)
                answer.cancel()
                raise
        return await self._rules[key]

    async def _ask(self, url: str, request: Request) -> Protego | Exception:
        kept = {name: request.meta[name] for name in (ALLOWED, CRAWL) if name in request.meta}
        asked = Request(url, meta={**kept, IS_ROBOTS: True}, callback=NO_CALLBACK, dont_filter=True)
        try:
            response: Response = await self._crawler.engine.download_async(asked)
        except RefusedUrlError as error:
            return error
        except Exception as error:
            return _without_robots(refused(error))
        if response.status >= 500 or response.status == 429:
            return RobotsUnreachableError(Reason.ROBOTS, f"robots.txt can't be had: status {response.status}")
        rules = parse_robots(response.body if 200 <= response.status < 300 else b"")
        delay = rules.crawl_delay(AGENT)
        if delay:
            self._pace.slow_down(slot_of(request.url), float(delay))
        return rules


def _without_robots(error: RefusedUrlError | RefusedAnswerError) -> Protego | Exception:
    """What holds where robots.txt could not be had: nothing, if there was no answer; else everything is allowed."""
    if error.reason in _NO_ANSWER:
        return RobotsUnreachableError(error.reason, f"robots.txt can't be had: {error.detail}")
    return parse_robots(b"")


_NO_ANSWER = frozenset({Reason.DNS, Reason.CONNECTION, Reason.TLS, Reason.TIME, Reason.BROKEN, Reason.ERROR})


def parse_robots(body: bytes) -> Protego:
    """The rules of a robots.txt, less those that are too long, or too many stars, to be matched in time."""
    text = body[:MOST_BYTES].decode("utf-8-sig", "replace")
    lines = (line for line in re.split(r"[\r\n]+", text) if len(line) <= LONGEST_LINE)
    return Protego.parse("\n".join(line for line in lines if line.count("*") <= MOST_STARS))
