"""What the demo service's people play, as the search for foreign listening sees it; sleepers and parties on top."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from recommenders.demo.world import World
from recommenders.listening.foreign import DAY_S, HOUR_S, Found, Listening
from recommenders.listening.kinds import Kinds, learn_kinds

Ints = npt.NDArray[np.int64]


def listening_of(world: World) -> Listening:
    """All events before the world's `now`: users, artists and devices by number, from 1."""
    events = world.listening.take(np.arange(world.rows_before(world.now)))
    played = events.kind == 0
    artist = np.where(events.artist >= 0, events.artist, world.tracks.artist[np.maximum(events.track, 0)])
    return Listening(
        user_ids=world.people.account[events.person] + 1,
        artist_ids=artist.astype(np.int64) + 1,
        devices=events.device.astype(np.int64) + 1,
        local_s=events.at,
        skipped=played & (events.ms_played >= 0) & (events.ms_played < 30_000),
        deliberate=~played,
    )


def kinds_of(listening: Listening) -> Kinds:
    plays = listening.take(~listening.deliberate)
    return learn_kinds(plays.user_ids * 100 + plays.devices, plays.artist_ids)


def shared_accounts(world: World) -> Ints:
    """The users on whose account a child has played at least ten songs."""
    events = world.listening.take(np.arange(world.rows_before(world.now)))
    plays = events.take((events.kind == 0) & world.people.child[events.person])
    users, counts = np.unique(world.people.account[plays.person] + 1, return_counts=True)
    return users[counts >= 10]


def artists_of_genre(world: World, genre: int) -> Ints:
    return np.flatnonzero(world.artists.genre == genre) + 1


def share_of(found: Found, row: int, artists: Ints) -> float:
    """How many of the artists of a finding that the user played are among `artists`."""
    first = found.offsets[row]
    return float(np.isin(found.artists[first : first + found.played_artists[row]], artists).mean())


def add_plays(listening: Listening, user: int, artists: Ints, local_s: Ints, devices: Ints) -> Listening:
    """The listening with full plays more, one for each of `local_s`."""
    n = len(local_s)
    more = Listening(
        np.full(n, user), artists, devices, local_s, np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    )
    return Listening(
        *(np.concatenate(pair) for pair in zip(vars(listening).values(), vars(more).values(), strict=True))
    )


def nights_of_sleep(rng: np.random.Generator, now_s: int, artists: Ints, nights: int) -> tuple[Ints, Ints]:
    """Artists and moments of somebody who falls asleep to music on some of the last 60 nights: two hours from half
    past eleven, song after song."""
    days = now_s // DAY_S - rng.choice(np.arange(2, 60), nights, replace=False)
    begins = days * DAY_S + 23 * HOUR_S + 1_800 + rng.integers(-900, 900, nights)
    local_s = (begins[:, None] + np.arange(30) * 240).ravel()
    return rng.choice(artists, len(local_s)), local_s


def a_party(rng: np.random.Generator, day: int, artists: Ints, songs: int) -> tuple[Ints, Ints]:
    """Artists and moments of one evening from eight o'clock on."""
    return rng.choice(artists, songs), day * DAY_S + 20 * HOUR_S + np.arange(songs) * 220


def without_devices(listening: Listening) -> Listening:
    """The same, from a service that knows no devices."""
    return replace(listening, devices=np.zeros_like(listening.devices))
