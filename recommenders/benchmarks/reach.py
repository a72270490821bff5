"""Whom new uploads reach: the mixtapes of the demo service, beside what its listeners truly like."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommenders.demo.genres import profiles
from recommenders.demo.world import World

OF_ITS_KIND = 0.25  # share of a taste from which on a genre is a listener's own


@dataclass(frozen=True)
class Songs:
    """The songs of an edition, one row each: places of user and track in the world, score, and whether it was placed by
    its sound; ordered by user."""

    users: npt.NDArray[np.int64]
    tracks: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    by_sound: npt.NDArray[np.bool_]


def kinds(world: World) -> npt.NDArray[np.bool_]:
    """(n_users, n_genres): whether songs of the genre are a listener's kind at the end of the demo's weeks.

    A mode of a taste belongs to the genre whose profile is nearest.
    """
    genres = profiles()
    genres = genres / np.linalg.norm(genres, axis=1, keepdims=True)
    people, n_users = world.people, len(world.user_ids)
    nearest = (people.modes[:n_users, :, : genres.shape[1]] @ genres.T).argmax(axis=2)
    weights = people.weights(world.weeks - 1)[:n_users]
    share = np.zeros((n_users, len(genres)))
    for mode in range(nearest.shape[1]):
        share[np.arange(n_users), nearest[:, mode]] += weights[:, mode]
    return share >= OF_ITS_KIND


def reach(
    world: World,
    songs: Songs,
    uploads: npt.NDArray[np.int64],
    fresh: npt.NDArray[np.bool_],
    cold: npt.NDArray[np.bool_],
    places_for_fresh: int,
) -> dict[str, float]:
    """Whom the `uploads` (n,), indices of tracks that nobody has played, reach, and what cold songs take beside that.

    `fresh`, `cold` (n_tracks,) bool say which tracks were that for the edition. Rates are shares of listeners with a
    history who have a given upload on their mixtape, means over the uploads; `times as often` is their ratio. The
    places that are not kept for fresh songs are the others; `share of cold` is that of cold songs in the catalogue.
    """
    own_kind = kinds(world)[:, world.tracks.genre[uploads]]  # (n_users, n_uploads)
    listening = np.isin(np.arange(len(world.user_ids)), world.people.account[world.listening.person])[:, None]
    got = np.zeros((len(world.user_ids), len(world.track_ids)), dtype=bool)
    got[songs.users, songs.tracks] = True
    got = got[:, uploads]
    own, others = own_kind & listening, ~own_kind & listening
    rate_own = float(((got & own).sum(axis=0) / np.maximum(own.sum(axis=0), 1)).mean())
    rate_others = float(((got & others).sum(axis=0) / np.maximum(others.sum(axis=0), 1)).mean())
    times = rate_own / max(rate_others, 1 / max(int(others.sum()), 1))  # at least as if one of them had one
    kept = _kept_for_fresh(songs, fresh, places_for_fresh)
    taken = float(songs.by_sound[~kept].mean())
    share = float(cold.mean())
    return {
        "uploads": float(len(uploads)),
        "uploads on a mixtape": float(got.any(axis=0).mean()),
        "rate of their kind": rate_own,
        "rate of others": rate_others,
        "times as often": times,
        "share of cold": share,
        "cold in other places": taken,
    }


def _kept_for_fresh(songs: Songs, fresh: npt.NDArray[np.bool_], places: int) -> npt.NDArray[np.bool_]:
    """(n_songs,): the best fresh songs of each list, up to so many."""
    order = np.lexsort((-songs.scores, ~fresh[songs.tracks], songs.users))
    users = songs.users[order]
    rank = np.arange(len(users)) - np.searchsorted(users, users)
    kept = np.zeros(len(users), dtype=bool)
    kept[order] = (rank < places) & fresh[songs.tracks[order]]
    return kept
