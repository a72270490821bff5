"""A service planted song by song: its mixtapes as lists, what users did with them as events."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import sqlalchemy as sa

from recommenders.store import Store, mixtapes
from recommenders.store.partitions import ensure_event_months


@dataclass(frozen=True)
class Song:
    """A track: which artists it credits, of which song it is a version, when it came in."""

    artists: tuple[int, ...]
    work: int
    uploaded: dt.datetime | None = None
    duration_s: float | None = 200.0


@dataclass(frozen=True)
class Event:
    """What a user did; `song` is 0 for a visit to an artist."""

    at: dt.datetime
    user: int
    song: int
    kind: str = "play"
    ms: int | None = None
    context: str | None = None


@dataclass
class Planted:
    """A store with users 1 to n and these songs, numbered from 1."""

    store: Store
    n_users: int
    songs: Sequence[Song]
    editions: dict[dt.date, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        works, artists = max(s.work for s in self.songs), max(a for s in self.songs for a in s.artists)
        with self.store.begin() as connection:
            run = connection.execute
            run(
                sa.text("INSERT INTO users (name) SELECT 'user ' || n FROM generate_series(1, :n) n"),
                {"n": self.n_users},
            )
            run(
                sa.text("INSERT INTO artists (name, name_key) SELECT n, n FROM generate_series(1, :n) n"),
                {"n": artists},
            )
            run(sa.text("INSERT INTO works (title_key) SELECT n FROM generate_series(1, :n) n"), {"n": works})
            for number, song in enumerate(self.songs, start=1):
                run(
                    sa.text(
                        "INSERT INTO tracks (work_id, title, uploaded_at, duration_s) VALUES (:w, :t, :u, :d);"
                        "INSERT INTO track_artists (track_id, artist_id) SELECT :n, unnest(CAST(:a AS bigint[]))"
                    ),
                    {
                        "n": number,
                        "w": song.work,
                        "t": f"song {number}",
                        "u": song.uploaded,
                        "d": song.duration_s,
                        "a": list(song.artists),
                    },
                )

    def publish(
        self,
        week: dt.date,
        lists: Mapping[int, Sequence[int]],
        *,
        sources: Mapping[int, Sequence[int]] | None = None,
        at: dt.datetime | None = None,
        model_id: int | None = None,
        length: int = 3,
        run_key: str = "",
        teams: Mapping[int, Sequence[int]] | None = None,
        trial_model_id: int | None = None,
    ) -> int:
        """Publish `lists` (songs by user) for `week`, on its Monday at 05:00 unless said."""
        moment = at or dt.datetime.combine(week, dt.time(5), dt.UTC)
        with self.store.begin() as connection:
            edition_id = mixtapes.plan_edition(
                connection,
                week=week,
                run_key=f"{run_key}{week}",
                dry_run=False,
                cutoff=dt.datetime.combine(week, dt.time(5), dt.UTC),
                seed=1,
                model_id=model_id,
                parameters={"length": length, "fresh_weeks": 8},
                warnings=[],
                package_version="0",
                now=moment,
                trial_model_id=trial_model_id,
                trial_share=1.0 if trial_model_id else None,
            )
            edition = mixtapes.edition(connection, edition_id)
            for user, songs in lists.items():
                n, of = len(songs), (sources or {}).get(user, [1] * len(songs))
                mixtapes.write_playlists(
                    connection,
                    edition,
                    [
                        mixtapes.Playlists(
                            user_ids=np.array([user]),
                            track_ids=np.array([songs], dtype=np.int64).reshape(1, n),
                            scores=np.ones((1, n), dtype=np.float32),
                            sources=np.array([of], dtype=np.int16).reshape(1, n),
                            reason_codes=np.ones((1, n), dtype=np.int16),
                            reason_ids=np.zeros((1, 2 * n), dtype=np.int64),
                            bends=np.zeros((1, n), dtype=np.int16),
                            short_reason=np.array([int(n < length)], dtype=np.int16),
                            teams=np.array([teams[user]], dtype=np.int16) if user in (teams or {}) else None,
                        )
                    ],
                )
            mixtapes.conclude_edition(connection, edition_id, "verified", {})
            mixtapes.publish_edition(connection, edition, moment)
        self.editions[week] = edition_id
        return edition_id

    def happen(self, events: Iterable[Event]) -> None:
        """Record the events."""
        rows = list(events)
        with self.store.begin() as connection:
            ensure_event_months(connection, {event.at.date() for event in rows})
            first = connection.execute(sa.text("SELECT coalesce(max(event_id), 0) FROM events")).scalar_one()
            for number, event in enumerate(rows, start=first + 1):
                connection.execute(
                    sa.text(
                        "INSERT INTO events (occurred_at, event_id, user_id, track_id, artist_id, kind, ms_played, "
                        "context) VALUES (:at, :id, :user, nullif(:song, 0), CASE WHEN :song = 0 THEN 1 END, :kind, "
                        ":ms, :context)"
                    ),
                    event.__dict__ | {"id": number},
                )

    def champion(self, cutoff: dt.datetime, status: str = "champion") -> int:
        """A champion, or a model of another status, that knows what was played before `cutoff`."""
        with self.store.begin() as connection:
            return connection.execute(
                sa.text(
                    "INSERT INTO models (kind, space, status, trained_at, cutoff, parameters, metrics, artifact_uri, "
                    "package_version) VALUES ('collaborative', 1, :status, :at, :at, '{}', '{}', 'file:///x', '0') "
                    "RETURNING model_id"
                ),
                {"at": cutoff, "status": status},
            ).scalar_one()
