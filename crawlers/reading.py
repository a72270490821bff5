"""What a page holds: its article, or where it leads. Pure; runs in a worker process."""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from crawlers.addresses import absolute, same_site
from crawlers.links import PageLinks, base_of, feeds_of, is_list, links_of_article, links_of_listing, robots_of
from crawlers.sitemaps import UnreadableSitemapError, read_sitemap
from recommenders.language.encodings import decode
from recommenders.language.extraction import Extracted, NoTextError, extract
from recommenders.language.feeds import UnreadableFeedError, parse_feed
from recommenders.language.markup import parse_page
from recommenders.store.pages import PageRole

NO_INDEX = "noindex"
NO_SITEMAP = "no_sitemap"
_ASKS_ROBOTS = re.compile(rb"<meta[^>]{1,300}robots", re.I)
_HEAD_BYTES = 65_536


@dataclass(frozen=True)
class PageBody:
    """An answer, as a worker gets it. `url`: where it came from in the end."""

    url: str
    role: PageRole
    body: bytes
    content_type: str | None
    follow: bool  # whether pages of this site lead to others; False: its feed or sitemap alone does


@dataclass(frozen=True)
class Lead:
    """An address that a page names, and what is said of it; `entry`: to be asked for at each crawl."""

    url: str
    role: PageRole
    published_at: datetime | None = None
    changed_at: datetime | None = None
    entry: bool = False


@dataclass(frozen=True)
class PageRead:
    """What was found: an article or why there is none, where the page leads, and what it turned out to be."""

    article: Extracted | None = None
    reason: str | None = None
    detail: str = ""
    leads: tuple[Lead, ...] = ()
    role: PageRole | None = None


def read_page(page: PageBody) -> PageRead:
    """Read a page as what it is taken for; why it can't be used is in what comes back."""
    if page.role is PageRole.FEED:
        return _read_feed(page)
    if page.role is PageRole.SITEMAP:
        return _read_sitemap(page)
    return _read_listing(page) if page.role is PageRole.LISTING else _read_article(page)


def _read_feed(page: PageBody) -> PageRead:
    try:
        feed = parse_feed(page.body, content_type=page.content_type, url=page.url)
    except UnreadableFeedError as error:
        return _feed_of_page(page) or PageRead(reason=str(error.refusal), detail=str(error))
    leads: dict[str, Lead] = {}
    for entry in feed.entries:
        address = absolute(entry.url, page.url) if entry.url else None
        if address and (same_site(address, page.url) or (feed.url and same_site(address, feed.url))):
            leads.setdefault(address, Lead(address, PageRole.ARTICLE, published_at=entry.published_at))
    older = absolute(feed.next_url, page.url) if feed.next_url else None
    if older and same_site(older, page.url):
        leads.setdefault(older, Lead(older, PageRole.FEED))
    return PageRead(leads=tuple(leads.values()), detail="; ".join(feed.problems)[:500])


def _feed_of_page(page: PageBody) -> PageRead | None:
    """The feed that is named by a page which was taken for it."""
    try:
        tree = parse_page(decode(page.body, page.content_type).text)
    except NoTextError:
        return None
    feeds = [each for each in feeds_of(tree, base_of(tree, page.url)) if each != page.url]
    return PageRead(leads=(Lead(feeds[0], PageRole.FEED, entry=True),)) if feeds else None


def _read_sitemap(page: PageBody) -> PageRead:
    try:
        listed = read_sitemap(page.body, page.url)
    except UnreadableSitemapError as error:
        return PageRead(reason=NO_SITEMAP, detail=str(error))
    return PageRead(
        leads=tuple(
            Lead(
                each.url,
                PageRole.SITEMAP if each.is_sitemap else PageRole.ARTICLE,
                published_at=each.published_at,
                changed_at=each.changed_at,
                entry=each.is_sitemap and each.changed_at is None,  # nothing else would tell that it has changed
            )
            for each in listed
            if same_site(each.url, page.url)
        )
    )


def _read_listing(page: PageBody) -> PageRead:
    try:
        tree = parse_page(decode(page.body, page.content_type).text)
    except NoTextError as error:
        return PageRead(reason=str(error.refusal), detail=str(error))
    if {"nofollow", "none"} & robots_of(tree):
        return PageRead()
    return PageRead(leads=_leads(links_of_listing(tree, page.url, base_of(tree, page.url))))


def _read_article(page: PageBody) -> PageRead:
    leads: tuple[Lead, ...] = ()
    try:
        if page.follow or _ASKS_ROBOTS.search(page.body[:_HEAD_BYTES]):
            tree = parse_page(decode(page.body, page.content_type).text)
            wishes = robots_of(tree)
            base = base_of(tree, page.url)
            if not {"nofollow", "none"} & wishes:
                listing = links_of_listing(tree, page.url, base)
                if page.follow and is_list(page.url, listing.further):
                    return PageRead(leads=_leads(listing), role=PageRole.LISTING)
                leads = _leads(links_of_article(tree, page.url, base)) if page.follow else ()
            if {"noindex", "none"} & wishes:
                return PageRead(reason=NO_INDEX, detail="the page asks robots not to index it", leads=leads)
        article = extract(page.body, page.url, content_type=page.content_type)
    except NoTextError as error:
        return PageRead(reason=str(error.refusal), detail=str(error), leads=leads)
    canonical = absolute(article.canonical_url, page.url) if article.canonical_url else None
    if canonical is not None and not _may_stand_for(canonical, page.url):
        canonical = None
    return PageRead(article=replace(article, canonical_url=canonical), leads=leads)


def _may_stand_for(canonical: str, url: str) -> bool:
    """Whether a page is believed that its article is known by another address: one of its own site, not the site's."""
    return same_site(canonical, url) and canonical.partition("://")[2].rstrip("/").count("/") > 0


def _leads(links: PageLinks) -> tuple[Lead, ...]:
    return (
        *(Lead(address, PageRole.ARTICLE) for address in links.articles),
        *(Lead(address, PageRole.LISTING) for address in links.further),
    )
