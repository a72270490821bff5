"""The inner loops of the item-to-item model, compiled by numba; every row's result depends on that row alone."""

import numpy as np

from recommenders.compiled import compiled


@compiled()
def count_together(offsets, places, weights, gram):  # type: ignore[no-untyped-def]
    """Add X'X to the upper half of `gram` (n, n): user i has `weights` at `places`, ascending, from `offsets[i]` on."""
    for user in range(offsets.shape[0] - 1):
        for i in range(offsets[user], offsets[user + 1]):
            row, weight = gram[places[i]], weights[i]
            for k in range(i, offsets[user + 1]):
                row[places[k]] += weight * weights[k]


@compiled()
def keep_strongest(values, columns, count, k, kept_columns, kept_values):  # type: ignore[no-untyped-def]
    """Copy the `k` highest of the first `count` values, of equal ones those that come first, in their order; how many.

    All of them where there are no more than `k`; none that is not above 0.
    """
    least, spare = np.float32(0), 0
    if count > k:
        least = np.partition(values[:count], count - k)[count - k]
        spare = k
        for i in range(count):
            if values[i] > least:
                spare -= 1
    kept = 0
    for i in range(count):
        if values[i] <= 0 or values[i] < least:
            continue
        if count > k and values[i] == least:
            if spare == 0:
                continue
            spare -= 1
        kept_columns[kept] = columns[i]
        kept_values[kept] = values[i]
        kept += 1
    return kept


@compiled()
def strongest_of_rows(inverse, columns, first, counts, found_columns, found_values):  # type: ignore[no-untyped-def]
    """The strongest positive weights -P_ji / P_ii of the rows from `first` on of P, of which the upper half is given.

    `columns` (n,) names the tracks; writes `counts` (n_rows,), `found_columns` and `found_values` (n_rows, k).
    """
    n, k = inverse.shape[0], found_columns.shape[1]
    values = np.empty(n, dtype=np.float32)
    for row in range(counts.shape[0]):
        j = first + row
        for i in range(n):
            shared = inverse[i, j] if i < j else inverse[j, i]
            values[i] = -shared / inverse[i, i]
        values[j] = 0
        counts[row] = keep_strongest(values, columns, n, k, found_columns[row], found_values[row])


@compiled()
def part_of_text(pulled, pulls, sources, targets, entries, parts):  # type: ignore[no-untyped-def]
    """Write the part of each of the `entries` (n,) from `sources` to `targets` that comes from text, from 0 to all, see
    `item_similarity.ease`; `pulls` = T and `pulled` = P T (n_dense, d)."""
    for n in range(entries.shape[0]):
        source, target = sources[n], targets[n]
        itself = np.dot(pulled[target], pulls[target])
        of_text = np.dot(pulled[source], pulls[target]) + itself * entries[n]
        parts[n] = min(max(of_text, np.float32(0)), entries[n])


@compiled()
def strongest_together(sources, liked, lovers, dense, counts, found_columns, found_values):  # type: ignore[no-untyped-def]
    """The highest cosines of each of `sources` (n,) with other tracks.

    `liked` = (offsets, tracks, weights) of users and `lovers` = (offsets, users, weights) of tracks hold the same
    weights, of length 1 for each track. Two tracks of which both are `dense` (n_tracks,) are passed over. Writes as
    `strongest_of_rows` does.
    """
    user_offsets, tracks, track_weights = liked
    offsets, users, weights = lovers
    n_tracks, k = dense.shape[0], found_columns.shape[1]
    sums, stamps = np.zeros(n_tracks, dtype=np.float32), np.full(n_tracks, -1, dtype=np.int64)
    met, values = np.empty(n_tracks, dtype=np.int32), np.empty(n_tracks, dtype=np.float32)
    for n in range(sources.shape[0]):
        source, count = sources[n], 0
        for i in range(offsets[source], offsets[source + 1]):
            user, weight = users[i], weights[i]
            for place in range(user_offsets[user], user_offsets[user + 1]):
                track = tracks[place]
                if track == source or (dense[source] and dense[track]):
                    continue
                if stamps[track] != n:
                    stamps[track] = n
                    sums[track] = 0
                    met[count] = track
                    count += 1
                sums[track] += weight * track_weights[place]
        met[:count] = np.sort(met[:count])
        for i in range(count):
            values[i] = sums[met[i]]
        counts[n] = keep_strongest(values, met, count, k, found_columns[n], found_values[n])
