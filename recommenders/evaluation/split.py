"""The split: what a model may learn from, and the songs that it is then judged by.

With times: a model that knows what happened before `start` is judged by the songs first heard in [start, end).
Two such folds follow each other. The sweep learns from everything before T - 14 days and its configurations are
compared on [T - 14, T - 7); the chosen one learns from everything before T - 7 days and is judged on [T - 7, T), a week
that had no part in choosing it. Where hardly anybody heard something new in those weeks, or nothing has a time, a
seeded fifth of every user's tracks stands in for each week: the outer fifth judges, a fifth of the rest chooses.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from recommenders.store import Artifacts
from recommenders.store.signals import Catalogue, Heard, Pairs, Signal, Signals, contained, read_earlier, read_heard

WEEK = dt.timedelta(days=7)
LEAST_JUDGED_USERS = 20
HELD_OUT = 0.2

_HEARD_ON_PURPOSE = (Signal.PLAY, Signal.SAVE, Signal.LOVE, Signal.RATED_UP)


@dataclass(frozen=True)
class Fold:
    """One model's lesson and its examination."""

    cutoff: dt.datetime  # what the signals are as of
    signals: Signals  # what it may learn from
    heard: Pairs  # what it must not recommend
    labels: Pairs  # what users then heard for the first time, and it should have recommended

    def save(self, artifacts: Artifacts, folder: str) -> None:
        """Store in the artifacts folder `folder`."""
        save_columns(artifacts, f"{folder}/signals", self.signals, {"cutoff": self.cutoff.isoformat()})
        save_columns(artifacts, f"{folder}/heard", self.heard)
        save_columns(artifacts, f"{folder}/labels", self.labels)

    @staticmethod
    def load(artifacts: Artifacts, folder: str) -> "Fold":
        """The fold that `save` stored."""
        signals, facts = load_columns(artifacts, f"{folder}/signals", Signals)
        heard, _ = load_columns(artifacts, f"{folder}/heard", Pairs)
        labels, _ = load_columns(artifacts, f"{folder}/labels", Pairs)
        return Fold(dt.datetime.fromisoformat(facts["cutoff"]), signals, heard, labels)


Columns = TypeVar("Columns", Signals, Pairs, Catalogue)


def save_columns(artifacts: Artifacts, name: str, columns: Columns, facts: dict[str, Any] | None = None) -> None:
    """Store parallel columns, and `facts` about them, as the artifact `name`."""
    artifacts.write(name, pa.table(vars(columns)), facts)


def load_columns(artifacts: Artifacts, name: str, kind: type[Columns]) -> tuple[Columns, dict[str, Any]]:
    """The columns and the facts that `save_columns` stored."""
    table, facts = artifacts.read(f"{artifacts.url}/{name}.parquet")
    return kind(*(column.to_numpy() for column in table.itercolumns())), facts


@dataclass(frozen=True)
class Split:
    """The fold that judges the chosen configuration, the one that chooses it (None where there is nothing to choose),
    and whether they are weeks or drawn."""

    judge: Fold
    choose: Fold | None
    temporal: bool


def split(
    connection: sa.Connection, cutoff: dt.datetime, signals: Signals, seed: int, *, choosing: bool = True
) -> Split:
    """Split what is known at `cutoff`, with `signals` as of then: by weeks where enough users heard something new in
    both of the last two, else by a seeded draw."""
    heard = read_heard(connection, cutoff)
    weeks = [_Week.of(signals, heard, cutoff - WEEK), _Week.of(signals, heard, cutoff - 2 * WEEK)]
    if min(_n_users(week.labels) for week in weeks) >= LEAST_JUDGED_USERS:
        folds = [
            Fold(week.start, read_earlier(connection, signals, cutoff, week.start), week.heard, week.labels)
            for week in weeks[: 2 if choosing else 1]
        ]
        return Split(folds[0], folds[1] if choosing else None, temporal=True)
    outer, inner = np.random.default_rng(seed).spawn(2)
    judge = drawn_fold(cutoff, signals, heard.before(cutoff), outer)
    choose = drawn_fold(cutoff, judge.signals, judge.heard, inner) if choosing else None
    return Split(judge, choose, temporal=False)


@dataclass(frozen=True)
class _Week:
    """What was heard before the week that begins at `start`, and then heard first in it."""

    start: dt.datetime
    heard: Pairs
    labels: Pairs

    @staticmethod
    def of(signals: Signals, heard: Heard, start: dt.datetime) -> "_Week":
        before = heard.before(start)
        return _Week(start, before, first_heard(signals, before, start, start + WEEK))


def first_heard(signals: Signals, heard: Pairs, start: dt.datetime, end: dt.datetime) -> Pairs:
    """The tracks that a user first heard in [start, end), of their own accord and not just to skip them.

    What they had heard before is `heard`. A track that they met on a mixtape in that time is no label: it would
    reward a model for having been asked. Nor is one that somebody else seems to have played on the user's account.
    """
    during = (signals.times >= _utc(start)) & (signals.times < _utc(end))
    week = signals.take(during)
    met = _unique(week.take(np.isin(week.kinds, _HEARD_ON_PURPOSE) & ~week.foreign))
    offered = _unique(week.take(week.from_mixtape))
    return met.take(~contained(met, offered) & ~contained(met, heard))


def drawn_fold(cutoff: dt.datetime, signals: Signals, heard: Pairs, rng: np.random.Generator) -> Fold:
    """Hold out a fifth of all (user, track) pairs; those that the user played or saved of their own accord are labels.

    What is held out is as if it had never been heard.
    """
    pairs = _unique(signals)
    held_out = pairs.take(rng.random(len(pairs)) < HELD_OUT)
    liked = _unique(signals.take(np.isin(signals.kinds, (Signal.TOTAL, *_HEARD_ON_PURPOSE)) & ~signals.foreign))
    offered = _unique(signals.take(signals.from_mixtape))
    labels = held_out.take(contained(held_out, liked) & ~contained(held_out, offered))
    kept = ~contained(signals, held_out)
    return Fold(cutoff, signals.take(kept), heard.take(~contained(heard, held_out)), labels)


def _utc(moment: dt.datetime) -> np.datetime64:
    return np.datetime64(moment.astimezone(dt.UTC).replace(tzinfo=None), "us")


def _n_users(pairs: Pairs) -> int:
    return len(np.unique(pairs.user_ids))


def _unique(signals: Signals) -> Pairs:
    """The (user, track) pairs of `signals`, each once; signals are ordered by them."""
    new = (np.diff(signals.user_ids, prepend=-1) != 0) | (np.diff(signals.track_ids, prepend=-1) != 0)
    return Pairs(signals.user_ids[new], signals.track_ids[new])
