"""Monday mixtapes: thirty unheard songs for every user.

Runs every Monday at 05:00 in the configured time zone (`MIXTAPE_TIMEZONE`), and whenever somebody triggers it. Readers
(the view `mixtape.current_mixtapes`) see the old mixtapes until the new ones are published, all at once.

**How a run goes.** `plan` freezes the catalogue, the champion model and the shards of users; an import that
runs is waited for, and one that comes while the mixtapes are made waits for them. `score` ranks each
user's candidates, a shard at a time. `allocate` decides for all shards together who gets which song, so that no song
becomes wallpaper. `finish` orders the songs, finds a reason for each and writes them. `verify` reads back what was
written and checks every rule once more. `publish` changes the one row that readers look at. `announce` tells the DAGs
that wait for mixtapes.

**By hand**

- *This week, now*: trigger it as it is. It knows what was played until that moment.
- *Redo a week*: give its Monday as `week`. It uses the same cut-off as before; the new edition replaces the old one.
- *A missed week*: the same. *Several*: a backfill, in the web UI or by `airflow backfill create --dag-id
  monday_playlists --from-date 2026-11-01 --to-date 2026-11-17`. Its dates are read as UTC midnights: give the day
  before the first Monday and the day after the last. A past week uses only what was known at its Monday 05:00, and the
  champion of that moment, else the oldest, and says so; it is published as that week's edition and announced to nobody.
  Runs for several weeks go one after another, the earliest first, because each must know the others' songs.
- *Try something*: tick `dry_run`. The edition is written and not published; the log of `publish` and the first page say
  what would change beside this week's mixtapes, or else last week's: how many users and songs, which songs come and go
  most, and from which sources.
- *Other rules*: length, caps, fresh songs, and how adventurous mixtapes are to be. What listeners have set for their
  own (`mixtape dials`, or their page) goes before; it counts from the first cut-off after it was set.
- *Let listeners decide between two models*: give the other one's `model_id` as `trial_model` (one that the gate turned
  down, too), and a `trial_share` below 1 if not everybody is to be in it. It and the champion pick the songs of each
  mixtape by turns, under all rules; `weekly_report` says whose were liked more. Scheduled runs have no trial: trigger
  the week by hand, or set the params' defaults.

**When something is wrong**

- A task failed: it is retried three times; after that clear it, alone. A task replaces its own work and touches
  nobody else's.
- `verify` failed: a rule was broken. The log names it, nothing was published, last week's mixtapes are still served.
- No champion, or an old one: the run goes on and says so on the page; see `retrain_collaborative`.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.common import (
    ASSET,
    DEFAULTS,
    Tag,
    as_params,
    cron,
    one_at_a_time,
    open_artifacts,
    open_store,
    read_params,
    resolve_moment,
    run_key,
    wait_for_import,
    wait_for_turn,
)
from recommenders.playlists.parameters import MondayParameters
from recommenders.settings import Settings

MONDAY_MORNING = cron("0 5 * * MON", interval=timedelta(days=7))


@dag(
    schedule=MONDAY_MORNING,
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    tags=[Tag.PLAYLISTS],
    params=as_params(MondayParameters),
    default_args=DEFAULTS,
)
def monday_playlists() -> None:
    """Wire the tasks of a Monday run."""

    @task
    def plan() -> dict[str, Any]:
        from recommenders.playlists import monday

        parameters, settings = read_params(MondayParameters), Settings()
        with open_store() as store, one_at_a_time(store, "plan"):
            moment = resolve_moment(parameters.week, store)
            wait_for_turn(moment, store, parameters.memory_weeks)
            wait_for_import(store)
            return monday.plan_week(
                store,
                open_artifacts(),
                parameters,
                moment,
                run_key=run_key(),
                now=datetime.now(UTC),
                users_per_shard=settings.users_per_shard,
                least_shards=settings.shards,
            )

    @task
    def shards(plan: dict[str, Any]) -> list[list[int]]:
        return plan["shards"]  # tasks can be mapped only over what a task returns as a whole

    @task(map_index_template="{{ label }}")
    def score(edition: int, shard: list[int]) -> None:
        from recommenders.playlists import monday

        get_current_context()["label"] = _label(shard)  # type: ignore[literal-required]
        with open_store() as store:
            monday.score_shard(store, open_artifacts(), edition, shard)

    @task
    def allocate(plan: dict[str, Any]) -> dict[str, int]:
        from recommenders.playlists import monday

        with open_store() as store:
            return monday.allocate_songs(store, open_artifacts(), plan["edition"], plan["shards"])

    @task(map_index_template="{{ label }}")
    def finish(edition: int, shard: list[int]) -> int:
        from recommenders.playlists import monday

        get_current_context()["label"] = _label(shard)  # type: ignore[literal-required]
        with open_store() as store:
            return monday.finish_shard(store, open_artifacts(), edition, shard)

    @task
    def verify(edition: int) -> dict[str, Any]:
        from recommenders.playlists import monday

        with open_store() as store:
            return monday.verify_edition(store, open_artifacts(), edition)

    @task
    def publish(edition: int) -> str:
        from recommenders.playlists import monday

        with open_store() as store:
            return monday.publish_edition(store, edition, datetime.now(UTC))

    @task(outlets=[ASSET.PLAYLISTS])
    def announce(plan: dict[str, Any], *, outlet_events: Any = None) -> None:
        from recommenders.playlists import monday

        with open_store() as store:
            if not plan["announced"] or not monday.is_published(store, plan["edition"]):
                raise AirflowSkipException("A dry run, a past week, or not published: nobody waits for these mixtapes.")
        outlet_events[ASSET.PLAYLISTS].extra = {"edition": plan["edition"], "week": plan["week"]}

    planned = plan()
    edition, parts = planned["edition"], shards(planned)
    scored = score.partial(edition=edition).expand(shard=parts)
    allocated = allocate(planned)
    finished = finish.partial(edition=edition).expand(shard=parts)
    scored >> allocated >> finished >> verify(edition) >> publish(edition) >> announce(planned)


def _label(shard: list[int]) -> str:
    return f"users {shard[0]} to {shard[1] - 1}"


monday_playlists()
