"""Mixtapes, and what else people ask for, as tables for a terminal."""

import datetime as dt
from collections.abc import Iterable, Mapping

from rich.console import Group
from rich.table import Table
from rich.text import Text

from recommenders.playlists.mixtape import Mixtape, Song
from recommenders.playlists.stations import Station
from recommenders.store.freshness import Freshness
from recommenders.store.reports import FIGURES, SHARE, Report, changed
from recommenders.store.status import ServiceStatus
from recommenders.store.trials import side_rows
from recommenders.timing import ago, moment


def mixtape_table(mixtape: Mixtape) -> Table:
    """A mixtape, a song a row, with its reason."""
    title = f"{mixtape.user_name}'s mixtape for the week of {mixtape.week}"
    return _songs_table(title, mixtape.songs, mixtape.short_reason)


def station_table(station: Station) -> Table:
    """A station, a song a row, with what it has of what was asked for."""
    return _songs_table(station.title, station.songs, station.short_reason)


def _songs_table(title: str, songs: Iterable[Song], caption: str | None) -> Table:
    table = Table(title=Text(title), caption=caption, title_justify="left", caption_justify="left")
    table.add_column("", justify="right")
    for name in ("Song", "Artist", "Why"):
        table.add_column(name, overflow="fold")
    for song in songs:
        table.add_row(str(song.position), Text(song.title), Text(", ".join(song.artists)), Text(song.reason))
    return table


def plain_table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Table:
    """Rows of anything as a table; numbers are aligned to the right, nothing is read as markup."""
    table = Table()
    content = [list(row) for row in rows]
    for index, name in enumerate(columns):
        numbers = bool(content) and all(isinstance(row[index], int | float) for row in content)
        table.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in content:
        table.add_row(*(Text(_cell(value)) for value in row))
    return table


_STYLES = {Freshness.FRESH: "green", Freshness.STALE: "yellow", Freshness.MISSING: "red"}


def status_table(status: ServiceStatus, zone: dt.tzinfo) -> Group:
    """What is in the store, and how old each thing is that mixtapes are made from; moments as clocks in `zone` show."""
    facts = Table.grid(padding=(0, 2))
    for name, value in _facts(status).items():
        facts.add_row(Text(name, style="dim"), Text(value))
    ages = Table()
    for column in ("input", "", "age", "", "when", "what"):
        ages.add_column(column, overflow="fold")
    named = ""
    for each in status.inputs:
        ages.add_row(
            "" if each.name == named else each.name,
            each.what,
            ago(each.at, status.now) if each.at else "",
            Text(each.state, style=_STYLES[each.state]),
            _when(each.at, zone) if each.at else "",
            Text(each.detail),
        )
        named = each.name
    return Group(facts, ages)


def report_table(report: Report, zone: dt.tzinfo) -> Table:
    """A week's figures, each beside its mean in the weeks before."""
    known = "the week was over" if report.complete else f"known until {_when(report.until, zone)}"
    edition = f"edition {report.edition_id}" if report.edition_id else "nothing was published"
    table = Table(title=Text(f"Mixtapes of {report.week}: {edition}, {known}"), title_justify="left")
    for column, justify in (("figure", "left"), ("", "left"), ("this week", "right"), ("before", "right")):
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    table.add_column("drift", justify="right")
    for figure in FIGURES:
        drift = report.drift.get(figure.name)
        value, before = figure.text(report.figures.get(figure.name)), figure.text(drift["mean"] if drift else None)
        table.add_row(figure.label, figure.explained, value, before, changed(drift))
    for source, share in report.figures.get("sources", {}).items():
        drift = report.drift.get("sources", {}).get(source)
        before = SHARE.text(drift["mean"] if drift else None)
        table.add_row(Text(f"from {source}"), "of songs", SHARE.text(share), before, changed(drift))
    return table


def trial_table(report: Report) -> Group | None:
    """The trial of the report's week: either side's figures, who wins, what to do; None where there was none."""
    trial = report.figures.get("trial")
    if not trial:
        return None
    about = f"Trial on {trial['mixtapes']:,} mixtapes, {trial['users']:,} of them opened"
    table = Table(title=about, title_justify="left")
    for column in ("", f"champion {trial['champion']}", f"candidate {trial['candidate']}"):
        table.add_column(column, justify="right" if column else "left")
    for row in side_rows(trial):
        table.add_row(*row)
    return Group(table, *(Text(trial[name]) for name in ("verdict", "advice", "counted", "placed")))


def _when(at: dt.datetime, zone: dt.tzinfo) -> str:
    local, utc = moment(at, zone), at.astimezone(dt.UTC)
    return local if local.endswith("UTC") else f"{local} ({utc:%H:%M} UTC)"


def _facts(status: ServiceStatus) -> Mapping[str, str]:
    facts = {
        "users": f"{status.n_users:,}",
        "catalogue": f"{status.n_tracks:,} tracks, {status.n_artists:,} artists",
        "listening": f"{status.n_events:,} events, {status.n_totals:,} counts without dates",
    }
    aside = status.set_aside
    kinds = ", ".join(f"{count:,} of {kind}" for kind, count in aside.by_kind.items())
    facts["set aside"] = f"{aside.rows:,} of {aside.rows_read:,} rows imported in the last 7 days" + (
        f" ({kinds}), last {ago(aside.newest_at, status.now)}" if aside.newest_at else ""
    )
    if status.champion:
        model = status.champion
        facts["champion"] = f"model {model.model_id}, space {model.space}"
    if status.last_rejected:
        facts["last rejected"] = f"model {status.last_rejected.model_id}: {status.last_rejected.reason}"
    if status.week:
        week = status.week
        sources = ", ".join(f"{share:.0%} {source}" for source, share in week.sources.items())
        facts["mixtapes"] = (
            f"week of {week.week}: {week.state}, edition {week.edition_id}, {week.n_playlists:,} mixtapes"
            + (f" ({week.n_short:,} short)" if week.n_short else "")
            + (f"; {sources}" if sources else "")
        )
        if week.trial_model_id and week.trial_share:
            facts["trial"] = (
                f"model {week.trial_model_id} beside the champion, for {100 * week.trial_share:.3g} % of users"
            )
    return facts


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
