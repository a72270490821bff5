"""`mixtape bench faults`: a table of faults, each followed by the same published mixtapes, or by what differs."""

import fnmatch
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from recommenders.errors import ConfigurationError, MixtapeError
from recommenders.evaluation.bench import BenchResult
from recommenders.runtime.faults.striker import has_struck
from recommenders.runtime.faults.table import Fault, Points, Recovery, every_fault, run_through
from recommenders.runtime.faults.world import DAGS, SHARDS, TRACKS, USERS, WEEKS, World, throwaway_world

EQUAL = "equal"
BEFORE = dict(zip(DAGS, ("empty", "imported", "retrained"), strict=True))
AFTER = dict(zip(DAGS, ("imported", "retrained", "published"), strict=True))
COLUMNS = ("fault", "where", "recovered by", "seconds", "verdict")

Digests = dict[str, str]


@dataclass(frozen=True)
class Row:
    """What became of one fault."""

    fault: Fault
    recovered: str
    seconds: float
    verdict: str

    def cells(self, number: int) -> tuple[str, ...]:
        """The row of the table."""
        name = f"{number:>2} {self.fault.dag_id}: {self.fault.name}"
        return name, self.fault.where, self.recovered, f"{self.seconds:.1f}", self.verdict


def run(seed: int, only: str = "*", progress: Callable[[str], None] = lambda step: None) -> BenchResult:
    """Strike a throwaway service with every fault whose "DAG: name, where" fits the pattern `only`.

    Raises ConfigurationError when no fault fits.
    """
    started = time.monotonic()
    with throwaway_world(seed, progress) as world:
        reference, points = undisturbed(world, progress)
        faults = [fault for fault in every_fault(points, seed, world) if fnmatch.fnmatch(title(fault), only)]
        if not faults:
            raise ConfigurationError(f"No fault fits {only!r}.")
        rows = []
        for row in strike_all(world, faults, reference):
            rows.append(row)
            progress(f"{time.monotonic() - started:6.0f} s  " + "  ".join(row.cells(len(rows))))
    equal = sum(row.verdict == EQUAL for row in rows)
    return BenchResult(
        name="faults",
        settings={"seed": seed, "only": only, "users": USERS, "tracks": TRACKS, "weeks": WEEKS, "shards": SHARDS},
        figures={"faults": len(rows), "equal": equal, "seconds": round(time.monotonic() - started, 1)},
        ratios={"equal / faults": equal / len(rows)},
        columns=COLUMNS,
        rows=tuple(row.cells(number) for number, row in enumerate(rows, 1)),
    )


def title(fault: Fault) -> str:
    """What `only` is compared with."""
    return f"{fault.dag_id}: {fault.name}, {fault.where}"


def undisturbed(world: World, progress: Callable[[str], None]) -> tuple[dict[str, Digests], Points]:
    """One undisturbed pass: what the service holds after each DAG, and the points that each task passed.

    The world is kept as it is before and after each DAG. Raises MixtapeError when a DAG does not succeed.
    """
    found = {}
    world.save("empty")
    world.record(True)
    for dag_id in DAGS:
        recovery = run_through(world, dag_id)
        if recovery.problems:
            raise MixtapeError(f"Undisturbed, {dag_id} does not succeed.")
        found[dag_id] = _state(world, recovery)
        world.save(AFTER[dag_id])
        progress(f"undisturbed: {dag_id}")
    points: Points = {}
    for path in sorted((world.folder / "points").iterdir()):
        dag_id, task_id, index, _ = path.name.split(".", 3)
        passed = [json.loads(line)[1] for line in path.read_text().splitlines()]
        points[dag_id, task_id, int(index)] = passed
    world.record(False)
    return found, points


def strike_all(world: World, faults: Sequence[Fault], reference: dict[str, Digests]) -> Iterator[Row]:
    """Strike with every fault.

    Faults of different DAGs go one after another through one pass, so that one pass proves several: after each DAG the
    service must hold what it holds undisturbed, and at the end of every pass stands a published edition.
    """
    waiting = {dag_id: [fault for fault in faults if fault.dag_id == dag_id] for dag_id in DAGS}
    while any(waiting.values()):
        begun = False
        for dag_id in DAGS:
            if not begun and not waiting[dag_id]:
                continue
            if not begun:
                world.put_back(BEFORE[dag_id])
                begun = True
            if waiting[dag_id]:
                row = _strike(world, waiting[dag_id].pop(0), reference[dag_id])
                yield row
                if row.verdict != EQUAL or row.fault.changes or row.fault.expected:
                    world.put_back(AFTER[dag_id])
            elif differing := _differing(_state(world, run_through(world, dag_id)), reference[dag_id]):
                raise MixtapeError(f"{dag_id} gives another result after what seemed mended: {', '.join(differing)}.")


def _strike(world: World, fault: Fault, undisturbed: Digests) -> Row:
    start = time.monotonic()
    expected = []
    for run_undisturbed in fault.expected:
        run_undisturbed(world)
        expected.append(_state(world, None))
        world.put_back(BEFORE[fault.dag_id])
        start = time.monotonic()
    world.clear_strikes()
    recovery = Recovery()
    try:
        recovery = fault.play(world)
        world.wait_healthy()
        state = _state(world, None if fault.expected else recovery)
    except MixtapeError as error:
        return Row(fault, str(recovery), time.monotonic() - start, str(error).splitlines()[0])
    seconds = time.monotonic() - start
    differing = min((_differing(state, one) for one in expected or [undisturbed]), key=len)
    differing = [part for part in differing if part not in fault.changes]
    problems = [*recovery.problems, *([f"{', '.join(differing)} differ"] if differing else [])]
    if fault.strike and not has_struck(world.folder, fault.strike):
        problems.append("it did not strike")
    return Row(fault, str(recovery), seconds, "; ".join(problems) or EQUAL)


def _differing(state: Digests, expected: Digests) -> list[str]:
    return [part for part in expected if state[part] != expected[part]]


def _state(world: World, recovery: Recovery | None) -> Digests:
    """What the service holds, and which assets the runs told others of."""
    told = sorted({name for run in (recovery.runs if recovery else []) for name, _ in world.api.announced(run.run_id)})
    return world.digests() | ({"announcements": " ".join(told)} if recovery else {})
