"""Publication dates as pages and feeds write them."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)  # nothing on the web is older

_IN_ADDRESS = re.compile(r"(?<!\d)((?:19|20)\d\d)[/-](0?[1-9]|1[0-2])(?:[/-](0?[1-9]|[12]\d|3[01]))?(?!\d)")
_FRACTION = re.compile(r"(?<=:\d\d)\.\d+")
_APART = re.compile(r"\s+(?=[+-]\d\d:?\d\d$|Z$)")  # the zone, from the time
_WRITTEN_OUT = ("%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日")


def parse_date(given: str) -> datetime | None:
    """A moment in UTC, of ISO 8601, RFC 2822, or a day as people write it; None for others, and before the web.

    Without a zone: UTC. A day without a year's place that all agree on, such as 02/03/2024, is none.
    """
    text = _APART.sub("", _FRACTION.sub("", given.strip()[:60]))
    moment = _iso(text) or _written_out(text) or _rfc2822(text)
    if moment is None:
        return None
    try:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        return None
    return moment if moment >= EARLIEST else None


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _written_out(text: str) -> datetime | None:
    for form in _WRITTEN_OUT:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    return None


def _rfc2822(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def date_in_address(url: str) -> datetime | None:
    """The day that an address such as /2019/07/03/title names; the first of the month where it names no day."""
    match = _IN_ADDRESS.search(url)
    if not match:
        return None
    year, month, day = match.groups()
    try:
        return datetime(int(year), int(month), int(day or 1), tzinfo=UTC)
    except ValueError:
        return None


def plausible(moment: datetime | None, now: datetime) -> datetime | None:
    """`moment`, unless it lies more than a day after `now`: a clock that is wrong."""
    return moment if moment is not None and EARLIEST <= moment <= now + timedelta(days=1) else None
