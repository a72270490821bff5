"""The command that makes a station: songs like some tags, like a song, or like both."""

import importlib.metadata
import json
import sys
from typing import Annotated

import typer

from recommenders.cli.common import app, console, now, open_artifacts, open_store
from recommenders.cli.look import PlaylistFormat
from recommenders.settings import Settings


@app.command()
def station(
    user: Annotated[
        str | None, typer.Argument(help="A user, by the service's own id; without one, the whole catalogue is open.")
    ] = None,
    tags: Annotated[str, typer.Option(help='What the songs are to be, for instance "dreamy,shoegaze".')] = "",
    like: Annotated[
        str | None, typer.Option(help="A track, by the service's own id, that they are to be like.")
    ] = None,
    length: Annotated[int, typer.Option(min=1, max=100, help="How many songs.")] = 30,
    format_: Annotated[PlaylistFormat, typer.Option("--format", help="How to print it.")] = PlaylistFormat.TEXT,
) -> None:
    """Make a station from tags, from a song, or from both, under the rules of a mixtape."""
    from recommenders.playlists.station import StationParameters, make_station
    from recommenders.playlists.stations import read_station

    settings = Settings()
    with open_store(settings) as store, store.begin() as connection:
        station_id = make_station(
            connection,
            open_artifacts(settings),
            user=user,
            tags=tags.split(","),
            like=like,
            parameters=StationParameters(length=length),
            zone=settings.zone,
            package_version=importlib.metadata.version("monday-mixtape"),
            now=now(),
        )
        made = read_station(connection, station_id)
    if format_ is PlaylistFormat.TEXT:
        from recommenders.exchange.terminal import station_table

        console().print(station_table(made))
        return
    if format_ is PlaylistFormat.JSON:
        from dataclasses import asdict

        sys.stdout.write(json.dumps(asdict(made), default=str, ensure_ascii=False, indent=2) + "\n")
        return
    from recommenders.exchange import playlist_files

    write = {
        PlaylistFormat.JSPF: lambda: json.dumps(playlist_files.to_jspf(made), ensure_ascii=False, indent=2) + "\n",
        PlaylistFormat.XSPF: lambda: playlist_files.to_xspf(made).decode(),
        PlaylistFormat.M3U8: lambda: playlist_files.to_m3u8(made),
    }
    sys.stdout.write(write[format_]())
