"""Mixtapes, and what else people ask for, as tables for a terminal."""

from collections.abc import Iterable, Mapping

from rich.table import Table
from rich.text import Text

from recommenders.playlists.mixtape import Mixtape
from recommenders.store.status import ServiceStatus


def mixtape_table(mixtape: Mixtape) -> Table:
    """A mixtape, a song a row, with its reason."""
    table = Table(
        title=Text(f"{mixtape.user_name}'s mixtape for the week of {mixtape.week}"),
        caption=mixtape.short_reason,
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("", justify="right")
    for name in ("Song", "Artist", "Why"):
        table.add_column(name, overflow="fold")
    for song in mixtape.songs:
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


def status_table(status: ServiceStatus) -> Table:
    """What is in the store and how old it is."""
    table = Table.grid(padding=(0, 2))
    for name, value in _facts(status).items():
        table.add_row(Text(name, style="dim"), Text(value))
    return table


def _facts(status: ServiceStatus) -> Mapping[str, str]:
    facts = {
        "users": f"{status.n_users:,}",
        "catalogue": f"{status.n_tracks:,} tracks, {status.n_artists:,} artists",
        "listening": f"{status.n_events:,} events, {status.n_totals:,} counts without dates",
    }
    if status.newest_event_at:
        facts["newest event"] = f"{status.newest_event_at:%Y-%m-%d %H:%M} UTC"
    if status.last_import:
        done = status.last_import
        facts["last import"] = (
            f"{done.finished_at:%Y-%m-%d %H:%M} UTC: {done.kind} from {done.source}, {done.rows_new:,} new of "
            f"{done.rows_read:,} rows, {done.rows_rejected:,} set aside"
        )
    if status.champion:
        model = status.champion
        facts["champion"] = (
            f"model {model.model_id} (space {model.space}), trained {model.trained_at:%Y-%m-%d %H:%M} UTC on what "
            f"was played before {model.cutoff:%Y-%m-%d %H:%M} UTC"
        )
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
    return facts


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
