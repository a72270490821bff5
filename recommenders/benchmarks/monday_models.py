"""All that a Monday reads besides listening, for the invented service of the benchmark: where tracks lie by their sound
and by what is said of them, curators' lists, tags, an item-to-item model and a ranker.

Sound and text agree with listening as far as they do in real services: the direction of a track, or of an artist, with
as much noise again.
"""

import datetime as dt

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.collaborative.items import ItemParameters, fit_items, save_items
from recommenders.collaborative.model import CollaborativeModel
from recommenders.language.vectors import KIND as TEXT
from recommenders.listening.interactions import Interactions
from recommenders.mixing.cold import KIND as AUDIO
from recommenders.mixing.cold import directions
from recommenders.mixing.ranker import KIND as RANKER
from recommenders.mixing.ranker import Ranker
from recommenders.store import Artifacts, Store, models
from recommenders.store.editorial import Imported, replace_list
from recommenders.store.recordings import Tag, write_tags
from recommenders.store.spaces import main_credits
from recommenders.store.text_vectors import put_text_vectors

LENGTH = 0.1  # of a vector by sound
TEXT_DIMENSIONS = 200
LISTS, SONGS_A_LIST, TAGGED = 50, 50, 5_000
RANKER_OF_DEMO = Ranker(weights=(0.9, 13.0, 2.8, 0.3, 0.3, 0.6, 1.3), intercept=-7.5)  # learnt on the demo service

Floats = npt.NDArray[np.float32]


def complete(
    store: Store, artifacts: Artifacts, model: CollaborativeModel, known: Interactions, now: dt.datetime
) -> None:
    """Give the service whose champion is `model` all the rest, as of the day before `now`."""
    now, rng = now - dt.timedelta(days=1), np.random.default_rng(0)
    sound = LENGTH * _noisy(directions(model.track_factors), rng)
    items = save_items(artifacts, "models/bench-items", fit_items(known, ItemParameters()))
    with store.begin() as connection:
        _promote(connection, AUDIO, model.space, "sound", now, (model.track_ids, sound))
    with store.begin() as connection:
        text = _promote(connection, TEXT, 1, "text", now)
        put_text_vectors(connection, text, *_told(connection, model, rng), now)
    with store.begin() as connection:
        _promote(connection, RANKER, model.space, items, now, parameters=RANKER_OF_DEMO.model_dump())
        _tag_and_list(connection, model, now)


def _noisy(vectors: Floats, rng: np.random.Generator) -> Floats:
    noise = rng.normal(size=vectors.shape) / np.sqrt(vectors.shape[1])
    return directions((vectors + noise).astype(np.float32))


def _promote(
    connection: sa.Connection,
    kind: str,
    space: int,
    uri: str,
    now: dt.datetime,
    vectors: tuple[npt.NDArray[np.int64], Floats] | None = None,
    parameters: dict[str, object] | None = None,
) -> models.ModelRow:
    """Make a champion of `kind`."""
    model_id = models.add_candidate(
        connection,
        kind=kind,
        space=space,
        run_key=f"bench/{kind}",
        trained_at=now,
        cutoff=now,
        parameters=parameters or {},
        metrics={},
        artifact_uri=uri,
        package_version="bench",
    )
    track_ids, placed = vectors or (np.empty(0, dtype=np.int64), np.empty((0, 1), dtype=np.float32))
    models.promote(connection, model_id, now=now, track_ids=track_ids, vectors=placed)
    return models.model(connection, model_id)


def _told(
    connection: sa.Connection, model: CollaborativeModel, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Keys and text vectors of the artists whose songs are played."""
    tracks, artists = main_credits(connection)
    here = np.isin(tracks, model.track_ids)
    ids, owners = np.unique(artists[here], return_inverse=True)
    sums = np.zeros((len(ids), model.track_factors.shape[1]), dtype=np.float32)
    np.add.at(sums, owners, directions(model.track_factors)[np.searchsorted(model.track_ids, tracks[here])])
    spread = rng.normal(size=(sums.shape[1], TEXT_DIMENSIONS)).astype(np.float32)
    return 2 * ids, _noisy(directions(sums @ spread), rng)


def _tag_and_list(connection: sa.Connection, model: CollaborativeModel, now: dt.datetime) -> None:
    """Tags on the best-known songs, and lists of songs alike, with the tags of what they hold."""
    axes = np.argmax(model.track_factors, axis=1) % LISTS
    known = np.argsort(-np.linalg.norm(model.track_factors, axis=1), kind="stable")
    for place in known[:TAGGED].tolist():
        write_tags(connection, int(model.track_ids[place]), [Tag("genre", f"style {axes[place]}")])
    for number in range(LISTS):
        songs = known[axes[known] == number][:SONGS_A_LIST]
        track_ids, name = model.track_ids[songs].tolist(), f"Style {number}"
        given = Imported(name.lower(), name, "the benchmark", [name.lower()], track_ids, None, str(number))
        replace_list(connection, given, now)
