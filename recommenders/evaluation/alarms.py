"""Alarms: what is not as it should be with a week's mixtapes, in plain sentences."""

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

from recommenders.evaluation.report_parameters import ReportParameters
from recommenders.store.reports import FIGURES

Figures = Mapping[str, Any]

LEAST_WEEKS = 2  # fewer than these are no habit that could change
CERTAIN = 2.0  # standard errors that a change must exceed, so that a small service does not cry wolf
SHRINKS = {"mixtapes": "The number of", "coverage": "The coverage of the catalogue by"}
FALLS = {"reach": "Reach of", "retention": "Retention of", "depth": "Depth of"}
RISES = {"skips": "The share of songs that are skipped on"}


def own_sources() -> set[str]:
    """The sources of songs that a model chose for the user, as the database spells them; all others are rungs below."""
    from recommenders.mixing.candidates import RUNGS, SOURCE_NAMES, Source

    return {name for source, name in SOURCE_NAMES.items() if RUNGS[source] == RUNGS[Source.MIX]}


def alarms(week: dt.date, figures: Figures, drifts: Mapping[str, Any], parameters: ReportParameters) -> list[str]:
    """What is not as it should be with the mixtapes of `week`, in plain sentences, the worst first."""
    if not figures["published"]:
        return [f"There are no mixtapes of the week of {week}: trigger the DAG monday_playlists with week = {week}."]
    if not figures["mixtapes"]:
        return [f"The edition of the week of {week} holds no mixtapes: see its run of monday_playlists."]
    about = f"the mixtapes of {week}"
    return [
        *_wrong_lists(about, figures, parameters),
        *_wrong_model(figures, parameters),
        *_uneven_trial(about, figures, parameters),
        *_unusual(about, figures, drifts, parameters),
    ]


def _wrong_lists(about: str, figures: Figures, parameters: ReportParameters) -> list[str]:
    found, n = [], figures["mixtapes"]
    if n < figures["users"]:
        found.append(f"{figures['users'] - n:,} of {figures['users']:,} users have none of {about}.")
    if figures["empty"]:
        found.append(f"{figures['empty']:,} of {about} are empty.")
    if figures["short"] > parameters.max_short * n:
        found.append(f"{figures['short']:,} of {about}, of {n:,}, have fewer songs than they should.")
    if figures["duplicates"] > parameters.max_duplicates:
        found.append(f"{_percent(figures['duplicates'])} of {about} hold the very songs of another one.")
    if (figures["fallbacks"] or 0) > parameters.max_fallbacks:
        own = own_sources()
        rungs = {name: share for name, share in figures["sources"].items() if name not in own}
        most = max(rungs, key=lambda name: rungs[name])
        found.append(
            f"{_percent(figures['fallbacks'])} of the songs on {about} are no model's choice, most of them from "
            f"“{most}”."
        )
    return found


def _wrong_model(figures: Figures, parameters: ReportParameters) -> list[str]:
    """In the words of the Monday run, so that who sees both reads it once."""
    age = figures["model_age_days"]
    if figures["model_id"] is None:
        return ["There is no champion model yet: everybody gets the lower rungs. Trigger retrain_collaborative."]
    if age is not None and age > parameters.max_model_age_days:
        return [f"The champion model {figures['model_id']} knows nothing of the last {int(age)} days."]
    return []


def _uneven_trial(about: str, figures: Figures, parameters: ReportParameters) -> list[str]:
    """A trial whose sides did not stand alike on the mixtapes says little about them."""
    balance = (figures.get("trial") or {}).get("balance", {})
    if balance.get("uneven", 0) <= parameters.max_uneven:
        return []
    place = balance["farthest_place"]
    share = _percent(balance["places"][place - 1])
    return [f"The sides of the trial did not stand alike on {about}: {share} of place {place} are the candidate's."]


def _unusual(about: str, figures: Figures, drifts: Mapping[str, Any], parameters: ReportParameters) -> list[str]:
    """What differs much from the weeks before; what users do is judged when the week is over."""
    found = []
    for name, called in SHRINKS.items():
        if _much(name, figures, drifts, -parameters.max_change):
            found.append(_sentence(f"{called} {about}", name, "fallen", figures, drifts))
    if not figures["complete"] or "opened" not in figures:
        return found
    if not figures["opened"]:
        return [*found, f"Nobody has opened any of {about}: do plays from them come with their context?"]
    for name, called in FALLS.items():
        if _much(name, figures, drifts, -parameters.max_change) and _certain(name, figures, drifts):
            found.append(_sentence(f"{called} {about}", name, "fallen", figures, drifts))
    for name, called in RISES.items():
        if _much(name, figures, drifts, parameters.max_change) and _certain(name, figures, drifts):
            found.append(_sentence(f"{called} {about}", name, "risen", figures, drifts))
    return found


def _much(name: str, figures: Figures, drifts: Mapping[str, Any], limit: float) -> bool:
    """Whether a figure has changed by more than `limit` (negative: fallen) against enough weeks."""
    against = drifts.get(name)
    if not against or against["weeks"] < LEAST_WEEKS:
        return False
    bound = against["mean"] * (1 + limit)
    return bool(figures[name] < bound if limit < 0 else figures[name] > bound)


def _certain(name: str, figures: Figures, drifts: Mapping[str, Any]) -> bool:
    """Whether chance among so few users, or songs, is an unlikely reason for the change."""
    usual, value = drifts[name]["mean"], figures[name]
    if name == "depth":
        counts = {int(n): users for n, users in figures["depth_counts"].items()}
        spread = sum(users * (n - value) ** 2 for n, users in counts.items()) / figures["opened"]
        error = math.sqrt(spread / figures["opened"])
    else:
        n = figures[{"reach": "mixtapes", "retention": "opened_before", "skips": "started"}[name]]
        error = math.sqrt(max(usual * (1 - usual), value * (1 - value)) / n)
    return bool(abs(value - usual) > CERTAIN * error)


def _sentence(subject: str, name: str, how: str, figures: Figures, drifts: Mapping[str, Any]) -> str:
    figure = next(each for each in FIGURES if each.name == name)
    usual = drifts[name]
    return (
        f"{subject} has {how} to {figure.text(figures[name])}, from {figure.text(usual['mean'])} in the "
        f"{usual['weeks']} weeks before."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
