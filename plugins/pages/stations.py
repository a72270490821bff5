"""The routes of stations: a form that makes one, those that were made last, one with its songs, its files."""

import importlib.metadata
import json

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from plugins.pages.connection import Database, Now
from plugins.pages.rendering import HEADERS, address, attachment, render
from plugins.pages.writing import GUARDS, Form
from recommenders.errors import ConfigurationError, DataError, NotEnoughDataError, UnknownNameError
from recommenders.exchange.playlist_files import to_jspf, to_m3u8, to_xspf
from recommenders.playlists.stations import read_station
from recommenders.settings import Settings
from recommenders.store import Artifacts, stations

SHOWN = 20
LENGTHS = (10, 20, 30, 50, 100)

router = APIRouter()


@router.get("/stations")
def newest(connection: Database, now: Now, user: str = "", like: str = "") -> Response:
    """A form for a new station, maybe for a user or like a track, and those that were made last."""
    made = stations.newest_stations(connection, SHOWN)
    return render("stations.html", now, stations=made, problem="", form={"user": user, "like": like}, lengths=LENGTHS)


@router.post("/stations", dependencies=GUARDS)
def make(connection: Database, now: Now, form: Form) -> Response:
    """Make a station, and show it; or say why there is none."""
    from recommenders.playlists.station import StationParameters, make_station

    settings = Settings()
    length = form.get("length", "30")
    try:
        if not length.isdecimal() or int(length) not in LENGTHS:
            raise ConfigurationError(f"A station has {', '.join(map(str, LENGTHS))} songs.")
        station_id = make_station(
            connection,
            Artifacts(settings.artifacts),
            user=form.get("user"),
            tags=form.get("tags", "").replace(";", ",").split(","),
            like=form.get("like"),
            parameters=StationParameters(length=int(length)),
            zone=settings.zone,
            package_version=importlib.metadata.version("monday-mixtape"),
            now=now,
        )
    except (ConfigurationError, DataError, NotEnoughDataError, UnknownNameError) as error:
        made = stations.newest_stations(connection, SHOWN)
        return render("stations.html", now, 400, stations=made, problem=str(error), form=form, lengths=LENGTHS)
    return RedirectResponse(address("station", id=station_id), 303, HEADERS)


@router.get("/station")
def one(connection: Database, now: Now, id: int) -> Response:
    """One station with its songs, and what each has of what was asked for."""
    return render("station.html", now, station=read_station(connection, id))


@router.get("/station-file")
def download(connection: Database, id: int, format: str) -> Response:
    """A station as a file."""
    station = read_station(connection, id)
    match format:
        case "xspf":
            content, media_type = to_xspf(station), "application/xspf+xml"
        case "m3u8":
            content, media_type = to_m3u8(station).encode(), "audio/mpegurl; charset=utf-8"
        case "jspf":
            content = json.dumps(to_jspf(station), ensure_ascii=False, indent=2).encode()
            media_type = "application/json"
        case _:
            raise UnknownNameError(f"There is no playlist format {format!r}, only xspf, m3u8, jspf.")
    return Response(content, media_type=media_type, headers=HEADERS | attachment(f"station-{id}.{format}"))
