"""What would be otherwise: one listener's mixtape without some of their listening, or with other dials.

Everything is done as the run did it, by the same functions, with what its edition froze, while all other listeners keep
their mixtapes. Nothing is stored: the changed list is written, read as any list, and rolled back.
"""

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.listening.interactions import Interactions
from recommenders.mixing.candidates import Candidates
from recommenders.mixing.shelf import Shelf
from recommenders.playlists.allocation import NO_TEAMS
from recommenders.playlists.dials import Limits, limits_of
from recommenders.playlists.making import (
    Finished,
    Finishing,
    by_length,
    candidates_in,
    finish_lists,
    load_finishing,
    score_block,
)
from recommenders.playlists.mixtape import Mixtape, Song, read_mixtape
from recommenders.playlists.scoring import Scoring, forbidden_to, load_scoring
from recommenders.playlists.standing import Standing, allocate_one
from recommenders.playlists.trial import as_tried, drafted_again, load_tried
from recommenders.store import Artifacts, mixtapes, names
from recommenders.store.artifacts import column_matrix
from recommenders.store.dials import Dials, OwnDials


@dataclass(frozen=True)
class Change:
    """What is to be otherwise: `without` these track ids among the listening, and with these dials."""

    without: tuple[int, ...] = ()
    dials: OwnDials = OwnDials()  # noqa: RUF009 - frozen


@dataclass(frozen=True)
class Move:
    """A song that comes, goes or stays: its place on the published and on the changed mixtape, and why in a line."""

    song: Song
    before: int | None
    after: int | None
    why: str


@dataclass(frozen=True)
class WhatIf:
    """A published mixtape beside what it would be. `remade`: with nothing changed it is made again song by song;
    `seconds` that the changed list took, after what it is made from was loaded."""

    published: Mixtape
    changed: Mixtape
    came: list[Move]
    went: list[Move]
    remade: bool
    seconds: float


class Frozen:
    """What the edition of one week froze, as far as it concerns one listener. Raises ArtifactError when it is no longer
    kept."""

    def __init__(self, connection: sa.Connection, artifacts: Artifacts, edition_id: int, user_id: int) -> None:
        self.user_ids = np.array([user_id], dtype=np.int64)
        self.scoring: Scoring = load_scoring(connection, artifacts, edition_id)
        self.tried = load_tried(connection, artifacts, self.scoring)
        scoring, folder = self.scoring, f"{artifacts.url}/editions/{edition_id}"
        self.finishing: Finishing = load_finishing(
            connection, artifacts, scoring.edition, scoring.shelf, scoring.model, scoring.cold
        )
        shard = max(first for first in scoring.shard_starts if first <= user_id)
        self.scored, _ = artifacts.read(f"{folder}/candidates-{shard}.parquet", users=(user_id, user_id + 1))
        self.standing = Standing.load(artifacts, folder, shard, user_id)
        self.forbidden = forbidden_to(connection, scoring, self.user_ids)


def what_if(
    connection: sa.Connection,
    artifacts: Artifacts,
    user: str,
    *,
    without: Sequence[str] = (),
    without_artists: Sequence[int] = (),
    dials: OwnDials | None = None,
    week: dt.date | None = None,
) -> WhatIf:
    """The mixtape of the service's user `user`, of the newest or the given published week, as it would be.

    `without` names tracks by the service's ids, `without_artists` artists by ours: what the user likes of them counts
    as if it were excluded from their taste; it stays heard. `dials` replace the user's, where they say something.
    Raises UnknownNameError for what is not known, and ArtifactError when the edition's candidates are no longer kept.
    """
    published = read_mixtape(connection, user, week)
    frozen = Frozen(connection, artifacts, published.edition_id, published.user_id)
    tracks = _tracks(connection, frozen.scoring, without, without_artists)
    as_it_is, _ = make(connection, frozen, Change())
    begun = time.perf_counter()
    change = Change(tracks, dials or OwnDials())
    finished, candidates = make(connection, frozen, change)
    scoring = _with_dials(frozen.scoring, frozen.user_ids, change.dials)
    limits = limits_of(scoring.rules, scoring.dials, frozen.user_ids)
    changed = _as_mixtape(connection, frozen, finished, limits, published)
    before = _Side(frozen.scoring.shelf, published, candidates_in(frozen.scored))
    after = _Side(frozen.scoring.shelf, changed, candidates)
    came = [Move(song, None, song.position, _why_came(before, after, song)) for song in after.beyond(before)]
    went = [Move(song, song.position, None, _why_went(before, after, song, limits)) for song in before.beyond(after)]
    seconds = time.perf_counter() - begun
    made = frozen.scoring.shelf.track_ids[as_it_is.lists.rows[0, as_it_is.lists.rows[0] >= 0]]
    remade = made.tolist() == [song.track_id for song in published.songs]
    return WhatIf(published, changed, came, went, remade, seconds)


def make(connection: sa.Connection, frozen: Frozen, change: Change) -> tuple[Finished, Candidates]:
    """The listener's list with the change, and the candidates that it was chosen from."""
    scoring = _with_dials(frozen.scoring, frozen.user_ids, change.dials)
    interactions = _without(Interactions.of_columns(frozen.scored), change.without)
    tried = seen = None
    if frozen.tried is not None:
        tried = _with_dials(frozen.tried, frozen.user_ids, change.dials)
        seen = _without(Interactions.of_columns(as_tried(frozen.scored)), change.without)
    scored = score_block(connection, scoring, tried, frozen.user_ids, interactions, seen)
    candidates = candidates_in(scored)
    teams = column_matrix(scored["teams"]) if tried is not None else NO_TEAMS
    lists = allocate_one(
        scoring.shelf,
        candidates,
        limits_of(scoring.rules, scoring.dials, frozen.user_ids),
        frozen.standing,
        scoring.exposure_cap,
        lambda _: frozen.forbidden,
        teams,
    )
    lists = drafted_again(lists, candidates, teams, scoring.edition.seed)
    return finish_lists(frozen.finishing, frozen.user_ids, lists, scored), candidates


def _tracks(
    connection: sa.Connection, scoring: Scoring, without: Sequence[str], without_artists: Sequence[int]
) -> tuple[int, ...]:
    """The ids of the named tracks and of all tracks of these artists."""
    shelf = scoring.shelf
    numbers = np.flatnonzero(np.isin(shelf.artist_ids, list(without_artists)))
    owners = np.repeat(np.arange(len(shelf.track_ids)), np.diff(shelf.artist_offsets))
    of_artists = shelf.track_ids[np.unique(owners[np.isin(shelf.artists, numbers)])]
    return (*(names.track_of(connection, track) for track in without), *of_artists.tolist())


def _without(interactions: Interactions, track_ids: tuple[int, ...]) -> Interactions:
    """The interactions but for these tracks."""
    if not track_ids:
        return interactions
    kept = np.flatnonzero(~np.isin(interactions.track_ids, track_ids))
    strengths = interactions.strengths[:, kept]
    if not strengths.nnz:
        return Interactions(interactions.user_ids[:0], interactions.track_ids[:0], strengths[:0, :0])
    return Interactions(interactions.user_ids, interactions.track_ids[kept], strengths)


def _with_dials(scoring: Scoring, user_ids: npt.NDArray[np.int64], own: OwnDials) -> Scoring:
    """The same, where the listener's dials are these, and those of the edition where these say nothing."""
    said = {name: value for name, value in own.model_dump().items() if value is not None}
    frozen = {
        name: scoring.dials.of(name, user_ids, np.nan if name == "adventurousness" else -1)
        for name in Dials._fields
        if name != "user_ids"
    }
    dials = Dials(user_ids, **{name: np.full_like(now, said.get(name, now[0])) for name, now in frozen.items()})
    return scoring._replace(dials=dials)


def _as_mixtape(
    connection: sa.Connection, frozen: Frozen, finished: Finished, limits: Limits, published: Mixtape
) -> Mixtape:
    """The list as a person reads it: put in the place of the published one, read, and rolled back."""
    edition, user_id = frozen.scoring.edition, published.user_id
    savepoint = connection.begin_nested()
    try:
        mixtapes.delete_playlists(connection, edition, (user_id, user_id + 1))
        lists = by_length(frozen.scoring.shelf, frozen.user_ids, finished, limits.length)
        mixtapes.write_playlists(connection, edition, lists)
        return read_mixtape(connection, published.user, edition_id=edition.edition_id)
    finally:
        savepoint.rollback()


class _Side:
    """A mixtape and the candidates that it was chosen from."""

    def __init__(self, shelf: Shelf, mixtape: Mixtape, candidates: Candidates) -> None:
        self.shelf, self.mixtape = shelf, mixtape
        listed = candidates.rows[0][candidates.rows[0] >= 0]
        self.places = {int(track): place for place, track in enumerate(shelf.track_ids[listed], 1)}
        self.scores = candidates.scores[0]
        self.on = {song.track_id for song in mixtape.songs}

    def beyond(self, other: "_Side") -> list[Song]:
        """The songs that are not on the other mixtape."""
        return [song for song in self.mixtape.songs if song.track_id not in other.on]

    def score(self, track_id: int) -> float:
        """The score that the song has among the candidates."""
        return float(self.scores[self.places[track_id] - 1])

    def as_often(self, track_id: int, limits: Limits) -> str | None:
        """Whose songs leave no place for this one: its artist's or its release's; None where neither does."""
        (row,), listed = self.shelf.rows(np.array([track_id])), self.shelf.rows(np.array(sorted(self.on)))

        def artists(of: int) -> set[int]:
            first, end = self.shelf.artist_offsets[of : of + 2]
            return set(self.shelf.artists[first:end].tolist())

        for artist in artists(int(row)):
            if sum(artist in artists(int(other)) for other in listed) >= limits.max_per_artist[0]:
                return "artist"
        release = self.shelf.releases[row]
        if release >= 0 and (self.shelf.releases[listed] == release).sum() >= limits.max_per_release[0]:
            return "release"
        return None


def _why_came(before: _Side, after: _Side, song: Song) -> str:
    now, then = after.places.get(song.track_id), before.places.get(song.track_id)
    if now is None:
        return song.reason
    was = "not a candidate before" if then is None else "as before" if then == now else f"{then} before"
    return f"candidate {now}, {was}: {song.reason}"


def _why_went(before: _Side, after: _Side, song: Song, limits: Limits) -> str:
    then, now = before.places.get(song.track_id), after.places.get(song.track_id)
    if then is None:
        return "it only filled the list up"
    if now is None:
        return f"no longer a candidate, {then} before"
    was = "as before" if then == now else f"{then} before"
    if after.score(song.track_id) < before.score(song.track_id):
        fall = f"{before.score(song.track_id):.3f} to {after.score(song.track_id):.3f}"
        return f"its score falls from {fall}: candidate {now}, {was}"
    often = after.as_often(song.track_id, limits)
    if often:
        return f"its {often} is on the list as often as allowed: candidate {now}, {was}"
    if len(after.mixtape.songs) < len(before.mixtape.songs):
        return f"the list is shorter: candidate {now}, {was}"
    return f"others come before it: candidate {now}, {was}"
