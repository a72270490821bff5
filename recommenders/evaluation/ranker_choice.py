"""What ranks: the mix as it was learnt, or, where that is not better, the best single model; and what each adds.

Learnt on one week and judged on the next, beside every model alone, popularity and the ranker that serves.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recommenders.evaluation.gate import GateParameters, relative_difference
from recommenders.evaluation.judging import POPULARITY, Examination, Judgement, K
from recommenders.evaluation.ranking import Described, Lesson, learn, lists_of, spreads
from recommenders.evaluation.split import LEAST_JUDGED_USERS
from recommenders.mixing.ranker import FEATURES, Ranker, Voice

MIX, SERVING = "the mix", "the serving ranker"
NDCG = f"ndcg@{K}"
MODELS = (Voice.COLLABORATIVE, Voice.LANGUAGE, Voice.AUDIO)

# Where nobody can teach it better: means of what was learnt on nine invented services of 600 listeners, where what is
# told added nothing to the rest; it has a small weight nevertheless, for services where hardly anything is played.
UNTRAINED = Ranker(weights=(0.9, 13.0, 2.8, 0.05, 0.3, 0.6, 1.3), intercept=-7.5)

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Choice:
    """What ranks from now on.

    `name` says under which name it was `judged`, beside everything else; `rivals` are those that it has to stand
    against at the gate; `warning` what a person should know, if anything.
    """

    name: str
    ranker: Ranker
    judged: Mapping[str, Judgement]
    rivals: tuple[str, ...]
    best_single: str
    taught: bool
    warning: str | None


def choose(
    examination: Examination,
    learnt_from: Lesson,
    judged_by: Described,
    serving: Ranker | None,
    parameters: GateParameters,
    seed: int,
) -> Choice:
    """Learn on one fold, judge on the other (`examination`), and refit what is better on both.

    With too few users to learn from, the ranker that serves stays, or one that was never taught begins. The mix ranks
    where its nDCG@30 is higher than that of the best single model; else that model does. The mean decides, and no
    interval: a week has few first listens, and the best of several single models has luck on its side already.
    """
    taught = learnt_from.n_teaching >= LEAST_JUDGED_USERS
    ranker = learn([learnt_from]) if taught else serving or UNTRAINED
    judged = {MIX: _judge(examination, judged_by.lesson, ranker)}
    judged |= {name: examination.judge_lists(lists) for name, lists in judged_by.alone.items()}
    best = max(judged_by.alone, key=lambda name: judged[name].figures[NDCG])
    if serving is not None:
        judged[SERVING] = _judge(examination, judged_by.lesson, serving)
    judged[POPULARITY] = examination.judge_popularity()
    floor = (*([SERVING] if serving is not None else []), POPULARITY)
    warning = None if taught else _untaught(learnt_from.n_teaching, serving)
    against = relative_difference(judged[MIX].ndcg, judged[best].ndcg, parameters, seed)
    few = len(examination.user_ids) < parameters.least_judged_users
    if few or against.mean > 0:
        final = learn([learnt_from, judged_by.lesson]) if taught else ranker
        return Choice(MIX, final, judged, floor, best, taught, warning)
    name, alone = f"{best}, ranking alone", ranker_alone(best, [learnt_from, judged_by.lesson])
    judged[name] = _judge(examination, judged_by.lesson, alone)
    warning = f"The mix does not beat the best single model, {best} ({NDCG} {against}): that model ranks."
    return Choice(name, alone, judged, floor, best, taught, warning)


def _judge(examination: Examination, lesson: Lesson, ranker: Ranker) -> Judgement:
    """By what was to be had in that week: offering what nobody could find then is neither right nor wrong."""
    return examination.judge_lists(lists_of(lesson.observed(), ranker, examination.popular))


def _untaught(n_users: int, serving: Ranker | None) -> str:
    kept = "the weights of the serving ranker stay" if serving else "weights learnt elsewhere stand in"
    return f"Only {n_users} users heard one of their candidates; {LEAST_JUDGED_USERS} are needed to learn: {kept}."


def ranker_alone(feature: str, lessons: list[Lesson]) -> Ranker:
    """A ranker that listens to one model alone."""
    use = np.array([name == feature for name in FEATURES])
    ranker = learn(lessons, use)
    return ranker if any(ranker.weights) else Ranker(weights=tuple(use.astype(float)))


def ablate(
    examination: Examination, learnt_from: Lesson, judged_by: Lesson, parameters: GateParameters, seed: int
) -> dict[str, Any]:
    """What is lost without each part: the ranker refitted on each model alone, pairs, all, and without the facts.

    The candidates are the same for all. For each: the figures, and by how much `all` is better in nDCG@30 (low, mean,
    high of the paired interval). Models that say nothing of any candidate are left out.
    """
    spoken = [voice for voice in MODELS if _says_anything(voice, [learnt_from, judged_by])]
    if not spoken:
        return {}
    judged = {name: _judge(examination, judged_by, learn([learnt_from], use)) for name, use in _parts(spoken).items()}
    everything = judged[_name(spoken)]
    return {
        name: {
            **judgement.figures,
            "all_is_better_by": list(
                vars(relative_difference(everything.ndcg, judgement.ndcg, parameters, seed)).values()
            ),
        }
        for name, judgement in judged.items()
    }


def _parts(spoken: list[Voice]) -> dict[str, Bools]:
    """Which features each part of the ablation uses, (N_FEATURES,), by its name."""
    facts = _features_of(Voice.FACTS)
    parts = {"facts": facts}
    for count in range(1, len(spoken) + 1):
        for some in itertools.combinations(spoken, count):
            parts[_name(some)] = facts | np.any([_features_of(voice) for voice in some], axis=0)
    return parts | {f"{_name(spoken)} without facts": parts[_name(spoken)] & ~facts}


def _name(some: tuple[Voice, ...] | list[Voice]) -> str:
    return "all" if len(some) == len(MODELS) else " + ".join(some)


def _features_of(voice: Voice) -> Bools:
    return np.array([voice == one for one in FEATURES.values()])


def _says_anything(voice: Voice, lessons: list[Lesson]) -> bool:
    described = np.concatenate([lesson.features[lesson.rows >= 0] for lesson in lessons]).astype(np.float64)
    return bool((spreads(described) & _features_of(voice)).any())
