"""`mixtape dials` and `mixtape whatif`: what a listener has set, and what would be otherwise."""

import json

import pytest
from typer.testing import CliRunner, Result

from recommenders.cli import app
from recommenders.errors import ConfigurationError, MixtapeError, UnknownNameError
from recommenders.store import Artifacts, Store
from tests.playlists.conftest import Service, plant


@pytest.fixture(name="service")
def planted(store: Store, artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch) -> Service:
    """A planted service with a published Monday, that the settings name."""
    monkeypatch.setenv("MIXTAPE_DATABASE_URL", store.url.render_as_string(hide_password=False))
    monkeypatch.setenv("MIXTAPE_ARTIFACTS_URL", artifacts.url)
    service = Service(store, artifacts)
    service.promote(plant(service, 81))
    service.run()
    return service


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


def said(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_dials_are_set_shown_and_taken_back(service: Service) -> None:
    assert "their own" not in said("dials", "user 4")
    shown = said(
        "dials", "user 4", "--adventurousness", "0.5", "--length", "20", "--fresh", "0", "--never", "Christmas"
    )
    assert shown.count("their own") == 3
    assert "│ never │ christmas │ blocked │" in shown
    assert said("dials", "user 4", "--per-artist", "1", "--per-release", "3").count("their own") == 5
    assert "christmas" not in said("dials", "user 4", "--allow", "christmas")
    assert "their own" not in said("dials", "user 4", "--reset")


def test_what_would_be_otherwise_is_a_table_or_json(service: Service) -> None:
    table = said("whatif", "user 4", "--dial", "length=10", "--dial", "adventurousness=0.8")
    assert "As published" in table and "As it would be" in table and "go; found in" in table
    heard = service.sql(
        "SELECT outside_id, a.name FROM heard JOIN track_ids USING (track_id) JOIN track_artists USING (track_id) "
        "JOIN artists a USING (artist_id) WHERE user_id = :u ORDER BY 1 LIMIT 1",
        u=service.users[4],
    )
    asked = ("whatif", "user 4", "--without", heard[0][0], "--without-artist", heard[0][1], "--json")
    found = json.loads(run(*asked).output)
    assert len(found["published"]["songs"]) == len(found["changed"]["songs"]) == 30
    assert found["remade"] is True and {"came", "went", "seconds"} < set(found)


@pytest.mark.parametrize(
    ("arguments", "error", "names"),
    [
        (("dials", "user 4", "--length", "3"), ConfigurationError, "length: "),
        (("dials", "user 4", "--allow", "polka"), UnknownNameError, "'polka'"),
        (("whatif", "user 4", "--dial", "length"), ConfigurationError, "write a name and a number"),
        (("whatif", "user 4", "--dial", "volume=11"), ConfigurationError, "There are adventurousness"),
        (("whatif", "nobody"), UnknownNameError, "'nobody'"),
    ],
)
def test_a_mistake_is_named(
    service: Service, arguments: tuple[str, ...], error: type[MixtapeError], names: str
) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, error)
    assert names in str(result.exception)
