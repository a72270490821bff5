"""What the commands share: the app, the console, the store, how arguments are read and errors told."""

import datetime as dt
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

from recommenders.errors import ConfigurationError
from recommenders.settings import Settings

if TYPE_CHECKING:
    from recommenders.store import Artifacts, Store

app = typer.Typer(
    help="Monday Mixtape: every Monday, thirty unheard songs for every listener of a music service.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
PIPE_WIDTH = 160
EXIT_BROKEN = 1
EXIT_ERROR = 2


def say(step: str) -> None:
    """Tell the progress of long work, where it does not mix with what is printed."""
    print(step, file=sys.stderr, flush=True)


def console() -> Console:
    """Standard output; wide where nobody looks at it directly."""
    here = Console()
    return here if here.is_terminal else Console(width=PIPE_WIDTH)


def now() -> dt.datetime:
    """The moment that a command is about."""
    return dt.datetime.now(dt.UTC)


@contextmanager
def open_store(settings: Settings, migrate: bool = False) -> "Iterator[Store]":
    """The store of the settings, starting the embedded Postgres where that is the one."""
    from recommenders.runtime.postgres import database_url
    from recommenders.store import Store

    store = Store(database_url(settings))
    try:
        if migrate:
            store.migrate()
        yield store
    finally:
        store.close()


def open_artifacts(settings: Settings) -> "Artifacts":
    """The artifacts folder of the settings."""
    from recommenders.store import Artifacts

    return Artifacts(settings.artifacts)


def date_of(text: str | None, option: str) -> dt.date | None:
    """The date that an option gives; raises ConfigurationError when it is none."""
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError as error:
        raise ConfigurationError(f"{option} {text}: give a day as YYYY-MM-DD.") from error


def seeds_of(text: str) -> list[int]:
    """The seeds in "1,2,3"; raises ConfigurationError."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise ConfigurationError(f"--seeds {text}: give whole numbers, separated by commas.") from error


def json_object(text: str) -> dict[str, Any]:
    """The object in `text`; raises ConfigurationError when it is none."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"--conf is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise ConfigurationError('--conf wants a JSON object, for instance \'{"week": "2026-03-02"}\'.')
    return value


def plain(text: str) -> str:
    """`text` without meaning for the console."""
    from rich.markup import escape

    return escape(text)


def masked(value: object) -> str:
    """`value` as text, without the password of a URL."""
    return "" if value is None else re.sub(r"(://[^/@]*?:)[^@]*@", r"\1***@", str(value))


def setting_problem(problem: Any) -> str:
    """What is wrong with a setting."""
    name = "_".join(map(str, problem["loc"])).upper()
    return f"MIXTAPE_{name}: {problem['msg']}, not {problem['input']!r}"


def complain(message: str) -> int:
    """Tell an error in one line on stderr; the exit code for it."""
    print(f"mixtape: {message}", file=sys.stderr)
    return EXIT_ERROR
