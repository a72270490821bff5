"""Real recordings, where they are at hand."""

from pathlib import Path

import pytest

from tests.conftest import RealData


@pytest.fixture(scope="session")
def audio_files(real_data: RealData) -> list[Path]:
    """The recordings below the folder of test data, by name."""
    return sorted(path for path in real_data("audio").glob("*/*") if path.suffix in {".ogg", ".mp3", ".flac"})
