"""The quality benchmark of the language model: real tags as structured text, judged by real listening."""

from pathlib import Path

import pytest

from recommenders.benchmarks.language_quality import run
from recommenders.errors import DataError
from recommenders.settings import Settings
from tests.benchmarks.conftest import NewStore


def test_what_is_said_of_artists_agrees_with_who_hears_them_and_helps_to_predict_it(
    new_store: NewStore, tmp_path: Path, hetrec: Path
) -> None:
    assert hetrec.exists()
    found = run([42], new_store=new_store, folder=tmp_path, test_data=Settings().test_data)
    figures = found.figures
    assert figures["overlap@10: text and listening"] >= 0.28
    # Words and pairs of words in a projection of low rank beat each kind alone, projected or not.
    best = figures["overlap@10: words and pairs, projected"]
    for alone in ("words", "words in pairs"):
        assert best > figures[f"overlap@10: {alone}, projected"]
        assert best > figures[f"overlap@10: {alone}"]
    assert best > figures["overlap@10: words and pairs"]
    # The published score of this split by listening alone is .3239.
    assert figures["collaborative: recall@30"] >= 0.318
    assert figures["collaborative + text: recall@30"] > figures["collaborative: recall@30"]
    assert figures["collaborative + text: ndcg@30"] > figures["collaborative: ndcg@30"]
    assert figures["gain of text, lower end"] > 0
    # Artists that nobody has played are found by what is said of them.
    assert figures["unplayed by text: recall@30"] > 5 * figures["unplayed by chance: recall@30"]


def test_without_the_tags_it_is_said_where_they_belong(new_store: NewStore, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="MIXTAPE_TEST_DATA"):
        run([1], new_store=new_store, folder=tmp_path, test_data=tmp_path)
