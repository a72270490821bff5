"""Who wins a trial: the likings of each side's songs, compared within each listener.

The credit of a side is the songs of its own that a user played for 30 s or more, and once more those that they saved
or loved (Radlinski, Kurup & Joachims 2008 count clicks). The draft gives both sides every place alike, but the rules
may take away more of one side's songs, and the playing order may put one side's first, where more people listen: so a
liking is weighed by the share that its side has of its place (inverse propensity, Horvitz & Thompson 1952).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from recommenders.evaluation.gate import GateParameters, Interval, relative_difference
from recommenders.store import models, trials
from recommenders.store.mixtapes import Edition
from recommenders.store.reports import Window
from recommenders.store.trials import Listened, Placed

Floats = npt.NDArray[np.float64]

RETRAINING = {"collaborative": "retrain_collaborative", "ranker": "retrain_ranker"}  # promotes a model of a kind
LEAST_SHARE = 0.05  # of a place that either side must have, for it to compare them
DRAWN = 5_000  # users, or groups of them, that are drawn one by one
CERTAIN = 4.5  # standard errors by which a place may be one side's by chance: one in 5,000 for all thirty


def trial_figures(
    connection: sa.Connection, edition: Edition, window: Window, *, complete: bool
) -> dict[str, Any] | None:
    """The figures of the edition's trial from what happened within `window`; None where it has none.

    A winner is named only when the week is `complete`: who looks every day and stops at the first winner finds one
    too often.
    """
    if edition.trial_model_id is None or edition.model_id is None:
        return None
    kind = models.model(connection, edition.trial_model_id).kind
    champion = edition.ranker_id or edition.model_id if kind == "ranker" else edition.model_id
    placed = trials.count_placed(connection, edition)
    listened = trials.read_listened(connection, edition, window)
    found = judge(placed, listened, edition.seed)
    about = {"champion": champion, "candidate": edition.trial_model_id, "share": edition.trial_share}
    found = about | found
    return found | conclusion(found, kind, complete=complete) | details(found)


def judge(placed: Placed, listened: Listened, seed: int) -> dict[str, Any]:
    """All figures of a trial: of either side, of the users, and the comparison; `winner` None = undecided."""
    credit = credits_of(listened, np.ones(placed.songs.shape))
    ahead = np.sign(credit[:, 1] - credit[:, 0])
    wins, losses = int((ahead > 0).sum()), int((ahead < 0).sum())
    interval = compare(credits_of(listened, weights_of_places(placed)), seed)
    decided = interval is not None and (interval.low > 0 or interval.high < 0)
    return {
        "mixtapes": placed.mixtapes,
        "users": len(listened.user_ids),
        "sides": {
            side: {
                "songs": int(placed.songs[:, n].sum()),
                "plays": int(listened.played[listened.sides == n].sum()),
                "saves": int(listened.saved[listened.sides == n].sum()),
                "loves": int(listened.loved[listened.sides == n].sum()),
                "skips": int(listened.skipped[listened.sides == n].sum()),
                "credit": float(credit[:, n].mean()) if len(credit) else None,
            }
            for n, side in enumerate(("champion", "candidate"))
        },
        "wins": wins,
        "losses": losses,
        "ties": len(ahead) - wins - losses,
        "sign_test": sign_test(wins, losses),
        "change": interval.mean if interval else None,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "winner": ("candidate" if interval.mean > 0 else "champion") if interval and decided else None,
        "balance": balance(placed),
    }


def credits_of(listened: Listened, weights: Floats) -> Floats:
    """The credit (n_users, 2) of either side with each user; `weights` (length, 2) of a liking in each place."""
    likings = listened.played.astype(np.float64) + (listened.saved | listened.loved)
    owners = listened.users * 2 + listened.sides
    weighed = likings * weights[listened.places, listened.sides]
    return np.bincount(owners, weighed, len(listened.user_ids) * 2).astype(np.float64).reshape(-1, 2)


def weights_of_places(placed: Placed) -> Floats:
    """What a liking counts in each place, (length, 2): half of one over the side's share of that place.

    A place that is nearly always one side's compares nothing, and counts 0.
    """
    totals = placed.songs.sum(axis=1, keepdims=True)
    shares = placed.songs / np.maximum(totals, 1)
    both = shares.min(axis=1, keepdims=True) >= LEAST_SHARE
    weights: Floats = np.divide(0.5, shares, out=np.zeros_like(shares), where=both)
    return weights


def compare(credit: Floats, seed: int) -> Interval | None:
    """By how much the candidate's credit is above the champion's, as a share of that, with its interval over users.

    `credit` (n_users, 2). None where there is too little to compare. Of very many users some are drawn together, in
    groups that a draw of the seed puts them in: the interval is as wide, and costs the same for any number.
    """
    parameters = GateParameters()
    if len(credit) < parameters.least_judged_users or not credit[:, 0].any():
        return None
    if len(credit) > DRAWN:
        order = np.random.default_rng(seed).permutation(len(credit))
        firsts = np.linspace(0, len(credit), DRAWN, endpoint=False).astype(np.int64)
        credit = np.add.reduceat(credit[order], firsts) / np.diff(firsts, append=len(credit))[:, np.newaxis]
    return relative_difference(credit[:, 1], credit[:, 0], parameters, seed)


def sign_test(wins: int, losses: int) -> float | None:
    """The chance of so uneven a count of wins and losses, or one more uneven, between equals (exact, two-sided)."""
    from scipy.stats import binomtest

    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else None


def balance(placed: Placed) -> dict[str, Any]:
    """The candidate's share of the songs, of those in each place, and the place where it is farthest from a half.

    `uneven` is how far it is there, 0 where chance explains it.
    """
    totals = placed.songs.sum(axis=1)
    shares = np.divide(placed.songs[:, 1], totals, out=np.full(len(totals), 0.5), where=totals > 0)
    off = np.abs(shares - 0.5)
    by_chance = off <= CERTAIN * 0.5 / np.sqrt(np.maximum(totals, 1))
    worst = int(off.argmax()) if len(off) else 0
    return {
        "share": float(placed.songs[:, 1].sum() / totals.sum()) if totals.sum() else None,
        "places": [round(float(share), 4) for share in shares],
        "farthest_place": worst + 1,
        "uneven": float(np.where(by_chance, 0.0, off).max(initial=0.0)),
    }


def conclusion(found: Mapping[str, Any], kind: str, *, complete: bool) -> dict[str, Any]:
    """What came out, and what to do about it, as sentences; before the week is `complete` there is no winner."""
    tried, champion = f"model {found['candidate']}", f"the champion {found['champion']}"
    if found["change"] is None:
        return {
            "verdict": f"Undecided between {tried} and {champion}: what {found['users']:,} users did who opened their "
            "mixtape is too little to compare.",
            "advice": "Go on with the trial.",
        }
    by = f"{_signed(found['change'])} ({_signed(found['low'])} to {_signed(found['high'])})"
    if not complete:
        return {
            "winner": None,
            "verdict": f"The week goes on: so far {tried} stands at {by} against {champion}.",
            "advice": "A winner is named when the week is over.",
        }
    if found["winner"] == "candidate":
        return {
            "verdict": f"{tried.capitalize()} wins against {champion}: {by}.",
            "advice": f"To promote it, trigger the DAG {RETRAINING.get(kind, kind)} with rollback_to = "
            f"{found['candidate']}.",
        }
    if found["winner"] == "champion":
        return {
            "verdict": f"{champion.capitalize()} wins: {tried} stands at {by} against it.",
            "advice": "Leave the champion, and end the trial.",
        }
    return {
        "verdict": f"Undecided between {tried} and {champion}: {by}.",
        "advice": "Go on with the trial, or leave the champion.",
    }


def details(found: Mapping[str, Any]) -> dict[str, str]:
    """Who liked whose songs more, and where they stood, as sentences."""
    chance, uneven = found["sign_test"], found["balance"]["uneven"] > 0
    tested = chance is not None and not uneven
    by_chance = f" Between equals that would be so with a chance of {chance:.2g}." if tested else ""
    counted = (
        f"{found['wins']:,} listeners liked more of the candidate's songs, {found['losses']:,} more of the champion's, "
        f"{found['ties']:,} as many.{by_chance}"
    )
    places = found["balance"]["places"]
    if not places:
        return {"counted": counted, "placed": "There are no songs of either side."}
    placed = (
        f"The candidate picked {100 * found['balance']['share']:.1f} % of the songs, and of each place between "
        f"{100 * min(places):.1f} % and {100 * max(places):.1f} %"
    )
    weighed = ": more than chance makes uneven, which the comparison makes good by weights."
    return {"counted": counted, "placed": placed + (weighed if uneven else ".")}


def _signed(share: float) -> str:
    return f"{100 * share:+.1f} %".replace("-", "−")
