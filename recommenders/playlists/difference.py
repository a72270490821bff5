"""How an edition differs from what is published: users, songs that come and go, sources."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.store import differences, eligibility, mixtapes, names
from recommenders.store.mixtapes import Edition

BLOCK_USERS = 50_000  # looked at at a time
MANY = 20  # changed songs from which on a mixtape is another one
STEPS = ((0, 0), (1, 5), (6, 10), (11, 20), (21, 30), (31, 100))  # changed songs, from and to
SHOWN = 10  # songs that come, and as many that go

Songs = dict[str, npt.NDArray[np.integer[Any]]]


@dataclass
class Difference:
    """What has been counted of two editions, over users who have a mixtape in both.

    `changed` counts users by how many songs of their new mixtape are not on the old one, `artists` the sum of new first
    artists; `come` and `go` songs by track; `before` and `after` songs by the code of their source.
    """

    users: int = 0
    only_new: int = 0
    only_old: int = 0
    artists: int = 0
    changed: Counter[int] = field(default_factory=Counter)
    come: Counter[int] = field(default_factory=Counter)
    go: Counter[int] = field(default_factory=Counter)
    before: Counter[int] = field(default_factory=Counter)
    after: Counter[int] = field(default_factory=Counter)

    def add(self, new: Songs, old: Songs) -> None:
        """Count some users' songs, ordered by user and track."""
        both = np.intersect1d(new["user_id"], old["user_id"])
        self.users += len(both)
        self.only_new += len(np.setdiff1d(new["user_id"], both))
        self.only_old += len(np.setdiff1d(old["user_id"], both))
        new, old = (_of(songs, both) for songs in (new, old))
        come = ~_contained(new, old, "track_id")
        self.changed += _counted(np.bincount(np.searchsorted(both, new["user_id"][come]), minlength=len(both)))
        self.come += _counted(new["track_id"][come])
        self.go += _counted(old["track_id"][~_contained(old, new, "track_id")])
        self.before += _counted(old["source"])
        self.after += _counted(new["source"])
        new_artists = {name: values[~_contained(new, old, "artist_id")] for name, values in new.items()}
        self.artists += len(np.unique(np.stack([new_artists["user_id"], new_artists["artist_id"]]), axis=1).T)

    def many(self) -> int:
        """Users who would change more than MANY songs."""
        return sum(users for songs, users in self.changed.items() if songs > MANY)

    def figures(self, sources: dict[int, str]) -> dict[str, Any]:
        """What is kept of it with the edition; the names of `sources` by code."""
        users = max(1, self.users)
        songs = sum(songs * users for songs, users in self.changed.items())
        return {
            "users": self.users,
            "users_only_new": self.only_new,
            "users_only_old": self.only_old,
            "users_over_20_changed": self.many(),
            "mean_songs_changed": round(songs / users, 2),
            "mean_new_artists": round(self.artists / users, 2),
            "changed": [
                [low, high, sum(users for songs, users in self.changed.items() if low <= songs <= high)]
                for low, high in STEPS
            ],
            "come": _most(self.come),
            "go": _most(self.go),
            "sources": {
                sources[code]: [round(self.before[code] / users, 2), round(self.after[code] / users, 2)]
                for code in sorted({*self.before, *self.after})
            },
        }


def _of(songs: Songs, users: npt.NDArray[np.integer[Any]]) -> Songs:
    there = np.isin(songs["user_id"], users)
    return {name: values[there] for name, values in songs.items()}


def _contained(songs: Songs, others: Songs, what: str) -> npt.NDArray[np.bool_]:
    """Which songs share their user and `what` with one of the others."""
    width = max(songs[what].max(initial=0), others[what].max(initial=0)) + 1
    keys = (each["user_id"].astype(np.int64) * width + each[what] for each in (songs, others))
    found: npt.NDArray[np.bool_] = np.isin(*keys)
    return found


def _counted(values: npt.NDArray[Any]) -> Counter[int]:
    return Counter(dict(zip(*(column.tolist() for column in np.unique(values, return_counts=True)), strict=True)))


def _most(counted: Counter[int]) -> list[list[int]]:
    """The tracks that occur most, with their counts; of equals the lower id first."""
    return [[track, n] for track, n in sorted(counted.items(), key=lambda each: (-each[1], each[0]))[:SHOWN]]


def find_changes(connection: sa.Connection, edition: Edition) -> dict[str, Any]:
    """How much the edition differs from what is published for its week, else for the week before.

    Figures of the edition, empty where nothing is published; of a dry run with all that can be counted as `difference`.
    """
    published = differences.compared_edition(connection, edition.week)
    if published is None or published[1] == edition.edition_id:
        return {}
    compared = {"compared_with": published[1], "compared_week": published[0].isoformat()}
    if not edition.dry_run:
        changed = mixtapes.changed_songs(connection, edition.edition_id, published[1])
        return compared | {
            "users_compared": len(changed),
            "users_over_20_changed": int((changed > MANY).sum()),
            "mean_songs_changed": round(float(changed.mean()), 2) if len(changed) else 0.0,
        }
    user_ids = eligibility.read_users(connection, edition.cutoff)
    found = _find_difference(connection, edition, published[1], user_ids)
    figures = found.figures(differences.source_names(connection, sorted({*found.before, *found.after})))
    short = {name: figures[name] for name in ("users_over_20_changed", "mean_songs_changed")}
    return compared | short | {"users_compared": figures["users"], "difference": figures | compared}


def _find_difference(
    connection: sa.Connection, edition: Edition, other_id: int, user_ids: npt.NDArray[np.int64]
) -> Difference:
    """The difference between an edition and another, a block of `user_ids` (ascending) at a time."""
    found = Difference()
    for first in range(0, len(user_ids), BLOCK_USERS):
        block = user_ids[first : first + BLOCK_USERS]
        users = (int(block[0]), int(block[-1]) + 1)
        new, old = (differences.songs_of_users(connection, number, users) for number in (edition.edition_id, other_id))
        found.add(new, old)
    return found


def sentences(connection: sa.Connection, figures: dict[str, Any]) -> list[str]:
    """The figures in words, for a log."""
    steps = (
        f"{low} to {high}: {users:,}" if low < high else f"{low}: {users:,}" for low, high, users in figures["changed"]
    )
    said = [
        f"Songs changed per mixtape: {figures['mean_songs_changed']} on average, by {figures['mean_new_artists']} new "
        f"artists. Users by songs changed: {'; '.join(steps)}.",
        "Songs per mixtape by source: "
        + "; ".join(f"{name} {after} ({before} before)" for name, (before, after) in figures["sources"].items())
        + ".",
    ]
    for kind in ("come", "go"):
        if figures[kind]:
            said.append(f"Most often {kind}: {_named(connection, figures[kind])}.")
    if figures["users_only_new"] or figures["users_only_old"]:
        said.append(
            f"Only one of both holds a mixtape: for {figures['users_only_new']:,} users this one, for "
            f"{figures['users_only_old']:,} the other."
        )
    return said


def _named(connection: sa.Connection, counted: Sequence[Iterable[int]]) -> str:
    ids, counts = zip(*counted, strict=True)
    return "; ".join(
        f"{name} ({count:,})" for (_, name), count in zip(names.track_names(connection, ids), counts, strict=True)
    )
