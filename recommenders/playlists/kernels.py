"""The inner loops over lists of songs, compiled by numba."""

import numpy as np

from recommenders.compiled import compiled
from recommenders.mixing.kernels import artist_forbidden, mark


@compiled()
def _empty_tally(shelf):  # type: ignore[no-untyped-def]
    """Songs per artist and per release of one list; a count is valid where its stamp is the list's."""
    n_artists, n_releases = shelf.artist_ids.shape[0], shelf.n_releases
    return (
        np.zeros(n_artists, dtype=np.int64),
        np.zeros(n_artists, dtype=np.int32),
        np.zeros(n_releases, dtype=np.int64),
        np.zeros(n_releases, dtype=np.int32),
    )


@compiled()
def _fits(shelf, row, tally, stamp, limits):  # type: ignore[no-untyped-def]
    """Whether one more song keeps the caps on each of its artists and on its release."""
    artist_stamps, artist_counts, release_stamps, release_counts = tally
    release = shelf.releases[row]
    if release >= 0 and release_stamps[release] == stamp and release_counts[release] >= limits[1]:
        return False
    for i in range(shelf.artist_offsets[row], shelf.artist_offsets[row + 1]):
        artist = shelf.artists[i]
        if artist_stamps[artist] == stamp and artist_counts[artist] >= limits[0]:
            return False
    return True


@compiled()
def _add(shelf, row, tally, stamp):  # type: ignore[no-untyped-def]
    artist_stamps, artist_counts, release_stamps, release_counts = tally
    release = shelf.releases[row]
    if release >= 0:
        if release_stamps[release] != stamp:
            release_stamps[release] = stamp
            release_counts[release] = 0
        release_counts[release] += 1
    for i in range(shelf.artist_offsets[row], shelf.artist_offsets[row + 1]):
        artist = shelf.artists[i]
        if artist_stamps[artist] != stamp:
            artist_stamps[artist] = stamp
            artist_counts[artist] = 0
        artist_counts[artist] += 1


@compiled()
def _has_room(teams, user, place, picked, half):  # type: ignore[no-untyped-def]
    """Whether the side of a trial that picked this candidate has less than half of the list; there may be none."""
    return teams.shape[0] == 0 or teams[user, place] == 0 or picked[teams[user, place]] < half


@compiled()
def choose(shelf, users, candidates, welcome, refused, limits, teams, chosen):  # type: ignore[no-untyped-def]
    """For each of `users`: the best candidates not refused that keep the caps, as places in the user's list.

    The first places go to candidates that are fresh and to the user's taste (`welcome`), as many as there are up to
    the limit. `welcome` and `refused` (n_users, n_candidates) bool; `limits` of all users, as in `dials.Limits`. Writes
    `chosen` (n_users, longest length), -1 past the end. `teams` (n_users, n_candidates), or of shape (0, 0): each of
    the teams 1 and 2 gets half of the list, and more only where the other has no candidate left.
    """
    tally = _empty_tally(shelf)
    rows = candidates.rows
    picked = np.zeros(3, dtype=np.int64)
    for n in range(users.shape[0]):
        user = users[n]
        length, n_fresh = limits.length[user], limits.min_fresh[user]
        caps = (limits.max_per_artist[user], limits.max_per_release[user])
        count, half = 0, (length + 1) // 2
        picked[:] = 0
        # First the fresh songs, then all others within the teams' halves, then whatever there is.
        for step in range(3 if teams.shape[0] else 2):
            limit, n_before = n_fresh if step == 0 else length, count
            for place in range(rows.shape[1]):
                row = rows[user, place]
                if row < 0 or count >= limit:
                    break
                if refused[user, place] or (step == 0 and not welcome[user, place]):
                    continue
                if (step < 2 and not _has_room(teams, user, place, picked, half)) or (
                    step > 0 and (chosen[user, :n_before] == place).any()
                ):
                    continue
                if _fits(shelf, row, tally, n + 1, caps):
                    _add(shelf, row, tally, n + 1)
                    chosen[user, count] = place
                    count += 1
                    if teams.shape[0]:
                        picked[teams[user, place]] += 1
        chosen[user, count:] = -1


@compiled()
def fill(shelf, forbidden, users, lists, candidates, welcome, popular, limits, exposure, cap, bends):  # type: ignore[no-untyped-def]
    """Fill the short lists of `users`, one after the other, giving up as few rules as possible.

    First the shelf by popularity, under every rule; then, beyond the exposure cap (`bends[0]`), the fresh songs that
    are still missing, the user's other candidates, and the shelf; then both beyond the caps on artist and release
    (`bends[1]`). What is heard or blocked, and a second version of a work, is never taken. `lists` and `candidates`
    are (rows, scores, sources, ...) of all users, `welcome` and `limits` as in `choose`, `popular` (rows, scores,
    source) of the shelf, `forbidden` of `users` only; `lists` and `exposure` (n_tracks,) are changed in place.
    """
    tally = _empty_tally(shelf)
    work_stamps = np.zeros(shelf.works.max() + 1, dtype=np.int64)
    artist_stamps = np.zeros(shelf.artist_ids.shape[0], dtype=np.int64)
    for n in range(users.shape[0]):
        user, stamp = users[n], n + 1
        length = limits.length[user]
        caps = (limits.max_per_artist[user], limits.max_per_release[user])
        mark(work_stamps, forbidden.work_offsets, forbidden.works, n)
        mark(artist_stamps, forbidden.artist_offsets, forbidden.artists, n)
        count, n_fresh = 0, 0
        while count < length and lists.rows[user, count] >= 0:
            row = lists.rows[user, count]
            work_stamps[shelf.works[row]] = stamp
            _add(shelf, row, tally, stamp)
            count += 1
            n_fresh += shelf.fresh[row]
        for step in range(6):
            own = step in (1, 2, 4)
            n_offered = candidates.rows.shape[1] if own else popular.rows.shape[0]
            for i in range(n_offered):
                row = candidates.rows[user, i] if own else popular.rows[i]
                if row < 0 or count == length:
                    break
                if work_stamps[shelf.works[row]] == stamp or (step == 0 and exposure[row] >= cap):
                    continue
                if step == 1 and (n_fresh >= limits.min_fresh[user] or not welcome[user, i]):
                    continue
                if artist_forbidden(shelf, artist_stamps, row, stamp):
                    continue
                if step < 4 and not _fits(shelf, row, tally, stamp, caps):
                    continue
                work_stamps[shelf.works[row]] = stamp
                _add(shelf, row, tally, stamp)
                lists.rows[user, count] = row
                lists.scores[user, count] = candidates.scores[user, i] if own else popular.scores[i]
                lists.sources[user, count] = candidates.sources[user, i] if own else popular.source
                lists.bends[user, count] = 0 if step == 0 else bends[0] if step < 4 else bends[1]
                exposure[row] += 1
                count += 1
                n_fresh += shelf.fresh[row]


@compiled()
def find_familiarity(shelf, offsets, liked, strengths, liking, users, rows, familiarity):  # type: ignore[no-untyped-def]
    """Write `familiarity` (n_users, n) of the candidates `rows` (n_users, n) of `users`, as `dials.familiarity` says.

    The i-th of `users` likes the rows of the shelf `liked[offsets[liking[i]]:offsets[liking[i] + 1]]` with `strengths`;
    a row -1 is not on the shelf, a strength below 0 a dislike.
    """
    n_artists = shelf.artist_ids.shape[0]
    stamps, totals = np.zeros(n_artists, dtype=np.int64), np.zeros(n_artists, dtype=np.float64)
    for n in range(users.shape[0]):
        user, stamp = users[n], n + 1
        n_liked, everything = 0, 0.0
        for i in range(offsets[liking[n]], offsets[liking[n] + 1]):
            if liked[i] < 0 or strengths[i] <= 0:
                continue
            for credit in range(shelf.artist_offsets[liked[i]], shelf.artist_offsets[liked[i] + 1]):
                artist = shelf.artists[credit]
                if stamps[artist] != stamp:
                    stamps[artist] = stamp
                    totals[artist] = 0
                    n_liked += 1
                totals[artist] += strengths[i]
                everything += strengths[i]
        for place in range(rows.shape[1]):
            row = rows[user, place]
            if row < 0 or n_liked == 0:
                break
            most = 0.0
            for credit in range(shelf.artist_offsets[row], shelf.artist_offsets[row + 1]):
                if stamps[shelf.artists[credit]] == stamp:
                    most = max(most, totals[shelf.artists[credit]])
            familiarity[user, place] = most / (most + everything / n_liked)
