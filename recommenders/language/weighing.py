"""The day's update of top terms: what is new is added to the sums, and those whom it is about get top terms anew.

It costs what the day's articles cost: no article that was weighed before is read again.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.language.weights import Sums, TermParameters, add_up, decay, heaviest, rising, weigh
from recommenders.store.database import advisory_lock
from recommenders.store.terms import (
    Columns,
    count_terms,
    count_weighed,
    day_number,
    let_go,
    read_sums,
    read_unweighed,
    take_unweighed,
    write_sums,
    write_top_terms,
)
from recommenders.store.top_terms import first_terms, name_terms, terms_as_of

BATCH = 2_000  # artists and tracks whose terms are in memory at once
RISEN_WITHIN_DAYS = 7


@dataclass(frozen=True)
class Weighed:
    """What an update did: how many articles' sayings were new, and how many artists and tracks they are about."""

    said: int
    entities: int


@dataclass(frozen=True)
class RisingTerm:
    """A term that is said more than before: its weight, and by how much that has grown."""

    term: str
    kind: str
    weight: float
    gain: float


def weigh_terms(connection: sa.Connection, parameters: TermParameters, today: dt.date) -> Weighed:
    """Add all that was said and not weighed yet, and store the top terms as of `today` of those whom it is about.

    One transaction: run twice, the second finds nothing to do.
    """
    advisory_lock(connection, "weigh_terms")
    batches = take_unweighed(connection, today, parameters.half_life_days, BATCH)
    said, changes = 0, [np.empty((0, 2), dtype=np.int64)]
    for batch in range(batches):
        rows, terms = read_unweighed(connection, batch)
        before, before_terms = read_sums(connection, batch)
        new = _decayed(rows, terms, today, parameters)
        sums = add_up([_stored(before, before_terms, today, parameters), new], parameters.remembered)
        _write(connection, batch, today, parameters, sums)
        said += len(rows["key"])
        changes.append(_changes(before_terms["term_id"], sums.term_ids))
    _count(connection, np.concatenate(changes))
    n_entities, entities = count_weighed(connection), 0
    for batch in range(batches):
        entities += _write_top(connection, batch, today, parameters, n_entities)
    let_go(connection)
    return Weighed(said, entities)


def rising_terms(
    connection: sa.Connection,
    entity_kind: str,
    entity_id: int,
    today: dt.date,
    limit: int = 10,
    within_days: int = RISEN_WITHIN_DAYS,
    kinds: Sequence[str] = (),
) -> list[RisingTerm]:
    """The terms (of these kinds; all where none is named) of an artist or track that grew most from `within_days` ago
    to `today`, most first.

    Where nothing is known from so long ago, the first day known stands in. None where nothing was said since.
    """
    now = terms_as_of(connection, entity_kind, entity_id, today)
    earlier = today - dt.timedelta(days=within_days)
    before = terms_as_of(connection, entity_kind, entity_id, earlier) or first_terms(connection, entity_kind, entity_id)
    if now is None or before is None or before.as_of == now.as_of:
        return []
    places, gains = rising((now.term_ids, now.weights), (before.term_ids, before.weights), len(now.term_ids))
    named = name_terms(connection, now.term_ids[places].tolist())
    risen = [
        RisingTerm(term, kind, float(now.weights[place]), float(gain))
        for (term, kind), place, gain in zip(named, places, gains, strict=True)
        if not kinds or kind in kinds
    ]
    return risen[:limit]


def _decayed(rows: Columns, terms: Columns, today: dt.date, parameters: TermParameters) -> Sums:
    """What is new as sums as of `today`; withdrawn articles count negatively."""

    def left(columns: Columns) -> npt.NDArray[np.float64]:
        return columns["sign"] * decay(day_number(today) - columns["day"], parameters.half_life_days)

    keys, places = np.unique(rows["key"], return_inverse=True)
    return Sums(
        keys,
        np.bincount(places, rows["sign"], len(keys)).astype(np.int64),
        np.bincount(places, rows["mass"] * left(rows), len(keys)).astype(np.float64),
        np.searchsorted(keys, terms["key"]),
        terms["term_id"].astype(np.int64),
        terms["mass"] * left(terms),
    )


def _stored(rows: Columns, terms: Columns, today: dt.date, parameters: TermParameters) -> Sums:
    """The stored sums brought to `today`; nothing of those that are summed anew."""
    left = np.where(rows["anew"], 0.0, decay(day_number(today) - rows["as_of"], parameters.half_life_days))
    owners = np.searchsorted(rows["key"], terms["key"])
    return Sums(
        rows["key"],
        np.where(rows["anew"], 0, rows["articles"]).astype(np.int64),
        rows["mass"] * left,
        owners,
        terms["term_id"].astype(np.int64),
        terms["mass"] * left[owners],
    )


def _write(connection: sa.Connection, batch: int, today: dt.date, parameters: TermParameters, sums: Sums) -> None:
    write_sums(
        connection,
        batch,
        today,
        parameters.half_life_days,
        {"key": sums.keys, "articles": sums.articles.astype(np.int32), "mass": sums.mass},
        {
            "place": sums.owners.astype(np.int32),
            "term_id": sums.term_ids.astype(np.int32),
            "mass": sums.masses,
        },
    )


def _changes(before: npt.NDArray[np.int32], after: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(term_id, by how many more have it), (n, 2), where that is not 0.

    `before` and `after` hold a term once for each artist or track that has it.
    """
    ids, places = np.unique(np.concatenate([before.astype(np.int64), after]), return_inverse=True)
    signs = np.concatenate([np.full(len(before), -1.0), np.ones(len(after))])
    more = np.bincount(places, signs, len(ids)).astype(np.int64)
    changes: npt.NDArray[np.int64] = np.column_stack([ids, more])[more != 0]
    return changes


def _count(connection: sa.Connection, changes: npt.NDArray[np.int64]) -> None:
    ids, places = np.unique(changes[:, 0], return_inverse=True)
    more = np.bincount(places, changes[:, 1], len(ids)).astype(np.int32)
    count_terms(connection, ids[more != 0].astype(np.int32), more[more != 0])


def _write_top(
    connection: sa.Connection, batch: int, today: dt.date, parameters: TermParameters, n_entities: int
) -> int:
    """Store the top terms of one batch; how many artists and tracks have some."""
    rows, terms = read_sums(connection, batch)
    owners, term_ids = np.searchsorted(rows["key"], terms["key"]), terms["term_id"].astype(np.int64)
    weights = weigh(terms["mass"], rows["mass"][owners], terms["entities"].astype(np.int64), n_entities, parameters)
    chosen = heaviest(owners, term_ids, weights, parameters.kept)
    write_top_terms(
        connection,
        today,
        {"key": rows["key"], "articles": rows["articles"].astype(np.int32)},
        {
            "place": owners[chosen].astype(np.int32),
            "rank": np.arange(len(chosen), dtype=np.int32),
            "term_id": terms["term_id"][chosen].astype(np.int32),
            "weight": weights[chosen].astype(np.float32),
        },
        batch,
    )
    return len(rows["key"])
