"""What was heard in the tracks' recordings: analyses, fingerprints, tags."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.store.bulk import copy_out

Words = npt.NDArray[np.uint32]
Source = Literal["human", "model", "crawl"]

_SUMMARY = (
    "duration_s",
    "tempo_bpm",
    "tempo_confidence",
    "time_signature",
    "time_signature_confidence",
    "key",
    "key_confidence",
    "mode",
    "mode_confidence",
    "loudness_lufs",
    "loudness_range_lu",
    "peak_dbfs",
    "danceability",
    "energy",
    "fade_in_end_s",
    "fade_out_start_s",
    "n_bars",
    "n_beats",
    "n_sections",
    "n_segments",
)
_LOOKS = 100  # tracks that are looked at for each word
_NAMES = ", ".join(_SUMMARY)
_WRITE_ANALYSIS = f"""
INSERT INTO audio_analyses (track_id, version, analysed_at, {_NAMES}, analysis)
VALUES (:track_id, :version, :analysed_at, {", ".join(f":{name}" for name in _SUMMARY)}, :analysis)
ON CONFLICT (track_id, version) DO UPDATE
SET analysed_at = excluded.analysed_at, analysis = excluded.analysis,
    {", ".join(f"{name} = excluded.{name}" for name in _SUMMARY)}
"""  # noqa: S608 - constant columns
_READ_SUMMARY = f"""
SELECT DISTINCT ON (track_id) track_id, version, analysed_at, {_NAMES} FROM audio_analyses
WHERE track_id = ANY(:ids) ORDER BY track_id, version DESC
"""  # noqa: S608 - constant columns


@dataclass(frozen=True)
class Summary:
    """The newest analysis of a track in figures; `figures` by name, units are part of the names, None is unknown."""

    track_id: int
    version: int
    analysed_at: dt.datetime
    figures: dict[str, float | int | None]


@dataclass(frozen=True)
class Tag:
    """One thing that is said of a track: an attribute (genre), its value, how much it holds, and who says it."""

    attribute: str
    value: str
    weight: float = 1.0
    source: Source = "human"


def write_analysis(
    connection: sa.Connection,
    track_id: int,
    version: int,
    summary: Mapping[str, float | int | None],
    analysis: str,
    analysed_at: dt.datetime,
) -> None:
    """Store a track's analysis of this version, in place of an earlier one: its figures, and all of it as JSON.

    A track whose duration is not known gets that of the recording.
    """
    values = {"track_id": track_id, "version": version, "analysed_at": analysed_at, "analysis": analysis}
    connection.execute(sa.text(_WRITE_ANALYSIS), {**values, **{name: summary[name] for name in _SUMMARY}})
    connection.execute(
        sa.text("UPDATE tracks SET duration_s = :duration_s WHERE track_id = :id AND duration_s IS NULL"),
        {"id": track_id, "duration_s": summary["duration_s"]},
    )


def read_analysis(connection: sa.Connection, track_id: int) -> str | None:
    """The newest analysis of a track as JSON; None: it has not been heard."""
    query = sa.text(
        "SELECT analysis::text FROM audio_analyses WHERE track_id = :id ORDER BY version DESC LIMIT 1",
    )
    found: str | None = connection.execute(query, {"id": track_id}).scalar()
    return found


def read_summaries(connection: sa.Connection, track_ids: list[int]) -> dict[int, Summary]:
    """The newest analysis of each track in figures; tracks that have not been heard are left out."""
    rows = connection.execute(sa.text(_READ_SUMMARY), {"ids": track_ids})
    return {row[0]: Summary(row[0], row[1], row[2], dict(zip(_SUMMARY, row[3:], strict=True))) for row in rows}


def read_sounds(connection: sa.Connection, before: dt.datetime) -> dict[str, npt.NDArray[Any]]:
    """The newest analysis made before `before` of each track, by ascending id: `track_id, key, mode` (-1 = unknown),
    `tempo_bpm, loudness_lufs` (NaN = unknown)."""
    return copy_out(
        connection,
        """
        SELECT DISTINCT ON (track_id) track_id, coalesce(key, -1::smallint), coalesce(mode, -1::smallint),
               coalesce(tempo_bpm, 'NaN'), coalesce(loudness_lufs, 'NaN')
        FROM audio_analyses WHERE analysed_at < %(before)s ORDER BY track_id, version DESC
        """,
        [("track_id", "i8"), ("key", "i2"), ("mode", "i2"), ("tempo_bpm", "f4"), ("loudness_lufs", "f4")],
        {"before": before},
    )


def read_genres(connection: sa.Connection) -> dict[str, npt.NDArray[Any]]:
    """The genre tags of each track that has any, by ascending id: `track_id`, and `genres` as bits, 63 for all: two
    tracks that share a genre share a bit, and hardly any others do."""
    return copy_out(
        connection,
        """
        SELECT track_id, bit_or(1::bigint << get_byte(decode(md5(lower(value)), 'hex'), 0) %% 63)
        FROM track_tags WHERE attribute = 'genre' GROUP BY track_id ORDER BY track_id
        """,
        [("track_id", "i8"), ("genres", "i8")],
        {},
    )


def newest_recordings(connection: sa.Connection, most: int) -> list[dict[str, Any]]:
    """The songs that were heard last, the newest first: title, artists, when, and the figures that a page shows."""
    rows = connection.execute(
        sa.text("""
            SELECT t.title, a.analysed_at, a.duration_s, a.tempo_bpm, a.key, a.mode, a.loudness_lufs,
                   ARRAY(SELECT name FROM track_artists c JOIN artists USING (artist_id)
                         WHERE c.track_id = t.track_id AND c.role = 'main' ORDER BY c.position) AS artists
            FROM audio_analyses a JOIN tracks t USING (track_id)
            ORDER BY a.analysed_at DESC, a.track_id DESC LIMIT :most
        """),
        {"most": most},
    )
    return [dict(row._mapping) for row in rows]


def write_fingerprint(connection: sa.Connection, track_id: int, words: Words) -> None:
    """Store Chromaprint's words (n,) of a track in place of earlier ones; none where there are none."""
    if not len(words):
        connection.execute(sa.text("DELETE FROM fingerprints WHERE track_id = :id"), {"id": track_id})
        return
    connection.execute(
        sa.text("""
            INSERT INTO fingerprints (track_id, words, sample) VALUES (:id, :words, :sample)
            ON CONFLICT (track_id) DO UPDATE SET words = excluded.words, sample = excluded.sample
        """),
        {"id": track_id, "words": _signed(words).tolist(), "sample": _sample(words)},
    )


def similar_fingerprints(connection: sa.Connection, words: Words, most: int = 10) -> dict[int, Words]:
    """The tracks, at most so many, that share the most sampled words with `words` (n,), with their words.

    Of a word that many tracks have, only some are looked at: it says little.
    """
    connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
    rows = connection.execute(
        sa.text("""
            SELECT f.track_id, f.words
            FROM (SELECT found.track_id, count(*) AS shared
                  FROM unnest(CAST(:sample AS integer[])) AS asked (word),
                       LATERAL (SELECT track_id FROM fingerprints WHERE sample @> ARRAY[asked.word] LIMIT :looks) found
                  GROUP BY found.track_id ORDER BY shared DESC, found.track_id LIMIT :most) s
            JOIN fingerprints f USING (track_id) ORDER BY s.shared DESC, f.track_id
        """),
        {"sample": _sample(words), "looks": _LOOKS, "most": most},
    ).all()
    connection.execute(sa.text("SET LOCAL enable_seqscan TO DEFAULT"))
    return {int(row.track_id): np.array(row.words, dtype=np.int32).view(np.uint32) for row in rows}


def write_tags(connection: sa.Connection, track_id: int, tags: list[Tag]) -> None:
    """Store tags of a track. Those of a model replace what models said before; others are only ever added."""
    if any(tag.source == "model" for tag in tags):
        connection.execute(
            sa.text("DELETE FROM track_tags WHERE track_id = :id AND source = 'model'"), {"id": track_id}
        )
    rows: list[dict[str, Any]] = [{"track_id": track_id, **vars(tag)} for tag in tags]
    if rows:
        connection.execute(
            sa.text("""
                INSERT INTO track_tags (track_id, attribute, value, weight, source)
                VALUES (:track_id, :attribute, :value, :weight, :source)
                ON CONFLICT (track_id, source, attribute, value) DO UPDATE SET weight = excluded.weight
            """),
            rows,
        )


def read_tags(connection: sa.Connection, track_id: int) -> list[Tag]:
    """What is said of a track, the strongest first."""
    rows = connection.execute(
        sa.text("""
            SELECT attribute, value, weight, source FROM track_tags WHERE track_id = :id
            ORDER BY source, weight DESC, attribute, value
        """),
        {"id": track_id},
    )
    return [Tag(*row) for row in rows]


def common_tags(connection: sa.Connection, least_tracks: int, most: int) -> dict[str, npt.NDArray[np.int64]]:
    """The tags that people gave most tracks, at least so many, as "attribute: value", and the ids of these tracks."""
    rows = connection.execute(
        sa.text("""
            SELECT attribute || ': ' || value AS name, array_agg(track_id ORDER BY track_id) AS track_ids
            FROM track_tags WHERE source = 'human' GROUP BY attribute, value HAVING count(*) >= :least
            ORDER BY count(*) DESC, 1 LIMIT :most
        """),
        {"least": least_tracks, "most": most},
    )
    return {row.name: np.array(row.track_ids, dtype=np.int64) for row in rows}


def works_of(connection: sa.Connection, track_ids: list[int]) -> dict[int, int]:
    """The work of each track."""
    rows = connection.execute(
        sa.text("SELECT track_id, work_id FROM tracks WHERE track_id = ANY(:ids)"), {"ids": track_ids}
    )
    return {int(row.track_id): int(row.work_id) for row in rows}


def _sample(words: Words) -> list[int]:
    """The same eighth of the distinct words of every recording, by a multiplicative hash (Knuth 1973)."""
    distinct = np.unique(words.astype(np.uint32))
    chosen = (distinct * np.uint32(2_654_435_761)) >> np.uint32(29) == 0
    sample: list[int] = _signed(distinct[chosen]).tolist()
    return sample


def _signed(words: Words) -> npt.NDArray[np.int32]:
    return np.ascontiguousarray(words, dtype=np.uint32).view(np.int32)
