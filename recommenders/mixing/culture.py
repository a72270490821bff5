"""Culture as a rung of the ladder: what is described like what a user loves; for newcomers, what is written of now.

A user lies at the mean of the text vectors of what they like, weighted by how much they like it; a song's score is the
mean of its cosines with those, a little more for one that many have heard, among the songs of one artist above all. To
users of whom nothing is known a few songs are offered of which much was written, and warmly, in the week before.
"""

import datetime as dt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from recommenders.language.similarity import By, read_spaces
from recommenders.language.terms import EntityKind
from recommenders.listening.interactions import Interactions
from recommenders.mixing.attributes import of_artists
from recommenders.mixing.candidates import Candidates, Source, by_norm, fill_with_best, popularity_scores
from recommenders.mixing.editorial import likes_anything
from recommenders.mixing.shelf import Forbidden, Shelf
from recommenders.store import Artifacts
from recommenders.store.artifacts import column_matrix, matrix_column
from recommenders.store.attributes import Columns, warmth
from recommenders.store.places import places_of

A_WEEK = dt.timedelta(days=7)
NEWS_SONGS = 5  # that people write of a song says little of whom it pleases: most places are left to what is popular
AN_ARTIST = 3  # most candidates by one artist: many songs share their artist's vector
POPULARITY = 0.05  # that a song is the most heard one adds so much of its score
NEWS_POPULARITY = 2  # power of the logarithm of listeners with which news are weighed
OF_ARTIST = 0.3  # what is written of an artist alone counts so much for each of its songs

Floats = npt.NDArray[np.float32]


class Culture(NamedTuple):
    """What is said of the tracks of a run.

    `rows` (n,) int32 of the shelf, ascending, and the `vectors` (n, d) float32 of length 1 of those of which something
    is said, or of their artists; `news` (m,) int32 rows, those most and most warmly written of first, and `warmth`
    (m,) float32 in (0, 1].
    """

    rows: npt.NDArray[np.int32]
    vectors: Floats
    news: npt.NDArray[np.int32]
    warmth: Floats

    def save(self, artifacts: Artifacts, name: str) -> str:
        """Store it as an artifact; return its URI."""
        table = pa.table({"row": self.rows, "vector": matrix_column(self.vectors.astype(np.float16))})
        return artifacts.write(name, table, {"news": self.news.tolist(), "warmth": self.warmth.tolist()})

    @staticmethod
    def load(artifacts: Artifacts, uri: str) -> "Culture":
        """What `save` stored."""
        table, facts = artifacts.read(uri)
        vectors = column_matrix(table["vector"]).astype(np.float32)
        news, warm = np.array(facts["news"], dtype=np.int32), np.array(facts["warmth"], dtype=np.float32)
        return Culture(table["row"].to_numpy(), vectors, news, warm)


def read_culture(connection: sa.Connection, shelf: Shelf, cutoff: dt.datetime, *, past: bool) -> Culture:
    """What was said before the cut-off; of a `past` week the news only: of vectors, today's state alone is kept."""
    rows, vectors = np.empty(0, dtype=np.int32), np.zeros((0, 1), dtype=np.float32)
    if not past:
        space = read_spaces(connection, EntityKind.TRACK, By.TEXT)[By.TEXT]
        places = shelf.rows(space.ids)
        rows, vectors = places[places >= 0].astype(np.int32), space.vectors[places >= 0]
    return Culture(rows, vectors, *_news(shelf, warmth(connection, cutoff - A_WEEK, cutoff)))


def _news(shelf: Shelf, written: Columns) -> tuple[npt.NDArray[np.int32], Floats]:
    """The songs most written of, one of each artist, at most twice as many as are offered, and how warmly."""
    own = written["track_id"] > 0
    rows = shelf.rows(written["track_id"][own])
    warm = np.zeros(len(shelf.track_ids), dtype=np.float64)
    np.add.at(warm, rows[rows >= 0], written["warmth"][own][rows >= 0])
    artists = written["artist_id"]
    of_tracks, _, values = of_artists(shelf, artists, artists, written["warmth"])
    np.add.at(warm, of_tracks, OF_ARTIST * values.astype(np.float64))
    warm *= popularity_scores(shelf, np.arange(len(warm), dtype=np.int32)) ** NEWS_POPULARITY
    rows = np.flatnonzero((warm > 0) & shelf.eligible)
    rows = rows[np.lexsort((rows, -warm[rows]))]
    first_artists = _first_artists(shelf)[rows]
    _, first = np.unique(first_artists, return_index=True)
    chosen = rows[np.sort(first)][: 2 * NEWS_SONGS]
    top = warm[chosen].max(initial=0) or 1.0
    return chosen.astype(np.int32), (warm[chosen] / top).astype(np.float32)


def _first_artists(shelf: Shelf) -> npt.NDArray[np.int64]:
    """(n_tracks,) an artist of each track, the one with the least id; below 0, and different for each: it has none."""
    has = np.diff(shelf.artist_offsets) > 0
    first = np.append(shelf.artists, 0)[np.where(has, shelf.artist_offsets[:-1], 0)].astype(np.int64)
    return np.where(has, first, -1 - np.arange(len(has)))


def profiles(culture: Culture, shelf: Shelf, interactions: Interactions, user_ids: npt.NDArray[np.int64]) -> Floats:
    """Where each of `user_ids` (ascending) lies by what is said of what they like, (n_users, d) float32: the weighted
    mean of its vectors, not of length 1; zeros where nothing is said of it. A row depends on its user alone."""
    found = np.zeros((len(user_ids), culture.vectors.shape[1]), dtype=np.float32)
    places = places_of(user_ids, interactions.user_ids)
    columns = places_of(culture.rows.astype(np.int64), shelf.rows(interactions.track_ids))
    liked = interactions.strengths[:, columns >= 0]
    liked = liked.multiply(liked > 0).tocsr().astype(np.float32)
    liked.eliminate_zeros()
    totals = np.asarray(liked.sum(axis=1), dtype=np.float32).ravel()
    known = np.flatnonzero((places >= 0) & (totals > 0))
    means = liked[known] @ culture.vectors[columns[columns >= 0]] / totals[known, np.newaxis]
    found[places[known]] = means
    return found


def add_culture(
    shelf: Shelf, forbidden: Forbidden, candidates: Candidates, culture: Culture, interactions: Interactions
) -> None:
    """Third rung: what is described like what the user likes, or what is written of now, for lists that are not
    full."""
    from recommenders.mixing.kernels import append_candidates

    n_users, width = candidates.rows.shape
    short = candidates.rows[:, -1] < 0
    likes = likes_anything(interactions, candidates.user_ids)
    rows = np.full((n_users, max(AN_ARTIST * width, NEWS_SONGS)), -1, dtype=np.int32)
    scores = np.zeros(rows.shape, dtype=np.float32)
    factors = profiles(culture, shelf, interactions, candidates.user_ids)
    factors[~short] = 0
    if factors.any():
        eligible = shelf.eligible[culture.rows]
        known = culture.rows[eligible]
        more = 1 + np.float32(POPULARITY) * popularity_scores(shelf, known)
        vectors = culture.vectors[eligible] * more[:, np.newaxis]
        fill_with_best(shelf, forbidden, factors, by_norm(known.astype(np.int64), vectors), rows, scores)
        _keep_few_of_each_artist(shelf, rows)
    newcomers = np.flatnonzero(short & ~likes)
    news = min(len(culture.news), NEWS_SONGS)
    rows[newcomers, :news], scores[newcomers, :news] = culture.news[:news], culture.warmth[:news]
    offered = rows >= 0
    offsets = np.append(0, np.cumsum(offered.sum(axis=1)))
    if len(newcomers) or factors.any():
        append_candidates(
            shelf, forbidden, candidates, offsets, rows[offered], scores[offered], np.int8(Source.CULTURE)
        )


def _keep_few_of_each_artist(shelf: Shelf, rows: npt.NDArray[np.int32]) -> None:
    """Strike out of each list (n_users, n) what comes after `AN_ARTIST` songs of the same artist."""
    artists = np.where(rows >= 0, _first_artists(shelf)[rows], np.iinfo(np.int64).max)
    order = np.argsort(artists, axis=1, kind="stable")
    ordered = np.take_along_axis(artists, order, axis=1)
    again = np.zeros(rows.shape, dtype=np.bool_)
    again[:, AN_ARTIST:] = ordered[:, AN_ARTIST:] == ordered[:, :-AN_ARTIST]
    struck = np.zeros(rows.shape, dtype=np.bool_)
    np.put_along_axis(struck, order, again, axis=1)
    rows[struck] = -1
