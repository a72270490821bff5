"""The path through the songs of each list, compiled by numba; a user's path depends on that user's list alone."""

import numpy as np

from recommenders.compiled import compiled

N_PARTS = 6  # of a jump: key, tempo, loudness; who plays the songs, what is said of them, their genres
ARTIST_JUMP = 1e7  # between songs that share an artist: more than all else together
OPENING_JUMP = 1e4  # into a list by a song that is not among the best
VECTOR = 32  # numbers that the inner loops take at a time
TRIES = 20  # to separate artists that the search left together
SHORT = 8  # songs up to which all orders are looked at
_GAIN = 1e-6  # least that counts as shorter: more than the rounding of ARTIST_JUMP


@compiled()
def _genres_apart(one, other):  # type: ignore[no-untyped-def]
    """1 - the share of the genres of two songs, as bits, that both have."""
    both, either = one & other, one | other
    n_both, n_either = 0, 0
    while both:
        both &= both - 1
        n_both += 1
    while either:
        either &= either - 1
        n_either += 1
    return np.float32(1 - n_both / n_either)


@compiled()
def _empty_workspace(shelf, features, length):  # type: ignore[no-untyped-def]
    """What is known of the songs of one list, a column each; their credits; the parts of the jumps; two sums of these;
    and what jumps cost, with two places more, for the start of the list and its end.

    Rows are filled up to whole vectors of the processor: so the inner loops take half the time.
    """
    width = -(-(length + 2) // VECTOR) * VECTOR
    songs = (
        np.zeros((4, width), dtype=np.float32),
        np.zeros((features.played.shape[1], width), dtype=np.float32),
        np.zeros((features.said.shape[1], width), dtype=np.float32),
        np.zeros((2, width), dtype=np.bool_),
        np.zeros(width, dtype=np.int64),
    )
    most_credits = length * (shelf.artist_offsets[1:] - shelf.artist_offsets[:-1]).max() if len(shelf.works) else 0
    credits = np.empty((2, most_credits), dtype=np.int32)
    parts = np.empty((N_PARTS, length, width), dtype=np.float32)
    return songs, credits, parts, np.empty((2, length, width), dtype=np.float32), np.empty((length + 2, width))


@compiled()
def _gather(features, rows, n_songs, songs):  # type: ignore[no-untyped-def]
    """Put what is known of a list's songs side by side: on the shelf they lie anywhere."""
    heard, played, said, there, genres = songs
    for i in range(n_songs):
        row = rows[i]
        for k in range(4):
            heard[k, i] = features.heard[row, k]
        for k in range(played.shape[0]):
            played[k, i] = features.played[row, k]
        for k in range(said.shape[0]):
            said[k, i] = features.said[row, k]
        there[0, i], there[1, i], genres[i] = features.is_played[row], features.is_said[row], features.genres[row]


@compiled(fastmath={"contract"})
def _from_cosines(vectors, there, n_songs, part):  # type: ignore[no-untyped-def]
    """1 - the cosine of any two columns of `vectors` (d, length), NaN where one is not there."""
    width = part.shape[1]
    for i in range(n_songs):
        apart = part[i]
        apart[:] = 1
        for k in range(vectors.shape[0]):
            column, own = vectors[k], vectors[k, i]
            for j in range(width):
                apart[j] -= own * column[j]
        for j in range(width):
            near = max(apart[j], np.float32(0))  # never below 0, as rounding may have it
            apart[j] = near if there[i] and there[j] else np.float32(np.nan)


@compiled()
def _measure(songs, n_songs, parts):  # type: ignore[no-untyped-def]
    """Each part of the jump between any two songs, into `parts` (N_PARTS, length, width), NaN where it is unknown."""
    heard, played, said, there, genres = songs
    fifths, modes, tempi, loudnesses = heard
    width = parts.shape[2]
    for i in range(n_songs):
        keys, paces, levels = parts[0, i], parts[1, i], parts[2, i]
        for j in range(width):
            apart = abs(fifths[i] - fifths[j])
            keys[j] = (apart if apart < 6 else 12 - apart) + abs(modes[i] - modes[j])
        for j in range(width):
            paces[j] = abs(tempi[i] - tempi[j])
        for j in range(width):
            levels[j] = abs(loudnesses[i] - loudnesses[j])
    _from_cosines(played, there[0], n_songs, parts[3])
    _from_cosines(said, there[1], n_songs, parts[4])
    for i in range(n_songs):
        for j in range(n_songs):
            parts[5, i, j] = np.nan
            if not (there[0, i] and there[0, j]) and not (there[1, i] and there[1, j]) and genres[i] and genres[j]:
                parts[5, i, j] = _genres_apart(genres[i], genres[j])


@compiled(fastmath={"reassoc", "contract"})
def _mean(part, n_songs):  # type: ignore[no-untyped-def]
    """The mean over all pairs of songs of which a part is known; -1 where it is of none."""
    total, known = np.float32(0), np.float32(0)
    for i in range(n_songs):
        jumps = part[i]
        for j in range(i):
            there = jumps[j] >= 0
            total += jumps[j] if there else np.float32(0)
            known += np.float32(1) if there else np.float32(0)
    return total / known if known > 0 else np.float32(-1)


@compiled()
def _cost_jumps(shelf, features, rows, n_songs, taste, workspace):  # type: ignore[no-untyped-def]
    """What it costs to play any song after any other, into the workspace's `costs`.

    Behind the songs come two places that are none: the start of the list and its end.
    """
    songs, credits, parts, apart, costs = workspace
    least, culture, neutral, n_openings = taste
    _gather(features, rows, n_songs, songs)
    _measure(songs, n_songs, parts)
    costs[:] = 0
    width = parts.shape[2]
    for part in range(3):
        weight = 1 / (3 * max(_mean(parts[part], n_songs), least[part]))
        for i in range(n_songs):
            cost, jumps = costs[i], parts[part, i]
            for j in range(width):
                cost[j] += weight * jumps[j] if jumps[j] >= 0 else neutral / 3
    apart[:] = 0
    for part in range(3, N_PARTS):
        mean = _mean(parts[part], n_songs)
        if mean < 0:
            continue
        weight = 1 / max(mean, least[part])
        for i in range(n_songs):
            total, known, jumps = apart[0, i], apart[1, i], parts[part, i]
            for j in range(width):
                total[j] += weight * jumps[j] if jumps[j] >= 0 else np.float32(0)
                known[j] += np.float32(1) if jumps[j] >= 0 else np.float32(0)
    for i in range(n_songs):
        cost, total, known = costs[i], apart[0, i], apart[1, i]
        for j in range(width):
            cost[j] += culture * (total[j] / known[j] if known[j] > 0 else neutral)
    _add_artists(shelf, rows, n_songs, credits, costs)
    start, end = n_songs, n_songs + 1
    for i in range(n_songs):
        costs[i, start] = costs[start, i] = 0 if i < n_openings else OPENING_JUMP
        costs[i, end] = costs[end, i] = 0


@compiled()
def _add_artists(shelf, rows, n_songs, credits, costs):  # type: ignore[no-untyped-def]
    """Make it dear to play a song after another that shares a credited artist."""
    n_credits = 0
    for song in range(n_songs):
        for i in range(shelf.artist_offsets[rows[song]], shelf.artist_offsets[rows[song] + 1]):
            artist = shelf.artists[i]
            for earlier in range(n_credits):
                other = credits[0, earlier]
                if credits[1, earlier] == artist and other != song and costs[song, other] < ARTIST_JUMP:
                    costs[song, other] += ARTIST_JUMP
                    costs[other, song] += ARTIST_JUMP
            credits[0, n_credits], credits[1, n_credits] = song, artist
            n_credits += 1


@compiled()
def _nearest_next(costs, path, n_songs):  # type: ignore[no-untyped-def]
    """A path (start, songs, end) that begins with the best song and goes on with the nearest each time."""
    path[0] = n_songs
    path[n_songs + 1] = n_songs + 1
    for i in range(n_songs):
        path[i + 1] = i
    for place in range(1, n_songs):
        nearest = place + 1
        for i in range(place + 2, n_songs + 1):
            if costs[path[place], path[i]] < costs[path[place], path[nearest]]:
                nearest = i
        path[place + 1], path[nearest] = path[nearest], path[place + 1]


@compiled()
def _reverse(path, first, last):  # type: ignore[no-untyped-def]
    while first < last:
        path[first], path[last] = path[last], path[first]
        first += 1
        last -= 1


@compiled()
def _exchange(path, first, middle, last):  # type: ignore[no-untyped-def]
    """Let the stretches [first, middle) and [middle, last] change places."""
    _reverse(path, first, middle - 1)
    _reverse(path, middle, last)
    _reverse(path, first, last)


@compiled()
def _turn(costs, path, n_songs):  # type: ignore[no-untyped-def]
    """Turn stretches round where that makes the path shorter (2-opt: Croes 1958); whether any was."""
    turned = False
    for first in range(1, n_songs):
        before, song = path[first - 1], path[first]
        best, best_last = -_GAIN, 0
        for last in range(first + 1, n_songs + 1):
            other, after = path[last], path[last + 1]
            change = costs[before, other] + costs[song, after] - costs[before, song] - costs[other, after]
            if change < best:
                best, best_last = change, last
        if best_last:
            _reverse(path, first, best_last)
            turned = True
    return turned


@compiled()
def _move(costs, path, n_songs):  # type: ignore[no-untyped-def]
    """Put songs elsewhere, one at a time, where that makes the path shorter (Or 1976); whether any was."""
    moved = False
    for place in range(1, n_songs + 1):
        before, song, after = path[place - 1], path[place], path[place + 1]
        best, to = costs[before, song] + costs[song, after] - costs[before, after] - _GAIN, -1
        if best <= 0:
            continue
        for begin, end in ((0, place - 1), (place + 1, n_songs + 1)):
            one = path[begin]
            for gap in range(begin, end):
                other = path[gap + 1]
                longer = costs[song, one] + costs[song, other] - costs[one, other]
                if longer < best:
                    best, to = longer, gap
                one = other
        if to < 0:
            continue
        moved = True
        if to > place:
            _exchange(path, place, place + 1, to)
        else:
            _exchange(path, to + 1, place, place)
    return moved


@compiled()
def _shorten(costs, path, n_songs):  # type: ignore[no-untyped-def]
    """Turn and move until neither helps; return the length of the path."""
    while True:
        while _turn(costs, path, n_songs):
            pass
        if not _move(costs, path, n_songs):
            break
    length = 0.0
    for place in range(n_songs + 1):
        length += costs[path[place], path[place + 1]]
    return length


@compiled()
def _shake(path, n_songs, state):  # type: ignore[no-untyped-def]
    """Let two neighbouring stretches change places, drawn by `state` (Knuth's generator); return the next state."""
    cuts = np.empty(3, dtype=np.int64)
    for i in range(3):
        state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        cuts[i] = 1 + np.int64((state >> np.uint64(33)) % np.uint64(n_songs + 1))
    cuts.sort()
    if cuts[0] < cuts[1] < cuts[2]:
        _exchange(path, cuts[0], cuts[1], cuts[2] - 1)
    return state


@compiled()
def _separate(costs, path, best, n_songs, length):  # type: ignore[no-untyped-def]
    """Start again from shaken paths until no artist comes twice in a row, or so often; the shortest stays in `path`."""
    state = np.uint64(1)
    best[:] = path
    for _ in range(TRIES):
        if length < ARTIST_JUMP:
            break
        state = _shake(path, n_songs, state)
        found = _shorten(costs, path, n_songs)
        if found < length - _GAIN:
            length = found
            best[:] = path
        else:
            path[:] = best
    path[:] = best


@compiled()
def _search(costs, path, best, n_songs):  # type: ignore[no-untyped-def]
    """A short path through a long list."""
    _nearest_next(costs, path, n_songs)
    length = _shorten(costs, path, n_songs)
    if length >= ARTIST_JUMP:
        _separate(costs, path, best, n_songs, length)


@compiled()
def _solve(costs, path, n_songs, lengths, befores):  # type: ignore[no-untyped-def]
    """The shortest path through a short list, by the shortest through each set of its songs that ends with each of them
    (Held & Karp 1962). Of equals the order of the list."""
    for songs in range(1, 1 << n_songs):
        for last in range(n_songs):
            lengths[songs, last] = np.inf
            others = songs & ~(1 << last)
            if others == songs:
                continue
            if not others:
                lengths[songs, last] = costs[n_songs, last]
            for before in range(n_songs):
                if others >> before & 1:
                    length = lengths[others, before] + costs[before, last]
                    if length <= lengths[songs, last]:
                        lengths[songs, last], befores[songs, last] = length, before
    songs = (1 << n_songs) - 1
    last = 0
    for song in range(n_songs):
        if lengths[songs, song] <= lengths[songs, last]:
            last = song
    path[0], path[n_songs + 1] = n_songs, n_songs + 1
    for place in range(n_songs, 0, -1):
        path[place] = last
        songs, last = songs & ~(1 << last), befores[songs, last]


@compiled()
def find_paths(shelf, features, rows, taste, order, touching):  # type: ignore[no-untyped-def]
    """A short path through the songs of each user: few and small jumps, and no artist twice in a row.

    `rows` (n_users, length), the best song first, -1 past the end; `taste` = (the least mean of each part by which its
    jumps are divided (N_PARTS,), what culture counts beside acoustics, what an unknown part costs, how many of the best
    songs may open a list). Writes `order` (n_users, length): places in the given order; `touching` (n_users, length)
    bool: the song shares an artist with the one before it, because there was no other way.

    An open travelling salesman: by the nearest next song, then 2-opt and Or-opt until neither helps; exactly, where
    there are only a few songs.
    """
    n_users, length = rows.shape
    workspace = _empty_workspace(shelf, features, length)
    costs = workspace[-1]
    path, best = np.empty(length + 2, dtype=np.uint32), np.empty(length + 2, dtype=np.uint32)
    lengths, befores = np.empty((1 << SHORT, SHORT)), np.empty((1 << SHORT, SHORT), dtype=np.int64)
    for user in range(n_users):
        n_songs = 0
        while n_songs < length and rows[user, n_songs] >= 0:
            n_songs += 1
        _cost_jumps(shelf, features, rows[user], n_songs, taste, workspace)
        if n_songs > SHORT:
            _search(costs, path, best, n_songs)
        elif n_songs:
            _solve(costs, path, n_songs, lengths, befores)
        for place in range(length):
            order[user, place] = path[place + 1] if place < n_songs else place
            touching[user, place] = 0 < place < n_songs and costs[path[place], path[place + 1]] >= ARTIST_JUMP
