"""How far the ranker's score of a song falls when a play is taken away, exactly; compiled by numba.

A user's factors are x = A^-1 b (Hu, Koren & Volinsky 2008, equation 4). Without the play j they are x + m_j z_j with
z_j = A^-1 y_j (Sherman & Morrison 1950); without two plays, x + m_i z_i + m_j z_j (Woodbury). All that the ranker looks
at follows from it: cosines with any direction, and means over likings of which one or two are left out.
"""

import numpy as np

from recommenders.collaborative.explain import solve_lower
from recommenders.compiled import compiled
from recommenders.mixing.mix_kernels import transformed

N_SAID = 5  # features that depend on what a user likes: the first ones
ITEMS, TEXT = 1, 3  # of these
SHORT = np.float32(1e-5)  # a user's vector this short, beside what it was, is none


@compiled(fastmath=True)
def solve_upper(lower, right):  # type: ignore[no-untyped-def]
    """Replace every column b of `right` by the solution of L' x = b."""
    for i in range(lower.shape[0] - 1, -1, -1):
        for column in range(right.shape[1]):
            right[i, column] /= lower[i, i]
        for k in range(i):
            for column in range(right.shape[1]):
                right[k, column] -= lower[i, k] * right[i, column]


@compiled()
def solve_user(space, columns, signed):  # type: ignore[no-untyped-def]
    """What one user's factors are, and what they would be without each of the plays.

    `columns` of the model (-1 = unknown to it) and `signed` confidences of all that the user has dealt with; the liked
    ones, n in their order, are the plays. Returns x (f,), z (f, n) = A^-1 y, m (n,), and, for pairs, L^-1 y (f, n) of
    A = L L', x' y (n,) and the plays' confidences (n,), 0 for a play that the model does not know.
    """
    whitened, back = space
    n_factors = whitened.shape[1]
    known = np.flatnonzero(columns >= 0)
    weighted = whitened[columns[known]] * np.expand_dims(np.sqrt(np.abs(signed[known]) - np.float32(1)), 1)
    lower = np.linalg.cholesky(np.eye(n_factors, dtype=np.float32) + np.dot(weighted.T, weighted))
    liked = np.flatnonzero(signed > 0)
    own = np.zeros((n_factors, liked.shape[0]), np.float32)
    confidence = np.zeros(liked.shape[0], np.float32)
    for n in range(liked.shape[0]):
        column = columns[liked[n]]
        if column >= 0:
            own[:, n] = whitened[column]
            confidence[n] = signed[liked[n]]
    solve_lower(lower, own)
    half = own.copy()
    scores = np.dot(half.T, np.dot(half, confidence))
    solve_upper(lower, own)
    z = np.dot(back, own)
    squares = (half * half).sum(axis=0)
    moves = np.zeros(liked.shape[0], np.float32)
    one = np.float32(1)
    for n in range(liked.shape[0]):
        if confidence[n] > 0:
            more, itself = confidence[n] - one, squares[n]
            moves[n] = more * (scores[n] - confidence[n] * itself) / (one - more * itself) - confidence[n]
    return np.dot(z, confidence), z, moves, half, scores, confidence


@compiled()
def moves_of_pair(i, j, half, scores, confidence):  # type: ignore[no-untyped-def]
    """m_i and m_j when both plays are taken away; y' A^-1 y of two plays is the product of their columns of `half`."""
    # (1 - D U' A^-1 U) of the Woodbury identity, with U = [y_i, y_j] and D = diag(c - 1).
    if confidence[i] == 0 and confidence[j] == 0:
        return np.float32(0), np.float32(0)
    one = np.float32(1)
    a = confidence[i] - one if confidence[i] > 0 else np.float32(0)
    d = confidence[j] - one if confidence[j] > 0 else np.float32(0)
    cross, of_i, of_j = (half[:, i] * half[:, j]).sum(), (half[:, i] ** 2).sum(), (half[:, j] ** 2).sum()
    m00, m01, m10, m11 = one - a * of_i, -a * cross, -d * cross, one - d * of_j
    rest_i = a * (scores[i] - confidence[i] * of_i - confidence[j] * cross)
    rest_j = d * (scores[j] - confidence[i] * cross - confidence[j] * of_j)
    determinant = m00 * m11 - m01 * m10
    pull_i = (m11 * rest_i - m01 * rest_j) / determinant
    pull_j = (m00 * rest_j - m10 * rest_i) / determinant
    return pull_i - confidence[i], pull_j - confidence[j]


@compiled()
def directions_of(shelf, voices, songs):  # type: ignore[no-untyped-def]
    """Of each song its place, the mean direction of its artists, and its direction by sound, (3 n_songs, f)."""
    n_songs = songs.shape[0]
    found = np.zeros((3 * n_songs, voices.played.shape[1]), np.float32)
    for s in range(n_songs):
        row = songs[s]
        first, end = shelf.artist_offsets[row], shelf.artist_offsets[row + 1]
        found[s] = voices.played[row]
        for i in range(first, end):
            found[n_songs + s] += voices.artists[shelf.artists[i]]
        found[n_songs + s] /= np.float32(max(end - first, 1))
        found[2 * n_songs + s] = voices.sound[row]
    return found


@compiled()
def spoken_by(neighbours, speakers, wanted, place_of):  # type: ignore[no-untyped-def]
    """How much each of `speakers` (n,), -1 = nobody, speaks for each of `wanted` (m,), -1 = nothing: (m, n).

    `place_of` holds -1 everywhere, before and after.
    """
    n_distinct, number = 0, np.full(wanted.shape[0], -1, np.int64)
    for i in range(wanted.shape[0]):
        if wanted[i] < 0:
            continue
        if place_of[wanted[i]] < 0:
            place_of[wanted[i]] = n_distinct
            n_distinct += 1
        number[i] = place_of[wanted[i]]
    distinct = np.zeros((n_distinct, speakers.shape[0]), np.float32)
    for n in range(speakers.shape[0]):
        if speakers[n] < 0:
            continue
        for i in range(neighbours.offsets[speakers[n]], neighbours.offsets[speakers[n] + 1]):
            place = place_of[neighbours.items[i]]
            if place >= 0:
                distinct[place, n] += neighbours.weights[i]
    found = np.zeros((wanted.shape[0], speakers.shape[0]), np.float32)
    for i in range(wanted.shape[0]):
        if number[i] >= 0:
            found[i] = distinct[number[i]]
            place_of[wanted[i]] = -1
    return found


@compiled()
def what_counts(shelf, voices, space, liked, songs, scratch):  # type: ignore[no-untyped-def]
    """All that the features of `songs` (m,) are made from, with and without each of one user's plays (n).

    `liked` = (columns, signed, rows, weights) of all that the user has dealt with. Returns what `solve_user` does;
    `products` (3 m, n + 1) of the songs' directions with x and with each z, and `squares` (2, n + 1) of x with these
    and of each with itself; of items and of texts (the plays' weights (n,), what each play speaks for (m, n), the sums
    of both: a number and (m,)); how many plays count for the factors, for anything, and by their text; and what of the
    items' part each play speaks because of what is said of both (m, n).
    """
    columns, signed, all_rows, all_weights = liked
    solved = solve_user(space, columns, signed)
    plays = np.flatnonzero(signed > 0)
    rows, weights = all_rows[plays], all_weights[plays]
    n_plays = plays.shape[0]
    moved = np.empty((solved[0].shape[0], n_plays + 1), np.float32)
    moved[:, 0] = solved[0]
    moved[:, 1:] = solved[1]
    products = np.dot(directions_of(shelf, voices, songs), moved)
    squares = np.empty((2, n_plays + 1), np.float32)
    squares[0] = np.dot(solved[0], moved)
    squares[1] = (moved * moved).sum(axis=0)
    told, own_texts, texts = weights.copy(), np.full(n_plays, -1, np.int64), np.empty(songs.shape[0], np.int64)
    for n in range(n_plays):
        if rows[n] >= 0:
            own_texts[n] = voices.told_as[rows[n]]
        if own_texts[n] < 0:
            told[n] = 0
    for s in range(songs.shape[0]):
        texts[s] = voices.told_as[songs[s]]
    by_items = spoken_by(voices.items, rows, songs, scratch[0])
    by_text = spoken_by(voices.told, own_texts, texts, scratch[1])
    counts = ((solved[5] > 0).sum(), (weights > 0).sum(), (told > 0).sum())
    of_items = (weights, by_items, weights.sum(), np.dot(by_items, weights))
    of_texts = (told, by_text, told.sum(), np.dot(by_text, told))
    return solved, products, squares, of_items, of_texts, counts, spoken_by(voices.items_told, rows, songs, scratch[0])


@compiled()
def features_without(counted, s, i, j, move_i, move_j, features):  # type: ignore[no-untyped-def]
    """Write the features (N_SAID,) of song s without the plays i and j; -1 = none is taken away."""
    solved, products, squares, of_items, of_texts, counts, _ = counted
    n_songs = products.shape[0] // 3
    square = squares[0, 0]
    place, artist, sound = products[s, 0], products[n_songs + s, 0], products[2 * n_songs + s, 0]
    items, of_all, text, of_told = of_items[3][s], of_items[2], of_texts[3][s], of_texts[2]
    n_known, n_own, n_told = counts
    for play, move in ((i, move_i), (j, move_j)):
        if play < 0:
            continue
        square += np.float32(2) * move * squares[0, play + 1] + move * move * squares[1, play + 1]
        place += move * products[s, play + 1]
        artist += move * products[n_songs + s, play + 1]
        sound += move * products[2 * n_songs + s, play + 1]
        items -= of_items[0][play] * of_items[1][s, play]
        of_all -= of_items[0][play]
        text -= of_texts[0][play] * of_texts[1][s, play]
        of_told -= of_texts[0][play]
        n_known -= np.int64(solved[5][play] > 0)
        n_own -= np.int64(of_items[0][play] > 0)
        n_told -= np.int64(of_texts[0][play] > 0)
    if i >= 0 and j >= 0:
        square += np.float32(2) * move_i * move_j * (solved[1][:, i] * solved[1][:, j]).sum()
    nothing = np.float32(0)
    if n_known == 0 or n_own == 0 or square <= SHORT * SHORT * squares[0, 0]:
        transformed(nothing, nothing, nothing, nothing, nothing, features)  # nothing of the user's own ranks any song
        return
    inverse = np.float32(1) / np.sqrt(square)
    transformed(
        place * inverse,
        items / of_all,
        artist * inverse,
        max(text, nothing) / of_told if n_told > 0 else nothing,
        sound * inverse,
        features,
    )


@compiled()
def parts_of_falls(counted, weights):  # type: ignore[no-untyped-def]
    """How far the logit of each song falls without each play: feature by feature (m, n, N_SAID), and in all (m, n).

    What item-to-item has learnt from what is said of both counts as text.
    """
    moves, by_items, by_told = counted[0][2], counted[3][1], counted[6]
    n_songs, n_plays = counted[1].shape[0] // 3, moves.shape[0]
    parts = np.empty((n_songs, n_plays, N_SAID), np.float32)
    falls = np.zeros((n_songs, n_plays), np.float32)
    with_all, without = np.empty(N_SAID, np.float32), np.empty(N_SAID, np.float32)
    zero = np.float32(0)
    for s in range(n_songs):
        features_without(counted, s, -1, -1, zero, zero, with_all)
        for n in range(n_plays):
            features_without(counted, s, n, -1, moves[n], zero, without)
            for k in range(N_SAID):
                parts[s, n, k] = weights[k] * (with_all[k] - without[k])
                falls[s, n] += parts[s, n, k]
            if by_told[s, n] > 0 and parts[s, n, ITEMS] > 0:
                of_text = parts[s, n, ITEMS] * by_told[s, n] / by_items[s, n]
                parts[s, n, ITEMS] -= of_text
                parts[s, n, TEXT] += of_text
    return parts, falls


@compiled()
def fall_without_both(counted, s, i, j, weights):  # type: ignore[no-untyped-def]
    """How far the logit of song s falls without the plays i and j."""
    _, _, _, half, scores, confidence = counted[0]
    move_i, move_j = moves_of_pair(i, j, half, scores, confidence)
    with_all, without = np.empty(N_SAID, np.float32), np.empty(N_SAID, np.float32)
    zero, fall = np.float32(0), np.float32(0)
    features_without(counted, s, -1, -1, zero, zero, with_all)
    features_without(counted, s, i, j, move_i, move_j, without)
    for k in range(N_SAID):
        fall += weights[k] * (with_all[k] - without[k])
    return fall
