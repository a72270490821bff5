"""Where ids stand among ascending ids: what joins columns to the arrays of a catalogue."""

import numpy as np
import numpy.typing as npt

_MOST_GAPS = 8  # a table may have so many places for each id that is known or asked for


def places_of(ids: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The place of each of `wanted` in the ascending `ids`; -1 where it is not there.

    By a table where the ids lie close together, which is ten times as fast as the binary search otherwise.
    """
    if not len(ids) or not len(wanted):
        return np.full(len(wanted), -1, dtype=np.int64)
    first, width = int(ids[0]), int(ids[-1]) - int(ids[0]) + 1
    if width <= _MOST_GAPS * (len(ids) + len(wanted)):
        table = np.full(width + 1, -1, dtype=np.int64)  # the last place is that of all ids outside
        table[ids - first] = np.arange(len(ids))
        outside = (wanted < first) | (wanted > ids[-1])
        found: npt.NDArray[np.int64] = table[np.where(outside, width, wanted - first)]
        return found
    places = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[places] == wanted, places, -1)
