"""What each model says of the tracks, as arrays by row of the shelf: what the mix reads on Monday, and learns from."""

import datetime as dt
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from recommenders.collaborative.items import ItemModel
from recommenders.collaborative.model import CollaborativeModel
from recommenders.language.similarity import Space
from recommenders.mixing.cold import Cold, Sound, artist_directions, credits_matrix, directions
from recommenders.mixing.shelf import Shelf
from recommenders.store import Artifacts
from recommenders.store.artifacts import column_matrix, matrix_column

Floats = npt.NDArray[np.float32]

TOLD_NEIGHBOURS = 50  # of each artist or track of which something is said
MOST_TOLD = 50_000  # artists and tracks between whom neighbours by text are looked for, the most heard
SHARPNESS = 8.0  # of the kernel exp(SHARPNESS (cosine - 1)): two of the same scene count ten times as much as others
YOUTH_WEEKS = 2.0
PRIOR_WEEKS = 2.0  # of listening at its artist's rate that a song is credited with
ALWAYS_WEEKS = 520.0  # the age of a song of which no time of upload is known
_WEEK = np.timedelta64(7, "D")
_BLOCK = 1_024


class Neighbours(NamedTuple):
    """What each of n items speaks for: `items[offsets[j]:offsets[j + 1]]` with `weights` > 0. (For numba.)"""

    offsets: npt.NDArray[np.int64]
    items: npt.NDArray[np.int32]
    weights: Floats

    @staticmethod
    def of(matrix: csr_matrix) -> "Neighbours":
        """The stored entries of a square matrix."""
        return Neighbours(
            matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data.astype(np.float32)
        )

    @staticmethod
    def none(n: int) -> "Neighbours":
        """Nobody speaks for anybody."""
        return Neighbours(np.zeros(n + 1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))


class Voices(NamedTuple):
    """What the models say of n_tracks tracks. (A tuple, so that numba can read it.)

    `played` (n_tracks, f): the collaborative vectors; of cold songs, those of `Cold`; zeros where there are none.
    `artists` (n_artists, f): the direction of what is played by each artist of the shelf, length 1 or zeros. `sound`
    (n_tracks, f): the direction by sound, length 1 or zeros. `items`: by row, what who plays one track plays as well;
    `items_told`: the part of it that comes from what is said of both. `told_as` (n_tracks,): the number of the text
    that speaks of a track, its own or its artist's, -1 = none; `told`: texts that say alike, `tellers` (offsets, rows):
    the tracks of each text, the most heard first. `rate` (n_tracks,): the logarithm of new listeners a week; `youth`
    (n_tracks,): 1 on the day of the upload.
    """

    played: Floats
    artists: Floats
    sound: Floats
    items: Neighbours
    items_told: Neighbours
    told_as: npt.NDArray[np.int32]
    told: Neighbours
    teller_offsets: npt.NDArray[np.int64]
    tellers: npt.NDArray[np.int32]
    rate: Floats
    youth: Floats


def build_voices(
    shelf: Shelf,
    model: CollaborativeModel,
    cold: Cold,
    sound: Sound | None,
    items: ItemModel | None,
    text: Space | None,
    ages: Floats,
    weeks: float,
) -> Voices:
    """Gather what the models say.

    `ages` (n_tracks,) weeks since the upload, NaN where it is not known; `weeks` of listening are known. `text` is the
    space of tracks, those of which nothing of their own is said at their artist's place.
    """
    played = _placed(shelf, model, cold)
    heard_by_sound = np.zeros(played.shape, dtype=np.float32)
    if sound is not None and len(sound.track_ids):
        rows = shelf.rows(sound.track_ids)
        heard_by_sound[rows[rows >= 0]] = directions(sound.vectors)[rows >= 0]
    rate = rates(shelf, ages, weeks)
    told_as, told = _told(shelf, text)
    offsets, tellers = _tellers(shelf, told_as, len(told.offsets) - 1, rate)
    by_row, of_text = _items(shelf, items)
    known = ~np.isnan(ages)
    youth = np.where(known, np.exp(-np.maximum(np.nan_to_num(ages), 0) / YOUTH_WEEKS), 0).astype(np.float32)
    return Voices(
        played=played,
        artists=artist_directions(shelf, played),
        sound=heard_by_sound,
        items=by_row,
        items_told=of_text,
        told_as=told_as,
        told=told,
        teller_offsets=offsets,
        tellers=tellers,
        rate=np.log(rate),
        youth=youth,
    )


def with_model(voices: Voices, shelf: Shelf, model: CollaborativeModel, cold: Cold, *, same_space: bool) -> Voices:
    """The same, but for another collaborative model. Where it has a space of its own, sound says nothing there."""
    played = _placed(shelf, model, cold)
    sound = voices.sound if same_space else np.zeros(played.shape, dtype=np.float32)
    return voices._replace(played=played, artists=artist_directions(shelf, played), sound=sound)


def with_items(voices: Voices, shelf: Shelf, items: ItemModel) -> Voices:
    """The same, but for another item-to-item model."""
    by_row, of_text = _items(shelf, items)
    return voices._replace(items=by_row, items_told=of_text)


def ages_of(uploaded_at: npt.NDArray[np.datetime64], cutoff: dt.datetime) -> Floats:
    """Weeks from each upload (n,) to the cut-off, NaN where it is not known (NaT)."""
    now = np.datetime64(cutoff.astimezone(dt.UTC).replace(tzinfo=None), "us")
    ages: Floats = ((now - uploaded_at) / _WEEK).astype(np.float32)
    return ages


def _placed(shelf: Shelf, model: CollaborativeModel, cold: Cold) -> Floats:
    vectors = np.zeros((len(shelf.track_ids), model.track_factors.shape[1]), dtype=np.float32)
    for track_ids, of in ((model.track_ids, model.track_factors), (cold.track_ids, cold.vectors)):
        rows = shelf.rows(track_ids)
        vectors[rows[rows >= 0]] = of[rows >= 0]
    return vectors


def rates(shelf: Shelf, ages: Floats, weeks: float) -> Floats:
    """New listeners a week of each track, (n_tracks,) > 0.

    A track is credited with PRIOR_WEEKS at its artists' rate, and an artist with as many at everybody's: the mean of
    the posterior where listeners come as a Poisson process and rates are drawn from a gamma distribution.
    """
    there = np.clip(np.nan_to_num(ages, nan=ALWAYS_WEEKS), 0, max(weeks, 1.0)).astype(np.float64)
    listeners = shelf.listeners.astype(np.float64)
    everybody = max(listeners.sum(), 1.0) / max(there.sum(), 1.0)
    credited = credits_matrix(shelf).astype(np.float64)
    of_artist = (credited.T @ listeners + PRIOR_WEEKS * everybody) / (credited.T @ there + PRIOR_WEEKS)
    n_credits = np.maximum(np.diff(shelf.artist_offsets), 1)
    artist_rate = np.where(np.diff(shelf.artist_offsets) > 0, credited @ of_artist / n_credits, everybody)
    rate = (listeners + PRIOR_WEEKS * artist_rate) / (there + PRIOR_WEEKS)
    expected: Floats = rate.astype(np.float32)
    return expected


def _items(shelf: Shelf, items: ItemModel | None) -> tuple[Neighbours, Neighbours]:
    """The item-to-item model by rows of the shelf, and the part of it that comes from texts."""
    if items is None:
        return Neighbours.none(len(shelf.track_ids)), Neighbours.none(len(shelf.track_ids))
    rows = shelf.rows(items.track_ids)
    return _by_rows(shelf, rows, items.similarity), _by_rows(shelf, rows, items.told)


def _by_rows(shelf: Shelf, rows: npt.NDArray[np.int64], matrix: csr_matrix) -> Neighbours:
    """A matrix of tracks that stand in these `rows` of the shelf, -1 = nowhere."""
    entries = matrix.tocoo()
    kept = (rows[entries.row] >= 0) & (rows[entries.col] >= 0)
    places = rows[entries.row[kept]], rows[entries.col[kept]]
    return Neighbours.of(csr_matrix((entries.data[kept], places), shape=(len(shelf.track_ids), len(shelf.track_ids))))


def _told(shelf: Shelf, text: Space | None) -> tuple[npt.NDArray[np.int32], Neighbours]:
    """The number of the text that speaks of each track, and which texts say alike.

    Tracks at the same place share a text: an artist's, where nothing of their own is said.
    """
    told_as = np.full(len(shelf.track_ids), -1, dtype=np.int32)
    if text is None or not len(text.ids):
        return told_as, Neighbours.none(0)
    rows = shelf.rows(text.ids)
    here = np.flatnonzero(rows >= 0)
    _, first, numbers = np.unique(_fingerprints(text.vectors[here]), return_index=True, return_inverse=True)
    heard = np.bincount(numbers, shelf.listeners[rows[here]], len(first))
    chosen = np.sort(np.argsort(-heard, kind="stable")[:MOST_TOLD])
    renumbered = np.full(len(first), -1, dtype=np.int32)
    renumbered[chosen] = np.arange(len(chosen), dtype=np.int32)
    told_as[rows[here]] = renumbered[numbers]
    return told_as, nearest(text.vectors[here][first[chosen]], TOLD_NEIGHBOURS)


def _fingerprints(vectors: Floats) -> npt.NDArray[np.uint64]:
    """A number for each vector (n, d), the same for those that are equal to the last bit (multilinear hashing)."""
    words = np.ascontiguousarray(vectors).view(np.uint32).astype(np.uint64)
    odd = np.random.default_rng(0).integers(2**63, size=words.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    numbers: npt.NDArray[np.uint64] = words @ odd
    return numbers


def nearest(vectors: Floats, k: int) -> Neighbours:
    """The k nearest of each of n vectors of length 1, itself among them, weighted exp(SHARPNESS (cosine - 1)).

    Near and far people are told apart by a kernel, as tastes are mixtures: what is close to one thing that somebody
    likes is better than what is a little like everything.
    """
    n = len(vectors)
    k = min(k, n)
    found, weights = np.empty((n, k), dtype=np.int32), np.empty((n, k), dtype=np.float32)
    with threadpool_limits(1, "blas"):
        for first in range(0, n, _BLOCK):
            cosines = vectors[first : first + _BLOCK] @ vectors.T
            best = np.sort(np.argpartition(-cosines, k - 1, axis=1)[:, :k], axis=1)
            found[first : first + _BLOCK] = best
            weights[first : first + _BLOCK] = np.exp(SHARPNESS * (np.take_along_axis(cosines, best, 1) - 1))
    return Neighbours(np.arange(n + 1, dtype=np.int64) * k, found.ravel(), weights.ravel())


def _tellers(
    shelf: Shelf, told_as: npt.NDArray[np.int32], n_texts: int, rate: Floats
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """The eligible tracks of each text, those that most people come to first."""
    rows = np.flatnonzero((told_as >= 0) & shelf.eligible)
    rows = rows[np.lexsort((rows, -rate[rows], told_as[rows]))]
    return np.searchsorted(told_as[rows], np.arange(n_texts + 1)), rows.astype(np.int32)


_MATRICES = ("played", "sound")
_COLUMNS = ("told_as", "rate", "youth")


def save_voices(artifacts: Artifacts, folder: str, voices: Voices) -> None:
    """Store what the models say below the artifacts folder `folder`."""
    tracks: dict[str, Any] = {name: matrix_column(getattr(voices, name)) for name in _MATRICES}
    tracks |= {name: getattr(voices, name) for name in _COLUMNS}
    artifacts.write(f"{folder}/voices-tracks", pa.table(tracks))
    artifacts.write(f"{folder}/voices-artists", pa.table({"vector": matrix_column(voices.artists)}))
    for name in ("items", "items_told", "told"):
        neighbours: Neighbours = getattr(voices, name)
        lists = pa.array(neighbours.offsets.astype(np.int32))
        table = {
            "items": pa.ListArray.from_arrays(lists, pa.array(neighbours.items)),
            "weights": pa.ListArray.from_arrays(lists, pa.array(neighbours.weights)),
        }
        artifacts.write(f"{folder}/voices-{name}", pa.table(table))
    tellers = pa.ListArray.from_arrays(pa.array(voices.teller_offsets.astype(np.int32)), pa.array(voices.tellers))
    artifacts.write(f"{folder}/voices-tellers", pa.table({"rows": tellers}))


def load_voices(artifacts: Artifacts, folder: str) -> Voices:
    """What `save_voices` stored. Raises ArtifactError where it is no longer kept."""

    def read(name: str) -> pa.Table:
        return artifacts.read(f"{artifacts.url}/{folder}/voices-{name}.parquet")[0]

    def neighbours(name: str) -> Neighbours:
        table = read(name)
        offsets, items = _flat(table["items"])
        return Neighbours(offsets, items.astype(np.int32), _flat(table["weights"])[1].astype(np.float32))

    tracks = read("tracks")
    offsets, rows = _flat(read("tellers")["rows"])
    return Voices(
        played=column_matrix(tracks["played"]),
        artists=column_matrix(read("artists")["vector"]),
        sound=column_matrix(tracks["sound"]),
        items=neighbours("items"),
        items_told=neighbours("items_told"),
        told_as=tracks["told_as"].to_numpy(),
        told=neighbours("told"),
        teller_offsets=offsets,
        tellers=rows.astype(np.int32),
        rate=tracks["rate"].to_numpy(),
        youth=tracks["youth"].to_numpy(),
    )


def _flat(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Offsets and values of a column of lists."""
    whole = column.combine_chunks()
    whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) and whole.num_chunks else whole
    if not len(column):
        return np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.int32)
    offsets = whole.offsets.to_numpy().astype(np.int64)
    return offsets - offsets[0], whole.flatten().to_numpy()
