"""Weeks, editions and playlists: what is planned, written, published and read."""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from recommenders.errors import UnknownNameError
from recommenders.store.bulk import copy_in_binary, copy_out, fetch_table
from recommenders.store.database import advisory_lock
from recommenders.store.partitions import ensure_playlist_week


@dataclass(frozen=True)
class Edition:
    """One attempt at a week."""

    edition_id: int
    week: dt.date
    state: str
    dry_run: bool
    cutoff: dt.datetime
    seed: int
    model_id: int | None
    parameters: dict[str, Any]
    figures: dict[str, Any]
    warnings: list[str]
    trial_model_id: int | None  # tried beside `model_id`, on the mixtapes of `trial_share` of the users
    trial_share: float | None
    ranker_id: int | None


def plan_edition(
    connection: sa.Connection,
    *,
    week: dt.date,
    run_key: str,
    dry_run: bool,
    cutoff: dt.datetime,
    seed: int,
    model_id: int | None,
    parameters: Mapping[str, Any],
    warnings: list[str],
    package_version: str,
    now: dt.datetime,
    trial_model_id: int | None = None,
    trial_share: float | None = None,
    ranker_id: int | None = None,
) -> int:
    """Make the week, its partition and the edition of the run `run_key`; return the edition's id.

    A run that plans again gets its edition back, emptied; one whose edition is already published gets a new edition,
    because what readers see is never rewritten.
    """
    advisory_lock(connection, "week", week)
    ensure_playlist_week(connection, week)
    values = {
        "week": week,
        "run_key": run_key,
        "dry_run": dry_run,
        "cutoff": cutoff,
        "seed": seed,
        "model_id": model_id,
        "parameters": json.dumps(parameters),
        "warnings": warnings,
        "version": package_version,
        "now": now,
        "trial_model_id": trial_model_id,
        "trial_share": trial_share,
        "ranker_id": ranker_id,
    }
    connection.execute(
        sa.text("INSERT INTO weeks (week, cutoff, seed) VALUES (:week, :cutoff, :seed) ON CONFLICT DO NOTHING"), values
    )
    connection.execute(
        sa.text("UPDATE editions SET run_key = NULL WHERE run_key = :run_key AND state = 'published'"), values
    )
    edition_id: int = connection.execute(
        sa.text("""
            INSERT INTO editions (week, run_key, state, dry_run, cutoff, seed, model_id, parameters, warnings,
                                  package_version, created_at, trial_model_id, trial_share, ranker_id)
            VALUES (:week, :run_key, 'planned', :dry_run, :cutoff, :seed, :model_id, :parameters, :warnings,
                    :version, :now, :trial_model_id, :trial_share, :ranker_id)
            ON CONFLICT (run_key) DO UPDATE
                SET week = excluded.week, state = excluded.state, dry_run = excluded.dry_run,
                    cutoff = excluded.cutoff, seed = excluded.seed, model_id = excluded.model_id,
                    parameters = excluded.parameters, warnings = excluded.warnings, figures = '{}',
                    package_version = excluded.package_version, trial_model_id = excluded.trial_model_id,
                    trial_share = excluded.trial_share, ranker_id = excluded.ranker_id
            RETURNING edition_id
        """),
        values,
    ).scalar_one()
    connection.execute(sa.text("DELETE FROM playlists WHERE edition_id = :id"), {"id": edition_id})
    return edition_id


def edition(connection: sa.Connection, edition_id: int) -> Edition:
    """The edition of this id; raises UnknownNameError."""
    row = connection.execute(
        sa.text("""
            SELECT edition_id, week, state, dry_run, cutoff, seed, model_id, parameters, figures, warnings,
                   trial_model_id, trial_share, ranker_id
            FROM editions WHERE edition_id = :id
        """),
        {"id": edition_id},
    ).one_or_none()
    if row is None:
        raise UnknownNameError(f"There is no edition {edition_id}.")
    return Edition(**row._mapping)


def week_cutoff(connection: sa.Connection, week: dt.date) -> dt.datetime | None:
    """The cut-off with which `week` was last published or else first planned; None for a week never planned."""
    cutoff: dt.datetime | None = connection.execute(
        sa.text("SELECT cutoff FROM weeks WHERE week = :week"), {"week": week}
    ).scalar()
    return cutoff


def editions_in_the_making(connection: sa.Connection, week: dt.date, memory_weeks: int) -> list[str]:
    """The run keys of unpublished editions of the `memory_weeks` weeks before and after `week`, other than its own.

    Some of these runs may have ended long ago without publishing.
    """
    return list(
        connection.execute(
            sa.text("""
                SELECT run_key FROM editions
                WHERE state IN ('planned', 'verified') AND run_key IS NOT NULL AND week <> :week
                  AND week BETWEEN :week - 7 * :memory AND :week + 7 * :memory
            """),
            {"week": week, "memory": memory_weeks},
        ).scalars()
    )


def unpublished_runs(connection: sa.Connection) -> list[str]:
    """The run keys of the editions that are planned and not yet verified; some of the runs may have ended long ago."""
    query = "SELECT run_key FROM editions WHERE state = 'planned' AND run_key IS NOT NULL"
    return list(connection.execute(sa.text(query)).scalars())


def published_edition(connection: sa.Connection, week: dt.date | None = None) -> tuple[dt.date, int] | None:
    """The published (week, edition id) of `week`, or of the newest published week; None when there is none."""
    row = connection.execute(
        sa.text("""
            SELECT week, edition_id FROM weeks
            WHERE edition_id IS NOT NULL AND week = coalesce(CAST(:week AS date), week) ORDER BY week DESC LIMIT 1
        """),
        {"week": week},
    ).one_or_none()
    return None if row is None else (row.week, row.edition_id)


def conclude_edition(connection: sa.Connection, edition_id: int, state: str, figures: Mapping[str, Any]) -> None:
    """Set the edition's state and add to its figures."""
    connection.execute(
        sa.text("UPDATE editions SET state = :state, figures = figures || :figures WHERE edition_id = :id"),
        {"id": edition_id, "state": state, "figures": json.dumps(figures)},
    )


def publish_edition(connection: sa.Connection, published: Edition, now: dt.datetime) -> bool:
    """Let readers see this edition: one row's update. Published again, it keeps the moment of the first time.

    False when an edition of the week is out already that is newer or knows more: a scheduled run that comes late does
    not take away what was made by hand since.
    """
    advisory_lock(connection, "week", published.week)
    updated = connection.execute(
        sa.text("""
            UPDATE weeks SET edition_id = :id, cutoff = :cutoff, seed = :seed,
                             published_at = CASE WHEN edition_id = :id THEN published_at ELSE :now END
            WHERE week = :week AND (edition_id IS NULL OR edition_id <= :id AND cutoff <= :cutoff)
        """),
        {
            "id": published.edition_id,
            "week": published.week,
            "now": now,
            "cutoff": published.cutoff,
            "seed": published.seed,
        },
    ).rowcount
    if updated:
        connection.execute(
            sa.text(
                "UPDATE editions SET state = 'published', published_at = coalesce(published_at, :now) "
                "WHERE edition_id = :id"
            ),
            {"id": published.edition_id, "now": now},
        )
    return bool(updated)


@dataclass(frozen=True)
class Playlists:
    """Lists of one length: `user_ids` (n,), `reason_ids` and `reason_terms` (n, 2 x length), `short_reason` (n,), the
    rest (n, length). No `reason_terms`: no reason names any.

    `teams` says which side of a trial picked each song; None for users who are in none.
    """

    user_ids: npt.NDArray[np.int64]
    track_ids: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    sources: npt.NDArray[np.int16]
    reason_codes: npt.NDArray[np.int16]
    reason_ids: npt.NDArray[np.int64]
    bends: npt.NDArray[np.int16]
    short_reason: npt.NDArray[np.int16]
    teams: npt.NDArray[np.int16] | None = None
    reason_terms: npt.NDArray[np.int32] | None = None


def delete_playlists(connection: sa.Connection, of: Edition, users: tuple[int, int]) -> None:
    """Delete the lists of the half-open range `users` in this edition."""
    connection.execute(
        sa.text("DELETE FROM playlists WHERE week = :week AND edition_id = :id AND user_id >= :lo AND user_id < :hi"),
        {"week": of.week, "id": of.edition_id, "lo": users[0], "hi": users[1]},
    )


def write_playlists(connection: sa.Connection, of: Edition, lists: list[Playlists]) -> None:
    """Add lists to this edition; their users must have none in it."""
    days = (np.datetime64(of.week) - np.datetime64("2000-01-01")).astype(np.int32)
    for group in lists:
        n_users = len(group.user_ids)
        columns: dict[str, npt.NDArray[Any]] = {
            "week": np.full(n_users, days, dtype=np.int32),
            "edition_id": np.full(n_users, of.edition_id, dtype=np.int64),
            "user_id": group.user_ids,
            "track_ids": group.track_ids,
            "scores": group.scores,
            "sources": group.sources,
            "reason_codes": group.reason_codes,
            "reason_ids": group.reason_ids,
            "bends": group.bends,
            "short_reason": group.short_reason,
        }
        for name, values in (("teams", group.teams), ("reason_terms", group.reason_terms)):
            if values is not None:
                columns[name] = values
        copy_in_binary(connection, "playlists", columns)


def songs_of(connection: sa.Connection, edition_id: int, user_id: int) -> pa.Table:
    """The songs of one list in their order, with everything that a page shows about each."""
    return fetch_table(
        connection,
        """
        SELECT p.position, p.track_id, coalesce(i.outside_id, p.track_id::text) AS outside_id, t.title,
               (SELECT array_agg(a.name ORDER BY c.position) FROM track_artists c JOIN artists a USING (artist_id)
                WHERE c.track_id = t.track_id AND c.role = 'main') AS artists,
               r.title AS release, t.duration_s, t.audio_uri, p.score, p.source, p.reason,
               (SELECT array_agg(named.title ORDER BY given.place)
                FROM unnest(p.reason_track_ids) WITH ORDINALITY AS given (track_id, place)
                JOIN tracks named ON named.track_id = given.track_id) AS reason_titles,
               (SELECT array_agg((SELECT a.name FROM track_artists c JOIN artists a USING (artist_id)
                                  WHERE c.track_id = given.track_id ORDER BY c.position LIMIT 1) ORDER BY given.place)
                FROM unnest(p.reason_track_ids) WITH ORDINALITY AS given (track_id, place)) AS reason_artists,
               (SELECT array_agg(jsonb_build_array(named.term, named.kind) ORDER BY given.place)
                FROM unnest(p.reason_term_ids) WITH ORDINALITY AS given (term_id, place)
                JOIN terms named USING (term_id)) AS reason_terms,
               (SELECT a.name FROM track_artists c
                     JOIN track_artists other USING (artist_id) JOIN artists a USING (artist_id)
                WHERE c.track_id = p.track_id AND other.track_id = p.reason_track_ids[1]
                ORDER BY c.position, a.artist_id LIMIT 1) AS shared_artist,
               coalesce(t.uploaded_at >= e.cutoff - interval '7 days', false) AS new,
               p.bend, p.short_reason, heard.tempo_bpm, heard.key, heard.mode
        FROM playlist_tracks p
        JOIN editions e ON e.edition_id = p.edition_id AND e.week = p.week
        JOIN tracks t ON t.track_id = p.track_id
        LEFT JOIN releases r ON r.release_id = t.release_id
        LEFT JOIN track_ids i ON i.track_id = t.track_id AND i.source = 'service'
        LEFT JOIN LATERAL (SELECT tempo_bpm, key, mode FROM audio_analyses a
                           WHERE a.track_id = p.track_id ORDER BY version DESC LIMIT 1) heard ON true
        WHERE p.edition_id = :edition AND p.user_id = :user
        ORDER BY p.position
        """,
        {"edition": edition_id, "user": user_id},
    )


def short_reason_of(connection: sa.Connection, edition_id: int, user_id: int) -> tuple[bool, str | None]:
    """Whether this edition has a list for the user, and why the list is short, if it is."""
    row = connection.execute(
        sa.text("""
            SELECT short_reason_name(p.short_reason) AS reason FROM playlists p JOIN editions e USING (week, edition_id)
            WHERE p.edition_id = :edition AND p.user_id = :user
        """),
        {"edition": edition_id, "user": user_id},
    ).one_or_none()
    return (False, None) if row is None else (True, row.reason)


def changed_songs(connection: sa.Connection, edition_id: int, other_id: int) -> npt.NDArray[np.int64]:
    """For each user with a list in both editions, how many songs of the first are not in the second."""
    return copy_out(
        connection,
        """
        SELECT (SELECT count(*) FROM unnest(new.track_ids) AS song WHERE song <> ALL (old.track_ids)) AS changed
        FROM playlists new
        JOIN editions n ON n.edition_id = new.edition_id AND n.week = new.week
        JOIN playlists old ON old.user_id = new.user_id
        JOIN editions o ON o.edition_id = old.edition_id AND o.week = old.week
        WHERE new.edition_id = %(new)s AND old.edition_id = %(old)s
        """,
        [("changed", "i8")],
        {"new": edition_id, "old": other_id},
    )["changed"]


def user_of(connection: sa.Connection, outside_id: str) -> tuple[int, str]:
    """The (user_id, name) of the service's user `outside_id`; raises UnknownNameError."""
    row = connection.execute(
        sa.text(
            "SELECT user_id, name FROM user_ids JOIN users USING (user_id) "
            "WHERE source = 'service' AND outside_id = :id"
        ),
        {"id": outside_id},
    ).one_or_none()
    if row is None:
        raise UnknownNameError(f"The service has no user {outside_id!r}.")
    return row.user_id, row.name


def lists_of(connection: sa.Connection, edition_id: int) -> dict[str, npt.NDArray[Any]]:
    """Every song of an edition: `user_id, position` (from 1), `track_id, score, source` (its code), ordered by user and
    position."""
    return copy_out(
        connection,
        """
        SELECT user_id, song.position, song.track_id, song.score, song.source
        FROM playlists, unnest(track_ids, scores, sources) WITH ORDINALITY AS song (track_id, score, source, position)
        WHERE week = (SELECT week FROM editions WHERE edition_id = %(id)s) AND edition_id = %(id)s ORDER BY 1, 2
        """,
        [("user_id", "i8"), ("position", "i8"), ("track_id", "i8"), ("score", "f4"), ("source", "i2")],
        {"id": edition_id},
    )


def reasons_of(connection: sa.Connection, edition_id: int) -> dict[str, npt.NDArray[Any]]:
    """What each song of an edition is there for: `user_id, track_id, source` and `reason` (their codes), `first_play`
    and `second_play` (track ids, 0 = none), `team` (-1 = of no trial), ordered by user and position."""
    return copy_out(
        connection,
        """
        SELECT user_id, song.track_id, song.source, song.reason, reason_ids[2 * song.position - 1],
               reason_ids[2 * song.position], coalesce(teams[song.position], -1::smallint)
        FROM playlists, unnest(track_ids, sources, reason_codes) WITH ORDINALITY
                        AS song (track_id, source, reason, position)
        WHERE week = (SELECT week FROM editions WHERE edition_id = %(id)s) AND edition_id = %(id)s
        ORDER BY user_id, song.position
        """,
        [
            ("user_id", "i8"),
            ("track_id", "i8"),
            ("source", "i2"),
            ("reason", "i2"),
            ("first_play", "i8"),
            ("second_play", "i8"),
            ("team", "i2"),
        ],
        {"id": edition_id},
    )
