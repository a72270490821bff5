"""Commands that show what the service knows: playlist, similar, why, plot."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from recommenders.cli.common import app, console, date_of, now, open_artifacts, open_store
from recommenders.errors import UnknownNameError
from recommenders.settings import Settings


class PlaylistFormat(StrEnum):
    """How a mixtape is printed."""

    TEXT = "text"
    JSON = "json"
    JSPF = "jspf"
    XSPF = "xspf"
    M3U8 = "m3u8"


class Model(StrEnum):
    """A model that knows what is similar."""

    COLLABORATIVE = "collaborative"


class Named(StrEnum):
    """What a name stands for."""

    USER = "user"
    TRACK = "track"


@app.command()
def playlist(
    user: Annotated[str, typer.Argument(help="A user, by the service's own id.")],
    week: Annotated[str | None, typer.Option(help="The Monday of a week, YYYY-MM-DD; the newest by default.")] = None,
    format_: Annotated[PlaylistFormat, typer.Option("--format", help="How to print it.")] = PlaylistFormat.TEXT,
) -> None:
    """Show a user's mixtape."""
    from recommenders.playlists.mixtape import read_mixtape

    with open_store(Settings()) as store, store.begin() as connection:
        mixtape = read_mixtape(connection, user, date_of(week, "--week"))
    if format_ is PlaylistFormat.TEXT:
        from recommenders.exchange.terminal import mixtape_table

        console().print(mixtape_table(mixtape))
    else:
        sys.stdout.write(_as_file(mixtape, format_))


def _as_file(mixtape: Any, file_format: PlaylistFormat) -> str:
    from dataclasses import asdict

    from recommenders.exchange import playlist_files

    match file_format:
        case PlaylistFormat.JSON:
            return json.dumps(asdict(mixtape), default=str, ensure_ascii=False, indent=2) + "\n"
        case PlaylistFormat.JSPF:
            return json.dumps(playlist_files.to_jspf(mixtape), ensure_ascii=False, indent=2) + "\n"
        case PlaylistFormat.XSPF:
            return playlist_files.to_xspf(mixtape).decode() + "\n"
        case _:
            return playlist_files.to_m3u8(mixtape)


@app.command()
def similar(
    name: Annotated[str, typer.Argument(metavar="USER|TRACK", help="A user or a track, by the service's own id.")],
    by: Annotated[Model, typer.Option(help="The model that is asked.")] = Model.COLLABORATIVE,
    is_a: Annotated[Named | None, typer.Option("--is-a", help="Says which, where both have this id.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many to show.")] = 10,
) -> None:
    """Show the nearest users to a user, or the nearest tracks to a track."""
    from recommenders.collaborative.neighbours import similar_tracks, similar_users
    from recommenders.exchange.terminal import plain_table

    settings = Settings()
    with open_store(settings) as store, store.begin() as connection:
        if (is_a or _what_is(connection, name)) is Named.USER:
            found = similar_users(connection, open_artifacts(settings), name, now(), count)
        else:
            found = similar_tracks(connection, open_artifacts(settings), name, count)
    console().print(plain_table(("id", "name", "cosine"), ((n.outside_id, n.name, n.cosine) for n in found)))


def _what_is(connection: Any, name: str) -> Named:
    """Whether `name` is a user or a track; raises UnknownNameError when it is neither, or both."""
    from recommenders.store.names import track_of
    from recommenders.store.users import get_user

    found = []
    for kind, look_up in ((Named.USER, get_user), (Named.TRACK, track_of)):
        try:
            look_up(connection, name)
            found.append(kind)
        except UnknownNameError:
            continue
    if len(found) != 1:
        raise UnknownNameError(
            f"{name!r} is both a user and a track: say which with --is-a."
            if found
            else f"The service has no user and no track {name!r}."
        )
    return found[0]


@app.command()
def why(
    user: Annotated[str, typer.Argument(help="A user, by the service's own id.")],
    track: Annotated[str, typer.Argument(help="A track, by the service's own id.")],
    week: Annotated[str | None, typer.Option(help="The Monday of a week, YYYY-MM-DD; the newest by default.")] = None,
) -> None:
    """Explain why a track is, or is not, on a user's mixtape."""
    from recommenders.playlists.why import why as explain

    settings = Settings()
    with open_store(settings) as store, store.begin() as connection:
        explanation = explain(connection, open_artifacts(settings), user, track, date_of(week, "--week"))
    for line in explanation.lines:
        console().print(line, markup=False, highlight=False)


@app.command()
def plot(
    track: Annotated[str, typer.Argument(help="A track, by the service's own id, or an audio file.")],
    out: Annotated[Path | None, typer.Option(help="The picture to write. [TRACK.png]")] = None,
    start: Annotated[float | None, typer.Option(help="Second at which it begins. [near the middle]", min=0)] = None,
) -> None:
    """Draw half a minute of a track's analysis: loudness, pitches, timbre, beats, sections."""
    from recommenders.audio.plot import draw

    file = Path(track)
    if file.is_file():
        from recommenders.audio.listening import listen

        title, analysis = file.stem, listen(file).analysis
    else:
        from recommenders.audio.plot import stored

        with open_store(Settings()) as store, store.begin() as connection:
            title, analysis = stored(connection, track)
    target = out or Path(f"{file.stem if file.is_file() else track}.png")
    target.write_bytes(draw(analysis, title, start))
    console().print(f"Wrote {target}.", markup=False, highlight=False)
