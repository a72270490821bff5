"""The routes of a user's dials: what their mixtapes are to be like, terms they block, and what would be otherwise."""

from collections.abc import Mapping
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from plugins.pages.connection import Database, Now
from plugins.pages.rendering import HEADERS, address, render
from plugins.pages.writing import GUARDS, Form
from recommenders.errors import ArtifactError, MixtapeError
from recommenders.playlists.parameters import MixtapeRules
from recommenders.settings import Settings
from recommenders.store import Artifacts, blocks, dials, users
from recommenders.store.dials import OwnDials

LONGEST_TERM = 200
MOST_NAMED = 50  # artists and tracks that are left out at once
LABELS = {
    "adventurousness": ("Adventurousness", "from −1, mostly artists that they play, to 1, mostly unknown ones", 0.1),
    "min_fresh": ("Fresh songs", "places kept for songs of the last weeks, where any are to their taste", 1),
    "length": ("Songs", "on a mixtape", 1),
    "max_per_artist": ("Of one artist", "at most", 1),
    "max_per_release": ("Of one release", "at most", 1),
}
BOUNDS = {"adventurousness": (-1, 1), "min_fresh": (0, 100), "length": (5, 100)}

router = APIRouter()


@router.get("/dials")
def show(connection: Database, now: Now, id: str) -> Response:
    """One user's dials and blocked terms, and a form that asks what would be otherwise."""
    return _page(connection, now, users.get_user(connection, id))


def _page(connection: sa.Connection, now: Now, user: users.UserRow, problem: str = "") -> Response:
    return render(
        "dials.html",
        now,
        400 if problem else 200,
        user=user,
        problem=problem,
        own=dials.dials_of(connection, user.user_id).model_dump(),
        usual=MixtapeRules().model_dump(),
        labels=LABELS,
        bounds=BOUNDS,
        terms=blocks.blocked_terms(connection, user.user_id, now),
        artists=users.most_played_artists(connection, user.user_id, now),
    )


@router.post("/dials", dependencies=GUARDS)
def change(connection: Database, now: Now, id: str, form: Form) -> Response:
    """Set the dials, or block a term or let it be; then show the page again."""
    user = users.get_user(connection, id)
    term = form.get("term", "")[:LONGEST_TERM]
    match form.get("action"):
        case "set":
            try:
                dials.set_dials(connection, user.user_id, _dials(form), now)
            except ValueError as error:
                return _page(connection, now, user, _wrong(error))
        case "block" if term:
            blocks.block_term(connection, user.user_id, term, now)
        case "unblock" if term:
            blocks.unblock_term(connection, user.user_id, term, now)
        case _:
            raise HTTPException(422, "This form asks for nothing that is known here.")
    return RedirectResponse(address("dials", id=id), 303, HEADERS)


@router.get("/whatif")
def whatif(
    connection: Database,
    now: Now,
    request: Request,
    id: str,
    artist: Annotated[list[int] | None, Query(max_length=MOST_NAMED)] = None,
    track: Annotated[list[str] | None, Query(max_length=MOST_NAMED)] = None,
) -> Response:
    """The newest mixtape of a user beside what it would be, without some of their listening or with other dials."""
    from recommenders.playlists.whatif import what_if

    user = users.get_user(connection, id)
    try:
        found = what_if(
            connection,
            Artifacts(Settings().artifacts),
            user.outside_id,
            without=[one.strip() for one in track or () if one.strip()],
            without_artists=artist or (),
            dials=_dials(request.query_params),
        )
    except ArtifactError:
        return _page(connection, now, user, "What that mixtape was made from is no longer kept: ask after next Monday.")
    except (ValueError, MixtapeError) as error:
        return _page(connection, now, user, _wrong(error))
    return render("whatif.html", now, user=user, found=found)


def _dials(fields: Mapping[str, str]) -> OwnDials:
    """The dials among the fields of a form; those left empty are not set. Raises ValueError."""
    return OwnDials.model_validate({name: fields[name] for name in LABELS if fields.get(name, "").strip()})


def _wrong(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{LABELS[str(each['loc'][0])][0]}: {each['msg'].lower()}" for each in error.errors()) + "."
