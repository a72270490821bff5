"""The loop over every user's signals, compiled by numba."""

import numpy as np

from recommenders.compiled import compiled


@compiled()
def mark_new_genres(starts, genres, recent_day, plays, n_genres, least_days, new):  # type: ignore[no-untyped-def]
    """Set `new` for the signals of genres that a user with older signals has played on 1 to `least_days` - 1 days.

    User i's signals are `starts[i]:starts[i + 1]`. `genres` -1 = unknown; `recent_day` (0 to 62) counts from when a
    genre can be new, -1 = before that; `plays` bool: it is a full play.
    """
    days = np.zeros(n_genres, dtype=np.int64)  # a bit for each day on which the user played the genre
    old = np.zeros(n_genres, dtype=np.int64)  # user + 1 where they dealt with the genre before
    for user in range(starts.shape[0] - 1):
        first, end = starts[user], starts[user + 1]
        settled = False
        for i in range(first, end):
            if recent_day[i] < 0:
                settled = True
                if genres[i] >= 0:
                    old[genres[i]] = user + 1
        if not settled:
            continue
        for i in range(first, end):
            if genres[i] >= 0:
                days[genres[i]] = 0
        for i in range(first, end):
            if genres[i] >= 0 and plays[i] and recent_day[i] >= 0:
                days[genres[i]] |= np.int64(1) << recent_day[i]
        for i in range(first, end):
            if genres[i] >= 0 and old[genres[i]] != user + 1:
                bits, n_days = days[genres[i]], 0
                while bits:
                    bits &= bits - 1
                    n_days += 1
                new[i] = n_days < least_days
