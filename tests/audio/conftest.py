"""Real recordings, where they are at hand."""

from pathlib import Path

import pytest

from recommenders.settings import Settings


@pytest.fixture(scope="session")
def audio_files() -> list[Path]:
    """The recordings below the folder of test data, by name."""
    folder = Settings().test_data / "audio"
    found = sorted(path for path in folder.glob("*/*") if path.suffix in {".ogg", ".mp3", ".flac"})
    if not found:
        pytest.skip(f"There are no recordings in {folder}.")
    return found
