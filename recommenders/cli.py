"""The command line: `mixtape`. Each command calls one function of the area that owns what it does."""

import datetime as dt
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console

from recommenders.errors import ConfigurationError, MixtapeError, UnknownNameError
from recommenders.settings import Settings

if TYPE_CHECKING:
    from recommenders.exchange.imports import ImportReport
    from recommenders.store import Store

app = typer.Typer(
    help="Monday Mixtape: every Monday, thirty unheard songs for every listener of a music service.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
PIPE_WIDTH = 160
EXIT_BROKEN = 1
EXIT_ERROR = 2


class ImportKind(StrEnum):
    """What a file to import holds."""

    USERS = "users"
    CATALOGUE = "catalogue"
    LISTENING = "listening"


class FileFormat(StrEnum):
    """How a file to import is written."""

    OWN = "own"
    HETREC = "hetrec"


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


class Bench(StrEnum):
    """A benchmark."""

    QUALITY = "quality"
    IMPORT = "import"
    RETRAIN = "retrain"
    MONDAY = "monday"
    AUDIO = "audio"
    COLDSTART = "coldstart"
    FAULTS = "faults"


class BenchData(StrEnum):
    """What the quality benchmark runs on."""

    DEMO = "demo"
    HETREC = "hetrec"


class Named(StrEnum):
    """What a name stands for."""

    USER = "user"
    TRACK = "track"


def main() -> None:
    """The entry point: an error of ours is one line on stderr and exit code 2."""
    try:
        app()
    except MixtapeError as error:
        sys.exit(_complain(str(error)))
    except ValidationError as error:
        sys.exit(_complain("; ".join(_setting_problem(problem) for problem in error.errors())))


@app.command()
def up() -> None:
    """Start Postgres and Airflow, unless they run, and say where the web UI is."""
    from recommenders.runtime.airflow import up as start
    from recommenders.runtime.demo import login_lines

    console = _console()
    console.print(login_lines(start(Settings(), lambda step: console.print(f"{step} ...", style="dim"))))


@app.command()
def down() -> None:
    """Stop Airflow and the embedded Postgres; everything stored stays."""
    from recommenders.runtime.airflow import down as stop

    stopped = stop(Settings())
    _console().print(f"Stopped {' and '.join(stopped)}." if stopped else "Nothing was running.")


@app.command()
def demo() -> None:
    """Start everything, load the demo's data, run the three DAGs over Airflow's API, show one mixtape."""
    from recommenders.runtime.demo import run_demo

    run_demo(Settings(), _console())


@app.command("import")
def import_(
    kind: Annotated[ImportKind, typer.Argument(help="What the files hold.")],
    path: Annotated[Path, typer.Argument(help="A file, or a folder of files.", exists=True)],
    format_: Annotated[FileFormat, typer.Option("--format", help="How the files are written.")] = FileFormat.OWN,
) -> None:
    """Bring users, a catalogue or listening in; importing the same again adds nothing."""
    from recommenders.exchange.imports import import_path
    from recommenders.exchange.terminal import plain_table

    with _store(Settings(), migrate=True) as store:
        reports = import_path(store, kind, path, file_format=format_, now=_now())
    console = _console()
    console.print(
        plain_table(
            ("kind", "file", "rows", "new", "set aside", "seconds", "rows/s"),
            ((r.kind, r.source, r.rows_read, r.rows_new, r.rows_rejected, r.seconds, _rate(r)) for r in reports),
        )
    )
    for report in reports:
        for reason, count in report.rejected_by_reason.items():
            console.print(f"{report.source}: {count:,} rows set aside: {reason}", highlight=False)


@app.command()
def identify(
    file: Annotated[Path, typer.Argument(help="A file of audio.", exists=True)],
) -> None:
    """Name the recording that a file holds, in whatever format, or cut; exit code 1 when it is none that is known."""
    from recommenders.exchange.identification import identify as identify_file
    from recommenders.exchange.terminal import plain_table

    with _store(Settings()) as store:
        found = identify_file(store, file)
    if not found:
        _console().print("No known recording sounds like this one.")
        raise typer.Exit(EXIT_BROKEN)
    rows = ((m.outside_id, m.name, "same" if m.same else "alike", f"{m.agreement:.1%}", m.offset_s) for m in found)
    _console().print(plain_table(("id", "name", "recording", "agreement", "begins at (s)"), rows))


@app.command()
def run(
    dag_id: Annotated[str, typer.Argument(help="The DAG, for instance monday_playlists.")],
    conf: Annotated[str, typer.Option(help="Its params, as a JSON object.")] = "{}",
) -> None:
    """Run one DAG in the foreground, without a scheduler; exit code 1 when it fails."""
    from recommenders.runtime.airflow import run_in_foreground

    if not run_in_foreground(Settings(), dag_id, _json_object(conf)):
        raise typer.Exit(EXIT_BROKEN)


@app.command()
def playlist(
    user: Annotated[str, typer.Argument(help="A user, by the service's own id.")],
    week: Annotated[str | None, typer.Option(help="The Monday of a week, YYYY-MM-DD; the newest by default.")] = None,
    format_: Annotated[PlaylistFormat, typer.Option("--format", help="How to print it.")] = PlaylistFormat.TEXT,
) -> None:
    """Show a user's mixtape."""
    from recommenders.playlists.mixtape import read_mixtape

    with _store(Settings()) as store, store.begin() as connection:
        mixtape = read_mixtape(connection, user, _date(week))
    if format_ is PlaylistFormat.TEXT:
        from recommenders.exchange.terminal import mixtape_table

        _console().print(mixtape_table(mixtape))
    else:
        sys.stdout.write(_as_file(mixtape, format_))


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
    with _store(settings) as store, store.begin() as connection:
        if (is_a or _what_is(connection, name)) is Named.USER:
            found = similar_users(connection, _artifacts(settings), name, _now(), count)
        else:
            found = similar_tracks(connection, _artifacts(settings), name, count)
    _console().print(plain_table(("id", "name", "cosine"), ((n.outside_id, n.name, n.cosine) for n in found)))


@app.command()
def why(
    user: Annotated[str, typer.Argument(help="A user, by the service's own id.")],
    track: Annotated[str, typer.Argument(help="A track, by the service's own id.")],
    week: Annotated[str | None, typer.Option(help="The Monday of a week, YYYY-MM-DD; the newest by default.")] = None,
) -> None:
    """Explain why a track is, or is not, on a user's mixtape."""
    from recommenders.playlists.why import why as explain

    settings = Settings()
    with _store(settings) as store, store.begin() as connection:
        explanation = explain(connection, _artifacts(settings), user, track, _date(week))
    for line in explanation.lines:
        _console().print(line, markup=False, highlight=False)


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

        with _store(Settings()) as store, store.begin() as connection:
            title, analysis = stored(connection, track)
    target = out or Path(f"{file.stem if file.is_file() else track}.png")
    target.write_bytes(draw(analysis, title, start))
    _console().print(f"Wrote {target}.", markup=False, highlight=False)


@app.command()
def status() -> None:
    """Say what is in the store, how old each input is and what is broken; exit code 1 when something is broken."""
    from recommenders.exchange.terminal import status_table
    from recommenders.runtime.health import check

    settings = Settings()
    found = check(settings, _now())
    console = _console()
    if found.service:
        console.print(status_table(found.service, settings.zone))
    for sentence in found.broken:
        console.print(f"[red]broken[/]  {_plain(sentence)}", highlight=False)
    for sentence in found.stale:
        console.print(f"[yellow]stale[/]   {_plain(sentence)}", highlight=False)
    if found.broken:
        raise typer.Exit(EXIT_BROKEN)
    if not found.stale:
        console.print("[green]All is well.[/]")


@app.command()
def bench(
    name: Annotated[Bench, typer.Argument(help="Which benchmark.")] = Bench.QUALITY,
    data: Annotated[BenchData, typer.Option(help="quality: what it runs on.")] = BenchData.DEMO,
    seeds: Annotated[str, typer.Option(help="Seeds, separated by commas; one run for each.")] = "1",
    only: Annotated[str, typer.Option(help="faults: those that fit: *Postgres*, monday*.")] = "*",
    users: Annotated[
        int | None, typer.Option(help="Users of the invented service. [100,000; coldstart: 600]", min=20)
    ] = None,
    tracks: Annotated[int | None, typer.Option(help="Its tracks. [100,000; coldstart: 3,000]", min=260)] = None,
    events: Annotated[int | None, typer.Option(help="Speed: its plays. [50 a user; import: 10]", min=10_000)] = None,
    rounds: Annotated[int, typer.Option(help="Speed: times that everything is measured.", min=1)] = 3,
    recordings: Annotated[
        Path | None, typer.Option("--audio", help="audio: a folder of recordings. [the test data's]", exists=True)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Run a benchmark. quality: recall@30 and nDCG@30 on held-out listening, of the model and of what is published.
    coldstart: whether songs that nobody has played find their listeners by their sound. import, retrain, monday, audio:
    speed and memory, against the bare library in the same run. faults: kill, fill and lose what can be, with a seed;
    exit code 1 unless the same mixtapes are published each time.
    """
    from recommenders.runtime.scratch import scratch

    numbers = _seeds(seeds)
    if name is Bench.FAULTS:
        _bench_faults(numbers[0], only, as_json)
        return
    if name is Bench.AUDIO:
        _bench_audio(recordings, rounds, as_json)
        return
    settings = Settings()
    with scratch(settings) as (new_store, folder):
        if name is Bench.QUALITY:
            from recommenders.benchmarks.quality import run as measure_quality

            found = measure_quality(
                data,
                numbers,
                new_store=new_store,
                folder=folder,
                test_data=settings.test_data,
                progress=_say,
            )
        elif name is Bench.COLDSTART:
            from recommenders.benchmarks.coldstart import run as sing

            found = sing(
                numbers,
                new_store=new_store,
                folder=folder,
                users=users or 600,
                tracks=tracks or 3000,
                progress=_say,
            )
        else:
            from recommenders.benchmarks import imports, monday, retrain
            from recommenders.benchmarks.world import Size

            measure = {Bench.IMPORT: imports.run, Bench.RETRAIN: retrain.run, Bench.MONDAY: monday.run}[name]
            users, tracks = users or 100_000, tracks or 100_000
            plays = events or users * (10 if name is Bench.IMPORT else 50)
            found = measure(new_store, folder, Size(users, tracks, plays, numbers[0]), rounds, _say)
    print(found.as_json() if as_json else found.table())


def _say(step: str) -> None:
    print(step, file=sys.stderr, flush=True)


def _bench_audio(recordings: Path | None, rounds: int, as_json: bool) -> None:
    import tempfile

    from recommenders.benchmarks.audio import run as listen

    with tempfile.TemporaryDirectory(prefix="mixtape-bench-") as folder:
        found = listen(recordings or Settings().test_data / "audio", Path(folder), rounds, progress=_say)
    print(found.as_json() if as_json else found.table())


def _bench_faults(seed: int, only: str, as_json: bool) -> None:
    import signal

    from recommenders.runtime.faults.bench import run as strike

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what it has started is stopped in any case
    found = strike(seed, only, _say)
    print(found.as_json() if as_json else found.table())
    if found.figures["equal"] < found.figures["faults"]:
        raise typer.Exit(EXIT_BROKEN)


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
            (f"MIXTAPE_{name.upper()}", _masked(value), "environment" if given else "default", field.description)
        )
    _console().print(plain_table(("setting", "value", "source", "what it means"), rows))


def _rate(report: "ImportReport") -> int:
    """Rows a second."""
    return round(report.rows_read / max(report.seconds, 1e-6))


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=PIPE_WIDTH)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@contextmanager
def _store(settings: Settings, migrate: bool = False) -> "Iterator[Store]":
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


def _artifacts(settings: Settings) -> Any:
    from recommenders.store import Artifacts

    return Artifacts(settings.artifacts)


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


def _date(text: str | None) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError as error:
        raise ConfigurationError(f"--week {text}: give the Monday of a week as YYYY-MM-DD.") from error


def _seeds(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise ConfigurationError(f"--seeds {text}: give whole numbers, separated by commas.") from error


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"--conf is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise ConfigurationError('--conf wants a JSON object, for instance \'{"week": "2026-03-02"}\'.')
    return value


def _masked(value: object) -> str:
    """`value` as text, without the password of a URL."""
    return "" if value is None else re.sub(r"(://[^/@]*?:)[^@]*@", r"\1***@", str(value))


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _setting_problem(problem: Any) -> str:
    name = "_".join(map(str, problem["loc"])).upper()
    return f"MIXTAPE_{name}: {problem['msg']}, not {problem['input']!r}"


def _complain(message: str) -> int:
    print(f"mixtape: {message}", file=sys.stderr)
    return EXIT_ERROR
