"""The invented listeners: who they are, what they truly like, how that changes, and when they listen."""

from dataclasses import dataclass

import numpy as np

from recommenders.demo.catalogue import Artists, Bools, Floats, Ints, unit
from recommenders.demo.genres import CHILDRENS, profiles
from recommenders.demo.names import person_name

N_MODES = 4
KIDS_DEVICE = "kitchen-tablet"
DEVICES = ("phone", "laptop", "web-player", "living-room-speaker", "car", "television", KIDS_DEVICE)
SILENT_SHARE = 0.05
KIDS_SHARE = 0.08
DRIFT_SHARE = 0.2
_DAY_S = 86_400


@dataclass(frozen=True)
class People:
    """Everyone who listens: first the users in the order of `ids`, then the children who use some users' accounts.

    Arrays have a row per person; `ids`, `names`, `created_at` (unix seconds) a row per user. `account` is the index of
    the user whose account a person uses.

    A taste is a mixture of modes: directions `modes` (n_people, N_MODES, n_style) float32 of unit length in the space
    of the track styles, with weights that sum to 1. Before `drift_week` a person's weights are `weights_before`, after
    it `weights_after`, with a change over some three weeks; NaN = the taste stays. `dislikes` (n_people, n_genres).

    `first_week` is the first week with plays; a user without history has the first week after the demo. `plays` and
    `discoveries` are expected numbers per week. `rates` (bool): does the person give stars.
    `devices` (n_people, n_devices) and `hours` (n_people, 168, from Monday 00:00 UTC) are chances that sum to 1.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    created_at: Ints
    account: Ints
    modes: Floats
    weights_before: Floats
    weights_after: Floats
    drift_week: Floats
    dislikes: Bools
    first_week: Ints
    plays: Floats
    discoveries: Floats
    rates: Bools
    devices: Floats
    hours: Floats

    @property
    def child(self) -> Bools:
        """(n_people,) bool: is the person a child on somebody's account."""
        return np.arange(len(self.account)) >= len(self.ids)

    def weights(self, week: int) -> Floats:
        """The weights of every person's modes in `week`: (n_people, N_MODES) float32, rows sum to 1."""
        shift = np.where(np.isnan(self.drift_week), 0, 1 / (1 + np.exp(-2 * (week - self.drift_week))))[:, None]
        return np.asarray((1 - shift) * self.weights_before + shift * self.weights_after, dtype=np.float32)


def make_people(artists: Artists, n_users: int, weeks: int, now_s: int, rng: np.random.Generator) -> People:
    """`n_users` users, of whom some share their account with a child and some have not listened yet."""
    silent, shared = _special_users(n_users, rng)
    account = np.concatenate([np.arange(n_users), shared])
    n_people = len(account)
    child = np.arange(n_people) >= n_users
    modes = _modes(artists, child, rng)
    before, after, drift_week = _weights(child, weeks, rng)
    first_week = np.where(rng.random(n_users) < 0.75, 0, rng.integers(1, max(weeks - 3, 2), n_users))
    first_week[silent] = weeks
    plays = np.where(child, rng.lognormal(np.log(18), 0.4, n_people), rng.lognormal(np.log(22), 0.85, n_people))
    discoveries = plays * np.where(child, 0.05, 0.2 * rng.lognormal(0, 0.3, n_people))
    taken: set[str] = set()
    return People(
        ids=tuple(f"u{index:04d}" for index in range(1, n_users + 1)),
        names=tuple(person_name(rng, taken) for _ in range(n_users)),
        created_at=_created_at(first_week, weeks, now_s, rng),
        account=account,
        modes=modes,
        weights_before=before,
        weights_after=after,
        drift_week=drift_week,
        dislikes=_dislikes(modes, child, rng),
        first_week=first_week[account],
        plays=np.clip(plays, 2, 400).astype(np.float32),
        discoveries=np.clip(discoveries, 0.4, 30).astype(np.float32),
        rates=(rng.random(n_people) < 0.15) & ~child,
        devices=_devices(account, child, rng),
        hours=_hours(child, rng),
    )


def _special_users(n_users: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Users without history, and users with a child on their account (ascending indices, nobody is both)."""
    order = rng.permutation(n_users)
    n_silent, n_shared = round(n_users * SILENT_SHARE), round(n_users * KIDS_SHARE)
    return np.sort(order[:n_silent]), np.sort(order[n_silent : n_silent + n_shared])


def _modes(artists: Artists, child: Bools, rng: np.random.Generator) -> Floats:
    """Each mode lies near an artist: two people who like a genre like different corners of it."""
    grown_up = np.flatnonzero(artists.genre != CHILDRENS)
    weights = artists.popularity[grown_up].astype(np.float64)
    anchors = rng.choice(grown_up, (len(child), N_MODES), p=weights / weights.sum())
    for_children = np.flatnonzero(artists.genre == CHILDRENS)
    anchors[child] = rng.choice(for_children, (int(child.sum()), N_MODES))
    return unit(artists.styles[anchors] + rng.normal(0, 0.08, (*anchors.shape, artists.styles.shape[1])))


def _weights(child: Bools, weeks: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Weights of the modes before and after the drift, and its week (NaN where the taste stays).

    The last mode is new to those who drift: they have nothing of it before, and half of their listening after.
    """
    n_people = len(child)
    drifts = (rng.random(n_people) < DRIFT_SHARE) & ~child
    before = rng.gamma(0.4, size=(n_people, N_MODES)) + 1e-6
    before[drifts, -1] = 0
    before /= before.sum(axis=1, keepdims=True)
    new = np.zeros(N_MODES)
    new[-1] = 1
    after = np.where(drifts[:, None], 0.45 * before + 0.55 * new, before)
    drift_week = np.where(drifts, rng.uniform(0.3 * weeks, 0.8 * weeks, n_people), np.nan)
    return before.astype(np.float32), after.astype(np.float32), drift_week.astype(np.float32)


def _dislikes(modes: Floats, child: Bools, rng: np.random.Generator) -> Bools:
    """One or two genres that each grown-up can't stand, among those far from all of their modes."""
    genres = unit(profiles())
    nearest = (modes[:, :, : genres.shape[1]] @ genres.T).max(axis=1)
    nearest[:, CHILDRENS] = np.inf
    order = np.argsort(nearest + rng.gumbel(0, 0.15, nearest.shape), axis=1)
    dislikes = np.zeros(nearest.shape, dtype=bool)
    rows = np.arange(len(child))
    dislikes[rows, order[:, 0]] = True
    dislikes[rows, order[:, 1]] = rng.random(len(child)) < 0.4
    dislikes[child] = False
    return dislikes


def _created_at(first_week: Ints, weeks: int, now_s: int, rng: np.random.Generator) -> Ints:
    """When each account was opened: before its first week; for most users long before the demo begins."""
    first_day = (first_week - weeks) * 7
    long_ago = np.where(first_week == 0, rng.exponential(500, len(first_week)), 0)
    days = first_day - long_ago - rng.uniform(0.1, 4, len(first_week))
    return np.asarray(now_s + days * _DAY_S, dtype=np.int64)


def _devices(account: Ints, child: Bools, rng: np.random.Generator) -> Floats:
    """Three devices a person; a child has the kitchen tablet, which its parent hardly ever uses."""
    n_own = len(DEVICES) - 1
    chances = rng.dirichlet(np.full(n_own, 0.7), len(account))
    chances[chances < np.sort(chances, axis=1)[:, -3:-2]] = 0
    chances /= chances.sum(axis=1, keepdims=True)
    parent = np.isin(account, account[child])
    tablet = np.where(child, 0.95, np.where(parent, 0.02, 0.0))[:, None]
    return np.hstack([chances[account] * (1 - tablet), tablet]).astype(np.float32)


def _hours(child: Bools, rng: np.random.Generator) -> Floats:
    """The chance of each hour of the week: commuters, office listeners, evening and night people; children's hours."""
    hour = np.arange(24)

    def around(centre: float, width: float) -> Floats:
        distance = np.abs((hour - centre + 12) % 24 - 12)
        return np.asarray(np.exp(-0.5 * (distance / width) ** 2), dtype=np.float32)

    workday = np.stack(
        [
            around(8, 1) + around(17.5, 1.2) + 0.3 * around(21, 1.5),
            around(11, 2) + around(15, 2) + 0.2 * around(20, 2),
            0.2 * around(8, 1) + around(20.5, 2),
            0.2 * around(18, 2) + around(23.5, 2),
            0.4 * around(7, 0.7) + around(16.5, 1.2),
        ]
    )
    weekend = np.stack(
        [around(15, 4), 0.5 * around(13, 4), around(19, 4), around(0, 3), around(9, 1.5) + around(16, 2)]
    )
    kind = np.where(child, 4, rng.integers(0, 4, len(child)))
    week = np.concatenate([np.tile(workday, 5), np.tile(weekend, 2) * rng.uniform(0.8, 1.6)], axis=1) + 0.002
    return np.asarray((week / week.sum(axis=1, keepdims=True))[kind], dtype=np.float32)
