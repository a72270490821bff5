"""A service may bring its listeners' dials along with them; what it leaves empty stays as it is."""

import datetime as dt
from pathlib import Path

import pytest
import sqlalchemy as sa

from recommenders.exchange.imports import import_path
from recommenders.store import Store
from recommenders.store.dials import OwnDials, dials_of

NOW = dt.datetime(2026, 11, 23, 5, tzinfo=dt.UTC)
HEADER = "user_id,name,adventurousness,min_fresh,length,max_per_artist,max_per_release\n"


def bring(store: Store, folder: Path, lines: str, *, days: int = 0, header: str = HEADER) -> tuple[int, int]:
    """Import users of these lines; rows that changed something, and rows set aside."""
    (folder / "users.csv").write_text(header + lines)
    (report,) = import_path(store, "users", folder / "users.csv", now=NOW + dt.timedelta(days=days))
    return report.rows_new, report.rows_rejected


def own(store: Store, user: str) -> OwnDials:
    with store.begin() as connection:
        found = connection.execute(
            sa.text("SELECT user_id FROM user_ids WHERE outside_id = :user"), {"user": user}
        ).scalar_one()
        return dials_of(connection, found)


def test_dials_come_with_users_and_an_empty_field_leaves_what_is_set(store: Store, tmp_path: Path) -> None:
    assert bring(store, tmp_path, "u1,Ann,0.25,4,20,,\nu2,Bob,,,,,\n") == (2, 0)
    assert own(store, "u1") == OwnDials(adventurousness=0.25, min_fresh=4, length=20)
    assert own(store, "u2") == OwnDials()
    assert bring(store, tmp_path, "u1,Ann,-1,,,1,\nu2,Bob,,,,,\n", days=1) == (1, 0)
    assert own(store, "u1") == OwnDials(adventurousness=-1, min_fresh=4, length=20, max_per_artist=1)
    assert bring(store, tmp_path, "u1,Anna,,,,,\n", days=2) == (1, 0)
    assert own(store, "u1").length == 20


def test_the_same_file_a_day_later_changes_nothing(store: Store, tmp_path: Path) -> None:
    lines = "u1,Ann,0.1,4,20,2,3\nu2,Bob,0.7,,,,\n"
    assert bring(store, tmp_path, lines) == (2, 0)
    bring(store, tmp_path, lines + "u3,Cem,,,,,\n", days=1)
    with store.begin() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM user_dials")).scalar_one() == 2


def test_files_without_dials_are_users_as_before(store: Store, tmp_path: Path) -> None:
    assert bring(store, tmp_path, "u1,Ann\n", header="user_id,name\n") == (1, 0)
    assert own(store, "u1") == OwnDials()


@pytest.mark.parametrize(
    "line", ["u1,Ann,1.5,,,,", "u1,Ann,,,4,,", "u1,Ann,,,101,,", "u1,Ann,,,,0,", "u1,Ann,,much,,,"]
)
def test_a_dial_that_can_not_be_is_set_aside_with_its_line(store: Store, tmp_path: Path, line: str) -> None:
    assert bring(store, tmp_path, f"{line}\nu2,Bob,0.5,,,,\n") == (1, 1)
    assert own(store, "u2") == OwnDials(adventurousness=0.5)
