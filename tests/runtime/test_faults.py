"""Faults of each class on a real, throwaway service; `mixtape bench faults` has all of them."""

import fnmatch
from collections.abc import Iterator

import pytest

from recommenders.runtime.faults.bench import EQUAL, Row, strike_all, title, undisturbed
from recommenders.runtime.faults.table import Fault, every_fault
from recommenders.runtime.faults.world import throwaway_world

SEED = 3
CHOSEN = {
    "import_listening: kill -9 of the task, import_plays, [!d]*": "retry",
    "import_listening: full landing disk, room after the run has failed": "retry, second trigger",
    "retrain_collaborative: kill -9 of Postgres, train, *": "restart",
    "monday_playlists: kill -9 of the task, publish, done": "retry",
    "monday_playlists: kill -9 of the scheduler, score*": "restart",
}

Struck = tuple[list[Fault], dict[str, Row]]

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def struck() -> Iterator[Struck]:
    """Every fault that a throwaway service can be struck with, and what became of the chosen ones, by their pattern."""
    with throwaway_world(SEED, lambda step: None) as world:
        reference, points = undisturbed(world, lambda step: None)
        faults = every_fault(points, SEED, world)
        chosen = {
            pattern: next((fault for fault in faults if fnmatch.fnmatch(title(fault), pattern)), None)
            for pattern in CHOSEN
        }
        rows = {
            id(row.fault): row for row in strike_all(world, [fault for fault in chosen.values() if fault], reference)
        }
        yield faults, {pattern: rows[id(fault)] for pattern, fault in chosen.items() if fault}


@pytest.mark.parametrize("pattern", CHOSEN)
def test_after_a_fault_the_same_mixtapes_are_published(struck: Struck, pattern: str) -> None:
    _, rows = struck
    if "disk" in pattern and pattern not in rows:
        pytest.skip("only root can mount a small disk to fill")
    assert rows[pattern].verdict == EQUAL
    assert CHOSEN[pattern] in rows[pattern].recovered


def test_every_task_of_the_three_dags_is_killed_when_its_work_is_done(struck: Struck) -> None:
    faults, _ = struck
    killed = {
        (fault.dag_id, fault.strike.task_id)
        for fault in faults
        if fault.strike and fault.strike.deed == "kill" and fault.where.endswith(", done")
    }
    assert {task for dag_id, task in killed if dag_id == "import_listening"} == {
        "import_catalogue",
        "import_users",
        "import_plays",
        "announce",
    }
    assert {"prepare", "try_configuration", "train", "gate"} <= {task for _, task in killed}
    assert {"plan", "score", "allocate", "finish", "verify", "publish"} <= {
        task for dag_id, task in killed if dag_id == "monday_playlists"
    }
    assert len(faults) >= 40
