"""Commands that bring data in, or name what is in a file: import, identify."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommenders.cli.common import EXIT_BROKEN, app, console, now, open_store
from recommenders.settings import Settings

if TYPE_CHECKING:
    from recommenders.exchange.imports import ImportReport


class ImportKind(StrEnum):
    """What a file to import holds."""

    USERS = "users"
    CATALOGUE = "catalogue"
    LISTENING = "listening"
    TAGS = "tags"
    BIOGRAPHIES = "biographies"
    ARTICLES = "articles"
    EDITORIAL = "editorial"


class FileFormat(StrEnum):
    """How a file to import is written."""

    OWN = "own"
    HETREC = "hetrec"


@app.command("import")
def import_(
    kind: Annotated[ImportKind, typer.Argument(help="What the files hold.")],
    path: Annotated[Path, typer.Argument(help="A file, or a folder of files.", exists=True)],
    format_: Annotated[FileFormat, typer.Option("--format", help="How the files are written.")] = FileFormat.OWN,
) -> None:
    """Bring a catalogue, users, listening, what is written about music, or curators' lists in; again adds nothing."""
    from recommenders.exchange.imports import import_path
    from recommenders.exchange.terminal import plain_table

    with open_store(Settings(), migrate=True) as store:
        reports = import_path(store, kind, path, file_format=format_, now=now())
    screen = console()
    screen.print(
        plain_table(
            ("kind", "file", "rows", "new", "set aside", "seconds", "rows/s"),
            ((r.kind, r.source, r.rows_read, r.rows_new, r.rows_rejected, r.seconds, _rate(r)) for r in reports),
        )
    )
    for report in reports:
        for reason, count in report.rejected_by_reason.items():
            screen.print(f"{report.source}: {count:,} rows set aside: {reason}", highlight=False)


def _rate(report: "ImportReport") -> int:
    """Rows a second."""
    return round(report.rows_read / max(report.seconds, 1e-6))


@app.command()
def identify(
    file: Annotated[Path, typer.Argument(help="A file of audio.", exists=True)],
) -> None:
    """Name the recording that a file holds, in whatever format, or cut; exit code 1 when it is none that is known."""
    from recommenders.exchange.identification import identify as identify_file
    from recommenders.exchange.terminal import plain_table

    with open_store(Settings()) as store:
        found = identify_file(store, file)
    if not found:
        console().print("No known recording sounds like this one.")
        raise typer.Exit(EXIT_BROKEN)
    rows = ((m.outside_id, m.name, "same" if m.same else "alike", f"{m.agreement:.1%}", m.offset_s) for m in found)
    console().print(plain_table(("id", "name", "recording", "agreement", "begins at (s)"), rows))
