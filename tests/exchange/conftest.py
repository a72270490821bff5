"""A service with an uploads folder, and what became of its files."""

import datetime as dt
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from recommenders.audio.fence import Limits
from recommenders.exchange.audio_places import Folder
from recommenders.exchange.upload_parameters import UploadParameters
from recommenders.exchange.uploads import BatchReport, Scan, analyse_batch, plan_batches, scan
from recommenders.runtime.postgres import ensure_database
from recommenders.store import Artifacts, Store


@dataclass
class Uploads:
    """An uploads folder and the database that it fills."""

    store: Store
    artifacts: Artifacts
    folder: Path
    limits: Limits = field(default_factory=lambda: Limits(memory_mb=1024, cpu_s=60, wall_s=60))

    @property
    def url(self) -> str:
        """Of the folder."""
        return self.folder.as_uri()

    def scan(self, **parameters: Any) -> Scan:
        """Look around now."""
        return scan(self.store, self.url, UploadParameters(**parameters), now=dt.datetime.now(dt.UTC))

    def hear(self, **parameters: Any) -> list[BatchReport]:
        """Look around, and hear what waits, a batch after the other."""
        self.scan(**parameters)
        return [self.analyse(batch) for batch in plan_batches(self.store, UploadParameters(**parameters))]

    def analyse(self, batch: list[int]) -> BatchReport:
        """Hear the files of one batch."""
        return analyse_batch(
            self.store,
            self.artifacts,
            batch,
            self.url,
            scratch=self.folder.parent / "scratch",
            clock=lambda: dt.datetime.now(dt.UTC),
            limits=self.limits,
        )

    def sql(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self.store.begin() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query), values)]

    def states(self) -> dict[str, str]:
        """What became of each file, by its name below the folder: its state, or the reason it was set aside for."""
        folder = Folder(self.url)
        rows = self.sql("SELECT uri, state FROM audio_files WHERE state <> 'rejected'")
        rows += self.sql("SELECT source, reason FROM rejected WHERE kind = 'uploads'")
        return {folder.name_of(uri) or uri: state for uri, state in rows}


@pytest.fixture(scope="module")
def module_store(postgres: sa.URL) -> Iterator[Store]:
    """An empty, migrated database of the module's own."""
    url = ensure_database(postgres, f"test_{uuid.uuid4().hex}", template="template")
    opened = Store(url.render_as_string(hide_password=False))
    yield opened
    opened.close()


@pytest.fixture
def uploads(store: Store, artifacts: Artifacts, tmp_path: Path) -> Uploads:
    """An empty uploads folder of a service without any data."""
    (tmp_path / "uploads").mkdir()
    return Uploads(store, artifacts, tmp_path / "uploads")


@pytest.fixture
def put(uploads: Uploads) -> Callable[[str, bytes], Path]:
    """`put(name, content)` makes a file in the uploads folder that has been left alone for a minute."""

    def make(name: str, content: bytes) -> Path:
        path = uploads.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (time.time() - 60,) * 2)
        return path

    return make
