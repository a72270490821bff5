"""Editorial lists as a source: the lists whose tags suit what a user likes, read once for a run.

A user's profile says how much of what they like has each tag. A list suits by how much more of it has the list's tags
than of what everybody here plays: a mean over plays and tags, so that a play that has them takes some of it along when
it goes. Users of whom nothing is known get a few of the songs on lists, those that most have heard.
"""

import datetime as dt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa
from scipy.sparse import csr_matrix

from recommenders.listening.interactions import Interactions
from recommenders.mixing.attributes import read_tag_strengths
from recommenders.mixing.candidates import Candidates, Source, popularity_scores
from recommenders.mixing.shelf import Forbidden, Shelf
from recommenders.store import Artifacts
from recommenders.store.editorial import read_valid_lists
from recommenders.store.places import places_of

LISTS_A_USER = 5
NEWCOMERS_SONGS = 5  # popularity says more of what somebody unknown will play: most of their songs are left to it
SONGS_A_LIST = 100  # the first of each
LAST_OF_LIST = 0.5  # of a list's worth has its last song; its first has all of it

Floats = npt.NDArray[np.float32]


class Editorial(NamedTuple):
    """The lists of a run.

    `list_ids` (n_lists,) ascending; `songs` (n_lists, n) int32 rows of the shelf as they stand on each list, -1 past
    its end; `matching` (n_tracks, n_lists) float32: how far a track has a list's tags, the mean over them; `everybody`
    (n_lists,) float32: that of what everybody here plays, a listener of a track being one play of it.
    """

    list_ids: npt.NDArray[np.int64]
    songs: npt.NDArray[np.int32]
    matching: csr_matrix
    everybody: Floats

    def save(self, artifacts: Artifacts, name: str) -> str:
        """Store it as an artifact, a row a list; return its URI."""
        by_list = self.matching.tocsc()
        offsets = pa.array(by_list.indptr.astype(np.int32))
        songs = [row[row >= 0] for row in self.songs]
        table = pa.table(
            {
                "list_id": self.list_ids,
                "songs": pa.array(songs, pa.list_(pa.int32())),
                "everybody": self.everybody,
                "tracks": pa.ListArray.from_arrays(offsets, pa.array(by_list.indices.astype(np.int32))),
                "strengths": pa.ListArray.from_arrays(offsets, pa.array(by_list.data.astype(np.float32))),
            }
        )
        return artifacts.write(name, table, {"n_tracks": by_list.shape[0]})

    @staticmethod
    def load(artifacts: Artifacts, uri: str) -> "Editorial":
        """What `save` stored."""
        table, facts = artifacts.read(uri)
        tracks, strengths = table["tracks"].combine_chunks(), table["strengths"].combine_chunks()
        lists = np.repeat(np.arange(len(table)), tracks.value_lengths().to_numpy())
        values = (strengths.flatten().to_numpy(), (tracks.flatten().to_numpy(), lists))
        matching = csr_matrix(values, shape=(facts["n_tracks"], len(table)), dtype=np.float32)
        songs = _padded([np.array(row, dtype=np.int32) for row in table["songs"].to_pylist()])
        return Editorial(table["list_id"].to_numpy(), songs, matching, table["everybody"].to_numpy())


def read_editorial(connection: sa.Connection, shelf: Shelf, cutoff: dt.datetime) -> Editorial:
    """The lists that were valid at the cut-off, with their songs that may be recommended then."""
    valid = read_valid_lists(connection, cutoff)
    keys = sorted(set(valid.tag_keys))
    strengths = read_tag_strengths(connection, shelf, keys, cutoff.date())
    n_lists = len(valid.list_ids)
    owners = places_of(valid.list_ids, valid.tag_lists)
    tags = np.searchsorted(np.array(keys, dtype=np.str_), np.array(valid.tag_keys, dtype=np.str_)) if keys else owners
    known = owners >= 0
    shares = 1 / np.bincount(owners[known], minlength=n_lists).clip(1)
    of_lists = csr_matrix(
        (shares[owners[known]].astype(np.float32), (tags[known], owners[known])), shape=(len(keys), n_lists)
    )
    matching = (strengths @ of_lists).tocsr()
    matching.sort_indices()
    rows = shelf.rows(valid.track_ids)
    there = (rows >= 0) & shelf.eligible[rows]
    songs = [rows[there & (valid.song_lists == one)][:SONGS_A_LIST].astype(np.int32) for one in valid.list_ids]
    plays = shelf.listeners.astype(np.float64)
    everybody = (matching.T @ plays / max(1.0, float(plays.sum()))).astype(np.float32)
    return Editorial(valid.list_ids, _padded(songs), matching, everybody)


def _padded(songs: list[npt.NDArray[np.int32]]) -> npt.NDArray[np.int32]:
    padded = np.full((len(songs), max(map(len, songs), default=0)), -1, dtype=np.int32)
    for place, row in enumerate(songs):
        padded[place, : len(row)] = row
    return padded


class Offered(NamedTuple):
    """What is offered to some users, the best first: to the i-th `rows[offsets[i]:offsets[i + 1]]` of the shelf, with
    `scores` in (0, 1], from the lists in the places `lists`."""

    offsets: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int32]
    scores: Floats
    lists: npt.NDArray[np.int32]


def suits(editorial: Editorial, shelf: Shelf, interactions: Interactions, user_ids: npt.NDArray[np.int64]) -> Floats:
    """How well each list suits each of `user_ids` (ascending), (n_users, n_lists) float32; 0 or less: not at all.

    Each row depends on its user alone, to the last bit; that of a user who likes nothing is 0.
    """
    found = np.zeros((len(user_ids), len(editorial.list_ids)), dtype=np.float32)
    places = places_of(user_ids, interactions.user_ids)
    liked = interactions.strengths.multiply(interactions.strengths > 0).tocsr().astype(np.float32)
    liked.eliminate_zeros()
    totals = np.asarray(liked.sum(axis=1), dtype=np.float32).ravel()
    known = np.flatnonzero((places >= 0) & (totals > 0))
    rows = shelf.rows(interactions.track_ids)
    means = (liked[known][:, rows >= 0] @ editorial.matching[rows[rows >= 0]]).toarray() / totals[known, np.newaxis]
    found[places[known]] = means - editorial.everybody
    return found


def suited(
    editorial: Editorial,
    shelf: Shelf,
    interactions: Interactions,
    user_ids: npt.NDArray[np.int64],
    n_lists: int,
    n_songs: int = SONGS_A_LIST,
) -> Offered:
    """The best songs, at most `n_songs`, of the `n_lists` lists that suit each of `user_ids` (ascending) best, for a
    block of users at once.

    A song's score is how well its list suits, less by up to a half the further down it stands; a song that is on
    several comes once for each.
    """
    n_users, n_lists = len(user_ids), min(n_lists, len(editorial.list_ids))
    if not n_users or not n_lists or not editorial.songs.shape[1]:
        empty = np.empty(0, dtype=np.int32)
        return Offered(np.zeros(n_users + 1, dtype=np.int64), empty, empty.astype(np.float32), empty)
    fit = suits(editorial, shelf, interactions, user_ids)
    chosen = np.argpartition(-fit, n_lists - 1, axis=1)[:, :n_lists].astype(np.int32)
    best_first = np.lexsort((chosen, -np.take_along_axis(fit, chosen, axis=1)), axis=1)
    chosen = np.take_along_axis(chosen, best_first, axis=1)
    lengths = (editorial.songs >= 0).sum(axis=1)
    down = np.arange(editorial.songs.shape[1]) / np.maximum(lengths - 1, 1)[:, np.newaxis]
    worth = (1 - (1 - LAST_OF_LIST) * np.minimum(down, 1)).astype(np.float32)
    songs, worth = editorial.songs[:, :n_songs], worth[:, :n_songs]
    scores = (np.take_along_axis(fit, chosen, axis=1)[..., np.newaxis] * worth[chosen]).reshape(n_users, -1)
    rows = songs[chosen].reshape(n_users, -1)
    lists = np.repeat(chosen, songs.shape[1], axis=1)
    order = np.argsort(-np.where(rows >= 0, scores, -np.inf), axis=1, kind="stable")[:, :n_songs]
    rows, scores, lists = (np.take_along_axis(each, order, axis=1) for each in (rows, scores, lists))
    offered = (rows >= 0) & (scores > 0)
    offsets = np.append(0, np.cumsum(offered.sum(axis=1)))
    return Offered(offsets, rows[offered], scores[offered], lists[offered])


def add_editorial(
    shelf: Shelf, forbidden: Forbidden, candidates: Candidates, editorial: Editorial, interactions: Interactions
) -> None:
    """Fourth rung: what the lists that suit hold, for every user whose candidates are not full."""
    from recommenders.mixing.kernels import append_candidates

    short = candidates.rows[:, -1] < 0
    if not short.any() or not len(editorial.list_ids):
        return
    likes = likes_anything(interactions, candidates.user_ids)
    known, newcomers = candidates.user_ids[short & likes], candidates.user_ids[short & ~likes]
    offered = suited(editorial, shelf, interactions, known, LISTS_A_USER, LISTS_A_USER * SONGS_A_LIST)
    best = np.unique(editorial.songs[editorial.songs >= 0])
    heard = popularity_scores(shelf, best)
    chosen = np.lexsort((best, -heard))[:NEWCOMERS_SONGS]
    owners = np.concatenate([np.repeat(known, np.diff(offered.offsets)), np.repeat(newcomers, len(chosen))])
    rows = np.concatenate([offered.rows, np.tile(best[chosen], len(newcomers))])
    scores = np.concatenate([offered.scores, np.tile(heard[chosen], len(newcomers))])
    order = np.argsort(owners, kind="stable")
    offsets = np.searchsorted(owners[order], np.append(candidates.user_ids, np.iinfo(np.int64).max))
    append_candidates(shelf, forbidden, candidates, offsets, rows[order], scores[order], np.int8(Source.EDITORIAL))


def likes_anything(interactions: Interactions, user_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which of `user_ids` (n_users,) like a track at all."""
    liking = np.diff((interactions.strengths > 0).tocsr().indptr) > 0
    return np.isin(user_ids, interactions.user_ids[liking])
