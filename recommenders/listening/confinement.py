"""Which kinds of music each user plays in one place only: on a device, in one night, in the same hours of all days."""

from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recommenders.listening.foreign import DAY_S, HOUR_S, Bools, Ints, Listening, OwnTasteParameters, Shares
from recommenders.listening.kinds import Kinds
from recommenders.store.places import places_of

Counts = npt.NDArray[Any]

_HOURS = DAY_S // HOUR_S
_NOON_S = DAY_S // 2
_SAYS_HOURS = 3  # plays from which on hours can be confined


class Frame:
    """Listening made ready. A pair is a user and a kind of music; pairs, users and artists go by number.

    `artist, user, pair, played` have a row for each of `listening`; `pair_user, pair_kind, pair_plays` one for each
    pair; `user_plays` one for each of `user_ids`.
    """

    def __init__(self, listening: Listening, kinds: Kinds) -> None:
        """Leaves out what is by an artist of no known kind."""
        artist = places_of(kinds.artist_ids, listening.artist_ids)
        self.listening = listening.take(artist >= 0)
        self.artist = artist[artist >= 0]
        self.user_ids, self.user = np.unique(self.listening.user_ids, return_inverse=True)
        n_kinds = len(kinds.centres)
        pairs, self.pair = np.unique(self.user * n_kinds + kinds.kinds[self.artist], return_inverse=True)
        self.pair_user, self.pair_kind = np.divmod(pairs, n_kinds)
        self._count()

    def _count(self) -> None:
        self.played = ~self.listening.deliberate
        self.pair_plays = np.bincount(self.pair[self.played], minlength=len(self.pair_user))
        self.user_plays = np.bincount(self.user[self.played], minlength=len(self.user_ids))

    def take(self, rows: Ints) -> "Frame":
        """The same users and pairs with fewer rows."""
        frame = copy(self)
        frame.listening, frame.artist = self.listening.take(rows), self.artist[rows]
        frame.user, frame.pair = self.user[rows], self.pair[rows]
        frame._count()
        return frame


@dataclass(frozen=True)
class Places:
    """Where foreign music may be confined: of a user, a device, a first hour, a night (as in `Found`).

    `of_pair` (n_pairs,) is the place to which each pair is confined, -1 = none; `confined, elsewhere` (n_places,) the
    shares of that music's plays, and of the user's other plays, that are there.
    """

    users: Ints
    devices: Ints
    first_hours: Ints
    nights: Ints
    of_pair: Ints
    confined: Shares
    elsewhere: Shares

    def __len__(self) -> int:
        return len(self.users)


def by_device(frame: Frame, parameters: OwnTasteParameters) -> Places:
    """Music that is played on one device only, on which hardly anything else is."""
    known = frame.played & (frame.listening.devices != 0)
    slots, users, of_pair, confined, elsewhere, fits = _by_slot(frame, frame.listening.devices, known, parameters)
    none = np.full(len(slots), -1)
    return _kept(Places(users, slots, none, none, of_pair, confined, elsewhere), fits)


def by_night(frame: Frame, parameters: OwnTasteParameters) -> Places:
    """Music that is played in one night only, which goes from noon to noon and holds little else."""
    nights = (frame.listening.local_s - _NOON_S) // DAY_S
    slots, users, of_pair, confined, elsewhere, fits = _by_slot(frame, nights, frame.played, parameters)
    foreign = np.bincount(of_pair[of_pair >= 0], frame.pair_plays[of_pair >= 0], len(slots)) * confined
    there = foreign + elsewhere * (frame.user_plays[users] - foreign / np.maximum(confined, 1e-9))
    fits &= (foreign >= parameters.night_plays) & (foreign >= parameters.night_share * there)
    none = np.full(len(slots), -1)
    return _kept(Places(users, np.zeros(len(slots), np.int64), none, slots, of_pair, confined, elsewhere), fits)


def _by_slot(
    frame: Frame, slots: Ints, known: Bools, parameters: OwnTasteParameters
) -> tuple[Ints, Ints, Ints, Shares, Shares, Bools]:
    """For slots that share out the plays: of each user's each slot its number, the user, the pairs that are confined
    to it, the shares, and whether there is enough to say so. `slots` and `known` have a row for each of the frame."""
    numbers, slot = np.unique(slots[known], return_inverse=True)
    place_ids, place = np.unique(frame.user[known] * len(numbers) + slot, return_inverse=True)
    users = place_ids // max(len(numbers), 1)
    cells, plays = np.unique(frame.pair[known] * len(place_ids) + place, return_counts=True)
    cell_pair, cell_place = np.divmod(cells, max(len(place_ids), 1))
    inside = plays >= parameters.confined * frame.pair_plays[cell_pair]
    of_pair = np.full(len(frame.pair_user), -1)
    of_pair[cell_pair[inside]] = cell_place[inside]
    there = np.bincount(cell_place, plays, len(users))
    foreign_there = np.bincount(cell_place[inside], plays[inside], len(users))
    foreign = np.bincount(cell_place[inside], frame.pair_plays[cell_pair[inside]], len(users))
    confined, elsewhere, fits = _shares(foreign, foreign_there, there, frame.user_plays[users], parameters)
    return numbers[place_ids % max(len(numbers), 1)], users, of_pair, confined, elsewhere, fits


def _shares(
    foreign: Counts, foreign_there: Counts, there: Counts, plays: Ints, parameters: OwnTasteParameters
) -> tuple[Shares, Shares, Bools]:
    """From counts of plays: of foreign music, of it in the place, of all there, of all; arrays of one shape."""
    rest = plays - foreign
    confined = foreign_there / np.maximum(foreign, 1)
    elsewhere = (there - foreign_there) / np.maximum(rest, 1)
    fits = (foreign >= parameters.plays) & (rest >= parameters.rest_plays) & (elsewhere <= parameters.elsewhere)
    return confined, elsewhere, fits


def _kept(places: Places, fits: Bools) -> Places:
    """Only the places that fit."""
    number = np.append(np.where(fits, np.cumsum(fits) - 1, -1), -1)
    return Places(
        places.users[fits],
        places.devices[fits],
        places.first_hours[fits],
        places.nights[fits],
        number[places.of_pair],
        places.confined[fits],
        places.elsewhere[fits],
    )


def by_hours(frame: Frame, parameters: OwnTasteParameters) -> Places:
    """Music that is played in the same hours of all days only, when hardly anything else is: of each user the hours
    in which music is confined best. What was played once or twice says nothing of hours."""
    looked_at = np.flatnonzero(
        (frame.pair_plays >= _SAYS_HOURS) & (frame.user_plays >= 2 * parameters.window_plays)[frame.pair_user]
    )
    users, user = np.unique(frame.pair_user[looked_at], return_inverse=True)
    of_pairs = _windows(frame, frame.pair, looked_at, parameters)
    of_users = _windows(frame, frame.user, users, parameters)
    plays = frame.pair_plays[looked_at, None].astype(np.float32)
    inside = of_pairs >= parameters.confined * plays
    foreign, foreign_there = (_summed(user, inside * each, len(users)) for each in (plays, of_pairs))
    all_plays = frame.user_plays[users, None]
    confined, elsewhere, fits = _shares(foreign, foreign_there, of_users, all_plays, parameters)
    fits &= np.minimum(foreign, all_plays - foreign) >= parameters.window_plays
    fits &= elsewhere <= parameters.window_elsewhere
    best = np.argmax(np.where(fits, confined - elsewhere, -1), axis=1) if len(users) else users
    chosen = np.flatnonzero(fits[np.arange(len(users)), best])
    place_of_user = np.full(len(users), -1)
    place_of_user[chosen] = np.arange(len(chosen))
    of_pair = np.full(len(frame.pair_user), -1)
    of_pair[looked_at] = np.where(inside[np.arange(len(looked_at)), best[user]], place_of_user[user], -1)
    first, none = best[chosen], np.zeros(len(chosen), np.int64)
    return Places(users[chosen], none, first, none - 1, of_pair, confined[chosen, first], elsewhere[chosen, first])


def _windows(frame: Frame, groups: Ints, wanted: Ints, parameters: OwnTasteParameters) -> Counts:
    """The plays of each of the groups `wanted` (n,) in the `window_h` hours that begin with each hour, (n, 24);
    `groups` has a row for each of the frame."""
    place = places_of(wanted, groups)
    rows = np.flatnonzero((place >= 0) & frame.played)
    hours = frame.listening.local_s[rows] % DAY_S // HOUR_S
    by_hour = np.bincount(place[rows] * _HOURS + hours, minlength=len(wanted) * _HOURS).reshape(-1, _HOURS)
    hour = np.arange(_HOURS)
    within = (hour[:, None] - hour[None, :]) % _HOURS < parameters.window_h
    return np.asarray(by_hour.astype(np.float32) @ within.astype(np.float32))


def _summed(groups: Ints, rows: Counts, n_groups: int) -> Counts:
    """The sums of `rows` (n, k) over each of the ascending `groups` (n,), of which none is empty: (n_groups, k)."""
    starts = np.searchsorted(groups, np.arange(n_groups))
    return np.add.reduceat(rows, starts, axis=0) if len(starts) else np.zeros((0, rows.shape[1]), rows.dtype)
