"""`mixtape taste`: an operator looks at what counts as a user's taste, and decides."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from recommenders.cli import app
from recommenders.store import Store
from tests.plugins.test_tasting import add_proposal
from tests.service import DAY, NOW, add_catalogue, add_events

Run = Callable[..., str]


@pytest.fixture
def run(store: Store) -> Run:
    """Runs `mixtape taste u1 ...`, and gives what it prints, without line breaks; over a user and a proposal."""
    with store.begin() as connection:
        add_catalogue(connection, 1, [1, 2, 3])
        connection.execute(sa.text("UPDATE artists SET name = 'The ' || name"))
        add_events(connection, [{"user": 1, "track": 1, "at": NOW - DAY, "device": "tablet", "context": "radio"}])
        add_proposal(connection)
    url = store.url.render_as_string(hide_password=False)

    def taste(*options: str) -> str:
        done = CliRunner().invoke(app, ["taste", "u1", *options], env={"MIXTAPE_DATABASE_URL": url, "COLUMNS": "200"})
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return " ".join(done.output.split())

    return taste


def test_it_lists_proposals_with_their_reasons(run: Run) -> None:
    said = run()
    assert "somebody else's" in said
    assert "on tablet" in said
    assert "95 % of the 40 plays of this music are on tablet" in said


def test_it_accepts_and_undoes(run: Run) -> None:
    assert "on tablet, and the music of proposal 1" in run("--accept", "1")
    assert "proposed" in run("--undo", "1")
    assert "declined" in run("--decline", "1")
    assert "proposed" in run("--reopen", "1")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--exclude-device", "tablet"], "on tablet │ 1"),
        (["--exclude-context", "radio"], "in radio │ 1"),
        (["--exclude-track", "t1"], "the song song 1 │ 1"),
        (["--exclude-artist", "n2"], "the artist The n2 │ 0"),
        (["--from", "2026-02-01", "--until", "2026-03-01T06:30"], "until 1 March 2026 06:30 │ 1"),
        (["--exclude-device", "tablet", "--until", "2026-02-01"], "on tablet, until 1 February 2026 00:00 │ 0"),
    ],
)
def test_it_excludes(run: Run, options: list[str], said: str) -> None:
    assert said in run(*options)
    assert said not in run("--undo", "1")


def test_what_is_no_day_is_one_clear_error(run: Run) -> None:
    from recommenders.errors import ConfigurationError, UnknownNameError

    with pytest.raises(ConfigurationError, match="YYYY-MM-DD"):
        run("--from", "yesterday")
    with pytest.raises(UnknownNameError, match="no proposal 7"):
        run("--accept", "7")
