"""The routes of curators: their lists, one list and its songs, and the forms that change them."""

import re

import sqlalchemy as sa
from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import RedirectResponse

from plugins.pages.connection import Database, Now
from plugins.pages.rendering import HEADERS, address, render
from plugins.pages.writing import GUARDS, Form
from recommenders.errors import DataError
from recommenders.store import curating, editorial
from recommenders.store.imports import last_set_aside

FOUND_SONGS, SHOWN_REJECTED = 20, 50
NUMBER = re.compile(r"[0-9]{1,18}")

router = APIRouter()


@router.get("/curators")
def lists(connection: Database, now: Now) -> Response:
    """Every list, with its tags and how many songs it has, and a form for a new one."""
    return render(
        "curators.html",
        now,
        lists=editorial.all_lists(connection),
        rejected=last_set_aside(connection, "editorial", SHOWN_REJECTED),
        limit=SHOWN_REJECTED,
        problem="",
        form={},
    )


@router.post("/curators", dependencies=GUARDS)
def create(connection: Database, now: Now, form: Form) -> Response:
    """Make a list, and show it."""
    try:
        list_id = curating.create_list(connection, form.get("name", ""), form.get("curator", ""), _tags(form), now)
    except DataError as error:
        everything = editorial.all_lists(connection)
        return render("curators.html", now, 400, lists=everything, rejected=[], limit=1, problem=str(error), form=form)
    return RedirectResponse(address("curator", id=list_id), 303, HEADERS)


@router.get("/curator")
def one_list(connection: Database, now: Now, id: int, q: str = "") -> Response:
    """One list with its songs; with `q`, songs that could be added."""
    return _page(connection, now, id, q.strip())


def _page(connection: sa.Connection, now: Now, list_id: int, query: str = "", problem: str = "") -> Response:
    return render(
        "curator.html",
        now,
        400 if problem else 200,
        list=editorial.get_list(connection, list_id),
        songs=editorial.songs_of_list(connection, list_id),
        song_query=query,
        found=curating.find_tracks(connection, query, FOUND_SONGS) if query else [],
        limit=FOUND_SONGS,
        problem=problem,
    )


@router.post("/curator", dependencies=GUARDS)
def change(connection: Database, now: Now, id: int, form: Form, q: str = "") -> Response:
    """Edit the list, or one of its songs; then show the page again."""
    try:
        _change(connection, now, id, form)
    except DataError as error:
        return _page(connection, now, id, q.strip(), str(error))
    return RedirectResponse(address("curator", id=id, q=q.strip() or None), 303, HEADERS)


def _change(connection: sa.Connection, now: Now, list_id: int, form: dict[str, str]) -> None:
    match form.get("action"):
        case "edit":
            curating.edit_list(connection, list_id, form.get("name", ""), form.get("curator", ""), _tags(form), now)
        case "withdraw" | "restore" as action:
            curating.withdraw_list(connection, list_id, action == "withdraw", now)
        case "add":
            curating.add_song(connection, list_id, _number(form, "track"), now)
        case "remove":
            curating.remove_song(connection, list_id, _number(form, "track"), now)
        case "move":
            curating.move_song(connection, list_id, _number(form, "track"), _number(form, "to"), now)
        case _:
            raise HTTPException(422, "This form asks for nothing that is known here.")


def _number(form: dict[str, str], name: str) -> int:
    if not NUMBER.fullmatch(form.get(name, "")):
        raise HTTPException(422, f"This form lacks a number: {name}.")
    return int(form[name])


def _tags(form: dict[str, str]) -> list[str]:
    """Tags between commas or semicolons."""
    return form.get("tags", "").replace(";", ",").split(",")
