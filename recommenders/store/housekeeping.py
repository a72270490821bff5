"""Housekeeping: what is made ahead of time, and what is removed when its time is over."""

import datetime as dt

import sqlalchemy as sa

from recommenders.store.artifacts import Artifacts
from recommenders.store.partitions import drop_event_months
from recommenders.timing import Stage

DAILY_WEEKS = 8  # of top terms: what rises is seen by the days of a week
CRAWLS_WEEKS = 26


def first_month_kept(today: dt.date, retention_months: int | None) -> dt.date | None:
    """The first day whose events are kept: months that ended `retention_months` before are dropped. None: all."""
    if retention_months is None:
        return None
    months = today.year * 12 + today.month - 1 - retention_months
    return dt.date(months // 12, months % 12 + 1, 1)


def drop_old_events(connection: sa.Connection, today: dt.date, retention_months: int | None) -> list[str]:
    """Drop the months of events that ended more than `retention_months` ago; return their names. None keeps all."""
    kept = first_month_kept(today, retention_months)
    if kept is None:
        return []
    stage = Stage("drop old events")
    dropped = drop_event_months(connection, kept)
    stage.done(len(dropped), "months")
    return dropped


def remove_old_editions(connection: sa.Connection, before: dt.datetime) -> list[int]:
    """Delete the editions made before `before` that no week is served from, with their lists; return their ids."""
    stage = Stage("remove old editions")
    removed = list(
        connection.execute(
            sa.text("""
                WITH old AS (SELECT week, edition_id FROM editions e
                             WHERE created_at < :before
                               AND NOT EXISTS (SELECT FROM weeks w WHERE w.edition_id = e.edition_id)),
                     lists AS (DELETE FROM playlists p USING old
                               WHERE p.week = old.week AND p.edition_id = old.edition_id)
                DELETE FROM editions e USING old WHERE e.edition_id = old.edition_id RETURNING e.edition_id
            """),
            {"before": before},
        ).scalars()
    )
    stage.done(len(removed), "editions")
    return removed


def remove_old_files(connection: sa.Connection, artifacts: Artifacts, before: dt.datetime) -> dict[str, int]:
    """Remove the working files of editions, and of models that never served, from before `before`; count both.

    The lists, the rows of the models and the files of every model that was ever champion, or tried since, stay.
    """
    stage = Stage("remove old files")
    folders = [name for name in artifacts.names("editions") if name.isdigit()]  # before the rows: a new one has a row
    kept = set(
        connection.execute(
            sa.text("SELECT edition_id FROM editions WHERE created_at >= :before"), {"before": before}
        ).scalars()
    )
    old = [name for name in folders if int(name) not in kept]
    for name in old:
        artifacts.remove(f"editions/{name}")
    uris = connection.execute(
        sa.text("""
            SELECT artifact_uri FROM models GROUP BY artifact_uri
            HAVING max(promoted_at) IS NULL AND max(trained_at) < :before
               AND NOT bool_or(model_id IN (SELECT trial_model_id FROM editions
                                            WHERE created_at >= :before AND trial_model_id IS NOT NULL))
        """),
        {"before": before},
    ).scalars()
    n_models = sum(artifacts.delete(uri) for uri in uris)
    stage.done(len(old) + n_models, "folders")
    return {"editions": len(old), "models": n_models}


def thin_out_reading(connection: sa.Connection, today: dt.date) -> dict[str, int]:
    """Keep the top terms of each day for DAILY_WEEKS, of earlier months the last of each, and the records of crawls for
    CRAWLS_WEEKS; count what was removed."""
    stage = Stage("thin out reading")
    before = today - dt.timedelta(weeks=DAILY_WEEKS)
    terms = connection.execute(
        sa.text("""
            DELETE FROM top_terms t
            WHERE as_of < :before AND EXISTS (
                SELECT FROM top_terms later
                WHERE later.entity_kind = t.entity_kind AND later.entity_id = t.entity_id
                  AND later.as_of > t.as_of AND later.as_of < :before
                  AND date_trunc('month', later.as_of) = date_trunc('month', t.as_of))
        """),
        {"before": before},
    ).rowcount
    crawls = connection.execute(
        sa.text("""
            DELETE FROM crawls c
            WHERE finished_at < :before
              AND EXISTS (SELECT FROM crawls later WHERE later.site_id = c.site_id AND later.crawl_id > c.crawl_id)
        """),
        {"before": today - dt.timedelta(weeks=CRAWLS_WEEKS)},
    ).rowcount
    stage.done(terms + crawls, "rows")
    return {"top_terms": terms, "crawls": crawls}


def analyze(connection: sa.Connection) -> None:
    """Tell Postgres' planner what the tables hold by now, partitioned parents included."""
    stage = Stage("analyze")
    connection.execute(sa.text("ANALYZE"))
    n_tables = connection.execute(
        sa.text("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema")
    ).scalar_one()
    stage.done(n_tables, "tables")
