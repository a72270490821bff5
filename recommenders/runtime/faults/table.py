"""The faults: what each of them does to the world while a DAG runs, and how the DAG is brought to its end after it."""

import datetime as dt
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from recommenders.demo.world import generate_world
from recommenders.runtime.api import RunState
from recommenders.runtime.faults.striker import BEGIN, DONE, Strike, order, release
from recommenders.runtime.faults.world import TRACKS, USERS, WEEKS, World, settle

IMPORT, RETRAIN, MONDAY = "import_listening", "retrain_collaborative", "monday_playlists"
TRIGGERS = 3

Conf = Mapping[str, bool | int]
LAST_WEEK: Conf = {"week": -1}

Task = tuple[str, str, int]  # DAG, task, map index (-1: not mapped)
Points = dict[Task, list[str]]  # what an undisturbed task passes, in order


@dataclass
class Recovery:
    """How a DAG got to its end after a fault: `runs` are all of its runs, `steps` what was done besides."""

    runs: list[RunState] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """In a few words."""
        said = list(self.steps)
        if any(task.try_number > 1 for run in self.runs for task in run.tasks):
            said.append("retry")
        if any(run.state == "failed" for run in self.runs):
            said.append("second trigger")
        return ", ".join(said) or "nothing needed"


@dataclass(frozen=True)
class Fault:
    """One fault in a run of `dag_id`: `play` runs the DAG to its end, doing the harm on the way.

    `changes` are the parts of what the service holds that it rightly changes. `strike` is what must have struck.
    `expected` are the ways to run the same without disturbance, where that is not one run of each DAG; the result must
    equal that of one of them.
    """

    dag_id: str
    name: str
    where: str
    play: Callable[[World], Recovery]
    changes: frozenset[str] = frozenset()
    strike: Strike | None = None
    expected: tuple[Callable[[World], None], ...] = ()


def finish(world: World, dag_id: str, run_id: str, recovery: Recovery | None = None) -> Recovery:
    """Wait for a run; when it fails, trigger the DAG again, as an operator would."""
    recovery = recovery or Recovery()
    for _ in range(TRIGGERS):
        run = world.wait(dag_id, run_id)
        recovery.runs.append(run)
        if run.state == "success":
            return recovery
        world.wait_healthy()
        run_id = world.trigger(dag_id)
    recovery.problems.append(f"{dag_id} failed {TRIGGERS} times")
    return recovery


def run_through(world: World, dag_id: str) -> Recovery:
    """Run a DAG that nothing happens to."""
    return finish(world, dag_id, world.trigger(dag_id))


def every_fault(points: Points, seed: int, world: World) -> list[Fault]:
    """Every fault, those of one kind together; `seed` draws the points at which they strike."""
    draw = np.random.default_rng(seed)
    return [
        *_killed_tasks(points, draw),
        *_killed_around_tasks(points, draw),
        *_killed_postgres(points, draw),
        *_full_disks(world),
        *_lost_artifacts(),
        *_at_once(),
        *_odd_files(),
    ]


def _killed_tasks(points: Points, draw: np.random.Generator) -> list[Fault]:
    """kill -9 of every task's process: somewhere on its way, and when all is done but Airflow does not know it."""
    found = []
    for task in _one_of_each(points, draw):
        passed = points[task]
        places = [len(passed) - 1]
        if len(passed) > len((BEGIN, DONE)):
            places.insert(0, int(draw.integers(1, len(passed) - 1)))
        for point in places:
            found.append(_strike("kill -9 of the task", task, point, passed[point], "kill", _play_strike))
    return found


def _killed_around_tasks(points: Points, draw: np.random.Generator) -> list[Fault]:
    """kill -9 of what a task needs around it."""
    found = []
    for task_id in ("train", "finish"):
        task, point = _drawn(points, draw, task_id)
        found.append(
            _strike("kill -9 of the task's supervisor", task, point, points[task][point], "supervisor", _play_strike)
        )
    for component, task_id in (
        ("scheduler", "import_plays"),
        ("scheduler", "train"),
        ("scheduler", "score"),
        ("dag-processor", "try_configuration"),
        ("api-server", "finish"),
    ):
        task, point = _drawn(points, draw, task_id)

        def kill(world: World, recovery: Recovery, component: str = component) -> None:
            world.component(component).kill()
            recovery.steps.append("restart")

        found.append(_meanwhile(f"kill -9 of the {component}", task, point, points[task][point], kill))
    return found


def _killed_postgres(points: Points, draw: np.random.Generator) -> list[Fault]:
    def kill(world: World, recovery: Recovery) -> None:
        world.kill_postgres()
        recovery.steps.append("restart")

    found = []
    for task_id in ("import_plays", "train", "score", "finish", (MONDAY, "publish")):
        task, point = _drawn(points, draw, task_id)
        found.append(_meanwhile("kill -9 of Postgres", task, point, points[task][point], kill))
    return found


def _full_disks(world: World) -> list[Fault]:
    """A disk without room: for a while, so that a later try finds room, and until somebody makes room."""
    if not world.mounted:
        return []
    return [
        Fault(IMPORT, "full landing disk", "room after the first failure", _full("landing", freed_early=True)),
        Fault(IMPORT, "full landing disk", "room after the run has failed", _full("landing", freed_early=False)),
        Fault(RETRAIN, "full artifacts disk", "room after the first failure", _full("artifacts", freed_early=True)),
        Fault(MONDAY, "full artifacts disk", "room after the run has failed", _full("artifacts", freed_early=False)),
    ]


def _lost_artifacts() -> list[Fault]:
    """A file that one task wrote and the next one needs: gone, or cut short."""
    found = []
    for how, harm in (("missing", _remove), ("cut short", _cut)):
        for task, pattern in (
            ((RETRAIN, "try_configuration", 0), "retraining/*/choose/signals.parquet"),
            ((RETRAIN, "train", -1), "retraining/*/tried/1.parquet"),
            ((RETRAIN, "gate", -1), "models/collaborative/*.parquet"),
            ((MONDAY, "score", 1), "editions/*/shelf.parquet"),
            ((MONDAY, "allocate", -1), "editions/*/candidates-*.parquet"),
            ((MONDAY, "finish", 0), "editions/*/lists-*.parquet"),
        ):
            found.append(_meanwhile(f"{pattern.replace('*', '…')} {how}", task, 0, BEGIN, _harm(pattern, harm)))
        found.append(
            Fault(MONDAY, f"the champion's file {how}", "plan, begin", _lost_champion(harm), strike=_LOST_CHAMPION)
        )
    return found


def _at_once() -> list[Fault]:
    """Runs at the same time."""
    twice, runs = "triggered twice at once", "two runs"
    return [
        Fault(IMPORT, twice, runs, _together(IMPORT, {}, {})),
        Fault(RETRAIN, twice, runs, _together(RETRAIN, {}, {}), expected=(_in_turn(RETRAIN, {}, {}),)),
        Fault(MONDAY, twice, runs, _together(MONDAY, {}, {})),
        Fault(MONDAY, "a dry run at the same time", runs, _together(MONDAY, {"dry_run": True}, {})),
        Fault(
            MONDAY,
            "two weeks at once",
            runs,
            _together(MONDAY, {}, LAST_WEEK),
            expected=(_in_turn(MONDAY, {}, LAST_WEEK), _in_turn(MONDAY, LAST_WEEK, {})),
        ),
        _meanwhile("a retraining during Monday", (MONDAY, "score", 1), 0, BEGIN, _retrain_meanwhile, _NEW_MODEL),
        _import_meanwhile(),
    ]


def _odd_files() -> list[Fault]:
    return [
        Fault(IMPORT, "a file still growing", "the newest plays", _growing),
        Fault(IMPORT, "a file twice under two names", "the newest plays", _doubled, frozenset(["files"])),
    ]


def _one_of_each(points: Points, draw: np.random.Generator) -> list[Task]:
    """Every task, of the mapped ones a drawn one, in the order of the names' first appearance."""
    groups: dict[tuple[str, str], list[Task]] = {}
    for task in sorted(points):
        groups.setdefault(task[:2], []).append(task)
    return [tasks[int(draw.integers(len(tasks)))] for tasks in groups.values()]


def _drawn(points: Points, draw: np.random.Generator, wanted: str | tuple[str, str]) -> tuple[Task, int]:
    """One of the tasks called so (by its name, or by DAG and name), and a point on its way."""
    tasks = [task for task in sorted(points) if wanted in (task[1], task[:2])]
    task = tasks[int(draw.integers(len(tasks)))]
    return task, int(draw.integers(1, len(points[task]) - 1))


def _strike(
    name: str, task: Task, point: int, what: str, deed: str, play: Callable[[Strike], Callable[[World], Recovery]]
) -> Fault:
    strike = Strike(f"{task[1]}-{task[2]}-{point}-{deed}", *task, point, deed)
    label = task[1] if task[2] < 0 else f"{task[1]}[{task[2]}]"
    return Fault(task[0], name, f"{label}, {what}", play(strike), strike=strike)


def _play_strike(strike: Strike) -> Callable[[World], Recovery]:
    """Run the DAG with a strike ordered."""

    def play(world: World) -> Recovery:
        order(world.folder, [strike])
        return run_through(world, strike.dag_id)

    return play


def _meanwhile(
    name: str,
    task: Task,
    point: int,
    what: str,
    harm: Callable[[World, Recovery], None],
    changes: frozenset[str] = frozenset(),
) -> Fault:
    """Hold a task at a point, do harm to the world, and let the task go on."""

    def held(strike: Strike) -> Callable[[World], Recovery]:
        def play(world: World) -> Recovery:
            recovery = Recovery()
            order(world.folder, [strike])
            run_id = world.trigger(strike.dag_id)
            world.wait_for_strike(strike)
            harm(world, recovery)
            release(world.folder, strike)
            return finish(world, strike.dag_id, run_id, recovery)

        return play

    fault = _strike(name, task, point, what, "hold", held)
    return Fault(fault.dag_id, name, fault.where, fault.play, changes, fault.strike)


def _full(disk: str, *, freed_early: bool) -> Callable[[World], Recovery]:
    def play(world: World) -> Recovery:
        dag_id = {"landing": IMPORT, "artifacts": RETRAIN if freed_early else MONDAY}[disk]
        folder = world.home / disk
        fill_up(folder)
        run_id = world.trigger(dag_id)
        recovery = Recovery()
        if freed_early:
            world.wait_for_retry(dag_id, run_id)
        else:
            recovery.runs.append(world.wait(dag_id, run_id))
            run_id = ""
        empty(folder)
        return finish(world, dag_id, run_id or world.trigger(dag_id), recovery)

    return play


def fill_up(folder: Path) -> None:
    """Write until the disk has neither room nor a place for another file."""
    filler = folder / ".filler"
    filler.mkdir()
    with suppress(OSError), (filler / "bytes").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))
    with suppress(OSError):
        for number in range(1_000_000):
            (filler / str(number)).touch(exist_ok=False)


def empty(folder: Path) -> None:
    """Give back the room that `fill_up` took."""
    shutil.rmtree(folder / ".filler")


def _remove(path: Path) -> None:
    path.unlink()


def _cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def _harm(pattern: str, harm: Callable[[Path], None]) -> Callable[[World, Recovery], None]:
    def do(world: World, recovery: Recovery) -> None:
        harm(sorted(world.artifacts.glob(pattern))[0])

    return do


_LOST_CHAMPION = Strike("lost-champion", MONDAY, "plan", -1, 0, "hold")


def _lost_champion(harm: Callable[[Path], None]) -> Callable[[World], Recovery]:
    """The week can't be made; a retraining makes the model anew."""

    def play(world: World) -> Recovery:
        recovery = Recovery()
        order(world.folder, [_LOST_CHAMPION])
        run_id = world.trigger(MONDAY)
        world.wait_for_strike(_LOST_CHAMPION)
        _harm("models/collaborative/*.parquet", harm)(world, recovery)
        release(world.folder, _LOST_CHAMPION)
        recovery.runs.append(world.wait(MONDAY, run_id))
        recovery.problems += finish(world, RETRAIN, world.trigger(RETRAIN)).problems
        recovery.steps.append("retraining")
        return finish(world, MONDAY, world.trigger(MONDAY), recovery)

    return play


def _together(dag_id: str, *confs: Conf) -> Callable[[World], Recovery]:
    """Trigger runs of a DAG at once."""

    def play(world: World) -> Recovery:
        recovery = Recovery()
        for run_id in [world.trigger(dag_id, _filled(world, conf)) for conf in confs]:
            finish(world, dag_id, run_id, recovery)
        return recovery

    return play


def _in_turn(dag_id: str, *confs: Conf) -> Callable[[World], None]:
    """The same runs, one after another."""

    def run(world: World) -> None:
        for conf in confs:
            finish(world, dag_id, world.trigger(dag_id, _filled(world, conf)))

    return run


def _filled(world: World, conf: Conf) -> dict[str, object]:
    """The params, with a number of weeks from now in `week` as that Monday."""
    monday = world.monday.date()
    return {
        name: str(monday + dt.timedelta(weeks=int(value))) if name == "week" else value for name, value in conf.items()
    }


_NEW_MODEL = frozenset(["champion", "vectors"])
_NEW_PLAYS = frozenset(["events", "heard", "blocks", "files"])


def _retrain_meanwhile(world: World, recovery: Recovery) -> None:
    recovery.problems += run_through(world, RETRAIN).problems


def _import_meanwhile() -> Fault:
    """Plays of the week before arrive that nobody knew of when the run began; they wait until it is over."""
    strike = Strike("import-meanwhile", MONDAY, "score", 1, 0, "hold")

    def play(world: World) -> Recovery:
        recovery = Recovery()
        order(world.folder, [strike])
        run_id = world.trigger(MONDAY)
        world.wait_for_strike(strike)
        _late_plays(world)
        importing = world.trigger(IMPORT)
        world.wait_for_begun(IMPORT, importing)
        release(world.folder, strike)
        finish(world, MONDAY, run_id, recovery)
        recovery.problems += finish(world, IMPORT, importing).problems
        return recovery

    return Fault(MONDAY, "an import during Monday", "score[1], begin", play, _NEW_PLAYS, strike)


def _late_plays(world: World) -> None:
    other = generate_world(world.seed + 1, world.monday, users=USERS, tracks=TRACKS, weeks=WEEKS)
    late = other.events(world.monday, since=world.monday - dt.timedelta(weeks=1))
    path = world.landing / "listening" / "late.parquet"
    pq.write_table(late.drop_columns(["event_id"]), path)
    settle(path.parent)


def _newest(world: World) -> Path:
    """The last file of plays."""
    return max(path for path in (world.landing / "listening").iterdir() if path.is_file())


def _growing(world: World) -> Recovery:
    """Half a file lies there and is being written to; the other half comes after the run."""
    path = _newest(world)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    recovery = run_through(world, IMPORT)
    if not path.exists():
        recovery.problems.append("it was taken before it was whole")
    path.write_bytes(whole)
    settle(path.parent)
    recovery.steps.append("second trigger")
    return finish(world, IMPORT, world.trigger(IMPORT), recovery)


def _doubled(world: World) -> Recovery:
    path = _newest(world)
    shutil.copy(path, path.with_name(f"zz-{path.name}"))
    settle(path.parent)
    return run_through(world, IMPORT)
