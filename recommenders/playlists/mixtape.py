"""A published mixtape as a person reads it: songs with artists and a sentence why."""

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from recommenders.errors import UnknownNameError
from recommenders.playlists.reasons import describe_sound, newness, render_reason
from recommenders.store import editorial, mixtapes


@dataclass(frozen=True)
class Song:
    """One song of a mixtape."""

    position: int
    track_id: int
    outside_id: str
    title: str
    artists: list[str]
    release: str | None
    duration_s: float | None
    audio_uri: str | None
    score: float
    source: str
    reason_code: str
    reason: str
    bend: str | None


@dataclass(frozen=True)
class Mixtape:
    """One user's songs of one week, in playing order."""

    week: dt.date
    edition_id: int
    user_id: int
    user: str
    user_name: str
    songs: list[Song]
    short_reason: str | None

    @property
    def title(self) -> str:
        """What a playlist of it is called."""
        return f"Monday Mixtape for {self.user_name}, {self.week}"

    @property
    def day(self) -> dt.date:
        """The day that it is of."""
        return self.week


def read_mixtape(
    connection: sa.Connection, user: str, week: dt.date | None = None, edition_id: int | None = None
) -> Mixtape:
    """The mixtape of the service's user `user`: of the newest published week, of `week`, or of one edition.

    Raises UnknownNameError when there is no such user, week, edition or list.
    """
    user_id, user_name = mixtapes.user_of(connection, user)
    if edition_id is not None:
        week = mixtapes.edition(connection, edition_id).week
    else:
        published = mixtapes.published_edition(connection, week)
        if published is None:
            when = f"for the week of {week}" if week else "yet"
            raise UnknownNameError(f"No mixtapes have been published {when}. Trigger the DAG monday_playlists.")
        week, edition_id = published
    found, short_reason = mixtapes.short_reason_of(connection, edition_id, user_id)
    if not found:
        raise UnknownNameError(f"The user {user!r} has no mixtape in the week of {week} (edition {edition_id}).")
    rows = mixtapes.songs_of(connection, edition_id, user_id).to_pylist()
    listed = [row["track_id"] for row in rows if row["reason"] == "editorial"]
    cutoff = mixtapes.edition(connection, edition_id).cutoff
    on_lists = editorial.lists_holding(connection, listed, cutoff) if listed else {}
    songs = [
        Song(
            position=row["position"],
            track_id=row["track_id"],
            outside_id=row["outside_id"],
            title=row["title"],
            artists=row["artists"] or [],
            release=row["release"],
            duration_s=row["duration_s"],
            audio_uri=row["audio_uri"],
            score=row["score"],
            source=row["source"],
            reason_code=row["reason"],
            reason=render_reason(
                row["reason"],
                row["reason_titles"] or [],
                row["reason_artists"] or [],
                describe_sound(row["tempo_bpm"], row["key"], row["mode"]),
                terms=[tuple(term) for term in row["reason_terms"] or []],
                shared_artist=row["shared_artist"],
                newness=newness(row["source"], new=row["new"]),
                on_list=on_lists.get(row["track_id"]),
            ),
            bend=row["bend"],
        )
        for row in rows
    ]
    return Mixtape(week, edition_id, user_id, user, user_name, songs, short_reason)
