"""`mixtape terms` and `mixtape similar ARTIST`, as somebody at a terminal sees them."""

import datetime as dt

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from recommenders.cli import app
from recommenders.errors import ConfigurationError, NotEnoughDataError, UnknownNameError
from recommenders.language.placing import place
from recommenders.language.vectors import TextParameters
from recommenders.language.weighing import weigh_terms
from recommenders.language.weights import TermParameters
from recommenders.store import Artifacts, Store
from tests.language.writing import TODAY, says, write
from tests.service import NOW, add_catalogue

WORDS = {1: ("slow", "quiet"), 2: ("loud", "heavy"), 3: ("slow", "quiet", "fields"), 4: ("loud", "heavy", "fields")}


@pytest.fixture
def told(store: Store, artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A service of four artists of whom something was said, two slow ones and two loud ones."""
    with store.begin() as connection:
        add_catalogue(connection, 1, list(WORDS))
        connection.execute(sa.text("UPDATE artists SET name = 'Sigur Rós', name_key = 'sigur ros' WHERE artist_id = 1"))
        for artist, words in WORDS.items():
            write(connection, TODAY - dt.timedelta(days=10), says(artist, dict.fromkeys(words, 1.0)))
        weigh_terms(connection, TermParameters(), TODAY - dt.timedelta(days=10))
        write(connection, TODAY, says(1, {"slow": 1, "bowed": 1}))
        weigh_terms(connection, TermParameters(), TODAY)
        place(connection, artifacts, TextParameters(least_artists=1, dimensions=3), run_key="a", now=NOW)
    monkeypatch.setenv("MIXTAPE_DATABASE_URL", store.url.render_as_string(hide_password=False))
    return store


def _shown(*arguments: str) -> list[list[str]]:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    lines = [line for line in result.output.splitlines() if "│" in line]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


@pytest.mark.usefixtures("told")
def test_an_artist_is_shown_with_its_words_in_whatever_way_the_name_is_written() -> None:
    day = TODAY.isoformat()
    for name in ("Sigur Rós", "SIGUR ROS", "a1"):
        assert [row[0] for row in _shown("terms", name, "--as-of", day)] == ["slow", "bowed", "quiet"]
    assert _shown("terms", "a1", "--as-of", day, "--rising", "--count", "1")[0][:2] == ["bowed", "word"]
    assert [row[0] for row in _shown("terms", "a1", "--as-of", "2026-02-20")] == ["quiet", "slow"]


@pytest.mark.usefixtures("told")
def test_artists_described_alike_are_similar() -> None:
    assert _shown("similar", "sigur ros", "--by", "text", "--count", "1")[0][:2] == ["a3", "n3"]
    assert _shown("similar", "n2", "--is-a", "artist", "--by", "all")[0][0] == "a4"
    assert _shown("similar", "t2", "--by", "text", "--count", "1")[0][-1] == "its artist"


@pytest.mark.usefixtures("told")
def test_what_can_not_be_told_is_said() -> None:
    for arguments, error, said in (
        (["terms", "nobody"], UnknownNameError, "no artist 'nobody'"),
        (["terms", "a1", "--as-of", "2020-01-01"], NotEnoughDataError, "Nothing was said"),
        (["terms", "a1", "--is-a", "user"], ConfigurationError, "about users"),
        (["terms", "a1", "--kind", "pair"], NotEnoughDataError, "Nothing was said"),
        (["similar", "u1", "--by", "text"], ConfigurationError, "listening only"),
        (["similar", "a1"], NotEnoughDataError, "nobody liked it"),
        (["similar", "x"], UnknownNameError, "no user, no track and no artist"),
    ):
        with pytest.raises(error, match=said):
            CliRunner().invoke(app, arguments, catch_exceptions=False)
