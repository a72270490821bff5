"""A small service, planted straight into the database, and one Monday on it."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
import sqlalchemy as sa

from recommenders.collaborative.model import AlsParameters, CollaborativeModel, save_model
from recommenders.playlists import monday
from recommenders.playlists.calendar import Moment
from recommenders.playlists.parameters import MondayParameters
from recommenders.store import Artifacts, Store, models

WEEK = dt.date(2026, 11, 23)
CUTOFF = dt.datetime(2026, 11, 23, 5, tzinfo=dt.UTC)


@dataclass
class Service:
    """A planted service: what is in the database, and how to run a Monday on it."""

    store: Store
    artifacts: Artifacts
    users: list[int] = field(default_factory=list)
    tracks: list[int] = field(default_factory=list)
    _open: sa.Connection | None = None

    def sql(self, query: str, **parameters: object) -> list[tuple]:
        with self.one_transaction() as connection:
            result = connection.execute(sa.text(query), parameters)
            return [tuple(row) for row in result] if result.returns_rows else []

    @contextmanager
    def one_transaction(self) -> Iterator[sa.Connection]:
        """What is planted within it is one transaction, not one for each row."""
        if self._open:
            yield self._open
            return
        with self.store.begin() as connection:
            self._open = connection
            try:
                yield connection
            finally:
                self._open = None

    def add_user(self, name: str) -> int:
        user = self.sql("INSERT INTO users (name) VALUES (:name) RETURNING user_id", name=name)[0][0]
        self.sql("INSERT INTO user_ids VALUES ('service', :name, :user)", name=name, user=user)
        self.users.append(user)
        return user

    def add_artist(self, name: str) -> int:
        return self.sql("INSERT INTO artists (name, name_key) VALUES (:n, :n) RETURNING artist_id", n=name)[0][0]

    def add_track(
        self,
        title: str,
        artists: list[int],
        *,
        work: int | None = None,
        release: int | None = None,
        uploaded: dt.datetime | None = None,
    ) -> int:
        if work is None:
            work = self.sql("INSERT INTO works (title_key) VALUES (:t) RETURNING work_id", t=title)[0][0]
        track = self.sql(
            "INSERT INTO tracks (work_id, release_id, title, duration_s, uploaded_at) "
            "VALUES (:w, :r, :t, 200, :u) RETURNING track_id",
            w=work,
            r=release,
            t=title,
            u=uploaded,
        )[0][0]
        self.sql("INSERT INTO track_ids VALUES ('service', :t, :id)", t=title, id=track)
        for position, artist in enumerate(artists):
            self.sql(
                "INSERT INTO track_artists (track_id, artist_id, position) VALUES (:t, :a, :p)",
                t=track,
                a=artist,
                p=position,
            )
        self.tracks.append(track)
        return track

    def work_of(self, track: int) -> int:
        return self.sql("SELECT work_id FROM tracks WHERE track_id = :t", t=track)[0][0]

    def play(self, user: int, track: int, plays: int = 5) -> None:
        self.sql("INSERT INTO listening_totals VALUES (:u, :t, 'test', :n)", u=user, t=track, n=plays)
        self.sql("INSERT INTO heard VALUES (:u, :t, '-infinity', '-infinity') ON CONFLICT DO NOTHING", u=user, t=track)

    def event(
        self, user: int, track: int, at: dt.datetime, *, context: str | None = None, ms: int | None = None
    ) -> None:
        self.sql(
            "INSERT INTO events (occurred_at, event_id, user_id, track_id, kind, ms_played, context) "
            "VALUES (:at, :id, :u, :t, 'play', :ms, :c)",
            at=at,
            id=hash((user, track, at)) % 2**60,
            u=user,
            t=track,
            ms=ms,
            c=context,
        )
        self.sql(
            "INSERT INTO heard VALUES (:u, :t, :at, :at) ON CONFLICT (user_id, track_id) "
            "DO UPDATE SET last_at = excluded.last_at",
            u=user,
            t=track,
            at=at,
        )

    def promote(self, factors: np.ndarray, tracks: list[int] | None = None, regularisation: float = 0.1) -> int:
        """Make a champion of planted `factors` (n_tracks, f) for `tracks`."""
        track_ids = np.array(tracks or self.tracks)
        parameters = AlsParameters(factors=factors.shape[1], regularisation=regularisation, alpha=1.0, eps=1.0)
        model = CollaborativeModel(track_ids, factors.astype(np.float32), parameters, 1)
        uri = save_model(self.artifacts, f"planted-{len(self.sql('SELECT FROM models'))}", model)
        with self.store.begin() as connection:
            model_id = models.add_candidate(
                connection,
                kind="collaborative",
                space=1,
                run_key=None,
                trained_at=CUTOFF,
                cutoff=CUTOFF,
                parameters=parameters.model_dump(),
                metrics={},
                artifact_uri=uri,
                package_version="test",
            )
            models.promote(
                connection,
                model_id,
                now=CUTOFF - dt.timedelta(days=1),
                track_ids=track_ids,
                vectors=model.track_factors,
            )
        return model_id

    def run(
        self,
        *,
        week: dt.date = WEEK,
        cutoff: dt.datetime | None = None,
        run_key: str = "run",
        past: bool = False,
        shards: int = 2,
        publish: bool = True,
        **parameters: object,
    ) -> int:
        """One whole Monday run; returns its edition."""
        cutoff = cutoff or dt.datetime.combine(week, dt.time(5), dt.UTC)
        plan = monday.plan_week(
            self.store,
            self.artifacts,
            MondayParameters(**parameters),
            Moment(week, cutoff, past),
            run_key=run_key,
            now=cutoff,
            users_per_shard=10_000,
            least_shards=shards,
        )
        edition = plan["edition"]
        for shard in reversed(plan["shards"]):
            monday.score_shard(self.store, self.artifacts, edition, tuple(shard))
        monday.allocate_songs(self.store, self.artifacts, edition, plan["shards"])
        for shard in plan["shards"]:
            monday.finish_shard(self.store, self.artifacts, edition, tuple(shard))
        monday.verify_edition(self.store, self.artifacts, edition)
        if publish:
            monday.publish_edition(self.store, edition, cutoff)
        return edition

    def lists(self, edition: int) -> dict[int, list[int]]:
        rows = self.sql("SELECT user_id, track_ids FROM playlists WHERE edition_id = :e ORDER BY user_id", e=edition)
        return {user: list(tracks) for user, tracks in rows}


@pytest.fixture
def service(store: Store, artifacts: Artifacts) -> Service:
    """An empty service."""
    return Service(store, artifacts)


def plant(service: Service, seed: int, *, users: int = 40, artists: int = 30, tracks: int = 300) -> np.ndarray:
    """Fill a service with collaborations, versions, releases, plays and blocks; return the planted track factors."""
    with service.one_transaction():
        return _plant(service, seed, users, artists, tracks)


def _plant(service: Service, seed: int, users: int, artists: int, tracks: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    people = [service.add_user(f"user {i}") for i in range(users)]
    bands = [service.add_artist(f"band {i}") for i in range(artists)]
    releases = [
        service.sql(
            "INSERT INTO releases (artist_id, title, title_key) VALUES (:a, :t, :t) RETURNING release_id",
            a=band,
            t=f"album {band}-{n}",
        )[0][0]
        for band in bands
        for n in range(3)
    ]
    for i in range(tracks):
        band = int(rng.integers(artists))
        credited = [bands[band]] + ([bands[int(rng.integers(artists))]] if rng.random() < 0.3 else [])
        work = service.work_of(service.tracks[int(rng.integers(i))]) if i and rng.random() < 0.15 else None
        release = releases[3 * band + int(rng.integers(3))] if rng.random() < 0.8 else None
        service.add_track(f"song {i}", list(dict.fromkeys(credited)), work=work, release=release)
    factors = rng.normal(size=(tracks, 8)) * rng.lognormal(sigma=1, size=(tracks, 1))
    for person in people[2:]:  # the first two have no history
        for track in rng.choice(service.tracks, size=int(rng.integers(5, 40)), replace=False):
            service.play(person, int(track))
        for track in rng.choice(service.tracks, size=2, replace=False):
            service.sql(
                "INSERT INTO blocks (user_id, track_id, since) VALUES (:u, :t, '2026-01-01')", u=person, t=int(track)
            )
        service.sql(
            "INSERT INTO blocks (user_id, artist_id, since) VALUES (:u, :a, '2026-01-01')",
            u=person,
            a=int(rng.choice(bands)),
        )
    return factors
