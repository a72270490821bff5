"""`mixtape taste`: what of a user's listening does not count as their taste, and what may be somebody else's."""

import datetime as dt
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from recommenders.cli.common import app, console, now, open_store, plain
from recommenders.errors import ConfigurationError
from recommenders.settings import Settings


@app.command()
def taste(
    user: Annotated[str, typer.Argument(help="A user, by the service's own id.")],
    exclude_device: Annotated[str | None, typer.Option(help="What was played on this device does not count.")] = None,
    exclude_context: Annotated[str | None, typer.Option(help="What was played in this context does not count.")] = None,
    exclude_track: Annotated[str | None, typer.Option(help="This track does not count; by the service's id.")] = None,
    exclude_artist: Annotated[str | None, typer.Option(help="This artist does not count; by name or id.")] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="What was played from this moment on: YYYY-MM-DD, or YYYY-MM-DDTHH:MM.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="What was played before this moment, likewise.")] = None,
    accept: Annotated[int | None, typer.Option(help="Make the proposal of this number an exclusion.")] = None,
    decline: Annotated[int | None, typer.Option(help="It is the user's own taste: never propose it again.")] = None,
    reopen: Annotated[int | None, typer.Option(help="Leave the proposal of this number undecided again.")] = None,
    undo: Annotated[int | None, typer.Option(help="Take the exclusion of this number back.")] = None,
) -> None:
    """Show what does not count as a user's own taste, and decide. What is given to be excluded makes one exclusion,
    of listening that fits all of it, whenever it was."""
    from recommenders.store import taste as store_taste
    from recommenders.store.users import get_user

    settings = Settings()
    moment = now()
    with open_store(settings) as store, store.begin() as connection:
        user_id = get_user(connection, user).user_id
        what = {
            "device": exclude_device,
            "context": exclude_context,
            "from_at": _moment_of(from_, "--from", settings.zone),
            "until_at": _moment_of(until, "--until", settings.zone),
            "track_id": _track(connection, exclude_track),
            "artist_id": _artist(connection, exclude_artist),
        }
        if any(value is not None for value in what.values()):
            store_taste.exclude(connection, user_id, moment, **what)
        for decide, number in (
            (store_taste.accept, accept),
            (store_taste.decline, decline),
            (store_taste.reopen, reopen),
            (store_taste.undo, undo),
        ):
            if number is not None:
                decide(connection, user_id, number, moment)
        proposals = store_taste.proposals_of(connection, user_id)
        exclusions = store_taste.exclusions_of(connection, user_id, moment)
    _show(user, proposals, exclusions, settings.zone)


def _show(user: str, proposals: list[Any], exclusions: list[Any], zone: ZoneInfo) -> None:
    from recommenders.exchange.terminal import plain_table
    from recommenders.store import taste_words as words

    screen = console()
    if not proposals and not exclusions:
        screen.print(f"All listening of {plain(user)} counts as their own taste.", highlight=False)
    if exclusions:
        screen.print(
            plain_table(
                ("exclusion", "does not count", "plays"),
                ((x.exclusion_id, words.exclusion(x, zone), x.plays) for x in exclusions),
            )
        )
    if proposals:
        screen.print(
            plain_table(
                ("proposal", "state", "looks like", "where", "plays", "days", "most played"),
                (
                    (
                        p.proposal_id,
                        p.state,
                        words.looks_like(p),
                        words.place(p, zone),
                        int(p.evidence["plays"]),
                        int(p.evidence["days"]),
                        ", ".join(p.artists[:3]),
                    )
                    for p in proposals
                ),
            )
        )
    for proposal in proposals:
        if proposal.state == "proposed":
            screen.print(f"{proposal.proposal_id}: {plain(' '.join(words.reasons(proposal, zone)))}", highlight=False)


def _moment_of(text: str | None, option: str, zone: ZoneInfo) -> dt.datetime | None:
    """The moment that an option gives, on the service's clocks; raises ConfigurationError when it is none."""
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(
            f"{option} {text}: give a day as YYYY-MM-DD, or a moment as YYYY-MM-DDTHH:MM."
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _track(connection: Any, name: str | None) -> int | None:
    from recommenders.store.names import track_of

    return None if name is None else track_of(connection, name)


def _artist(connection: Any, name: str | None) -> int | None:
    from recommenders.catalogue.names import name_key
    from recommenders.store.spaces import artist_of

    return None if name is None else artist_of(connection, name, name_key(name))
