"""The inner loops over candidates, compiled by numba; every user's result depends on that user alone."""

import os

from recommenders.settings import Settings

os.environ.setdefault("NUMBA_CACHE_DIR", str(Settings().home / "numba"))

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def mark(stamps, offsets, items, user):  # type: ignore[no-untyped-def]
    """Write user + 1 into the stamp of each of the user's items: a set that costs nothing to empty."""
    for i in range(offsets[user], offsets[user + 1]):
        stamps[items[i]] = user + 1


@njit(cache=True, nogil=True)
def artist_forbidden(shelf, artist_stamps, row, stamp):  # type: ignore[no-untyped-def]
    """Whether any credited artist of the track in `row` is marked with `stamp`."""
    for i in range(shelf.artist_offsets[row], shelf.artist_offsets[row + 1]):
        if artist_stamps[shelf.artists[i]] == stamp:
            return True
    return False


@njit(cache=True, nogil=True, fastmath=True)
def _dot(a, b):  # type: ignore[no-untyped-def]
    total = np.float32(0)
    for i in range(a.shape[0]):
        total += a[i] * b[i]
    return total


@njit(cache=True, nogil=True)
def _comes_before(score, row, other_score, other_row):  # type: ignore[no-untyped-def]
    return score > other_score or (score == other_score and row < other_row)


@njit(cache=True, nogil=True)
def best_unheard(shelf, forbidden, user_factors, track_factors, norms, rows, n_best):  # type: ignore[no-untyped-def]
    """The `n_best` highest positive inner products of each user among what is not forbidden, one version of each work.

    `track_factors` (n_tracks, f) float32 come by falling `norms`, `rows` are their rows on the shelf. The scan of a
    user ends where |user| |track| can no longer reach the list: exact, and a tenth of the work where norms are
    heavy-tailed. Equal scores: the lower row first. Returns rows (n_users, n_best) int32, -1 past the end, and scores.
    """
    n_users = user_factors.shape[0]
    best_rows = np.full((n_users, n_best), -1, dtype=np.int32)
    best_scores = np.zeros((n_users, n_best), dtype=np.float32)
    work_stamps = np.zeros(shelf.works.max() + 1, dtype=np.int64)
    artist_stamps = np.zeros(shelf.artist_ids.shape[0], dtype=np.int64)
    for user in range(n_users):
        mark(work_stamps, forbidden.work_offsets, forbidden.works, user)
        mark(artist_stamps, forbidden.artist_offsets, forbidden.artists, user)
        vector = user_factors[user]
        user_norm = np.sqrt(_dot(vector, vector)) * np.float32(1.00001)
        if user_norm == 0:
            continue
        chosen_rows, chosen_scores = best_rows[user], best_scores[user]
        count = 0
        for track in range(track_factors.shape[0]):
            if user_norm * norms[track] < chosen_scores[n_best - 1]:
                break
            score = _dot(vector, track_factors[track])
            if score <= 0 or score < chosen_scores[n_best - 1]:
                continue
            row = rows[track]
            work = shelf.works[row]
            if work_stamps[work] == user + 1 or artist_forbidden(shelf, artist_stamps, row, user + 1):
                continue
            place = min(count, n_best - 1)
            for i in range(count):
                if shelf.works[chosen_rows[i]] == work:
                    place = i
                    break
            if place < count and not _comes_before(score, row, chosen_scores[place], chosen_rows[place]):
                continue
            count = max(count, place + 1)
            while place > 0 and _comes_before(score, row, chosen_scores[place - 1], chosen_rows[place - 1]):
                chosen_rows[place] = chosen_rows[place - 1]
                chosen_scores[place] = chosen_scores[place - 1]
                place -= 1
            chosen_rows[place] = row
            chosen_scores[place] = score
    return best_rows, best_scores


@njit(cache=True, nogil=True)
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
