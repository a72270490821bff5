"""How pages are rendered: templates that escape everything, headers, and how numbers and moments are written."""

import datetime as dt
from pathlib import Path
from urllib.parse import quote, urlencode

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

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
}

_UNITS = [("day", dt.timedelta(days=1)), ("hour", dt.timedelta(hours=1)), ("minute", dt.timedelta(minutes=1))]


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
    local = when.astimezone(Settings().zone)
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M %Z}"


def age(when: dt.datetime, now: dt.datetime) -> str:
    """How long ago `when` was, in whole days, hours or minutes."""
    passed = now - when
    for name, unit in _UNITS:
        if passed >= unit:
            return f"{passed // unit} {name}{'s' if passed >= 2 * unit else ''} ago"
    return "just now" if passed > -dt.timedelta(minutes=1) else "in the future"


def address(page: str, **parameters: object) -> str:
    """A relative address with its query, every character of every value encoded."""
    return f"{page}?{urlencode({name: value for name, value in parameters.items() if value is not None})}"


def _make_environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        clock=clock, playing_time=playing_time, day=day, moment=moment, age=age, number="{:,}".format
    )
    environment.globals["address"] = address
    return environment


_environment = _make_environment()
