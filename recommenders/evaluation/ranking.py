"""Learning to rank: what each source's candidates were worth in a week that followed, and what that teaches.

For a fold, the models are trained on what it knows, candidates are gathered as on Monday, and each is described by
every model. The ranker's weights are those under which what users then heard first was most likely, as a choice among
their candidates (conditional logit, McFadden 1974; in ranking: ListNet's top-one likelihood, Cao et al. 2007).
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from recommenders.collaborative.items import ItemParameters, fit_items
from recommenders.collaborative.model import AlsParameters, CollaborativeModel
from recommenders.collaborative.training import rotate_onto
from recommenders.collaborative.training import train as train_model
from recommenders.evaluation import metrics
from recommenders.evaluation.alone import filled, lists_alone
from recommenders.evaluation.judging import Examination, K
from recommenders.evaluation.split import Fold
from recommenders.language.similarity import Space
from recommenders.mixing.candidates import (
    Offered,
    rank_candidates,
    searched,
    user_factors,
    with_newcomers,
)
from recommenders.mixing.cold import Sound, cold_songs
from recommenders.mixing.likings import likings_of, of_now
from recommenders.mixing.mix import MOST_CANDIDATES, Pool, describe
from recommenders.mixing.mix_kernels import N_FEATURES
from recommenders.mixing.ranker import FEATURES, SAID, Ranker
from recommenders.mixing.shelf import Shelf, forbidden_works
from recommenders.mixing.voices import ages_of, build_voices
from recommenders.store import Artifacts
from recommenders.store.artifacts import column_matrix, matrix_column
from recommenders.store.signals import Catalogue

MODEL_CANDIDATES = 100
FRESH_TASTE = 0.3
LEAST_SPREAD = 1e-4  # of a feature that says anything, as a share of its largest value: less is rounding
RIDGE = 1.0  # weight of the squared standardised weights in the loss
FRESH = np.timedelta64(8, "W")

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Known:
    """What is the same for all folds: the tracks, what is said of them and how they sound, and the champion's space.

    Of a past week the network knows what only came out later, of the songs that it learnt from: there it is heard on
    those `unlearnt` (n_tracks,) alone. None: it is asked of a week that had not come yet, and heard on all.
    """

    shelf: Shelf
    catalogue: Catalogue
    text: Space | None
    sound: Sound | None
    champion: CollaborativeModel
    unlearnt: Bools | None = None

    @property
    def honest(self) -> Sound | None:
        """The sound of the tracks on which the network may be heard."""
        if self.sound is None or self.unlearnt is None:
            return self.sound
        kept = self.unlearnt[self.shelf.rows(self.sound.track_ids)]
        return Sound(self.sound.track_ids[kept], self.sound.vectors[kept])


@dataclass(frozen=True)
class Lesson:
    """The candidates of the judged users of a fold, as each model describes them, and which they then heard.

    `rows` (n_users, n) of the shelf, -1 = none; `features` (n_users, n, N_FEATURES); `heard` (n_users, n);
    `hidden` (n_users, n): nobody at all had come across it before that week.
    """

    rows: npt.NDArray[np.int32]
    features: Floats
    heard: Bools
    hidden: Bools

    @staticmethod
    def of(pool: Pool, relevant: csr_matrix, listeners: npt.NDArray[np.int64]) -> "Lesson":
        """The candidates of the first rung; `relevant` (n_users, n_tracks) is what each user heard first, `listeners`
        (n_tracks,) how many each track had before."""
        ranked = (pool.rows >= 0) & (pool.places < 0)
        users = np.arange(len(pool.rows))[:, None]
        heard = np.asarray(relevant[users, np.maximum(pool.rows, 0)].todense() > 0) & ranked
        hidden = ranked & (listeners[np.maximum(pool.rows, 0)] == 0)
        return Lesson(np.where(ranked, pool.rows, -1).astype(np.int32), pool.features, heard, hidden)

    @staticmethod
    def nothing(n_users: int) -> "Lesson":
        """No candidates."""
        shape = (n_users, MOST_CANDIDATES)
        features = np.zeros((*shape, N_FEATURES), dtype=np.float32)
        nothing = np.zeros(shape, dtype=np.bool_)
        return Lesson(np.full(shape, -1, dtype=np.int32), features, nothing, nothing.copy())

    def observed(self) -> "Lesson":
        """Without the songs that nobody had come across before that week, nor in it: they were not to be had, and the
        week says nothing of who would have liked them."""
        found = np.isin(self.rows, np.unique(self.rows[self.heard]))
        return replace(self, rows=np.where(self.hidden & ~found, -1, self.rows).astype(np.int32))

    @property
    def n_teaching(self) -> int:
        """The users who heard one of their candidates."""
        return int(self.heard.any(axis=1).sum())


@dataclass(frozen=True)
class Described:
    """A fold, described: its `lesson`, and the lists (n_users, 30) that each model would make `alone`."""

    lesson: Lesson
    alone: Mapping[str, metrics.Lists]

    def save(self, artifacts: Artifacts, name: str) -> str:
        """Store it as an artifact, a row a user; return its URI."""
        lesson = self.lesson
        columns = {
            "rows": matrix_column(lesson.rows),
            "features": matrix_column(lesson.features.reshape(len(lesson.rows), lesson.rows.shape[1] * N_FEATURES)),
            "heard": matrix_column(lesson.heard.astype(np.int8)),
            "hidden": matrix_column(lesson.hidden.astype(np.int8)),
        }
        columns |= {f"alone/{name}": matrix_column(lists) for name, lists in self.alone.items()}
        return artifacts.write(name, pa.table(columns))

    @staticmethod
    def load(artifacts: Artifacts, uri: str) -> "Described":
        """What `save` stored."""
        table, _ = artifacts.read(uri)
        rows, features = column_matrix(table["rows"]), column_matrix(table["features"])
        heard, hidden = (column_matrix(table[name]).astype(np.bool_) for name in ("heard", "hidden"))
        lesson = Lesson(rows, features.reshape(*rows.shape, N_FEATURES), heard, hidden)
        names = [name for name in table.column_names if name.startswith("alone/")]
        return Described(lesson, {name.removeprefix("alone/"): column_matrix(table[name]) for name in names})


def describe_fold(known: Known, fold: Fold, parameters: AlsParameters, items: ItemParameters, seed: int) -> Described:
    """Train the models on what the fold knows; gather and describe the candidates of the users that judge it.

    A fold that knows of nobody's liking has no candidates.
    """
    examination = Examination(fold, known.catalogue)
    taste = examination.taste(parameters)
    if not (taste.strengths.data > 0).any():
        return Described(Lesson.nothing(len(examination.user_ids)), {"collaborative": examination.popular})
    model = rotate_onto(train_model(taste, parameters, seed).model, known.champion)
    item_model = fit_items(taste, items, known.text)
    shelf = as_of(known.shelf, fold, known.catalogue)
    sound = known.honest
    cold = cold_songs(shelf, model, sound)
    ages = ages_of(known.catalogue.uploaded_at, fold.cutoff)
    voices = build_voices(shelf, model, cold, sound, item_model, known.text, ages, weeks_of(fold))
    user_ids = examination.user_ids
    forbidden = forbidden_works(shelf, user_ids, fold.heard)
    taste = examination.taste(of_now(parameters))
    factors = user_factors(model, taste, user_ids)
    tracks = searched(shelf, model, cold, voices)
    candidates = rank_candidates(shelf, forbidden, user_ids, factors, tracks.known, MODEL_CANDIDATES)
    candidates = with_newcomers(shelf, forbidden, candidates, factors, tracks, K, FRESH_TASTE)
    likings = likings_of(shelf, taste, user_ids)
    pool = describe(shelf, forbidden, candidates, factors, likings, Offered.nothing(len(user_ids)), voices)
    alone = lists_alone(examination, shelf, model, factors, likings, voices)
    lesson = Lesson.of(pool, examination.relevant, shelf.listeners)
    return Described(lesson if known.unlearnt is None else _without_word(lesson, ~known.unlearnt), alone)


def _without_word(lesson: Lesson, learnt: Bools) -> Lesson:
    """The lesson as if the network said of the tracks that it has `learnt` from (n_tracks,) what it says of the user's
    other candidates on average."""
    place = list(FEATURES).index("sound")
    there, features = lesson.rows >= 0, lesson.features.copy()
    silent = learnt[np.maximum(lesson.rows, 0)]
    asked = there & ~silent
    means = (features[..., place] * asked).sum(axis=1) / np.maximum(asked.sum(axis=1), 1)
    features[..., place] = np.where(silent & there, means[:, np.newaxis], features[..., place])
    return replace(lesson, features=features)


def as_of(shelf: Shelf, fold: Fold, catalogue: Catalogue) -> Shelf:
    """The shelf as it was at the fold's cut-off."""
    now = np.datetime64(fold.cutoff.astimezone(dt.UTC).replace(tzinfo=None), "us")
    new = np.flatnonzero(
        (np.diff(fold.signals.user_ids, prepend=-1) != 0) | (np.diff(fold.signals.track_ids, prepend=-1) != 0)
    )
    rows = shelf.rows(fold.signals.track_ids[new])
    undated = np.isnat(catalogue.uploaded_at)
    return shelf._replace(
        eligible=undated | (catalogue.uploaded_at < now),
        fresh=~undated & (catalogue.uploaded_at < now) & (catalogue.uploaded_at >= now - FRESH),
        listeners=np.bincount(rows[rows >= 0], minlength=len(shelf.track_ids)).astype(np.int64),
    )


def weeks_of(fold: Fold) -> float:
    """For how many weeks before the cut-off listening is known; 1 where nothing has a time."""
    times = fold.signals.times[~np.isnat(fold.signals.times)]
    if not len(times):
        return 1.0
    now = np.datetime64(fold.cutoff.astimezone(dt.UTC).replace(tzinfo=None), "us")
    return float((now - times.min()) / np.timedelta64(7, "D"))


def learn(lessons: Sequence[Lesson], use: Bools | None = None) -> Ranker:
    """The most likely weights of the features that `use` (N_FEATURES,) marks; all others are 0.

    What models say never counts against a song. That nobody had come across a song explains why nobody heard it, but is
    no weight of the ranker's: whether a song is offered is what the mixtape decides (a cause of selection that learning
    allows for and ranking leaves out, as Zhao et al. 2019, "Recommending what video to watch next", do with positions).
    """
    use = np.ones(N_FEATURES, dtype=np.bool_) if use is None else use
    features = np.concatenate([lesson.features[lesson.rows >= 0] for lesson in lessons]).astype(np.float64)
    heard = np.concatenate([lesson.heard[lesson.rows >= 0] for lesson in lessons]).astype(np.float64)
    sizes = np.concatenate([(lesson.rows >= 0).sum(axis=1) for lesson in lessons])
    hidden = np.concatenate([lesson.hidden[lesson.rows >= 0] for lesson in lessons]).astype(np.float64)
    use = use & spreads(features)
    if not use.any() or not heard.any():
        return Ranker(weights=(0.0,) * N_FEATURES)
    spread = features[:, use].std(axis=0)
    standard = np.column_stack([(features[:, use] - features[:, use].mean(axis=0)) / spread, hidden])
    bounds = [*((0.0, None) if said else (None, None) for said in SAID[use]), (None, None)]
    start = np.zeros(standard.shape[1])
    fitted = minimize(_loss, start, (standard, heard, sizes), "L-BFGS-B", jac=True, bounds=bounds)
    weights = np.zeros(N_FEATURES)
    weights[use] = fitted.x[:-1] / spread
    return Ranker(weights=tuple(weights), intercept=_intercept(features @ weights, heard.mean()))


def spreads(features: npt.NDArray[np.float64]) -> Bools:
    """Which features (n, N_FEATURES) say anything: they are not the same of all candidates."""
    if not len(features):
        return np.zeros(N_FEATURES, dtype=np.bool_)
    spread: Bools = features.std(axis=0) > LEAST_SPREAD * np.abs(features).max(axis=0)
    return spread


def _loss(
    weights: npt.NDArray[np.float64],
    features: npt.NDArray[np.float64],
    heard: npt.NDArray[np.float64],
    sizes: npt.NDArray[np.int64],
) -> tuple[float, npt.NDArray[np.float64]]:
    """Minus the log likelihood that each heard song is chosen among the user's candidates, and its gradient."""
    ends = np.cumsum(sizes)
    starts = (ends - sizes)[sizes > 0]
    sizes = sizes[sizes > 0]
    logits = features @ weights
    highest = np.maximum.reduceat(logits, starts)
    powers = np.exp(logits - np.repeat(highest, sizes))
    sums = np.add.reduceat(powers, starts)
    chosen = np.add.reduceat(heard, starts)
    likelihood = heard @ logits - chosen @ (highest + np.log(sums))
    shares = powers * np.repeat(chosen / sums, sizes)
    return float(RIDGE * weights @ weights - likelihood), 2 * RIDGE * weights - features.T @ (heard - shares)


def _intercept(logits: npt.NDArray[np.float64], mean: float) -> float:
    """What makes the mean chance equal to the share of candidates that were heard (bisection)."""
    low, high = -50.0, 50.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if (1 / (1 + np.exp(-logits - middle))).mean() < mean else (low, middle)
    return (low + high) / 2


def lists_of(lesson: Lesson, ranker: Ranker, popular: metrics.Lists) -> metrics.Lists:
    """The 30 best candidates of each user, as rows of the shelf; what is missing is filled with `popular` songs."""
    return filled(_ordered(lesson, ranker)[:, :K], popular)


def lists_of_few_each(lesson: Lesson, ranker: Ranker, popular: metrics.Lists, shelf: Shelf, most: int) -> metrics.Lists:
    """The same with at most so many songs of any credited artist."""
    ordered = _ordered(lesson, ranker)
    lists = np.full((len(ordered), K), -1, dtype=np.int64)
    for user, rows in enumerate(ordered):
        credited: Counter[int] = Counter()
        chosen: list[int] = []
        for row in rows[rows >= 0].tolist():
            artists = shelf.artists[shelf.artist_offsets[row] : shelf.artist_offsets[row + 1]].tolist()
            if len(chosen) < K and all(credited[artist] < most for artist in artists):
                credited.update(artists)
                chosen.append(row)
        lists[user, : len(chosen)] = chosen
    return filled(lists, popular)


def _ordered(lesson: Lesson, ranker: Ranker) -> npt.NDArray[np.int64]:
    """Each user's candidates, the most likely first, (n_users, n); -1 past the end."""
    chances = np.where(lesson.rows >= 0, ranker.chances(lesson.features), -1)
    best = np.lexsort((lesson.rows, -chances), axis=1)
    return np.take_along_axis(lesson.rows, best, axis=1).astype(np.int64)
