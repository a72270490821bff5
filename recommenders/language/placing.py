"""Placing: each artist and track of which something new was said gets its text vector; now and then the space is made
anew."""

import datetime as dt
import importlib.metadata
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from scipy.sparse import csr_matrix

from recommenders.errors import NotEnoughDataError
from recommenders.language.vectors import (
    KIND,
    TextModel,
    TextParameters,
    fit,
    fold_in,
    load_model,
    masses_matrix,
    save_model,
)
from recommenders.store import Artifacts, models
from recommenders.store.database import advisory_lock
from recommenders.store.terms import count_weighed
from recommenders.store.text_vectors import (
    count_unplaced,
    forget_text_vectors,
    put_text_vectors,
    read_artist_sums,
    take_unplaced,
    term_kinds,
)

BATCH = 5_000  # artists and tracks placed at once


@dataclass(frozen=True)
class Placed:
    """What was done: how many artists and tracks have new vectors, and whether in a new space."""

    entities: int
    refitted: bool
    model_id: int | None


def place(
    connection: sa.Connection, artifacts: Artifacts, parameters: TextParameters, *, run_key: str, now: dt.datetime
) -> Placed:
    """Give vectors to those of whom something new was said; in a space made anew where the old one has aged, or
    `parameters` are others. One transaction.

    Where too little was said for a space, nobody gets a vector.
    """
    advisory_lock(connection, "place", KIND)
    if not count_unplaced(connection):
        return Placed(0, False, None)
    champion = models.champion(connection, KIND)
    n_entities = count_weighed(connection)
    refitted = champion is None or _has_aged(champion, parameters, n_entities, now)
    if champion is None or refitted:
        try:
            model = _fit(connection, parameters)
        except NotEnoughDataError:
            return Placed(0, False, None)
        champion = _promote(connection, artifacts, model, n_entities, run_key, now)
        forget_text_vectors(connection)
    else:
        model = load_model(artifacts, champion.artifact_uri)
    placed = 0
    while (some := _place_some(connection, champion, model, now)) > 0:
        placed += some
    return Placed(placed, refitted, champion.model_id)


def _has_aged(champion: models.ModelRow, parameters: TextParameters, n_entities: int, now: dt.datetime) -> bool:
    known = champion.metrics.get("entities", 0)
    return (
        n_entities > known * (1 + parameters.refit_growth)
        or now - champion.trained_at >= dt.timedelta(days=parameters.refit_days)
        or champion.parameters != parameters.model_dump()
    )


def read_told(
    connection: sa.Connection, parameters: TextParameters
) -> tuple[npt.NDArray[np.int64], csr_matrix, npt.NDArray[np.int64], npt.NDArray[np.str_]]:
    """What a space is learnt from: artists' ids (n,) ascending; masses (n, n_terms); the terms' ids (n_terms,),
    ascending, and kinds."""
    keys, terms = read_artist_sums(connection, parameters.most_artists, parameters.least_artists)
    term_ids, first = np.unique(terms["term_id"], return_index=True)
    kinds = np.array(["", *term_kinds(connection)])[terms["kind"][first]]
    columns = term_ids.astype(np.int64)
    said = masses_matrix(
        np.searchsorted(keys, terms["key"]), terms["term_id"].astype(np.int64), terms["mass"], len(keys), columns
    )
    return keys // 2, said, columns, kinds


def _fit(connection: sa.Connection, parameters: TextParameters) -> TextModel:
    _, said, term_ids, kinds = read_told(connection, parameters)
    return fit(said, term_ids, kinds, parameters)


def _promote(
    connection: sa.Connection, artifacts: Artifacts, model: TextModel, n_entities: int, run_key: str, now: dt.datetime
) -> models.ModelRow:
    """Make the model the champion of its kind, in a space of its own; its vectors follow."""
    space = models.next_space(connection, KIND)
    model_id = models.add_candidate(
        connection,
        kind=KIND,
        space=space,
        run_key=f"{run_key}/{space}",
        trained_at=now,
        cutoff=now,
        parameters=model.parameters.model_dump(),
        metrics={"entities": n_entities, "terms": len(model.term_ids), "dimensions": model.projection.shape[1]},
        artifact_uri=save_model(artifacts, f"models/{KIND}/{space}", model),
        package_version=importlib.metadata.version("monday-mixtape"),
    )
    none: npt.NDArray[np.float32] = np.empty((0, model.projection.shape[1]), dtype=np.float32)
    models.promote(connection, model_id, now=now, track_ids=np.empty(0, dtype=np.int64), vectors=none)
    return models.model(connection, model_id)


def _place_some(connection: sa.Connection, of: models.ModelRow, model: TextModel, now: dt.datetime) -> int:
    keys, terms = take_unplaced(connection, BATCH)
    if not len(keys):
        return 0
    said = masses_matrix(
        np.searchsorted(keys, terms["key"]), terms["term_id"].astype(np.int64), terms["mass"], len(keys), model.term_ids
    )
    put_text_vectors(connection, of, keys, fold_in(model, said), now)
    return len(keys)
