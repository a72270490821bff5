"""Sitemaps (sitemaps.org, protocol 0.9): of pages, of sitemaps, of news; gzipped or not, XML or an address a line."""

import zlib
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from crawlers.addresses import absolute
from recommenders.errors import DataError
from recommenders.language.dates import parse_date

MOST_BYTES = 50 << 20  # unzipped, as the protocol has it
MOST_ADDRESSES = 50_000


class UnreadableSitemapError(DataError):
    """What is no sitemap, or more than one may be."""


@dataclass(frozen=True)
class Listed:
    """An address that a sitemap lists: when it last changed and, of news, when it was published."""

    url: str
    is_sitemap: bool
    changed_at: datetime | None
    published_at: datetime | None = None


def read_sitemap(body: bytes, url: str) -> list[Listed]:
    """The addresses that a sitemap lists, those that changed last first; raises UnreadableSitemapError."""
    body = _unzipped(body)
    start = body[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith((b"http://", b"https://")):
        return _of_lines(body, url)
    listed: list[Listed] = []
    root = ""
    parser = etree.XMLPullParser(events=("end", "start"), recover=True, resolve_entities=False, no_network=True)
    try:
        parser.feed(body)
        parser.close()
    except etree.XMLSyntaxError as error:
        raise UnreadableSitemapError(f"no XML: {error}") from error
    for event, element in parser.read_events():
        name = _name(element)
        root = root or name
        if event == "end" and name in ("url", "sitemap") and len(listed) < MOST_ADDRESSES:
            if one := _listed(element, name == "sitemap", url):
                listed.append(one)
            element.clear()
    if root not in ("urlset", "sitemapindex"):
        raise UnreadableSitemapError(f"neither a sitemap nor an index of them: it begins with <{root[:40]}>")
    return sorted(listed, key=lambda each: -each.changed_at.timestamp() if each.changed_at else 0)


def _unzipped(body: bytes) -> bytes:
    if not body.startswith(b"\x1f\x8b"):
        return body
    inflater = zlib.decompressobj(wbits=31)
    try:
        plain = inflater.decompress(body, MOST_BYTES + 1)
    except zlib.error as error:
        raise UnreadableSitemapError(f"it can't be unzipped: {error}") from error
    if len(plain) > MOST_BYTES:
        raise UnreadableSitemapError(f"more than {MOST_BYTES:,} bytes when unzipped")
    return plain


def _of_lines(body: bytes, url: str) -> list[Listed]:
    lines = body.decode("utf-8-sig", "replace").splitlines()[:MOST_ADDRESSES]
    addresses = (absolute(line, url) for line in lines if line.strip())
    return [Listed(address, False, None) for address in addresses if address]


def _listed(element: etree._Element, is_sitemap: bool, url: str) -> Listed | None:
    facts: dict[str, str] = {}
    for child in element.iter():
        if isinstance(child.tag, str) and child.text and child is not element:
            facts.setdefault(_name(child), child.text.strip())
    address = absolute(facts.get("loc", ""), url) if facts.get("loc") else None
    if address is None:
        return None
    return Listed(address, is_sitemap, _date(facts.get("lastmod")), _date(facts.get("publication_date")))


def _date(text: str | None) -> datetime | None:
    return parse_date(text) if text else None


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname.lower() if isinstance(element.tag, str) else ""
