"""Which of the plays without which a song's score falls is named, and how: compiled by numba, a list at a time."""

import numpy as np

from recommenders.compiled import compiled
from recommenders.mixing.kernels import dot
from recommenders.playlists.falls import fall_without_both, parts_of_falls, what_counts
from recommenders.playlists.reasons import Reason

LEAST_FALL = np.float32(1e-3)  # of the logit: a thousandth of the chance
OTHER_SHARE = np.float32(0.6)  # of the greatest fall, that another play must have to be named instead
SECOND_SHARE = np.float32(0.3)  # of the first's fall, that a second play must have
NEAR_SOUND = np.float32(0.5)  # cosine from which two songs sound alike
LEAST_TERMS = 2  # that two songs share before they are told: a single word may be chance
MOST_NAMED = 3  # songs of a list for which a play is named, while there are others
WARM, BY_SOUND, BY_ARTIST = 0, 1, 2  # what has placed a song among the others

PLAYS, TASTE, SOUND = int(Reason.PLAYS), int(Reason.TASTE), int(Reason.SOUND)
TERMS, ARTIST = int(Reason.TERMS), int(Reason.ARTIST)
COLLABORATIVE, ARTISTS, TEXT, BY_EAR = 0, 2, 3, 4  # features
NOT_ASKED = -2
_N_KINDS = max(Reason) + 1


@compiled()
def shared_terms(terms, row, other, found):  # type: ignore[no-untyped-def]
    """Write into `found` (2,) the terms that describe both tracks, else both their artists, most strongly: ids, 0 =
    none; how many."""
    offsets, ids, weights = terms.offsets, terms.ids, terms.weights
    found[:] = 0
    for entities in (terms.own, terms.of_artist):
        one, two = entities[row], entities[other]
        if one < 0 or two < 0:
            continue
        best, second = np.float32(0), np.float32(0)
        i, j = offsets[one], offsets[two]
        while i < offsets[one + 1] and j < offsets[two + 1]:
            if ids[i] < ids[j]:
                i += 1
            elif ids[i] > ids[j]:
                j += 1
            else:
                strength = weights[i] * weights[j]
                if strength > best:
                    best, second = strength, best
                    found[1], found[0] = found[0], ids[i]
                elif strength > second:
                    second = strength
                    found[1] = ids[i]
                i += 1
                j += 1
        if found[0] > 0:
            return 1 + int(found[1] > 0)
    return 0


@compiled()
def share_an_artist(shelf, row, other):  # type: ignore[no-untyped-def]
    """Whether two tracks credit the same artist."""
    for i in range(shelf.artist_offsets[row], shelf.artist_offsets[row + 1]):
        for j in range(shelf.artist_offsets[other], shelf.artist_offsets[other + 1]):
            if shelf.artists[i] == shelf.artists[j]:
                return True
    return False


@compiled()
def sounds_most_like(voices, row, rows, falls, least, named):  # type: ignore[no-untyped-def]
    """The play that sounds most like the song, of those without which its score falls so far; -1 = none is near. One
    that was not named often comes first."""
    chosen, nearest, often = -1, NEAR_SOUND, True
    for n in range(rows.shape[0]):
        if falls[n] < least:
            continue
        cosine = dot(voices.sound[row], voices.sound[rows[n]])
        if cosine < NEAR_SOUND:
            continue
        if (often and named[n] < MOST_NAMED) or (often == (named[n] >= MOST_NAMED) and cosine > nearest):
            chosen, nearest, often = n, cosine, named[n] >= MOST_NAMED
    return chosen


@compiled()
def kind_of(feature, placed, same_artist):  # type: ignore[no-untyped-def]
    """What is said where this feature falls most: the plays, the terms, the sound, or the artist."""
    if feature == TEXT:
        return TERMS
    if feature == BY_EAR or (feature == COLLABORATIVE and placed == BY_SOUND):
        return SOUND
    if placed == BY_ARTIST and feature in (COLLABORATIVE, ARTISTS) and same_artist:
        return ARTIST
    return PLAYS


@compiled()
def next_kind(parts, placed, same_artist):  # type: ignore[no-untyped-def]
    """What is said where what counts most are texts that have no terms to be named: the next model's word."""
    strongest = 0
    for k in range(1, parts.shape[0]):
        if k != TEXT and parts[k] > parts[strongest]:
            strongest = k
    return kind_of(strongest, placed, same_artist)


@compiled()
def choose(shelf, voices, terms, row, placed, rows, falls, parts, named, kinds, most_of_kind, shared):  # type: ignore[no-untyped-def]
    """The kind of a song's reason and the play that it names, of `rows` (n,), from the `falls` (n,) without each and
    their `parts` (n, N_SAID); (TASTE, -1) where the score falls without none. Writes the terms into `shared` (2,).

    What was named often in the list, or is the kind of most of its reasons, gives way to what counts nearly as much.
    """
    best = falls.max()
    if best < LEAST_FALL:
        return TASTE, -1
    least = max(OTHER_SHARE * best, LEAST_FALL)
    enough = max(SECOND_SHARE * best, LEAST_FALL)
    alike = NOT_ASKED
    chosen, kind, value, often = -1, PLAYS, np.float32(0), 3
    for n in range(rows.shape[0]):
        if falls[n] < least:
            continue
        same_artist = share_an_artist(shelf, row, rows[n])
        highest = parts[n].max()
        for k in range(parts.shape[1]):
            if parts[n, k] < OTHER_SHARE * highest:
                continue
            this, play = kind_of(k, placed, same_artist), n
            if this == SOUND:
                if alike == NOT_ASKED:
                    alike = sounds_most_like(voices, row, rows, falls, enough, named)
                play = alike
            if play < 0 or (this == TERMS and (same_artist or shared_terms(terms, row, rows[n], shared) < LEAST_TERMS)):
                continue
            times = int(named[play] >= MOST_NAMED) + int(kinds[this] >= most_of_kind)
            worth = falls[n] * parts[n, k] / highest
            if times < often or (times == often and worth > value):
                chosen, kind, value, often = play, this, worth, times
    if chosen < 0:
        chosen = int(np.argmax(falls))
        kind = next_kind(parts[chosen], placed, share_an_artist(shelf, row, rows[chosen]))
        if kind == SOUND:
            alike = sounds_most_like(voices, row, rows, falls, enough, named)
            chosen, kind = (alike, SOUND) if alike >= 0 else (chosen, PLAYS)
    shared[:] = 0
    if kind == TERMS:
        shared_terms(terms, row, rows[chosen], shared)
    return kind, chosen


@compiled()
def second_play(shelf, counted, weights, s, first, rows, falls, named):  # type: ignore[no-untyped-def]
    """Another play to be named beside the first; -1 = none counts enough."""
    least, chosen, often = max(SECOND_SHARE * falls[first], LEAST_FALL), -1, True
    for n in range(rows.shape[0]):
        if n == first or falls[n] < least or shelf.works[rows[n]] == shelf.works[rows[first]]:
            continue
        too_often = named[n] >= MOST_NAMED
        if chosen < 0 or (often and not too_often) or (often == too_often and falls[n] > falls[chosen]):
            chosen, often = n, too_often
    if chosen >= 0 and fall_without_both(counted, s, first, chosen, weights) < LEAST_FALL:
        return -1
    return chosen


@compiled()
def explain(shelf, voices, space, terms, weights, listened, songs, placed, found):  # type: ignore[no-untyped-def]
    """Find the reasons of each user's songs: the first rung's, `songs` (n_users, length) rows of the shelf, -1 = none.

    `space` = (whitened vectors, what brings them back); `listened` = (offsets, columns, signed, rows, weights) of what
    each user has dealt with; `placed` (n_users, length) what has placed each song. Writes `found` = (codes, plays
    (n_users, length, 2) rows of the shelf, terms (n_users, length, 2)).
    """
    scratch = np.full(shelf.works.shape[0], -1, np.int16), np.full(voices.told.offsets.shape[0], -1, np.int16)
    shared = np.zeros(2, np.int32)
    for user in range(songs.shape[0]):
        first, end = listened[0][user], listened[0][user + 1]
        listed = np.flatnonzero(songs[user] >= 0)
        signed, all_rows = listened[2][first:end], listened[3][first:end]
        if listed.shape[0] == 0 or not (signed > 0).any():
            continue
        liked = listened[1][first:end], signed, all_rows, listened[4][first:end]
        counted = what_counts(shelf, voices, space, liked, songs[user][listed], scratch)
        parts, falls = parts_of_falls(counted, weights)
        rows = all_rows[signed > 0]
        named, kinds = np.zeros(rows.shape[0], np.int64), np.zeros(_N_KINDS, np.int64)
        falls[:, rows < 0] = 0
        for s in range(listed.shape[0]):
            at = listed[s]
            kind, play = choose(
                shelf,
                voices,
                terms,
                songs[user, at],
                placed[user, at],
                rows,
                falls[s],
                parts[s],
                named,
                kinds,
                max(1, listed.shape[0] // 2),
                shared,
            )
            found[0][user, at] = kind
            kinds[kind] += 1
            if play < 0:
                continue
            found[1][user, at, 0] = rows[play]
            named[play] += 1
            found[2][user, at] = shared
            second = second_play(shelf, counted, weights, s, play, rows, falls[s], named) if kind == PLAYS else -1
            if second >= 0:
                found[1][user, at, 1] = rows[second]
                named[second] += 1
