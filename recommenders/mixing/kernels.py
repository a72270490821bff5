"""The inner loops over candidates, compiled by numba; every user's result depends on that user alone."""

import numpy as np

from recommenders.compiled import compiled


@compiled()
def mark(stamps, offsets, items, user):  # type: ignore[no-untyped-def]
    """Write user + 1 into the stamp of each of the user's items: a set that costs nothing to empty."""
    for i in range(offsets[user], offsets[user + 1]):
        stamps[items[i]] = user + 1


@compiled()
def artist_forbidden(shelf, artist_stamps, row, stamp):  # type: ignore[no-untyped-def]
    """Whether any credited artist of the track in `row` is marked with `stamp`."""
    for i in range(shelf.artist_offsets[row], shelf.artist_offsets[row + 1]):
        if artist_stamps[shelf.artists[i]] == stamp:
            return True
    return False


@compiled(fastmath=True)
def dot(a, b):  # type: ignore[no-untyped-def]
    """The inner product of two float32 vectors: the same to the last bit wherever they come from."""
    total = np.float32(0)
    for i in range(a.shape[0]):
        total += a[i] * b[i]
    return total


@compiled()
def _comes_before(score, row, other_score, other_row):  # type: ignore[no-untyped-def]
    return score > other_score or (score == other_score and row < other_row)


@compiled()
def _place_of(shelf, work, chosen_rows, count, otherwise):  # type: ignore[no-untyped-def]
    """The place of a version of `work` on the list."""
    for i in range(count):
        if shelf.works[chosen_rows[i]] == work:
            return i
    return otherwise


@compiled()
def _rise(chosen_rows, chosen_scores, place, row, score):  # type: ignore[no-untyped-def]
    """Put a song in at `place`, and move it up past all that come after it."""
    while place > 0 and _comes_before(score, row, chosen_scores[place - 1], chosen_rows[place - 1]):
        chosen_rows[place] = chosen_rows[place - 1]
        chosen_scores[place] = chosen_scores[place - 1]
        place -= 1
    chosen_rows[place] = row
    chosen_scores[place] = score


@compiled()
def scan(shelf, forbidden, users, vectors, lengths, bounds, first, tracks, best, marks):  # type: ignore[no-untyped-def]
    """Go on filling the lists of `users` with the tracks first, first + 1, ... of `tracks`, which come by norm.

    `bounds` (n_users, n) holds their inner products as a matrix product gives them: good enough to pass over a track,
    but its last bits depend on the size of the matrix, so what may be listed is multiplied again by itself. The
    scan of a user ends where |user| |track| can no longer reach the list. `best` = (rows, scores, counts) of all users;
    `marks` = stamps of works and artists that are forbidden, of works that are listed, and the last stamp given out.
    """
    rows, track_factors, norms = tracks
    best_rows, best_scores, counts = best
    forbidden_works, forbidden_artists, listed_works, last_stamp = marks
    n_best = best_rows.shape[1]
    error = np.float32(vectors.shape[1]) * np.float32(2.0**-22)
    for n in range(users.shape[0]):
        user, vector, length = users[n], vectors[n], lengths[n]
        chosen_rows, chosen_scores = best_rows[user], best_scores[user]
        stamp = last_stamp[0] + n + 1
        for i in range(forbidden.work_offsets[user], forbidden.work_offsets[user + 1]):
            forbidden_works[forbidden.works[i]] = stamp
        for i in range(forbidden.artist_offsets[user], forbidden.artist_offsets[user + 1]):
            forbidden_artists[forbidden.artists[i]] = stamp
        count = counts[user]
        for i in range(count):
            listed_works[shelf.works[chosen_rows[i]]] = stamp
        slack = length * norms[first] * error
        for column in range(bounds.shape[1]):
            if bounds[n, column] < chosen_scores[n_best - 1] - slack:
                continue
            track = first + column
            if length * norms[track] < chosen_scores[n_best - 1]:
                break
            score = dot(vector, track_factors[track])
            if score <= 0 or score < chosen_scores[n_best - 1]:
                continue
            row = rows[track]
            work = shelf.works[row]
            if forbidden_works[work] == stamp or artist_forbidden(shelf, forbidden_artists, row, stamp):
                continue
            place = min(count, n_best - 1)
            if listed_works[work] == stamp:
                place = _place_of(shelf, work, chosen_rows, count, place)
            if place < count and not _comes_before(score, row, chosen_scores[place], chosen_rows[place]):
                continue
            listed_works[work] = stamp
            count = max(count, place + 1)
            _rise(chosen_rows, chosen_scores, place, row, score)
        counts[user] = count
    last_stamp[0] += users.shape[0]


@compiled()
def append_candidates(shelf, forbidden, candidates, offsets, rows, scores, source):  # type: ignore[no-untyped-def]
    """Append to every list that is not full what the next source offers, in its order, changing the lists in place.

    User i is offered `rows[offsets[i]:offsets[i + 1]]`; offsets of length 1 mean that everybody is offered everything.
    """
    n_users, length = candidates.rows.shape
    shared = offsets.shape[0] == 1
    work_stamps = np.zeros(shelf.works.max() + 1, dtype=np.int64)
    artist_stamps = np.zeros(shelf.artist_ids.shape[0], dtype=np.int64)
    for user in range(n_users):
        if candidates.rows[user, length - 1] >= 0:
            continue
        mark(work_stamps, forbidden.work_offsets, forbidden.works, user)
        mark(artist_stamps, forbidden.artist_offsets, forbidden.artists, user)
        count = 0
        while candidates.rows[user, count] >= 0:
            work_stamps[shelf.works[candidates.rows[user, count]]] = user + 1
            count += 1
        first = 0 if shared else offsets[user]
        end = rows.shape[0] if shared else offsets[user + 1]
        for i in range(first, end):
            row = rows[i]
            if count == length:
                break
            if row < 0 or not shelf.eligible[row] or work_stamps[shelf.works[row]] == user + 1:
                continue
            if artist_forbidden(shelf, artist_stamps, row, user + 1):
                continue
            work_stamps[shelf.works[row]] = user + 1
            candidates.rows[user, count] = row
            candidates.scores[user, count] = scores[i]
            candidates.sources[user, count] = source
            count += 1


@compiled()
def merge_newcomers(shelf, candidates, new_rows, factors, played, sources, first_rung, merged):  # type: ignore[no-untyped-def]
    """Write each user's candidates and newcomers into `merged`, which comes as -1 and 0, one version of each work.

    Candidates of the source `first_rung` and newcomers come first, by falling score, lower row first; then the other
    candidates in their order. `new_rows` (n_users, n): those with a score above 0 come in, the inner product of
    `factors` (n_users, f) and `played` (n_tracks, f). `sources` (n_tracks,) of newcomers, by row.
    """
    n_users, n_candidates = candidates.rows.shape
    listed_works = np.zeros(shelf.works.max() + 1, dtype=np.int64)
    for user in range(n_users):
        rows, scores, kinds = merged.rows[user], merged.scores[user], merged.sources[user]
        count, first = 0, 0
        while first < n_candidates and candidates.sources[user, first] == first_rung:
            rows[count], scores[count] = candidates.rows[user, first], candidates.scores[user, first]
            count += 1
            first += 1
        for i in range(new_rows.shape[1]):
            if new_rows[user, i] < 0:
                continue
            score = dot(factors[user], played[new_rows[user, i]])
            if score > 0:
                _rise(rows, scores, count, new_rows[user, i], score)
                count += 1
        kept = 0
        for i in range(count):
            work = shelf.works[rows[i]]
            if listed_works[work] == user + 1:
                continue
            listed_works[work] = user + 1
            rows[kept], scores[kept], kinds[kept] = rows[i], scores[i], sources[rows[i]]
            kept += 1
        for place in range(first, n_candidates):
            row = candidates.rows[user, place]
            if row < 0:
                break
            if listed_works[shelf.works[row]] != user + 1:
                listed_works[shelf.works[row]] = user + 1
                rows[kept], scores[kept], kinds[kept] = (
                    row,
                    candidates.scores[user, place],
                    candidates.sources[user, place],
                )
                kept += 1
        rows[kept:] = -1
        scores[kept:] = 0
        kinds[kept:] = 0
