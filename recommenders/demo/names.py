"""Invented names: artists, songs, releases, people. Each is a pattern of its genre, filled from word pools."""

import string
from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np

from recommenders.demo.genres import FIRST_NAMES, LAST_NAMES, SHARED_POOLS, Genre

_TRIES = 1000
_TRIES_FOR_A_RARE_TITLE = 3
_PLACES_OF_CONCERTS = (
    "the Old Mill",
    "Granary Hall",
    "Harbour Street",
    "the Lantern Room",
    "Fallow Ridge",
    "Studio Nine",
    "the Tivoli Cellar",
    "Pinecrest",
)


def artist_name(genre: Genre, rng: np.random.Generator, taken: set[str]) -> str:
    """An artist name in the manner of `genre` that is not in `taken`; it is added there."""
    return _untaken(lambda: _fill(_pick(genre.artist_patterns, rng), genre.pools, rng), taken)


def song_title(genre: Genre, rng: np.random.Generator, taken: set[str], usual: set[str]) -> str:
    """A song title in the manner of `genre` that is not in `taken` (the artist's other titles); it is added there.

    `usual` holds the titles of all artists: two artists rarely call a song the same.
    """
    title = ""
    for _ in range(_TRIES_FOR_A_RARE_TITLE):
        title = _fill(_pick(genre.title_patterns, rng), genre.pools, rng)
        if title not in usual:
            break
    if title in taken:
        title = _untaken(lambda: _fill(_pick(genre.title_patterns, rng), genre.pools, rng), taken)
    taken.add(title)
    usual.add(title)
    return title


def person_name(rng: np.random.Generator, taken: set[str]) -> str:
    """A listener's name that is not in `taken`; it is added there."""
    return _untaken(lambda: f"{_pick(FIRST_NAMES, rng)} {_pick(LAST_NAMES, rng)}", taken)


def version_title(title: str, kind: str, year: int, rng: np.random.Generator) -> str:
    """How a service writes the version `kind` of the song `title`, for instance "Blue Hour - 2011 Remaster"."""
    place = _pick(_PLACES_OF_CONCERTS, rng)
    forms = {
        "live": (f"{title} (Live)", f"{title} - Live", f"{title} (Live at {place})", f"{title} - Live at {place}"),
        "remaster": (f"{title} - {year} Remaster", f"{title} (Remastered {year})", f"{title} - Remastered"),
        "acoustic": (f"{title} (Acoustic)", f"{title} - Acoustic Version", f"{title} (Acoustic Version)"),
        "radio edit": (f"{title} - Radio Edit", f"{title} (Radio Edit)"),
        "re-upload": (title,),
    }
    return _pick(forms[kind], rng)


def version_release(release: str, title: str, kind: str) -> str:
    """The release on which the version `kind` of a song of `release` came out."""
    return {
        "live": "Live Recordings",
        "remaster": f"{release} (Deluxe Edition)",
        "acoustic": f"{title} (Acoustic)",
        "radio edit": f"{title} - Single",
        "re-upload": release,
    }[kind]


def _pick(choices: tuple[str, ...], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]


@lru_cache(maxsize=1024)
def _holes(pattern: str) -> tuple[tuple[str, str | None], ...]:
    """The pieces of `pattern`: pairs of literal text and the pool that fills the hole after it."""
    return tuple((text, pool) for text, pool, _, _ in string.Formatter().parse(pattern))


def _fill(pattern: str, pools: Mapping[str, tuple[str, ...]], rng: np.random.Generator) -> str:
    """`pattern` with its holes filled; two holes of one pool get two different words."""
    used: list[str] = []
    parts: list[str] = []
    for text, pool in _holes(pattern):
        parts.append(text)
        if pool:
            word = _pick(pools.get(pool) or SHARED_POOLS[pool], rng)
            while word in used:
                word = _pick(pools.get(pool) or SHARED_POOLS[pool], rng)
            used.append(word)
            parts.append(word)
    return "".join(parts)


def _untaken(make: Callable[[], str], taken: set[str]) -> str:
    """A name of `make` that is not yet taken; a numeral tells it apart when the pools are used up."""
    for attempt in range(_TRIES):
        name = make()
        if attempt > _TRIES // 2:
            name = f"{name} {'I' * (2 + attempt % 2)}"
        if name not in taken:
            taken.add(name)
            return name
    raise ValueError(
        f"The word pools are too small: {len(taken)} names are taken. Add words to recommenders/demo/genres.py."
    )
