"""Commands about one listener's own dials: what they are, and what would be otherwise."""

import json
import sys
from typing import Annotated, Any

import typer

from recommenders.cli.common import app, console, date_of, now, open_artifacts, open_store, plain
from recommenders.errors import ConfigurationError, UnknownNameError
from recommenders.settings import Settings

_NAMES = ("adventurousness", "min_fresh", "length", "max_per_artist", "max_per_release")


@app.command()
def dials(
    user: Annotated[str, typer.Argument(help="A user, by the service's own id.")],
    adventurousness: Annotated[
        float | None, typer.Option(help="From -1, mostly artists that they play, to 1, mostly unknown ones.")
    ] = None,
    min_fresh: Annotated[
        int | None, typer.Option("--fresh", help="Places kept for fresh songs to their taste.")
    ] = None,
    length: Annotated[int | None, typer.Option(help="Songs on their mixtape, 5 to 100.")] = None,
    max_per_artist: Annotated[int | None, typer.Option("--per-artist", help="Most songs of any credited artist.")] = (
        None
    ),
    max_per_release: Annotated[int | None, typer.Option("--per-release", help="Most songs of one release.")] = None,
    never: Annotated[
        list[str] | None, typer.Option(metavar="TERM", help="Block what is called so, like christmas. Repeatable.")
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="TERM", help="End the block of a term. Repeatable.")
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Take back all dials that were set before.")] = False,
) -> None:
    """Show, or set, what a user's own mixtapes are to be like, from the next Monday on."""
    from recommenders.exchange.terminal import plain_table
    from recommenders.playlists.parameters import MixtapeRules
    from recommenders.store.blocks import block_term, blocked_terms, unblock_term
    from recommenders.store.dials import OwnDials, dials_of, set_dials
    from recommenders.store.users import get_user

    given = (adventurousness, min_fresh, length, max_per_artist, max_per_release)
    said = {name: value for name, value in zip(_NAMES, given, strict=True) if value is not None}
    with open_store(Settings()) as store, store.begin() as connection:
        user_id = get_user(connection, user).user_id
        own = OwnDials() if reset else dials_of(connection, user_id)
        if said or reset:
            own = _checked({**own.model_dump(), **said})
            set_dials(connection, user_id, own, now())
        for term in never or ():
            block_term(connection, user_id, term, now())
        for term in allow or ():
            if not unblock_term(connection, user_id, term, now()):
                raise UnknownNameError(f"{user} does not block {term!r}.")
        terms = blocked_terms(connection, user_id, now())
    defaults = MixtapeRules()
    rows = []
    for name in _NAMES:
        value = getattr(own, name)
        what = "as every week's run has it" if value is None else "their own"
        rows.append((name, str(getattr(defaults, name) if value is None else value), what))
    rows += [("never", term, "blocked") for term in terms]
    console().print(plain_table(("dial", "value", ""), rows))


@app.command()
def whatif(
    user: Annotated[str, typer.Argument(help="A user, by the service's own id.")],
    without: Annotated[
        list[str] | None, typer.Option(metavar="TRACK", help="Leave what they like of this track out. Repeatable.")
    ] = None,
    without_artist: Annotated[
        list[str] | None, typer.Option(metavar="ARTIST", help="Leave what they like of this artist out. Repeatable.")
    ] = None,
    dial: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help=f"Turn one of {', '.join(_NAMES)}. Repeatable."),
    ] = None,
    week: Annotated[str | None, typer.Option(help="The Monday of a week, YYYY-MM-DD; the newest by default.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Show a user's mixtape as it would be without some of their listening, or with other dials; nothing is stored."""
    from dataclasses import asdict

    from recommenders.catalogue.names import name_key
    from recommenders.exchange.comparison import whatif_table
    from recommenders.playlists.whatif import what_if
    from recommenders.store.spaces import artist_of

    settings = Settings()
    with open_store(settings) as store, store.begin() as connection:
        found = what_if(
            connection,
            open_artifacts(settings),
            user,
            without=without or (),
            without_artists=[artist_of(connection, name, name_key(name)) for name in without_artist or ()],
            dials=_checked(dict(map(_pair, dial or ()))),
            week=date_of(week, "--week"),
        )
    if as_json:
        sys.stdout.write(json.dumps(asdict(found), default=str, ensure_ascii=False, indent=2) + "\n")
        return
    screen = console()
    screen.print(whatif_table(found))
    for sign, moves in (("[red]-[/]", found.went), ("[green]+[/]", found.came)):
        for move in moves:
            screen.print(f"{sign} {plain(move.song.title)}: {plain(move.why)}", highlight=False)
    screen.print(
        f"{len(found.came)} come, {len(found.went)} go; found in {1000 * found.seconds:.0f} ms.", highlight=False
    )
    if not found.remade:
        screen.print(
            "[yellow]The published mixtape can't be made again exactly: listening, blocks or other weeks' mixtapes "
            "have changed since. Part of the difference is due to that.[/]"
        )


def _pair(text: str) -> tuple[str, Any]:
    """The name and the value in "name=value"; raises ConfigurationError."""
    name, _, value = text.partition("=")
    try:
        return name, float(value) if "." in value else int(value)
    except ValueError as error:
        raise ConfigurationError(f"--dial {text}: write a name and a number, like adventurousness=0.8.") from error


def _checked(values: dict[str, Any]) -> Any:
    """The dials of these values; raises ConfigurationError where there is none of a name, or a value is beyond it."""
    from pydantic import ValidationError

    from recommenders.store.dials import OwnDials

    try:
        return OwnDials(**values)
    except ValidationError as error:
        wrong = "; ".join(f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors())
        raise ConfigurationError(f"These dials can't be set: {wrong}. There are {', '.join(_NAMES)}.") from error
