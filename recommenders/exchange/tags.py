"""Tags as files hold them: what people call an artist or a track, and how many of them do.

A tag's rows are added up over the whole file; then each artist and each track has one article, with all its tags. A
later file of the same format replaces what an earlier one said of somebody.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from itertools import groupby, islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from recommenders.exchange.biographies import about
from recommenders.exchange.checks import Examination
from recommenders.exchange.keys import mix, text_keys
from recommenders.exchange.layouts import Checked, Layout
from recommenders.exchange.listening import resolve
from recommenders.exchange.readers import Rows
from recommenders.exchange.rejections import Reason
from recommenders.language.articles import save_articles
from recommenders.language.dates import EARLIEST
from recommenders.language.extraction import content_hash
from recommenders.language.tags import tags_as_text
from recommenders.store.articles import ArticleRow
from recommenders.store.outside_ids import KnownIds

AT_ONCE = 1_000  # articles in one transaction
LONGEST_TAG = 200

_WHOM = ["artist_id", "track_id", "name"]


def tags_layout() -> Layout:
    """Of one file of tags: its rows, gathered."""
    tally = Tally("")
    return Layout(
        "tags",
        frozenset(["tag"]),
        frozenset(["artist_id", "track_id", "count", "at"]),
        _check,
        tally.add,
        finish=tally.write_some,
    )


def _check(rows: Rows, now: dt.datetime) -> Checked:
    examined = Examination(rows)
    artist, track = about(examined)
    tag = examined.text("tag", required=True, longest=LONGEST_TAG)
    at = examined.time("at")
    examined.within("at", at, EARLIEST, now)
    count = pc.fill_null(examined.integer("count", least=1), 1)
    return checked_tags(examined, artist, track, tag, count, at, now)


def checked_tags(
    examined: Examination,
    artist: pa.Array,
    track: pa.Array,
    tag: pa.Array,
    count: pa.Array,
    at: pa.Array,
    now: dt.datetime,
) -> Checked:
    """The good rows; equal ones are more people who say the same."""
    columns = {
        "artist": artist,
        "track": track,
        "name": pc.coalesce(artist, track),
        "tag": tag,
        "count": count,
        "at": at,
        "fetched_at": pa.array([now] * len(tag), pa.timestamp("us", "UTC")),
    }
    keys = mix(text_keys(artist), text_keys(track), text_keys(tag))
    return Checked.of(examined, columns, keys, np.ones(len(keys), dtype=bool))


class Tally:
    """The tags of one file, added up; `source` tells its articles from those of files of another format."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._parts: list[pa.Table] = []
        self._articles: Iterator[tuple[ArticleRow, int]] | None = None

    def add(
        self, connection: sa.Connection, checked: Checked, ordinals: npt.NDArray[np.int64], known: KnownIds
    ) -> tuple[int, Checked]:
        """Add one stretch of the file; the rows of artists and tracks that are not known are set aside."""
        checked = resolve(connection, known, "track", Reason.UNKNOWN_TRACK, checked)
        checked = resolve(connection, known, "artist", Reason.UNKNOWN_ARTIST, checked)
        if len(checked.table):
            lines = pa.array(np.ones(len(checked.table), dtype=np.int64))
            self._parts.append(_added_up(checked.table.append_column("lines", lines)))
        return 0, checked

    def write_some(self, connection: sa.Connection) -> int | None:
        """Write the next articles; how many lines of the file are in those that are new or changed."""
        if self._articles is None:
            self._articles = self._all()
        some = list(islice(self._articles, AT_ONCE))
        if not some:
            return None
        saved = save_articles(connection, [article for article, _ in some])
        touched = saved.new | saved.changed
        return sum(lines for article_id, (_, lines) in zip(saved.ids, some, strict=True) if article_id in touched)

    def _all(self) -> Iterator[tuple[ArticleRow, int]]:
        if not self._parts:
            return
        together = _added_up(pa.concat_tables(self._parts)).sort_by([(name, "ascending") for name in [*_WHOM, "tag"]])
        for whom, rows in groupby(together.to_pylist(), key=lambda row: tuple(row[name] for name in _WHOM)):
            tags = list(rows)
            artist_id, track_id, name = whom
            yield self._article(artist_id, track_id, name, tags), sum(row["lines"] for row in tags)

    def _article(
        self, artist_id: int | None, track_id: int | None, name: str, tags: list[dict[str, Any]]
    ) -> ArticleRow:
        counts: Counter[str] = Counter()
        for row in tags:
            counts[" ".join(row["tag"].split())] += row["count"]
        text = tags_as_text(counts)
        entity = "track" if artist_id is None else "artist"
        return ArticleRow(
            source="tags",
            url=":".join(part for part in ("tags", self._source, entity, name) if part),
            fetched_at=tags[0]["fetched_at"],
            published_at=max((row["at"] for row in tags if row["at"]), default=None),
            title="",
            text=text,
            content_hash=content_hash("", text),
            about_artist_id=artist_id,
            about_track_id=track_id,
        )


def _added_up(table: pa.Table) -> pa.Table:
    """A row for each tag of each artist and track: how many people gave it, on how many lines, when last."""
    sums = {"count": "sum", "lines": "sum", "at": "max", "fetched_at": "max"}
    grouped = table.group_by([*_WHOM, "tag"]).aggregate(list(sums.items()))
    names = {f"{name}_{function}": name for name, function in sums.items()}
    return grouped.rename_columns([names.get(name, name) for name in grouped.column_names])
