"""Who and what is alike: artists and tracks by what is said of them, by who plays them, by how they sound, or by all.

An artist lies where its tracks lie, in the spaces that know tracks only. A track of which nothing is said lies where
its artist does, and is marked so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.errors import NotEnoughDataError
from recommenders.language.terms import EntityKind
from recommenders.language.vectors import KIND as TEXT
from recommenders.store.names import track_names
from recommenders.store.spaces import artist_labels, main_credits, read_space

Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


class By(StrEnum):
    """What says what is alike."""

    TEXT = "text"
    COLLABORATIVE = "collaborative"
    AUDIO = "audio"
    ALL = "all"


# What each says counts so much; text half of listening, as measured for biographies beside listening.
WEIGHTS = {By.COLLABORATIVE: 1.0, By.TEXT: 0.5, By.AUDIO: 0.5}


@dataclass(frozen=True)
class Space:
    """Where artists or tracks lie: ids (n,) ascending, vectors (n, n_dimensions) of length 1, and which of them have
    their artist's (n,)."""

    ids: Ids
    vectors: Floats
    inherited: npt.NDArray[np.bool_]

    @staticmethod
    def of(ids: Ids, vectors: Floats, inherited: npt.NDArray[np.bool_] | None = None) -> "Space":
        """A space of vectors of any length; those of none are left out."""
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True) if len(vectors) else np.empty((0, 1))
        there = lengths[:, 0] > 0
        marks = np.zeros(len(ids), dtype=bool) if inherited is None else inherited
        return Space(ids[there], (vectors[there] / lengths[there]).astype(np.float32), marks[there])

    def cosines(self, one: int) -> Floats | None:
        """The cosine of everybody, (n,), with `one`, by id; None where that one is not in this space."""
        place = int(np.searchsorted(self.ids, one))
        if place == len(self.ids) or self.ids[place] != one:
            return None
        found: Floats = self.vectors @ self.vectors[place]
        return found


@dataclass(frozen=True)
class Alike:
    """Somebody alike: the service's own id, a name to show, the score by which it is ranked, the cosine in each space
    that knows it, and whether its text is its artist's."""

    outside_id: str
    name: str
    score: float
    cosines: Mapping[By, float]
    inherited: bool


def read_spaces(connection: sa.Connection, entity_kind: EntityKind, by: By) -> dict[By, Space]:
    """The spaces that `by` looks at."""
    chosen = [one for one in WEIGHTS if by in (one, By.ALL)]
    make = _artists if entity_kind is EntityKind.ARTIST else _tracks
    return {one: make(connection, one) for one in chosen}


def similar(connection: sa.Connection, entity_kind: EntityKind, entity_id: int, by: By, n: int = 10) -> list[Alike]:
    """The `n` artists or tracks most like one of them, the likest first.

    By one model: the highest cosines. By all: the highest sums of standardised cosines, weighted (z-scores of listening
    and half of those of text beat both alone); a model that does not know somebody says nothing of them.

    Raises NotEnoughDataError where no model asked knows `entity_id`.
    """
    spaces = read_spaces(connection, entity_kind, by)
    cosines = {one: space.cosines(entity_id) for one, space in spaces.items()}
    known = {one: found for one, found in cosines.items() if found is not None}
    if not known:
        raise NotEnoughDataError(_unknown(entity_kind, by))
    ids, scores = ranked({one: (spaces[one].ids, found) for one, found in known.items()}, entity_id, n)
    asked = {one: (spaces[one], found) for one, found in known.items()}
    labels = artist_labels if entity_kind is EntityKind.ARTIST else track_names
    return [
        Alike(*label, float(score), _cosines_of(asked, one), _inherits(spaces.get(By.TEXT), one))
        for label, one, score in zip(labels(connection, ids.tolist()), ids.tolist(), scores, strict=True)
    ]


def ranked(found: Mapping[By, tuple[Ids, Floats]], one: int, n: int) -> tuple[Ids, npt.NDArray[np.float64]]:
    """The `n` best of all ids but `one`, and their scores: the cosines where one model was asked, else the weighted sum
    of each model's z-scores."""
    if len(found) == 1:
        ids, cosines = next(iter(found.values()))
        scores = cosines.astype(np.float64)
    else:
        ids = np.unique(np.concatenate([known for known, _ in found.values()]))
        scores = np.zeros(len(ids))
        for by, (known, cosines) in found.items():
            scores[np.searchsorted(ids, known)] += WEIGHTS[by] * standardised(cosines)
    others = np.flatnonzero(ids != one)
    best = others[np.lexsort((ids[others], -scores[others]))[:n]]
    return ids[best], scores[best]


def standardised(scores: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Scores (..., n) with mean 0 and standard deviation 1 along the last axis; zeros where all are equal."""
    exact = scores.astype(np.float64)
    spread = exact.std(axis=-1, keepdims=True)
    found: npt.NDArray[np.float64] = (exact - exact.mean(axis=-1, keepdims=True)) / np.where(spread > 0, spread, 1)
    return found


def _artists(connection: sa.Connection, by: By) -> Space:
    if by is By.TEXT:
        return Space.of(*read_space(connection, "artist", TEXT))
    ids, vectors = read_space(connection, "track", by)
    credits_ = main_credits(connection)
    if by is By.AUDIO:  # each track counts alike
        heard = Space.of(ids, vectors)
        ids, vectors = heard.ids, heard.vectors
    return Space.of(*summed(ids, vectors, *credits_))


def summed(ids: Ids, vectors: Floats, tracks: Ids, artists: Ids) -> tuple[Ids, Floats]:
    """The artists (m,) of the tracks `ids` (n,), and the sum of their tracks' vectors, (m, n_dimensions).

    `tracks` and `artists` (k,) are the credits. Vectors of listening are longer the more a track is liked, so that an
    artist lies nearest to what it is loved for.
    """
    places = np.searchsorted(ids, tracks)
    known = np.flatnonzero(places < len(ids))
    known = known[ids[places[known]] == tracks[known]]
    found, owners = np.unique(artists[known], return_inverse=True)
    sums = np.zeros((len(found), vectors.shape[1]), dtype=np.float32)
    np.add.at(sums, owners, vectors[places[known]])
    return found, sums


def _tracks(connection: sa.Connection, by: By) -> Space:
    ids, vectors = read_space(connection, "track", by)
    if by is not By.TEXT:
        return Space.of(ids, vectors)
    artists, of_artists = read_space(connection, "artist", TEXT)
    tracks, credited = main_credits(connection)
    if not len(artists) or not len(tracks):
        return Space.of(ids, vectors)
    first = np.flatnonzero(np.diff(tracks, prepend=-1))
    tracks, credited = tracks[first], credited[first]
    places = np.searchsorted(artists, credited)
    known = np.flatnonzero((places < len(artists)) & ~np.isin(tracks, ids))
    known = known[artists[places[known]] == credited[known]]
    everybody = np.concatenate([ids, tracks[known]])
    stacked = np.concatenate([vectors if len(ids) else of_artists[:0], of_artists[places[known]]])
    order = np.argsort(everybody, kind="stable")
    return Space.of(everybody[order], stacked[order], (np.arange(len(everybody)) >= len(ids))[order])


def _cosines_of(asked: Mapping[By, tuple[Space, Floats]], one: int) -> dict[By, float]:
    found = {}
    for by, (space, cosines) in asked.items():
        place = int(np.searchsorted(space.ids, one))
        if place < len(space.ids) and space.ids[place] == one:
            found[by] = float(cosines[place])
    return found


def _inherits(space: Space | None, one: int) -> bool:
    if space is None:
        return False
    place = int(np.searchsorted(space.ids, one))
    return bool(place < len(space.ids) and space.ids[place] == one and space.inherited[place])


def _unknown(entity_kind: EntityKind, by: By) -> str:
    reasons: dict[By, Sequence[str]] = {
        By.TEXT: ("nothing that was read speaks of it, or the articles were not weighed yet", "crawl_blogs"),
        By.COLLABORATIVE: ("nobody liked it before the model's cut-off", "retrain_collaborative"),
        By.AUDIO: ("its sound was not heard yet, or there is no audio network", "analyse_uploads"),
        By.ALL: ("nobody liked it, nothing speaks of it, its sound was not heard", "retrain_collaborative"),
    }
    why, dag = reasons[by]
    return f"No vector says where this {entity_kind} lies by {by}: {why}. The DAG {dag} makes them."
