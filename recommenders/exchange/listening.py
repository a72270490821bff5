"""Listening as files hold it: users, dated events, and totals without dates."""

import datetime as dt
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from recommenders.exchange.checks import Examination, as_mask
from recommenders.exchange.keys import mix, text_keys
from recommenders.exchange.layouts import Checked, Layout
from recommenders.exchange.readers import Rows
from recommenders.exchange.rejections import Reason
from recommenders.exchange.values import as_integers
from recommenders.store import Store
from recommenders.store.dials import write_dials
from recommenders.store.listening import ensure_users, event_months, write_events, write_totals, write_users
from recommenders.store.outside_ids import Entity, KnownIds
from recommenders.store.partitions import ensure_event_months

# What listeners have set for their own mixtapes, and the least that it can be.
WHOLE_DIALS = {"min_fresh": 0, "length": 5, "max_per_artist": 1, "max_per_release": 1}
KINDS = ("play", "save", "artist_visit", "love", "ban", "rating")

# Nothing was scrobbled before Last.fm was founded; ListenBrainz draws the same line. A device whose clock was never
# set reports 1970.
EARLIEST = dt.datetime(2002, 10, 1, tzinfo=dt.UTC)

_SERVICE = np.uint64(int.from_bytes(b"service", "little"))


def _check_users(rows: Rows, now: dt.datetime) -> Checked:
    examined = Examination(rows)
    user = examined.text("user_id", required=True)
    columns = {
        "outside_id": user,
        "name": examined.text("name"),
        "created_at": examined.time("created_at"),
        "adventurousness": examined.number("adventurousness", (-1, 1)),
        "since": pa.array([now] * len(user), pa.timestamp("us", "UTC")),
    }
    columns |= {name: examined.integer(name, least=low, most=100) for name, low in WHOLE_DIALS.items()}
    return Checked.of(examined, columns, text_keys(user))


def _write_users(
    connection: sa.Connection, checked: Checked, ordinals: npt.NDArray[np.int64], known: KnownIds
) -> tuple[int, Checked]:
    users = checked.table.select(["outside_id", "name", "created_at"])
    changed = write_users(connection, users, known)
    own = checked.table.select(["adventurousness", *WHOLE_DIALS, "since"])
    ids = ensure_users(connection, users["outside_id"].combine_chunks(), known)
    return len(changed | write_dials(connection, own.append_column("user_id", pa.array(ids)))), checked


def _check_events(rows: Rows, now: dt.datetime) -> Checked:
    examined = Examination(rows)
    user = examined.text("user_id", required=True)
    at = examined.time("at", required=True)
    examined.within("at", at, EARLIEST, now)
    kind = pc.fill_null(examined.text("kind"), "play")
    unknown = ~as_mask(pc.is_in(kind, pa.array(KINDS)))
    examined.reject(unknown, Reason.UNKNOWN_KIND, lambda i: f"kind = {kind[i]}; known are {', '.join(KINDS)}")
    track, artist = examined.text("track_id"), examined.text("artist_id")
    _require_what_was_heard(examined, kind, track, artist)
    ms_played = examined.integer("ms_played")
    rating = _rating(examined, kind)
    event = examined.text("event_id")
    columns = {
        "user": user,
        "occurred_at": at,
        "track": track,
        "artist": artist,
        "kind": kind,
        "ms_played": ms_played,
        "rating": rating,
        "device": examined.text("device"),
        "context": examined.text("context"),
    }
    named = as_mask(pc.is_valid(event))
    seconds = np.asarray(pc.fill_null(at.cast(pa.int64()), 0)) // 1_000_000
    described = mix(
        np.full(len(named), _SERVICE),
        text_keys(user),
        text_keys(track),
        text_keys(artist),
        seconds.astype(np.uint64),
        text_keys(kind),
    )
    keys = np.where(named, mix(np.full(len(named), _SERVICE), text_keys(event)), described)
    return Checked.of(examined, columns, keys, ~named)


def _require_what_was_heard(examined: Examination, kind: pa.Array, track: pa.Array, artist: pa.Array) -> None:
    visit, ban = as_mask(pc.equal(kind, "artist_visit")), as_mask(pc.equal(kind, "ban"))
    no_track, no_artist = as_mask(pc.is_null(track)), as_mask(pc.is_null(artist))
    examined.reject(visit & no_artist, Reason.MISSING, "artist_id is missing")
    examined.reject(~visit & ~ban & no_track, Reason.MISSING, "track_id is missing")
    examined.reject(no_track & no_artist, Reason.MISSING, "track_id or artist_id is missing")


def _rating(examined: Examination, kind: pa.Array) -> pa.Array:
    rates = as_mask(pc.equal(kind, "rating"))
    given = examined.given("rating")
    examined.reject(rates & as_mask(pc.is_null(given)), Reason.MISSING, "rating is missing")
    examined.reject(~rates & as_mask(pc.is_valid(given)), Reason.BAD_RATING, "a rating needs the kind rating")
    stars = as_integers(given)
    outside = rates & ~as_mask(pc.is_in(stars, pa.array([1, 2, 3, 4, 5])))
    examined.reject(outside, Reason.BAD_RATING, lambda i: f"rating = {given[i]} is not 1, 2, 3, 4 or 5")
    return stars


def _prepare_events(store: Store, checked: Checked) -> None:
    with store.begin() as connection:
        ensure_event_months(connection, event_months(checked.table["occurred_at"].combine_chunks()))


def _write_events(
    connection: sa.Connection, checked: Checked, ordinals: npt.NDArray[np.int64], known: KnownIds
) -> tuple[int, Checked]:
    event_ids = np.where(checked.countable, mix(checked.keys, ordinals.astype(np.uint64)), checked.keys)
    checked = replace(checked, table=checked.table.append_column("event_id", pa.array(event_ids.view(np.int64))))
    checked = resolve(connection, known, "track", Reason.UNKNOWN_TRACK, checked)
    checked = resolve(connection, known, "artist", Reason.UNKNOWN_ARTIST, checked)
    return write_events(connection, _with_users(connection, known, checked.table)), checked


def resolve(connection: sa.Connection, known: KnownIds, entity: Entity, reason: Reason, checked: Checked) -> Checked:
    """Put the store's ids into the column ENTITY_id in place of the outside ids in ENTITY; set aside the unknown."""
    outside = checked.table[entity].combine_chunks()
    given = np.asarray(outside.is_valid())
    ids = known.find(connection, entity, outside)
    table = checked.table.append_column(f"{entity}_id", pa.array(ids, mask=~given)).drop_columns([entity])
    unknown = given & (ids == 0)
    detail = f"{entity}_id = {{}} is not in the catalogue"
    return replace(checked, table=table).without(unknown, reason, lambda i: detail.format(outside[i]))


def _with_users(connection: sa.Connection, known: KnownIds, table: pa.Table) -> pa.Table:
    """The table with user_id in place of the outside ids in `user`."""
    user_ids = ensure_users(connection, table["user"].combine_chunks(), known)
    return table.append_column("user_id", pa.array(user_ids)).drop_columns(["user"])


def _check_totals(rows: Rows, now: dt.datetime) -> Checked:
    examined = Examination(rows)
    user = examined.text("user_id", required=True)
    track = examined.text("track_id", required=True)
    columns = {"user": user, "track": track, "plays": examined.integer("plays", required=True, least=1)}
    return Checked.of(examined, columns, mix(text_keys(user), text_keys(track)))


def totals_layout(source: str) -> Layout:
    """Totals that are stored under the name `source`."""

    def write(
        connection: sa.Connection, checked: Checked, ordinals: npt.NDArray[np.int64], known: KnownIds
    ) -> tuple[int, Checked]:
        checked = resolve(connection, known, "track", Reason.UNKNOWN_TRACK, checked)
        return write_totals(connection, source, _with_users(connection, known, checked.table)), checked

    return Layout("totals", frozenset(["user_id", "track_id", "plays"]), frozenset(), _check_totals, write)


USERS = Layout(
    "users",
    frozenset(["user_id"]),
    frozenset(["name", "created_at", "adventurousness", *WHOLE_DIALS]),
    _check_users,
    _write_users,
)
EVENTS = Layout(
    "events",
    frozenset(["user_id", "at"]),
    frozenset(["track_id", "artist_id", "kind", "ms_played", "rating", "device", "context", "event_id"]),
    _check_events,
    _write_events,
    prepare=_prepare_events,
)
TOTALS = totals_layout("service")
