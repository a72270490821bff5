"""The first Monday: catalogue, listening, models, mixtapes."""

from alembic import op

revision = "0001"
down_revision = None

CATALOGUE = """
CREATE EXTENSION IF NOT EXISTS vector SCHEMA public;

CREATE TABLE users (
    user_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    created_at timestamptz
);

CREATE TABLE artists (
    artist_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    name_key text NOT NULL
);
CREATE INDEX ON artists (name_key);

CREATE TABLE artist_aliases (
    artist_id bigint NOT NULL REFERENCES artists,
    alias text NOT NULL,
    alias_key text NOT NULL,
    PRIMARY KEY (artist_id, alias_key)
);
CREATE INDEX ON artist_aliases (alias_key);

CREATE TABLE releases (
    release_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    artist_id bigint NOT NULL REFERENCES artists,
    title text NOT NULL,
    title_key text NOT NULL,
    UNIQUE (artist_id, title_key)
);

CREATE TABLE works (
    work_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    artist_id bigint REFERENCES artists,
    title_key text NOT NULL
);
CREATE INDEX ON works (artist_id, title_key);

CREATE TABLE tracks (
    track_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    work_id bigint NOT NULL REFERENCES works,
    release_id bigint REFERENCES releases,
    title text NOT NULL,
    title_key text NOT NULL DEFAULT '',
    version text,
    duration_s real CHECK (duration_s > 0),
    uploaded_at timestamptz,
    audio_uri text
);
CREATE INDEX ON tracks (work_id);

CREATE TABLE track_artists (
    track_id bigint NOT NULL REFERENCES tracks,
    artist_id bigint NOT NULL REFERENCES artists,
    role text NOT NULL DEFAULT 'main' CHECK (role IN ('main', 'featured', 'remixer')),
    position smallint NOT NULL DEFAULT 0,
    PRIMARY KEY (track_id, artist_id)
);
CREATE INDEX ON track_artists (artist_id);

-- Outside ids. The source 'service' is the music service itself: its ids name one row each.
CREATE TABLE user_ids (
    source text NOT NULL, outside_id text NOT NULL, user_id bigint NOT NULL REFERENCES users,
    PRIMARY KEY (source, outside_id, user_id)
);
CREATE UNIQUE INDEX ON user_ids (outside_id) WHERE source = 'service';
CREATE INDEX ON user_ids (user_id);
CREATE TABLE artist_ids (
    source text NOT NULL, outside_id text NOT NULL, artist_id bigint NOT NULL REFERENCES artists,
    PRIMARY KEY (source, outside_id, artist_id)
);
CREATE UNIQUE INDEX ON artist_ids (outside_id) WHERE source = 'service';
CREATE INDEX ON artist_ids (artist_id);
CREATE TABLE track_ids (
    source text NOT NULL, outside_id text NOT NULL, track_id bigint NOT NULL REFERENCES tracks,
    PRIMARY KEY (source, outside_id, track_id)
);
CREATE UNIQUE INDEX ON track_ids (outside_id) WHERE source = 'service';
CREATE INDEX ON track_ids (track_id);
"""

LISTENING = """
CREATE TYPE event_kind AS ENUM ('play', 'save', 'artist_visit', 'love', 'ban', 'rating');

CREATE TABLE events (
    occurred_at timestamptz NOT NULL,
    event_id bigint NOT NULL,
    user_id bigint NOT NULL,
    track_id bigint,
    artist_id bigint,
    kind event_kind NOT NULL,
    ms_played integer CHECK (ms_played >= 0),
    rating smallint CHECK (rating BETWEEN 1 AND 5),
    device text,
    context text,
    PRIMARY KEY (occurred_at, event_id),
    CHECK (track_id IS NOT NULL OR artist_id IS NOT NULL)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX ON events (user_id, occurred_at);

CREATE FUNCTION is_skip(ms_played integer, duration_s real) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN coalesce(ms_played < 30000 AND (duration_s IS NULL OR ms_played < duration_s * 500), false);

CREATE TABLE listening_totals (
    user_id bigint NOT NULL,
    track_id bigint NOT NULL,
    source text NOT NULL,
    plays integer NOT NULL CHECK (plays > 0),
    PRIMARY KEY (user_id, track_id, source)
);

-- first_at and last_at are -infinity where the source knows no time.
CREATE TABLE heard (
    user_id bigint NOT NULL,
    track_id bigint NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, track_id)
);

CREATE TABLE blocks (
    block_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users,
    track_id bigint REFERENCES tracks,
    artist_id bigint REFERENCES artists,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL DEFAULT 'infinity',
    CHECK (num_nonnulls(track_id, artist_id) = 1),
    UNIQUE NULLS NOT DISTINCT (user_id, track_id, artist_id, since)
);

-- An event that fits every named column of one of the user's rows is not their taste.
CREATE TABLE taste_exclusions (
    exclusion_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users,
    device text,
    context text,
    from_at timestamptz,
    until_at timestamptz,
    track_id bigint REFERENCES tracks,
    artist_id bigint REFERENCES artists,
    valid_from timestamptz NOT NULL DEFAULT '-infinity',
    valid_until timestamptz NOT NULL DEFAULT 'infinity',
    CHECK (num_nonnulls(device, context, from_at, until_at, track_id, artist_id) > 0)
);
CREATE INDEX ON taste_exclusions (user_id);

CREATE TABLE imports (
    import_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    source text NOT NULL,
    content_hash text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    rows_read bigint NOT NULL,
    rows_new bigint NOT NULL,
    rows_rejected bigint NOT NULL
);

CREATE TABLE rejected (
    rejected_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    source text NOT NULL,
    content_hash text NOT NULL,
    line bigint,
    reason text NOT NULL,
    detail text NOT NULL,
    raw text,
    rejected_at timestamptz NOT NULL
);
CREATE INDEX ON rejected (content_hash);
"""

MODELS = """
CREATE TABLE models (
    model_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    space integer NOT NULL,
    status text NOT NULL CHECK (status IN ('candidate', 'champion', 'retired', 'rejected')),
    reason text,
    run_key text UNIQUE,
    trained_at timestamptz NOT NULL,
    cutoff timestamptz NOT NULL,
    promoted_at timestamptz,
    retired_at timestamptz,
    parameters jsonb NOT NULL,
    metrics jsonb NOT NULL,
    artifact_uri text NOT NULL,
    package_version text NOT NULL
);
CREATE UNIQUE INDEX one_champion ON models (kind) WHERE status = 'champion';

CREATE TABLE track_vectors (
    track_id bigint NOT NULL REFERENCES tracks,
    kind text NOT NULL,
    model_id bigint NOT NULL REFERENCES models,
    space integer NOT NULL,
    vector public.halfvec NOT NULL,
    PRIMARY KEY (kind, track_id)
);
"""

MIXTAPES = """
CREATE TABLE weeks (
    week date PRIMARY KEY CHECK (extract(isodow FROM week) = 1),
    cutoff timestamptz NOT NULL,
    seed bigint NOT NULL,
    edition_id bigint,
    published_at timestamptz
);

CREATE TABLE editions (
    edition_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    week date NOT NULL REFERENCES weeks,
    run_key text UNIQUE,
    state text NOT NULL CHECK (state IN ('planned', 'verified', 'published', 'dry_run', 'failed')),
    dry_run boolean NOT NULL,
    cutoff timestamptz NOT NULL,
    seed bigint NOT NULL,
    model_id bigint REFERENCES models,
    parameters jsonb NOT NULL,
    figures jsonb NOT NULL DEFAULT '{}',
    warnings text[] NOT NULL DEFAULT '{}',
    package_version text NOT NULL,
    created_at timestamptz NOT NULL,
    published_at timestamptz
);
CREATE INDEX ON editions (week);
ALTER TABLE weeks ADD FOREIGN KEY (edition_id) REFERENCES editions;

-- One row per edition and user; the arrays are parallel, reason_ids holds two ids (0 = none) per song.
CREATE TABLE playlists (
    week date NOT NULL,
    edition_id bigint NOT NULL,
    user_id bigint NOT NULL,
    track_ids bigint[] NOT NULL,
    scores real[] NOT NULL,
    sources smallint[] NOT NULL,
    reason_codes smallint[] NOT NULL,
    reason_ids bigint[] NOT NULL,
    bends smallint[] NOT NULL,
    short_reason smallint NOT NULL,
    PRIMARY KEY (week, edition_id, user_id)
) PARTITION BY LIST (week);

CREATE FUNCTION source_name(code smallint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (ARRAY['mix', 'nearest listeners', 'culture', 'editorial', 'popular'])[code];
CREATE FUNCTION reason_name(code smallint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (ARRAY['plays', 'taste', 'listeners', 'popular', 'unheard'])[code];
CREATE FUNCTION bend_name(code smallint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (ARRAY['exposure', 'fresh', 'artist', 'order'])[code];
CREATE FUNCTION short_reason_name(code smallint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (ARRAY['the service has no more unheard songs for this user'])[code];

CREATE VIEW playlist_tracks AS
SELECT p.week, p.edition_id, p.user_id, song.position::smallint AS position, song.track_id, song.score,
       source_name(song.source) AS source, reason_name(song.reason_code) AS reason,
       array_remove(p.reason_ids[2 * song.position - 1 : 2 * song.position], 0) AS reason_track_ids,
       bend_name(song.bend) AS bend, short_reason_name(p.short_reason) AS short_reason
FROM playlists p,
     unnest(p.track_ids, p.scores, p.sources, p.reason_codes, p.bends)
         WITH ORDINALITY AS song (track_id, score, source, reason_code, bend, position);

-- What services read: the newest published week. Columns are only ever added.
CREATE VIEW current_mixtapes AS
SELECT p.week, u.outside_id AS user_id, p.position, t.outside_id AS track_id, track.title,
       (SELECT string_agg(a.name, ', ' ORDER BY ta.position)
        FROM track_artists ta JOIN artists a USING (artist_id)
        WHERE ta.track_id = p.track_id AND ta.role = 'main') AS artist,
       p.reason,
       (SELECT array_agg(r.outside_id ORDER BY given.place)
        FROM unnest(p.reason_track_ids) WITH ORDINALITY AS given (track_id, place)
        JOIN track_ids r ON r.track_id = given.track_id AND r.source = 'service') AS reason_track_ids,
       p.short_reason
FROM playlist_tracks p
JOIN weeks w ON w.week = p.week AND w.edition_id = p.edition_id
JOIN tracks track ON track.track_id = p.track_id
JOIN user_ids u ON u.user_id = p.user_id AND u.source = 'service'
JOIN track_ids t ON t.track_id = p.track_id AND t.source = 'service'
WHERE w.week = (SELECT max(week) FROM weeks WHERE edition_id IS NOT NULL);
"""

READER = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mixtape_reader') THEN
        CREATE ROLE mixtape_reader NOLOGIN;
    END IF;
    GRANT USAGE ON SCHEMA mixtape TO mixtape_reader;
    GRANT SELECT ON current_mixtapes TO mixtape_reader;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'No right to create the role mixtape_reader: ask the database''s owner to create and grant it.';
    WHEN unique_violation OR duplicate_object THEN
        GRANT USAGE ON SCHEMA mixtape TO mixtape_reader;
        GRANT SELECT ON current_mixtapes TO mixtape_reader;
END
$$;
"""


def upgrade() -> None:
    """Create the schema's first tables, views and the readers' role."""
    for part in (CATALOGUE, LISTENING, MODELS, MIXTAPES, READER):
        op.execute(part)
