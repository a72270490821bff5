"""The quality benchmark of the language model: real listening and real tags (HetRec), brought in by the real importer.

A seeded fifth of the listening is held out, and so are the tags that a user gave to an artist whose listening by that
user is held out. The tags are read as structured text, weighed and placed by the real steps; a collaborative model is
trained on the listening. `mixtape bench quality --data tags` calls `run`.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from recommenders.benchmarks.hetrec import bring_in, labels_of
from recommenders.benchmarks.quality import MONDAY, NewStore
from recommenders.collaborative.model import KIND, AlsParameters, CollaborativeModel, save_model
from recommenders.collaborative.training import train
from recommenders.evaluation.bench import BenchResult
from recommenders.evaluation.judging import Examination, K
from recommenders.evaluation.language import BOTH, NEIGHBOURS, TOGETHER, LanguageQuality, judge_language
from recommenders.evaluation.split import Fold
from recommenders.language.similarity import By
from recommenders.listening.interactions import load_interactions
from recommenders.store import Artifacts, Store, models
from recommenders.store.signals import read_catalogue, read_heard, read_signals

ALS = AlsParameters(regularisation=10.0, iterations=15)
RECALL, NDCG = f"recall@{K}", f"ndcg@{K}"
OVERLAP = f"overlap@{NEIGHBOURS}"


def run(
    seeds: Sequence[int],
    *,
    new_store: NewStore,
    folder: Path,
    test_data: Path,
    progress: Callable[[str], None] = lambda step: None,
) -> BenchResult:
    """Measure the language model on HetRec's tags, once for each seed.

    `new_store(name)` opens an empty, migrated database; files go into `folder`; `test_data` holds HetRec. Raises
    DataError where it is missing.
    """
    found = []
    for seed in seeds:
        progress(f"tags, seed {seed}")
        place = folder / f"tags-{seed}"
        with new_store(f"quality_tags_{seed}") as store:
            found.append(measure(store, Artifacts((place / "artifacts").as_uri()), place, test_data, seed))
        shutil.rmtree(place, ignore_errors=True)
    return _summary(list(seeds), found)


def measure(store: Store, artifacts: Artifacts, place: Path, test_data: Path, seed: int) -> LanguageQuality:
    """Bring in four fifths of the listening and the tags that remain, learn, and judge by the last fifth."""
    users, tracks = bring_in(store, artifacts, place, test_data, seed, MONDAY)
    with store.begin() as connection:
        model = train(load_interactions(connection, MONDAY, ALS), ALS, seed).model
        _promote(connection, artifacts, model)
        labels = labels_of(connection, users, tracks)
        heard = read_heard(connection, MONDAY).before(MONDAY)
        examination = Examination(
            Fold(MONDAY, read_signals(connection, MONDAY), heard, labels), read_catalogue(connection)
        )
        return judge_language(connection, examination, model, seed)


def _promote(connection: sa.Connection, artifacts: Artifacts, model: CollaborativeModel) -> None:
    model_id = models.add_candidate(
        connection,
        kind=KIND,
        space=1,
        run_key="quality",
        trained_at=MONDAY,
        cutoff=MONDAY,
        parameters=model.parameters.model_dump(),
        metrics={},
        artifact_uri=save_model(artifacts, "models/quality", model),
        package_version="",
    )
    models.promote(connection, model_id, now=MONDAY, track_ids=model.track_ids, vectors=model.track_factors)


def _summary(seeds: list[int], found: Sequence[LanguageQuality]) -> BenchResult:
    def mean(*values: float) -> float:
        return float(np.mean(values))

    figures = {f"{OVERLAP}: text and listening": mean(*(one.overlap for one in found))}
    for name in found[0].overlaps:
        figures[f"{OVERLAP}: {name}"] = mean(*(one.overlaps[name] for one in found))
    for name in (By.COLLABORATIVE, By.TEXT, TOGETHER):
        for figure in (RECALL, NDCG):
            figures[f"{name}: {figure}"] = mean(*(one.judged[name].figures[figure] for one in found))
    figures["gain of text, lower end"] = mean(*(one.gain.low for one in found))
    figures[f"unplayed by text: {RECALL}"] = mean(*(one.unplayed[0] for one in found))
    figures[f"unplayed by chance: {RECALL}"] = mean(*(one.unplayed[1] for one in found))
    projected = figures[f"{OVERLAP}: {BOTH}, projected"]
    alone = max(
        value for name, value in figures.items() if name.startswith(OVERLAP) and name.endswith(("words", "pairs"))
    )
    ratios = {
        f"{TOGETHER} / {By.COLLABORATIVE}": mean(*(1 + one.gain.mean for one in found)),
        "projected words and pairs / best kind as it is": projected / alone,
        "unplayed: text / chance": figures[f"unplayed by text: {RECALL}"] / figures[f"unplayed by chance: {RECALL}"],
    }
    settings = {"data": "tags", "seeds": seeds, "artists": [one.artists for one in found]}
    rows = tuple((name, f"{value:.4f}") for name, value in (figures | ratios).items())
    return BenchResult("quality tags", settings, figures, ratios, ("figure", "value"), rows)
