"""Works: the versions of one song, found by shared outside ids, or by artist, title and duration.

For "never heard" a missed version is worse than a wrong one: the first puts a heard song on a mixtape, the second only
keeps an unheard one off it. So two tracks of one artist with the same song title are one work, unless neither says that
it is a version and their durations differ by more than a quarter, or the title says nothing ("Intro").
"""

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from recommenders.catalogue.titles import is_generic
from recommenders.store.catalogue import Candidates, merge_works, version_candidates

# Credits that name nobody: two songs of the same title are not the same song because of them.
NOBODY = ("various artists", "various", "va", "unknown artist", "unknown", "anonymous", "traditional", "no artist")

DIFFERENT_LENGTH = 0.25  # share of the longer duration from which on two plain titles are two songs
SAME_RECORDING_S = 2.0  # a generic title is the same recording within this

Ids = npt.NDArray[np.int64]


def group_versions(connection: sa.Connection, track_ids: Ids) -> int:
    """Join the works of `track_ids` (n,), new or changed, with those of which they are versions; return how many ended.

    Of joined works the one with the smallest id stays. The order in which tracks come makes no difference to which of
    them are together.
    """
    candidates = version_candidates(connection, track_ids, NOBODY)
    old, new = joined(*version_links(candidates))
    if len(old):
        merge_works(connection, old, new)
    return len(old)


def version_links(candidates: Candidates) -> tuple[Ids, Ids]:
    """Pairs of works (n,), (n,) that hold versions of one song.

    Within a group every track is linked with the next longer one, if they belong together; that links all that do.
    """
    order = np.lexsort((candidates.duration_s, candidates.group))
    group, work = candidates.group[order], candidates.work_id[order]
    duration = candidates.duration_s[order]
    whole = _groups_of_one_song(candidates)[group]
    generic = np.zeros(len(whole), dtype=bool)
    keys = np.array([is_generic(key) for key in candidates.keys], dtype=bool)
    titled = group < len(keys)
    generic[titled] = keys[group[titled]]

    shorter, longer = duration[:-1], duration[1:]
    alike = np.where(
        generic[1:],
        (shorter > 0) & (longer - shorter <= SAME_RECORDING_S),
        whole[1:] | (longer - shorter <= DIFFERENT_LENGTH * longer),
    )
    linked = alike & (group[:-1] == group[1:]) & (work[:-1] != work[1:])
    return work[:-1][linked], work[1:][linked]


def _groups_of_one_song(candidates: Candidates) -> npt.NDArray[np.bool_]:
    """For each group, by its number: whether one of its tracks is compatible with every other.

    A track is, whatever its duration, that says it is a version, whose duration is unknown, or that shares an id.
    """
    with_any = candidates.has_version | (candidates.duration_s == 0) | candidates.shares_id
    one_song = np.zeros(int(candidates.group.max(initial=-1)) + 1, dtype=bool)
    one_song[candidates.group[with_any]] = True
    return one_song


def joined(first: Ids, second: Ids) -> tuple[Ids, Ids]:
    """Of works linked in pairs, each that ends (n,), and the smallest one it is linked with (n,)."""
    works, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    if not len(works):
        return works, works
    ends = places.reshape(2, -1)
    links = coo_array((np.ones(len(first), dtype=np.int8), (ends[0], ends[1])), shape=(len(works), len(works)))
    n_components, component = connected_components(links, directed=False)
    smallest = np.full(n_components, np.iinfo(np.int64).max)
    np.minimum.at(smallest, component, works)
    target = smallest[component]
    ending = target != works
    return works[ending], target[ending]
