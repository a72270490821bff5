"""What was heard in the files of the tracks: analyses, fingerprints, tags; the source and the reason `audio` brings."""

from alembic import op

revision = "0003"
down_revision = "0002"

FILES = """
-- Every audio file that was found. One that changed, or that an older analysis heard, waits again. `audio_uri` is how
-- the catalogue spells the uri, where it names the file.
CREATE TABLE audio_files (
    file_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uri text NOT NULL UNIQUE,
    audio_uri text,
    size bigint NOT NULL,
    modified_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'analysed', 'duplicate', 'rejected')),
    attempts smallint NOT NULL DEFAULT 0,
    track_id bigint REFERENCES tracks,
    analysis_version integer,
    reason text,
    detail text,
    found_at timestamptz NOT NULL,
    concluded_at timestamptz,
    CHECK (state NOT IN ('analysed', 'duplicate') OR track_id IS NOT NULL),
    CHECK (state <> 'rejected' OR reason IS NOT NULL),
    CHECK ((state = 'waiting') = (concluded_at IS NULL))
);
CREATE INDEX ON audio_files (file_id) WHERE state = 'waiting';
CREATE INDEX ON audio_files (track_id);
CREATE INDEX ON audio_files (state, concluded_at);
CREATE INDEX ON audio_files USING hash (audio_uri);
CREATE INDEX ON tracks USING hash (audio_uri);
"""

ANALYSES = """
-- Key 0 = C, mode 1 = major; what is unknown is null and has confidence 0. The newest version of a track is valid.
CREATE TABLE audio_analyses (
    track_id bigint NOT NULL REFERENCES tracks,
    version integer NOT NULL,
    analysed_at timestamptz NOT NULL,
    duration_s real NOT NULL CHECK (duration_s > 0),
    tempo_bpm real CHECK (tempo_bpm BETWEEN 20 AND 400),
    tempo_confidence real NOT NULL CHECK (tempo_confidence BETWEEN 0 AND 1),
    time_signature smallint CHECK (time_signature BETWEEN 1 AND 15),
    time_signature_confidence real NOT NULL CHECK (time_signature_confidence BETWEEN 0 AND 1),
    key smallint CHECK (key BETWEEN 0 AND 11),
    key_confidence real NOT NULL CHECK (key_confidence BETWEEN 0 AND 1),
    mode smallint CHECK (mode BETWEEN 0 AND 1),
    mode_confidence real NOT NULL CHECK (mode_confidence BETWEEN 0 AND 1),
    loudness_lufs real CHECK (loudness_lufs BETWEEN -200 AND 60),
    loudness_range_lu real CHECK (loudness_range_lu BETWEEN 0 AND 200),
    peak_dbfs real CHECK (peak_dbfs BETWEEN -400 AND 60),
    danceability real CHECK (danceability BETWEEN 0 AND 1000),
    energy real CHECK (energy BETWEEN 0 AND 1),
    fade_in_end_s real CHECK (fade_in_end_s >= 0),
    fade_out_start_s real CHECK (fade_out_start_s >= 0),
    n_bars integer NOT NULL CHECK (n_bars >= 0),
    n_beats integer NOT NULL CHECK (n_beats >= 0),
    n_sections integer NOT NULL CHECK (n_sections >= 0),
    n_segments integer NOT NULL CHECK (n_segments >= 0),
    analysis jsonb NOT NULL,
    PRIMARY KEY (track_id, version)
);
CREATE INDEX ON audio_analyses (analysed_at);

-- Chromaprint's words, 32 bits each, in their order. `sample` holds one in eight of the words that there are, chosen by
-- the word alone: its index finds the tracks that share some with another.
CREATE TABLE fingerprints (
    track_id bigint PRIMARY KEY REFERENCES tracks,
    words integer[] NOT NULL,
    sample integer[] NOT NULL
);
CREATE INDEX ON fingerprints USING gin (sample) WITH (fastupdate = off);

CREATE TABLE track_tags (
    track_id bigint NOT NULL REFERENCES tracks,
    attribute text NOT NULL,
    value text NOT NULL,
    weight real NOT NULL,
    source text NOT NULL CHECK (source IN ('human', 'model', 'crawl')),
    PRIMARY KEY (track_id, source, attribute, value)
);
CREATE INDEX ON track_tags (attribute, value);

ALTER TABLE track_vectors ADD COLUMN made_at timestamptz NOT NULL DEFAULT now();
"""

NAMES = """
CREATE OR REPLACE FUNCTION source_name(code smallint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (ARRAY['mix', 'nearest listeners', 'culture', 'editorial', 'popular', 'audio'])[code];
CREATE OR REPLACE FUNCTION reason_name(code smallint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (ARRAY['plays', 'taste', 'listeners', 'popular', 'unheard', 'sound'])[code];
"""


def upgrade() -> None:
    """Create the tables of what was heard, and name what a mixtape takes from it."""
    for part in (FILES, ANALYSES, NAMES):
        op.execute(part)
