"""Biographies as files hold them: a text about an artist, or about a track."""

import datetime as dt
import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from recommenders.exchange.checks import Examination, as_mask
from recommenders.exchange.keys import text_keys
from recommenders.exchange.layouts import Checked, Layout
from recommenders.exchange.listening import resolve
from recommenders.exchange.readers import Rows
from recommenders.exchange.rejections import Reason
from recommenders.language.articles import save_articles
from recommenders.language.dates import EARLIEST
from recommenders.language.extraction import LONGEST_TEXT, content_hash, tidy
from recommenders.language.languages import identify_language
from recommenders.language.markup import NoTextError, plain_text
from recommenders.store.articles import ArticleRow
from recommenders.store.outside_ids import KnownIds

LONGEST_ADDRESS = 2_000

_MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>|&#?\w{2,8};")


def about(examined: Examination) -> tuple[pa.Array, pa.Array]:
    """The outside ids of the artist and of the track that each row is about: one of the two."""
    artist, track = examined.text("artist_id"), examined.text("track_id")
    neither = as_mask(pc.and_(pc.is_null(artist), pc.is_null(track)))
    examined.reject(neither, Reason.MISSING, "artist_id or track_id is missing")
    both = as_mask(pc.and_(pc.is_valid(artist), pc.is_valid(track)))
    examined.reject(both, Reason.BAD_ID, "artist_id and track_id are given; it is about one of them")
    return artist, track


def _check(rows: Rows, now: dt.datetime) -> Checked:
    examined = Examination(rows)
    artist, track = about(examined)
    at = examined.time("at")
    examined.within("at", at, EARLIEST, now)
    addresses = pa.array(
        map(_address, *(column.to_pylist() for column in (artist, track, _url(examined)))), pa.string()
    )
    columns = {
        "artist": artist,
        "track": track,
        "url": addresses,
        "text": _plain(examined, examined.text("text", required=True, longest=LONGEST_TEXT)),
        "title": pc.fill_null(examined.text("title"), ""),
        "language": examined.text("language"),
        "published_at": at,
        "fetched_at": pa.array([now] * len(at), at.type),
    }
    return Checked.of(examined, columns, text_keys(addresses))


def _url(examined: Examination) -> pa.Array:
    return examined.text("url", longest=LONGEST_ADDRESS)


def _address(artist: str | None, track: str | None, url: str | None) -> str:
    """What a biography is known by: whom it is about, and where it stands, if that is said."""
    entity = f"track:{track}" if artist is None else f"artist:{artist}"
    return f"biography:{entity}" + (f":{url}" if url else "")


def _plain(examined: Examination, texts: pa.Array) -> pa.Array:
    """The texts without markup; those that are nothing but markup are set aside."""
    plain: list[str | None] = []
    bad = np.zeros(len(texts), dtype=bool)
    for index, text in enumerate(texts.to_pylist()):
        try:
            plain.append(text and tidy(plain_text(text) if _MARKUP.search(text) else text))
        except NoTextError:
            plain.append("")
        bad[index] = plain[-1] == ""
    examined.reject(bad, Reason.MISSING, "text holds nothing but markup")
    return pa.array(plain, pa.string())


def _write(
    connection: sa.Connection, checked: Checked, ordinals: npt.NDArray[np.int64], known: KnownIds
) -> tuple[int, Checked]:
    checked = resolve(connection, known, "track", Reason.UNKNOWN_TRACK, checked)
    checked = resolve(connection, known, "artist", Reason.UNKNOWN_ARTIST, checked)
    saved = save_articles(connection, [_as_row(**row) for row in checked.table.to_pylist()])
    return len(saved.new | saved.changed), checked


def _as_row(
    *, artist_id: int | None, track_id: int | None, text: str, title: str, language: Any, **row: Any
) -> ArticleRow:
    return ArticleRow(
        source="biography",
        title=title,
        text=text,
        content_hash=content_hash(title, text),
        language=identify_language(text, language),
        about_artist_id=artist_id,
        about_track_id=track_id,
        **row,
    )


BIOGRAPHIES = Layout(
    "biographies",
    frozenset(["text"]),
    frozenset(["artist_id", "track_id", "title", "url", "language", "at"]),
    _check,
    _write,
)
