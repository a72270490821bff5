"""The page of reports: a week's figures beside those before, its pictures, its alarms; whatever is stored is text."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from recommenders.store import Store
from tests.plugins.conftest import HOSTILE_ID, NOW, SCRIPT, WEEK
from tests.plugins.test_pages import Page

INSERT = sa.text("""
    INSERT INTO reports (week, run_key, edition_id, until, complete, figures, drift, alarms, made_at)
    VALUES (:week, :run_key, :edition, :until, :complete, :figures, :drift, :alarms, :made_at)
""")
FIGURES = {
    "mixtapes": 1234,
    "reach": 0.5,
    "depth": 7.25,
    "retention": 0.75,
    "saves": None,
    "coverage": 0.4,
    "depth_counts": {"0": 1, "4": 2, "30": 1},
    "sources": {"mix": 0.75, "popular": 0.25},
}
DRIFT = {
    "reach": {"mean": 0.625, "weeks": 4, "change": -0.2},
    "coverage": {"mean": 0.0, "weeks": 4, "change": None},
    "sources": {"popular": {"mean": 0.2, "weeks": 4, "change": 0.25}},
}


def add_report(connection: sa.Connection, weeks_ago: int, **values: Any) -> None:
    week = WEEK - dt.timedelta(weeks=weeks_ago)
    row = {
        "week": week,
        "run_key": "weekly_report/manual",
        "edition": None,
        "until": NOW,
        "complete": weeks_ago > 0,
        "figures": FIGURES,
        "drift": DRIFT,
        "alarms": [],
        "made_at": NOW - dt.timedelta(hours=2),
    } | values
    connection.execute(INSERT, row | {"figures": json.dumps(row["figures"]), "drift": json.dumps(row["drift"])})


@pytest.fixture
def reader(store: Store, shop_of: Callable[[Store], None], client_of: Callable[[Store], Any]) -> Any:
    """A browser over a service with this week's report, last week's, and that of four weeks ago, whose names attack."""
    shop_of(store)
    with store.begin() as connection:
        add_report(connection, 0, edition=2, alarms=["Something is wrong with this week."])
        add_report(connection, 1, edition=1, alarms=["Reach has fallen.", SCRIPT])
        add_report(connection, 2, figures=FIGURES | {"reach": 0.25})
        add_report(
            connection,
            4,
            run_key=HOSTILE_ID,
            figures=FIGURES | {"sources": {SCRIPT: 1.0}, "reach": 1.0},
            drift={"sources": {SCRIPT: {"mean": 0.1, "weeks": 1, "change": 9.0}}},
            alarms=[f"Too many songs from “{SCRIPT}”, by {HOSTILE_ID}."],
        )
    return client_of(store)


def test_the_page_shows_the_newest_week_that_was_over_with_what_was_before(reader: Any) -> None:
    words = Page(reader.get("/report")).words
    assert (
        "Mixtapes of 16 November 2026 Edition 1. The week is over. Reported 2 hours ago by weekly_report/manual."
        in words
    )
    assert "Reach of users with a mixtape opened it 50.0 % 62.5 % −20 %" in words
    assert "Depth songs played for 30 s or more, per opened mixtape 7.25 – –" in words
    assert "Mixtapes 1,234 – –" in words
    assert "Saves songs saved or loved, per opened mixtape – – –" in words
    assert "Coverage of the catalogue is on some mixtape 40.0 % 0.0 % –" in words
    assert "How far they were heard Songs played Share as a bar Users 0 1 1 to 2 0 3 to 5 2" in words
    assert "21 and more 1" in words
    assert "Popular popular with everybody 25.0 % 20.0 % +25 %" in words
    assert f"Reach has fallen. {SCRIPT}" in words
    assert "Of other weeks: Something is wrong with this week." in words


def test_the_picture_of_a_figure_has_each_week_at_its_height_and_breaks_where_there_is_none(reader: Any) -> None:
    page = Page(reader.get("/report"))
    labels = [str(a.get("aria-label")) for tag, a in page.elements if tag == "svg" and a.get("class") == "weeks"]
    assert labels[0] == "Reach: 2026-10-26: 100.0 %, 2026-11-09: 25.0 %, 2026-11-16: 50.0 %"
    first = next(n for n, (tag, a) in enumerate(page.elements) if tag == "svg" and a.get("class") == "weeks")
    shapes = [(tag, a) for tag, a in page.elements[first + 1 : first + 4] if tag in ("polyline", "circle")]
    # Of 28 units 20 are the scale: a quarter stands 5 above the base at 24, a half 10; a third of the way is a week.
    assert shapes[0] == ("polyline", {"points": "78.7,19.0 116.0,14.0"})
    assert shapes[1][1]["cy"] == "14.0"


def test_a_week_that_goes_on_says_so_and_its_listening_is_not_drawn(reader: Any) -> None:
    page = Page(reader.get("/report", params={"week": str(WEEK)}))
    assert "The week goes on: listening is known until Mon 23 Nov 2026, 09:00 UTC" in page.words
    labels = [str(a.get("aria-label")) for tag, a in page.elements if tag == "svg" and a.get("class") == "weeks"]
    assert not [label for label in labels if label.startswith("Reach") and str(WEEK) in label]
    assert [label for label in labels if label.startswith("Coverage") and str(WEEK) in label]


def test_a_week_without_mixtapes_has_its_alarm_and_no_figures(reader: Any, store: Store) -> None:
    with store.begin() as connection:
        add_report(connection, 5, figures={"mixtapes": 0, "published": False}, drift={}, alarms=["There are none."])
    words = Page(reader.get("/report", params={"week": str(WEEK - dt.timedelta(weeks=5))})).words
    assert "There are none." in words and "Mixtapes 0 – –" in words
    assert "How far they were heard" not in words and "Where the songs came from" not in words


def test_any_week_with_a_report_can_be_chosen(reader: Any) -> None:
    page = Page(reader.get("/report"))
    options = [attributes["value"] for tag, attributes in page.elements if tag == "option"]
    assert options == [str(WEEK - dt.timedelta(weeks=n)) for n in (0, 1, 2, 4)]
    missing = reader.get("/report", params={"week": "2026-11-02"})
    assert missing.status_code == 404
    assert "There is no report of the week of 2 November 2026." in Page(missing).words
    assert reader.get("/report?week=monday").status_code == 422


def test_alarms_stand_on_the_first_page_those_of_old_weeks_do_not(reader: Any) -> None:
    page = Page(reader.get("/"))
    assert "Something is wrong with this week. Reach has fallen." in page.words
    assert "Too many songs" not in page.words
    assert "report" in page.links


@pytest.mark.parametrize("weeks_ago", [0, 1, 4])
def test_what_is_stored_is_text_and_never_markup(reader: Any, weeks_ago: int) -> None:
    address = {"week": str(WEEK - dt.timedelta(weeks=weeks_ago))}
    for response in (reader.get("/report", params=address), reader.get("/")):
        page = Page(response)
        assert response.status_code == 200
        assert not [tag for tag, _ in page.elements if tag in ("script", "b", "i", "img")]
        assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    if weeks_ago == 4:
        words = Page(reader.get("/report", params=address)).words
        assert f"by {' '.join(HOSTILE_ID.split())}." in words
        assert f"{SCRIPT} 100.0 % 10.0 % +900 %" in words


TRIAL = {
    "champion": 7,
    "candidate": 12,
    "share": 0.5,
    "mixtapes": 600,
    "users": 1200,
    "sides": {
        "champion": {"songs": 9000, "plays": 2100, "saves": 12, "loves": 3, "skips": 800, "credit": 1.76},
        "candidate": {"songs": 9001, "plays": 2270, "saves": 15, "loves": 4, "skips": 700, "credit": None},
    },
    "verdict": f"Model 12 wins: +8.1 % {SCRIPT}.",
    "advice": "To promote it, trigger the DAG retrain_collaborative with rollback_to = 12.",
    "counted": "500 listeners liked more.",
    "placed": "The candidate picked 50.1 % of the songs.",
}


def test_a_trial_is_shown_with_both_sides_figures_the_winner_and_what_to_do(reader: Any, store: Store) -> None:
    with store.begin() as connection:
        add_report(connection, 1, run_key="trial", figures=FIGURES | {"trial": TRIAL}, made_at=NOW)
    page = Page(reader.get("/report"))
    assert f"Model 12 wins: +8.1 % {SCRIPT}. To promote it, trigger the DAG retrain_collaborative" in page.words
    assert "Champion 7 Candidate 12 Songs on mixtapes 9,000 9,001 Played for 30 s or more 2,100 2,270" in page.words
    assert "Skipped 800 700 Credit per listener 1.76 –" in page.words
    assert "500 listeners liked more. The candidate picked 50.1 % of the songs." in page.words
    assert not [tag for tag, _ in page.elements if tag == "script"]
    assert "Trial" not in Page(reader.get("/report", params={"week": str(WEEK)})).words


def test_before_the_first_report_the_page_says_where_it_comes_from(
    store: Store, client_of: Callable[[Store], Any]
) -> None:
    response = client_of(store).get("/report")
    assert response.status_code == 200
    assert "the DAG weekly_report runs when monday_playlists has published a week" in Page(response).words
