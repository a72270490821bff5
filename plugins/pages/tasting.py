"""The routes about a user's taste: when and where they listen, what does not count, what may be somebody else's."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import RedirectResponse

from plugins.pages.connection import Database, Now
from plugins.pages.rendering import HEADERS, address, render
from plugins.pages.writing import GUARDS, Form
from recommenders.errors import MixtapeError
from recommenders.folding import fold
from recommenders.settings import Settings
from recommenders.store import taste, taste_words, users
from recommenders.store.names import track_of
from recommenders.store.spaces import artist_of

router = APIRouter()

SHOWN_USERS = 200
NUMBER = re.compile(r"[0-9]{1,18}")
DECISIONS: dict[str, Callable[[sa.Connection, int, int, dt.datetime], None]] = {
    "accept": taste.accept,
    "decline": taste.decline,
    "reopen": taste.reopen,
    "undo": taste.undo,
}


@router.get("/tastes")
def show_undecided(connection: Database, now: Now) -> Response:
    """The users about whose listening something is to be decided."""
    n_users, listed = taste.undecided(connection, SHOWN_USERS)
    return render("tastes.html", now, n_users=n_users, users=listed)


@router.get("/taste")
def show(connection: Database, now: Now, id: str) -> Response:
    """One user's listening by device and hour, what is excluded of it, and what is proposed to be."""
    return _page(connection, now, users.get_user(connection, id))


def _page(connection: sa.Connection, now: dt.datetime, user: users.UserRow, problem: str = "") -> Response:
    zone = Settings().zone
    proposals = taste.proposals_of(connection, user.user_id)
    hours = taste.hours_of_listening(connection, user.user_id, now, zone)
    return render(
        "taste.html",
        now,
        400 if problem else 200,
        user=user,
        problem=problem,
        zone=zone.key,
        hours=hours,
        unknown=taste_words.UNKNOWN_DEVICE,
        marks=marks(hours, proposals),
        undecided=[
            (p, taste_words.place(p, zone), taste_words.looks_like(p), taste_words.reasons(p, zone))
            for p in proposals
            if p.state == "proposed"
        ],
        declined=[
            (p, taste_words.place(p, zone), taste_words.looks_like(p)) for p in proposals if p.state == "declined"
        ],
        exclusions=[(x, taste_words.exclusion(x, zone)) for x in taste.exclusions_of(connection, user.user_id, now)],
    )


def marks(hours: taste.Hours, proposals: list[taste.Proposal]) -> list[tuple[int, int, int, int]]:
    """Frames around what proposals that hold are about, in cells of the picture: hour, row, hours, rows."""
    rows = len(hours.devices)
    framed = []
    for proposal in proposals:
        if proposal.state not in ("proposed", "accepted"):
            continue
        if proposal.device in hours.devices and proposal.device is not None:
            framed.append((0, hours.devices.index(proposal.device), 24, 1))
        elif proposal.first_hour is not None and proposal.hours and rows:
            first, end = proposal.first_hour, proposal.first_hour + proposal.hours
            framed.append((first, 0, min(end, 24) - first, rows))
            if end > 24:
                framed.append((0, 0, end - 24, rows))
    return framed


@router.post("/taste", dependencies=GUARDS)
def change(connection: Database, now: Now, id: str, form: Form) -> Response:
    """Exclude something, or decide on a proposal or an exclusion; then show the page again."""
    user = users.get_user(connection, id)
    action, number = form.get("action", ""), form.get("number", "")
    try:
        if action == "exclude":
            taste.exclude(connection, user.user_id, now, **_what(connection, form))
        elif action in DECISIONS and NUMBER.fullmatch(number):
            DECISIONS[action](connection, user.user_id, int(number), now)
        else:
            raise HTTPException(422, "This form asks for nothing that is known here.")
    except MixtapeError as error:
        return _page(connection, now, user, str(error))
    return RedirectResponse(address("taste", id=id), 303, HEADERS)


def _what(connection: sa.Connection, form: dict[str, str]) -> dict[str, Any]:
    """What the fields of the form name, as `taste.exclude` takes it."""
    return {
        "device": form.get("device"),
        "context": form.get("context"),
        "from_at": _moment(form.get("from")),
        "until_at": _moment(form.get("until")),
        "track_id": track_of(connection, form["track"]) if "track" in form else None,
        "artist_id": _artist(connection, form["artist"]) if "artist" in form else None,
    }


def _artist(connection: sa.Connection, name: str) -> int:
    return artist_of(connection, name, " ".join(fold(name).split()))


def _moment(text: str | None) -> dt.datetime | None:
    if not text:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise HTTPException(422, f"{text[:40]} is no moment.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=Settings().zone)
