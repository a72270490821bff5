"""A published mixtape beside what it would be, as a table for a terminal."""

from rich.table import Table
from rich.text import Text

from recommenders.playlists.whatif import WhatIf


def whatif_table(found: WhatIf) -> Table:
    """A published mixtape beside what it would be; songs that only one of them has are marked."""
    table = Table(title=Text(f"{found.published.user_name}'s mixtape for the week of {found.published.week}"))
    sides = (
        ("As published", "red", found.published, found.went),
        ("As it would be", "green", found.changed, found.came),
    )
    columns = []
    table.add_column("", justify="right")
    for name, colour, mixtape, moves in sides:
        table.add_column(name, overflow="fold")
        marked = {move.song.track_id for move in moves}
        songs = [(song, colour if song.track_id in marked else "") for song in mixtape.songs]
        columns.append([Text(f"{song.title} – {', '.join(song.artists)}", style=style) for song, style in songs])
    for place in range(max(map(len, columns))):
        table.add_row(str(place + 1), *(column[place] if place < len(column) else Text("") for column in columns))
    return table
