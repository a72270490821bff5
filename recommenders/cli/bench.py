"""`mixtape bench NAME`: the benchmarks, each with options of its own."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommenders.cli.common import EXIT_BROKEN, app, say, seeds_of
from recommenders.settings import Settings

if TYPE_CHECKING:
    from recommenders.evaluation.bench import BenchResult


class BenchData(StrEnum):
    """What the quality benchmark runs on."""

    DEMO = "demo"
    HETREC = "hetrec"
    TAGS = "tags"


bench = typer.Typer(
    help="Measure quality, or speed and memory against the bare library in the same run. Without a name: quality."
)
app.add_typer(bench, name="bench", invoke_without_command=True)

Seeds = Annotated[str, typer.Option(help="Seeds, separated by commas; one run for each.")]
Rounds = Annotated[int, typer.Option(help="How many times everything is measured; the median counts.", min=1)]
Users = Annotated[int, typer.Option(help="Users of the invented service.", min=20)]
Tracks = Annotated[int, typer.Option(help="Its tracks.", min=260)]
Events = Annotated[int | None, typer.Option(help="Its plays. [50 a user; import: 10]", min=10_000)]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]


@bench.callback(invoke_without_command=True)
def whatever(context: typer.Context) -> None:
    """Measure quality, or speed and memory against the bare library in the same run. Without a name: quality."""
    if context.invoked_subcommand is None:
        quality()


@bench.command()
def quality(
    data: Annotated[BenchData, typer.Option(help="What it runs on.")] = BenchData.DEMO,
    seeds: Seeds = "1",
    hear: Annotated[
        bool,
        typer.Option("--audio/--no-audio", help="Whether the demo's songs are sung and heard; minutes a seed."),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Recall@30 and nDCG@30 on held-out listening: each model, the mix, what is published; with tags, of text."""
    from recommenders.audio.network import RetrainNetworkParams
    from recommenders.benchmarks import language_quality
    from recommenders.benchmarks.quality import run
    from recommenders.runtime.scratch import scratch

    numbers, settings = seeds_of(seeds), Settings()
    with scratch(settings) as (new_store, folder):
        network = RetrainNetworkParams() if hear and data is BenchData.DEMO else None
        measure = language_quality.run if data is BenchData.TAGS else partial(run, data, network=network)
        found = measure(numbers, new_store=new_store, folder=folder, test_data=settings.test_data, progress=say)
    _print(found, as_json)


@bench.command("import")
def import_(
    users: Users = 100_000,
    tracks: Tracks = 100_000,
    events: Events = None,
    seeds: Seeds = "1",
    rounds: Rounds = 3,
    as_json: AsJson = False,
) -> None:
    """Speed and memory of an import, against bare COPY."""
    _bench_speed("imports", users, tracks, events or users * 10, seeds, rounds, as_json)


@bench.command()
def retrain(
    users: Users = 100_000,
    tracks: Tracks = 100_000,
    events: Events = None,
    seeds: Seeds = "1",
    rounds: Rounds = 3,
    as_json: AsJson = False,
) -> None:
    """Speed and memory of a retraining, against one bare fit of `implicit`."""
    _bench_speed("retrain", users, tracks, events or users * 50, seeds, rounds, as_json)


@bench.command()
def monday(
    users: Users = 100_000,
    tracks: Tracks = 100_000,
    events: Events = None,
    seeds: Seeds = "1",
    rounds: Rounds = 3,
    as_json: AsJson = False,
) -> None:
    """Speed and memory of a Monday, against `recommend` of bare `implicit`."""
    _bench_speed("monday", users, tracks, events or users * 50, seeds, rounds, as_json)


def _bench_speed(name: str, users: int, tracks: int, events: int, seeds: str, rounds: int, as_json: bool) -> None:
    from recommenders.benchmarks import imports, monday, retrain
    from recommenders.benchmarks.world import Size
    from recommenders.runtime.scratch import scratch

    measure = {"imports": imports.run, "retrain": retrain.run, "monday": monday.run}[name]
    size = Size(users, tracks, events, seeds_of(seeds)[0])
    with scratch(Settings()) as (new_store, folder):
        found = measure(new_store, folder, size, rounds, say)
    _print(found, as_json)


@bench.command()
def audio(
    recordings: Annotated[
        Path | None, typer.Option("--audio", help="A folder of recordings. [the test data's]", exists=True)
    ] = None,
    rounds: Rounds = 3,
    as_json: AsJson = False,
) -> None:
    """Speed and memory of the analysis, against essentia's MusicExtractor."""
    import tempfile

    from recommenders.benchmarks.audio import run

    with tempfile.TemporaryDirectory(prefix="mixtape-bench-") as folder:
        found = run(recordings or Settings().test_data / "audio", Path(folder), rounds, progress=say)
    _print(found, as_json)


@bench.command()
def coldstart(
    users: Users = 600,
    tracks: Tracks = 3000,
    seeds: Seeds = "1",
    as_json: AsJson = False,
) -> None:
    """Whether songs that nobody has played find their listeners by their sound."""
    from recommenders.benchmarks.coldstart import run
    from recommenders.runtime.scratch import scratch

    numbers = seeds_of(seeds)
    with scratch(Settings()) as (new_store, folder):
        found = run(numbers, new_store=new_store, folder=folder, users=users, tracks=tracks, progress=say)
    _print(found, as_json)


@bench.command()
def crawl(
    pages: Annotated[int, typer.Option(help="Posts of the blog that is crawled.", min=20)] = 2_000,
    seeds: Seeds = "1",
    rounds: Rounds = 3,
    as_json: AsJson = False,
) -> None:
    """Pages a minute from a blog to stored articles, against `scrapy bench`; how politely, measured at the server."""
    from recommenders.benchmarks.crawl import run
    from recommenders.runtime.scratch import scratch

    with scratch(Settings()) as (new_store, folder):
        found = run(new_store, folder, pages, seeds_of(seeds)[0], rounds, say)
    _print(found, as_json)


@bench.command()
def language(
    articles: Annotated[int, typer.Option(help="Articles that are read.", min=10)] = 20_000,
    names: Annotated[int, typer.Option(help="The most names; there are 45,720 real ones.", min=1)] = 1_000_000,
    seeds: Seeds = "1",
    rounds: Rounds = 1,
    as_json: AsJson = False,
) -> None:
    """Articles a second from text to mentions, memory, and growth with the number of names."""
    import tempfile

    from recommenders.benchmarks.language import run

    with tempfile.TemporaryDirectory(prefix="mixtape-bench-") as folder:
        found = run(Path(folder), Settings().test_data, articles, names, seeds_of(seeds)[0], rounds, say)
    _print(found, as_json)


@bench.command()
def faults(
    seeds: Seeds = "1",
    only: Annotated[str, typer.Option(help="Those that fit: *Postgres*, monday*.")] = "*",
    as_json: AsJson = False,
) -> None:
    """Kill, fill and lose what can be, with a seed; exit code 1 unless the same mixtapes are published each time."""
    import signal

    from recommenders.runtime.faults.bench import run

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what it has started is stopped in any case
    found = run(seeds_of(seeds)[0], only, say)
    _print(found, as_json)
    if found.figures["equal"] < found.figures["faults"]:
        raise typer.Exit(EXIT_BROKEN)


def _print(found: "BenchResult", as_json: bool) -> None:
    print(found.as_json() if as_json else found.table())
