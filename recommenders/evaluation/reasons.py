"""Whether reasons are true: the scores of songs, computed again from the listening without the plays that are named."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import csr_matrix

from recommenders.errors import NotEnoughDataError
from recommenders.listening.interactions import Interactions
from recommenders.mixing.candidates import RUNGS, Source
from recommenders.playlists.explaining import Ranking, describe_songs
from recommenders.playlists.scoring import load_scoring
from recommenders.playlists.trial import Team
from recommenders.store import Artifacts, Store, mixtapes
from recommenders.store.places import places_of

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Held:
    """What became of `sampled` songs whose reasons name plays: the share `fell` whose chance falls without these plays,
    the median of the share of the chance that is left, and how many of the ranked songs' reasons name plays at all."""

    sampled: int
    fell: float
    median_left: float
    naming: float


def edition_reasons_hold(store: Store, artifacts: Artifacts, edition_id: int, n: int, seed: int) -> Held:
    """Take the plays that an edition's reasons name away from `n` of its songs, drawn with `seed`, and let the ranker
    score these songs again with what the edition froze.

    Looked at are the songs that its own ranker ranked. Raises NotEnoughDataError where no ranker did, ArtifactError
    where what it froze is no longer kept.
    """
    with store.begin() as connection:
        scoring = load_scoring(connection, artifacts, edition_id)
        songs = mixtapes.reasons_of(connection, edition_id)
    if scoring.model is None or scoring.voices is None or scoring.ranker is None:
        raise NotEnoughDataError(f"No ranker ranked the songs of edition {edition_id}: there is nothing to take away.")
    ranking = Ranking(scoring.shelf, scoring.model, scoring.cold, scoring.voices, scoring.ranker)
    ranked = np.flatnonzero((RUNGS[songs["source"]] == RUNGS[Source.MIX]) & (songs["team"] != Team.TRIED))
    plays = np.column_stack([songs["first_play"], songs["second_play"]])[ranked]
    named = np.flatnonzero((plays > 0).any(axis=1))
    drawn = np.sort(np.random.default_rng(seed).permutation(named)[:n])
    rows = scoring.shelf.rows(songs["track_id"][ranked][drawn])
    known = _listening(artifacts, edition_id, scoring.shard_starts)
    taken = _as_others(known, songs["user_id"][ranked][drawn]), rows, plays[drawn]
    return hold(ranking, *taken, naming=len(named) / max(len(ranked), 1))


def hold(ranking: Ranking, interactions: Interactions, rows: Ids, plays: Ids, naming: float = 1.0) -> Held:
    """Take `plays` (n_users, k), track ids, 0 = none, away from each user of `interactions`, and score the song that is
    in `rows` (n_users,) of the shelf once more."""
    user_ids = interactions.user_ids
    _, before = describe_songs(ranking, interactions, user_ids, rows)
    _, after = describe_songs(ranking, without(interactions, plays), user_ids, rows)
    left = np.nan_to_num(after, nan=0.0)  # where nothing else is liked, nothing ranks the song any more
    return Held(
        sampled=len(rows),
        fell=float((left < before).mean()) if len(rows) else 0.0,
        median_left=float(np.median(left / before)) if len(rows) else 0.0,
        naming=naming,
    )


def without(interactions: Interactions, taken: Ids) -> Interactions:
    """The interactions, but for the tracks `taken` (n_users, k) from each of their users; 0 = none."""
    strengths = interactions.strengths
    owners = np.repeat(np.arange(strengths.shape[0]), np.diff(strengths.indptr))
    tracks = interactions.track_ids[strengths.indices]
    kept = ~(tracks[:, np.newaxis] == taken[owners]).any(axis=1)
    indptr = np.append(0, np.cumsum(kept))[strengths.indptr]
    left = csr_matrix((strengths.data[kept], strengths.indices[kept], indptr), shape=strengths.shape)
    return Interactions(interactions.user_ids, interactions.track_ids, left)


def _listening(artifacts: Artifacts, edition_id: int, shard_starts: list[int]) -> Interactions:
    """What everybody likes, as the edition saw it."""
    folder, columns = f"{artifacts.url}/editions/{edition_id}", ["user_id", "liked", "strengths"]
    parts = [artifacts.read(f"{folder}/candidates-{first}.parquet", columns=columns)[0] for first in shard_starts]
    return Interactions.of_columns(pa.concat_tables(parts))


def _as_others(interactions: Interactions, user_ids: Ids) -> Interactions:
    """What each of `user_ids` likes, in the order given, as if each was somebody else."""
    rows = interactions.strengths[places_of(interactions.user_ids, user_ids)]
    return Interactions(np.arange(1, len(user_ids) + 1), interactions.track_ids, rows)
