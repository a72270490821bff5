"""How pages are rendered: templates that escape everything, headers, and how numbers and moments are written."""

import datetime as dt
import itertools
import math
from collections.abc import Iterable
from operator import attrgetter
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from recommenders import timing
from recommenders.playlists.reasons import describe_sound
from recommenders.settings import Settings

# No script and nothing from elsewhere: even a name that slipped through the escaping could do nothing.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'self'; "
        "base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}

SOURCES = {
    "mix": "close to their own taste",
    "nearest listeners": "what listeners like them play",
    "culture": "described like what they play",
    "editorial": "from lists by curators",
    "popular": "popular with everybody",
    "audio": "close to their own taste, by its sound",
    "items": "close to songs that they play",
    "text": "described like songs that they play",
    "artist": "by artists that they play",
    "listeners like you": "what listeners of a close taste play",
    "curators": "from curators' lists that suit them",
}

TICKS = {
    "1 year": dt.timedelta(days=365),
    "8 weeks": dt.timedelta(weeks=8),
    "1 week": dt.timedelta(weeks=1),
    "1 day": dt.timedelta(days=1),
    "now": dt.timedelta(),
}


def render(template: str, now: dt.datetime, status_code: int = 200, **values: object) -> HTMLResponse:
    """The page `template` filled with `values`, with the headers of every page."""
    page = _environment.get_template(template).render(now=now, sources=SOURCES, **values)
    return HTMLResponse(page, status_code, HEADERS | {"Cache-Control": "private, no-store"})


def attachment(name: str) -> dict[str, str]:
    """The header that makes a browser save a response as a file called about `name` (RFC 6266)."""
    safe = "".join(letter if letter.isalnum() or letter in "-._" else "_" for letter in name)
    ascii_only = "".join(letter if letter.isascii() else "_" for letter in safe)
    return {"Content-Disposition": f"attachment; filename=\"{ascii_only}\"; filename*=UTF-8''{quote(safe)}"}


def clock(seconds: float | None) -> str:
    """A length as minutes and seconds, 3:05."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"


def playing_time(seconds: float) -> str:
    """A long length in words, 1 h 52 min."""
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def day(date: dt.date) -> str:
    """A date as people write it, 23 November 2026."""
    return f"{date.day} {date:%B %Y}"


def moment(when: dt.datetime) -> str:
    """A moment in the service's time zone, Mon 23 Nov 2026, 05:03 CET."""
    return timing.moment(when, Settings().zone)


def exactly(when: dt.datetime) -> str:
    """A moment to the second, in UTC, as HTML and people read it."""
    return f"{when.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}Z"


def place_in_time(passed: dt.timedelta) -> float:
    """Where something that long ago stands on a time line that ends with now, in percent of its width.

    The line has a year, and more room for what is newer: an hour takes 8 % of it, a day 35, a week 56, a month 73.
    """
    hours = max(passed / dt.timedelta(hours=1), 0.0)
    return 100 * (1 - min(math.log1p(hours) / math.log1p(365 * 24), 1.0))


def address(page: str, **parameters: object) -> str:
    """A relative address with its query, every character of every value encoded."""
    return f"{page}?{urlencode({name: value for name, value in parameters.items() if value is not None})}"


def groupby_in_order(items: Iterable[Any], attribute: str) -> list[tuple[Any, list[Any]]]:
    """Neighbours that agree in an attribute, in their own order (Jinja's groupby sorts)."""
    return [(key, list(group)) for key, group in itertools.groupby(items, key=attrgetter(attribute))]


def _make_environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        clock=clock,
        playing_time=playing_time,
        day=day,
        moment=moment,
        exactly=exactly,
        age=timing.ago,
        duration=timing.duration,
        groupby_in_order=groupby_in_order,
        place_in_time=place_in_time,
        number="{:,}".format,
        sound=lambda parts: describe_sound(*parts),
    )
    environment.globals.update(address=address, ticks=TICKS)
    return environment


_environment = _make_environment()
