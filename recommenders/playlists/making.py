"""Making mixtapes for a block of users: their scored candidates, and their lists in order and with reasons.

What a Monday run does for everybody, and `whatif` for one listener.
"""

import itertools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from recommenders.collaborative.model import CollaborativeModel
from recommenders.listening.interactions import Interactions
from recommenders.mixing.candidates import Candidates
from recommenders.mixing.cold import Cold
from recommenders.mixing.culture import Culture
from recommenders.mixing.editorial import Editorial
from recommenders.mixing.naming import rung_plays
from recommenders.mixing.shelf import Shelf
from recommenders.playlists.allocation import Lists
from recommenders.playlists.explaining import Explained
from recommenders.playlists.order import Described, Features, features_of, in_playing_order
from recommenders.playlists.scoring import Scoring, forbidden_to, score_users
from recommenders.playlists.sides import Side, find_reasons, load_sides
from recommenders.playlists.trial import (
    Team,
    as_tried,
    in_trial,
    team_draft,
    teams_of_lists,
    trial_columns,
)
from recommenders.store import Artifacts
from recommenders.store.artifacts import column_matrix
from recommenders.store.mixtapes import Edition, Playlists


def score_block(
    connection: sa.Connection,
    scoring: Scoring,
    tried: Scoring | None,
    user_ids: npt.NDArray[np.int64],
    interactions: Interactions,
    seen: Interactions | None,
) -> pa.Table:
    """The candidates of `user_ids` (ascending), and what they like: reasons are found among it.

    In a trial also the team that picked each candidate, and what they like as the model that is tried sees it: `seen`,
    of those who take part.
    """
    candidates = score_users(connection, scoring, user_ids, forbidden_to(connection, scoring, user_ids), interactions)
    columns = interactions.columns(user_ids)
    if tried is not None and seen is not None:
        part = user_ids[in_trial(scoring.edition, user_ids)]
        others = score_users(connection, tried, part, forbidden_to(connection, tried, part), seen)
        candidates, teams = team_draft(candidates, others, scoring.shelf, scoring.edition.seed)
        columns |= trial_columns(teams, seen.columns(user_ids))
    return pa.table(candidates.columns() | columns)


def candidates_in(scored: pa.Table) -> Candidates:
    """The candidates in what `score_block` gave."""
    rows, scores, sources = (column_matrix(scored[name]) for name in ("rows", "scores", "sources"))
    return Candidates(scored["user_id"].to_numpy(), rows, scores, sources, scored["fresh_least"].to_numpy())


class Finishing(NamedTuple):
    """What lists are finished with: what is known of the songs, and what explains those of each model."""

    edition: Edition
    shelf: Shelf
    features: Features
    side: Side
    tried: Side | None  # of the model that is tried, if any
    culture: Culture
    editorial: Editorial


def load_finishing(
    connection: sa.Connection,
    artifacts: Artifacts,
    edition: Edition,
    shelf: Shelf,
    model: CollaborativeModel | None,
    cold: Cold,
) -> Finishing:
    """What the edition's lists are finished with. Raises ArtifactError when it is no longer kept."""
    folder = f"{artifacts.url}/editions/{edition.edition_id}"
    described = Described.load(artifacts, f"{folder}/described.parquet")
    return Finishing(
        edition,
        shelf,
        features_of(shelf, described, model, cold),
        *load_sides(connection, artifacts, edition, shelf, model, cold),
        Culture.load(artifacts, f"{folder}/culture.parquet"),
        Editorial.load(artifacts, f"{folder}/editorial.parquet"),
    )


class Finished(NamedTuple):
    """Lists in playing order, and their reasons; in a trial the `teams` (n_users, length)."""

    lists: Lists
    reasons: Explained
    teams: npt.NDArray[np.int8] | None


def finish_lists(finishing: Finishing, user_ids: npt.NDArray[np.int64], lists: Lists, scored: pa.Table) -> Finished:
    """Order the lists of `user_ids` and find their reasons among what `score_block` gave for these users."""
    shelf = finishing.shelf
    lists = in_playing_order(shelf, lists, finishing.features)
    known = Interactions.of_columns(scored)
    reasons = find_reasons(finishing.side, lists, user_ids, known)
    culture, editorial = finishing.culture, finishing.editorial
    named = rung_plays(culture, editorial, shelf, user_ids, lists.rows, lists.sources, known)
    if finishing.tried is None:
        return Finished(lists, reasons._replace(plays=reasons.plays + named), None)
    teams = teams_of_lists(finishing.edition, user_ids, lists, scored)
    theirs = find_reasons(finishing.tried, lists, user_ids, Interactions.of_columns(as_tried(scored)))
    reasons = theirs.where(teams == Team.TRIED, reasons)
    return Finished(lists, reasons._replace(plays=reasons.plays + named), teams)


def by_length(
    shelf: Shelf, user_ids: npt.NDArray[np.int64], finished: Finished, wanted: npt.NDArray[np.int64]
) -> list[Playlists]:
    """The lists as rows of the database, grouped by their number of songs; `wanted` (n_users,) is that of full ones."""
    lists, (codes, plays, terms), teams = finished
    lengths = (lists.rows >= 0).sum(axis=1)
    tried = np.zeros(len(user_ids), dtype=np.bool_) if teams is None else teams[:, 0] != Team.OUTSIDE
    groups = []
    for length, in_a_trial in itertools.product(np.unique(lengths), (False, True)):
        users = np.flatnonzero((lengths == length) & (tried == in_a_trial))
        groups.append(
            Playlists(
                user_ids=user_ids[users],
                track_ids=shelf.track_ids[lists.rows[users, :length]],
                scores=lists.scores[users, :length],
                sources=lists.sources[users, :length].astype(np.int16),
                reason_codes=codes[users, :length],
                reason_ids=plays[users, :length].reshape(len(users), 2 * length),
                bends=lists.bends[users, :length].astype(np.int16),
                short_reason=(length < wanted[users]).astype(np.int16),
                teams=teams[users, :length].astype(np.int16) if teams is not None and in_a_trial else None,
                reason_terms=terms[users, :length].reshape(len(users), 2 * length),
            )
        )
    return groups
