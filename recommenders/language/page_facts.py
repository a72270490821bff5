"""What a page says of itself: title, author, date, canonical address, language."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from lxml.html import HtmlElement

from recommenders.language.dates import EARLIEST, date_in_address, parse_date
from recommenders.language.encodings import legal

LONGEST_TITLE = 500
LONGEST_AUTHOR = 200
LONGEST_URL = 2_000
_ARTICLE_TYPES = frozenset(
    ["Article", "BlogPosting", "NewsArticle", "Review", "CriticReview", "Report", "LiveBlogPosting"]
)
_DATE_KEYS = (
    "article:published_time", "og:article:published_time", "datepublished", "date", "dc.date", "dc.date.issued",
    "dcterms.created", "dcterms.date", "dcterms.issued", "sailthru.date", "parsely-pub-date", "pubdate",
    "publish-date", "publish_date", "article.published", "cxenseparse:recs:publishtime",
)  # fmt: skip


@dataclass(frozen=True)
class PageFacts:
    """What a page says of itself; None where it says nothing."""

    title: str | None
    author: str | None
    published_at: datetime | None
    canonical_url: str | None
    language: str | None


def page_facts(tree: HtmlElement, url: str) -> PageFacts:
    """Read the facts from a parsed page: JSON-LD first, then meta elements, then the markup, then the address."""
    meta = _meta(tree)
    linked = _linked_article(tree)
    return PageFacts(
        title=_title(tree, meta, linked),
        author=_author(tree, meta, linked),
        published_at=_published(tree, meta, linked, url),
        canonical_url=_canonical(tree, meta, url),
        language=_first(tree, "/html/@lang", "/html/@xml:lang")
        or meta.get("content-language")
        or meta.get("og:locale"),
    )


def _meta(tree: HtmlElement) -> dict[str, str]:
    """The content of each meta element by its name; the first of a name counts."""
    found: dict[str, str] = {}
    for element in tree.iter("meta"):
        name = element.get("property") or element.get("name") or element.get("itemprop") or element.get("http-equiv")
        content = (element.get("content") or "").strip()
        if name and content:
            found.setdefault(name.strip().lower(), content)
    return found


def _linked_article(tree: HtmlElement) -> dict[str, Any]:
    """The article of the page's JSON-LD; empty where there is none that can be read."""
    for element in tree.iter("script"):
        if (element.get("type") or "").strip().lower() != "application/ld+json":
            continue
        try:
            content = json.loads(element.text or "", strict=False)
        except (ValueError, RecursionError):
            continue  # other sources of the same facts follow
        for node in _nodes(content):
            types = node.get("@type")
            if _ARTICLE_TYPES & set(map(str, types if isinstance(types, list) else [types])):
                return node
    return {}


def _nodes(content: Any) -> Iterator[dict[str, Any]]:
    for node in content if isinstance(content, list) else [content]:
        if isinstance(node, dict):
            yield node
            graph = node.get("@graph")
            yield from (each for each in graph if isinstance(each, dict)) if isinstance(graph, list) else ()


def _title(tree: HtmlElement, meta: dict[str, str], linked: dict[str, Any]) -> str | None:
    headline = linked.get("headline")
    candidates = [meta.get("og:title"), headline if isinstance(headline, str) else None, meta.get("twitter:title")]
    candidates += [_text_of(heading) for heading in tree.xpath("(//article//h1 | //h1)[1]")]
    candidates += [_text_of(element) for element in tree.xpath("(//head/title | //title)[1]")]
    title = next((title for each in candidates if each and (title := _clean(each, LONGEST_TITLE))), None)
    return title and _without_site(title, _clean(meta.get("og:site_name", ""), LONGEST_TITLE))


def _without_site(title: str, site: str) -> str:
    """A title less the name of the site after it: "A record | The Blog"."""
    rest = title.removesuffix(site).rstrip() if site else title
    return rest[:-1].rstrip() if rest != title and len(rest) > 2 and rest[-1] in "|–—-·:»/" else title


def _author(tree: HtmlElement, meta: dict[str, str], linked: dict[str, Any]) -> str | None:
    author = linked.get("author")
    author = author[0] if isinstance(author, list) and author else author
    named = author.get("name") if isinstance(author, dict) else author
    said = [named if isinstance(named, str) else None, meta.get("author"), meta.get("article:author")]
    names = (_clean(each, LONGEST_AUTHOR) for each in chain(said, _shown_author(tree)) if each and "://" not in each)
    return next((name for name in names if name), None)


def _shown_author(tree: HtmlElement) -> Iterator[str]:
    for element in tree.xpath("//a[contains(@rel, 'author')] | //*[@itemprop='author']")[:1]:
        yield _text_of(element)


def _published(tree: HtmlElement, meta: dict[str, str], linked: dict[str, Any], url: str) -> datetime | None:
    candidates = [linked.get("datePublished"), *(meta.get(key) for key in _DATE_KEYS)]
    candidates += tree.xpath("//*[@itemprop='datePublished']/@datetime | //*[@itemprop='datePublished']/@content")[:1]
    candidates += tree.xpath("//article//time/@datetime")[:1] or tree.xpath("//time/@datetime")[:1]
    dates = (parse_date(each) for each in candidates if isinstance(each, str))
    return next((date for date in dates if date), None) or date_in_address(url) or _shown_date(tree)


def _shown_date(tree: HtmlElement) -> datetime | None:
    """The day that a page shows its readers, by htmldate (Barbaresi 2020), looked for where days usually stand only."""
    from htmldate import find_date

    logging.getLogger("htmldate").setLevel(logging.CRITICAL)
    day = find_date(tree, extensive_search=False, original_date=True, url=None, min_date=EARLIEST)
    return parse_date(day) if day else None


def _canonical(tree: HtmlElement, meta: dict[str, str], url: str) -> str | None:
    given = _first(tree, "//link[translate(@rel, 'CANOILR', 'canoilr') = 'canonical']/@href") or meta.get("og:url")
    if not given or len(given) > LONGEST_URL:
        return None
    try:
        joined = urljoin(url, legal(given).strip())
        parts = urlsplit(joined)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not _may_speak_for(urlsplit(url), parts):
        return None
    return parts._replace(fragment="").geturl()


def _may_speak_for(page: SplitResult, named: SplitResult) -> bool:
    """Whether a page can be known by the address that it names: one of its own site, and not that site's front page."""
    if not named.hostname:
        return False
    if page.scheme not in ("http", "https"):
        return True
    if named.path in ("", "/") and not named.query and page.path not in ("", "/"):
        return False
    hosts = sorted([(page.hostname or "").removeprefix("www."), named.hostname.removeprefix("www.")], key=len)
    return hosts[0] == hosts[1] or ("." in hosts[0] and hosts[1].endswith("." + hosts[0]))


def _first(tree: HtmlElement, *paths: str) -> str | None:
    for path in paths:
        for value in tree.xpath(path):
            if value.strip():
                return str(value).strip()
    return None


def _text_of(element: HtmlElement) -> str:
    return " ".join(element.itertext())


def _clean(text: str, longest: int) -> str:
    return " ".join(legal(text).split())[:longest].strip()
