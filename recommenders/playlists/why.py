"""Why a track is, or is not, on a user's mixtape: the score, the rank, and the rule that decided."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.collaborative.model import load_model
from recommenders.listening.interactions import Interactions, load_interactions
from recommenders.mixing.candidates import Candidates, user_factors
from recommenders.mixing.likings import of_now
from recommenders.mixing.mix_kernels import SMALLEST_KERNEL
from recommenders.mixing.ranker import FEATURES, Ranker
from recommenders.mixing.shelf import load_shelf
from recommenders.mixing.voices import YOUTH_WEEKS
from recommenders.playlists.explaining import Ranking, describe_songs
from recommenders.playlists.mixtape import Mixtape, Song, read_mixtape
from recommenders.playlists.scoring import load_scoring
from recommenders.store import Artifacts, mixtapes, models, names, verification

SPOKEN = ("collaborative", "items", "artist", "text", "sound")
COLLABORATIVE, ITEMS, TEXT, RATE, YOUTH = (
    list(FEATURES).index(name) for name in ("collaborative", "items", "text", "rate", "youth")
)
SILENT = 5e-3  # what is measured less than this is not worth saying


@dataclass(frozen=True)
class Explanation:
    """What is known about one user and one track in one week, as plain sentences, the answer first."""

    user: str
    track: str
    week: dt.date
    on_mixtape: bool
    lines: list[str]


def why(
    connection: sa.Connection, artifacts: Artifacts, user: str, track: str, week: dt.date | None = None
) -> Explanation:
    """Explain why the service's track is or is not on the user's mixtape of the newest, or the given, published week.

    Raises UnknownNameError for an unknown user, track or week.
    """
    mixtape = read_mixtape(connection, user, week)
    track_id = names.track_of(connection, track)
    ((_, title),) = names.track_names(connection, [track_id])
    song = next((song for song in mixtape.songs if song.track_id == track_id), None)
    if song:
        lines = _why_on(mixtape, song, title)
    else:
        edition = mixtapes.edition(connection, mixtape.edition_id)
        lines = [f"{title} is not on the mixtape of {user} in the week of {mixtape.week}."]
        rules = verification.rules_against(connection, edition, mixtape.user_id, track_id)
        lines += rules + _standing(artifacts, mixtape, track_id, ruled_out=bool(rules))
    lines += _models_say(connection, artifacts, mixtape, track_id)
    lines += _model_score(connection, artifacts, mixtape, track_id)
    return Explanation(user, track, mixtape.week, song is not None, lines)


def _why_on(mixtape: Mixtape, song: Song, title: str) -> list[str]:
    lines = [
        f"{title} is number {song.position} on the mixtape of {mixtape.user} in the week of {mixtape.week}: "
        f"{song.reason}.",
        f"It came from: {song.source}, with the score {song.score:.4f}.",
    ]
    if song.bend:
        lines.append(f"To fill the list, a rule was bent for it: {song.bend}.")
    return lines


def _standing(artifacts: Artifacts, mixtape: Mixtape, track_id: int, *, ruled_out: bool) -> list[str]:
    """Where the track stood among the user's candidates, if the edition's artifacts are still there."""
    folder = f"{artifacts.url}/editions/{mixtape.edition_id}"
    if not artifacts.exists(f"{folder}/shelf.parquet"):
        return ["The candidates of that edition are no longer kept."]
    shelf, facts = load_shelf(artifacts, f"{folder}/shelf.parquet")
    first = max(start for start in facts["shard_starts"] if start <= mixtape.user_id)
    candidates = Candidates.load(artifacts, f"{folder}/candidates-{first}.parquet")
    mine = int(np.searchsorted(candidates.user_ids, mixtape.user_id))
    row = int(shelf.rows(np.array([track_id]))[0])
    ranks = np.flatnonzero(candidates.rows[mine] == row)
    n_candidates = int((candidates.rows[mine] >= 0).sum())
    if row < 0 or not len(ranks):
        return [f"It was not among the user's {n_candidates} candidates."]
    chosen = shelf.rows(np.array([song.track_id for song in mixtape.songs], dtype=np.int64))
    lowest = int(np.flatnonzero(np.isin(candidates.rows[mine], chosen)).max(initial=-1)) + 1
    rank = int(ranks[0]) + 1
    said = f"It was candidate {rank} of {n_candidates}; the lowest candidate on the mixtape was number {lowest}."
    if rank < lowest and not ruled_out:
        said += f" Others wanted it more: no song is on more than {facts['exposure_cap']} mixtapes of a week."
    return [said]


def _models_say(connection: sa.Connection, artifacts: Artifacts, mixtape: Mixtape, track_id: int) -> list[str]:
    """What each model says of the track to the ranker of the edition, how much that counts, and the chance."""
    if not artifacts.exists(f"{artifacts.url}/editions/{mixtape.edition_id}/shelf.parquet"):
        return []
    scoring = load_scoring(connection, artifacts, mixtape.edition_id)
    if scoring.model is None or scoring.voices is None or scoring.ranker is None:
        return ["No ranker took part."]
    shard = max(start for start in scoring.shard_starts if start <= mixtape.user_id)
    own, _ = artifacts.read(
        f"{artifacts.url}/editions/{mixtape.edition_id}/candidates-{shard}.parquet",
        columns=["user_id", "liked", "strengths"],
        users=(mixtape.user_id, mixtape.user_id + 1),
    )
    ranking = Ranking(scoring.shelf, scoring.model, scoring.cold, scoring.voices, scoring.ranker)
    rows = scoring.shelf.rows(np.array([track_id]))
    features, chances = describe_songs(ranking, Interactions.of_columns(own), np.array([mixtape.user_id]), rows)
    if np.isnan(chances[0]):
        return ["The ranker says nothing of it: nothing is known that the user likes, or it came after the cut-off."]
    return [
        f"The ranker gives it a chance of {chances[0]:.1%}".replace("%", " %")
        + f": {_in_words(scoring.ranker, features[0])}."
    ]


def _in_words(ranker: Ranker, features: npt.NDArray[np.float32]) -> str:
    """The features, each as what was measured and how much it adds to the logit: "items 0.12 (+0.96), sound -"."""
    silent = np.zeros(len(features))
    silent[TEXT] = np.log(SMALLEST_KERNEL)
    added = np.array(ranker.weights) * (features - silent)
    measured = features.astype(np.float64)
    measured[[COLLABORATIVE, ITEMS]] **= 2
    measured[TEXT] = np.exp(features[TEXT]) - SMALLEST_KERNEL
    said = [
        f"{name} {value:.2f} ({more:+.2f})" if abs(value) > SILENT else f"{name} -"
        for name, value, more in zip(SPOKEN, measured[: len(SPOKEN)], added, strict=False)
    ]
    said.append(f"new listeners {np.exp(features[RATE]):.1f} a week ({added[RATE]:+.2f})")
    if features[YOUTH] > SILENT:
        said.append(f"{-YOUTH_WEEKS * np.log(features[YOUTH]):.1f} weeks old ({added[YOUTH]:+.2f})")
    return ", ".join(said)


def _model_score(connection: sa.Connection, artifacts: Artifacts, mixtape: Mixtape, track_id: int) -> list[str]:
    """The collaborative score of the track for the user, and its rank in the whole catalogue."""
    edition = mixtapes.edition(connection, mixtape.edition_id)
    if edition.model_id is None:
        return ["No collaborative model took part."]
    model = load_model(artifacts, models.model(connection, edition.model_id).artifact_uri, edition.model_id)
    column = int(np.searchsorted(model.track_ids, track_id))
    if column == len(model.track_ids) or model.track_ids[column] != track_id:
        return [f"The collaborative model {model.model_id} does not know it: nobody had played it when it was trained."]
    me = np.array([mixtape.user_id])
    played = load_interactions(
        connection, edition.cutoff, of_now(model.parameters), (mixtape.user_id, mixtape.user_id + 1)
    )
    scores = model.track_factors @ user_factors(model, played, me)[0]
    rank = int((scores > scores[column]).sum()) + 1
    return [
        f"The collaborative model {model.model_id} scores it {scores[column]:.4f}: "
        f"rank {rank:,} of {len(scores):,} tracks, heard ones included."
    ]
