"""What a dial does, measured: every listener's mixtape made again with the dial in each of its positions."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.listening.interactions import load_interactions
from recommenders.mixing.likings import of_now
from recommenders.mixing.shelf import Forbidden, Shelf
from recommenders.playlists.allocation import Lists, allocate
from recommenders.playlists.dials import limits_of
from recommenders.playlists.scoring import forbidden_to, load_scoring, score_users
from recommenders.store import Artifacts, eligibility
from recommenders.store.places import places_of
from recommenders.store.signals import read_heard

POSITIONS = (-1.0, -0.5, 0.0, 0.5, 1.0)


class Effect(NamedTuple):
    """Of the songs on all mixtapes, with the dial in one position: the share by artists that the listener had played,
    the share that is fresh, and how many different songs they are."""

    position: float
    known_artists: float
    fresh: float
    songs: int


def adventurousness_effect(
    connection: sa.Connection, artifacts: Artifacts, edition_id: int, positions: Sequence[float] = POSITIONS
) -> list[Effect]:
    """What the run's `adventurousness` does to an edition's mixtapes, of listeners with a history and no dial of their
    own; all of them in memory at once. Empty without a model; raises ArtifactError when the edition is no longer kept.
    """
    scoring = load_scoring(connection, artifacts, edition_id)
    shelf, cutoff = scoring.shelf, scoring.edition.cutoff
    if scoring.model is None:
        return []
    user_ids = eligibility.read_users(connection, cutoff)
    interactions = load_interactions(connection, cutoff, of_now(scoring.model.parameters))
    forbidden = forbidden_to(connection, scoring, user_ids)
    heard = read_heard(connection, cutoff)
    users, rows = places_of(user_ids, heard.user_ids), shelf.rows(heard.track_ids)
    there = (users >= 0) & (rows >= 0)
    played = _artists_of(shelf, users[there], rows[there])
    judged = np.isin(user_ids, heard.user_ids) & ~np.isin(user_ids, scoring.dials.user_ids)
    effects = []
    for position in positions:
        turned = scoring._replace(rules=scoring.rules.model_copy(update={"adventurousness": position}))
        candidates = score_users(connection, turned, user_ids, forbidden, interactions)
        lists = allocate(
            shelf,
            candidates,
            limits_of(turned.rules, turned.dials, user_ids),
            scoring.edition.seed,
            scoring.exposure_cap,
            lambda asked: _of_users(forbidden, places_of(user_ids, asked)),
        ).lists
        effects.append(_effect(shelf, lists, played, judged, position))
    return effects


def _artists_of(shelf: Shelf, users: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Each (user, credited artist) of these songs, as one number, ascending, each once."""
    first = shelf.artist_offsets[rows]
    counts = shelf.artist_offsets[rows + 1] - first
    credits = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    return np.unique(np.repeat(users, counts) * len(shelf.artist_ids) + shelf.artists[credits])


def _of_users(forbidden: Forbidden, places: npt.NDArray[np.int64]) -> Forbidden:
    """What the users in these places must not get."""

    def of(
        offsets: npt.NDArray[np.int64], items: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        counts = offsets[places + 1] - offsets[places]
        taken = np.repeat(offsets[places] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        return np.append(0, np.cumsum(counts)), items[taken]

    return Forbidden(*of(forbidden.work_offsets, forbidden.works), *of(forbidden.artist_offsets, forbidden.artists))


def _effect(
    shelf: Shelf, lists: Lists, played: npt.NDArray[np.int64], judged: npt.NDArray[np.bool_], position: float
) -> Effect:
    users, places = np.nonzero((lists.rows >= 0) & judged[:, np.newaxis])
    rows = lists.rows[users, places]
    known = np.zeros(len(rows), dtype=np.bool_)
    for credit in range(int(np.diff(shelf.artist_offsets).max(initial=0))):
        first, end = shelf.artist_offsets[rows] + credit, shelf.artist_offsets[rows + 1]
        artist = shelf.artists[np.minimum(first, len(shelf.artists) - 1)]
        known |= (first < end) & np.isin(users * len(shelf.artist_ids) + artist, played)
    return Effect(position, float(known.mean()), float(shelf.fresh[rows].mean()), len(np.unique(rows)))
