"""The inner loops over listeners, compiled by numba; every user's result depends on that user alone."""

import numpy as np

from recommenders.compiled import compiled
from recommenders.mixing.kernels import artist_forbidden, dot, mark
from recommenders.mixing.mix_kernels import best_of


@compiled()
def _find_nearest(user_id, factors, drawn, cosines, nearest):  # type: ignore[no-untyped-def]
    """Write the drawn listeners with the highest positive cosines into `nearest`, the nearest first; how many."""
    kept = 0
    for n in range(drawn.user_ids.shape[0]):
        cosines[n] = dot(factors, drawn.vectors[n])
        if cosines[n] <= 0 or drawn.user_ids[n] == user_id:
            continue
        place = kept
        if kept == nearest.shape[0]:
            if cosines[n] <= cosines[nearest[kept - 1]]:
                continue
            place = kept - 1
        else:
            kept += 1
        while place > 0 and cosines[n] > cosines[nearest[place - 1]]:
            nearest[place] = nearest[place - 1]
            place -= 1
        nearest[place] = n
    return kept


@compiled()
def offer_of_nearest(shelf, forbidden, user_ids, factors, drawn, n_nearest, offered):  # type: ignore[no-untyped-def]
    """Write into `offered` (n_users, n) the songs that each user's nearest drawn listeners like most in sum, weighted
    by their cosines; one version of each work, nothing forbidden; -1 past the end."""
    n_tracks, n_works = shelf.works.shape[0], shelf.works.max() + 1
    cosines, nearest = np.zeros(drawn.user_ids.shape[0], np.float32), np.zeros(n_nearest, np.int64)
    sums, stamps, met = np.zeros(n_tracks, np.float32), np.zeros(n_tracks, np.int64), np.zeros(n_tracks, np.int32)
    works, artists = np.zeros(n_works, np.int64), np.zeros(shelf.artist_ids.shape[0], np.int64)
    best, values = np.zeros(2 * offered.shape[1], np.int32), np.zeros(n_tracks, np.float32)
    for user in range(user_ids.shape[0]):
        if dot(factors[user], factors[user]) == 0:
            continue
        stamp, count = user + 1, 0
        mark(works, forbidden.work_offsets, forbidden.works, user)
        mark(artists, forbidden.artist_offsets, forbidden.artists, user)
        for n in range(_find_nearest(user_ids[user], factors[user], drawn, cosines, nearest)):
            listener = nearest[n]
            for i in range(drawn.likings.offsets[listener], drawn.likings.offsets[listener + 1]):
                row = drawn.likings.rows[i]
                if not shelf.eligible[row] or works[shelf.works[row]] == stamp:
                    continue
                if stamps[row] != stamp:
                    if artist_forbidden(shelf, artists, row, stamp):
                        continue
                    stamps[row], sums[row] = stamp, 0
                    met[count] = row
                    count += 1
                sums[row] += cosines[listener] * drawn.likings.weights[i]
        taken = 0
        for n in range(best_of(met, count, sums, best, values)):
            work = shelf.works[best[n]]
            if taken < offered.shape[1] and works[work] != stamp:
                works[work] = stamp
                offered[user, taken] = best[n]
                taken += 1
