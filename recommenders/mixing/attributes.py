"""How far each track is what a tag says: by its attributes, by what is said of it, or of its artists.

Pandora's idea, without anybody who would have to listen to each song: people's, models' and crawled tags
(`track_tags`), and the top terms of articles.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from scipy.sparse import csr_matrix

from recommenders.mixing.shelf import Shelf
from recommenders.store import attributes
from recommenders.store.places import places_of

HALF = 0.1  # a term of this weight, the chance that somebody describes it so, is half of what a tag is
OF_ARTIST = 0.7  # what is said of an artist holds of each of its songs so far


def strength(weights: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
    """Weights of top terms, (n,), as strengths of tags: from 0 to 1, a half at `HALF`."""
    found: npt.NDArray[np.float32] = (weights / (weights + HALF)).astype(np.float32)
    return found


def read_tag_strengths(connection: sa.Connection, shelf: Shelf, keys: Sequence[str], day: dt.date) -> csr_matrix:
    """How far each track has each of the tags `keys` (see `store.editorial.tag_key`), as of a day: (n_tracks, n_tags)
    float32, 0 to 1, by row of the shelf. Of what several sources say the most holds."""
    tagged = attributes.tagged_tracks(connection, keys)
    parts: list[tuple[npt.NDArray[Any], ...]] = [
        (shelf.rows(tagged["track_id"]), tagged["tag"], tagged["strength"]),
    ]
    terms = attributes.tag_terms(connection, keys)
    if len(terms["term_id"]):
        for kind in ("track", "artist"):
            said = attributes.said_of(connection, kind, terms["term_id"].tolist(), day)
            owners, tags, weights = _with_tags(said, terms)
            if kind == "artist":
                parts.append(of_artists(shelf, owners, tags, OF_ARTIST * strength(weights)))
            else:
                parts.append((shelf.rows(owners), tags, strength(weights)))
    rows, tags, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    return most_of_each(rows, tags, values, (len(shelf.track_ids), len(keys)))


def _with_tags(
    said: attributes.Columns, terms: attributes.Columns
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """What is said, once for each tag that the term stands for: entities, tags, weights."""
    first = np.searchsorted(terms["term_id"], said["term_id"])
    counts = np.searchsorted(terms["term_id"], said["term_id"], side="right") - first
    place = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    return np.repeat(said["entity_id"], counts), terms["tag"][place], np.repeat(said["weight"], counts)


def of_artists(
    shelf: Shelf,
    artist_ids: npt.NDArray[np.int64],
    items: npt.NDArray[np.integer[Any]],
    values: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.integer[Any]], npt.NDArray[np.float32]]:
    """What holds of artists, (n,) each, as what holds of their tracks: rows of the shelf, items, values."""
    numbers = places_of(shelf.artist_ids, artist_ids)
    known = numbers >= 0
    numbers, items, values = numbers[known], items[known], values[known]
    owners = np.repeat(np.arange(len(shelf.track_ids)), np.diff(shelf.artist_offsets))
    order = np.argsort(shelf.artists, kind="stable")
    first = np.searchsorted(shelf.artists[order], numbers)
    counts = np.searchsorted(shelf.artists[order], numbers, side="right") - first
    place = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    return owners[order[place]], np.repeat(items, counts), np.repeat(values, counts)


def most_of_each(
    rows: npt.NDArray[np.integer[Any]],
    columns: npt.NDArray[np.integer[Any]],
    values: npt.NDArray[np.floating[Any]],
    shape: tuple[int, int],
) -> csr_matrix:
    """The greatest value of each (row, column), as a matrix; rows and columns of -1 are left out."""
    known = (rows >= 0) & (columns >= 0)
    rows, columns, values = rows[known].astype(np.int64), columns[known].astype(np.int64), values[known]
    order = np.lexsort((-values, columns, rows))
    rows, columns, values = rows[order], columns[order], values[order]
    first = (np.diff(rows, prepend=-1) != 0) | (np.diff(columns, prepend=-1) != 0)
    kept = (values[first].astype(np.float32), (rows[first], columns[first]))
    return csr_matrix(kept, shape=shape, dtype=np.float32)
