"""Commands that run the service: up, down, demo, run, status, settings."""

from typing import Annotated

import typer

from recommenders.cli.common import EXIT_BROKEN, app, console, json_object, masked, now, plain
from recommenders.settings import Settings


@app.command()
def up() -> None:
    """Start Postgres and Airflow, unless they run, and say where the web UI is."""
    from recommenders.runtime.airflow import up as start
    from recommenders.runtime.demo import login_lines

    screen = console()
    screen.print(login_lines(start(Settings(), lambda step: screen.print(f"{step} ...", style="dim"))))


@app.command()
def down() -> None:
    """Stop Airflow and the embedded Postgres; everything stored stays."""
    from recommenders.runtime.airflow import down as stop

    stopped = stop(Settings())
    console().print(f"Stopped {' and '.join(stopped)}." if stopped else "Nothing was running.")


@app.command()
def demo() -> None:
    """Start everything, load the demo's data, run the DAGs over Airflow's API, show one mixtape."""
    from recommenders.runtime.demo import run_demo

    run_demo(Settings(), console())


@app.command()
def run(
    dag_id: Annotated[str, typer.Argument(help="The DAG, for instance monday_playlists.")],
    conf: Annotated[str, typer.Option(help="Its params, as a JSON object.")] = "{}",
) -> None:
    """Run one DAG in the foreground, without a scheduler; exit code 1 when it fails."""
    from recommenders.runtime.airflow import run_in_foreground

    if not run_in_foreground(Settings(), dag_id, json_object(conf)):
        raise typer.Exit(EXIT_BROKEN)


@app.command()
def status() -> None:
    """Say what is in the store, how old each input is and what is broken; exit code 1 when something is broken."""
    from recommenders.exchange.terminal import status_table
    from recommenders.runtime.health import check

    settings = Settings()
    found = check(settings, now())
    screen = console()
    if found.service:
        screen.print(status_table(found.service, settings.zone))
    for sentence in found.broken:
        screen.print(f"[red]broken[/]  {plain(sentence)}", highlight=False)
    for sentence in found.alarms:
        screen.print(f"[yellow]alarm[/]   {plain(sentence)}", highlight=False)
    for sentence in found.stale:
        screen.print(f"[yellow]stale[/]   {plain(sentence)}", highlight=False)
    if found.broken:
        raise typer.Exit(EXIT_BROKEN)
    if not (found.alarms or found.stale):
        screen.print("[green]All is well.[/]")


@app.command()
def settings() -> None:
    """Print every setting with its value, where it comes from and what it means."""
    from recommenders.exchange.terminal import plain_table

    current = Settings()
    rows = []
    for name, field in type(current).model_fields.items():
        given = name in current.model_fields_set
        value = getattr(current, name)
        rows.append(
            (f"MIXTAPE_{name.upper()}", masked(value), "environment" if given else "default", field.description)
        )
    console().print(plain_table(("setting", "value", "source", "what it means"), rows))
