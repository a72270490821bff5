"""Models: every candidate ever trained, the champion that serves, and the champion's track vectors."""

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.errors import ModelError
from recommenders.store.bulk import HalfVectors, copy_in_binary, copy_out
from recommenders.store.database import advisory_lock


@dataclass(frozen=True)
class ModelRow:
    """One row of `models`."""

    model_id: int
    kind: str
    space: int
    status: str
    reason: str | None
    run_key: str | None
    trained_at: dt.datetime
    cutoff: dt.datetime
    promoted_at: dt.datetime | None
    retired_at: dt.datetime | None
    parameters: dict[str, Any]
    metrics: dict[str, Any]
    artifact_uri: str
    package_version: str
    marked: bool = False  # it was not yet champion at the moment that was asked for


_COLUMNS = """model_id, kind, space, status, reason, run_key, trained_at, cutoff, promoted_at, retired_at, parameters,
    metrics, artifact_uri, package_version"""


def _one(connection: sa.Connection, condition: str, **parameters: Any) -> ModelRow | None:
    query = f"SELECT {_COLUMNS} FROM models {condition}"  # noqa: S608 - conditions are constants of this module
    row = connection.execute(sa.text(query), parameters).one_or_none()
    return ModelRow(*row) if row else None


def champion(connection: sa.Connection, kind: str, at: dt.datetime | None = None) -> ModelRow | None:
    """The champion of `kind`: today's, or that of the moment `at`.

    Where there was none yet at that moment: the oldest model ever promoted, with `marked` set. None: there never was
    one.
    """
    if at is None:
        return _one(connection, "WHERE kind = :kind AND status = 'champion'", kind=kind)
    then = _one(
        connection,
        """WHERE kind = :kind AND promoted_at <= :at AND coalesce(retired_at, 'infinity') > :at
           ORDER BY promoted_at DESC, model_id DESC LIMIT 1""",
        kind=kind,
        at=at,
    )
    if then:
        return then
    oldest = _one(
        connection,
        "WHERE kind = :kind AND promoted_at IS NOT NULL ORDER BY promoted_at, model_id LIMIT 1",
        kind=kind,
    )
    return ModelRow(**{**vars(oldest), "marked": True}) if oldest else None


def model(connection: sa.Connection, model_id: int) -> ModelRow:
    """The model `model_id`. Raises ModelError when there is none."""
    found = _one(connection, "WHERE model_id = :model_id", model_id=model_id)
    if not found:
        raise ModelError(f"There is no model {model_id}; the page of models and the table mixtape.models list them.")
    return found


def model_of_run(connection: sa.Connection, run_key: str) -> ModelRow | None:
    """The model that the run called `run_key` made, if it got that far."""
    return _one(connection, "WHERE run_key = :run_key", run_key=run_key)


def promoted_since(connection: sa.Connection, kind: str, since: dt.datetime) -> list[ModelRow]:
    """Every model that became champion at or after `since`, and the champion, newest first."""
    query = f"""SELECT {_COLUMNS} FROM models
                WHERE kind = :kind AND (promoted_at >= :since OR status = 'champion')
                ORDER BY promoted_at DESC, model_id DESC"""  # noqa: S608 - constant columns
    return [ModelRow(*row) for row in connection.execute(sa.text(query), {"kind": kind, "since": since})]


def next_space(connection: sa.Connection, kind: str) -> int:
    """The number of a space that no model of `kind` has yet."""
    query = sa.text("SELECT coalesce(max(space), 0) + 1 FROM models WHERE kind = :kind")
    return int(connection.execute(query, {"kind": kind}).scalar_one())


def add_candidate(
    connection: sa.Connection,
    *,
    kind: str,
    space: int,
    run_key: str | None,
    trained_at: dt.datetime,
    cutoff: dt.datetime,
    parameters: dict[str, Any],
    metrics: dict[str, Any],
    artifact_uri: str,
    package_version: str,
) -> int:
    """Add a candidate, or, when the run `run_key` has one already, leave that as it is; return its model_id."""
    query = sa.text(
        """INSERT INTO models (kind, space, status, run_key, trained_at, cutoff, parameters, metrics, artifact_uri,
                               package_version)
           VALUES (:kind, :space, 'candidate', :run_key, :trained_at, :cutoff, :parameters, :metrics, :artifact_uri,
                   :package_version)
           ON CONFLICT (run_key) DO NOTHING RETURNING model_id"""
    )
    values = {
        "kind": kind,
        "space": space,
        "run_key": run_key,
        "trained_at": trained_at,
        "cutoff": cutoff,
        "parameters": json.dumps(parameters),
        "metrics": json.dumps(metrics),
        "artifact_uri": artifact_uri,
        "package_version": package_version,
    }
    model_id = connection.execute(query, values).scalar()
    if model_id is None:
        query = sa.text("SELECT model_id FROM models WHERE run_key = :run_key")
        model_id = connection.execute(query, {"run_key": run_key}).scalar_one()
    return int(model_id)


def promote(
    connection: sa.Connection,
    model_id: int,
    *,
    now: dt.datetime,
    track_ids: npt.NDArray[np.int64],
    vectors: npt.NDArray[np.float32],
) -> None:
    """Make a candidate the champion, retire the one before it, and store its vectors, (n_tracks, n_factors).

    A model that is the champion already stays so, unchanged. Raises ModelError for any other that is no candidate.
    """
    chosen = model(connection, model_id)
    advisory_lock(connection, "champion", chosen.kind)
    chosen = model(connection, model_id)
    if chosen.status == "champion":
        return
    if chosen.status != "candidate":
        raise ModelError(f"Model {model_id} is {chosen.status}; only a candidate can become champion. Roll back to it.")
    connection.execute(
        sa.text("UPDATE models SET status = 'retired', retired_at = :now WHERE kind = :kind AND status = 'champion'"),
        {"kind": chosen.kind, "now": now},
    )
    connection.execute(
        sa.text("UPDATE models SET status = 'champion', promoted_at = :now WHERE model_id = :model_id"),
        {"model_id": model_id, "now": now},
    )
    _replace_vectors(connection, chosen, track_ids, vectors, now)


def _replace_vectors(
    connection: sa.Connection,
    chosen: ModelRow,
    track_ids: npt.NDArray[np.int64],
    vectors: npt.NDArray[np.float32],
    now: dt.datetime,
) -> None:
    """Put the champion's vectors into `track_vectors` in place of those of its kind; a deleted track gets none."""
    connection.execute(
        sa.text("CREATE TEMPORARY TABLE new_vectors (track_id bigint, vector public.halfvec) ON COMMIT DROP")
    )
    copy_in_binary(connection, "new_vectors", {"track_id": track_ids, "vector": HalfVectors(vectors)})
    connection.execute(sa.text("DELETE FROM track_vectors WHERE kind = :kind"), {"kind": chosen.kind})
    connection.execute(
        sa.text(
            """INSERT INTO track_vectors (track_id, kind, model_id, space, vector, made_at)
               SELECT track_id, :kind, :model_id, :space, vector, :now FROM new_vectors JOIN tracks USING (track_id)"""
        ),
        {"kind": chosen.kind, "model_id": chosen.model_id, "space": chosen.space, "now": now},
    )


def put_vectors(
    connection: sa.Connection,
    of: ModelRow,
    track_ids: npt.NDArray[np.int64],
    vectors: npt.NDArray[np.float32],
    now: dt.datetime,
) -> None:
    """Add the vectors (n, n_factors) that the champion `of` its kind made of a few more tracks, or made anew."""
    connection.execute(
        sa.text("CREATE TEMPORARY TABLE more_vectors (track_id bigint, vector public.halfvec) ON COMMIT DROP")
    )
    copy_in_binary(connection, "more_vectors", {"track_id": track_ids, "vector": HalfVectors(vectors)})
    connection.execute(
        sa.text(
            """INSERT INTO track_vectors (track_id, kind, model_id, space, vector, made_at)
               SELECT track_id, :kind, :model_id, :space, vector, :now FROM more_vectors JOIN tracks USING (track_id)
               ON CONFLICT (kind, track_id) DO UPDATE
               SET model_id = excluded.model_id, space = excluded.space, vector = excluded.vector,
                   made_at = excluded.made_at"""
        ),
        {"kind": of.kind, "model_id": of.model_id, "space": of.space, "now": now},
    )
    connection.execute(sa.text("DROP TABLE more_vectors"))


def read_vectors(
    connection: sa.Connection, of: ModelRow, before: dt.datetime
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The ids (n,) ascending and the vectors (n, n_factors) that the champion `of` its kind made before `before`."""
    values = {"model_id": of.model_id, "kind": of.kind, "before": before}
    chosen = "FROM track_vectors WHERE kind = %(kind)s AND model_id = %(model_id)s AND made_at < %(before)s"
    width = connection.execute(
        sa.text(
            "SELECT public.vector_dims(vector) FROM track_vectors WHERE kind = :kind AND model_id = :model_id LIMIT 1"
        ),
        values,
    ).scalar()
    if width is None:
        return np.empty(0, dtype=np.int64), np.empty((0, 1), dtype=np.float32)
    columns = [("track_id", "i8"), ("vector", f"halfvec({width})")]
    read = copy_out(connection, f"SELECT track_id, vector {chosen} ORDER BY track_id", columns, values)
    return read["track_id"], read["vector"]


def note(connection: sa.Connection, model_id: int, reason: str) -> None:
    """Say of a candidate why it may become champion."""
    _conclude(connection, model_id, "candidate", reason)


def reject(connection: sa.Connection, model_id: int, reason: str) -> None:
    """Keep a candidate as rejected, with the reason."""
    _conclude(connection, model_id, "rejected", reason)


def _conclude(connection: sa.Connection, model_id: int, status: str, reason: str) -> None:
    connection.execute(
        sa.text(
            """UPDATE models SET status = :status, reason = :reason
               WHERE model_id = :model_id AND status = 'candidate'"""
        ),
        {"model_id": model_id, "status": status, "reason": reason},
    )


def copy_as_candidate(connection: sa.Connection, model_id: int, run_key: str, reason: str) -> int:
    """A new candidate with the artifact of an earlier model, so that a roll-back keeps the history of champions.

    The same `run_key` makes it once. Raises ModelError when there is no model `model_id`.
    """
    earlier = model(connection, model_id)
    copy = add_candidate(
        connection,
        kind=earlier.kind,
        space=earlier.space,
        run_key=run_key,
        trained_at=earlier.trained_at,
        cutoff=earlier.cutoff,
        parameters=earlier.parameters,
        metrics=earlier.metrics,
        artifact_uri=earlier.artifact_uri,
        package_version=earlier.package_version,
    )
    note(connection, copy, reason)
    return copy
