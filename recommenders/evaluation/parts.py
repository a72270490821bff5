"""The mix by its parts: what each model alone, each pair, and all of them offer to the same users, judged alike."""

import itertools
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from recommenders.evaluation.gate import GateParameters, relative_difference
from recommenders.evaluation.judging import Examination, Judgement, K
from recommenders.evaluation.ranking import Described, Lesson, learn, lists_of
from recommenders.mixing.ranker import FEATURES, Ranker, Voice

MIX = "the mix"
NDCG = f"ndcg@{K}"
GAIN, GAIN_LOW = f"{NDCG} over the best single model", f"{NDCG} over the best single model, lower end"

# The features that each model has a part in; the facts of a song stand beside all of them.
MODELS = {"collaborative": ("collaborative", "artist"), "items": ("items",), "text": ("text",), "sound": ("sound",)}
FACTS = tuple(name for name, voice in FEATURES.items() if voice is Voice.FACTS)


def judge_parts(
    examination: Examination, learnt_from: Lesson, judged_by: Described, ranker: Ranker, seed: int
) -> dict[str, Judgement]:
    """The lists of each model alone, of each pair as a ranker taught by `learnt_from` orders them, and of the mix as
    `ranker` does; `judged_by` describes the users of `examination`.

    The mix's figures say by how much its nDCG@30 is above the best single model's, as a share of that, and the lower
    end of the paired bootstrap interval. Models that know nothing are left out.
    """
    alone = {f"{name} alone": examination.judge_lists(lists) for name, lists in judged_by.alone.items()}
    pairs = {
        f"{one} + {other}": _judge(examination, judged_by.lesson, learn([learnt_from], _features_of(one, other)))
        for one, other in itertools.combinations([name for name in MODELS if name in judged_by.alone], 2)
    }
    mix = _judge(examination, judged_by.lesson, ranker)
    return alone | pairs | {MIX: with_gain(mix, alone, seed)}


def with_gain(mix: Judgement, alone: Mapping[str, Judgement], seed: int) -> Judgement:
    """The mix's judgement with its gain over the best of `alone` among its figures."""
    best = max(alone.values(), key=lambda judgement: judgement.figures[NDCG])
    gain = relative_difference(mix.ndcg, best.ndcg, GateParameters(), seed)
    return replace(mix, figures={**mix.figures, GAIN: gain.mean, GAIN_LOW: gain.low})


def _judge(examination: Examination, lesson: Lesson, ranker: Ranker) -> Judgement:
    return examination.judge_lists(lists_of(lesson, ranker, examination.popular))


def _features_of(*names: str) -> npt.NDArray[np.bool_]:
    """Which features these models and the facts have a part in, (N_FEATURES,)."""
    wanted = {feature for name in names for feature in MODELS[name]} | set(FACTS)
    return np.array([feature in wanted for feature in FEATURES])
