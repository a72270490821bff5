"""What a page leads to: older pages of the list that it is part of, and what looks like an article."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from crawlers.addresses import absolute, same_site

MOST_LINKS = 2_000  # of one page

_OLDER = re.compile(r"\b(older|earlier)\b|^\W*(next|more)( (page|posts|entries|articles))?\W*$|^\W*[»›→]\W*$", re.I)
_NEWER = re.compile(r"\b(newer|later)\b|^\W*prev(ious)?( page)?\W*$|^\W*[«‹←]\W*$", re.I)
_OLDER_CLASS = re.compile(r"\b(nav-previous|older(-posts)?|next(-page|-posts)?|pagination-next|page-numbers)\b", re.I)
_PAGE_PATH = re.compile(r"/((page|seite|pagina)[/_-]?\d{1,5}|p[/_-]?\d{1,3})(\.\w+)?/?$|/index[_-]?\d{1,5}\.\w+$", re.I)
_PAGE_QUERY = re.compile(r"(^|&)(page|paged|pg|start|offset|updated-max)=[^&]*\d", re.I)
_ARCHIVE = re.compile(r"/((19|20)\d\d(/\d{1,2}){0,2}|archives?)(/|\.html?)?$", re.I)
_NO_ARTICLE = re.compile(
    r"/(tags?|topics?|label|labels|categor(y|ies)|authors?|users?|search|log-?in|sign-?(in|up)|register|account|feeds?|rss"
    r"|atom|comments?|about(-us)?|contact(-us)?|privacy(-policy)?|imprint|impressum|wp-(admin|content"
    r"|json|login\.php|includes)|cart|shop|store|xmlrpc\.php|cdn-cgi)(/|$|\.\w+$)",
    re.I,
)
_NO_PAGE = re.compile(
    r"\.(jpe?g|png|gif|webp|svg|ico|bmp|tiff?|mp3|m4a|ogg|flac|wav|aac|mp4|mov|avi|webm|mkv|pdf|zip|gz|tar|rar|7z|exe|dmg|iso"
    r"|css|js|json|xml|rss|atom|woff2?|ttf|docx?|xlsx?|pptx?|epub|ics|txt|csv)$",
    re.I,
)
_ASIDE = frozenset({"nav", "footer", "aside"})


@dataclass(frozen=True)
class PageLinks:
    """Where a page leads: further pages of its list, articles. Addresses in the order of the page, each once."""

    further: tuple[str, ...] = ()
    articles: tuple[str, ...] = ()


def links_of_listing(tree: HtmlElement, url: str, base: str) -> PageLinks:
    """Where a page that lists articles leads; `base` is what its links are relative to.

    Where nothing leads to older pages, its archives of months and years do.
    """
    further: dict[str, None] = {}
    archives: dict[str, None] = {}
    articles: dict[str, None] = {}
    for element, address in _links(tree, url, base):
        if _leads_on(element, address, url):
            further[address] = None
        elif element.tag == "a" and _ARCHIVE.search(urlsplit(address).path):
            archives[address] = None
        elif element.tag == "a" and _may_be_article(element, address):
            articles[address] = None
    for address in further:
        articles.pop(address, None)
    return PageLinks(tuple(further or archives), tuple(articles))


def links_of_article(tree: HtmlElement, url: str, base: str) -> PageLinks:
    """The articles before and after this one, where it names them (rel prev, next)."""
    named = [
        address
        for element, address in _links(tree, url, base)
        if {"prev", "next"} & _relations(element) and not _is_listing(address) and _may_be_article(element, address)
    ]
    return PageLinks((), tuple(dict.fromkeys(named)))


def is_list(url: str, further: tuple[str, ...]) -> bool:
    """Whether a page is the first of a list, as it leads to pages of itself: from /reviews/ to /reviews/page/2."""
    own = urlsplit(url)
    own_path = own.path.rstrip("/")
    for address in further:
        parts = urlsplit(address)
        if parts.path.rstrip("/") == own_path and _PAGE_QUERY.search(parts.query):
            return True
        if _PAGE_PATH.sub("", parts.path).rstrip("/") == own_path and _PAGE_PATH.search(parts.path):
            return True
    return False


def feeds_of(tree: HtmlElement, base: str) -> tuple[str, ...]:
    """The feeds that a page names as its own, but for those of comments."""
    found = [
        absolute(element.get("href") or "", base)
        for element in tree.iter("link")
        if "alternate" in _relations(element)
        and re.search(r"(rss|atom|feed\+json)", element.get("type") or "")
        and "comment" not in f"{element.get('title') or ''}{element.get('href') or ''}".lower()
    ]
    return tuple(dict.fromkeys(each for each in found if each))


def base_of(tree: HtmlElement, url: str) -> str:
    """What the links of a page are relative to."""
    for element in tree.iter("base"):
        if base := absolute(element.get("href") or "", url):
            return base
    return url


def robots_of(tree: HtmlElement) -> frozenset[str]:
    """What a page asks robots for: noindex, nofollow, none."""
    wishes: set[str] = set()
    for element in tree.iter("meta"):
        if (element.get("name") or "").strip().lower() in ("robots", "mondaymixtape"):
            wishes |= {part.strip().lower() for part in (element.get("content") or "").split(",")}
    return frozenset(wishes)


def _links(tree: HtmlElement, url: str, base: str) -> Iterator[tuple[HtmlElement, str]]:
    seen = 0
    for element in tree.iter("a", "link"):
        href = element.get("href")
        if not href or href.startswith("#") or "nofollow" in _relations(element):
            continue
        address = absolute(href, base)
        if address and address != url and same_site(address, url):
            seen += 1
            if seen > MOST_LINKS:
                return
            yield element, address


def _leads_on(element: HtmlElement, address: str, url: str) -> bool:
    relations = _relations(element)
    if "prev" in relations or _is_home(address):
        return False
    if "next" in relations:
        return True
    if element.tag != "a":
        return False
    text = " ".join("".join(element.itertext()).split())[:100]
    if _NEWER.search(text) and not _OLDER.search(text):
        return False
    looks = _is_listing(address) and not _NO_PAGE.search(urlsplit(address).path)
    return looks or bool(_OLDER.search(text) and _is_like(address, url)) or _is_older_class(element, text)


def _is_older_class(element: HtmlElement, text: str) -> bool:
    """Whether its own class or its parent's says that a link leads to older pages."""
    parent = element.getparent()
    classes = f"{element.get('class') or ''} {'' if parent is None else parent.get('class') or ''}"
    return bool(len(text) < 40 and _OLDER_CLASS.search(classes))


def _is_listing(address: str) -> bool:
    parts = urlsplit(address)
    return bool(_PAGE_PATH.search(parts.path) or _PAGE_QUERY.search(parts.query))


def _is_like(address: str, url: str) -> bool:
    """Whether "older" leads from a list to a list: no deeper than one folder below it."""
    return urlsplit(address).path.count("/") <= urlsplit(url).path.count("/") + 1


def _is_home(address: str) -> bool:
    parts = urlsplit(address)
    return parts.path in ("", "/") and not parts.query


def _may_be_article(element: HtmlElement, address: str) -> bool:
    path = urlsplit(address).path
    if _is_home(address) or _NO_PAGE.search(path) or _NO_ARTICLE.search(path):
        return False
    return not any(parent.tag in _ASIDE for parent in element.iterancestors())


def _relations(element: HtmlElement) -> set[str]:
    return set((element.get("rel") or "").lower().split())
