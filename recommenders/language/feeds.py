"""Feeds: RSS, Atom and RDF by feedparser, JSON Feed; whatever their encoding, and however broken.

A feed that is not well-formed gives what can be read of it, and says so in `problems`; one that gives nothing is set
aside with its reason.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from html import unescape
from typing import Any
from urllib.parse import urljoin, urlsplit

from recommenders.errors import DataError
from recommenders.language.dates import parse_date
from recommenders.language.deadline import TooSlowError, deadline
from recommenders.language.encodings import decode, legal, mend

MOST_BYTES = 8 << 20
MOST_ENTRIES = 2_000
LONGEST_TITLE = 500
LONGEST_URL = 2_000
SECONDS = 10.0  # of processor time
UNREADABLE_SHARE = 0.2  # of the characters


class FeedRefusal(StrEnum):
    """Why a feed can't be used."""

    EMPTY = "empty_feed"
    TOO_LARGE = "too_large"
    NOT_A_FEED = "not_a_feed"
    ENCODING = "encoding"
    TOO_SLOW = "too_slow"


class UnreadableFeedError(DataError):
    """A feed that gives nothing; `refusal` says why."""

    def __init__(self, refusal: FeedRefusal, detail: str) -> None:
        super().__init__(detail)
        self.refusal = refusal

    def __reduce__(self) -> tuple[type["UnreadableFeedError"], tuple[FeedRefusal, str]]:
        return UnreadableFeedError, (self.refusal, str(self))


@dataclass(frozen=True)
class Entry:
    """One post of a feed: its address, and its content or summary as HTML where the feed holds one."""

    url: str | None
    title: str
    published_at: datetime | None
    html: str | None
    author: str | None = None


@dataclass(frozen=True)
class Feed:
    """A feed: `url` is the page that it is of, `next_url` the archive of older entries (RFC 5005), if any."""

    title: str
    entries: list[Entry]
    next_url: str | None = None
    url: str | None = None
    language: str | None = None
    encoding: str = "utf-8"
    problems: list[str] = field(default_factory=list)


def parse_feed(body: bytes, *, content_type: str | None = None, url: str = "", seconds: float = SECONDS) -> Feed:
    """The feed in `body`, whose answer had this content type, from `url` (to which its links are relative).

    Raises UnreadableFeedError where it gives nothing; it never takes more than `seconds` of processor time, where it
    runs in the main thread of its process.
    """
    if not body.strip():
        raise UnreadableFeedError(FeedRefusal.EMPTY, "the feed is empty")
    if len(body) > MOST_BYTES:
        raise UnreadableFeedError(FeedRefusal.TOO_LARGE, f"{len(body):,} bytes; the most are {MOST_BYTES:,}")
    try:
        with deadline(seconds):
            return _json_feed(body, url) if _is_json(body, content_type) else _xml_feed(body, content_type, url)
    except TooSlowError as error:
        raise UnreadableFeedError(FeedRefusal.TOO_SLOW, str(error)) from error


def _is_json(body: bytes, content_type: str | None) -> bool:
    return "json" in (content_type or "") or body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"


def _json_feed(body: bytes, base: str) -> Feed:
    try:
        decoded = decode(body, None)
        content = json.loads(decoded.text, strict=False)
    except (ValueError, RecursionError) as error:
        raise UnreadableFeedError(FeedRefusal.NOT_A_FEED, f"no JSON: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("items"), list):
        raise UnreadableFeedError(FeedRefusal.NOT_A_FEED, "the JSON holds no list of items")
    items = [item for item in content["items"] if isinstance(item, dict)]
    problems = [decoded.problem] if decoded.problem else []
    problems += [f"{n} items are no objects"] if (n := len(content["items"]) - len(items)) else []
    return Feed(
        title=_text(content.get("title")),
        entries=[_json_entry(item, base) for item in items[:MOST_ENTRIES]],
        next_url=_address(content.get("next_url"), base),
        url=_address(content.get("home_page_url"), base),
        language=_text(content.get("language")) or None,
        problems=problems,
    )


def _json_entry(item: dict[str, Any], base: str) -> Entry:
    html, text = item.get("content_html"), item.get("content_text")
    if not isinstance(html, str) and isinstance(text, str):
        html = "<p>" + text.replace("&", "&amp;").replace("<", "&lt;").replace("\n\n", "</p><p>") + "</p>"
    date = item.get("date_published")
    authors = item.get("authors") or [item.get("author")]
    author = authors[0] if isinstance(authors, list) and authors and isinstance(authors[0], dict) else {}
    return Entry(
        url=_address(item.get("url") or item.get("id"), base),
        title=_text(item.get("title")),
        published_at=parse_date(date) if isinstance(date, str) else None,
        html=html if isinstance(html, str) and html.strip() else None,
        author=_text(author.get("name")) or None,
    )


def _xml_feed(body: bytes, content_type: str | None, base: str) -> Feed:
    import feedparser

    decoded = decode(body, content_type)
    if decoded.text.count("\ufffd") > UNREADABLE_SHARE * len(decoded.text):
        raise UnreadableFeedError(FeedRefusal.ENCODING, f"it can't be read as {decoded.encoding}, nor as anything else")
    content = _DECLARATION.sub("", decoded.text).encode()
    headers = {"content-type": "application/xml; charset=utf-8"} | ({"content-location": base} if base else {})
    try:
        parsed = feedparser.parse(content, response_headers=headers, sanitize_html=False, resolve_relative_uris=False)
    except TooSlowError:
        raise
    except Exception as error:  # of a parser of many parts, on hostile input
        raise UnreadableFeedError(FeedRefusal.NOT_A_FEED, f"the feed can't be parsed: {error}") from error
    feed = parsed.feed
    entries = [_xml_entry(entry, base) for entry in parsed.entries[:MOST_ENTRIES]]
    problem = parsed.get("bozo_exception") if parsed.get("bozo") else None
    problems = [decoded.problem] if decoded.problem else []
    problems += [f"{type(problem).__name__}: {problem}"[:500]] if problem is not None else []
    if not parsed.get("version") and not entries and not feed.get("title"):
        raise UnreadableFeedError(FeedRefusal.NOT_A_FEED, "; ".join(problems) or "neither RSS, Atom, RDF nor JSON Feed")
    return Feed(
        title=_title(feed),
        entries=entries,
        next_url=_next_of(feed.get("links", []), base),
        url=_address(feed.get("link"), base),
        language=_text(feed.get("language")) or None,
        encoding=decoded.encoding,
        problems=problems,
    )


_DECLARATION = re.compile(r"^\s*(<\?xml\b[^>]{0,500}\?>)?\s*")


def _xml_entry(entry: Any, base: str) -> Entry:
    contents = [each.get("value") for each in entry.get("content", []) if each.get("value")]
    html = max(contents, key=len, default=None) or entry.get("summary")
    moment = entry.get("published_parsed") or entry.get("updated_parsed")
    return Entry(
        url=_address(entry.get("link") or _address_of_id(entry), base),
        title=_title(entry),
        published_at=_moment(moment),
        html=mend(html) if html else None,
        author=_text(entry.get("author")) or None,
    )


def _moment(given: Any) -> datetime | None:
    """Of feedparser's struct_time, which is UTC."""
    try:
        year, month, day, hour, minute, second = given[:6]
        return parse_date(datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC).isoformat())
    except (TypeError, ValueError):
        return None


def _address_of_id(entry: Any) -> str | None:
    identifier = entry.get("id")
    return identifier if isinstance(identifier, str) and identifier.startswith(("http://", "https://")) else None


def _next_of(links: list[Any], base: str) -> str | None:
    """The older part of a paged feed (rel next) or of an archived one (rel prev-archive), RFC 5005."""
    for relation in ("next", "prev-archive"):
        for link in links:
            if link.get("rel") == relation and (address := _address(link.get("href"), base)):
                return address
    return None


def _address(given: Any, base: str) -> str | None:
    """An absolute address of the web; None for anything else."""
    if not isinstance(given, str) or not given.strip() or len(given) > LONGEST_URL:
        return None
    try:
        joined = urljoin(base, legal(given).strip())
        parts = urlsplit(joined)
    except ValueError:
        return None
    is_web = parts.scheme in ("http", "https") and parts.hostname and "\ufffd" not in parts.hostname
    return parts._replace(fragment="").geturl() if is_web else None


def _title(part: Any) -> str:
    """The title of a feed or entry, in one line; feeds write it as text, or as HTML."""
    given = part.get("title")
    kind = (part.get("title_detail") or {}).get("type", "")
    if isinstance(given, str) and "html" in kind:
        given = unescape(re.sub(r"<[^<>]{0,200}>", "", given))
    return _text(given)


def _text(given: Any) -> str:
    """A title or name in one line."""
    return " ".join(legal(given).split())[:LONGEST_TITLE].strip() if isinstance(given, str) else ""
