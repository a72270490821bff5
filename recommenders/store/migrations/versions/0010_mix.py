"""The mix: the ranker of an edition, the sources that it ranks, and the terms that a reason names."""

from alembic import op

revision = "0010"
down_revision = "0009"

MIX = """
ALTER TABLE editions ADD COLUMN ranker_id bigint REFERENCES models;

CREATE OR REPLACE FUNCTION source_name(code smallint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (ARRAY['mix', 'nearest listeners', 'culture', 'editorial', 'popular', 'audio', 'items', 'text', 'artist',
                  'listeners like you', 'curators'])[code];
"""

REASONS = """
-- Two terms (0 = none) for each song, as `reason_ids`.
ALTER TABLE playlists ADD COLUMN reason_terms integer[];

CREATE OR REPLACE FUNCTION reason_name(code smallint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (ARRAY['plays', 'taste', 'listeners', 'popular', 'unheard', 'sound', 'culture', 'editorial', 'terms',
                  'artist'])[code];

CREATE OR REPLACE VIEW playlist_tracks AS
SELECT p.week, p.edition_id, p.user_id, song.position::smallint AS position, song.track_id, song.score,
       source_name(song.source) AS source, reason_name(song.reason_code) AS reason,
       array_remove(p.reason_ids[2 * song.position - 1 : 2 * song.position], 0) AS reason_track_ids,
       bend_name(song.bend) AS bend, short_reason_name(p.short_reason) AS short_reason,
       coalesce(array_remove(p.reason_terms[2 * song.position - 1 : 2 * song.position], 0), '{}') AS reason_term_ids
FROM playlists p,
     unnest(p.track_ids, p.scores, p.sources, p.reason_codes, p.bends)
         WITH ORDINALITY AS song (track_id, score, source, reason_code, bend, position);

CREATE OR REPLACE VIEW current_mixtapes AS
SELECT p.week, u.outside_id AS user_id, p.position, t.outside_id AS track_id, track.title,
       (SELECT string_agg(a.name, ', ' ORDER BY ta.position)
        FROM track_artists ta JOIN artists a USING (artist_id)
        WHERE ta.track_id = p.track_id AND ta.role = 'main') AS artist,
       p.reason,
       (SELECT array_agg(r.outside_id ORDER BY given.place)
        FROM unnest(p.reason_track_ids) WITH ORDINALITY AS given (track_id, place)
        JOIN track_ids r ON r.track_id = given.track_id AND r.source = 'service') AS reason_track_ids,
       p.short_reason,
       (SELECT array_agg(named.term ORDER BY given.place)
        FROM unnest(p.reason_term_ids) WITH ORDINALITY AS given (term_id, place)
        JOIN terms named USING (term_id)) AS reason_terms
FROM playlist_tracks p
JOIN weeks w ON w.week = p.week AND w.edition_id = p.edition_id
JOIN tracks track ON track.track_id = p.track_id
JOIN user_ids u ON u.user_id = p.user_id AND u.source = 'service'
JOIN track_ids t ON t.track_id = p.track_id AND t.source = 'service'
WHERE w.week = (SELECT max(week) FROM weeks WHERE edition_id IS NOT NULL);
"""


def upgrade() -> None:
    """Say which ranker an edition used, name the sources that it ranks, and let reasons name terms."""
    op.execute(MIX)
    op.execute(REASONS)
