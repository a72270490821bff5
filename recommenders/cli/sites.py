"""Commands about the sites that are read: sites list, add, remove."""

import re
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

import typer

from recommenders.cli.common import app, console, now, open_store
from recommenders.errors import ConfigurationError
from recommenders.settings import Settings

sites = typer.Typer(help="The blogs that are read: list, add, remove.", no_args_is_help=True)
app.add_typer(sites, name="sites")


class Kind(StrEnum):
    """What stands at a site's address."""

    FEED = "feed"
    SITEMAP = "sitemap"
    PAGES = "pages"


@sites.command("list")
def list_() -> None:
    """Show every site, its last crawl, and when it is due again."""
    from recommenders.exchange.terminal import plain_table
    from recommenders.store.reading import site_states
    from recommenders.timing import ago, moment

    settings, at = Settings(), now()
    with open_store(settings, migrate=True) as store, store.begin() as connection:
        states = site_states(connection)
    rows = (
        (
            state.name,
            state.url,
            state.kind,
            state.articles,
            state.waiting,
            state.refused,
            (state.outcome or "under way").replace("_", " ") if state.crawl_began_at else "never crawled",
            ago(state.crawl_began_at, at) if state.crawl_began_at else "",
            state.detail or "",
            "with the next run" if state.next_crawl_at <= at else moment(state.next_crawl_at, settings.zone),
        )
        for state in states
    )
    names = ("site", "address", "kind", "articles", "waiting", "refused", "last crawl", "when", "detail", "due")
    console().print(plain_table(names, rows))


@sites.command()
def add(
    url: Annotated[str, typer.Argument(help="Its address: a feed, a sitemap, or a page that lists articles.")],
    kind: Annotated[Kind | None, typer.Option(help="What stands there; guessed from the address by default.")] = None,
    name: Annotated[str | None, typer.Option(help="What it is called; its host by default.")] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Its address may be one of this machine or a private network.")
    ] = False,
    max_pages: Annotated[int | None, typer.Option(min=1, help="Most requests to it in one crawl.")] = None,
    max_bytes: Annotated[int | None, typer.Option(min=1, help="Most bytes from it in one crawl.")] = None,
    max_seconds: Annotated[int | None, typer.Option(min=1, help="Most seconds for it in one crawl.")] = None,
    delay_s: Annotated[
        float | None, typer.Option("--delay", min=0, help="Least seconds between two requests to it.")
    ] = None,
) -> None:
    """Let a site be read from the next run of crawl_blogs on; of one that is known already, change what is given."""
    from crawlers.addresses import absolute
    from crawlers.fence import RefusedUrlError, place_of
    from recommenders.store.sites import SiteKind, add_site

    address = absolute(url if "://" in url else f"https://{url}", "")
    try:
        place = place_of(address or url)
    except RefusedUrlError as error:
        raise ConfigurationError(f"{url} can't be crawled: {error}.") from error
    found = SiteKind((kind or guessed_kind(address or url)).value)
    with open_store(Settings(), migrate=True) as store, store.begin() as connection:
        add_site(
            connection,
            address or url,
            name=name or place.host.removeprefix("www."),
            kind=found,
            now=now(),
            allow_private=allow_private,
            max_pages=max_pages,
            max_bytes=max_bytes,
            max_seconds=max_seconds,
            delay_s=delay_s,
        )
    console().print(f"{address} will be read as {_A[found]}, from the next run of crawl_blogs on.", highlight=False)


_A = {"feed": "a feed", "sitemap": "a sitemap", "pages": "pages that list articles"}


@sites.command()
def remove(site: Annotated[str, typer.Argument(help="Its address or name.")]) -> None:
    """Forget a site and what is known of its pages; its articles stay."""
    from recommenders.store.sites import find_sites, remove_site

    with open_store(Settings(), migrate=True) as store, store.begin() as connection:
        found = find_sites(connection, [site])
        if len(found) > 1:
            raise ConfigurationError(f"{len(found)} sites are called {site}: give the address of the one you mean.")
        remove_site(connection, found[0])
    console().print(f"{site} is not read any more; its articles stay.", highlight=False)


def guessed_kind(url: str) -> Kind:
    """What an address looks like."""
    path = urlsplit(url).path.lower()
    if re.search(r"sitemap[^/]*(\.xml|\.xml\.gz|\.txt)?$", path):
        return Kind.SITEMAP
    if re.search(r"(^|/)(feeds?|rss|atom)([/.]|$)|\.(rss|atom|rdf|xml|json)$", path):
        return Kind.FEED
    return Kind.PAGES
