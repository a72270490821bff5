"""Making mixtapes for a block of users: their scored candidates, and their lists in order and with reasons.

What a Monday run does for everybody, and `whatif` for one listener.
"""

import itertools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from recommenders.collaborative.explain import Explainer
from recommenders.collaborative.model import CollaborativeModel, align, confidences
from recommenders.listening.interactions import Interactions
from recommenders.mixing.candidates import RUNGS, Candidates, Source
from recommenders.mixing.cold import Cold
from recommenders.mixing.culture import Culture
from recommenders.mixing.editorial import Editorial
from recommenders.mixing.naming import rung_plays
from recommenders.mixing.shelf import Shelf
from recommenders.playlists.allocation import Lists
from recommenders.playlists.order import Described, Features, features_of, in_playing_order
from recommenders.playlists.reasons import Reason
from recommenders.playlists.scoring import Scoring, forbidden_to, score_users
from recommenders.playlists.trial import (
    Team,
    as_tried,
    cold_of,
    in_trial,
    team_draft,
    teams_of_lists,
    trial_columns,
    tried_model,
)
from recommenders.store import Artifacts
from recommenders.store.artifacts import column_matrix
from recommenders.store.mixtapes import Edition, Playlists
from recommenders.store.places import places_of


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
    cold: Cold
    explainer: Explainer | None
    tried: Explainer | None  # of the model that is tried, if any
    tried_cold: Cold
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
    tried = tried_model(connection, artifacts, edition)
    tried_cold = cold_of(tried, model, cold) if tried else cold
    return Finishing(
        edition,
        shelf,
        features_of(shelf, described, model, cold),
        cold,
        Explainer(model, cold.vectors) if model else None,
        Explainer(tried, tried_cold.vectors) if tried else None,
        tried_cold,
        Culture.load(artifacts, f"{folder}/culture.parquet"),
        Editorial.load(artifacts, f"{folder}/editorial.parquet"),
    )


class Finished(NamedTuple):
    """Lists in playing order; their reasons' `codes` (n_users, length) and `plays` (n_users, length, 2); in a trial
    the `teams` (n_users, length)."""

    lists: Lists
    codes: npt.NDArray[np.int16]
    plays: npt.NDArray[np.int64]
    teams: npt.NDArray[np.int8] | None


def finish_lists(finishing: Finishing, user_ids: npt.NDArray[np.int64], lists: Lists, scored: pa.Table) -> Finished:
    """Order the lists of `user_ids` and find their reasons among what `score_block` gave for these users."""
    shelf = finishing.shelf
    lists = in_playing_order(shelf, lists, finishing.features)
    known = Interactions.of_columns(scored)
    codes, plays = find_reasons(shelf, lists, user_ids, finishing.explainer, known, finishing.cold.track_ids)
    culture, editorial = finishing.culture, finishing.editorial
    plays += rung_plays(culture, editorial, shelf, user_ids, lists.rows, lists.sources, known)
    if finishing.tried is None:
        return Finished(lists, codes, plays, None)
    teams = teams_of_lists(finishing.edition, user_ids, lists, scored)
    seen = Interactions.of_columns(as_tried(scored))
    theirs = find_reasons(shelf, lists, user_ids, finishing.tried, seen, finishing.tried_cold.track_ids)
    codes = np.where(teams == Team.TRIED, theirs[0], codes)
    plays = np.where((teams == Team.TRIED)[:, :, np.newaxis], theirs[1], plays)
    return Finished(lists, codes, plays, teams)


def find_reasons(
    shelf: Shelf,
    lists: Lists,
    user_ids: npt.NDArray[np.int64],
    explainer: Explainer | None,
    interactions: Interactions,
    cold_ids: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int64]]:
    """The reasons' codes (n_users, length), and the plays that they name (n_users, length, 2): track ids, 0 = none.

    `cold_ids` (n,) ascending are the songs whose vectors the explainer has besides the model's.
    """
    rows = np.maximum(lists.rows, 0)
    heard_by_somebody = shelf.listeners[rows] > 0
    codes = np.where(heard_by_somebody, Reason.POPULAR, Reason.UNHEARD).astype(np.int16)
    codes[lists.sources == Source.NEAREST_LISTENERS] = Reason.LISTENERS
    codes[lists.sources == Source.CULTURE] = Reason.CULTURE
    codes[lists.sources == Source.EDITORIAL] = Reason.EDITORIAL
    plays = np.zeros((*lists.rows.shape, 2), dtype=np.int64)
    if explainer is None:
        return codes, plays
    model = explainer.model
    songs = places_of(model.track_ids, shelf.track_ids)[rows]
    by_sound = lists.sources == Source.AUDIO
    cold = places_of(cold_ids, shelf.track_ids)[rows]
    songs = np.where(cold >= 0, cold + len(model.track_ids), songs)
    songs = np.where(RUNGS[lists.sources] == RUNGS[Source.MIX], songs, -1)
    known = np.flatnonzero(np.isin(user_ids, interactions.user_ids))
    confidence = confidences(align(interactions, model.track_ids), model.parameters)
    columns = explainer.plays(confidence[np.searchsorted(interactions.user_ids, user_ids[known])], songs[known])
    plays[known] = np.where(columns >= 0, model.track_ids[columns], 0)
    codes[songs >= 0] = Reason.TASTE
    codes[plays[:, :, 0] > 0] = Reason.PLAYS
    codes[(plays[:, :, 0] > 0) & by_sound] = Reason.SOUND
    return codes, plays


def by_length(
    shelf: Shelf, user_ids: npt.NDArray[np.int64], finished: Finished, wanted: npt.NDArray[np.int64]
) -> list[Playlists]:
    """The lists as rows of the database, grouped by their number of songs; `wanted` (n_users,) is that of full ones."""
    lists, codes, plays, teams = finished
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
            )
        )
    return groups
