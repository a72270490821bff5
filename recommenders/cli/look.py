"""Commands that show what the service knows: playlist, similar, terms, why, report, plot."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from recommenders.cli.common import app, console, date_of, now, open_artifacts, open_store, plain
from recommenders.errors import ConfigurationError, NotEnoughDataError, UnknownNameError
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
    TEXT = "text"
    AUDIO = "audio"
    ALL = "all"


class Named(StrEnum):
    """What a name stands for."""

    USER = "user"
    TRACK = "track"
    ARTIST = "artist"


class TermKind(StrEnum):
    """What a term is."""

    WORD = "word"
    PAIR = "pair"
    PHRASE = "phrase"
    ADJECTIVE = "adjective"
    ARTIST = "artist"


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
    name: Annotated[
        str,
        typer.Argument(
            metavar="USER|TRACK|ARTIST",
            help="A user, a track or an artist, by the service's own id; an artist by name.",
        ),
    ],
    by: Annotated[Model, typer.Option(help="The model that is asked; users are compared by listening only.")] = (
        Model.COLLABORATIVE
    ),
    is_a: Annotated[Named | None, typer.Option("--is-a", help="Says which, where several have this id.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many to show.")] = 10,
) -> None:
    """Show the nearest users to a user, the nearest tracks to a track, or the nearest artists to an artist."""
    from recommenders.collaborative.neighbours import similar_tracks, similar_users
    from recommenders.exchange.terminal import plain_table

    settings = Settings()
    with open_store(settings) as store, store.begin() as connection:
        what = is_a or _what_is(connection, name)
        if what is Named.ARTIST or (what is Named.TRACK and by is not Model.COLLABORATIVE):
            table = _alike(connection, name, what, by, count)
        elif by is not Model.COLLABORATIVE:
            raise ConfigurationError(f"Users are compared by listening only, not by {by}: leave --by away.")
        else:
            found = (
                similar_users(connection, open_artifacts(settings), name, now(), count)
                if what is Named.USER
                else similar_tracks(connection, open_artifacts(settings), name, count)
            )
            table = plain_table(("id", "name", "cosine"), ((n.outside_id, n.name, n.cosine) for n in found))
    console().print(table)


def _alike(connection: Any, name: str, what: Named, by: Model, count: int) -> Any:
    """The artists or tracks most like one, as a table: with the cosine of each model, where several were asked."""
    from recommenders.exchange.terminal import plain_table
    from recommenders.language.similarity import WEIGHTS, By, similar
    from recommenders.language.terms import EntityKind
    from recommenders.store.names import track_of

    entity_id = _artist_id(connection, name) if what is Named.ARTIST else track_of(connection, name)
    found = similar(connection, EntityKind(what.value), entity_id, By(by.value), count)
    marks = ("text of",) if any(one.inherited for one in found) else ()
    asked = [one for one in WEIGHTS if by is Model.ALL]
    columns = ("id", "name", "score" if by is Model.ALL else "cosine", *asked, *marks)
    rows = [
        [one.outside_id, one.name, one.score]
        + [f"{one.cosines[model]:.3f}" if model in one.cosines else "" for model in asked]
        + ["its artist" if one.inherited else "its own" for _ in marks]
        for one in found
    ]
    return plain_table(columns, rows)


def _artist_id(connection: Any, name: str) -> int:
    from recommenders.catalogue.names import name_key
    from recommenders.store.spaces import artist_of

    return artist_of(connection, name, name_key(name))


def _what_is(connection: Any, name: str) -> Named:
    """Whether `name` is a user, a track or an artist; raises UnknownNameError when it is none, or several."""
    from recommenders.store.names import track_of
    from recommenders.store.users import get_user

    found = []
    for kind, look_up in ((Named.USER, get_user), (Named.TRACK, track_of), (Named.ARTIST, _artist_id)):
        try:
            look_up(connection, name)
            found.append(kind)
        except UnknownNameError:
            continue
    if len(found) != 1:
        raise UnknownNameError(
            f"{name!r} is the name of a {' and of a '.join(found)}: say which with --is-a."
            if found
            else f"The service has no user, no track and no artist {name!r}."
        )
    return found[0]


@app.command()
def terms(
    artist: Annotated[str, typer.Argument(help="An artist, by name or by the service's own id; a track by its id.")],
    is_a: Annotated[Named, typer.Option("--is-a", help="What has this name: artist or track.")] = Named.ARTIST,
    as_of: Annotated[str | None, typer.Option(help="The day that is asked about, YYYY-MM-DD. [today]")] = None,
    kind: Annotated[TermKind | None, typer.Option(help="Only terms of this kind. [all]")] = None,
    rising: Annotated[bool, typer.Option("--rising", help="What is said more than a week before.")] = False,
    count: Annotated[int, typer.Option(min=1, help="How many to show.")] = 20,
) -> None:
    """Show in which words an artist or a track is described, heaviest first."""
    from recommenders.exchange.terminal import plain_table
    from recommenders.language.weighing import rising_terms
    from recommenders.store.names import track_of
    from recommenders.store.top_terms import top_terms

    if is_a is Named.USER:
        raise ConfigurationError("Nobody writes about users: --is-a artist or track.")
    settings = Settings()
    day = date_of(as_of, "--as-of") or now().astimezone(settings.zone).date()
    with open_store(settings) as store, store.begin() as connection:
        entity_id = track_of(connection, artist) if is_a is Named.TRACK else _artist_id(connection, artist)
        columns: tuple[str, ...]
        rows: list[tuple[Any, ...]]
        if rising:
            risen = rising_terms(connection, is_a, entity_id, day, count, kinds=[kind] if kind else [])
            columns, rows = ("term", "kind", "gain", "weight"), [(t.term, t.kind, t.gain, t.weight) for t in risen]
        else:
            top = top_terms(connection, is_a, entity_id, day, [kind] if kind else [], count)
            columns, rows = ("term", "kind", "weight"), [(t.term, t.kind, t.weight) for t in top]
    if not rows:
        raise NotEnoughDataError(
            f"Nothing {'new ' if rising else ''}was said of {artist} up to {day}. The DAG crawl_blogs reads the blogs."
        )
    console().print(plain_table(columns, rows))


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
def report(
    week: Annotated[
        str | None, typer.Option(help="The Monday of a week, YYYY-MM-DD; the newest that is over by default.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Show what became of a week's mixtapes: reach, depth, retention, who wins a trial, and what is alarming."""
    from dataclasses import asdict

    from recommenders.exchange.terminal import report_table, trial_table
    from recommenders.store.reports import report_of

    settings = Settings()
    with open_store(settings) as store, store.begin() as connection:
        found = report_of(connection, date_of(week, "--week"))
    if as_json:
        sys.stdout.write(json.dumps(asdict(found), default=str, ensure_ascii=False, indent=2) + "\n")
        return
    screen = console()
    screen.print(report_table(found, settings.zone))
    if trial := trial_table(found):
        screen.print(trial)
    for alarm in found.alarms:
        screen.print(f"[yellow]alarm[/]   {plain(alarm)}", highlight=False)


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
