"""The routes: this week, the search for a user, a user's mixtape, its files, what was uploaded.

Every route only reads, but for those that ask for what `writing` does. The application asks for a login on every path,
known or not. Names in addresses travel as query parameters, because a path can't carry every id (`..`, for one, or an
empty one).
"""

import datetime as dt
import json
import logging
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from airflow.api_fastapi.core_api.security import get_user as require_login
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, PlainTextResponse
from starlette.exceptions import HTTPException

from plugins.pages import curating, dialling, reading, reporting, stations, tasting
from plugins.pages.connection import Database, Now, current_time
from plugins.pages.rendering import HEADERS, attachment, render
from recommenders.errors import ConfigurationError, UnknownNameError
from recommenders.exchange.playlist_files import to_jspf, to_m3u8, to_xspf
from recommenders.playlists.mixtape import Mixtape, read_mixtape
from recommenders.store import audio_files, differences, imports, mixtapes, recordings, status, users

SEARCH_LIMIT = 30
SHOWN_FILES, SHOWN_SONGS = 100, 25
STATIC = Path(__file__).parent / "static"

log = logging.getLogger(__name__)
router = APIRouter()


@router.get("/")
def this_week(connection: Database, now: Now) -> Response:
    """The state of this week's mixtapes and the age of what they are made from."""
    shown = status.service_status(connection, now)
    return render("week.html", now, status=shown, dry_run=differences.newest_dry_run(connection))


@router.get("/users")
def search(connection: Database, now: Now, q: str = "") -> Response:
    """The users whose name or id contains `q`."""
    found = users.find_users(connection, q.strip(), limit=SEARCH_LIMIT)
    return render(
        "users.html", now, 200 if found or not q.strip() else 404, query=q.strip(), users=found, limit=SEARCH_LIMIT
    )


@router.get("/user")
def user(connection: Database, now: Now, id: str, week: dt.date | None = None) -> Response:
    """One user: their mixtape of `week`, or else their newest, beside what they play most."""
    found = users.get_user(connection, id)
    weeks = dict(users.mixtape_weeks(connection, found.user_id))
    newest = mixtapes.published_edition(connection)
    shown = week or next(iter(weeks), None)
    return render(
        "user.html",
        now,
        200 if shown in weeks else 404,
        user=found,
        weeks=list(weeks),
        week=shown,
        newest_week=newest[0] if newest else None,
        mixtape=read_mixtape(connection, found.outside_id, shown) if shown in weeks else None,
        artists=users.most_played_artists(connection, found.user_id, weeks.get(shown, now)),
    )


@router.get("/uploads")
def uploads(connection: Database, now: Now) -> Response:
    """What was heard last, and the files that can't be used, with the reasons."""
    return render(
        "uploads.html",
        now,
        files=audio_files.count_files(connection),
        rejected=imports.last_set_aside(connection, audio_files.UPLOADS, SHOWN_FILES),
        heard=recordings.newest_recordings(connection, SHOWN_SONGS),
        limit=SHOWN_FILES,
    )


FILES: dict[str, tuple[str, Callable[[Mixtape], str | bytes]]] = {
    "xspf": ("application/xspf+xml", to_xspf),
    "m3u8": ("audio/mpegurl; charset=utf-8", to_m3u8),
    "jspf": ("application/json", lambda mixtape: json.dumps(to_jspf(mixtape), ensure_ascii=False, indent=2)),
}


@router.get("/download")
def download(connection: Database, id: str, week: dt.date, format: str) -> Response:
    """The mixtape of one user and week as a file."""
    if format not in FILES:
        raise UnknownNameError(f"There is no playlist format {format!r}, only {', '.join(FILES)}.")
    mixtape = read_mixtape(connection, users.get_user(connection, id).outside_id, week)
    media_type, write = FILES[format]
    name = f"monday-mixtape-{mixtape.week}-{mixtape.user}.{format}"
    return Response(write(mixtape), media_type=media_type, headers=HEADERS | attachment(name))


@router.get("/style.css")
@router.get("/icon.svg")
def static(request: Request) -> Response:
    """The style sheet and the icon."""
    name = request.url.path.rpartition("/")[2]
    return FileResponse(STATIC / name, headers={"Cache-Control": "private, max-age=3600", **HEADERS})


@router.get("/{path:path}")
def nothing_here(path: str) -> Response:
    """Every other path, so that these too ask for a login."""
    raise UnknownNameError(f"There is no page /{path} here.")


def create_app() -> FastAPI:
    """The pages as one application; every path asks for a login (401 without)."""
    app = FastAPI(
        title="Monday Mixtape", dependencies=[Depends(require_login)], docs_url=None, redoc_url=None, openapi_url=None
    )
    app.include_router(reading.router)
    app.include_router(reporting.router)
    app.include_router(tasting.router)
    app.include_router(dialling.router)
    app.include_router(curating.router)
    app.include_router(stations.router)
    app.include_router(router)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(UnknownNameError, _unknown)
    app.add_exception_handler(RequestValidationError, _misspelt)
    app.add_exception_handler(ConfigurationError, _unreachable)
    app.add_exception_handler(sa.exc.SQLAlchemyError, _unreachable)
    return app


def _refused(_: Request, error: HTTPException) -> Response:
    if error.status_code == 401:
        return PlainTextResponse("Please log in to Airflow, then load this page again.\n", 401, HEADERS)
    return PlainTextResponse(f"{error.detail}\n", error.status_code, HEADERS)


def _unknown(_: Request, error: UnknownNameError) -> Response:
    return render("message.html", current_time(), 404, title="Not found", message=str(error))


def _misspelt(_: Request, error: RequestValidationError) -> Response:
    names = ", ".join(sorted({str(problem["loc"][-1]) for problem in error.errors()}))
    message = f"The address of this page is incomplete or misspelt: look at {names}."
    return render("message.html", current_time(), 422, title="No such page", message=message)


def _unreachable(_: Request, error: Exception) -> Response:
    log.error("The store can't be read", exc_info=error)
    return render(
        "message.html",
        current_time(),
        503,
        title="The database does not answer",
        message="Monday Mixtape's database can't be read at the moment. Playlists already delivered are not affected.",
        advice=(
            "Is it running (mixtape up), is the Airflow connection “mixtape” right, and is its schema up to date? "
            "The log of the Airflow API server has the details."
        ),
    )
