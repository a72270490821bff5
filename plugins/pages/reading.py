"""The routes about what was read: the sites and what rises; artists, and the words that people have for them."""

import itertools

from fastapi import APIRouter, Response

from plugins.pages.connection import Database, Now
from plugins.pages.rendering import render
from recommenders.settings import Settings
from recommenders.store import reading
from recommenders.store.imports import last_set_aside
from recommenders.store.top_terms import TopTerm, terms_as_of, top_terms

SHOWN_PAGES, SHOWN_ARTISTS, SHOWN_ARTICLES, SHOWN_NEAREST = 100, 50, 20, 10
SHOWN_TERMS = 12  # of each kind
KINDS = {
    "word": "Words",
    "adjective": "Adjectives",
    "pair": "Pairs of words",
    "phrase": "Phrases",
    "artist": "Mentioned beside",
}

router = APIRouter()


@router.get("/reading")
def sites(connection: Database, now: Now) -> Response:
    """What was read, what rises, the state of each site, and what could not be used."""
    return render(
        "reading.html",
        now,
        counts=reading.count_reading(connection),
        sites=reading.site_states(connection),
        rising=reading.rising_now(connection, now.astimezone(Settings().zone).date()),
        refused=last_set_aside(connection, "crawl", SHOWN_PAGES),
        limit=SHOWN_PAGES,
    )


@router.get("/artists")
def artists(connection: Database, now: Now, q: str = "") -> Response:
    """The artists whose name or id contains `q`; without it, those most written about."""
    found = reading.find_artists(connection, q.strip(), SHOWN_ARTISTS)
    return render(
        "artists.html",
        now,
        200 if found or not q.strip() else 404,
        artist_query=q.strip(),
        artists=found,
        limit=SHOWN_ARTISTS,
    )


@router.get("/artist")
def artist(connection: Database, now: Now, id: int) -> Response:
    """One artist: the words that people have for it, who is described alike, the newest articles."""
    found = reading.get_artist(connection, id)
    today = now.astimezone(Settings().zone).date()
    known = terms_as_of(connection, "artist", id, today)
    terms = [(kind, top_terms(connection, "artist", id, today, [kind], SHOWN_TERMS)) for kind in KINDS]
    return render(
        "artist.html",
        now,
        artist=found,
        as_of=known.as_of if known else None,
        kinds=KINDS,
        terms=[(kind, some) for kind, some in terms if some],
        heaviest=_heaviest(terms),
        nearest=reading.described_alike(connection, id, SHOWN_NEAREST),
        articles=reading.articles_about(connection, id, SHOWN_ARTICLES),
    )


def _heaviest(terms: list[tuple[str, list[TopTerm]]]) -> float:
    return max((term.weight for term in itertools.chain.from_iterable(some for _, some in terms)), default=1.0)
