"""What is over is removed, what listeners were given is not."""

import datetime as dt
import json

import pyarrow as pa
import sqlalchemy as sa

from recommenders.store import Artifacts, Store
from recommenders.store.housekeeping import (
    analyze,
    drop_old_events,
    remove_old_editions,
    remove_old_files,
    thin_out_reading,
)
from recommenders.store.partitions import ensure_event_months, ensure_playlist_week

TODAY = dt.date(2026, 3, 31)
OLD = dt.datetime(2025, 6, 2, tzinfo=dt.UTC)
LIMIT = dt.datetime(2025, 9, 1, tzinfo=dt.UTC)
NEW = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
TABLE = pa.table({"a": [1]})


def _edition(connection: sa.Connection, artifacts: Artifacts, at: dt.datetime, served: bool) -> int:
    week = at.date()
    ensure_playlist_week(connection, week)
    connection.execute(
        sa.text("INSERT INTO weeks (week, cutoff, seed) VALUES (:week, :at, 1) ON CONFLICT DO NOTHING"),
        {"week": week, "at": at},
    )
    edition_id: int = connection.execute(
        sa.text("""
            INSERT INTO editions (week, state, dry_run, cutoff, seed, parameters, package_version, created_at)
            VALUES (:week, :state, false, :at, 1, '{}', '0', :at) RETURNING edition_id
        """),
        {"week": week, "at": at, "state": "published" if served else "failed"},
    ).scalar_one()
    connection.execute(
        sa.text("""
            INSERT INTO playlists VALUES (:week, :id, 1, '{1}', '{1}', '{1}', '{1}', '{0,0}', '{0}', 0)
        """),
        {"week": week, "id": edition_id},
    )
    if served:
        connection.execute(
            sa.text("UPDATE weeks SET edition_id = :id WHERE week = :week"), {"id": edition_id, "week": week}
        )
    artifacts.write(f"editions/{edition_id}/shelf", TABLE)
    return edition_id


def _model(
    connection: sa.Connection, artifacts: Artifacts, name: str, status: str, promoted_at: dt.datetime | None
) -> None:
    connection.execute(
        sa.text("""
            INSERT INTO models (kind, space, status, trained_at, cutoff, promoted_at, parameters, metrics, artifact_uri,
                                package_version)
            VALUES ('collaborative', 1, :status, :at, :at, :promoted_at, '{}', '{}', :uri, '0')
        """),
        {"status": status, "at": OLD, "promoted_at": promoted_at, "uri": artifacts.write(f"models/{name}", TABLE)},
    )


def test_only_months_past_their_retention_are_dropped(store: Store) -> None:
    months = [dt.date(2025, 12, 1), dt.date(2026, 1, 1), dt.date(2026, 2, 1), dt.date(2026, 3, 1)]
    with store.begin() as connection:
        ensure_event_months(connection, months)
        assert drop_old_events(connection, TODAY, None) == []
        assert drop_old_events(connection, TODAY, 2) == ["events_2025_12"]
        assert drop_old_events(connection, dt.date(2027, 1, 31), 12) == []
        assert drop_old_events(connection, dt.date(2027, 2, 1), 12) == ["events_2026_01"]


def test_an_old_edition_goes_unless_a_week_is_served_from_it(store: Store, artifacts: Artifacts) -> None:
    with store.begin() as connection:
        failed, served = (_edition(connection, artifacts, OLD, served=s) for s in (False, True))
        recent = _edition(connection, artifacts, NEW, served=False)
        assert remove_old_editions(connection, LIMIT) == [failed]
        assert remove_old_editions(connection, LIMIT) == []
        left = connection.execute(sa.text("SELECT edition_id FROM playlists ORDER BY 1")).scalars().all()
        assert left == [served, recent]


def test_working_files_go_with_their_time(store: Store, artifacts: Artifacts) -> None:
    with store.begin() as connection:
        _edition(connection, artifacts, OLD, served=True)
        recent = _edition(connection, artifacts, NEW, served=True)
        assert remove_old_files(connection, artifacts, LIMIT) == {"editions": 1, "models": 0}
    assert artifacts.names("editions") == [str(recent)]


def test_the_files_of_a_model_that_ever_served_are_kept(store: Store, artifacts: Artifacts) -> None:
    with store.begin() as connection:
        _model(connection, artifacts, "rejected", "rejected", None)
        _model(connection, artifacts, "retired", "retired", OLD)
        _model(connection, artifacts, "retired", "rejected", None)  # a roll-back that failed names the same file
        _model(connection, artifacts, "champion", "champion", OLD)
        assert remove_old_files(connection, artifacts, LIMIT) == {"editions": 0, "models": 1}
        assert remove_old_files(connection, artifacts, LIMIT) == {"editions": 0, "models": 0}
    assert artifacts.names("models") == ["champion.parquet", "retired.parquet"]


def test_the_files_of_a_model_that_is_on_trial_are_kept(store: Store, artifacts: Artifacts) -> None:
    with store.begin() as connection:
        for name, at in (("tried long ago", OLD), ("on trial", NEW)):
            _model(connection, artifacts, name, "rejected", None)
            edition = _edition(connection, artifacts, at, served=True)
            connection.execute(
                sa.text(
                    "UPDATE editions SET trial_share = 1, trial_model_id = (SELECT max(model_id) FROM models) "
                    "WHERE edition_id = :id"
                ),
                {"id": edition},
            )
        assert remove_old_files(connection, artifacts, LIMIT)["models"] == 1
    assert artifacts.names("models") == ["on trial.parquet"]


def test_statistics_are_refreshed_for_partitioned_tables_too(store: Store) -> None:
    with store.begin() as connection:
        ensure_event_months(connection, [TODAY])
        connection.execute(
            sa.text("""
                INSERT INTO events (occurred_at, event_id, user_id, track_id, kind)
                SELECT '2026-03-01', n, n, 1, 'play' FROM generate_series(1, 500) AS n
            """)
        )
        analyze(connection)
        plan = connection.execute(sa.text("EXPLAIN (FORMAT JSON) SELECT FROM events")).scalar_one()
    assert (plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]["Plan Rows"] == 500


def test_top_terms_are_kept_for_each_day_of_eight_weeks_and_before_that_for_each_month(store: Store) -> None:
    today = dt.date(2026, 11, 24)
    days = [today - dt.timedelta(days=days) for days in range(120)]
    with store.begin() as connection:
        connection.execute(
            sa.text("""
                INSERT INTO top_terms (entity_kind, entity_id, as_of, articles, term_ids, weights)
                VALUES ('artist', 1, :day, 1, '{}', '{}'), ('track', 1, :day, 1, '{}', '{}')
            """),
            [{"day": day} for day in days],
        )
        removed = thin_out_reading(connection, today)
        left = connection.execute(
            sa.text("SELECT as_of FROM top_terms WHERE entity_kind = 'artist' ORDER BY as_of DESC")
        ).scalars()
        kept = list(left)
    assert kept[:57] == days[:57]
    assert kept[57:] == [dt.date(2026, 9, 28), dt.date(2026, 8, 31), dt.date(2026, 7, 31)]
    assert removed["top_terms"] == 2 * (120 - len(kept))


def test_old_crawls_are_forgotten_but_the_last_of_each_site(store: Store) -> None:
    with store.begin() as connection:
        connection.execute(
            sa.text("""
                INSERT INTO sites (url, name, kind, added_at, next_crawl_at)
                VALUES ('https://a.example/', 'a', 'pages', now(), now()),
                       ('https://b.example/', 'b', 'pages', now(), now());
                INSERT INTO crawls (site_id, started_at, finished_at)
                VALUES (1, '2026-01-01', '2026-01-01'), (1, '2026-11-01', '2026-11-01'), (2, '2026-01-01', '2026-01-01')
            """)
        )
        assert thin_out_reading(connection, dt.date(2026, 11, 24))["crawls"] == 1
        assert list(connection.execute(sa.text("SELECT crawl_id FROM crawls ORDER BY 1")).scalars()) == [2, 3]
