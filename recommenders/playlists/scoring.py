"""Scoring: the ranked candidates of a block of users, for a Monday run and for asking what would be otherwise."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.collaborative.model import CollaborativeModel, load_model
from recommenders.listening.interactions import Interactions
from recommenders.mixing.candidates import (
    Candidates,
    Offered,
    Searched,
    add_nearest_listeners,
    add_popular,
    rank_candidates,
    searched,
    user_factors,
    with_newcomers,
)
from recommenders.mixing.cold import Cold
from recommenders.mixing.culture import Culture, add_culture
from recommenders.mixing.editorial import Editorial, add_editorial
from recommenders.mixing.likings import likings_of
from recommenders.mixing.listeners import Drawn, offer
from recommenders.mixing.mix import describe, on_lists, ranked
from recommenders.mixing.ranker import Ranker
from recommenders.mixing.shelf import Forbidden, Shelf, load_shelf, read_forbidden
from recommenders.mixing.voices import Voices, load_voices
from recommenders.playlists.dials import apply, familiarity
from recommenders.playlists.parameters import MixtapeRules
from recommenders.store import Artifacts, mixtapes, models
from recommenders.store.dials import Dials
from recommenders.store.mixtapes import Edition


class Scoring(NamedTuple):
    """What candidates are made from, frozen for an edition: all but the listeners' own listening."""

    edition: Edition
    rules: MixtapeRules
    exposure_cap: int
    shard_starts: list[int]  # the first user id of each shard
    shelf: Shelf
    model: CollaborativeModel | None
    cold: Cold
    tracks: Searched | None
    dials: Dials
    culture: Culture
    editorial: Editorial
    voices: Voices | None
    drawn: Drawn | None
    ranker: Ranker | None  # None: the collaborative model ranks alone


def load_scoring(connection: sa.Connection, artifacts: Artifacts, edition_id: int) -> Scoring:
    """What the edition's plan froze. Raises ArtifactError when it is no longer kept."""
    folder = f"{artifacts.url}/editions/{edition_id}"
    edition = mixtapes.edition(connection, edition_id)
    shelf, facts = load_shelf(artifacts, f"{folder}/shelf.parquet")
    model = edition_model(connection, artifacts, edition)
    cold = Cold.load(artifacts, f"{folder}/cold.parquet")
    voices = load_voices(artifacts, f"editions/{edition_id}") if model else None
    return Scoring(
        edition,
        MixtapeRules(**edition.parameters),
        facts["exposure_cap"],
        facts["shard_starts"],
        shelf,
        model,
        cold,
        searched(shelf, model, cold, voices) if model and voices else None,
        Dials.load(artifacts, f"{folder}/dials.parquet"),
        Culture.load(artifacts, f"{folder}/culture.parquet"),
        Editorial.load(artifacts, f"{folder}/editorial.parquet"),
        voices,
        Drawn.load(artifacts, f"{folder}/drawn.parquet") if model else None,
        edition_ranker(connection, edition),
    )


def edition_model(connection: sa.Connection, artifacts: Artifacts, edition: Edition) -> CollaborativeModel | None:
    """The collaborative model that the edition uses, if any."""
    if edition.model_id is None:
        return None
    return load_model(artifacts, models.model(connection, edition.model_id).artifact_uri, edition.model_id)


def edition_ranker(connection: sa.Connection, edition: Edition) -> Ranker | None:
    """The ranker that the edition uses, if any."""
    if edition.ranker_id is None:
        return None
    return Ranker(**models.model(connection, edition.ranker_id).parameters)


def forbidden_to(connection: sa.Connection, scoring: Scoring, user_ids: npt.NDArray[np.int64]) -> Forbidden:
    """What `user_ids` (ascending) must not get in this edition."""
    return read_forbidden(
        connection,
        scoring.shelf,
        user_ids,
        cutoff=scoring.edition.cutoff,
        week=scoring.edition.week,
        memory_weeks=scoring.rules.memory_weeks,
    )


def score_users(
    connection: sa.Connection,
    scoring: Scoring,
    user_ids: npt.NDArray[np.int64],
    forbidden: Forbidden,
    interactions: Interactions,
) -> Candidates:
    """The candidates of `user_ids` (ascending), best first; a user's depend on that user alone, to the last bit."""
    shelf, model, rules, tracks = scoring.shelf, scoring.model, scoring.rules, scoring.tracks
    factors = user_factors(model, interactions, user_ids) if model else None
    known = tracks.known if tracks else None
    candidates = rank_candidates(shelf, forbidden, user_ids, factors, known, rules.candidates)
    add_nearest_listeners(connection, shelf, forbidden, candidates, scoring.edition.cutoff, interactions.user_ids)
    add_culture(shelf, forbidden, candidates, scoring.culture, interactions)
    add_editorial(shelf, forbidden, candidates, scoring.editorial, interactions)
    add_popular(shelf, forbidden, candidates)
    if factors is not None and tracks is not None:
        candidates = with_newcomers(shelf, forbidden, candidates, factors, tracks, rules.length, rules.fresh_taste)
        if scoring.ranker and scoring.voices and scoring.drawn:
            likings = likings_of(shelf, interactions, user_ids)
            offered = Offered.together(
                [
                    offer(shelf, forbidden, user_ids, factors, scoring.drawn),
                    on_lists(scoring.editorial, shelf, interactions, user_ids),
                ]
            )
            pool = describe(shelf, forbidden, candidates, factors, likings, offered, scoring.voices)
            candidates = ranked(candidates, pool, scoring.ranker, rules.length, rules.fresh_taste)
    adventurousness = scoring.dials.of("adventurousness", user_ids, rules.adventurousness)
    turned = np.flatnonzero(adventurousness)
    if not len(turned):
        return candidates
    return apply(candidates, familiarity(shelf, candidates, interactions, turned), adventurousness)
