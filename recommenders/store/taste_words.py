"""Exclusions and proposals in plain words, for the command line and the pages."""

import datetime as dt
from zoneinfo import ZoneInfo

from recommenders.store.taste import Exclusion, Proposal

_LOOKS_LIKE = {"somebody else": "somebody else's", "sleep": "music to sleep by", "party": "one night with guests"}
UNKNOWN_DEVICE = "unknown device"


def place(proposal: Proposal, zone: ZoneInfo) -> str:
    """Where the listening of a proposal is confined to: “on kitchen-tablet”, “from 21 to 5 o'clock”, “in a night”."""
    if proposal.device is not None:
        return f"on {proposal.device}"
    if proposal.from_at is not None:
        return f"in the night of {_day(proposal.from_at, zone)}"
    first, hours = proposal.first_hour or 0, proposal.hours or 24
    return f"from {first} to {(first + hours) % 24} o'clock"


def looks_like(proposal: Proposal) -> str:
    """What the listening looks like."""
    return _LOOKS_LIKE[proposal.finding]


def reasons(proposal: Proposal, zone: ZoneInfo) -> list[str]:
    """Why it was proposed, as sentences, from the numbers that were found."""
    e = proposal.evidence
    found = [
        f"{_percent(e['confined'])} of the {e['plays']:,.0f} plays of this music are {place(proposal, zone)}, and "
        f"{_percent(e['elsewhere'])} of the {e['rest_plays']:,.0f} plays of other music.",
        f"Whoever else plays it plays little of the rest: the two are alike by "
        f"{max(e['cosine'], 0.0):.2f} "
        "(1: the same music, 0: nothing in common).",
    ]
    if proposal.from_at is None:
        found.append(f"It was played on {e['days']:,.0f} days.")
    if e["n_acts"] > 0:
        found.append(
            f"Of 100 plays of it {100 * e['acts']:.1f} come with a save, a rating or the like; of other music "
            f"{100 * e['own_acts']:.1f}."
        )
    if proposal.finding == "sleep":
        found.append(f"It goes on for {e['stretch_min']:.0f} minutes in the mean; {_percent(e['skips'])} is skipped.")
    return found


def exclusion(excluded: Exclusion, zone: ZoneInfo) -> str:
    """What an exclusion takes out: “on kitchen-tablet, before 1 March 2026 00:00”."""
    parts = []
    if excluded.artist is not None:
        parts.append(f"the artist {excluded.artist}")
    if excluded.track is not None:
        parts.append(f"the song {excluded.track}")
    if excluded.device is not None:
        parts.append(f"on {excluded.device}")
    if excluded.context is not None:
        parts.append(f"in {excluded.context}")
    if excluded.from_at is not None:
        parts.append(f"from {_moment(excluded.from_at, zone)}")
    if excluded.until_at is not None:
        parts.append(f"until {_moment(excluded.until_at, zone)}")
    if excluded.proposal_id is not None:
        parts.append(f"{'and ' if parts else ''}the music of proposal {excluded.proposal_id}")
    return ", ".join(parts)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _day(moment: dt.datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return f"{local.day} {local:%B %Y}"


def _moment(moment: dt.datetime, zone: ZoneInfo) -> str:
    return f"{_day(moment, zone)} {moment.astimezone(zone):%H:%M}"
