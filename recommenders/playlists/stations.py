"""Stations as people read them: what was asked for, the songs, and what each has of it."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from recommenders.playlists.mixtape import Song
from recommenders.playlists.reasons import describe_sound
from recommenders.store import stations


@dataclass(frozen=True)
class Station:
    """A station as a person reads it, its songs in playing order; `liked` names the seed song."""

    station_id: int
    user: str | None
    user_name: str | None
    made_at: dt.datetime
    tags: list[str]
    liked: str | None
    songs: list[Song]
    short_reason: str | None

    @property
    def title(self) -> str:
        """What a playlist of it is called."""
        about = [", ".join(self.tags)] if self.tags else []
        about += [f"like {self.liked}"] if self.liked else []
        return f"Station: {', '.join(about)}" + (f", for {self.user_name}" if self.user_name else "")

    @property
    def day(self) -> dt.date:
        """The day that it was made."""
        return self.made_at.date()


def read_station(connection: sa.Connection, station_id: int) -> Station:
    """The station of this id, ready to be shown; raises UnknownNameError."""
    row = stations.get_station(connection, station_id)
    liked = f"“{row.liked_title}” by {row.liked_artist}" if row.liked_title else None
    songs = [
        Song(
            position=song["position"],
            track_id=song["track_id"],
            outside_id=song["outside_id"],
            title=song["title"],
            artists=song["artists"],
            release=song["release"],
            duration_s=song["duration_s"],
            audio_uri=song["audio_uri"],
            score=song["score"],
            source="attributes",
            reason_code="attributes",
            reason=render_attributes(song["reason"], liked),
            bend=song["bend"],
        )
        for song in stations.songs_of_station(connection, station_id)
    ]
    return Station(row.station_id, row.user, row.user_name, row.made_at, row.tags, liked, songs, row.short_reason)


def render_attributes(reason: dict[str, Any], liked: str | None) -> str:
    """The sentence for what a song shares with the tags asked for, and with the seed `liked`."""
    parts = []
    if reason["tags"]:
        on = f", on the list “{reason['list']}”" if reason["list"] else ""
        parts.append(f"{', '.join(reason['tags'])}{on}")
    sound = describe_sound(reason.get("tempo_bpm"), reason.get("key"), reason.get("mode"))
    alike = [*reason.get("shared", []), *([sound] if sound else [])]
    if liked and alike:
        parts.append(f"{', '.join(alike)} like {liked}")
    elif liked and reason.get("near"):
        parts.append(f"near {liked} in its sound")
    return "; ".join(parts)
