"""What explains the songs of one side of an edition: the ranker and its models, or the collaborative model alone."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.collaborative.explain import Explainer
from recommenders.collaborative.model import CollaborativeModel, align, confidences
from recommenders.listening.interactions import Interactions
from recommenders.mixing.candidates import RUNGS, Source
from recommenders.mixing.cold import Cold
from recommenders.mixing.ranker import Ranker
from recommenders.mixing.shelf import Shelf
from recommenders.mixing.voices import Voices, load_voices
from recommenders.playlists.allocation import Lists
from recommenders.playlists.explaining import Explained, Ranking, RankingExplainer
from recommenders.playlists.reasons import Reason
from recommenders.playlists.scoring import edition_ranker
from recommenders.playlists.shared_terms import Terms
from recommenders.playlists.trial import tried_cold, tried_model, tried_ranker, tried_voices
from recommenders.store import Artifacts
from recommenders.store.mixtapes import Edition
from recommenders.store.places import places_of


class Side(NamedTuple):
    """What explains: `ranking` where a ranker ranks, else `explainer` where there is a collaborative model, whose songs
    besides the model's are `cold`."""

    shelf: Shelf
    ranking: RankingExplainer | None
    explainer: Explainer | None
    cold: Cold


def load_sides(
    connection: sa.Connection,
    artifacts: Artifacts,
    edition: Edition,
    shelf: Shelf,
    model: CollaborativeModel | None,
    cold: Cold,
) -> tuple[Side, Side | None]:
    """The edition's own side, and that of the model which it tries, if any. Raises ArtifactError when what they explain
    with is no longer kept."""
    if model is None:
        return Side(shelf, None, None, cold), None
    name, ranker = f"editions/{edition.edition_id}", edition_ranker(connection, edition)
    voices, terms = load_voices(artifacts, name), Terms.load(artifacts, f"{artifacts.url}/{name}", "terms")
    own = _side(shelf, model, cold, voices, ranker, terms)
    tried = tried_model(connection, artifacts, edition)
    if tried is None:
        return own, None
    lying = tried_cold(artifacts, edition)
    heard = tried_voices(connection, artifacts, edition, shelf, model, tried, lying, voices)
    return own, _side(shelf, tried, lying, heard, tried_ranker(connection, edition), terms)


def _side(
    shelf: Shelf, model: CollaborativeModel, cold: Cold, voices: Voices, ranker: Ranker | None, terms: Terms
) -> Side:
    if ranker is None:
        return Side(shelf, None, Explainer(model, cold.vectors), cold)
    return Side(shelf, RankingExplainer(Ranking(shelf, model, cold, voices, ranker), terms), None, cold)


def find_reasons(side: Side, lists: Lists, user_ids: npt.NDArray[np.int64], interactions: Interactions) -> Explained:
    """The reasons of all songs of the lists of `user_ids` (ascending), in their order."""
    codes = _codes_of_rungs(side.shelf, lists)
    ranked = (lists.rows >= 0) & (RUNGS[lists.sources] == RUNGS[Source.MIX])
    if side.ranking is not None:
        found = side.ranking.explain(user_ids, lists, interactions)
        codes[ranked] = np.where(found.codes == 0, np.int16(Reason.TASTE), found.codes)[ranked]
        return found._replace(codes=codes)
    plays = np.zeros((*lists.rows.shape, 2), dtype=np.int64)
    nothing = np.zeros(plays.shape, dtype=np.int32)
    if side.explainer is None:
        return Explained(codes, plays, nothing)
    songs = np.where(ranked, _songs(side, side.explainer.model, lists), -1)
    plays = _plays(side.explainer, songs, user_ids, interactions)
    codes[songs >= 0] = Reason.TASTE
    codes[plays[:, :, 0] > 0] = Reason.PLAYS
    codes[(plays[:, :, 0] > 0) & (lists.sources == Source.AUDIO)] = Reason.SOUND
    return Explained(codes, plays, nothing)


def _codes_of_rungs(shelf: Shelf, lists: Lists) -> npt.NDArray[np.int16]:
    heard_by_somebody = shelf.listeners[np.maximum(lists.rows, 0)] > 0
    codes = np.where(heard_by_somebody, Reason.POPULAR, Reason.UNHEARD).astype(np.int16)
    codes[lists.sources == Source.NEAREST_LISTENERS] = Reason.LISTENERS
    codes[lists.sources == Source.CULTURE] = Reason.CULTURE
    codes[lists.sources == Source.EDITORIAL] = Reason.EDITORIAL
    return codes


def _songs(side: Side, model: CollaborativeModel, lists: Lists) -> npt.NDArray[np.int64]:
    """What the explainer calls each song, -1 = it does not know it."""
    rows = np.maximum(lists.rows, 0)
    songs = places_of(model.track_ids, side.shelf.track_ids)[rows]
    cold = places_of(side.cold.track_ids, side.shelf.track_ids)[rows]
    return np.where(cold >= 0, cold + len(model.track_ids), songs)


def _plays(
    explainer: Explainer, songs: npt.NDArray[np.int64], user_ids: npt.NDArray[np.int64], interactions: Interactions
) -> npt.NDArray[np.int64]:
    """The plays that put each song on the list, (n_users, length, 2): track ids, 0 = none."""
    model = explainer.model
    plays = np.zeros((*songs.shape, 2), dtype=np.int64)
    known = np.flatnonzero(np.isin(user_ids, interactions.user_ids))
    confidence = confidences(align(interactions, model.track_ids), model.parameters)
    columns = explainer.plays(confidence[np.searchsorted(interactions.user_ids, user_ids[known])], songs[known])
    plays[known] = np.where(columns >= 0, model.track_ids[columns], 0)
    return plays
