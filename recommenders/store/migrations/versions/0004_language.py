"""What is read: sites and their pages, articles, mentions, terms, vectors of artists."""

from alembic import op

revision = "0004"
down_revision = "0003"

SITES = """
-- A site is where a crawl begins. `max_*` and `delay_s` null: the defaults of the crawl.
CREATE TABLE sites (
    site_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    url text NOT NULL UNIQUE,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('feed', 'sitemap', 'pages')),
    allow_private boolean NOT NULL DEFAULT false,
    active boolean NOT NULL DEFAULT true,
    max_pages integer CHECK (max_pages > 0),
    max_bytes bigint CHECK (max_bytes > 0),
    max_seconds integer CHECK (max_seconds > 0),
    delay_s real CHECK (delay_s >= 0),
    added_at timestamptz NOT NULL,
    next_crawl_at timestamptz NOT NULL,
    failures integer NOT NULL DEFAULT 0
);

-- The frontier: every address of a site that was found, what came of it, and what a conditional request needs.
CREATE TABLE pages (
    page_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id bigint NOT NULL REFERENCES sites ON DELETE CASCADE,
    url text NOT NULL,
    role text NOT NULL CHECK (role IN ('feed', 'sitemap', 'listing', 'article')),
    depth smallint NOT NULL DEFAULT 0,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'fetched', 'refused')),
    tries smallint NOT NULL DEFAULT 0,
    found_at timestamptz NOT NULL,
    fetched_at timestamptz,
    etag text,
    last_modified text,
    published_at timestamptz,
    reason text,
    detail text,
    CHECK (state <> 'refused' OR reason IS NOT NULL)
);
CREATE UNIQUE INDEX ON pages (site_id, md5(url));
CREATE INDEX ON pages (site_id, page_id) WHERE state = 'waiting';

-- One row for each crawl of a site: what it cost and how it ended.
CREATE TABLE crawls (
    crawl_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id bigint NOT NULL REFERENCES sites ON DELETE CASCADE,
    run_key text,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    requests integer NOT NULL DEFAULT 0,
    not_modified integer NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    articles integer NOT NULL DEFAULT 0,
    refused integer NOT NULL DEFAULT 0,
    outcome text,
    detail text
);
CREATE INDEX ON crawls (site_id, crawl_id);
"""

ARTICLES = """
-- `url` names an article: its address, or where an imported one came from. A duplicate says what another says, which
-- is read in its stead. `read_version` null: not read yet.
CREATE TABLE articles (
    article_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL CHECK (source IN ('crawl', 'import', 'biography', 'tags')),
    site_id bigint REFERENCES sites ON DELETE SET NULL,
    url text NOT NULL,
    fetched_at timestamptz NOT NULL,
    published_at timestamptz NOT NULL,
    published_is_known boolean NOT NULL,
    title text NOT NULL,
    text text NOT NULL,
    author text,
    language text,
    content_hash bigint NOT NULL,
    duplicate_of bigint REFERENCES articles,
    about_artist_id bigint REFERENCES artists,
    about_track_id bigint REFERENCES tracks,
    read_version smallint,
    read_at timestamptz
);
CREATE UNIQUE INDEX ON articles (md5(url));
CREATE INDEX ON articles (content_hash);
CREATE INDEX ON articles (site_id);
CREATE INDEX ON articles (duplicate_of) WHERE duplicate_of IS NOT NULL;
CREATE INDEX ON articles (article_id) WHERE read_version IS NULL AND duplicate_of IS NULL;

-- Bands of the MinHash signature: two articles that share one may say the same.
CREATE TABLE article_bands (
    article_id bigint NOT NULL REFERENCES articles ON DELETE CASCADE,
    band bigint NOT NULL,
    PRIMARY KEY (band, article_id)
);
CREATE INDEX ON article_bands (article_id);
"""

TERMS = """
CREATE TYPE entity_kind AS ENUM ('artist', 'track');
CREATE TYPE term_kind AS ENUM ('word', 'pair', 'phrase', 'adjective', 'artist');

-- Positions are offsets into the title, a line feed, and the text.
CREATE TABLE mentions (
    article_id bigint NOT NULL REFERENCES articles ON DELETE CASCADE,
    position integer NOT NULL,
    length integer NOT NULL,
    artist_id bigint NOT NULL REFERENCES artists,
    track_id bigint REFERENCES tracks,
    sentiment real NOT NULL CHECK (sentiment BETWEEN -1 AND 1),
    PRIMARY KEY (article_id, position, artist_id)
);
CREATE INDEX ON mentions (artist_id);
CREATE INDEX ON mentions (track_id) WHERE track_id IS NOT NULL;

-- `entities` counts the artists and tracks in whose `entity_terms` it is.
CREATE TABLE terms (
    term_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind term_kind NOT NULL,
    term text NOT NULL,
    entities integer NOT NULL DEFAULT 0,
    UNIQUE (term, kind)
);

-- What one article says of one artist or track: its terms, and how strongly. `mass` is how much the article counts.
CREATE TABLE article_terms (
    article_id bigint NOT NULL REFERENCES articles ON DELETE CASCADE,
    entity_kind entity_kind NOT NULL,
    entity_id bigint NOT NULL,
    day date NOT NULL,
    mass real NOT NULL,
    term_ids integer[] NOT NULL,
    masses real[] NOT NULL,
    weighed_on date,
    PRIMARY KEY (article_id, entity_kind, entity_id)
);
CREATE INDEX ON article_terms (entity_kind, entity_id);
CREATE INDEX ON article_terms (entity_kind, entity_id) WHERE weighed_on IS NULL;

-- What was weighed, and is to be taken out again: its article is read anew, or says what another one does.
CREATE TABLE withdrawn_terms (
    withdrawn_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entity_kind entity_kind NOT NULL,
    entity_id bigint NOT NULL,
    day date NOT NULL,
    mass real NOT NULL,
    term_ids integer[] NOT NULL,
    masses real[] NOT NULL
);

-- Sums of what articles say, decayed to `as_of` with one half-life: parallel arrays, ascending in term_id.
-- `placed_by` is the text model that has made a vector of them; null: they have changed since.
CREATE TABLE entity_terms (
    entity_kind entity_kind NOT NULL,
    entity_id bigint NOT NULL,
    as_of date NOT NULL,
    half_life_days real NOT NULL,
    articles integer NOT NULL,
    mass double precision NOT NULL,
    term_ids integer[] NOT NULL,
    masses double precision[] NOT NULL,
    placed_by bigint REFERENCES models,
    PRIMARY KEY (entity_kind, entity_id)
);
CREATE INDEX ON entity_terms (entity_kind, entity_id) WHERE placed_by IS NULL;

-- How many artists and tracks `entity_terms` holds: one row.
CREATE TABLE weighed_entities (
    entities bigint NOT NULL
);
INSERT INTO weighed_entities VALUES (0);

-- The top terms of an artist or track as of each day that brought something new about it, heaviest first.
CREATE TABLE top_terms (
    entity_kind entity_kind NOT NULL,
    entity_id bigint NOT NULL,
    as_of date NOT NULL,
    articles integer NOT NULL,
    term_ids integer[] NOT NULL,
    weights real[] NOT NULL,
    PRIMARY KEY (entity_kind, entity_id, as_of)
);
CREATE INDEX ON top_terms (as_of);

CREATE TABLE artist_vectors (
    artist_id bigint NOT NULL REFERENCES artists,
    kind text NOT NULL,
    model_id bigint NOT NULL REFERENCES models,
    space integer NOT NULL,
    vector public.halfvec NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, artist_id)
);
"""


def upgrade() -> None:
    """Create the tables of what is read."""
    for part in (SITES, ARTICLES, TERMS):
        op.execute(part)
