"""Which plays put the songs of the rungs culture and editorial on a list.

Their scores are means over what the user likes, weighted by how much: of the cosine of what is said, or of how far it
has a list's tags. A play that is above the mean takes some of it along when it goes; named are the two that take most.
"""

import numpy as np
import numpy.typing as npt

from recommenders.compiled import compiled
from recommenders.listening.interactions import Interactions
from recommenders.mixing.candidates import Source
from recommenders.mixing.culture import Culture
from recommenders.mixing.editorial import Editorial, suits
from recommenders.mixing.shelf import Shelf
from recommenders.store.places import places_of

SECOND_PLAY_SHARE = 0.3  # a second play is named that takes along at least so much of what the first does

Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def rung_plays(
    culture: Culture,
    editorial: Editorial,
    shelf: Shelf,
    user_ids: Ids,
    rows: npt.NDArray[np.int32],
    sources: npt.NDArray[np.int8],
    interactions: Interactions,
) -> Ids:
    """The plays that put the songs in `rows` (n_users, length) of these two sources on the lists of `user_ids`
    (ascending): track ids (n_users, length, 2), 0 = none, as for songs of other sources and users without likes."""
    plays = np.zeros((*rows.shape, 2), dtype=np.int64)
    liked_rows = shelf.rows(interactions.track_ids)
    told_rows = culture.rows.astype(np.int64)
    told = places_of(told_rows, rows.ravel().astype(np.int64)).reshape(rows.shape)
    told = np.where(sources == Source.CULTURE, told, -1)
    if (told >= 0).any():
        places = places_of(told_rows, liked_rows)
        vectors = np.where((places >= 0)[:, np.newaxis], culture.vectors[np.maximum(places, 0)], 0)
        _name(user_ids, interactions, vectors, told, culture.vectors, plays)
    listed = sources == Source.EDITORIAL
    if listed.any():
        users = np.flatnonzero(listed.any(axis=1))
        on = _lists_of(editorial, shelf, interactions, user_ids[users], rows[users], listed[users])
        everywhere = np.full(rows.shape, -1, dtype=np.int64)
        everywhere[users] = on
        liked = interactions.strengths[np.isin(interactions.user_ids, user_ids[users])]
        columns = np.unique(liked.indices)
        matching = np.zeros((len(interactions.track_ids), len(editorial.list_ids)), dtype=np.float32)
        columns = columns[liked_rows[columns] >= 0]
        matching[columns] = editorial.matching[liked_rows[columns]].toarray()
        unit = np.eye(len(editorial.list_ids), dtype=np.float32)
        _name(user_ids, interactions, matching, everywhere, unit, plays)
    return np.where(plays > 0, interactions.track_ids[np.maximum(plays - 1, 0)], 0) if plays.any() else plays


def _lists_of(
    editorial: Editorial,
    shelf: Shelf,
    interactions: Interactions,
    user_ids: Ids,
    rows: npt.NDArray[np.int32],
    listed: npt.NDArray[np.bool_],
) -> Ids:
    """The place of the list that each song came from, (n_users, length), the one that suits best of those that hold
    it; -1 where none does."""
    fit = suits(editorial, shelf, interactions, user_ids)
    found = np.full(rows.shape, -1, dtype=np.int64)
    best = np.zeros(rows.shape, dtype=np.float32)
    for place, songs in enumerate(editorial.songs):
        better = listed & np.isin(rows, songs[songs >= 0]) & (fit[:, [place]] > best)
        found[better] = place
        best = np.where(better, fit[:, [place]], best)
    return found


def _name(
    user_ids: Ids, interactions: Interactions, vectors: Floats, songs: Ids, song_vectors: Floats, plays: Ids
) -> None:
    """Write into `plays` the columns + 1 of the interactions that put each song on its list; `vectors` (n_tracks, d) of
    the interactions' tracks, `songs` (n_users, length) places in `song_vectors` (m, d), -1 = none."""
    strengths = interactions.strengths
    _name_plays(
        places_of(interactions.user_ids, user_ids),
        strengths.indptr.astype(np.int64),
        strengths.indices.astype(np.int64),
        strengths.data.astype(np.float32),
        np.ascontiguousarray(vectors, dtype=np.float32),
        np.ascontiguousarray(songs),
        np.ascontiguousarray(song_vectors, dtype=np.float32),
        plays,
    )


@compiled()
def _name_plays(places, indptr, indices, weights, vectors, songs, song_vectors, plays):  # type: ignore[no-untyped-def]
    for user in range(songs.shape[0]):
        if places[user] < 0:
            continue
        first, end = indptr[places[user]], indptr[places[user] + 1]
        columns, liking = indices[first:end], np.maximum(weights[first:end], 0)
        if liking.sum() == 0:
            continue
        own = vectors[columns]
        for n in range(songs.shape[1]):
            if songs[user, n] >= 0:
                one, other = _two_that_take_most(np.dot(own, song_vectors[songs[user, n]]), liking)
                plays[user, n, 0] = columns[one] + 1 if one >= 0 else 0
                plays[user, n, 1] = columns[other] + 1 if other >= 0 else 0


@compiled()
def _two_that_take_most(ties, liking):  # type: ignore[no-untyped-def]
    """The places of the play, of those with a tie above 0, without which the weighted mean of `ties` falls most, and of
    the next one; -1 = none."""
    mass, total = liking.sum(), (liking * ties).sum()
    one, other, most, next_most = -1, -1, -np.inf, -np.inf
    for i in range(ties.shape[0]):
        if liking[i] == 0 or ties[i] <= 0:
            continue
        rest = mass - liking[i]
        left = (total - liking[i] * ties[i]) / rest if rest > 1e-6 * mass else 0.0
        fall = total / mass - left
        if fall > most:
            other, next_most = one, most
            one, most = i, fall
        elif fall > next_most:
            other, next_most = i, fall
    if most <= 0 or next_most < SECOND_PLAY_SHARE * most:
        other = -1
    return one, other
