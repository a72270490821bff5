"""The inner loops of the mix, compiled by numba; every user's result depends on that user alone."""

import numpy as np

from recommenders.compiled import compiled
from recommenders.mixing.kernels import artist_forbidden, dot, mark

N_FEATURES = 7
SMALLEST_KERNEL = np.float32(1e-4)


@compiled()
def weigh_texts(told_as, rows, weights, sums, met):  # type: ignore[no-untyped-def]
    """Add the weight of each liked track to the text that speaks of it; how many texts there are (listed in `met`), and
    their weight in all. `sums` come as zeros."""
    count, total = 0, np.float32(0)
    for n in range(rows.shape[0]):
        text = told_as[rows[n]]
        if text < 0:
            continue
        if sums[text] == 0:
            met[count] = text
            count += 1
        sums[text] += weights[n]
        total += weights[n]
    return count, total


@compiled()
def add_up(neighbours, likers, weights, sums, met):  # type: ignore[no-untyped-def]
    """Add up what each of `likers`, with its weight, speaks for; how many are spoken for (listed in `met`). `sums` come
    as zeros."""
    count = 0
    for n in range(likers.shape[0]):
        for i in range(neighbours.offsets[likers[n]], neighbours.offsets[likers[n] + 1]):
            item, said = neighbours.items[i], weights[n] * neighbours.weights[i]
            if said == 0:
                continue
            if sums[item] == 0:
                met[count] = item
                count += 1
            sums[item] += said
    return count


@compiled()
def _clear(sums, met, count):  # type: ignore[no-untyped-def]
    for n in range(count):
        sums[met[n]] = 0


@compiled()
def best_of(met, count, sums, best, values):  # type: ignore[no-untyped-def]
    """Write into `best` those of `met[:count]` with the highest sums, the best first, equals by number; how many.

    `values` is room for `count` numbers: only what reaches the lowest sum that can be among the best is sorted in.
    """
    least = np.float32(-np.inf)
    if count > best.shape[0]:
        for n in range(count):
            values[n] = sums[met[n]]
        least = np.partition(values[:count], count - best.shape[0])[count - best.shape[0]]
    kept = 0
    for n in range(count):
        item = met[n]
        if sums[item] < least:
            continue
        place = kept
        if kept == best.shape[0]:
            last = best[kept - 1]
            if sums[item] < sums[last] or (sums[item] == sums[last] and item > last):
                continue
            place = kept - 1
        else:
            kept += 1
        while place > 0 and (
            sums[item] > sums[best[place - 1]] or (sums[item] == sums[best[place - 1]] and item < best[place - 1])
        ):
            best[place] = best[place - 1]
            place -= 1
        best[place] = item
    return kept


@compiled()
def _cosine(a, b, length):  # type: ignore[no-untyped-def]
    return dot(a, b) / length


@compiled()
def _artist_cosine(shelf, voices, row, factors, length):  # type: ignore[no-untyped-def]
    """The mean cosine of a user with the credited artists of a track."""
    total = np.float32(0)
    first, end = shelf.artist_offsets[row], shelf.artist_offsets[row + 1]
    for i in range(first, end):
        total += _cosine(factors, voices.artists[shelf.artists[i]], length)
    return total / np.float32(max(end - first, 1))


@compiled()
def transformed(collaborative, items, artist, text, sound, features):  # type: ignore[no-untyped-def]
    """Write the features of what each model says of a song; concave where the first bit says most."""
    features[0] = np.sqrt(max(collaborative, np.float32(0)))
    features[1] = np.sqrt(max(items, np.float32(0)))
    features[2] = artist
    features[3] = np.log(text + SMALLEST_KERNEL)
    features[4] = sound


@compiled()
def new_scratch(shelf, voices):  # type: ignore[no-untyped-def]
    """Sums of tracks, of texts and of the texts of what is liked, with room for which of them were met, for as many
    numbers, and for which of them are wanted; sums are zeros between users. Stamps of works and artists that are
    forbidden, and of listed works."""
    n_tracks, n_texts, n_artists = shelf.works.shape[0], voices.told.offsets.shape[0] - 1, shelf.artist_ids.shape[0]
    n_works = shelf.works.max() + 1
    return (
        (
            np.zeros(n_tracks, np.float32),
            np.zeros(n_tracks, np.int32),
            np.zeros(n_tracks, np.float32),
            np.zeros(n_tracks, np.int32),
        ),
        (np.zeros(n_texts, np.float32), np.zeros(n_texts, np.int32), np.zeros(n_texts, np.float32)),
        (np.zeros(n_texts, np.float32), np.zeros(n_texts, np.int32), np.zeros(n_texts, np.float32)),
        (np.zeros(n_works, np.int64), np.zeros(n_artists, np.int64), np.zeros(n_works, np.int64)),
    )


@compiled()
def listen(voices, liked, weights, scratch):  # type: ignore[no-untyped-def]
    """Add up, in `scratch`, what one user's likings speak for: how many tracks, how many texts, the weight of all
    likings and of those of which something is told."""
    items, texts, own, _ = scratch
    n_items = add_up(voices.items, liked, weights, items[0], items[1])
    n_own, told = weigh_texts(voices.told_as, liked, weights, own[0], own[1])
    n_texts = 0
    if n_own:
        n_texts = add_up(voices.told, own[1][:n_own], own[0][own[1][:n_own]], texts[0], texts[1])
        _clear(own[0], own[1], n_own)
    return n_items, n_texts, weights.sum(), told


@compiled()
def put(shelf, row, source, pool_rows, pool_sources, count, marks, stamp):  # type: ignore[no-untyped-def]
    """Add a song to a user's pool, unless it is full, or the song forbidden or listed; how many there are now."""
    forbidden_works, forbidden_artists, listed = marks
    if count == pool_rows.shape[0] or row < 0 or not shelf.eligible[row]:
        return count
    work = shelf.works[row]
    if (
        forbidden_works[work] == stamp
        or listed[work] == stamp
        or artist_forbidden(shelf, forbidden_artists, row, stamp)
    ):
        return count
    listed[work] = stamp
    pool_rows[count], pool_sources[count] = row, source
    return count + 1


@compiled()
def put_played_with(shelf, items, n_items, best, most, source, pool_rows, pool_sources, count, marks, stamp):  # type: ignore[no-untyped-def]
    """Add the `most` songs for which the likings speak most, as item-to-item has it: of what may be offered at all, for
    who likes much is mostly spoken to of what they know."""
    sums, met, values, open_rows = items
    forbidden_works, _, listed = marks
    n_open = 0
    for n in range(n_items):
        work = shelf.works[met[n]]
        if shelf.eligible[met[n]] and forbidden_works[work] != stamp and listed[work] != stamp:
            open_rows[n_open] = met[n]
            n_open += 1
    end = min(count + most, pool_rows.shape[0])
    for n in range(best_of(open_rows, n_open, sums, best, values)):
        if count == end:
            break
        count = put(shelf, best[n], source, pool_rows, pool_sources, count, marks, stamp)
    return count


@compiled()
def put_told_like(shelf, voices, texts, n_texts, best, most, source, pool_rows, pool_sources, count, marks, stamp):  # type: ignore[no-untyped-def]
    """Add up to `most` songs of each of the texts that are most like those of the likings."""
    for n in range(best_of(texts[1], n_texts, texts[0], best, texts[2])):
        end = count + most
        for i in range(voices.teller_offsets[best[n]], voices.teller_offsets[best[n] + 1]):
            if count == end:
                break
            count = put(shelf, voices.tellers[i], source, pool_rows, pool_sources, count, marks, stamp)
    return count


@compiled()
def describe_song(shelf, voices, row, factors, length, weight, told, scratch, features):  # type: ignore[no-untyped-def]
    """Write the features of one song for the user whose likings `scratch` holds."""
    items, texts, _, _ = scratch
    text = voices.told_as[row]
    transformed(
        _cosine(factors, voices.played[row], length),
        items[0][row] / weight,
        _artist_cosine(shelf, voices, row, factors, length),
        texts[0][text] / told if text >= 0 and told > 0 else np.float32(0),
        _cosine(factors, voices.sound[row], length),
        features,
    )
    features[5] = voices.rate[row]
    features[6] = voices.youth[row]


@compiled()
def gather(shelf, forbidden, candidates, listeners, offered, voices, sizes, codes, pool, features):  # type: ignore[no-untyped-def]
    """Gather each user's candidates of the first rung and describe them; append what the lower rungs had.

    `candidates` = (rows, sources, rungs: 1 = the first) come from the searches before; `listeners` = (factors, offsets,
    rows, weights) of what each user likes; `offered` = (offsets, rows, sources) from others; `sizes` = (item-to-item
    songs, texts looked at, songs of each) and `codes` = their sources. Writes `pool` = (rows, sources, places), where a
    place says where a song of a lower rung stood in `candidates`, -1 = first rung, and `features` (n_users, n,
    N_FEATURES).
    """
    rows, sources, rungs = candidates
    factors, offsets, liked, weights = listeners
    scratch = new_scratch(shelf, voices)
    items, texts, _, marks = scratch
    best_items, best_texts = np.zeros(2 * sizes[0], np.int32), np.zeros(sizes[1], np.int32)
    for user in range(rows.shape[0]):
        stamp, count, first = user + 1, 0, np.int8(1)
        pool_rows, pool_sources = pool[0][user], pool[1][user]
        mark(marks[0], forbidden.work_offsets, forbidden.works, user)
        mark(marks[1], forbidden.artist_offsets, forbidden.artists, user)
        own = weights[offsets[user] : offsets[user + 1]]
        length = np.sqrt(dot(factors[user], factors[user]))
        if length > 0 and own.shape[0] > 0:
            n_items, n_texts, weight, told = listen(voices, liked[offsets[user] : offsets[user + 1]], own, scratch)
            for i in range(rows.shape[1]):
                if rungs[user, i] == first:
                    count = put(shelf, rows[user, i], sources[user, i], pool_rows, pool_sources, count, marks, stamp)
            count = put_played_with(
                shelf, items, n_items, best_items, sizes[0], codes[0], pool_rows, pool_sources, count, marks, stamp
            )
            count = put_told_like(
                shelf,
                voices,
                texts,
                n_texts,
                best_texts,
                sizes[2],
                codes[1],
                pool_rows,
                pool_sources,
                count,
                marks,
                stamp,
            )
            for i in range(offered[0][user], offered[0][user + 1]):
                count = put(shelf, offered[1][i], offered[2][i], pool_rows, pool_sources, count, marks, stamp)
            for i in range(count):
                describe_song(
                    shelf, voices, pool_rows[i], factors[user], length, weight, told, scratch, features[user, i]
                )
            _clear(items[0], items[1], n_items)
            _clear(texts[0], texts[1], n_texts)
            first = np.int8(2)
        for i in range(rows.shape[1]):
            if rungs[user, i] >= first:
                before = count
                count = put(shelf, rows[user, i], sources[user, i], pool_rows, pool_sources, count, marks, stamp)
                if count > before:
                    pool[2][user, before] = i


@compiled()
def weigh(features, weights, intercept, logits):  # type: ignore[no-untyped-def]
    """Write into `logits` (n,) the weighted sum of each row of `features` (n, N_FEATURES), always added up alike."""
    for n in range(features.shape[0]):
        total = intercept
        for i in range(weights.shape[0]):
            total += weights[i] * features[n, i]
        logits[n] = total
