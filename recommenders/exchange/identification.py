"""Which song is it: a file that was heard becomes a known track's, repeats one, or is a new song."""

import datetime as dt
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import sqlalchemy as sa

from recommenders.audio.analysis import ANALYSIS_VERSION
from recommenders.audio.files import open_regular
from recommenders.audio.fingerprint import WORD_S, Alignment, Likeness, bit_error, vote
from recommenders.audio.workers import Heard, hear, listening_fence
from recommenders.catalogue.works import joined
from recommenders.exchange.audio_tracks import as_track, free_ids, human_tags, ids_in_name, write_as_tracks
from recommenders.exchange.served import Served
from recommenders.store import Store, audio_files, recordings
from recommenders.store.audio_files import AudioFile
from recommenders.store.catalogue import merge_works
from recommenders.store.names import track_names, track_of
from recommenders.store.recordings import Tag, Words

# The same recording, cut off or faded out a little earlier; what differs by more is another version of the song.
SAME_WITHIN_S = 15.0
SAME_WITHIN = 0.10
_LOOKS_CLOSER = 3  # candidates that are compared bit by bit


@dataclass(frozen=True)
class Outcome:
    """What became of a file: its track, and whether that is new, or has the same recording already (duplicate)."""

    state: Literal["analysed", "duplicate"]
    track_id: int
    is_new: bool


@dataclass(frozen=True)
class Match:
    """A track whose recording is the one that was heard, or is like it."""

    track_id: int
    alignment: Alignment

    @property
    def same(self) -> bool:
        """Whether it is the same recording."""
        return self.alignment.likeness is Likeness.SAME


def matches(connection: sa.Connection, words: Words, without: int | None = None) -> list[Match]:
    """The tracks, but for one, whose recordings are the same as, or like, that of the words (n,); the best first."""
    candidates = recordings.similar_fingerprints(connection, words)
    candidates.pop(without or 0, None)
    closest = [each.track_id for each in vote(words, candidates, most=_LOOKS_CLOSER)]
    found = [Match(track_id, bit_error(candidates[track_id], words)) for track_id in closest]
    alike = [match for match in found if match.alignment.likeness is not Likeness.DIFFERENT]
    return sorted(alike, key=lambda match: (match.alignment.error, match.track_id))


@dataclass(frozen=True)
class Identified:
    """A known recording that a file holds.

    `agreement`: how far the fingerprints agree, 1 = every bit, 0 = as by chance; `same` is false where they are only
    alike. The file begins `offset_s` after the recording does (negative: before it).
    """

    outside_id: str
    name: str
    same: bool
    agreement: float
    offset_s: float


def identify(store: Store, path: Path) -> list[Identified]:
    """The known recordings that the file at `path` holds, or is like, the best first.

    Raises UnreadableAudioError when it can't be heard.
    """
    descriptor = open_regular(path)
    try:
        with listening_fence() as fence:
            words = hear(fence, descriptor, path.name).hearing.fingerprint
    finally:
        os.close(descriptor)
    with store.begin() as connection:
        found = matches(connection, words)
        names = track_names(connection, [match.track_id for match in found])
    return [
        Identified(
            outside_id,
            name,
            match.same,
            max(0.0, 1 - 2 * match.alignment.error),
            match.alignment.offset * WORD_S,
        )
        for match, (outside_id, name) in zip(found, names, strict=True)
    ]


def conclude_heard(
    connection: sa.Connection, file: AudioFile, heard: Heard, name: str | None, served: Served, now: dt.datetime
) -> Outcome:
    """Store what was heard in a file, for the track that it belongs to; `name`: what the uploads folder calls it.

    A file that is a known track's own (the catalogue names it, or the file is named after the track) is that one's new
    recording. Else, one that holds a known recording adds nothing, and any other is a new song. Where recordings are
    the same, works are joined.
    """
    words = heard.hearing.fingerprint
    own = _own_track(connection, file, name)
    found = matches(connection, words, without=own)
    if own is None and (known := _repeated(connection, found, heard)):
        audio_files.conclude(connection, file, state="duplicate", track_id=known, version=ANALYSIS_VERSION, now=now)
        return Outcome("duplicate", known, False)
    track_id = _new_track(connection, file, heard, name, now) if own is None else own
    _store(connection, track_id, heard, served, now)
    _join_works(connection, track_id, [match for match in found if match.same])
    audio_files.conclude(connection, file, state="analysed", track_id=track_id, version=ANALYSIS_VERSION, now=now)
    return Outcome("analysed", track_id, own is None)


def _own_track(connection: sa.Connection, file: AudioFile, name: str | None) -> int | None:
    """The track that the catalogue, or the name of the file, says it belongs to."""
    own = file.track_id or audio_files.track_of_uri(connection, file.uri)
    if own is None and name is not None:
        own = audio_files.track_without_file(connection, ids_in_name(name), file.uri)
    return own


def _repeated(connection: sa.Connection, found: list[Match], heard: Heard) -> int | None:
    """The track that has the whole of this recording already."""
    same = [match.track_id for match in found if match.same]
    known = recordings.read_summaries(connection, same)
    duration_s = heard.hearing.analysis.track.duration
    for track_id in same:
        other_s = float(known[track_id].figures["duration_s"] or 0) if track_id in known else duration_s
        if abs(duration_s - other_s) <= max(SAME_WITHIN_S, SAME_WITHIN * max(duration_s, other_s)):
            return track_id
    return None


def _new_track(connection: sa.Connection, file: AudioFile, heard: Heard, name: str | None, now: dt.datetime) -> int:
    called = name or file.uri.rsplit("/", 1)[-1]
    (outside_id,) = free_ids(connection, [(called, file.uri)])
    track = as_track(
        heard.tags,
        called,
        track_id=outside_id,
        uri=file.uri,
        duration_s=heard.hearing.analysis.track.duration,
        uploaded_at=min(file.modified_at, now),
    )
    write_as_tracks(connection, [track], now)
    return track_of(connection, outside_id)


def _store(connection: sa.Connection, track_id: int, heard: Heard, served: Served, now: dt.datetime) -> None:
    hearing = heard.hearing
    recordings.write_analysis(
        connection, track_id, ANALYSIS_VERSION, hearing.analysis.summary(), hearing.analysis.as_json(), now
    )
    recordings.write_fingerprint(connection, track_id, hearing.fingerprint)
    model_tags = [Tag("tag", name, weight, "model") for name, weight in hearing.tags.items()]
    recordings.write_tags(connection, track_id, human_tags(heard.tags) + model_tags)
    served.write_vector(connection, track_id, hearing.vector, now)


def _join_works(connection: sa.Connection, track_id: int, found: list[Match]) -> None:
    works = recordings.works_of(connection, [track_id, *(match.track_id for match in found)])
    others = np.array([works[match.track_id] for match in found], dtype=np.int64)
    old, new = joined(np.full(len(others), works[track_id]), others)
    if len(old):
        merge_works(connection, old, new)
