"""Keys of rows: stable for ever, apart for different rows, counted over a file of any size."""

import hashlib
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from recommenders.exchange.keys import KeyLog, mix, text_keys


def test_a_text_has_the_key_that_blake2b_gives_it() -> None:
    texts = ["u1", "夜", "u1", None]
    expected = [
        int.from_bytes(hashlib.blake2b(t.encode(), digest_size=8).digest(), "little") if t else 0 for t in texts
    ]
    assert text_keys(pa.array(texts)).tolist() == expected
    assert text_keys(pa.array([], pa.string())).tolist() == []


def test_a_mix_is_splitmix64_and_knows_the_order_of_its_parts() -> None:
    # The first number that SplitMix64 gives from the state 0 (Vigna's splitmix64.c).
    assert mix(np.zeros(1, np.uint64)).tolist() == [0xE220A8397B1DCDAF]
    one, two = np.arange(1000, dtype=np.uint64), np.arange(1000, dtype=np.uint64)[::-1].copy()
    assert not np.array_equal(mix(one, two), mix(two, one))
    assert len(np.unique(mix(np.repeat(one, 1000), np.tile(one, 1000)))) == 1_000_000


@pytest.mark.parametrize("part_rows", [1, 50, 10_000])
def test_repeats_are_counted_over_all_stretches(part_rows: int) -> None:
    rng = np.random.default_rng(3)
    keys = mix(rng.integers(0, 700, 1000).astype(np.uint64))
    seen: Counter[int] = Counter()
    expected = []
    for key in keys.tolist():
        expected.append(seen[key])
        seen[key] += 1
    with KeyLog() as log:
        for first in range(0, 1000, 130):
            log.add(keys[first : first + 130])
        repeats = log.repeats(part_rows)
    assert repeats.between(0, 1000).tolist() == expected
    assert repeats.between(400, 650).tolist() == expected[400:650]


def test_nothing_repeats_in_nothing() -> None:
    with KeyLog() as log:
        assert log.repeats().between(0, 0).tolist() == []
