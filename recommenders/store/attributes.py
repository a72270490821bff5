"""Attributes: what people, models and blogs call tracks, looked up for some tags at a time."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
import sqlalchemy as sa

from recommenders.folding import fold
from recommenders.store.bulk import copy_out
from recommenders.store.editorial import tag_key

Columns = dict[str, npt.NDArray[Any]]

# How far a tag on a track is trusted, by who gave it.
TRUSTED = {"human": 1.0, "crawl": 0.8, "model": 0.6}


def tagged_tracks(connection: sa.Connection, keys: Sequence[str]) -> Columns:
    """The tracks that have these tags (by `tag_key`) as an attribute's value: `track_id`, `tag` (its place in `keys`),
    `strength` in (0, 1]: the tag's weight, the less the less its source is trusted."""
    place = {key: n for n, key in enumerate(keys)}
    values = connection.execute(sa.text("SELECT DISTINCT value FROM track_tags")).scalars()
    known = [(value, place[tag_key(value)]) for value in values if tag_key(value) in place]
    return copy_out(
        connection,
        """
        SELECT g.track_id, asked.tag,
               (least(g.weight, 1) * CASE g.source WHEN 'human' THEN %(human)s WHEN 'crawl' THEN %(crawl)s
                                                   ELSE %(model)s END)::real
        FROM unnest(%(values)s::text[], %(tags)s::int[]) AS asked (value, tag) JOIN track_tags g USING (value)
        WHERE g.weight > 0 ORDER BY 1, 2
        """,
        [("track_id", "i8"), ("tag", "i4"), ("strength", "f4")],
        {"values": [value for value, _ in known], "tags": [tag for _, tag in known], **TRUSTED},
    )


def tag_terms(connection: sa.Connection, keys: Sequence[str]) -> Columns:
    """The terms that say the same as these tags, however they are written: `term_id`, `tag` (its place in `keys`)."""
    forms = [(form, n) for n, key in enumerate(keys) for form in {key, fold(key), key.replace(" ", "-")}]
    return copy_out(
        connection,
        """
        SELECT DISTINCT t.term_id, asked.tag
        FROM unnest(%(forms)s::text[], %(tags)s::int[]) AS asked (term, tag) JOIN terms t USING (term)
        WHERE t.kind <> 'artist' ORDER BY 1, 2
        """,
        [("term_id", "i4"), ("tag", "i4")],
        {"forms": [form for form, _ in forms], "tags": [tag for _, tag in forms]},
    )


def said_of(connection: sa.Connection, entity_kind: str, term_ids: Sequence[int], day: dt.date) -> Columns:
    """Who is described by these terms, as of a day: `entity_id, term_id, weight`, of artists or of tracks."""
    return copy_out(
        connection,
        """
        SELECT newest.entity_id, each.term_id, each.weight
        FROM (SELECT DISTINCT ON (entity_id) entity_id, term_ids, weights FROM top_terms
              WHERE entity_kind = %(kind)s::entity_kind AND as_of <= %(day)s ORDER BY entity_id, as_of DESC) newest,
             unnest(newest.term_ids, newest.weights) AS each (term_id, weight)
        WHERE newest.term_ids && %(terms)s::int[] AND each.term_id = ANY (%(terms)s::int[])
        ORDER BY 1, 2
        """,
        [("entity_id", "i8"), ("term_id", "i4"), ("weight", "f4")],
        {"kind": entity_kind, "day": day, "terms": list(term_ids)},
    )


def known_tags(connection: sa.Connection) -> list[str]:
    """Every tag that a track has as an attribute, or that a valid list suits, each spelling once."""
    rows = connection.execute(
        sa.text("""
            SELECT DISTINCT value FROM track_tags
            UNION SELECT DISTINCT tag FROM editorial_tags JOIN editorial_playlists USING (list_id)
                  WHERE withdrawn_at IS NULL
            ORDER BY 1
        """)
    )
    return list(rows.scalars())


def warmth(connection: sa.Connection, since: dt.datetime, until: dt.datetime) -> Columns:
    """How much, and how warmly, was written in [since, until) as it was known then: `artist_id`, `track_id` (0: the
    artist alone), `warmth`: each article counts its mean sentiment and a half, never less than nothing."""
    return copy_out(
        connection,
        """
        SELECT artist_id, track_id, sum(warmth)::real
        FROM (SELECT m.artist_id, coalesce(m.track_id, 0) AS track_id,
                     greatest(avg(m.sentiment) + 0.5, 0) AS warmth
              FROM mentions m JOIN articles a USING (article_id)
              WHERE a.published_at >= %(since)s AND a.published_at < %(until)s AND a.fetched_at < %(until)s
                AND a.duplicate_of IS NULL
              GROUP BY m.article_id, m.artist_id, coalesce(m.track_id, 0)) each
        GROUP BY artist_id, track_id HAVING sum(warmth) > 0 ORDER BY 1, 2
        """,
        [("artist_id", "i8"), ("track_id", "i8"), ("warmth", "f4")],
        {"since": since, "until": until},
    )


FIGURES = ("tempo_bpm", "loudness_lufs", "danceability", "energy")


def read_analyses(connection: sa.Connection, before: dt.datetime) -> Columns:
    """The newest analysis made before `before` of each track, by ascending id: `track_id, key, mode` (-1 = unknown),
    and FIGURES (NaN = unknown)."""
    figures = ", ".join(f"coalesce({name}, 'NaN')" for name in FIGURES)
    return copy_out(
        connection,
        f"""
        SELECT DISTINCT ON (track_id) track_id, coalesce(key, -1::smallint), coalesce(mode, -1::smallint), {figures}
        FROM audio_analyses WHERE analysed_at < %(before)s ORDER BY track_id, version DESC
        """,  # noqa: S608 - constants
        [("track_id", "i8"), ("key", "i2"), ("mode", "i2"), *((name, "f4") for name in FIGURES)],
        {"before": before},
    )


def common_terms(connection: sa.Connection, most: int) -> list[str]:
    """The terms that most artists and tracks have, names of artists left out."""
    rows = connection.execute(
        sa.text("""
            SELECT term FROM terms WHERE kind <> 'artist' AND entities > 1
            GROUP BY term ORDER BY max(entities) DESC, term LIMIT :most
        """),
        {"most": most},
    )
    return list(rows.scalars())
