"""`mixtape report` and `mixtape status`, as somebody at a terminal sees a week's figures and alarms."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from recommenders.cli import app
from recommenders.errors import ConfigurationError, UnknownNameError
from recommenders.store import Store
from tests.evaluation.mixtapes import Event, Planted, Song
from tests.evaluation.test_report import BEFORE, WEEK, at, context, report

HOSTILE = "[red]x[/red] \x1b[31m"


@pytest.fixture
def served(store: Store, monkeypatch: pytest.MonkeyPatch) -> Planted:
    """Two weeks of two users' mixtapes, the second with a song that everybody else knows, and their reports."""
    planted = Planted(store, 2, [Song((n,), n) for n in range(1, 5)])
    planted.publish(BEFORE, {1: [1, 2, 3], 2: [2, 3, 4]})
    planted.publish(WEEK, {1: [2, 3, 4], 2: [1, 2, 3]}, sources={1: [1, 1, 5]})
    for week in (BEFORE, WEEK):
        report(planted, week=week)
    monkeypatch.setenv("MIXTAPE_DATABASE_URL", store.url.render_as_string(hide_password=False))
    return planted


def _say(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def _rows(output: str) -> dict[str, list[str]]:
    lines = [line.strip("│").split("│") for line in output.splitlines() if "│" in line]
    return {cells[0].strip(): [cell.strip() for cell in cells[2:]] for cells in lines}


@pytest.mark.usefixtures("served")
def test_the_figures_of_the_newest_week_stand_beside_those_before_and_alarms_below() -> None:
    said = _say("report")
    rows = _rows(said)
    assert rows["Mixtapes"] == ["2", "2", "+0 %"]
    assert rows["Repeated songs"] == ["66.7 %", "–", "–"]
    assert rows["from popular"] == ["16.7 %", "0.0 %", "–"]
    assert "alarm   There is no champion model yet" in said
    assert f"Mixtapes of {BEFORE}" in _say("report", "--week", BEFORE.isoformat())


@pytest.mark.usefixtures("served")
def test_a_program_reads_the_same_as_json() -> None:
    told = json.loads(_say("report", "--week", WEEK.isoformat(), "--json"))
    assert (told["week"], told["edition_id"], told["complete"]) == (WEEK.isoformat(), 2, True)
    assert told["figures"]["sources"] == pytest.approx({"mix": 5 / 6, "popular": 1 / 6})
    assert told["drift"]["mixtapes"] == {"mean": 2, "weeks": 1, "change": 0}
    assert told["alarms"][0].startswith("There is no champion model yet")


@pytest.mark.usefixtures("served")
def test_a_week_without_a_report_or_that_is_no_day_is_one_clear_sentence() -> None:
    with pytest.raises(UnknownNameError, match="no report of the week of 2026-01-05: trigger the DAG weekly_report"):
        _say("report", "--week", "2026-01-05")
    with pytest.raises(ConfigurationError, match="--week soon: give a day as YYYY-MM-DD"):
        _say("report", "--week", "soon")


def test_what_is_stored_is_not_read_as_markup(served: Planted) -> None:
    with served.store.begin() as connection:
        connection.execute(sa.text("UPDATE reports SET alarms = ARRAY[:alarm]"), {"alarm": HOSTILE})
        connection.execute(
            sa.text("UPDATE reports SET figures = jsonb_set(figures, '{sources}', CAST(:sources AS jsonb))"),
            {"sources": json.dumps({"[red]y": 1.0})},
        )
    said = _say("report")
    assert "[red]x[/red]" in said and "from [red]y" in said


def test_a_trial_is_told_with_both_sides_figures_and_who_wins(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty listeners; everybody plays both of the candidate's songs, every other one the champion's."""
    planted = Planted(store, 30, [Song((n,), n) for n in range(1, 5)])
    champion, tried = planted.champion(at(WEEK, -24)), planted.champion(at(WEEK, -24), "rejected")
    sides = {user: [1, 2, 1, 2] if user % 2 else [2, 1, 2, 1] for user in range(1, 31)}
    lists = {user: [1, 2, 3, 4] for user in range(1, 31)}
    planted.publish(WEEK, lists, teams=sides, model_id=champion, trial_model_id=tried, length=4)
    planted.happen(
        Event(at(WEEK, 30), user, song, ms=60_000, context=context(WEEK))
        for user, own in sides.items()
        for song, side in enumerate(own, start=1)
        if side == 2 or user % 4 < 2
    )
    report(planted)
    monkeypatch.setenv("MIXTAPE_DATABASE_URL", store.url.render_as_string(hide_password=False))
    said = _say("report")
    rows = {cells[0]: cells[1:] for cells in (_cells(line) for line in said.splitlines()) if len(cells) == 3}
    assert rows[""] == ["champion 1", "candidate 2"]
    assert rows["Songs on mixtapes"] == ["60", "60"]
    assert rows["Played for 30 s or more"] == ["30", "60"]
    assert rows["Credit per listener"] == ["1.00", "2.00"]
    plain = " ".join(said.split())
    assert "Model 2 wins against the champion 1: +100.0 % (+" in plain
    assert "To promote it, trigger the DAG retrain_collaborative with rollback_to = 2." in plain
    assert "15 listeners liked more of the candidate's songs, 0 more of the champion's, 15 as many." in plain
    assert "The candidate picked 50.0 % of the songs" in plain
    assert json.loads(_say("report", "--json"))["figures"]["trial"]["winner"] == "candidate"


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.replace("┃", "│").strip("│").split("│")]


def test_status_tells_the_alarms_of_the_last_weeks(
    served: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIXTAPE_HOME", str(tmp_path))
    result = CliRunner().invoke(app, ["status"], catch_exceptions=False)
    assert "alarm   There is no champion model yet" in result.output
