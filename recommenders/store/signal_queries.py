"""The queries behind `signals`: events and totals, of all as they are, or without what is not the users' own taste."""

from recommenders.store import own_taste

# An event of an artist alone has the artist's negative id in place of a track.
_EVENTS = """
SELECT e.user_id, coalesce(e.track_id, -e.artist_id), e.occurred_at,
       (CASE e.kind
            WHEN 'play' THEN 1
            WHEN 'save' THEN 3
            WHEN 'love' THEN 4
            WHEN 'artist_visit' THEN 5
            WHEN 'ban' THEN 6
            WHEN 'rating' THEN CASE WHEN e.rating >= 4 THEN 7 WHEN e.rating = 3 THEN 8 ELSE 9 END
        END + CASE WHEN e.context LIKE 'mixtape:%%' THEN 100 ELSE 0 END)::smallint,
       coalesce(e.ms_played, -1), {foreign}
FROM events e {joined}
WHERE e.occurred_at < %(cutoff)s AND e.user_id >= %(first_user)s AND e.user_id < %(end_user)s
"""
ALL_EVENTS = _EVENTS.format(foreign="false", joined="")
_JOINED = "LEFT JOIN concerned c ON c.user_id = e.user_id"
EVENTS_OF_SOME_OTHERS = f"""
WITH concerned AS MATERIALIZED ({own_taste.CONCERNED})
{_EVENTS.format(foreign=f"c.user_id IS NOT NULL AND {own_taste.EVENT_IS_FOREIGN}", joined=_JOINED)}
  AND (c.user_id IS NULL OR {own_taste.EVENT_IS_TASTE})
"""
FROM_MIXTAPE = 100  # added to the kind
DURATIONS = "SELECT track_id, duration_s FROM tracks WHERE duration_s IS NOT NULL ORDER BY track_id"
ALL_TOTALS = """
SELECT l.user_id, l.track_id, l.plays::real FROM listening_totals l
WHERE l.user_id >= %(first_user)s AND l.user_id < %(end_user)s
"""
TOTALS_OF_SOME_OTHERS = f"{ALL_TOTALS} AND {own_taste.TOTAL_IS_TASTE}"
BLOCKED = """
SELECT b.user_id, coalesce(a.track_id, b.track_id)
FROM blocks b LEFT JOIN track_artists a ON a.artist_id = b.artist_id
WHERE b.since < %(cutoff)s AND b.until >= %(cutoff)s AND coalesce(a.track_id, b.track_id) IS NOT NULL
  AND b.user_id >= %(first_user)s AND b.user_id < %(end_user)s
"""
CREDITS = "SELECT track_id, artist_id FROM track_artists WHERE track_id = ANY (%(tracks)s) ORDER BY 1, 2"
HEARD_OF_BANNED_ARTISTS = """
SELECT ban.user_id, h.track_id, ban.at
FROM unnest(%(users)s::bigint[], %(artists)s::bigint[], %(times)s::timestamptz[]) AS ban (user_id, artist_id, at)
JOIN track_artists a USING (artist_id)
JOIN heard h ON h.user_id = ban.user_id AND h.track_id = a.track_id AND h.first_at < ban.at
"""
CHANGED = f"""
{own_taste.CHANGED}
UNION
SELECT user_id FROM blocks
WHERE (since < %(earlier)s AND until >= %(earlier)s) <> (since < %(cutoff)s AND until >= %(cutoff)s)
ORDER BY 1
"""  # noqa: S608 - constants of the store
