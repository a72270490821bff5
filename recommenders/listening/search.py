"""The search for listening that is not the users' own: reads what they did, looks, writes proposals and genres."""

import datetime as dt
import json
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recommenders.listening.foreign import Finding, Found, Listening, OwnTasteParameters
from recommenders.listening.kinds import learn_kinds
from recommenders.listening.own_taste import find_foreign
from recommenders.store import Store
from recommenders.store.database import advisory_lock
from recommenders.store.genres import write_genres
from recommenders.store.proposals import note_search, searched_between, write_found
from recommenders.store.taste import read_listening
from recommenders.timing import Stage

WEEK = dt.timedelta(days=7)
FOLDS = 2  # weeks before a retraining's cut-off at which its models are judged
_NAMES = {Finding.SOMEBODY_ELSE: "somebody else", Finding.SLEEP: "sleep", Finding.PARTY: "party"}
_SHOWN_DIGITS = 4


def search_weekly(store: Store, *, cutoff: dt.datetime, now: dt.datetime, zone: ZoneInfo) -> int:
    """Search as of `cutoff`, and before that as of the weeks by which a model will be judged, where nobody did at the
    time: a model of then must not know more, nor less, than one would have known. Returns the number of findings."""
    earlier = [cutoff - weeks * WEEK for weeks in range(FOLDS, 0, -1)]
    with store.begin() as connection:
        missed = [moment for moment in earlier if not searched_between(connection, moment - WEEK, moment)]
    return _search(store, [*missed, cutoff], now, zone, OwnTasteParameters())


def search(
    store: Store,
    *,
    cutoff: dt.datetime,
    now: dt.datetime,
    zone: ZoneInfo,
    parameters: OwnTasteParameters | None = None,
) -> int:
    """Look through everybody's listening up to `cutoff`; the number of findings, each of which is a proposal then.

    Searching again as of the same moment changes nothing.
    """
    return _search(store, [cutoff], now, zone, parameters or OwnTasteParameters())


def _search(
    store: Store, cutoffs: list[dt.datetime], now: dt.datetime, zone: ZoneInfo, parameters: OwnTasteParameters
) -> int:
    """Search as of each of `cutoffs` (ascending), of which the listening is read once; what the last one found."""
    stage = Stage("search")
    since = cutoffs[0] - parameters.weeks * WEEK
    with store.begin() as connection:
        columns = read_listening(connection, since, cutoffs[-1], zone)
    listening, found = Listening(*columns.values()), Found.nothing()
    for cutoff in cutoffs:
        begins = cutoff - parameters.weeks * WEEK
        known = listening.take(_between(listening, _clock(begins, zone), _clock(cutoff, zone)))
        plays = known.take(~known.deliberate)
        kinds = learn_kinds(_streams(plays), plays.artist_ids)
        found = find_foreign(known, kinds, parameters)
        with store.begin() as connection:
            advisory_lock(connection, "taste")
            write_found(connection, *_tables(found, parameters), since=begins, cutoff=cutoff, zone=zone)
            search_id = note_search(
                connection,
                cutoff=cutoff,
                made_at=now,
                users=len(np.unique(plays.user_ids)),
                plays=len(plays),
                found=len(found),
            )
            write_genres(connection, search_id, kinds.artist_ids, kinds.kinds)
    stage.done(len(listening), "events", f"{len(found):,} findings, as of {len(cutoffs)} moments")
    return len(found)


def _clock(moment: dt.datetime, zone: ZoneInfo) -> int:
    """Seconds since 1970 on the clocks of the zone."""
    local = moment.astimezone(zone)
    return int(local.replace(tzinfo=dt.UTC).timestamp())


def _between(listening: Listening, first_s: int, end_s: int) -> npt.NDArray[np.bool_]:
    return np.asarray((listening.local_s >= first_s) & (listening.local_s < end_s))


def _streams(plays: Listening) -> npt.NDArray[np.int64]:
    """A number for each user and device: what one device plays goes together more than what one account does."""
    devices = np.unique(plays.devices, return_inverse=True)[1]
    return np.asarray(plays.user_ids * (devices.max(initial=0) + 1) + devices, dtype=np.int64)


def _tables(found: Found, parameters: OwnTasteParameters) -> tuple[pa.Table, pa.Table]:
    """The findings, and their artists, as `write_found` takes them."""
    numbers = np.arange(len(found))
    evidence = [
        json.dumps({name: round(float(values[n]), _SHOWN_DIGITS) for name, values in found.evidence.items()})
        for n in numbers
    ]
    by_hours = found.first_hours >= 0
    table = pa.table(
        {
            "n": numbers,
            "user_id": found.user_ids,
            "finding": pa.array([_NAMES[Finding(kind)] for kind in found.kinds], pa.string()),
            "device": pa.array(found.devices, mask=found.devices == 0),
            "first_hour": pa.array(found.first_hours, mask=~by_hours),
            "hours": pa.array(np.full(len(found), parameters.window_h), mask=~by_hours),
            "night": pa.array(found.nights, mask=found.nights < 0),
            "played_artists": found.played_artists,
            "evidence": pa.array(evidence, pa.string()),
        }
    )
    counts = np.diff(found.offsets)
    owners = np.repeat(numbers, counts)
    places = np.arange(len(found.artists)) - np.repeat(found.offsets[:-1], counts)
    return table, pa.table({"n": owners, "place": places, "artist_id": found.artists})
