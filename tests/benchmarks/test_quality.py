"""The quality benchmark: real listening and the demo service, through the real import, retraining and Monday."""

import json
from pathlib import Path

import pytest

from recommenders.benchmarks.quality import run
from recommenders.collaborative.sweep import RetrainParams
from recommenders.errors import ConfigurationError
from recommenders.settings import Settings
from tests.benchmarks.conftest import NewStore

ONE_CONFIGURATION = RetrainParams(alpha=[2.0], regularisation=[30.0])


def test_on_real_listening_the_mix_beats_every_single_model_and_the_rules_cost_little(
    new_store: NewStore, tmp_path: Path, hetrec: Path
) -> None:
    assert hetrec.exists()
    found = run(
        "hetrec", [42], new_store=new_store, folder=tmp_path, test_data=Settings().test_data, params=ONE_CONFIGURATION
    )
    figures = found.figures
    # The published scores of this split: popularity .1277 and .1059, implicit with log counts .3239 and .2820.
    assert figures["popularity: recall@30"] == pytest.approx(0.1277, abs=0.001)
    assert figures["popularity: ndcg@30"] == pytest.approx(0.1059, abs=0.002)
    assert figures["the model: recall@30"] >= 0.318
    assert figures["the model: ndcg@30"] >= 0.279
    # The best single published model: .3256 and .2947.
    assert figures["items alone: recall@30"] >= 0.3256
    assert figures["items alone: ndcg@30"] >= 0.2947
    assert figures["the mix: recall@30"] >= 0.34
    assert figures["the mix: ndcg@30"] >= 0.305
    for alone in ("the model", "items alone", "text alone"):
        assert figures["the mix: ndcg@30"] > figures[f"{alone}: ndcg@30"]
    assert figures["collaborative + items: ndcg@30"] > figures["items alone: ndcg@30"]
    assert figures["collaborative + text: ndcg@30"] > figures["the model: ndcg@30"]
    assert found.ratios["the mix / the best single model, ndcg@30, lower end, least"] > 1
    assert found.ratios["the mix / 0.34 asked, recall@30"] >= 1
    assert found.ratios["published mixtapes / the mix"] >= 0.9


def test_on_the_demo_the_share_of_the_oracle_is_told(new_store: NewStore, tmp_path: Path) -> None:
    found = run("demo", [7], new_store=new_store, folder=tmp_path, test_data=tmp_path, params=ONE_CONFIGURATION)
    shares = {name.removeprefix("share of the oracle: "): share for name, share in found.ratios.items()}
    assert 0 < shares["popularity"] < shares["implicit with its defaults"] < shares["the model"] < 1
    assert shares["the mix"] > shares["the model"]
    # Beside the mix's own lists, which hold many songs of few artists, stand those with two songs of each, as the rules
    # want it: of these, the other rules take a tenth.
    assert shares["published mixtapes"] > 0.9 * shares["the model"]
    assert found.ratios["published mixtapes / the mix, two songs an artist"] > 0.85
    assert found.figures["random: recall@30"] < 0.03
    told = json.loads(found.as_json())
    assert set(told) == {"name", "machine", "settings", "figures", "ratios"}
    assert told["settings"]["seeds"] == [7]
    assert "share of the oracle: the model" in found.table()


def test_other_data_are_refused(new_store: NewStore, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="knows the data hetrec and demo"):
        run("netflix", [1], new_store=new_store, folder=tmp_path, test_data=tmp_path)
