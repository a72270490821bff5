"""HetRec: the real listening and the real tags of 1,892 Last.fm users, of which a seeded fifth is held out.

The reference split: `numpy.random.RandomState(seed).rand(n_rows) < 0.2` over the rows of user_artists.dat, in the
file's order. What a user said of an artist whose listening by that user is held out is held out as well.
"""

import datetime as dt
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa

from recommenders.errors import DataError
from recommenders.exchange.imports import import_path
from recommenders.language import learning, reading
from recommenders.language.parameters import ReadingParameters
from recommenders.language.weights import TermParameters
from recommenders.store import Artifacts, Store
from recommenders.store.outside_ids import find_ids
from recommenders.store.signals import Pairs

HETREC = "listening/hetrec2011-lastfm-2k"
HELD_OUT = 0.2
PLAYS, TAGS, TAG_NAMES, ARTISTS = "user_artists.dat", "user_taggedartists.dat", "tags.dat", "artists.dat"


def bring_in(
    store: Store, artifacts: Artifacts, place: Path, test_data: Path, seed: int, now: dt.datetime
) -> tuple[list[str], list[str]]:
    """Import four fifths of the listening and the tags that may be known, and read the tags as articles of `now`.

    Files go into `place`; `test_data` holds HetRec. Returns the users and the tracks, as HetRec calls them, of the
    listening that is held out. Raises DataError where the data are missing.
    """
    source = test_data / HETREC
    if not (source / PLAYS).exists() or not (source / TAGS).exists():
        raise DataError(f"There is no {source / PLAYS}: set MIXTAPE_TEST_DATA to the folder that holds {HETREC}.")
    held_out = _split(source, place, seed)
    for kind, path in (("catalogue", source / ARTISTS), ("listening", place / PLAYS), ("tags", place / TAGS)):
        import_path(store, kind, path, file_format="hetrec", now=now)
    for batch in reading.plan(store, artifacts, ReadingParameters(), now):
        reading.read(store, artifacts, batch, now)
    learning.weigh(store, TermParameters(), now.date())
    learning.place(store, artifacts, "hetrec", now)
    return held_out


def labels_of(connection: sa.Connection, users: list[str], tracks: list[str]) -> Pairs:
    """The pairs of users and tracks that HetRec calls so, in order of users and tracks."""
    return pairs_of(find_ids(connection, "user", pa.array(users)), find_ids(connection, "track", pa.array(tracks)))


def _split(source: Path, place: Path, seed: int) -> tuple[list[str], list[str]]:
    """Write the listening and the tags that may be known into `place`; the users and tracks that are held out."""
    place.mkdir(parents=True, exist_ok=True)
    header, *lines = (source / PLAYS).read_text(encoding="utf-8").splitlines(keepends=True)
    held_out = np.random.RandomState(seed).rand(len(lines)) < HELD_OUT
    (place / PLAYS).write_text(header + "".join(_where(lines, ~held_out)), encoding="utf-8")
    pairs = [tuple(line.split("\t")[:2]) for line in _where(lines, held_out)]
    hidden = set(pairs)
    header, *tagged = (source / TAGS).read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in tagged if tuple(line.split("\t")[:2]) not in hidden]
    (place / TAGS).write_text(header + "".join(kept), encoding="utf-8")
    shutil.copyfile(source / TAG_NAMES, place / TAG_NAMES)
    return [user for user, _ in pairs], [track for _, track in pairs]


def pairs_of(users: npt.NDArray[np.int64], tracks: npt.NDArray[np.int64]) -> Pairs:
    """Pairs in order of users and tracks."""
    order = np.lexsort((tracks, users))
    return Pairs(users[order], tracks[order])


def _where(lines: list[str], chosen: Iterable[bool]) -> list[str]:
    """The lines that are chosen."""
    return [line for line, taken in zip(lines, chosen, strict=True) if taken]
