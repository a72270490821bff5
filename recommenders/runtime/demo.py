"""`make demo`: from nothing to one listener's mixtape, through the real DAGs of a running Airflow.

The invented service sings while Airflow starts, and its blogs are read meanwhile. Its songs are heard before the models
are trained, its newest ones only when the audio network serves, as on a real Sunday; the ranker learns after both.
"""

import datetime as dt
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import fsspec
import numpy as np
from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table

from recommenders.demo import sound
from recommenders.demo.world import World, generate_world, write_world
from recommenders.errors import ConfigurationError, MixtapeError
from recommenders.exchange.imports import SETTLED_S
from recommenders.exchange.terminal import mixtape_table
from recommenders.playlists.mixtape import Mixtape, read_mixtape
from recommenders.runtime.airflow import Service, up
from recommenders.runtime.api import AirflowApi, RunState
from recommenders.runtime.blogs import add_blogs, plan_blogs, wait_for_blogs
from recommenders.runtime.postgres import database_url
from recommenders.settings import Settings
from recommenders.store import Store
from recommenders.store.users import find_users

IMPORT, CRAWL, HEAR = "import_listening", "crawl_blogs", "analyse_uploads"
RETRAIN, NETWORK, RANKER = "retrain_collaborative", "retrain_audio_network", "retrain_ranker"
MONDAY = "monday_playlists"
HETREC = "listening/hetrec2011-lastfm-2k"
HETREC_FILES = {"catalogue": "artists.dat", "listening": "user_artists.dat"}
RUN_WITHIN_S = 3600
ASSET_WITHIN_S = 60
POLL_S = 0.5
PLAIN_EVERY_S = 15
LOG_LINES_SHOWN = 20
SHOWCASE_AMONG = 50

Report = Callable[[RunState, float], None]


class RunFailedError(MixtapeError):
    """A DAG run ended badly; the message says which task, and shows the end of its log."""


def run_demo(settings: Settings, console: Console) -> None:
    """Bring everything up, load the demo's data, run the DAGs, show one mixtape; Airflow is left running.

    Raises RunFailedError for a DAG run that fails, ConfigurationError for what does not start or is not there.
    """
    console.print(f"[dim]Writing the {settings.demo_data} data into {settings.landing}[/]")
    started_at = dt.datetime.now(dt.UTC)
    fill_landing(settings, started_at)
    blogs = plan_blogs(settings, last_monday(settings, started_at)) if with_blogs(settings) else None
    settled_at = time.monotonic() + SETTLED_S  # an import leaves a file alone that was written to a moment ago
    with singing(settings, console) as songs:
        service = up(settings, lambda step: console.print(f"[dim]{step}[/]"))
        console.print(f"[dim]Airflow is up: {service.url}[/]")
        time.sleep(max(0.0, settled_at - time.monotonic()))
        store = Store(database_url(settings))
        try:
            if blogs:
                add_blogs(store, blogs, started_at)
                wait_for_blogs(blogs)
            _run(service.api(), console, settings, songs)
            console.print(mixtape_table(showcase(store)))
        finally:
            store.close()
    if blogs:
        console.print(f"[dim]The blogs it reads: {', '.join(url for url, _, _ in blogs.entries())}[/]")
    console.print(login_lines(service))


def with_blogs(settings: Settings) -> bool:
    """Whether the demo serves blogs, and reads them."""
    return settings.demo_data == "demo" and settings.demo_blogs


def fill_landing(settings: Settings, now: dt.datetime) -> None:
    """Put the files of `settings.demo_data` into the landing folder.

    They are made once for a MIXTAPE_HOME, of the weeks before the Monday before `now`, so that a second demo brings the
    very same listening.
    """
    if settings.demo_data == "hetrec":
        folder = settings.test_data / HETREC
        for kind, name in HETREC_FILES.items():
            if not (folder / name).exists():
                raise ConfigurationError(f"No {name} in {folder}: set MIXTAPE_TEST_DATA to where HetRec's data lies.")
            _land(folder / name, f"{settings.landing}/{kind}/hetrec/{name}")
    elif settings.demo_data == "demo":
        files = settings.home / "demo" / str(settings.demo_seed)
        if not files.exists():
            unfinished = files.with_suffix(".part")
            shutil.rmtree(unfinished, ignore_errors=True)
            write_world(generate_world(settings.demo_seed, last_monday(settings, now)), unfinished)
            unfinished.rename(files)
        for file in sorted(path for path in files.rglob("*") if path.is_file()):
            _land(file, f"{settings.landing}/{file.relative_to(files).as_posix()}")
    else:
        raise ConfigurationError(f"MIXTAPE_DEMO_DATA is demo or hetrec, not {settings.demo_data!r}.")


def last_monday(settings: Settings, now: dt.datetime) -> dt.datetime:
    """The last Monday 00:00 of the configured time zone, at or before `now`."""
    local = now.astimezone(settings.zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - dt.timedelta(days=local.isoweekday() - 1)


@contextmanager
def singing(settings: Settings, console: Console) -> Iterator[Future["Songs"]]:
    """Render the invented service's songs while the block goes on; nothing is rendered twice for a MIXTAPE_HOME.

    In a process of its own: a program that starts others can hang while a thread of it is in the midst of a matrix.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        if settings.demo_data == "demo" and settings.demo_songs:
            console.print("[dim]Singing its songs meanwhile[/]")
        yield process.submit(_sing, settings)


class Songs:
    """The rendered files: of songs that listeners know, and of the newest uploads, which nobody does."""

    def __init__(self, known: Sequence[Path], newest: Sequence[Path]) -> None:
        self.known, self.newest = known, newest


def _sing(settings: Settings) -> Songs:
    if settings.demo_data != "demo" or not settings.demo_songs:
        return Songs([], [])
    world = generate_world(settings.demo_seed, last_monday(settings, dt.datetime.now(dt.UTC)))
    known, newest = chosen_songs(world, settings.demo_songs)
    folder = settings.home / "demo" / f"{settings.demo_seed}-audio"

    def files(tracks: np.ndarray) -> list[Path]:
        return [folder / f"{world.tracks.ids[track]}{sound.SUFFIX}" for track in tracks]

    missing = [track for track in [*known, *newest] if not files(np.array([track]))[0].exists()]
    if missing:
        sound.write_audio(world, missing, folder)
    return Songs(files(known), files(newest))


def chosen_songs(world: World, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The tracks to render: `count` of those that listeners know, drawn, and the newest uploads."""
    newest = sound.held_back(world)
    known = np.setdiff1d(np.arange(len(world.track_ids)), newest)
    drawn = np.random.default_rng(world.seed).choice(known, min(count, len(known)), replace=False)
    return np.sort(drawn), newest


def _run(api: AirflowApi, console: Console, settings: Settings, songs: Future[Songs]) -> None:
    """Run the demo's DAGs one after another, with their progress; raises RunFailedError."""
    progress = _Progress(console)
    with progress:

        def run(dag_id: str) -> RunState:
            api.wait_for_dag(dag_id)
            return finished(api, watch(api, dag_id, api.trigger(dag_id), progress.report))

        def hear(files: Sequence[Path]) -> None:
            if upload(settings, files):
                time.sleep(SETTLED_S)
                run(HEAR)

        run(IMPORT)
        if with_blogs(settings):
            run(CRAWL)

        def follow(dag_id: str, besides: Sequence[str] = ()) -> RunState:
            called = _called_since(api, dag_id, trained_from, besides)
            return finished(api, watch(api, dag_id, called, progress.report))

        hear(songs.result().known)
        for called in (NETWORK, RANKER):
            api.wait_for_dag(called)
        trained_from = dt.datetime.now(dt.UTC)
        if api.announced(run(RETRAIN).run_id):
            heard = bool(songs.result().known) and api.announced(follow(NETWORK).run_id)
            ranked = follow(RANKER)
            if heard:
                follow(RANKER, besides=[ranked.run_id])
        hear(songs.result().newest)
        run(MONDAY)


def upload(settings: Settings, files: Sequence[Path]) -> int:
    """Put those of the files into the uploads folder that are not there yet; return how many."""
    filesystem, folder = fsspec.core.url_to_fs(settings.uploads)
    there = {Path(path).name for path in filesystem.ls(folder, detail=False)} if filesystem.exists(folder) else set()
    new = [file for file in files if file.name not in there]
    for file in new:
        _land(file, f"{settings.uploads}/{file.name}")
    return len(new)


def _called_since(api: AirflowApi, dag_id: str, since: dt.datetime, besides: Sequence[str] = ()) -> str:
    """The first run of a DAG that an asset has called since then, but for those that are known. Raises RunFailedError
    when none comes."""
    deadline = time.monotonic() + ASSET_WITHIN_S
    while True:
        if called := [run_id for run_id in api.runs_since(dag_id, since) if run_id not in besides]:
            return called[-1]
        if time.monotonic() > deadline:
            raise RunFailedError(f"Nothing has called {dag_id} within {ASSET_WITHIN_S} s: see its page in the web UI.")
        time.sleep(POLL_S)


def finished(api: AirflowApi, run: RunState) -> RunState:
    """The run, if it has succeeded; raises RunFailedError, which says what went wrong."""
    if run.state != "success":
        raise RunFailedError(failure(api, run))
    return run


def watch(api: AirflowApi, dag_id: str, run_id: str, report: Report) -> RunState:
    """Follow a run to its end; `report` gets its state and the seconds since now. Raises RunFailedError on time-out."""
    start = time.monotonic()
    while True:
        run = api.run(dag_id, run_id)
        elapsed_s = time.monotonic() - start
        report(run, elapsed_s)
        if run.finished:
            return run
        if elapsed_s > RUN_WITHIN_S:
            raise RunFailedError(f"{dag_id} is still {run.state} after {RUN_WITHIN_S} s: {_page(api, run)}")
        time.sleep(POLL_S)


def failure(api: AirflowApi, run: RunState) -> str:
    """What went wrong in a run: the tasks that failed, the end of their logs, and where to look."""
    lines = [f"The run of {run.dag_id} has failed."]
    for task in run.failed_tasks()[:2]:
        name = task.task_id if task.label is None else f"{task.task_id} [{task.label}]"
        lines += [f"Task {name}, try {task.try_number}, ended with:"]
        lines += [f"    {line}" for line in api.log(run, task)[-LOG_LINES_SHOWN:]]
    return "\n".join([*lines, f"See {_page(api, run)}"])


def showcase(store: Store) -> Mixtape:
    """The mixtape of the busiest of the first listeners, by name."""
    with store.begin() as connection:
        users = find_users(connection, "", limit=SHOWCASE_AMONG)
        return read_mixtape(connection, max(users, key=lambda user: user.plays).outside_id)


def login_lines(service: Service) -> str:
    """Where the web UI is, and how to get in."""
    return (
        f"\nThe web UI: [bold]{service.url}[/]   "
        f"user [bold]{service.username}[/]   password [bold]{service.password}[/]"
        "\nIt goes on running; [bold]make stop[/] ends it."
    )


def _land(file: Path, url: str) -> None:
    """Copy `file` to `url` under a name that is complete as soon as it is seen."""
    filesystem, path = fsspec.core.url_to_fs(url)
    folder, name = path.rsplit("/", 1)
    filesystem.makedirs(folder, exist_ok=True)
    filesystem.put_file(str(file), f"{folder}/.{name}.part")
    filesystem.mv(f"{folder}/.{name}.part", path)


def _page(api: AirflowApi, run: RunState) -> str:
    return f"{api.url}/dags/{run.dag_id}/runs/{run.run_id}"


class _Progress:
    """A line per DAG run: redrawn in place on a terminal, else printed now and then."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.rows: dict[str, tuple[RunState, float]] = {}
        self.printed_s: dict[str, float] = {}
        self.live = Live(console=console, refresh_per_second=4) if console.is_terminal else None

    def __enter__(self) -> "_Progress":
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.live:
            self.live.stop()

    def report(self, run: RunState, elapsed_s: float) -> None:
        """Show how far `run` is."""
        self.rows[run.dag_id] = (run, elapsed_s)
        if self.live:
            self.live.update(self._table())
        elif run.finished or elapsed_s >= self.printed_s.get(run.dag_id, 0):
            self.printed_s[run.dag_id] = elapsed_s + PLAIN_EVERY_S
            self.console.print(" ".join(_cells(run, elapsed_s)), highlight=False)

    def _table(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        for run, elapsed_s in self.rows.values():
            style = {"success": "green", "failed": "red"}.get(run.state, "yellow")
            table.add_row(*_cells(run, elapsed_s), style=style)
        return table


def _cells(run: RunState, elapsed_s: float) -> tuple[str, str, str, str]:
    return run.dag_id, run.state, f"{run.done}/{len(run.tasks)} tasks", f"{elapsed_s:.0f} s"
