"""Pages, feeds, sitemaps and robots.txt that are correctly served, and hostile in what they hold."""

import gzip

from crawlers.fence import Reason
from tests.crawlers.hostile_kinds import MIB, OK, ZEROS, drip, kinds, page, redirect, silent
from tests.crawlers.hostile_server import Answer, Kind, Visit, front_page


async def calendar(visit: Visit) -> None:
    """Every month has an older one, for ever, and nothing in it."""
    month = int(visit.path.rpartition("=")[2]) if "=" in visit.path else 0
    await visit.answer(f"<html><body><a rel='next' href='/bad?month={month + 1}'>Older</a></body></html>".encode())


async def mirrors(visit: Visit) -> None:
    """Every page links one that is a folder deeper."""
    links = "".join(f"<a href='{visit.path.rstrip('/')}/{name}/'>More</a>" for name in ("bad", "more"))
    await visit.answer(f"<html><body>{links}</body></html>".encode())


async def endless_sitemap(visit: Visit) -> None:
    """A sitemap that names another one, which names another one."""
    number = int(visit.path.rpartition("-")[2]) if "-" in visit.path else 0
    await visit.answer(
        b"<?xml version='1.0'?><sitemapindex xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>"
        + f"<sitemap><loc>http://127.0.0.1:{visit.port}/bad-{number + 1}</loc></sitemap></sitemapindex>".encode(),
        kind="application/xml",
    )


async def endless_feed(visit: Visit) -> None:
    """A feed with nothing in it, and a next page of it, for ever."""
    number = int(visit.path.rpartition("-")[2]) if "-" in visit.path else 0
    await visit.answer(
        b"<feed xmlns='http://www.w3.org/2005/Atom'><title>x</title>"
        + f"<link rel='next' href='http://127.0.0.1:{visit.port}/bad-{number + 1}'/></feed>".encode(),
        kind="application/atom+xml",
    )


async def news(visit: Visit) -> None:
    """Every page has an older one, and a post that nobody has seen."""
    number = int(visit.path.rpartition("=")[2]) if "=" in visit.path else 0
    links = f"<a href='/post-{number}'>A post of mine</a><a rel='next' href='/bad?page={number + 1}'>Older</a>"
    await visit.answer(f"<html><body>{links}</body></html>".encode())


def _sitemap(*urls: str) -> bytes:
    entries = "".join(f"<url><loc>{url}</loc></url>" for url in urls)
    return f"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{entries}</urlset>".encode()


_LAUGHS = b"<!DOCTYPE lolz [<!ENTITY a0 'haha'>" + b"".join(
    f"<!ENTITY a{n + 1} '{f'&a{n};' * 10}'>".encode() for n in range(10)
)
_OTHERS = ("file:///etc/passwd", "http://10.0.0.1/", "http://169.254.169.254/", "javascript:alert(1)")
_XXE = b"<!DOCTYPE x [<!ENTITY secret SYSTEM 'file:///etc/passwd'>]>"


def _rss(doctype: bytes, entity: bytes) -> bytes:
    return (
        b"<?xml version='1.0'?>" + doctype + b"<rss version='2.0'><channel><title>Blog</title><item><title>" + entity
    ) + b"</title><link>/good</link></item></channel></rss>"


def _site(name: str, kind: str, answer: Answer, reason: str | None, outcome: str, *, path: str = "/bad") -> Kind:
    """A site that is a feed or a sitemap, at /bad."""
    return Kind(name, reason, {path: answer}, outcome=outcome, start="/bad", site_kind=kind, has_good=False)


_SECONDS = 15  # for a site whose robots.txt asks for patience


def _robots(name: str, answer: Answer, reason: str | None = None, outcome: str = "finished") -> Kind:
    """A site with this robots.txt, whose front page is refused for `reason`, if for any."""
    paths = {"/robots.txt": answer}
    return Kind(name, reason, paths, "/", outcome=outcome, has_good=outcome == "finished", max_seconds=_SECONDS)


PAGES = [
    *kinds(
        "no_text",
        {
            "an empty page": page(b""),
            "a meta refresh to itself": page(b"<meta http-equiv='refresh' content='0;url=/bad'>"),
            "a tag of a megabyte": page(b"<html><body><p " + b"a" * MIB + b">"),
            "a hundred thousand attributes": page(
                b"<html><body><p " + b"".join(b"a%d=1 " % n for n in range(100_000)) + b">"
            ),
            "a comment that never ends": page(b"<html><body><!--" + b"-" * MIB),
        },
    ),
    *kinds(
        "too_deep",
        {
            "a hundred thousand divs": page(b"<html><body>" + b"<div>" * 100_000 + b"x"),
            "tags that nobody closes": page(b"<html><body>" + b"<b><i>" * 100_000),
        },
    ),
    *kinds(
        "too_short",
        {
            "an entity bomb": page(_LAUGHS + b"]><html><body>&a9;</body></html>"),
            "an unknown alphabet": page(b"<html><body><p>\x80", kind="text/html; charset=klingon"),
        },
    ),
    *kinds("unreadable", {"letters that are none": page(b"<html><body><p>" + bytes(range(128, 256)) * 100)}),
    *kinds("too_large", {"a hundred thousand links": page(front_page(*(f"/x{n}" for n in range(100_000))))}),
]
FEEDS = [
    _site("a feed of zeros", "feed", page(bytes(100_000), kind="application/rss+xml"), Reason.TYPE, "failed"),
    _site("a feed a mile deep", "feed", page(b"[" * 1_000_000, kind="application/json"), "not_a_feed", "failed"),
    _site("a feed of laughs", "feed", page(_rss(_LAUGHS + b"]>", b"&a9;"), kind="text/xml"), None, "finished"),
    _site("a feed with a secret", "feed", page(_rss(_XXE, b"&secret;"), kind="text/xml"), None, "finished"),
    _site("feeds without end", "feed", endless_feed, None, "finished", path="/bad*"),
]
SITEMAPS = [
    _site(
        "a bomb of a sitemap", "sitemap", page(gzip.compress(ZEROS), kind="application/gzip"), "no_sitemap", "failed"
    ),
    _site(
        "a sitemap of laughs", "sitemap", page(_LAUGHS + b"]><urlset>&a9;</urlset>", kind="text/xml"), None, "finished"
    ),
    _site("a sitemap of others' files", "sitemap", page(_sitemap(*_OTHERS), kind="text/xml"), None, "finished"),
    _site("sitemaps without end", "sitemap", endless_sitemap, None, "budget_spent", path="/bad*"),
]
ROBOTS = [
    _robots("robots.txt never comes", silent, Reason.TIME, "failed"),
    _robots("robots.txt is out of order", page(b"", status="503 Away"), Reason.ROBOTS, "failed"),
    _robots("robots.txt wants nobody", page(b"User-agent: *\nDisallow: /", kind="text/plain"), Reason.ROBOTS, "failed"),
    _robots("robots.txt wants a year", page(b"User-agent: *\nCrawl-delay: 31536000"), None, "budget_spent"),
    _robots("robots.txt without end", drip(OK + b"\r\n", b"Disallow: /x\n" * 5000, 0)),
    _robots("robots.txt in circles", redirect("/robots.txt")),
    _robots("robots.txt of noise", page(bytes(range(256)) * 100, kind="text/plain")),
    _robots("robots.txt of stars", page(b"User-agent: *\nDisallow: /" + b"*a" * 400 + b"$", kind="text/plain")),
]
ENDLESS = [
    Kind("a calendar", "too_short", {"/bad*": calendar}, outcome="budget_spent"),
    Kind("folders without end", "too_short", {"/bad*": mirrors}),
    Kind("old posts without end", None, {"/bad*": news}, outcome="budget_spent"),
]
KINDS = [*PAGES, *FEEDS, *SITEMAPS, *ROBOTS, *ENDLESS]
