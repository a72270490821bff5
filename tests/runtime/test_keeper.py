"""The keeper: what dies is started again, and what it left behind is ended."""

import subprocess
import sys
import time
from collections.abc import Callable

import psutil

from recommenders.runtime.keeper import STEADY_AFTER_S, Component, keep

SLEEPER = [sys.executable, "-c", "import time; time.sleep(99)"]
PARENT = [sys.executable, "-c", f"import subprocess; subprocess.run({SLEEPER!r})"]


def _wait_until(fits: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not fits():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _kill(component: Component) -> int:
    assert component.process is not None
    component.process.kill()
    component.process.wait()
    return component.process.pid


def test_what_dies_is_started_again_at_once_and_later_when_it_goes_on_dying() -> None:
    component = Component("sleeper", SLEEPER)
    waits, now_s = [], 0.0
    try:
        component.look(now_s)
        for _ in range(4):
            killed = _kill(component)
            component.look(now_s)
            died_s = now_s
            while component.process is None:
                component.look(now_s)
                now_s += 0.5
            assert component.process.pid != killed
            waits.append(component.started_s - died_s)
        assert waits == [0.0, 2.0, 4.0, 8.0]
        _kill(component)
        component.look(now_s + STEADY_AFTER_S + 1)
        component.look(now_s + STEADY_AFTER_S + 1)
        assert component.process is not None  # it had lived long enough: it did not die of its start
    finally:
        if component.process:
            _kill(component)


def test_what_a_killed_process_left_behind_is_ended_and_nothing_else() -> None:
    component, other = Component("parent", PARENT), subprocess.Popen(SLEEPER)
    try:
        component.look(0)
        assert component.process is not None
        leader = psutil.Process(component.process.pid)
        _wait_until(lambda: bool(leader.children()))
        (left,) = leader.children()
        _kill(component)
        assert left.is_running()
        component.look(1)
        _wait_until(lambda: not left.is_running() or left.status() == psutil.STATUS_ZOMBIE)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_asked_to_stop_it_ends_what_it_started() -> None:
    component, looks = Component("sleeper", SLEEPER), iter([False, False, True])
    keep([component], lambda: next(looks), lambda: None)
    assert component.process is not None
    assert component.process.returncode is not None
