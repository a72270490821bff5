"""Sixteen weeks of listening: what people come across, play again, skip, save, love, ban and rate, and when."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from recommenders.demo.catalogue import Bools, Floats, Ints, Tracks
from recommenders.demo.listeners import People
from recommenders.demo.taste import WEEK_S, Taste

KINDS = ("play", "save", "artist_visit", "love", "ban", "rating")
CONTEXTS = ("radio", "search", "album", "new-releases", "library", "playlist")
_NEW_CONTEXTS, _NEW_SHARES = (0, 1, 2, 3), (0.4, 0.25, 0.2, 0.15)
_OLD_CONTEXTS, _OLD_SHARES = (4, 5, 2), (0.5, 0.3, 0.2)
_PLAY, _SAVE, _ARTIST_VISIT, _LOVE, _BAN, _RATING = range(len(KINDS))
_PEOPLE_AT_ONCE = 500
_PLAYS_PER_SESSION = 9
_THURSDAY_S = 3 * 86_400  # unix time began on a Thursday
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Listening:
    """Events as columns, one row each, ascending in time.

    `at` in unix seconds; `person`, `track`, `artist` are indices (-1 = none), `kind`, `device`, `context` codes of
    KINDS, listeners.DEVICES and CONTEXTS (-1 = none); `ms_played` is -1 where it is unknown, `rating` 0 where none.
    """

    at: Ints
    person: Ints
    track: Ints
    artist: Ints
    kind: Ints
    ms_played: Ints
    rating: Ints
    device: Ints
    context: Ints

    def take(self, rows: Ints | Bools) -> "Listening":
        """Only `rows`."""
        return Listening(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def listen(people: People, tracks: Tracks, n_weeks: int, start_s: int, seed: np.random.SeedSequence) -> Listening:
    """All events of `n_weeks` weeks from `start_s` (unix seconds).

    More weeks only add events: those of the first weeks stay the same, to the byte.
    """
    everyone = np.arange(len(people.account))
    blocks = [everyone[first : first + _PEOPLE_AT_ONCE] for first in range(0, len(everyone), _PEOPLE_AT_ONCE)]
    parts = [
        events
        for rows, block_seed in zip(blocks, seed.spawn(len(blocks)), strict=True)
        for events in _listen_block(_Block.of(people, tracks, rows), n_weeks, start_s, block_seed)
    ]
    together = _concatenate(parts)
    return together.take(np.lexsort((together.kind, together.track, together.person, together.at)))


@dataclass
class _Block:
    """Some people, and what they have heard, loved and banned so far: arrays (n_rows, n_tracks).

    `first_week` is the week in which a track was first heard, -1 = unheard; `works` (n_rows, n_works) the works heard;
    `banned_at` unix seconds.
    """

    people: People
    tracks: Tracks
    rows: Ints
    taste: Taste
    first_week: npt.NDArray[np.int16]
    works: Bools
    loved: Bools
    banned_at: Ints

    @classmethod
    def of(cls, people: People, tracks: Tracks, rows: Ints) -> "_Block":
        """The people in `rows`, who have heard nothing yet."""
        shape = (len(rows), len(tracks.ids))
        return cls(
            people=people,
            tracks=tracks,
            rows=rows,
            taste=Taste(people, tracks, rows),
            first_week=np.full(shape, -1, dtype=np.int16),
            works=np.zeros((len(rows), int(tracks.work.max()) + 1), dtype=bool),
            loved=np.zeros(shape, dtype=bool),
            banned_at=np.full(shape, _NEVER),
        )


@dataclass(frozen=True)
class _Plays:
    """The plays of a week; `row` counts within the block, `liking` is the true one, `at` in unix seconds."""

    row: Ints
    track: Ints
    new: Bools
    liking: Floats
    skipped: Bools
    ms: Ints
    at: Ints
    device: Ints

    @property
    def end(self) -> Ints:
        """When each play ended, in unix seconds."""
        return self.at + self.ms // 1000


def _listen_block(block: _Block, n_weeks: int, start_s: int, seed: np.random.SeedSequence) -> Iterator[Listening]:
    """The events of a block of people, a week at a time, each from a seed of its own."""
    for week, week_seed in enumerate(seed.spawn(n_weeks)):
        rng = np.random.default_rng(week_seed)
        week_start_s = start_s + week * WEEK_S
        yield _react(block, _plays_of_week(block, week, week_start_s, rng), rng)


def _plays_of_week(block: _Block, week: int, week_start_s: int, rng: np.random.Generator) -> _Plays:
    """What everyone in the block plays in a week: new songs, and those they know; the block remembers them."""
    people, tracks, rows = block.people, block.tracks, block.rows
    weeks_here = week - people.first_week[rows]
    busy = rng.lognormal(-0.06, 0.35, len(rows)) * (rng.random(len(rows)) < 0.94) * (weeks_here >= 0)
    # Newcomers bring their favourites along: they find much in their first weeks.
    eager = 1 + 3 * np.exp(-np.maximum(weeks_here, 0) / 1.2)
    chances = block.taste.chances(week, week_start_s) * ~block.works[:, tracks.work] * (block.banned_at == _NEVER)
    new_row, new_track = _discover(chances, people.discoveries[rows] * busy * eager, tracks.work, rng)
    block.first_week[new_row, new_track] = week
    block.works[new_row, tracks.work[new_track]] = True
    liking = block.taste.liking(week)
    n_new = np.bincount(new_row, minlength=len(rows))
    n_again = rng.poisson(np.maximum(people.plays[rows] * busy - n_new, 0.3 * n_new))
    old_row, old_track = _play_again(block, liking, n_again, week, rng)
    old_track = _other_versions(old_track, tracks, week_start_s, rng)
    unheard = block.first_week[old_row, old_track] < 0
    block.first_week[old_row[unheard], old_track[unheard]] = week
    row, track = np.concatenate([new_row, old_row]), np.concatenate([new_track, old_track])
    new = np.arange(len(row)) < len(new_row)
    liked = liking[row, track]
    skipped, ms = _play_lengths(tracks.duration_s[track], new, liked, rng)
    at, device = _schedule(people, rows, row, ms, week_start_s, rng)
    return _Plays(row=row, track=track, new=new, liking=liked, skipped=skipped, ms=ms, at=at, device=device)


def _discover(chances: Floats, expected: Floats, work: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Which tracks are heard for the first time this week: (row, track) indices.

    Track i is found with probability 1 - exp(-t * chance_i): it is among the arrivals of a Poisson process within a
    time t that makes `expected` (n_rows,) of them likely. So a ranking by chance is the best possible one.
    """
    time = expected / np.maximum(chances.sum(axis=1), 1e-12)
    found = rng.random(chances.shape, dtype=np.float32) < -np.expm1(-time[:, None].astype(np.float32) * chances)
    row, track = np.nonzero(found)
    _, first = np.unique(row * (int(work.max()) + 1) + work[track], return_index=True)
    return row[first], track[first]


def _play_again(block: _Block, liking: Floats, n_again: Ints, week: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """`n_again` (n_rows,) plays of what is known already: what is liked, and above all what is newly loved."""
    row, track = np.nonzero((block.first_week >= 0) & (block.banned_at == _NEVER))
    age = week - block.first_week[row, track]
    weight = (liking[row, track].astype(np.float64) + 0.01) ** 1.5 * (1 + 3 * np.exp(-age / 2))
    drawn_row = np.repeat(np.arange(len(n_again)), np.where(np.isin(np.arange(len(n_again)), row), n_again, 0))
    return drawn_row, track[_draw(row, weight, drawn_row, rng)]


def _draw(group: Ints, weight: Floats, wanted: Ints, rng: np.random.Generator) -> Ints:
    """For each of `wanted` (a group) the index of one of the group's entries, drawn by `weight`; `group` ascends."""
    reached = np.cumsum(weight, dtype=np.float64)
    first, last = np.searchsorted(group, wanted, side="left"), np.searchsorted(group, wanted, side="right") - 1
    low = reached[first] - weight[first]
    point = low + rng.random(len(wanted)) * (reached[last] - low)
    return np.clip(np.searchsorted(reached, point, side="right"), first, last)


def _other_versions(track: Ints, tracks: Tracks, week_start_s: int, rng: np.random.Generator) -> Ints:
    """Now and then another version of the song that was meant, if there is one yet."""
    by_work = np.argsort(tracks.work, kind="stable")
    n_versions = np.bincount(tracks.work)
    first = np.cumsum(n_versions) - n_versions
    work = tracks.work[track]
    other = by_work[first[work] + (rng.random(len(track)) * n_versions[work]).astype(np.int64)]
    return np.where((rng.random(len(track)) < 0.08) & (tracks.surfaces_at[other] <= week_start_s), other, track)


def _play_lengths(duration_s: Floats, new: Bools, liking: Floats, rng: np.random.Generator) -> tuple[Bools, Ints]:
    """Which plays are skipped, and how many milliseconds each one lasts: what is liked is rarely skipped."""
    n = len(new)
    skipped = rng.random(n) < np.where(new, 0.05, 0.03) + np.where(new, 0.6, 0.25) * (1 - liking) ** 2
    share = np.where(rng.random(n) < 0.85, 1.0, rng.uniform(0.5, 0.99, n))
    ms = np.where(skipped, rng.uniform(1_500, 29_500, n), duration_s.astype(np.float64) * 1000 * share)
    return skipped, ms.astype(np.int64)


def _schedule(
    people: People, rows: Ints, row: Ints, ms: Ints, week_start_s: int, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """When each play begins (unix seconds) and on which device: one after another in the sessions of their listener."""
    n_sessions = -(-np.bincount(row, minlength=len(rows)) // _PLAYS_PER_SESSION)
    person = rows[np.repeat(np.arange(len(rows)), n_sessions)]
    session = (np.cumsum(n_sessions) - n_sessions)[row] + (rng.random(len(row)) * n_sessions[row]).astype(np.int64)
    order = np.lexsort((rng.random(len(row)), session))
    length_s = -(-ms[order] // 1000) + 2
    session_s = np.bincount(session[order], weights=length_s, minlength=len(person)).astype(np.int64)
    begins_s = _session_starts(people.hours[person], session_s, week_start_s, rng) - (np.cumsum(session_s) - session_s)
    at = np.empty(len(row), dtype=np.int64)
    at[order] = begins_s[session[order]] + np.cumsum(length_s) - length_s
    return at, _choose(people.devices[person], rng)[session]


def _session_starts(hours: Floats, session_s: Ints, week_start_s: int, rng: np.random.Generator) -> Ints:
    """When each session begins (unix seconds): in an hour that its listener likes, and over before the week is."""
    after_monday_s = (_choose(hours, rng) + rng.random(len(hours))) * 3600
    offset_s = (week_start_s + _THURSDAY_S) % WEEK_S
    into_week_s = (after_monday_s - offset_s).astype(np.int64) % WEEK_S
    return week_start_s + np.minimum(into_week_s, WEEK_S - 60 - session_s)


def _choose(chances: Floats, rng: np.random.Generator) -> Ints:
    """One column for each row of `chances` (rows sum to 1)."""
    reached = np.cumsum(chances, axis=1, dtype=np.float64)
    point = rng.random((len(chances), 1)) * reached[:, -1:]
    return np.asarray((reached <= point).sum(axis=1), dtype=np.int64)


def _react(block: _Block, plays: _Plays, rng: np.random.Generator) -> Listening:
    """The plays as events, with what people do about them: save, look up the artist, love, ban, rate."""
    people, tracks, rows = block.people, block.tracks, block.rows
    n = len(plays.row)
    chance = rng.random((5, n))
    grown_up = ~people.child[rows][plays.row]
    full = ~plays.skipped & grown_up
    saves = plays.new & full & (chance[0] < 0.25 * plays.liking)
    visits = full & (chance[1] < 0.03 * plays.liking)
    unloved = full & ~plays.new & ~block.loved[plays.row, plays.track]
    loves = _first_of_pair(plays, unloved & (chance[2] < 0.02 * plays.liking**2))
    bans = plays.new & plays.skipped & grown_up & (plays.liking < 0.2) & (chance[3] < 0.08)
    artist_bans = bans & (rng.random(n) < 0.2)
    ratings = plays.new & grown_up & people.rates[rows][plays.row] & (chance[4] < 0.2)
    block.loved[plays.row[loves], plays.track[loves]] = True
    _remember_bans(block, plays, bans, artist_bans)
    stars = np.clip(np.rint(1.2 + 4 * plays.liking + rng.normal(0, 0.6, n)), 1, 5).astype(np.int64)
    ms_known = np.where(rng.random(n) > 0.02, plays.ms, -1)
    found = rng.choice(_NEW_CONTEXTS, n, p=_NEW_SHARES)
    known = rng.choice(_OLD_CONTEXTS, n, p=_OLD_SHARES)
    none, artist = np.full(n, -1), tracks.artist[plays.track]

    def events(chosen: Bools, kind: int, **columns: Ints) -> Listening:
        every = {
            "at": plays.end + kind,
            "person": rows[plays.row],
            "track": plays.track,
            "artist": none,
            "kind": np.full(n, kind),
            "ms_played": none,
            "rating": np.zeros(n, dtype=np.int64),
            "device": plays.device,
            "context": none,
        } | columns
        return Listening(**every).take(chosen & (every["at"] <= block.banned_at[plays.row, plays.track]))

    return _concatenate(
        [
            events(
                np.ones(n, dtype=bool),
                _PLAY,
                at=plays.at,
                ms_played=ms_known,
                context=np.where(plays.new, found, known),
            ),
            events(saves, _SAVE),
            events(visits, _ARTIST_VISIT, track=none, artist=artist),
            events(loves, _LOVE),
            events(bans & ~artist_bans, _BAN),
            events(artist_bans, _BAN, track=none, artist=artist),
            events(ratings, _RATING, rating=stars),
        ]
    )


def _first_of_pair(plays: _Plays, chosen: Bools) -> Bools:
    """Of the `chosen` plays only the first one of each person and track."""
    index = np.flatnonzero(chosen)
    ordered = index[np.argsort(plays.at[index], kind="stable")]
    _, first = np.unique(np.stack([plays.row[ordered], plays.track[ordered]]), axis=1, return_index=True)
    result = np.zeros(len(chosen), dtype=bool)
    result[ordered[first]] = True
    return result


def _remember_bans(block: _Block, plays: _Plays, bans: Bools, artist_bans: Bools) -> None:
    """From the moment of a ban the track, or every track of the artist, is never played again."""
    at = plays.end + _BAN
    np.minimum.at(block.banned_at, (plays.row[bans], plays.track[bans]), at[bans])
    artist = block.tracks.artist
    theirs = artist[None, :] == artist[plays.track[artist_bans]][:, None]
    np.minimum.at(block.banned_at, plays.row[artist_bans], np.where(theirs, at[artist_bans][:, None], _NEVER))


def _concatenate(parts: list[Listening]) -> Listening:
    return Listening(
        **{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Listening)}
    )
