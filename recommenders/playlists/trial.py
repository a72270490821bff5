"""A trial: the champion and another model pick the songs of one mixtape by turns, and listeners decide.

Team draft (Radlinski, Kurup & Joachims 2008, "How does clickthrough data reflect retrieval quality?"; Chapelle,
Joachims, Radlinski & Yue 2012): both sides meet in each list, so that differences between listeners and weeks, which
are far larger than those between two models, fall out of the comparison.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from recommenders.collaborative.items import load_items
from recommenders.collaborative.model import KIND as COLLABORATIVE
from recommenders.collaborative.model import CollaborativeModel, load_model
from recommenders.errors import ModelError
from recommenders.mixing.candidates import RUNGS, Candidates, Source, searched
from recommenders.mixing.cold import Cold, Sound, cold_songs
from recommenders.mixing.listeners import Drawn, draw
from recommenders.mixing.ranker import KIND as RANKER
from recommenders.mixing.ranker import Ranker
from recommenders.mixing.shelf import Shelf
from recommenders.mixing.voices import Voices, with_items, with_model
from recommenders.playlists.allocation import NO_TEAMS, Lists, seeded_hash, welcomed
from recommenders.playlists.scoring import Scoring, edition_model, edition_ranker
from recommenders.store import Artifacts, models
from recommenders.store.artifacts import column_matrix, matrix_column
from recommenders.store.mixtapes import Edition
from recommenders.store.models import ModelRow

KINDS = (COLLABORATIVE, RANKER)  # of models that can be tried
TRIAL_COLUMNS = ("rows", "teams", "tried_liked", "tried_strengths")  # of the artifacts of candidates
_COIN = 0x7E57_0C01  # sets the coins apart from the other draws of the same seed


class Team(IntEnum):
    """Which side of a trial picked a song; nobody did on the list of a user who is in no trial."""

    OUTSIDE = -1
    NEITHER = 0
    CHAMPION = 1
    TRIED = 2


class _List(NamedTuple):
    """The ranked lists of one side. (A tuple, so that numba can read it.)"""

    rows: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]
    sources: npt.NDArray[np.int8]
    welcome: npt.NDArray[np.bool_]  # fresh, and to the user's taste


class Tried(NamedTuple):
    """The side that is tried: the collaborative model that it uses, and the ranker, if any. One of them is the one that
    is tried, the other the champion's. `warnings` say what there is to know about the trial."""

    model: CollaborativeModel
    ranker: ModelRow | None
    warnings: list[str]


def plan_trial(
    connection: sa.Connection,
    artifacts: Artifacts,
    model_id: int | None,
    champion: ModelRow | None,
    ranker: ModelRow | None,
    cutoff: dt.datetime,
) -> Tried | None:
    """Make sure that the model `model_id` can be tried beside the champion of its kind; None without one.

    It may be of any state, rejected too. Raises ModelError when there is no such model, none to compare it with, or one
    of another space, and ArtifactError when its file is lost.
    """
    if model_id is None:
        return None
    tried = models.model(connection, model_id)
    if tried.kind not in KINDS:
        raise ModelError(f"Model {model_id} is of the kind {tried.kind!r}: a trial takes one of {', '.join(KINDS)}.")
    if champion is None:
        raise ModelError(f"Model {model_id} can't be tried: there is no champion that picks the other songs.")
    rival = champion if tried.kind == COLLABORATIVE else ranker
    if rival is not None and (rival.artifact_uri, rival.parameters) == (tried.artifact_uri, tried.parameters):
        raise ModelError(f"Model {model_id} is what the champion {rival.model_id} is: there is nothing to compare.")
    if tried.kind == RANKER and tried.space != champion.space:
        raise ModelError(f"The ranker {model_id} was learned for another space than that of the champion's vectors.")
    row = tried if tried.kind == COLLABORATIVE else champion
    model = load_model(artifacts, row.artifact_uri, row.model_id)
    warnings = []
    if tried.cutoff > cutoff:
        warnings.append(
            f"The model {model_id}, which is tried, knows of listening until {tried.cutoff:%Y-%m-%d %H:%M} UTC, after "
            "these mixtapes' cut-off: that is an advantage over the champion."
        )
    return Tried(model, tried if tried.kind == RANKER else ranker, warnings)


def freeze_tried(
    connection: sa.Connection,
    artifacts: Artifacts,
    edition_id: int,
    tried: Tried,
    shelf: Shelf,
    sound: Sound | None,
    user_ids: npt.NDArray[np.int64],
    cutoff: dt.datetime,
    seed: int,
) -> None:
    """Keep with the edition what lies in the tried model's space: cold songs, and drawn listeners of `user_ids`.

    `sound` places songs in the same space, or is None.
    """
    cold_songs(shelf, tried.model, sound).save(artifacts, f"{_folder(edition_id)}/cold")
    draw(connection, shelf, tried.model, user_ids, cutoff, seed).save(artifacts, f"{_folder(edition_id)}/drawn")


def tried_model(connection: sa.Connection, artifacts: Artifacts, edition: Edition) -> CollaborativeModel | None:
    """The collaborative model of the side that is tried, if any: the champion's where a ranker is tried."""
    if edition.trial_model_id is None:
        return None
    row = models.model(connection, edition.trial_model_id)
    if row.kind == RANKER:
        return edition_model(connection, artifacts, edition)
    return load_model(artifacts, row.artifact_uri, row.model_id)


def tried_cold(artifacts: Artifacts, edition: Edition) -> Cold:
    """The cold songs as they lie in the space of the side that is tried."""
    return Cold.load(artifacts, f"{artifacts.url}/{_folder(edition.edition_id)}/cold.parquet")


def tried_ranker(connection: sa.Connection, edition: Edition) -> Ranker | None:
    """The ranker of the side that is tried, if any: the champion's where a collaborative model is tried."""
    row = models.model(connection, edition.trial_model_id) if edition.trial_model_id else None
    return Ranker(**row.parameters) if row and row.kind == RANKER else edition_ranker(connection, edition)


def tried_voices(
    connection: sa.Connection,
    artifacts: Artifacts,
    edition: Edition,
    shelf: Shelf,
    champion: CollaborativeModel,
    tried: CollaborativeModel,
    cold: Cold,
    voices: Voices,
) -> Voices:
    """The champion's `voices` as the side that is tried has them: with its own vectors, and its ranker's own items."""
    row = models.model(connection, edition.trial_model_id) if edition.trial_model_id else None
    if row and row.kind == RANKER:
        return with_items(voices, shelf, load_items(artifacts, row.artifact_uri, row.model_id))
    return with_model(voices, shelf, tried, cold, same_space=tried.space == champion.space)


def load_tried(connection: sa.Connection, artifacts: Artifacts, scoring: Scoring) -> Scoring | None:
    """What the tried side's candidates are made from: all that the champion's are, but for what its own model says."""
    edition = scoring.edition
    model = tried_model(connection, artifacts, edition)
    if model is None or scoring.model is None or scoring.voices is None:
        return None
    cold = tried_cold(artifacts, edition)
    voices = tried_voices(connection, artifacts, edition, scoring.shelf, scoring.model, model, cold, scoring.voices)
    return scoring._replace(
        model=model,
        cold=cold,
        tracks=searched(scoring.shelf, model, cold, voices),
        voices=voices,
        drawn=Drawn.load(artifacts, f"{artifacts.url}/{_folder(edition.edition_id)}/drawn.parquet"),
        ranker=tried_ranker(connection, edition),
    )


def _folder(edition_id: int) -> str:
    return f"editions/{edition_id}/tried"


def in_trial(edition: Edition, user_ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which users (n_users,) are in the edition's trial."""
    if edition.trial_model_id is None or edition.trial_share is None:
        return np.zeros(len(user_ids), dtype=np.bool_)
    return takes_part(user_ids, edition.trial_model_id, edition.trial_share)


def takes_part(user_ids: npt.NDArray[np.int64], model_id: int, share: float) -> npt.NDArray[np.bool_]:
    """Which users (n_users,) are in the trial of the model `model_id`: about a `share` of them.

    Who is in stays in from week to week, also when the share grows.
    """
    drawn = (seeded_hash(model_id, user_ids) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    part: npt.NDArray[np.bool_] = drawn < share
    return part


def team_draft(
    champion: Candidates, tried: Candidates, shelf: Shelf, seed: int
) -> tuple[Candidates, npt.NDArray[np.int8]]:
    """One list of both sides' candidates for each user, and the team that picked each, (n_users, n) int8 of `Team`.

    In each round a coin of the seed, the user and the round says who picks first; then each side picks the best of its
    list of which no version is picked yet, a side that has none left passes. What both have on their list counts
    for the one that picks it. `tried.user_ids` are some of `champion.user_ids`; the others get the champion's
    list, and no teams. n is the sum of both widths.

    A score says nothing of the song but of its place: it is the one that the champion's list has there, among the
    songs of the same rung. So scores fall along a list, those of users in and out of the trial can be compared, and
    where too many want a song, neither team is heard more. A fresh song stays to the user's taste (`fresh_least`)
    where it was on the list it comes from; those before the last of them count as well.
    """
    from recommenders.playlists.trial_kernels import draft

    drafted = np.searchsorted(champion.user_ids, tried.user_ids)
    n = champion.rows.shape[1] + tried.rows.shape[1]
    merged = Candidates(
        champion.user_ids,
        _widened(champion.rows, n, -1),
        _widened(champion.scores, n, 0),
        _widened(champion.sources, n, 0),
        champion.fresh_least.copy(),
    )
    teams = np.zeros(merged.rows.shape, dtype=np.int8)
    coins = _coins(seed, tried.user_ids, max(champion.rows.shape[1], tried.rows.shape[1]))
    sides = (_list(champion, shelf), _list(tried, shelf))
    draft(sides, drafted, coins, shelf.works, RUNGS, merged, teams)
    return merged, teams


def _coins(seed: int, user_ids: npt.NDArray[np.int64], n_rounds: int) -> npt.NDArray[np.bool_]:
    """Whether the tried side picks first, (n_users, n_rounds)."""
    coins = seeded_hash(seed ^ _COIN, user_ids[:, np.newaxis], np.arange(n_rounds)) & np.uint64(1)
    return coins.astype(np.bool_)


def read_teams(artifacts: Artifacts, edition: Edition, shard_starts: Sequence[int]) -> npt.NDArray[np.int8]:
    """The team (n_users, n) of each candidate of all shards; nobody's, of shape (0, 0), where there is no trial."""
    if edition.trial_model_id is None:
        return NO_TEAMS
    folder = f"{artifacts.url}/editions/{edition.edition_id}"
    tables = (artifacts.read(f"{folder}/candidates-{first}.parquet", columns=["teams"])[0] for first in shard_starts)
    return np.concatenate([column_matrix(table["teams"]) for table in tables])


def drafted_again(lists: Lists, candidates: Candidates, teams: npt.NDArray[np.int8], seed: int) -> Lists:
    """The lists of a trial with the scores of their places in a draft of what is left of both sides' picks.

    What others got first is gone, mostly from the side whose songs many want. The scores decide which songs open a
    mixtape, so they are dealt out once more: by turns, with the same coins, among the songs of the first rung.
    """
    if not len(teams):
        return lists
    sides = teams_of(lists.rows, candidates.rows, teams)
    dealt = (sides > 0) & (lists.rows >= 0) & (RUNGS[lists.sources] == RUNGS[Source.MIX])
    order = np.lexsort((-lists.scores, ~dealt), axis=1)
    sides, dealt, scores = (np.take_along_axis(values, order, axis=1) for values in (sides, dealt, lists.scores))
    length = sides.shape[1]
    rank = np.where(sides == Team.TRIED, np.cumsum(sides == Team.TRIED, axis=1), np.cumsum(sides == 1, axis=1)) - 1
    first = np.take_along_axis(_coins(seed, candidates.user_ids, length), np.maximum(rank, 0), axis=1)
    turn = np.where(dealt, 2 * rank + ((sides == Team.TRIED) != first), 2 * length + np.arange(length))
    dealing = np.take_along_axis(order, np.argsort(turn, axis=1, kind="stable"), axis=1)
    again = lists.scores.copy()
    np.put_along_axis(again, dealing, scores, axis=1)
    return lists._replace(scores=again)


def _widened(values: npt.NDArray[Any], n: int, missing: int) -> npt.NDArray[Any]:
    wider = np.full((len(values), n), missing, dtype=values.dtype)
    wider[:, : values.shape[1]] = values
    return wider


def _list(candidates: Candidates, shelf: Shelf) -> _List:
    return _List(candidates.rows, candidates.scores, candidates.sources, welcomed(shelf, candidates))


def teams_of(
    rows: npt.NDArray[np.int32], offered: npt.NDArray[np.int32], teams: npt.NDArray[np.int8]
) -> npt.NDArray[np.int8]:
    """The team of each song of finished lists `rows` (n_users, length), from the candidates `offered` (n_users, n) and
    the `teams` that picked them; nobody's where a song was filled in beyond them."""
    from recommenders.playlists.trial_kernels import find_teams

    found = np.zeros(rows.shape, dtype=np.int8)
    find_teams(rows, offered, teams, found)
    return found


def trial_columns(teams: npt.NDArray[np.int8], tastes: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    """Columns of an artifact of candidates: the teams, and what users like as the tried model weighs it."""
    return {"teams": matrix_column(teams)} | {f"tried_{name}": column for name, column in tastes.items()}


def as_tried(table: pa.Table) -> pa.Table:
    """The columns `user_id, liked, strengths` as the tried model weighs them."""
    return pa.table({"user_id": table["user_id"], "liked": table["tried_liked"], "strengths": table["tried_strengths"]})


def teams_of_lists(
    edition: Edition, user_ids: npt.NDArray[np.int64], lists: Lists, candidates: pa.Table
) -> npt.NDArray[np.int8]:
    """The team (n_users, length) of each song on the lists of `user_ids`, from their rows of the artifact `candidates`;
    `Team.OUTSIDE` on the lists of users who are not in the trial."""
    teams = teams_of(lists.rows, column_matrix(candidates["rows"]), column_matrix(candidates["teams"]))
    teams[~in_trial(edition, user_ids)] = Team.OUTSIDE
    return teams
