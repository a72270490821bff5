"""The inner loops of a trial, compiled by numba; every user's list depends on that user alone."""

import numpy as np

from recommenders.compiled import compiled


@compiled()
def draft(sides, users, coins, works, rungs, merged, teams):  # type: ignore[no-untyped-def]
    """Draft the lists of `users`, the places of the second side's rows in the first's, into `merged` and `teams`.

    `sides` = (rows, scores, sources, welcome) of either; `coins` (n_drafted, n_rounds) bool: whether the second side
    picks first; `works` (n_tracks,), `rungs` of each source. The lists of other users are left as they are.
    """
    first, second = sides
    stamps = np.zeros(works.max() + 1, dtype=np.int64)
    n_rungs = rungs.max() + 1
    for n in range(users.shape[0]):
        user = users[n]
        own = (first.rows[user], second.rows[n])
        next_pick = np.zeros(2, dtype=np.int64)
        next_score = np.zeros(n_rungs, dtype=np.int64)
        last_score = np.full(n_rungs, np.inf, dtype=np.float32)
        count, least = 0, np.float32(np.inf)
        for turn in range(2 * coins.shape[1]):
            side = turn % 2
            if coins[n, turn // 2]:
                side = 1 - side
            rows = own[0] if side == 0 else own[1]
            place = next_pick[side]
            while place < rows.shape[0] and rows[place] >= 0 and stamps[works[rows[place]]] == n + 1:
                place += 1
            next_pick[side] = place + 1
            if place >= rows.shape[0] or rows[place] < 0:
                continue
            row = rows[place]
            stamps[works[row]] = n + 1
            if side == 0:
                source, itself, welcome = (
                    first.sources[user, place],
                    first.scores[user, place],
                    first.welcome[user, place],
                )
            else:
                source, itself, welcome = second.sources[n, place], second.scores[n, place], second.welcome[n, place]
            rung = rungs[source]
            score = _score_of_place(first, user, rungs, rung, next_score, itself)
            if score >= last_score[rung]:
                score = np.nextafter(last_score[rung], np.float32(-np.inf))
            last_score[rung] = score
            merged.rows[user, count], merged.scores[user, count] = row, score
            merged.sources[user, count], teams[user, count] = source, side + 1
            if welcome:
                least = score
            count += 1
        merged.rows[user, count:] = -1
        merged.scores[user, count:] = 0
        merged.sources[user, count:] = 0
        merged.fresh_least[user] = least


@compiled()
def _score_of_place(first, user, rungs, rung, next_score, otherwise):  # type: ignore[no-untyped-def]
    """The next score that the first side's list has on this rung; past them, the song's own."""
    place = next_score[rung]
    rows = first.rows[user]
    while place < rows.shape[0] and rows[place] >= 0:
        if rungs[first.sources[user, place]] == rung:
            next_score[rung] = place + 1
            return first.scores[user, place]
        place += 1
    next_score[rung] = place
    return otherwise


@compiled()
def find_teams(rows, offered, teams, found):  # type: ignore[no-untyped-def]
    """Write into `found` the team of each of `rows` (n_users, length) among the user's `offered` (n_users, n)."""
    for user in range(rows.shape[0]):
        for place in range(rows.shape[1]):
            row = rows[user, place]
            if row < 0:
                continue
            for i in range(offered.shape[1]):
                if offered[user, i] == row:
                    found[user, place] = teams[user, i]
                    break
