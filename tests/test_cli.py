"""Every command and option is in the manual, and a mistake is one clear line."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
import typer

from recommenders.cli import app
from recommenders.settings import PROJECT_ROOT, Settings

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_readme_documents_the_command_and_each_of_its_options(name: str) -> None:
    readme = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
    rows = [line for line in readme.splitlines() if line.startswith("|") and f"`mixtape {name}" in line]
    assert rows, f"mixtape {name} is not in README.md"
    for param in COMMANDS[name].params:
        if isinstance(param, click.Option) or param.param_type_name == "option":
            assert any(f"`{option}`" in rows[0] for option in param.opts), f"mixtape {name} {param.opts[0]}"


def test_every_setting_says_what_it_means() -> None:
    for name, field in Settings.model_fields.items():
        assert len(field.description or "") > 20, name


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["settings"], {"MIXTAPE_TIMEZONE": "Europe/Atlantis"}, "MIXTAPE_TIMEZONE"),
        (["settings"], {"MIXTAPE_WEB_PORT": "many"}, "MIXTAPE_WEB_PORT"),
        (["bench", "quality", "--seeds", "one"], {}, "whole numbers"),
        (["run", "monday_playlists", "--conf", "[1]"], {}, "JSON object"),
        (
            ["playlist", "ada"],
            {"MIXTAPE_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/x"},
            "Can't reach the database",
        ),
    ],
)
def test_a_mistake_is_one_clear_line(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], said: str
) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("mixtape")), *arguments],
        env=os.environ | {"MIXTAPE_HOME": str(tmp_path)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_never_show_a_password(tmp_path: Path) -> None:
    secret = {"MIXTAPE_DATABASE_URL": "postgresql://ada:hunter2@db.example/mixtape"}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("mixtape")), "settings"],
        env=os.environ | {"MIXTAPE_HOME": str(tmp_path)} | secret,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "hunter2" not in done.stdout
    assert "ada:***@db.example" in done.stdout
