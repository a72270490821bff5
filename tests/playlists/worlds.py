"""Small worlds full of traps, drawn from a seed, and a slow look at a mixtape's rules that shares no code with it."""

import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from recommenders.mixing.candidates import RUNGS, Candidates, Source
from recommenders.mixing.shelf import Forbidden, Shelf
from recommenders.playlists.order import Features
from recommenders.playlists.parameters import MixtapeRules
from recommenders.store.dials import Dials

EXPOSURE, FRESH, ARTIST, ORDER = 1, 2, 3, 4
FIRST_RUNG = (Source.MIX, Source.AUDIO)


@dataclass(frozen=True)
class World:
    """A shelf, what is known of its songs, what each user must not get and would like, and the rules of the week."""

    shelf: Shelf
    features: Features
    forbidden: Forbidden
    candidates: Candidates
    familiarity: np.ndarray
    rules: MixtapeRules
    dials: Dials
    cap: int
    seed: int

    def artists(self, row: int) -> set[int]:
        first, end = self.shelf.artist_offsets[row : row + 2]
        return set(self.shelf.artists[first:end].tolist())

    def forbidden_to(self, user_ids: np.ndarray) -> Forbidden:
        """What `Forbidden` holds of these users: what a run reads from the database."""
        users = np.searchsorted(self.candidates.user_ids, user_ids)
        f = self.forbidden
        works = [f.works[f.work_offsets[u] : f.work_offsets[u + 1]] for u in users]
        artists = [f.artists[f.artist_offsets[u] : f.artist_offsets[u + 1]] for u in users]
        return Forbidden(*_ragged(works), *_ragged(artists))

    def own(self, name: str, user: int) -> int:
        """The user's own dial, else the rule of the week."""
        place = np.flatnonzero(self.dials.user_ids == self.candidates.user_ids[user])
        value = getattr(self.dials, name)[place[0]] if len(place) else -1
        return int(value) if value >= 0 else getattr(self.rules, name)

    def allowed(self, user: int) -> list[int]:
        """Every row that the user may get by the rules that never bend."""
        f = self.forbidden
        works = set(f.works[f.work_offsets[user] : f.work_offsets[user + 1]].tolist())
        artists = set(f.artists[f.artist_offsets[user] : f.artist_offsets[user + 1]].tolist())
        return [
            row
            for row in range(len(self.shelf.works))
            if self.shelf.eligible[row] and int(self.shelf.works[row]) not in works and not artists & self.artists(row)
        ]


def _ragged(parts: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.append(0, np.cumsum([len(part) for part in parts])).astype(np.int64)
    return offsets, np.concatenate([np.empty(0, np.int32), *parts]).astype(np.int32)


def draw_world(seed: int, n_users: int, n_tracks: int, *, simple: bool = False) -> World:
    """A world of this size. A `simple` one has one artist a song, no releases, and no places for fresh songs."""
    rng = np.random.default_rng(seed)
    shelf = _draw_shelf(rng, n_tracks, simple)
    forbidden = Forbidden(
        *_ragged([rng.choice(n_tracks, rng.integers(0, n_tracks // 3 + 1)) // 1 for _ in range(n_users)]),
        *_ragged([rng.choice(len(shelf.artist_ids), rng.integers(0, 3)) for _ in range(n_users)]),
    )
    forbidden = forbidden._replace(works=shelf.works[forbidden.works])
    rules = MixtapeRules(
        length=int(rng.integers(1, 8)),
        max_per_artist=int(rng.integers(1, 4)),
        max_per_release=int(rng.integers(1, 4)),
        min_fresh=0 if simple else int(rng.integers(0, 5)),
    )
    user_ids = np.sort(rng.choice(3 * n_users, n_users, replace=False)).astype(np.int64) + 1
    n_candidates = int(rng.integers(1, 13))
    empty = Candidates(
        user_ids,
        np.full((n_users, n_candidates), -1, np.int32),
        np.zeros((n_users, n_candidates), np.float32),
        np.zeros((n_users, n_candidates), np.int8),
        rng.choice([0.0, 0.3, 0.8], n_users).astype(np.float32),
    )
    world = World(
        shelf,
        _draw_features(rng, n_tracks),
        forbidden,
        empty,
        rng.choice([0, 0.2, 0.9], empty.rows.shape).astype(np.float32),
        rules,
        _draw_dials(rng, user_ids, simple),
        int(rng.integers(1, n_users + 2)),
        seed,
    )
    for user in range(n_users):
        _draw_candidates(rng, world, user)
    return world


def _draw_shelf(rng: np.random.Generator, n_tracks: int, simple: bool) -> Shelf:
    n_artists = int(rng.integers(1, n_tracks + 1))
    credits = [
        np.sort(rng.choice(n_artists, min(n_artists, 1 if simple else int(rng.integers(1, 4))), replace=False))
        for _ in range(n_tracks)
    ]
    offsets, artists = _ragged(credits)
    works = np.where(rng.random(n_tracks) < 0.2, rng.integers(0, n_tracks, n_tracks), np.arange(n_tracks))
    releases = np.full(n_tracks, -1) if simple else rng.integers(-1, max(1, n_tracks // 3), n_tracks)
    return Shelf(
        track_ids=np.sort(rng.choice(4 * n_tracks, n_tracks, replace=False)).astype(np.int64) + 1,
        works=np.unique(works, return_inverse=True)[1].astype(np.int32),
        releases=releases.astype(np.int32),
        eligible=rng.random(n_tracks) < 0.9,
        fresh=rng.random(n_tracks) < 0.3,
        listeners=rng.integers(0, 6, n_tracks).astype(np.int64),
        artist_offsets=offsets,
        artists=artists,
        artist_ids=np.arange(n_artists, dtype=np.int64) + 1,
        n_releases=int(releases.max(initial=-1)) + 1,
    )


def _draw_features(rng: np.random.Generator, n_tracks: int) -> Features:
    heard = rng.choice([0, 1, 4, np.nan], (n_tracks, 4)).astype(np.float32)
    played = rng.normal(size=(n_tracks, 2)).astype(np.float32) * (rng.random((n_tracks, 1)) < 0.7).astype(np.float32)
    said = np.zeros((n_tracks, 1), np.float32)
    genres = rng.integers(0, 4, n_tracks).astype(np.int64)
    return Features(heard, played.any(axis=1), played, said.any(axis=1), said, genres)


def _draw_dials(rng: np.random.Generator, user_ids: np.ndarray, simple: bool) -> Dials:
    own = user_ids[rng.random(len(user_ids)) < 0.4]

    def drawn(values: Iterable[Any], kind: type) -> np.ndarray:
        return rng.choice(list(values), len(own)).astype(kind)

    return Dials(
        own,
        drawn([np.nan, -1, -0.4, 0, 0.7, 1], np.float32),
        drawn([-1] if simple else [-1, 0, 1, 6], np.int16),
        drawn([-1, 1, 5, 8], np.int16),
        drawn([-1, 1, 2], np.int16),
        drawn([-1, 1, 3], np.int16),
    )


def _draw_candidates(rng: np.random.Generator, world: World, user: int) -> None:
    """What a scored shard holds: allowed songs, one version of each work, rung after rung, the best first."""
    mine = world.candidates
    rows = rng.permutation(world.allowed(user))
    _, first = np.unique(world.shelf.works[rows.astype(np.int64)], return_index=True)
    rows = rows[np.sort(first)][: rng.integers(0, mine.rows.shape[1] + 1)].astype(np.int32)
    sources = rng.choice([Source.MIX, Source.MIX, Source.AUDIO, Source.NEAREST_LISTENERS, Source.POPULAR], len(rows))
    scores = rng.choice([0.1, 0.4, 0.7, 0.9], len(rows))  # few values: ties must be resolved too
    order = np.lexsort((-scores, RUNGS[sources]))
    mine.rows[user, : len(rows)] = rows[order]
    mine.scores[user, : len(rows)] = scores[order]
    mine.sources[user, : len(rows)] = sources[order]


def broken_rules(world: World, candidates: Candidates, lists: Any) -> list[str]:
    """Every way in which the lists break a rule beyond what they say is bent, found by looking at each song."""
    found: list[str] = []
    unmarked: Counter[int] = Counter()
    everywhere = Counter(lists.rows[lists.rows >= 0].tolist())
    for user, (rows, bends) in enumerate(zip(lists.rows.tolist(), lists.bends.tolist(), strict=True)):
        songs = [(row, bend) for row, bend in zip(rows, bends, strict=True) if row >= 0]
        unmarked.update(row for row, bend in songs if bend not in (EXPOSURE, ARTIST))
        found += [
            f"user {user}: {what}"
            for what in itertools.chain(
                _broken_for_good(world, user, rows, songs),
                _broken_caps(world, user, songs, everywhere),
                _broken_fresh(world, candidates, user, songs),
                _broken_order(world, songs),
            )
        ]
    return found + [f"song {row} is on {n} lists" for row, n in unmarked.items() if n > world.cap]


def _broken_for_good(world: World, user: int, rows: list[int], songs: list[tuple[int, int]]) -> Iterable[str]:
    """Rules 1, 2 and 4, which never bend."""
    listed = [row for row, _ in songs]
    allowed = world.allowed(user)
    works = [int(world.shelf.works[row]) for row in listed]
    if len(listed) != min(world.own("length", user), len({int(world.shelf.works[row]) for row in allowed})):
        yield f"{len(listed)} songs"
    if len(set(works)) < len(works):
        yield "a work twice"
    if not set(listed) <= set(allowed):
        yield "a song that is heard, blocked, or not there"
    if any(row >= 0 for row in rows[len(listed) :]):
        yield "a gap"


def _broken_caps(world: World, user: int, songs: list[tuple[int, int]], everywhere: Counter[int]) -> Iterable[str]:
    """Rules 3 and 6, and that they were bent only where nothing else was left."""
    most = {"artist": world.own("max_per_artist", user), "release": world.own("max_per_release", user)}

    def things(row: int) -> list[tuple[str, int]]:
        release = int(world.shelf.releases[row])
        return [("artist", artist) for artist in world.artists(row)] + [("release", release)] * (release >= 0)

    kept = Counter(thing for row, bend in songs if bend != ARTIST for thing in things(row))
    if any(n > most[kind] for (kind, _), n in kept.items()):
        yield "an artist or release too often"
    every = Counter(thing for row, _ in songs for thing in things(row))
    works = {int(world.shelf.works[row]) for row, _ in songs}
    others = [row for row in world.allowed(user) if int(world.shelf.works[row]) not in works]
    fitting = [row for row in others if all(every[thing] < most[thing[0]] for thing in things(row))]
    bends = {bend for _, bend in songs}
    if ARTIST in bends and fitting:
        yield f"bent for an artist although {fitting} would fit"
    if EXPOSURE in bends and any(everywhere[row] < world.cap for row in fitting):
        yield f"bent for exposure although one of {fitting} had places left"


def _broken_fresh(world: World, candidates: Candidates, user: int, songs: list[tuple[int, int]]) -> Iterable[str]:
    """Rule 5: fresh songs to the user's taste, or marks for those that others wanted more."""
    to_taste = [
        row
        for row, score, source in zip(
            candidates.rows[user].tolist(), candidates.scores[user], candidates.sources[user], strict=True
        )
        if row >= 0 and world.shelf.fresh[row] and score >= candidates.fresh_least[user] and source in FIRST_RUNG
    ]
    wanted = min(len(to_taste), world.own("min_fresh", user), world.own("length", user))
    fresh = sum(bool(world.shelf.fresh[row]) for row, _ in songs)
    marks = sum(bend == FRESH for _, bend in songs)
    others = sum(not world.shelf.fresh[row] for row, _ in songs)
    bent_otherwise = sum(bend not in (0, FRESH) and not world.shelf.fresh[row] for row, bend in songs)
    missing = max(0, wanted - fresh)
    if not min(missing, others) - bent_otherwise <= marks <= missing:
        yield f"{fresh} fresh songs of {wanted}, and {marks} marks"


def _broken_order(world: World, songs: list[tuple[int, int]]) -> Iterable[str]:
    """Rule 7: no artist twice in a row, where any order of these songs avoids it."""

    def neighbours(order: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        pairs = itertools.pairwise(order)
        return [(a[1], b[1]) for a, b in pairs if world.artists(a[0]) & world.artists(b[0])]

    touching = neighbours(songs)
    if any(not (ORDER in pair or (pair[0] and pair[1])) for pair in touching):
        yield "an artist twice in a row, unmarked"
    if len(songs) <= 6 and touching and any(not neighbours(order) for order in itertools.permutations(songs)):
        yield "an artist twice in a row, needlessly"
    if not touching and any(bend == ORDER for _, bend in songs):
        yield "marked for an order that bends nothing"
