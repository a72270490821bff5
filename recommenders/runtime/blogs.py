"""The demo's blogs while Airflow runs: served by a process of the keeper's, and known as sites to crawl."""

import datetime as dt
import time

import requests

from recommenders.demo.blog_server import HOST, Plan
from recommenders.demo.blogs import BLOGS
from recommenders.errors import ConfigurationError
from recommenders.runtime.airflow import free_port
from recommenders.settings import Settings
from recommenders.store import Store
from recommenders.store.sites import SiteKind, add_site

FIRST_PORT = 8701
ANSWER_WITHIN_S = 60
POLL_S = 0.2


def plan_blogs(settings: Settings, monday: dt.datetime) -> Plan:
    """The blogs of the world whose weeks end at `monday`, each at a port that is free; as they were, once planned."""
    file = settings.demo_blogs_file
    if not file.exists():
        ports = tuple(free_port(HOST, FIRST_PORT + number) for number in range(len(BLOGS)))
        Plan(settings.demo_seed, monday.isoformat(), ports).write(file)
    return Plan.read(file)


def add_blogs(store: Store, plan: Plan, now: dt.datetime) -> None:
    """Let the blogs be crawled: they are on this machine, and ours, so that there is no need to be slow."""
    with store.begin() as connection:
        for url, name, kind in plan.entries():
            add_site(connection, url, name=name, kind=SiteKind(kind), now=now, allow_private=True, delay_s=0)


def wait_for_blogs(plan: Plan) -> None:
    """Return when all blogs answer; raises ConfigurationError when they don't."""
    deadline = time.monotonic() + ANSWER_WITHIN_S
    waiting = [url for url, _, _ in plan.entries()]
    with requests.Session() as session:
        session.trust_env = False  # a proxy has no business between two processes of one machine
        while waiting:
            try:
                session.get(waiting[-1], timeout=5).raise_for_status()
                waiting.pop()
            except requests.RequestException as error:
                if time.monotonic() > deadline:
                    raise ConfigurationError(
                        f"The demo's blogs are not served: {error}. See airflow/airflow.log; `make stop` and the demo "
                        "again may help."
                    ) from error
                time.sleep(POLL_S)
