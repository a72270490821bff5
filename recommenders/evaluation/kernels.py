"""The inner loops of judging and of reports, compiled by numba."""

import numpy as np

from recommenders.compiled import compiled
from recommenders.mixing.kernels import dot


@compiled()
def best_unheard(user_factors, track_factors, norms, tracks, offsets, heard, lists):  # type: ignore[no-untyped-def]
    """Write the tracks with the highest inner products that each user has not heard into `lists` (n_users, k).

    `track_factors` (n_tracks, f) come by falling `norms`, `tracks` (n_tracks,) are their places in the catalogue; user
    i has heard the places `heard[offsets[i]:offsets[i + 1]]`. The scan of a user ends where |user| |track| can no
    longer reach the list, which is exact. Equal scores: the lower place first; -1 past the end.
    """
    n_tracks, k = tracks.shape[0], lists.shape[1]
    stamps = np.zeros(n_tracks, dtype=np.int64)
    scores = np.empty(k, dtype=np.float32)
    for user in range(user_factors.shape[0]):
        for i in range(offsets[user], offsets[user + 1]):
            stamps[heard[i]] = user + 1
        vector, chosen = user_factors[user], lists[user]
        user_norm = np.sqrt(dot(vector, vector)) * np.float32(1.00001)
        count = 0
        for i in range(n_tracks):
            if count == k and user_norm * norms[i] < scores[k - 1]:
                break
            score = dot(vector, track_factors[i])
            track = tracks[i]
            if count == k and (score < scores[k - 1] or (score == scores[k - 1] and track > chosen[k - 1])):
                continue
            if stamps[track] == user + 1:
                continue
            place = min(count, k - 1)
            while place > 0 and (
                scores[place - 1] < score or (scores[place - 1] == score and chosen[place - 1] > track)
            ):
                scores[place] = scores[place - 1]
                chosen[place] = chosen[place - 1]
                place -= 1
            scores[place] = score
            chosen[place] = track
            count = min(count + 1, k)
        for place in range(count, k):
            chosen[place] = -1


@compiled()
def count_again(lists, places, credits, since, within, counts):  # type: ignore[no-untyped-def]
    """Add to `counts` (n_weeks, 3) the songs of users who had a list in the `within` weeks before, those that were on
    it, and those of which an artist was.

    `lists` (user_ids, weeks, starts, lengths, ...) come by user and week; `places` (n_songs,) of the songs in `credits`
    (works, n_works, artist_offsets, artists, n_artists), -1 = unknown. Weeks from `since` on are counted.
    """
    width = counts.shape[0]
    # The last week of a song or artist with the user is valid where it is above the user's own stretch of numbers.
    last_of_work = np.zeros(credits.n_works, dtype=np.int64)
    last_of_artist = np.zeros(credits.n_artists, dtype=np.int64)
    base, previous = 0, -1
    for n in range(lists.user_ids.shape[0]):
        if n == 0 or lists.user_ids[n] != lists.user_ids[n - 1]:
            base += 2 * width
            previous = -2 * width
        week = lists.weeks[n]
        songs = places[lists.starts[n] : lists.starts[n] + lists.lengths[n]]
        least = base + week - within
        if week >= since and week - previous <= within:
            counts[week, 0] += songs.shape[0]
            for place in songs:
                if place < 0:
                    continue
                counts[week, 1] += last_of_work[credits.works[place]] >= least
                for i in range(credits.artist_offsets[place], credits.artist_offsets[place + 1]):
                    if last_of_artist[credits.artists[i]] >= least:
                        counts[week, 2] += 1
                        break
        for place in songs:
            if place < 0:
                continue
            last_of_work[credits.works[place]] = base + week
            for i in range(credits.artist_offsets[place], credits.artist_offsets[place + 1]):
                last_of_artist[credits.artists[i]] = base + week
        previous = week
