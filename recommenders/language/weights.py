"""Weights of terms: how probable it is that somebody describes an artist or track so, decayed and damped.

Sums of what articles say decay with a half-life. As every article decays alike, a sum is brought to another day by one
factor (forward decay, Cormode et al. 2009): the history behind it is never read again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

FORGOTTEN = 1e-12  # a decayed mass below it, forty half-lives, is as none
NOISE = 1e-9  # of an entity's mass; what is left of a term below it is what rounding left


class TermParameters(BaseModel):
    """How terms are weighed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    half_life_days: float = Field(180, gt=0, description="Days after which what an article says counts half.")
    kept: int = Field(2_000, ge=1, description="Top terms that are stored of an artist or track for a day.")
    remembered: int = Field(4_000, ge=1, description="Terms of an artist or track whose sums are stored at all.")
    prior: float = Field(
        1.0,
        ge=0,
        description="Articles that say nothing, added to those of everybody, so that one alone is no certainty.",
    )


@dataclass(frozen=True)
class Sums:
    """What articles say of n artists and tracks, decayed to one day: of m (entity, term) pairs in all."""

    keys: Ids  # (n,) ascending: two times the id, and one more for a track
    articles: Ids  # (n,)
    mass: Floats  # (n,)
    owners: npt.NDArray[np.intp]  # (m,) places in `keys`, ascending
    term_ids: Ids  # (m,) ascending within an owner
    masses: Floats  # (m,)


def decay(days: npt.ArrayLike, half_life_days: float) -> Floats:
    """The share that is left after `days`; more than one for days to come."""
    left: Floats = np.exp2(-np.asarray(days, dtype=np.float64) / half_life_days)
    return left


def add_up(parts: Sequence[Sums], remembered: int) -> Sums:
    """The sums of several parts; entities and terms of which nothing is left are dropped, the heaviest terms kept."""
    keys, places = np.unique(np.concatenate([part.keys for part in parts]), return_inverse=True)
    starts = np.cumsum([0, *(len(part.keys) for part in parts)])
    articles = np.bincount(places, np.concatenate([part.articles for part in parts]), len(keys)).astype(np.int64)
    mass = np.bincount(places, np.concatenate([part.mass for part in parts]), len(keys)).astype(np.float64)
    owners = np.concatenate([places[start + part.owners] for start, part in zip(starts[:-1], parts, strict=True)])
    term_ids = np.concatenate([part.term_ids for part in parts])
    masses = np.concatenate([part.masses for part in parts])
    owners, term_ids, masses = _added(owners, term_ids, masses)
    there = (articles > 0) & (mass > FORGOTTEN)
    kept = there[owners] & (masses > NOISE * mass[owners])
    owners, term_ids, masses = owners[kept], term_ids[kept], masses[kept]
    chosen = heaviest(owners, term_ids, masses, remembered)
    chosen.sort()
    return Sums(
        keys[there],
        articles[there],
        mass[there],
        (np.cumsum(there) - 1)[owners[chosen]],
        term_ids[chosen],
        masses[chosen],
    )


def _added(owners: npt.NDArray[np.intp], term_ids: Ids, masses: Floats) -> tuple[npt.NDArray[np.intp], Ids, Floats]:
    """The pairs each once, in order, with the sums of their masses."""
    order = np.lexsort((term_ids, owners))
    owners, term_ids, masses = owners[order], term_ids[order], masses[order]
    first = np.flatnonzero(np.diff(owners, prepend=-1) | np.diff(term_ids, prepend=-1))
    return owners[first], term_ids[first], np.add.reduceat(masses, first) if len(first) else masses


def heaviest(owners: npt.NDArray[np.intp], term_ids: Ids, weights: Floats, most: int) -> npt.NDArray[np.intp]:
    """The places of at most `most` pairs of each owner, owner after owner, the heaviest first."""
    order = np.lexsort((term_ids, -weights, owners))
    ordered = owners[order]
    first = np.flatnonzero(np.diff(ordered, prepend=-1))
    rank = np.arange(len(order)) - np.repeat(first, np.diff([*first, len(order)]))
    return order[rank < most]


def weigh(masses: Floats, mass: Floats, entities: Ids, n_entities: int, parameters: TermParameters) -> Floats:
    """The weight of each (entity, term) pair, between 0 and 1.

    `masses` (m,) of the pairs, `mass` (m,) of their entities, `entities` (m,) how many of the `n_entities` have the
    term. The estimated probability that somebody describes the entity so, masses / (mass + prior), is damped for terms
    that everybody gets by the inverse document frequency (Spärck Jones 1972) as a share of the greatest there can be.
    """
    probability = masses / np.maximum(mass + parameters.prior, FORGOTTEN)
    weights: Floats = np.minimum(probability, 1.0) * rarity(entities, n_entities)
    return weights


def rarity(entities: npt.NDArray[np.int64], n_entities: int) -> Floats:
    """1 for a term that one of `n_entities` has, towards 0 for one that all have."""
    rare: Floats = np.log((n_entities + 1) / np.clip(entities, 1, n_entities)) / np.log(n_entities + 1)
    return rare


def rising(now: tuple[Ids, Floats], before: tuple[Ids, Floats], most: int) -> tuple[npt.NDArray[np.intp], Floats]:
    """Terms whose weight has grown: places in `now`, (ids, weights), and by how much, those that grew most first.

    A term that was not among the top terms `before` had no weight.
    """
    order = np.argsort(before[0], kind="stable")
    places = np.searchsorted(before[0][order], now[0])
    earlier = np.zeros(len(now[0]))
    there = np.flatnonzero(places < len(order))
    there = there[before[0][order[places[there]]] == now[0][there]]
    earlier[there] = before[1][order[places[there]]]
    gains = now[1] - earlier
    chosen = np.lexsort((now[0], -gains))[:most]
    chosen = chosen[gains[chosen] > 0]
    return chosen, gains[chosen]
