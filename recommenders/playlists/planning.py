"""What a Monday run works on, frozen for all of its tasks: who serves, and all that they say as of the cut-off."""

import datetime as dt
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from pydantic import ValidationError

from recommenders.collaborative.items import load_items
from recommenders.collaborative.model import CollaborativeModel, load_model
from recommenders.errors import NotEnoughDataError
from recommenders.language.similarity import Space
from recommenders.mixing.cold import KIND as AUDIO
from recommenders.mixing.cold import Cold, Sound, cold_songs, read_sound
from recommenders.mixing.culture import Culture, read_culture
from recommenders.mixing.editorial import Editorial, read_editorial
from recommenders.mixing.listeners import Drawn, draw
from recommenders.mixing.ranker import KIND as RANKER
from recommenders.mixing.ranker import Ranker
from recommenders.mixing.shelf import Shelf, read_shelf, save_shelf
from recommenders.mixing.voices import Voices, ages_of, build_voices, save_voices
from recommenders.playlists.calendar import Moment
from recommenders.playlists.order import Described, read_described
from recommenders.playlists.parameters import MondayParameters
from recommenders.playlists.shared_terms import Terms, read_terms
from recommenders.playlists.trial import Tried, freeze_tried, plan_trial
from recommenders.store import Artifacts, eligibility, models
from recommenders.store.dials import Dials, read_dials

STALE_MODEL = dt.timedelta(days=10)


class Frozen(NamedTuple):
    """Whom mixtapes are made for, from what, and what an operator should know about it."""

    user_ids: npt.NDArray[np.int64]
    shelf: Shelf
    champion: models.ModelRow | None
    ranker: models.ModelRow | None
    model: CollaborativeModel | None
    sound: Sound | None
    cold: Cold
    culture: Culture
    editorial: Editorial
    voices: Voices | None
    drawn: Drawn | None
    described: Described
    terms: Terms
    dials: Dials
    tried: Tried | None
    warnings: list[str]


def freeze(
    connection: sa.Connection, artifacts: Artifacts, parameters: MondayParameters, moment: Moment, seed: int
) -> Frozen:
    """Read everything once. A past week uses who was champion then. Raises NotEnoughDataError where there is no user or
    no track."""
    cutoff, at = moment.cutoff, moment.cutoff if moment.past else None
    shelf = read_shelf(connection, cutoff, parameters.fresh_weeks)
    user_ids = eligibility.read_users(connection, cutoff)
    if not len(user_ids) or not shelf.eligible.any():
        raise NotEnoughDataError(
            f"There are {len(user_ids)} users and {int(shelf.eligible.sum())} tracks before "
            f"{cutoff:%Y-%m-%d %H:%M} UTC. Import a catalogue and some listening first "
            "(README, “Bring your own data”)."
        )
    champion = models.champion(connection, "collaborative", at)
    ranker, unread = _ranker(connection, at) if champion else (None, [])
    network, silence = _network(connection, champion, at)
    model = load_model(artifacts, champion.artifact_uri, champion.model_id) if champion else None
    sound = read_sound(connection, network, cutoff) if network else None
    cold = cold_songs(shelf, model, sound) if model else Cold.none()
    culture = read_culture(connection, shelf, cutoff, past=moment.past)
    tried = plan_trial(connection, artifacts, parameters.trial_model, champion, ranker, cutoff)
    return Frozen(
        user_ids=user_ids,
        shelf=shelf,
        champion=champion,
        ranker=ranker,
        model=model,
        sound=sound,
        cold=cold,
        culture=culture,
        editorial=read_editorial(connection, shelf, cutoff),
        voices=_voices(connection, artifacts, shelf, model, cold, sound, ranker, culture, cutoff) if model else None,
        drawn=draw(connection, shelf, model, user_ids, cutoff, seed) if model else None,
        described=read_described(connection, shelf, cutoff, past=moment.past),
        terms=read_terms(connection, shelf, cutoff.date()) if ranker else Terms.none(len(shelf.track_ids)),
        dials=read_dials(connection, cutoff),
        tried=tried,
        warnings=[
            *_model_warnings(champion, cutoff),
            *silence,
            *(unread or _ranker_warnings(champion, ranker)),
            *(tried.warnings if tried else []),
        ],
    )


def save_frozen(artifacts: Artifacts, edition_id: int, frozen: Frozen, facts: dict[str, Any]) -> None:
    """Store it below the edition's folder, `facts` with the shelf, which comes last: where it is, all is."""
    folder = f"editions/{edition_id}"
    for name in ("cold", "described", "dials", "culture", "editorial", "terms"):
        getattr(frozen, name).save(artifacts, f"{folder}/{name}")
    if frozen.voices and frozen.drawn:
        save_voices(artifacts, folder, frozen.voices)
        frozen.drawn.save(artifacts, f"{folder}/drawn")
    save_shelf(artifacts, f"{folder}/shelf", frozen.shelf, facts)


def freeze_trial(
    connection: sa.Connection, artifacts: Artifacts, edition_id: int, frozen: Frozen, cutoff: dt.datetime, seed: int
) -> None:
    """Freeze what the tried side of the edition says, if it has one."""
    if frozen.tried and frozen.model:
        sound = frozen.sound if frozen.tried.model.space == frozen.model.space else None
        freeze_tried(
            connection, artifacts, edition_id, frozen.tried, frozen.shelf, sound, frozen.user_ids, cutoff, seed
        )


def _model_warnings(champion: models.ModelRow | None, cutoff: dt.datetime) -> list[str]:
    if champion is None:
        return ["There is no champion model yet: everybody gets the lower rungs. Trigger retrain_collaborative."]
    warnings = []
    if champion.marked:
        warnings.append(
            f"No model was champion at {cutoff:%Y-%m-%d %H:%M} UTC: the oldest one ({champion.model_id}) is used."
        )
    elif cutoff - champion.cutoff > STALE_MODEL:
        days = (cutoff - champion.cutoff).days
        warnings.append(f"The champion model {champion.model_id} knows nothing of the last {days} days.")
    return warnings


def _ranker(connection: sa.Connection, at: dt.datetime | None) -> tuple[models.ModelRow | None, list[str]]:
    """The ranker that serves, or why it can't be used."""
    row = models.champion(connection, RANKER, at)
    if row is None:
        return None, []
    try:
        Ranker(**row.parameters)
    except ValidationError:
        return None, [
            f"The ranker {row.model_id} was learnt for other features: the collaborative model ranks alone. "
            "Trigger retrain_ranker."
        ]
    return row, []


def _ranker_warnings(champion: models.ModelRow | None, ranker: models.ModelRow | None) -> list[str]:
    if champion is not None and ranker is None:
        return ["There is no ranker yet: the collaborative model ranks alone. Trigger retrain_ranker."]
    return [ranker.metrics["warning"]] if ranker is not None and ranker.metrics.get("warning") else []


def _voices(
    connection: sa.Connection,
    artifacts: Artifacts,
    shelf: Shelf,
    model: CollaborativeModel,
    cold: Cold,
    sound: Sound | None,
    ranker: models.ModelRow | None,
    culture: Culture,
    cutoff: dt.datetime,
) -> Voices:
    """What the models say of the tracks at the cut-off."""
    items = load_items(artifacts, ranker.artifact_uri, ranker.model_id) if ranker else None
    nothing_inherited = np.zeros(len(culture.rows), dtype=np.bool_)
    text = Space(shelf.track_ids[culture.rows], culture.vectors, nothing_inherited)
    ages = ages_of(eligibility.read_uploads(connection), cutoff)
    since = eligibility.listening_since(connection)
    weeks = (cutoff - since) / dt.timedelta(weeks=1) if since else 1.0
    return build_voices(shelf, model, cold, sound, items, text, ages, weeks)


def _network(
    connection: sa.Connection, champion: models.ModelRow | None, at: dt.datetime | None
) -> tuple[models.ModelRow | None, list[str]]:
    """The audio network whose vectors may stand beside the champion's, or why there is none although one serves.

    `track_vectors` holds those of the network that serves now: a past week that had another one goes without.
    """
    network = models.champion(connection, AUDIO)
    if champion is None or network is None:
        return None, []
    if network.space != champion.space:
        return None, [
            f"The audio network {network.model_id} was trained for another space than the champion "
            f"{champion.model_id}: songs that hardly anybody has played get no places by their sound. "
            "Trigger retrain_audio_network."
        ]
    if at and (network.promoted_at is None or network.promoted_at > at):
        return None, ["The audio network of that moment no longer serves: no song is placed by its sound."]
    return network, []
