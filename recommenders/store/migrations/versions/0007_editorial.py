"""Editorial playlists and stations; reasons of the rungs culture and editorial."""

from alembic import op

revision = "0007"
down_revision = "0006"

EDITORIAL = """
-- `known_as` says where a list came from: a file, a list of a table, or the pages. `content_hash` is of what an import
-- last wrote, so that the same file again changes nothing that curators changed since.
CREATE TABLE editorial_playlists (
    list_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    known_as text NOT NULL UNIQUE,
    name text NOT NULL,
    curator text NOT NULL DEFAULT '',
    content_hash text,
    made_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    withdrawn_at timestamptz
);

CREATE TABLE editorial_tracks (
    list_id bigint NOT NULL REFERENCES editorial_playlists ON DELETE CASCADE,
    track_id bigint NOT NULL REFERENCES tracks,
    position integer NOT NULL CHECK (position > 0),
    added_at timestamptz NOT NULL,
    PRIMARY KEY (list_id, track_id)
);
CREATE INDEX ON editorial_tracks (track_id);

-- `tag_key` is equal for a tag however it is written.
CREATE TABLE editorial_tags (
    list_id bigint NOT NULL REFERENCES editorial_playlists ON DELETE CASCADE,
    tag_key text NOT NULL,
    tag text NOT NULL,
    position integer NOT NULL,
    PRIMARY KEY (list_id, tag_key)
);
CREATE INDEX ON editorial_tags (tag_key);
"""

STATIONS = """
-- One row a station, its songs as in `playlists`; a station without a user is of the catalogue alone. Weeks and
-- editions know nothing of it. `reasons` is parallel to `track_ids`.
CREATE TABLE stations (
    station_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint REFERENCES users,
    made_at timestamptz NOT NULL,
    tags text[] NOT NULL,
    liked_track_id bigint REFERENCES tracks,
    parameters jsonb NOT NULL,
    track_ids bigint[] NOT NULL,
    scores real[] NOT NULL,
    bends smallint[] NOT NULL,
    reasons jsonb NOT NULL,
    CHECK (cardinality(tags) > 0 OR liked_track_id IS NOT NULL),
    short_reason text,
    package_version text NOT NULL
);
CREATE INDEX ON stations (user_id, station_id);
"""

NAMES = """
CREATE OR REPLACE FUNCTION reason_name(code smallint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (ARRAY['plays', 'taste', 'listeners', 'popular', 'unheard', 'sound', 'culture', 'editorial'])[code];
"""


def upgrade() -> None:
    """Create the tables of curators' lists and of stations, and name the reasons that they bring."""
    for part in (EDITORIAL, STATIONS, NAMES):
        op.execute(part)
