"""Weekly report: what became of the mixtapes: who opened them, how far they were heard, what was unusual.

Runs whenever `monday_playlists` has published a week (asset `playlists`); trigger it by hand at any time. Reports are
on the page **Report**, at `mixtape report`, and in `mixtape.reports`: a row for each week and run.

- `plan` names the weeks: the newest that is published, whose listening is known so far only, and the week before it,
  which is over. With `week` given it is that one, however long ago.
- `report` (one task for each week) counts what the lists hold and, from the events with the context
  `mixtape:YYYY-MM-DD`, what users did with them, up to the Monday 05:00 on which the next ones come. Each figure stands
  beside its mean in the four weeks before, each of these taken up to the same hour of its week.
- `announce` emits the asset `report`, with the weeks and the number of alarms.

**The figures.** *Reach*: the share of users with a mixtape who opened it (any event with its context). *Depth*: songs
of it played for 30 s or more, per opened mixtape. *Retention*: of those who opened the week before, who opened again.
*Saves* per opened mixtape; *skips* as a share of the songs that were started. *Repeated songs* and *artists*: songs
that were, in any version, or whose artist was on an earlier mixtape of the same user. *Freshness*: songs uploaded in
the 8 weeks before. *Coverage* and *Gini*: how much of the catalogue is on some mixtape, and how unequally. *Fallbacks*:
songs that no model chose for the user.

**A trial** (`trial_model` of `monday_playlists`): songs of either side that were played for 30 s or more, saved, loved
and skipped; how many listeners liked more of whose; by how much the candidate's credit (a song played, and once more
where it was kept) is above the champion's, with its interval over listeners. A winner is named once the week is over
and the interval leaves out zero, with the params of the DAG that promotes it. A liking is weighed by its side's share
of its place on the mixtapes, which the report shows.

**Alarms** are sentences, on the first page and in `mixtape status` as long as they hold: a week without mixtapes, users
without one, empty, short or duplicate mixtapes, too many fallbacks, a stale champion; mixtapes or coverage fallen; a
trial whose sides did not stand alike; and, once the week is over and where chance does not explain it, reach, retention
or depth fallen, skips risen. The params say from where on.

**When something is wrong.** A task that fails is tried again and replaces its own row. Nothing that users see depends
on it. Where plays were imported late, trigger it again with that `week`: the newest report counts. A week that was
published only after it was over, or whose events retention has dropped, has no figures of listening.
"""

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import dag, get_current_context, task

from dags.common import ASSET, DEFAULTS, Tag, as_params, open_store, read_params, resolve_moment, run_key, run_time
from dags.common.defaults import SETTINGS
from recommenders.evaluation.report_parameters import ReportParameters


@dag(
    schedule=[ASSET.PLAYLISTS],
    doc_md=__doc__,
    tags=[Tag.PLAYLISTS],
    params=as_params(ReportParameters),
    default_args=DEFAULTS,
    catchup=False,
    max_active_runs=1,
)
def weekly_report() -> None:
    """Wire the tasks of a report."""

    @task
    def plan() -> list[str]:
        """The Mondays to report on."""
        from recommenders.evaluation import report as reporting

        asked = read_params(ReportParameters).week
        with open_store() as store:
            week = resolve_moment(asked, store).week if asked else None
            return [monday.isoformat() for monday in reporting.weeks_of_run(store, week)]

    @task(map_index_template="{{ label }}")
    def report(week: str) -> int:
        """Report on one week; the number of its alarms."""
        from recommenders.evaluation import report as reporting

        get_current_context()["label"] = f"week of {week}"  # type: ignore[literal-required]
        parameters, monday = read_params(ReportParameters), datetime.fromisoformat(week).date()
        with open_store() as store:
            reported = reporting.report_week(
                store,
                monday,
                parameters,
                run_key=run_key(),
                at=run_time(),
                now=datetime.now(UTC),
                zone=SETTINGS.zone,
                retention_months=SETTINGS.events_retention_months,
            )
        return len(reported.alarms)

    @task(outlets=[ASSET.REPORT])
    def announce(weeks: list[str], alarms: Any, *, outlet_events: Any = None) -> None:
        """Say which weeks are reported on, and how many alarms there are."""
        outlet_events[ASSET.REPORT].extra = {"weeks": list(weeks), "alarms": sum(alarms)}

    weeks = plan()
    announce(weeks, report.expand(week=weeks))


weekly_report()
