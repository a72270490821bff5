"""Whether reasons are true: the scores of songs, computed again from the listening without the plays that are named."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from recommenders.listening.interactions import Interactions
from recommenders.playlists.allocation import Lists
from recommenders.playlists.explaining import Ranking, describe_songs
from recommenders.store.places import places_of

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Held:
    """What became of `sampled` songs whose reasons name plays: the share whose chance falls without them, the median
    of what is left of the chance, and the share of all reasons, named or not, that name any play."""

    sampled: int
    fell: float
    median_left: float
    naming: float


def reasons_hold(
    ranking: Ranking, user_ids: Ids, lists: Lists, plays: Ids, interactions: Interactions, n: int, seed: int
) -> Held:
    """Take the named plays away from `n` songs drawn with `seed`, and let the real models score these songs again.

    `plays` (n_users, length, 2) are the track ids that the reasons of `lists` name, 0 = none.
    """
    named = np.flatnonzero((plays > 0).any(axis=2).ravel())
    drawn = np.sort(np.random.default_rng(seed).permutation(named)[:n])
    users, places = np.unravel_index(drawn, lists.rows.shape)
    rows = lists.rows[users, places].astype(np.int64)
    alone = _of(interactions, user_ids[users])
    _, before = describe_songs(ranking, alone, alone.user_ids, rows)
    _, after = describe_songs(ranking, without(alone, plays[users, places]), alone.user_ids, rows)
    left = np.nan_to_num(after, nan=0.0)  # where nothing else is liked, nothing ranks the song any more
    return Held(
        sampled=len(drawn),
        fell=float((left < before).mean()) if len(drawn) else 0.0,
        median_left=float(np.median(left / before)) if len(drawn) else 0.0,
        naming=len(named) / max(int((lists.rows >= 0).sum()), 1),
    )


def _of(interactions: Interactions, user_ids: Ids) -> Interactions:
    """What these users like, a row for each in the order given, as if each was somebody else."""
    rows = interactions.strengths[places_of(interactions.user_ids, user_ids)]
    return Interactions(np.arange(1, len(user_ids) + 1), interactions.track_ids, rows)


def without(interactions: Interactions, taken: Ids) -> Interactions:
    """The interactions, but for the tracks `taken` (n_users, k) from each of their users; 0 = none."""
    strengths = interactions.strengths
    owners = np.repeat(np.arange(strengths.shape[0]), np.diff(strengths.indptr))
    tracks = interactions.track_ids[strengths.indices]
    kept = ~(tracks[:, np.newaxis] == taken[owners]).any(axis=1)
    indptr = np.append(0, np.cumsum(kept))[strengths.indptr]
    left = csr_matrix((strengths.data[kept], strengths.indices[kept], indptr), shape=strengths.shape)
    return Interactions(interactions.user_ids, interactions.track_ids, left)
