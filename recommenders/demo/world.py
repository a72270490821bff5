"""The demo service: an invented music service whose truths are known, made from a seed in seconds."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from recommenders.demo.catalogue import TRACKS_PER_ARTIST, Artists, Tracks, make_artists, make_tracks
from recommenders.demo.curators import curate, write_lists
from recommenders.demo.files import write_catalogue, write_events, write_users
from recommenders.demo.genres import GENRE_NAMES, GENRES
from recommenders.demo.listeners import DEVICES, KIDS_DEVICE, People, make_people
from recommenders.demo.listening import CONTEXTS, KINDS, Listening, listen
from recommenders.demo.taste import WEEK_S
from recommenders.errors import ConfigurationError


@dataclass(frozen=True)
class Truth:
    """What is planted, and what nothing but the demo itself may look at.

    Tracks are named by `track_ids`, users by `user_ids`. `work_of_track` (n_tracks,) numbers the songs of which tracks
    are versions, `version_of_track` says of which kind ("" = the original). `kids_accounts` are users on whose account
    a child listens, mostly on `kids_device`. `drift_week` (n_users,) float32 is the week in which a taste changes, NaN
    where it does not. `genre_words` and `artist_words` are what people say of a genre or of an artist (by artist id).
    """

    genres: tuple[str, ...]
    genre_of_track: npt.NDArray[np.int64]
    work_of_track: npt.NDArray[np.int64]
    version_of_track: tuple[str, ...]
    unplayed_tracks: tuple[str, ...]
    users_without_history: tuple[str, ...]
    kids_accounts: tuple[str, ...]
    kids_device: str
    disliked_genres: dict[str, tuple[str, ...]]
    drift_week: npt.NDArray[np.float32]
    genre_words: dict[str, tuple[str, ...]]
    artist_words: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class World:
    """An invented service: `weeks` weeks of listening that end at `now`, and `future_weeks` more that are held out.

    `artists`, `tracks` and `people` hold everything about them, planted truths included; `listening` all events.
    """

    seed: int
    now: dt.datetime
    weeks: int
    future_weeks: int
    artists: Artists
    tracks: Tracks
    people: People
    listening: Listening

    @property
    def user_ids(self) -> tuple[str, ...]:
        """The service's ids of the users; the order of every array with a row per user."""
        return self.people.ids

    @property
    def track_ids(self) -> tuple[str, ...]:
        """The service's ids of the tracks; the order of every array with a column per track."""
        return self.tracks.ids

    @property
    def start_s(self) -> int:
        """When the first week begins, in unix seconds."""
        return int(self.now.timestamp()) - self.weeks * WEEK_S

    def week_of(self, at: dt.datetime) -> int:
        """The number of the week in which `at` lies; raises ConfigurationError outside of the world's weeks."""
        week = (int(at.timestamp()) - self.start_s) // WEEK_S
        if not 0 <= week < self.weeks + max(self.future_weeks, 1):
            raise ConfigurationError(
                f"{at} lies outside of this demo service, which has {self.weeks} weeks up to {self.now} and "
                f"{self.future_weeks} after it. Make one with more weeks or future_weeks."
            )
        return week

    def rows_before(self, until: dt.datetime) -> int:
        """How many rows of `listening` lie before `until`; raises ConfigurationError where the world has ended."""
        last = self.now + self.future_weeks * dt.timedelta(weeks=1)
        if until > last:
            raise ConfigurationError(f"This demo service ends at {last}. Make one with more future_weeks.")
        return int(np.searchsorted(self.listening.at, until.timestamp()))

    def events(self, until: dt.datetime | None = None, since: dt.datetime | None = None) -> pa.Table:
        """The events in [`since`, `until`) as an Arrow table in the own format of `listening` files, ascending in time.

        By default everything before `now`. With a later `until` also what comes after: the held-out truth.
        `at` is a timestamp in UTC, of whole seconds.
        """
        last = self.rows_before(until or self.now)
        first = self.rows_before(since) if since else 0
        return _event_table(self, np.arange(first, last))

    @property
    def truth(self) -> Truth:
        """The planted truths, by the service's ids."""
        people, tracks = self.people, self.tracks
        n_users = len(people.ids)
        return Truth(
            genres=GENRE_NAMES,
            genre_of_track=tracks.genre,
            work_of_track=tracks.work,
            version_of_track=tracks.version,
            unplayed_tracks=tuple(np.array(tracks.ids)[tracks.unplayed].tolist()),
            users_without_history=tuple(np.array(people.ids)[people.first_week[:n_users] >= self.weeks].tolist()),
            kids_accounts=tuple(np.array(people.ids)[people.account[n_users:]].tolist()),
            kids_device=KIDS_DEVICE,
            disliked_genres={
                user: tuple(np.array(GENRE_NAMES)[row].tolist())
                for user, row in zip(people.ids, people.dislikes[:n_users], strict=True)
            },
            drift_week=people.drift_week[:n_users],
            genre_words={genre.name: genre.words for genre in GENRES},
            artist_words=dict(zip(self.artists.ids, self.artists.words, strict=True)),
        )


def generate_world(
    seed: int, now: dt.datetime, *, users: int = 600, tracks: int = 3000, weeks: int = 16, future_weeks: int = 1
) -> World:
    """Make the demo service of `seed`, whose listening ends at `now` (aware); the same arguments give the same bytes.

    `future_weeks` more weeks are made for `World.events(until)`; they change nothing of what comes before.
    `now` is cut to whole seconds. Raises ConfigurationError when it is naive, or the service would be too small to hold
    its planted truths.
    """
    if now.tzinfo is None:
        raise ConfigurationError(f"now = {now} has no time zone. Give an aware time, for instance in UTC.")
    if users < 20 or tracks < 20 * len(GENRES) or weeks < 2:
        raise ConfigurationError(
            f"A demo service needs at least 20 users, {20 * len(GENRES)} tracks and 2 weeks, "
            f"not {users}, {tracks} and {weeks}."
        )
    now = now.astimezone(dt.UTC).replace(microsecond=0)
    now_s = int(now.timestamp())
    for_artists, for_tracks, for_people, for_listening = np.random.SeedSequence(seed).spawn(4)
    artists = make_artists(tracks // TRACKS_PER_ARTIST, np.random.default_rng(for_artists))
    catalogue = make_tracks(artists, tracks, weeks, now_s, np.random.default_rng(for_tracks))
    people = make_people(artists, users, weeks, now_s, np.random.default_rng(for_people))
    start_s = now_s - weeks * WEEK_S
    return World(
        seed=seed,
        now=now,
        weeks=weeks,
        future_weeks=future_weeks,
        artists=artists,
        tracks=catalogue,
        people=people,
        listening=listen(people, catalogue, weeks + future_weeks, start_s, for_listening),
    )


def write_world(world: World, folder: Path, until: dt.datetime | None = None) -> None:
    """Write the service into `folder`, laid out as a landing folder: catalogue/, users/, listening/, editorial/.

    There is one file of events a week, up to `until` (by default `now`). What is planted is not written.
    """
    write_catalogue(folder / "catalogue", world.artists, world.tracks)
    write_users(folder / "users", world.people)
    until, since = until or world.now, world.now - world.weeks * dt.timedelta(weeks=1)
    weeks = {}
    while since < until:
        following = min(since + dt.timedelta(weeks=1), until)
        weeks[since.date()] = world.events(following, since=since)
        since = following
    write_events(folder / "listening", weeks)
    lists = curate(world.tracks, world.seed, int(world.now.timestamp()))
    write_lists(folder / "editorial", world.artists, world.tracks, lists)


def _event_table(world: World, rows: npt.NDArray[np.int64]) -> pa.Table:
    """Rows of `world.listening` in the own format of `listening` files."""
    chosen = world.listening.take(rows)
    number = pc.utf8_lpad(pa.array(rows + 1).cast(pa.string()), width=8, padding="0")
    return pa.table(
        {
            "event_id": pc.binary_join_element_wise("e", number, ""),
            "user_id": _names(world.people.ids, world.people.account[chosen.person]),
            "at": pa.array(chosen.at).cast(pa.timestamp("s", "UTC")),
            "track_id": _names(world.tracks.ids, chosen.track),
            "artist_id": _names(world.artists.ids, chosen.artist),
            "kind": _names(KINDS, chosen.kind),
            "ms_played": pa.array(chosen.ms_played, mask=chosen.ms_played < 0),
            "rating": pa.array(chosen.rating, mask=chosen.rating < 1),
            "device": _names(DEVICES, chosen.device),
            "context": _names(CONTEXTS, chosen.context),
        }
    )


def _names(names: tuple[str, ...], index: npt.NDArray[np.int64]) -> pa.Array:
    """The names at `index`; null where it is -1."""
    return pa.array(names).take(pa.array(index, mask=index < 0))
