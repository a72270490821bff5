"""A user's taste as an operator sees and corrects it: exclusions, proposals of them, and where listening happens."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy.typing as npt
import sqlalchemy as sa

from recommenders.errors import DataError, UnknownNameError
from recommenders.store.bulk import copy_out

LISTENED_DAYS = 7 * 26


@dataclass(frozen=True)
class Exclusion:
    """Listening that does not count: what fits every field that is not None; with a proposal, also its music."""

    exclusion_id: int
    device: str | None
    context: str | None
    from_at: dt.datetime | None
    until_at: dt.datetime | None
    track: str | None
    artist: str | None
    proposal_id: int | None
    made_at: dt.datetime | None
    plays: int


@dataclass(frozen=True)
class Proposal:
    """Listening that looks like somebody else's, confined to a device, hours of the day or one night.

    `evidence` holds the numbers of `recommenders.listening.foreign.Found`; `artists` the names most played of it.
    """

    proposal_id: int
    user_id: int
    finding: str
    device: str | None
    first_hour: int | None
    hours: int | None
    from_at: dt.datetime | None
    until_at: dt.datetime | None
    evidence: dict[str, float]
    state: str
    known_at: dt.datetime
    seen_at: dt.datetime
    decided_at: dt.datetime | None
    artists: list[str]


def exclusions_of(connection: sa.Connection, user_id: int, now: dt.datetime) -> list[Exclusion]:
    """The exclusions of a user that hold now, the newest first; with the plays on record that fit their fields."""
    rows = connection.execute(
        sa.text("""
            SELECT x.exclusion_id, x.device, x.context, x.from_at, x.until_at,
                   t.title AS track, a.name AS artist, x.proposal_id, x.made_at,
                   (SELECT count(*) FROM events e
                    WHERE e.user_id = x.user_id AND e.kind = 'play'
                      AND num_nonnulls(x.device, x.context, x.from_at, x.until_at, x.track_id, x.artist_id) > 0
                      AND (x.device IS NULL OR x.device = e.device) AND (x.context IS NULL OR x.context = e.context)
                      AND (x.from_at IS NULL OR x.from_at <= e.occurred_at)
                      AND (x.until_at IS NULL OR x.until_at > e.occurred_at)
                      AND (x.track_id IS NULL OR x.track_id = e.track_id)
                      AND (x.artist_id IS NULL OR EXISTS (SELECT FROM track_artists c
                           WHERE c.track_id = e.track_id AND c.artist_id = x.artist_id))) AS plays
            FROM taste_exclusions x LEFT JOIN tracks t USING (track_id)
                 LEFT JOIN artists a ON a.artist_id = x.artist_id
            WHERE x.user_id = :user AND x.undone_at IS NULL AND x.valid_from <= :now AND x.valid_until > :now
            ORDER BY x.exclusion_id DESC
        """),
        {"user": user_id, "now": now},
    )
    return [Exclusion(*row) for row in rows]


def proposals_of(connection: sa.Connection, user_id: int) -> list[Proposal]:
    """The proposals about a user: those to decide first, then by number; without those that were withdrawn."""
    rows = connection.execute(
        sa.text("""
            SELECT p.proposal_id, p.user_id, p.finding, p.device, p.first_hour, p.hours, p.from_at, p.until_at,
                   p.evidence, p.state, p.known_at, p.seen_at, p.decided_at,
                   ARRAY(SELECT a.name FROM unnest(p.artist_ids[1:5]) WITH ORDINALITY AS given (artist_id, place)
                         JOIN artists a USING (artist_id)
                         WHERE given.place <= p.played_artists ORDER BY given.place) AS artists
            FROM taste_proposals p WHERE p.user_id = :user AND p.state <> 'withdrawn'
            ORDER BY p.state <> 'proposed', p.proposal_id DESC
        """),
        {"user": user_id},
    )
    return [Proposal(*row) for row in rows]


@dataclass(frozen=True)
class Undecided:
    """A user about whom something is proposed: how many proposals wait, how many plays they are about, since when."""

    outside_id: str
    name: str
    proposals: int
    plays: int
    since: dt.datetime


def undecided(connection: sa.Connection, limit: int) -> tuple[int, list[Undecided]]:
    """How many users have proposals to decide on, and those about whom most plays are in doubt."""
    n_users = connection.execute(
        sa.text("SELECT count(DISTINCT user_id) FROM taste_proposals WHERE state = 'proposed'")
    ).scalar_one()
    rows = connection.execute(
        sa.text("""
            SELECT i.outside_id, u.name, count(*) AS proposals, sum((p.evidence ->> 'plays')::float8)::int AS plays,
                   min(p.known_at) AS since
            FROM taste_proposals p JOIN users u USING (user_id)
                 JOIN user_ids i ON i.user_id = p.user_id AND i.source = 'service'
            WHERE p.state = 'proposed' GROUP BY 1, 2 ORDER BY plays DESC, 1 LIMIT :limit
        """),
        {"limit": limit},
    )
    return int(n_users), [Undecided(*row) for row in rows]


def exclude(connection: sa.Connection, user_id: int, now: dt.datetime, **what: Any) -> int:
    """Exclude from a user's taste what fits all of `device, context, from_at, until_at, track_id, artist_id` that are
    given, whenever it was; the number of the exclusion. The same exclusion twice is one.

    Raises DataError when nothing is given, or a time range ends before it begins.
    """
    columns = ("device", "context", "from_at", "until_at", "track_id", "artist_id")
    values = {name: what.pop(name, None) for name in columns}
    if what:
        raise TypeError(f"An exclusion has no {', '.join(what)}.")
    if all(value is None for value in values.values()):
        raise DataError("An exclusion of everything would leave no taste: name a device, a context, times or music.")
    if values["from_at"] and values["until_at"] and values["from_at"] >= values["until_at"]:
        raise DataError(f"The time range ends at {values['until_at']}, before it begins at {values['from_at']}.")
    same = connection.execute(
        sa.text("""
            SELECT exclusion_id FROM taste_exclusions
            WHERE user_id = :user AND undone_at IS NULL AND valid_until = 'infinity' AND proposal_id IS NULL
              AND (device, context, from_at, until_at, track_id, artist_id) IS NOT DISTINCT FROM
                  (CAST(:device AS text), CAST(:context AS text), CAST(:from_at AS timestamptz),
                   CAST(:until_at AS timestamptz), CAST(:track_id AS bigint), CAST(:artist_id AS bigint))
        """),
        {"user": user_id, **values},
    ).scalar()
    if same is not None:
        return int(same)
    return int(
        connection.execute(
            sa.text("""
                INSERT INTO taste_exclusions (user_id, device, context, from_at, until_at, track_id, artist_id, made_at)
                VALUES (:user, :device, :context, :from_at, :until_at, :track_id, :artist_id, :now)
                RETURNING exclusion_id
            """),
            {"user": user_id, "now": now, **values},
        ).scalar_one()
    )


def undo(connection: sa.Connection, user_id: int, exclusion_id: int, now: dt.datetime) -> None:
    """Take an exclusion of this user back, as if it had never been; a proposal that it came of is open again.

    Raises UnknownNameError when the user has no such exclusion.
    """
    row = connection.execute(
        sa.text("""
            UPDATE taste_exclusions SET undone_at = :now
            WHERE exclusion_id = :id AND user_id = :user AND undone_at IS NULL RETURNING proposal_id
        """),
        {"id": exclusion_id, "user": user_id, "now": now},
    ).one_or_none()
    if row is None:
        raise UnknownNameError(f"This user has no exclusion {exclusion_id} to undo.")
    if row.proposal_id is not None:
        _set_state(connection, user_id, row.proposal_id, "proposed", None)


def accept(connection: sa.Connection, user_id: int, proposal_id: int, now: dt.datetime) -> None:
    """Make a proposal an exclusion. Raises UnknownNameError when this user has no such proposal."""
    _set_state(connection, user_id, proposal_id, "accepted", now)
    connection.execute(
        sa.text("""
            INSERT INTO taste_exclusions (user_id, device, from_at, until_at, proposal_id, made_at)
            SELECT user_id, device, from_at, until_at, proposal_id, :now
            FROM taste_proposals WHERE proposal_id = :id
            ON CONFLICT (proposal_id) DO UPDATE SET undone_at = NULL, made_at = excluded.made_at
            WHERE taste_exclusions.undone_at IS NOT NULL
        """),
        {"id": proposal_id, "now": now},
    )


def decline(connection: sa.Connection, user_id: int, proposal_id: int, now: dt.datetime) -> None:
    """Let the listening count as the user's own, and never be proposed again. Raises UnknownNameError."""
    _set_state(connection, user_id, proposal_id, "declined", now)
    _undo_exclusion(connection, proposal_id, now)


def reopen(connection: sa.Connection, user_id: int, proposal_id: int, now: dt.datetime) -> None:
    """Leave a proposal undecided again. Raises UnknownNameError when this user has no such proposal."""
    _set_state(connection, user_id, proposal_id, "proposed", None)
    _undo_exclusion(connection, proposal_id, now)


def _undo_exclusion(connection: sa.Connection, proposal_id: int, now: dt.datetime) -> None:
    connection.execute(
        sa.text("UPDATE taste_exclusions SET undone_at = :now WHERE proposal_id = :id AND undone_at IS NULL"),
        {"id": proposal_id, "now": now},
    )


def _set_state(
    connection: sa.Connection, user_id: int, proposal_id: int, state: str, decided_at: dt.datetime | None
) -> None:
    changed = connection.execute(
        sa.text("""
            UPDATE taste_proposals SET state = :state, decided_at = :at
            WHERE proposal_id = :id AND user_id = :user AND state <> 'withdrawn'
        """),
        {"state": state, "at": decided_at, "id": proposal_id, "user": user_id},
    ).rowcount
    if not changed:
        raise UnknownNameError(f"This user has no proposal {proposal_id}.")


@dataclass(frozen=True)
class Hours:
    """A user's plays by device (None = unknown) and hour of the day: `plays[i][h]` on `devices[i]` at `h` o'clock."""

    devices: list[str | None]
    plays: list[list[int]]

    @property
    def most(self) -> int:
        """The most plays of one device in one hour."""
        return max((max(row) for row in self.plays), default=0)


def hours_of_listening(connection: sa.Connection, user_id: int, now: dt.datetime, zone: ZoneInfo) -> Hours:
    """When and where a user listened in the last half year, most used device first; hours are those of `zone`."""
    rows = connection.execute(
        sa.text("""
            SELECT device, extract(hour FROM occurred_at AT TIME ZONE :zone)::int AS hour, count(*) AS plays
            FROM events WHERE user_id = :user AND kind = 'play' AND occurred_at < :now AND occurred_at >= :since
            GROUP BY 1, 2
        """),
        {"user": user_id, "now": now, "since": now - dt.timedelta(days=LISTENED_DAYS), "zone": zone.key},
    )
    by_device: dict[str | None, list[int]] = {}
    for row in rows:
        by_device.setdefault(row.device, [0] * 24)[row.hour] = row.plays
    devices = sorted(by_device, key=lambda device: (-sum(by_device[device]), device or ""))
    return Hours(devices, [by_device[device] for device in devices])


def read_listening(
    connection: sa.Connection, since: dt.datetime, cutoff: dt.datetime, zone: ZoneInfo
) -> dict[str, npt.NDArray[Any]]:
    """What users did in [`since`, `cutoff`): `user_id, artist_id` (the first credited one), `device` (a number for each
    name; 0 = unknown), `local_s` (seconds since 1970 on the clocks of `zone`), `skipped`, `deliberate` (no play)."""
    return copy_out(
        connection,
        """
        WITH song AS MATERIALIZED (
            SELECT DISTINCT ON (track_id) track_id, artist_id, duration_s
            FROM tracks JOIN track_artists USING (track_id) ORDER BY track_id, role <> 'main', position, artist_id
        )
        SELECT e.user_id, coalesce(e.artist_id, s.artist_id),
               coalesce(nullif(hashtextextended(e.device, 0), 0), (e.device IS NOT NULL)::int),
               extract(epoch FROM e.occurred_at AT TIME ZONE %(zone)s)::bigint,
               e.kind = 'play' AND is_skip(e.ms_played, s.duration_s), e.kind <> 'play'
        FROM events e LEFT JOIN song s USING (track_id)
        WHERE e.occurred_at >= %(since)s AND e.occurred_at < %(cutoff)s
          AND coalesce(e.artist_id, s.artist_id) IS NOT NULL
        """,
        [
            ("user_id", "i8"),
            ("artist_id", "i8"),
            ("device", "i8"),
            ("local_s", "i8"),
            ("skipped", "?"),
            ("deliberate", "?"),
        ],
        {"since": since, "cutoff": cutoff, "zone": zone.key},
    )
