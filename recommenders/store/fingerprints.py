"""What a store holds, as one fingerprint for each part: two stores with equal ones hold the same, to the byte.

Rows are told by the service's own ids, in a fixed order. Internal ids are left out, because a transaction that was
rolled back leaves a gap in their numbers; so are the ids of editions, models and runs, and the moments at which
something was imported, trained or published.
"""

import hashlib

import sqlalchemy as sa

_NAMES = """
    CREATE OR REPLACE FUNCTION pg_temp.named_user(id bigint) RETURNS text LANGUAGE sql STABLE
        RETURN (SELECT outside_id FROM user_ids WHERE user_id = id AND source = 'service');
    CREATE OR REPLACE FUNCTION pg_temp.named_track(id bigint) RETURNS text LANGUAGE sql STABLE
        RETURN (SELECT outside_id FROM track_ids WHERE track_id = id AND source = 'service');
    CREATE OR REPLACE FUNCTION pg_temp.named_artist(id bigint) RETURNS text LANGUAGE sql STABLE
        RETURN (SELECT concat_ws(' ', a.name, (SELECT outside_id FROM artist_ids i
                                               WHERE i.artist_id = a.artist_id AND source = 'service'))
                FROM artists a WHERE a.artist_id = id);
"""

_PARTS = {
    "users": "SELECT pg_temp.named_user(user_id), name, created_at FROM users",
    "tracks": """
        SELECT pg_temp.named_track(t.track_id), title, title_key, version, duration_s, uploaded_at, audio_uri,
               (SELECT title FROM releases r WHERE r.release_id = t.release_id),
               (SELECT array_agg(pg_temp.named_track(v.track_id) ORDER BY 1) FROM tracks v WHERE v.work_id = t.work_id),
               (SELECT array_agg(pg_temp.named_artist(c.artist_id) || ', ' || c.role ORDER BY c.position, c.role)
                FROM track_artists c WHERE c.track_id = t.track_id)
        FROM tracks t
    """,
    "artists": """
        SELECT pg_temp.named_artist(a.artist_id),
               (SELECT array_agg(alias ORDER BY alias) FROM artist_aliases l WHERE l.artist_id = a.artist_id)
        FROM artists a
    """,
    "events": """
        SELECT occurred_at, event_id, pg_temp.named_user(user_id), pg_temp.named_track(track_id),
               pg_temp.named_artist(artist_id), kind, ms_played, rating, device, context
        FROM events
    """,
    "heard": "SELECT pg_temp.named_user(user_id), pg_temp.named_track(track_id), first_at, last_at FROM heard",
    "totals": "SELECT pg_temp.named_user(user_id), pg_temp.named_track(track_id), source, plays FROM listening_totals",
    "blocks": """
        SELECT pg_temp.named_user(user_id), pg_temp.named_track(track_id), pg_temp.named_artist(artist_id), term, since,
               until
        FROM blocks
    """,
    "lines set aside": "SELECT kind, source, content_hash, line, reason, detail, raw FROM rejected",
    "files": "SELECT kind, source, content_hash, rows_read, rows_new, rows_rejected FROM imports",
    "vectors": "SELECT pg_temp.named_track(track_id), kind, vector FROM track_vectors",
    "weeks": "SELECT week, cutoff, seed, edition_id IS NOT NULL FROM weeks",
    "mixtapes": """
        SELECT p.week, pg_temp.named_user(p.user_id), p.scores, p.sources, p.reason_codes, p.bends, p.short_reason,
               (SELECT array_agg(pg_temp.named_track(id) ORDER BY place)
                FROM unnest(p.track_ids) WITH ORDINALITY AS song (id, place)),
               (SELECT array_agg(pg_temp.named_track(id) ORDER BY place)
                FROM unnest(p.reason_ids) WITH ORDINALITY AS song (id, place)),
               e.cutoff, e.seed, e.parameters, e.warnings
        FROM playlists p JOIN weeks w USING (week, edition_id) JOIN editions e ON e.edition_id = p.edition_id
    """,
    "what services read": "SELECT * FROM current_mixtapes",
}


def fingerprints(connection: sa.Connection) -> dict[str, str]:
    """A SHA-256 of every part of what the store holds, by the part's name; for small stores."""
    connection.execute(sa.text(_NAMES))
    return {part: _fingerprint(connection, query) for part, query in _PARTS.items()}


def _fingerprint(connection: sa.Connection, query: str) -> str:
    """The SHA-256 of the query's rows as text, in the order of that text."""
    rows = connection.execute(sa.text(f"SELECT part::text FROM ({query}) AS part"))  # noqa: S608 - one of the above
    digest = hashlib.sha256()
    for row in sorted(text for (text,) in rows):
        digest.update(f"{row}\n".encode())
    return digest.hexdigest()
