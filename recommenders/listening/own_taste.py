"""Finds listening that is not the user's own taste: music far from the rest, confined to a device, a night, or hours.

Nothing is known here of what a device or a kind of music is called, or who anybody is.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from scipy.stats import binom

from recommenders.listening.confinement import Frame, Places, by_device, by_hours, by_night
from recommenders.listening.foreign import (
    DAY_S,
    Bools,
    Finding,
    Found,
    Ints,
    Listening,
    OwnTasteParameters,
    Shares,
)
from recommenders.listening.kinds import Kinds

_PAUSE_S = 45 * 60  # a longer one ends a stretch of listening
_SONG_S = 240
_MOST_OF_A_KIND = 3  # findings of a user on devices, in nights, in hours
BLOCK_USERS = 50_000  # looked at together
_AT_ONCE = 1_000  # findings that are compared with all artists
_MUCH, _AKIN = 0.1, 0.3  # a kind of music with less of the plays must have this cosine to the others
_NIGHT_H = (20, 21, 22, 23, 0, 1, 2)  # when the hours of a sleeper begin


def find_foreign(listening: Listening, kinds: Kinds, parameters: OwnTasteParameters) -> Found:
    """The foreign listening of every user, in time proportional to the plays.

    First what is confined to a device; then, in what is left, what is confined to one night; then to the same hours of
    all days. A search takes the clearest case of each user, and then looks again at the rest of those who had one.
    """
    found = []
    users = np.unique(listening.user_ids)
    for first in range(0, len(users), BLOCK_USERS):
        block = users[first : first + BLOCK_USERS]
        rows = (listening.user_ids >= block[0]) & (listening.user_ids <= block[-1])
        found += _find(Frame(listening.take(rows), kinds), kinds, parameters)
    return _together(found)


def _find(frame: Frame, kinds: Kinds, parameters: OwnTasteParameters) -> list[Found]:
    """What each search finds among the users of the frame."""
    found = []
    own = np.ones(len(frame.listening), dtype=np.bool_)
    for search in (by_device, by_night, by_hours):
        asked = np.ones(len(frame.user_ids), dtype=np.bool_)
        for _ in range(_MOST_OF_A_KIND):
            rows = np.flatnonzero(own & asked[frame.user])
            left = frame.take(rows)
            judged = _judge(left, kinds, search(left, parameters), parameters)
            if not len(judged.found):
                break
            found.append(judged.found)
            own[rows[judged.foreign]] = False
            asked = np.isin(frame.user_ids, judged.found.user_ids)
    return found


@dataclass(frozen=True)
class _Judged:
    """What was found, and which rows of the frame belong to it."""

    found: Found
    foreign: Bools


def _judge(frame: Frame, kinds: Kinds, places: Places, parameters: OwnTasteParameters) -> _Judged:
    """Look at the music of each place: is it far from the rest, on how many days, how long, and whose is it?"""
    places = _without_own_kinds(frame, kinds, places)
    place = places.of_pair[frame.pair]
    rows = np.flatnonzero(place >= 0)
    evidence = _evidence(frame, kinds, places, rows, place[rows])
    chosen = _clearest(_is_foreign(evidence, places, parameters), evidence, places)
    number = np.append(np.where(chosen, np.cumsum(chosen) - 1, -1), -1)
    place = number[place]
    evidence = {name: values[chosen] for name, values in evidence.items()}
    offsets, artists, played = _artists(frame, kinds, places, place, np.flatnonzero(chosen), parameters)
    found = Found(
        user_ids=frame.user_ids[places.users[chosen]],
        kinds=_named(evidence, places.first_hours[chosen], places.nights[chosen], parameters),
        devices=places.devices[chosen],
        first_hours=places.first_hours[chosen],
        nights=places.nights[chosen],
        evidence=evidence,
        played_artists=played,
        offsets=offsets,
        artists=artists,
    )
    return _Judged(found, place >= 0)


def _artists(
    frame: Frame, kinds: Kinds, places: Places, place: Ints, chosen: Ints, parameters: OwnTasteParameters
) -> tuple[Ints, Ints, Ints]:
    """The artists of the `chosen` places, as `Found` has them: offsets, artist ids, how many of them were played.

    `place` is that of each row of the frame, counted among the chosen ones, or -1. Artists whom the user plays
    elsewhere are left out, unless they belong to the foreign kinds of music.
    """
    rows = np.flatnonzero((place >= 0) & frame.played)
    owners, artists, plays = _pairs(place[rows], frame.artist[rows])
    foreign, rest = (each[chosen] for each in _means(frame, kinds, places))
    number = np.full(len(frame.user_ids), -1)
    number[places.users[chosen]] = np.arange(len(chosen))
    own = np.flatnonzero(frame.played & (place < 0) & (number[frame.user] >= 0))
    parts = [(owners, artists, -plays.astype(np.float64))]
    for first in range(0, len(chosen), _AT_ONCE):
        here = slice(first, first + _AT_ONCE)
        near = foreign[here] @ kinds.vectors.T
        akin = (near >= parameters.akin) & (near > rest[here] @ kinds.vectors.T)
        akin &= places.nights[chosen[here], None] < 0
        for known, whose in ((frame.artist[own], number[frame.user[own]]), (artists, owners)):
            ours = (whose >= first) & (whose < first + _AT_ONCE)
            akin[whose[ours] - first, known[ours]] = False
        owner, artist = np.nonzero(akin)
        parts.append((owner + first, artist, 1 - near[owner, artist].astype(np.float64)))
    owners, artists, rank = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.lexsort((artists, rank, owners))
    owners, artists = owners[order], artists[order]
    starts = np.searchsorted(owners, np.arange(len(chosen) + 1))
    kept = np.arange(len(owners)) - starts[owners] < parameters.most_artists
    played = np.bincount(owners[kept & (rank[order] < 0)], minlength=len(chosen))
    offsets = np.searchsorted(owners[kept], np.arange(len(chosen) + 1))
    return offsets, kinds.artist_ids[artists[kept]], played


def _evidence(frame: Frame, kinds: Kinds, places: Places, rows: Ints, place: Ints) -> dict[str, npt.NDArray[Any]]:
    """What is known of each place's music, `rows` of the frame with the number of their `place`: (n_places,) each."""
    n, users = len(places), places.users
    listening, played = frame.listening.take(rows), frame.played[rows]
    plays = np.bincount(place[played], minlength=n)
    acts, own_acts = (
        np.bincount(place[~played], minlength=n),
        np.bincount(frame.user[~frame.played], minlength=len(frame.user_ids))[users],
    )
    rest = frame.user_plays[users] - plays
    foreign, other = _means(frame, kinds, places)
    return {
        "plays": plays,
        "rest_plays": rest,
        "confined": places.confined,
        "elsewhere": places.elsewhere,
        "days": _distinct(place[played], listening.local_s[played] // DAY_S, n),
        "rest_days": _rest_days(frame, places),
        "cosine": (foreign * other).sum(axis=1, dtype=np.float64),
        "share": plays / np.maximum(frame.user_plays[users], 1),
        "skips": np.bincount(place[played], listening.skipped[played], n) / np.maximum(plays, 1),
        "stretch_min": _stretches(place[played], listening.local_s[played], n),
        "acts": acts / np.maximum(plays, 1),
        "own_acts": (own_acts - acts) / np.maximum(rest, 1),
        "n_acts": own_acts,
        "so_few_acts": binom.cdf(acts, own_acts, plays / np.maximum(frame.user_plays[users], 1)),
        "rest_on_one_device": _on_one_device(frame, places),
    }


def _is_foreign(evidence: dict[str, npt.NDArray[Any]], places: Places, parameters: OwnTasteParameters) -> Bools:
    """Which places hold foreign music, (n_places,).

    Whose account it is shows in what is done on purpose: whoever saves and rates is the owner. Where that says nothing
    the owner is who plays more; or who listens on several devices, when the other one has a device; or who is awake.
    """
    e = evidence
    one_night = places.nights >= 0
    enough = e["plays"] >= np.where(one_night, parameters.night_plays, parameters.plays)
    enough &= (e["days"] >= np.where(one_night, 1, parameters.days)) & (e["rest_days"] >= parameters.rest_days)
    far = e["cosine"] <= parameters.farthest
    n_acts, acts = e["n_acts"], np.rint(e["acts"] * e["plays"])
    many = binom.sf(acts - 1, n_acts, e["share"])
    spread = (places.devices != 0) & (e["rest_on_one_device"] <= parameters.confined)
    other = (e["share"] <= 0.5) | spread | _asleep(e, places.first_hours, parameters)
    elsewhere = (e["so_few_acts"] <= parameters.chance) | (other & (many > parameters.chance))
    return np.asarray(enough & far & elsewhere)


def _clearest(foreign: Bools, evidence: dict[str, npt.NDArray[Any]], places: Places) -> Bools:
    """Of each user's places that are `foreign` only the one that is told best from the rest."""
    e = evidence
    doubt = e["so_few_acts"] + e["share"] / 2 - (places.confined - places.elsewhere)
    order = np.lexsort((doubt, places.users, ~foreign))[: int(foreign.sum())]
    first = order[np.diff(places.users[order], prepend=-1) != 0]
    chosen = np.zeros(len(foreign), dtype=np.bool_)
    chosen[first] = True
    return chosen


def _named(
    evidence: dict[str, npt.NDArray[Any]], first_hours: Ints, nights: Ints, parameters: OwnTasteParameters
) -> Ints:
    """What each place's music looks like: one night is a party."""
    asleep = _asleep(evidence, first_hours, parameters)
    return np.where(nights >= 0, Finding.PARTY, np.where(asleep, Finding.SLEEP, Finding.SOMEBODY_ELSE)).astype(np.int64)


def _asleep(evidence: dict[str, npt.NDArray[Any]], first_hours: Ints, parameters: OwnTasteParameters) -> Bools:
    """Whether the music of places goes on for long at night, and hardly anything of it is skipped."""
    long = (evidence["stretch_min"] >= parameters.sleep_stretch_min) & (evidence["skips"] <= parameters.sleep_skips)
    return np.asarray(long & np.isin(first_hours, _NIGHT_H))


def _distinct(groups: Ints, values: Ints, n_groups: int) -> Ints:
    """How many different values each group has, (n_groups,)."""
    return np.bincount(_pairs(groups, values)[0], minlength=n_groups)


def _pairs(groups: Ints, values: Ints) -> tuple[Ints, Ints, Ints]:
    """Each (group, value) once, ordered by both, and how often it comes."""
    order = np.lexsort((values, groups))
    groups, values = groups[order], values[order]
    first = np.flatnonzero((np.diff(groups, prepend=-1) != 0) | (np.diff(values, prepend=0) != 0))
    return groups[first], values[first], np.diff(np.append(first, len(groups)))


def _rest_days(frame: Frame, places: Places) -> Ints:
    """On how many days the user of each place played anything that does not belong to it."""
    ours = frame.played & np.isin(frame.user, places.users)
    day = frame.listening.local_s[ours] // DAY_S
    user, place = frame.user[ours], places.of_pair[frame.pair[ours]]
    users, days, plays = _pairs(user, day)
    here, at, foreign = _pairs(place[place >= 0], day[place >= 0])
    first, width = days.min(initial=0), np.ptp(days) + 1 if len(days) else 1
    all_plays = plays[np.searchsorted(users * width + days - first, places.users[here] * width + at - first)]
    of_user = np.bincount(users, minlength=len(frame.user_ids))[places.users]
    return of_user - np.bincount(here[foreign == all_plays], minlength=len(places))


def _on_one_device(frame: Frame, places: Places) -> Shares:
    """How much of each place's user's other music is played on the same device; 1 where no device is known."""
    ours = np.flatnonzero(frame.played & np.isin(frame.user, places.users) & (frame.listening.devices != 0))
    users, devices, plays = _pairs(frame.user[ours], frame.listening.devices[ours])
    firsts = np.searchsorted(users, places.users)
    counts = np.searchsorted(users, places.users, side="right") - firsts
    rows = np.repeat(firsts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    place = np.repeat(np.arange(len(places)), counts)
    foreign = devices[rows] == places.devices[place]
    largest = np.zeros(len(places))
    np.maximum.at(largest, place[~foreign], plays[rows[~foreign]])
    others = np.bincount(place[~foreign], plays[rows[~foreign]], len(places))
    return np.where(others > 0, largest / np.maximum(others, 1), 1.0)


def _without_own_kinds(frame: Frame, kinds: Kinds, places: Places) -> Places:
    """The places without those kinds of music that lie nearer to the user's other music than to the foreign one, and
    without those of a song or two that happened to be played there. Only one night may be a medley."""
    foreign, rest = _means(frame, kinds, places)
    pairs = np.flatnonzero(places.of_pair >= 0)
    place = places.of_pair[pairs]
    centres = kinds.centres[frame.pair_kind[pairs]]
    own = (centres * (foreign - rest)[place]).sum(axis=1) < 0
    plays = np.bincount(place, frame.pair_plays[pairs], len(places))[place]
    little = frame.pair_plays[pairs] < _MUCH * plays
    own |= little & (places.nights[place] < 0) & ((centres * foreign[place]).sum(axis=1) < _AKIN)
    of_pair = places.of_pair.copy()
    of_pair[pairs[own]] = -1
    return replace(places, of_pair=of_pair)


def _means(frame: Frame, kinds: Kinds, places: Places) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The directions (n_places, d) of each place's music and of the user's other music, an artist counting by the
    logarithm of its plays."""
    n_artists = len(kinds.artist_ids)

    def summed(groups: Ints, artists: Ints, n_groups: int) -> npt.NDArray[np.float32]:
        group, artist, plays = _pairs(groups, artists)
        weights = csr_matrix((np.log1p(plays), (group, artist)), shape=(n_groups, n_artists), dtype=np.float32)
        return np.asarray(weights @ kinds.vectors)

    users, number = np.unique(places.users, return_inverse=True)
    ours = np.flatnonzero(frame.played & np.isin(frame.user, users))
    place = places.of_pair[frame.pair[ours]]
    there = ours[place >= 0]
    foreign = summed(place[place >= 0], frame.artist[there], len(places))
    everything = summed(np.searchsorted(users, frame.user[ours]), frame.artist[ours], len(users))
    return _unit(foreign), _unit(everything[number] - foreign)


def _unit(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def _stretches(place: Ints, local_s: Ints, n_places: int) -> Shares:
    """For how many minutes music goes on without a pause around a play of each place, in the mean over the plays."""
    order = np.lexsort((local_s, place))
    place, local_s = place[order], local_s[order]
    begins = np.flatnonzero((np.diff(place, prepend=-1) != 0) | (np.diff(local_s, prepend=0) > _PAUSE_S))
    ends = np.append(begins[1:], len(place))
    lasts = local_s[ends - 1] - local_s[begins] + _SONG_S if len(begins) else begins
    plays = ends - begins if len(begins) else begins
    summed = np.bincount(place[begins], lasts * plays, n_places)
    return np.asarray(summed / 60 / np.maximum(np.bincount(place[begins], plays, n_places), 1), dtype=np.float64)


def _together(found: list[Found]) -> Found:
    """All that was found, by user."""
    if not found:
        return Found.nothing()
    users = np.concatenate([each.user_ids for each in found])
    order = np.argsort(users, kind="stable")
    counts = np.concatenate([np.diff(each.offsets) for each in found])
    firsts = np.concatenate([[0], np.cumsum(counts)])[:-1][order]
    offsets = np.concatenate([[0], np.cumsum(counts[order])])
    rows = np.repeat(firsts - offsets[:-1], counts[order]) + np.arange(offsets[-1])

    def column(name: str) -> Ints:
        return np.concatenate([getattr(each, name) for each in found])[order]

    return Found(
        user_ids=users[order],
        kinds=column("kinds"),
        devices=column("devices"),
        first_hours=column("first_hours"),
        nights=column("nights"),
        played_artists=column("played_artists"),
        evidence={name: np.concatenate([each.evidence[name] for each in found])[order] for name in found[0].evidence},
        offsets=offsets,
        artists=np.concatenate([each.artists for each in found])[rows],
    )
