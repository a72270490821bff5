"""Learning from what was read: terms are weighed, vectors placed; each step costs what is new."""

import datetime as dt

from recommenders.language import placing
from recommenders.language.vectors import TextParameters
from recommenders.language.weighing import weigh_terms
from recommenders.language.weights import TermParameters
from recommenders.store import Artifacts, Store
from recommenders.store.top_terms import weighed_until
from recommenders.timing import Stage

MOST_WEEKS = 8  # of the past, when there are no top terms yet


def weigh(store: Store, parameters: TermParameters, today: dt.date) -> dict[str, int]:
    """Add what is new to the terms of each artist and track as of `today`; how much that was.

    Where no day was weighed for more than a week, as at first, the weeks between get top terms as well, so that it can
    be seen what rises. Each day is a transaction: a task that is killed goes on where it was.
    """
    stage = Stage("weigh")
    with store.begin() as connection:
        until = weighed_until(connection)
    articles = entities = 0
    for day in days_to_weigh(until, today):
        with store.begin() as connection:
            weighed = weigh_terms(connection, parameters, day)
        articles, entities = articles + weighed.said, entities + weighed.entities
    stage.done(articles, "sayings", f"of {entities:,} artists and tracks")
    return {"said": articles, "entities": entities}


def days_to_weigh(until: dt.date | None, today: dt.date) -> list[dt.date]:
    """The days as of which terms are weighed, `today` last; `until`: the last one that was."""
    day = max(until or dt.date.min, today - dt.timedelta(weeks=MOST_WEEKS + 1)) + dt.timedelta(weeks=1)
    days = []
    while day < today:
        days.append(day)
        day += dt.timedelta(weeks=1)
    return [*days, today]


def place(store: Store, artifacts: Artifacts, run_key: str, now: dt.datetime) -> dict[str, int]:
    """Give vectors by text to the artists and tracks of whom something new was said; how many got one."""
    stage = Stage("place")
    with store.begin() as connection:
        placed = placing.place(connection, artifacts, TextParameters(), run_key=run_key, now=now)
    stage.done(placed.entities, "artists and tracks", "in a space made anew" if placed.refitted else "")
    return {"entities": placed.entities, "refitted": int(placed.refitted)}
