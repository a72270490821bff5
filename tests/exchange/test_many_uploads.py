"""Many uploads, and what hears them killed in the middle: nothing is heard twice, nothing is missed."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from recommenders.audio.mels import read_mels
from recommenders.exchange.upload_parameters import UploadParameters
from recommenders.exchange.uploads import plan_batches
from recommenders.settings import PROJECT_ROOT
from tests.audio.hostile_files import encoded, tune
from tests.exchange.conftest import Uploads


def _fill(uploads: Uploads, number: int) -> None:
    for index in range(number):
        path = uploads.folder / f"album {index // 20}" / f"{index}.wav"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encoded(tune(index, 1.2), "WAV"))
        os.utime(path, (time.time() - 60,) * 2)


def _worker(uploads: Uploads) -> subprocess.Popen[bytes]:
    url = uploads.store.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.exchange.uploads_worker", url, str(uploads.folder.parent)]
    return subprocess.Popen(command, cwd=PROJECT_ROOT)


def _concluded(uploads: Uploads) -> int:
    return int(uploads.sql("SELECT count(*) FROM audio_files WHERE state <> 'waiting'")[0][0])


@pytest.mark.parametrize("number", [60, pytest.param(1000, marks=pytest.mark.endurance)])
def test_killed_in_the_middle_nothing_is_heard_twice_and_nothing_is_missed(uploads: Uploads, number: int) -> None:
    _fill(uploads, number)
    uploads.scan()
    batches = plan_batches(uploads.store, UploadParameters(batch_size=10))
    assert [len(batch) for batch in batches] == [10] * (number // 10)
    (uploads.folder.parent / "batches.json").write_text(json.dumps(batches))

    kills = 0
    for share in (0.2, 0.5, 0.7):
        worker = _worker(uploads)
        while _concluded(uploads) < share * number:
            assert worker.poll() is None
            time.sleep(0.02)
        children = psutil.Process(worker.pid).children()
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        kills += 1
        _, alive = psutil.wait_procs(children, timeout=10)
        assert not alive
    assert share * number <= _concluded(uploads) < number
    both = [_worker(uploads), _worker(uploads)]  # as when an old try still runs beside the new one
    assert [worker.wait() for worker in both] == [0, 0]

    assert uploads.sql("SELECT state, count(*) FROM audio_files GROUP BY 1") == [("analysed", number)]
    assert uploads.sql("SELECT count(*), count(DISTINCT track_id) FROM audio_files") == [(number, number)]
    assert uploads.sql("SELECT count(*) FROM tracks") == [(number,)]
    assert uploads.sql("SELECT count(*) FROM audio_analyses") == [(number,)]
    ((heard_again, most),) = uploads.sql("SELECT count(*) FILTER (WHERE attempts > 1), max(attempts) FROM audio_files")
    assert heard_again <= kills
    assert most <= 2
    with_excerpts = np.concatenate([ids for ids, _ in read_mels(uploads.artifacts)])
    assert len(set(with_excerpts.tolist())) == number
    assert uploads.hear() == []
