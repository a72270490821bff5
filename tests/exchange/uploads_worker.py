"""Hears every batch that waits, as the tasks of a run do: `python -m tests.exchange.uploads_worker URL FOLDER`."""

import datetime as dt
import json
import sys
from pathlib import Path

from recommenders.exchange.uploads import analyse_batch
from recommenders.store import Artifacts, Store


def main(url: str, home: Path) -> None:
    """The batches of `home/batches.json`, one after the other."""
    store = Store(url)
    for batch in json.loads((home / "batches.json").read_text()):
        analyse_batch(
            store,
            Artifacts((home / "artifacts").as_uri()),
            batch,
            (home / "uploads").as_uri(),
            scratch=home / "scratch",
            clock=lambda: dt.datetime.now(dt.UTC),
        )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
