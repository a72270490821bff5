"""Sums, weights and what rises, without a database."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommenders.language.weights import Sums, TermParameters, add_up, decay, heaviest, rising, weigh

Pairs = dict[tuple[int, int], float]


def _sums(pairs: Pairs) -> Sums:
    keys = np.unique([key for key, _ in pairs]).astype(np.int64) if pairs else np.empty(0, np.int64)
    ordered = sorted(pairs)
    return Sums(
        keys,
        np.ones(len(keys), dtype=np.int64),
        np.ones(len(keys)),
        np.searchsorted(keys, np.array([key for key, _ in ordered], dtype=np.int64)),
        np.array([term for _, term in ordered], dtype=np.int64),
        np.array([pairs[pair] for pair in ordered], dtype=np.float64),
    )


pairs = st.dictionaries(st.tuples(st.integers(1, 4), st.integers(1, 6)), st.floats(0.01, 5), max_size=12)


@given(pairs, pairs)
def test_adding_up_is_adding_pair_by_pair(one: Pairs, other: Pairs) -> None:
    found = add_up([_sums(one), _sums(other)], remembered=100)
    got = {
        (int(found.keys[owner]), int(term)): mass
        for owner, term, mass in zip(found.owners, found.term_ids, found.masses, strict=True)
    }
    assert got == pytest.approx({pair: one.get(pair, 0) + other.get(pair, 0) for pair in one.keys() | other.keys()})
    assert list(got) == sorted(got)


def test_only_so_many_terms_are_remembered_and_nothing_of_nothing() -> None:
    found = add_up([_sums({(1, 1): 0.5, (1, 2): 3.0, (1, 3): 2.0, (2, 9): 1e-9})], remembered=2)
    assert found.term_ids.tolist() == [2, 3]
    assert found.keys.tolist() == [1, 2]


def test_a_half_life_halves() -> None:
    assert decay([0, 10, 20, -10], 10) == pytest.approx([1, 0.5, 0.25, 2])


def test_heaviest_is_by_owner_then_weight() -> None:
    owners, terms = np.array([0, 0, 0, 2, 2]), np.array([5, 6, 7, 5, 6])
    assert heaviest(owners, terms, np.array([0.1, 0.3, 0.2, 0.5, 0.5]), 2).tolist() == [1, 2, 3, 4]
    assert heaviest(owners[:0], terms[:0], np.empty(0), 2).tolist() == []


def test_more_evidence_weighs_more_and_common_terms_weigh_less() -> None:
    parameters = TermParameters(prior=1)

    def weight(mass: float, of: float, entities: int) -> float:
        return float(weigh(np.array([mass]), np.array([of]), np.array([entities]), 100, parameters)[0])

    assert weight(9, 9, 1) == pytest.approx(0.9)
    assert weight(9, 9, 1) > weight(1, 1, 1) > weight(1, 2, 1)
    assert weight(1, 1, 1) > weight(1, 1, 50) > weight(1, 1, 100) > 0


def test_what_rises_is_what_gained_and_what_is_new() -> None:
    now = (np.array([4, 7, 9, 2]), np.array([0.5, 0.4, 0.3, 0.1]))
    places, gains = rising(now, (np.array([9, 4, 2]), np.array([0.1, 0.5, 0.4])), 10)
    assert places.tolist() == [1, 2]
    assert gains == pytest.approx([0.4, 0.2])
