"""A folder of music as a catalogue: each file is a track, named by its tags; the analysis of uploads hears it later."""

import datetime as dt
import hashlib
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from recommenders.audio.analysis import Refusal, UnreadableAudioError
from recommenders.audio.fence import Fence
from recommenders.audio.files import FileTags, is_audio_name
from recommenders.audio.workers import tags_fence, tags_of
from recommenders.exchange.audio_places import Folder, Place, opened, shown_name
from recommenders.exchange.audio_tracks import as_track, free_ids, human_tags, write_as_tracks
from recommenders.exchange.loading import ImportReport
from recommenders.exchange.uploads import fault, register_places
from recommenders.store import Store, audio_files, recordings
from recommenders.store.database import advisory_lock
from recommenders.store.imports import ImportedFile, add_new_rows, begin_import, finish_import
from recommenders.store.outside_ids import find_ids
from recommenders.timing import Stage

AT_ONCE = 500  # files in one transaction
LEAST_BITS_A_SECOND = 4_000
KIND = "catalogue"


def holds_audio(folder: Path) -> bool:
    """Whether a folder is one of music: there are audio files in it, or below, and no tables."""
    names = [name for _, _, names in os.walk(folder) for name in names]
    tables = (".csv", ".jsonl", ".ndjson", ".parquet")
    return any(map(is_audio_name, names)) and not any(name.lower().endswith(tables) for name in names)


def import_audio_folder(
    store: Store, path: Path, *, now: dt.datetime, progress: Callable[[int], None] | None = None
) -> ImportReport:
    """Make every audio file in the folder, and below, a track, with `audio_uri` set; it is heard by `analyse_uploads`.

    A file that is known already keeps its track. One that is no audio is set aside in `rejected` (kind `uploads`).
    Other files, such as pictures and logs, are passed over.
    """
    stage = Stage(f"import {KIND} from {path}")
    folder = Folder(path.absolute().as_uri())
    places = [place for place in folder.files() if is_audio_name(shown_name(place.uri))]
    listing = hashlib.sha256("\n".join(f"{p.uri} {p.size} {p.modified_at}" for p in places).encode()).hexdigest()
    with store.begin() as connection:
        import_id = begin_import(connection, ImportedFile(KIND, str(path), listing), now, None)
    new, rejected = 0, Counter[str]()
    with tags_fence() as fence:
        for first in range(0, len(places), AT_ONCE):
            stretch = places[first : first + AT_ONCE]
            tagged, refused = _read(fence, folder, stretch, path)
            new += _write(store, folder, tagged, refused, import_id, now)
            rejected.update(refusal for _, refusal, _ in refused)
            if progress:
                progress(len(stretch))
    seconds = stage.done(len(places), "files", f"{new:,} new, {rejected.total():,} set aside")
    with store.begin() as connection:
        new = finish_import(connection, import_id, now + dt.timedelta(seconds=seconds), len(places), rejected.total())
    return ImportReport(KIND, str(path), len(places), new, rejected.total(), dict(sorted(rejected.items())), seconds)


Tagged = list[tuple[Place, FileTags]]
Refused = list[tuple[Place, str, str]]


def _read(fence: Fence, folder: Folder, places: list[Place], scratch: Path) -> tuple[Tagged, Refused]:
    """The tags of each file; and those that can't be used, with the reason."""
    tagged: Tagged = []
    refused: Refused = []
    for place in places:
        try:
            if problem := fault(place):
                raise UnreadableAudioError(*problem)
            with opened(place.uri, folder, scratch) as (descriptor, _):
                tagged.append((place, tags_of(fence, descriptor, shown_name(place.uri))))
        except FileNotFoundError:
            continue
        except UnreadableAudioError as error:
            if error.refusal in (Refusal.CRASHED, Refusal.MEMORY, Refusal.TIMEOUT, Refusal.CPU_TIME):
                tagged.append((place, FileTags()))  # the tags are at fault: whether the audio is good, hearing it tells
            else:
                refused.append((place, error.refusal.name.lower(), str(error)))
    return tagged, refused


def _write(store: Store, folder: Folder, tagged: Tagged, refused: Refused, import_id: int, now: dt.datetime) -> int:
    """Write the tracks of a stretch in one transaction, and let their files wait to be heard; how many are new."""
    named = [(folder.name_of(place.uri) or shown_name(place.uri), place.uri) for place, _ in tagged]
    with store.begin() as connection:
        advisory_lock(connection, "import")
        known = audio_files.outside_ids_of_uris(connection, [uri for _, uri in named])
        unknown = [each for each in named if each[1] not in known]
        known |= {uri: chosen for (_, uri), chosen in zip(unknown, free_ids(connection, unknown), strict=True)}
        tracks = [
            as_track(
                tags,
                name,
                track_id=known[uri],
                uri=uri,
                duration_s=_plausible(tags.duration_s, place.size),
                uploaded_at=min(place.modified_at, now),
            )
            for (place, tags), (name, uri) in zip(tagged, named, strict=True)
        ]
        new, _ = write_as_tracks(connection, tracks, now)
        track_ids = find_ids(connection, "track", pa.array([track["track_id"] for track in tracks], pa.string()))
        for track_id, (_, tags) in zip(track_ids, tagged, strict=True):
            recordings.write_tags(connection, int(track_id), human_tags(tags))
        owned = [(place, int(track_id), place.uri) for track_id, (place, _) in zip(track_ids, tagged, strict=True)]
        register_places(connection, owned, now)
        for place, reason, detail in refused:
            audio_files.set_aside(connection, place.uri, reason=reason, detail=detail, now=now)
        add_new_rows(connection, import_id, new)
    return new


def _plausible(duration_s: float | None, size: int) -> float | None:
    """The duration that a header claims, unless there are too few bytes for it."""
    return duration_s if duration_s and 8 * size >= LEAST_BITS_A_SECOND * duration_s else None
