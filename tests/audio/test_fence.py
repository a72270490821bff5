"""What happens inside the fence stays there: a file that kills, hangs or fills its process costs itself only."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from recommenders.audio.analysis import Refusal, UnreadableAudioError
from recommenders.audio.fence import Fence, Limits, Reply
from recommenders.audio.files import open_regular
from recommenders.errors import ConfigurationError
from recommenders.settings import PROJECT_ROOT

WORK = "tests.audio.hostile_work:prepare"
LIMITS = Limits(memory_mb=200, cpu_s=1, wall_s=30)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file to be read."""
    path = tmp_path / "song.txt"
    path.write_text("la la la")
    return path


@pytest.fixture
def fence() -> Iterator[Fence]:
    """A fence whose child does what it is told."""
    with Fence(WORK, LIMITS) as fence:
        yield fence


def _run(fence: Fence, file: Path, do: str | None = None) -> Reply:
    descriptor = open_regular(file)
    try:
        return fence.run(descriptor, file.name, {"do": do})
    finally:
        os.close(descriptor)


def _refusal(fence: Fence, file: Path, do: str) -> tuple[Refusal, str]:
    with pytest.raises(UnreadableAudioError) as raised:
        _run(fence, file, do)
    return raised.value.refusal, str(raised.value)


def test_a_child_reads_one_file_after_the_other_and_hands_back_fields_and_arrays(fence: Fence, file: Path) -> None:
    first, second = _run(fence, file), _run(fence, file)
    assert first.fields["text"] == "la la la"
    assert first.fields["name"] == "song.txt"
    assert first.arrays["numbers"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert first.fields["pid"] == second.fields["pid"] == fence.pid != os.getpid()


@pytest.mark.parametrize(
    ("do", "refusal", "said"),
    [
        ("eat memory", Refusal.MEMORY, "too much memory"),
        ("spin", Refusal.CPU_TIME, "too much processor time"),
        ("crash", Refusal.CRASHED, "SIGSEGV"),
        ("exit", Refusal.CRASHED, "exit code 7"),
        ("raise", Refusal.CRASHED, "KeyError: 'a bug'"),
        ("lie", Refusal.CRASHED, "answers nonsense"),
        ("complain and crash", Refusal.CRASHED, "the decoder is confused"),
    ],
)
def test_a_file_that_harms_its_process_is_refused_with_the_reason_and_the_next_one_is_read(
    fence: Fence, file: Path, do: str, refusal: Refusal, said: str
) -> None:
    found, message = _refusal(fence, file, do)
    assert found is refusal
    assert said in message
    assert "'song.txt'" in message
    assert _run(fence, file).fields["text"] == "la la la"


def test_memory_is_limited_for_each_file_not_for_all_together(file: Path) -> None:
    with Fence(WORK, Limits(memory_mb=100)) as fence:
        pids = {_run(fence, file, "take 60 MB").fields["pid"] for _ in range(8)}
    assert len(pids) == 1


def test_processor_time_is_limited_for_each_file_not_for_all_together(fence: Fence, file: Path) -> None:
    pids = {_run(fence, file, "work for 0.5 s").fields["pid"] for _ in range(6)}
    assert len(pids) == 1


def test_a_file_that_hangs_is_given_up_in_time(file: Path) -> None:
    with Fence(WORK, Limits(wall_s=0.5)) as fence:
        _run(fence, file)
        start = time.monotonic()
        refusal, message = _refusal(fence, file, "hang")
        assert time.monotonic() - start < 5
        assert refusal is Refusal.TIMEOUT
        assert "0.5 s" in message
        assert _run(fence, file).fields["text"] == "la la la"


def test_a_child_that_is_killed_in_the_middle_costs_one_file(fence: Fence, file: Path) -> None:
    pid = _run(fence, file).fields["pid"]
    threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()
    refusal, _ = _refusal(fence, file, "hang")
    assert refusal is Refusal.KILLED
    assert _run(fence, file).fields["pid"] != pid


def test_what_a_library_prints_neither_fills_pipes_nor_reaches_the_log(
    fence: Fence, file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _run(fence, file, "babble").fields["text"] == "la la la"
    assert capfd.readouterr() == ("", "")


def test_a_child_that_does_not_start_is_an_error_of_the_service_not_of_the_file(file: Path) -> None:
    with Fence(WORK, LIMITS, {"fails": True}) as fence, pytest.raises(ConfigurationError, match="no such library"):
        _run(fence, file)


def test_a_child_knows_no_secrets(fence: Fence, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIXTAPE_DATABASE_URL", "postgresql://ada:hunter2@db/mixtape")
    _run(fence, file)
    assert fence.pid
    assert "hunter2" not in str(psutil.Process(fence.pid).environ())


@pytest.mark.parametrize("do", [None, "hang", "spin"])
def test_no_child_outlives_a_parent_that_is_killed(file: Path, do: str | None) -> None:
    code = f"""
import os
from recommenders.audio.fence import Fence
with Fence({WORK!r}) as fence:
    file = os.open({str(file)!r}, os.O_RDONLY)
    fence.run(file, "song")
    print(fence.pid, flush=True)
    fence.run(file, "song", {{"do": {do or "hang"!r}}})
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=PROJECT_ROOT)
    assert parent.stdout
    child = psutil.Process(int(parent.stdout.readline()))
    time.sleep(0.2)
    parent.kill()
    parent.wait()
    with contextlib.suppress(psutil.NoSuchProcess):
        child.wait(10)
    parent.stdout.close()
    assert not psutil.pid_exists(child.pid) or child.status() == psutil.STATUS_ZOMBIE
