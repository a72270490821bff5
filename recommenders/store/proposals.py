"""What a search for foreign listening found, written down as proposals: new ones, those known already, those gone."""

import datetime as dt
from zoneinfo import ZoneInfo

import pyarrow as pa
import sqlalchemy as sa

from recommenders.store.bulk import stage

_FOUND = """
CREATE TEMPORARY TABLE found ON COMMIT DROP AS
SELECT r.n, r.user_id, r.finding, d.device, r.first_hour, r.hours,
       (date '1970-01-01' + r.night + time '12:00') AT TIME ZONE :zone AS from_at,
       (date '1970-01-01' + r.night + 1 + time '12:00') AT TIME ZONE :zone AS until_at,
       m.artist_ids, r.played_artists, r.evidence
FROM raw_found r
JOIN (SELECT n, array_agg(artist_id ORDER BY place) AS artist_ids FROM found_artists GROUP BY n) m USING (n)
LEFT JOIN LATERAL (
    SELECT e.device FROM events e
    WHERE e.user_id = r.user_id AND hashtextextended(e.device, 0) = r.device LIMIT 1) d ON r.device IS NOT NULL
"""
# A known proposal is the same where device or night are, or where half of the music is.
_KNOWN = """
CREATE TEMPORARY TABLE known_found ON COMMIT DROP AS
SELECT DISTINCT ON (proposal_id) n, proposal_id
FROM (SELECT DISTINCT ON (f.n) f.n, p.proposal_id
      FROM found f JOIN taste_proposals p USING (user_id)
      WHERE p.device = f.device OR p.from_at = f.from_at
         OR 2 * (SELECT count(*) FROM unnest(f.artist_ids[1:f.played_artists]) AS artist_id
                 WHERE artist_id = ANY (p.artist_ids)) >= f.played_artists
      ORDER BY f.n, p.state <> 'declined', p.state <> 'accepted', p.device IS DISTINCT FROM f.device,
               p.state = 'withdrawn', p.proposal_id) AS best
ORDER BY proposal_id, n
"""
_RENEW = """
UPDATE taste_proposals p
SET seen_at = :cutoff, evidence = f.evidence, finding = f.finding, artist_ids = f.artist_ids,
    played_artists = f.played_artists,
    former_artist_ids = CASE WHEN f.artist_ids @> p.artist_ids AND f.artist_ids <@ p.artist_ids
                             THEN p.former_artist_ids ELSE p.artist_ids END,
    changed_at = CASE WHEN f.artist_ids @> p.artist_ids AND f.artist_ids <@ p.artist_ids
                      THEN p.changed_at ELSE :cutoff END,
    state = CASE p.state WHEN 'withdrawn' THEN 'proposed' ELSE p.state END, withdrawn_at = NULL
FROM known_found k JOIN found f USING (n)
WHERE p.proposal_id = k.proposal_id AND p.seen_at <= :cutoff
"""
_ADD = """
INSERT INTO taste_proposals (user_id, finding, device, first_hour, hours, from_at, until_at, artist_ids, played_artists,
                             evidence, known_at, seen_at)
SELECT f.user_id, f.finding, f.device, f.first_hour, f.hours, f.from_at, f.until_at, f.artist_ids, f.played_artists,
       f.evidence, :cutoff, :cutoff
FROM found f
WHERE NOT EXISTS (SELECT FROM taste_proposals p
                  WHERE p.user_id = f.user_id AND (p.device = f.device OR p.from_at = f.from_at
                     OR 2 * (SELECT count(*) FROM unnest(f.artist_ids[1:f.played_artists]) AS artist_id
                             WHERE artist_id = ANY (p.artist_ids)) >= f.played_artists))
ORDER BY f.n
"""
# What was not found again, although its time was looked at, and nothing newer knows better.
_WITHDRAW = """
UPDATE taste_proposals p SET state = 'withdrawn', withdrawn_at = :cutoff
WHERE p.state = 'proposed' AND p.seen_at < :cutoff AND (p.from_at IS NULL OR p.from_at >= :since)
  AND NOT EXISTS (SELECT FROM taste_searches s WHERE s.cutoff > :cutoff)
"""


def write_found(
    connection: sa.Connection,
    found: pa.Table,
    artists: pa.Table,
    *,
    since: dt.datetime,
    cutoff: dt.datetime,
    zone: ZoneInfo,
) -> None:
    """Write what was found in the listening of [`since`, `cutoff`). Found again, a proposal is renewed; a declined one
    stays declined, an accepted one accepted.

    `found` has the columns `n` (a number for each row), `user_id`, `finding`, `device` (as `taste.read_listening`
    numbers it, or null), `first_hour, hours` (or null), `night` (days since 1970, or null), `played_artists` and
    `evidence` (JSON); `artists` has `n`, `place` and `artist_id`.
    """
    stage(
        connection,
        "raw_found",
        "n integer, user_id bigint, finding text, device bigint, first_hour smallint, hours smallint, night integer, "
        "played_artists integer, evidence jsonb",
        found,
    )
    stage(connection, "found_artists", "n integer, place integer, artist_id bigint", artists)
    values = {"since": since, "cutoff": cutoff, "zone": zone.key}
    for statement in (_FOUND, _KNOWN, _RENEW, _ADD, _WITHDRAW):
        connection.execute(sa.text(statement), values)
    connection.execute(sa.text("DROP TABLE raw_found, found_artists, found, known_found"))


def note_search(
    connection: sa.Connection, *, cutoff: dt.datetime, made_at: dt.datetime, users: int, plays: int, found: int
) -> int:
    """Remember that a search was made as of `cutoff`, of two as of the same moment the later one; its number."""
    connection.execute(sa.text("DELETE FROM taste_searches WHERE cutoff = :cutoff"), {"cutoff": cutoff})
    number = connection.execute(
        sa.text("""
            INSERT INTO taste_searches (cutoff, made_at, users, plays, found)
            VALUES (:cutoff, :made_at, :users, :plays, :found) RETURNING search_id
        """),
        {"cutoff": cutoff, "made_at": made_at, "users": users, "plays": plays, "found": found},
    ).scalar_one()
    return int(number)


def searched_between(connection: sa.Connection, after: dt.datetime, until: dt.datetime) -> bool:
    """Whether a search was made as of a moment in (`after`, `until`]."""
    return bool(
        connection.execute(
            sa.text("SELECT EXISTS (SELECT FROM taste_searches WHERE cutoff > :after AND cutoff <= :until)"),
            {"after": after, "until": until},
        ).scalar_one()
    )
