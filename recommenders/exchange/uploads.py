"""Uploads: files of audio are found, heard inside a fence, and become tracks that can be recommended."""

import datetime as dt
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from recommenders.audio.analysis import ANALYSIS_VERSION, Refusal, UnreadableAudioError
from recommenders.audio.fence import Limits
from recommenders.audio.mels import save_mels
from recommenders.audio.workers import Heard, hear, listening_fence
from recommenders.exchange.audio_places import LONGEST_URI, Folder, Place, look_at, opened, shown_name
from recommenders.exchange.identification import Outcome, conclude_heard
from recommenders.exchange.served import KIND, Served
from recommenders.exchange.upload_parameters import MOST_BATCHES, UploadParameters
from recommenders.store import Artifacts, Store, audio_files, models
from recommenders.store.audio_files import MOST_ATTEMPTS, AudioFile
from recommenders.store.database import advisory_lock
from recommenders.timing import Stage

Item = TypeVar("Item")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scan:
    """What a look around found: files, those that wait because of it, those left for the next time, those set aside."""

    found: int
    new: int
    unsettled: int
    set_aside: int


@dataclass
class BatchReport:
    """What became of a batch's files: analysed (`new_tracks` of them unknown before), duplicates, rejected, and left:
    claimed by another process, changed since they were found, gone, or to be tried again."""

    analysed: int = 0
    duplicate: int = 0
    rejected: int = 0
    left: int = 0
    new_tracks: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def counts(self) -> dict[str, int]:
        """The figures that a task returns."""
        names = ("analysed", "duplicate", "rejected", "left", "new_tracks")
        return {name: getattr(self, name) for name in names}


def scan(store: Store, uploads_url: str, parameters: UploadParameters, *, now: dt.datetime) -> Scan:
    """Register what is new: the files that the catalogue names, then those in the uploads folder.

    What was written to in the last seconds is left for the next time. Links, pipes and devices are set aside unopened.
    """
    stage = Stage("scan uploads")
    folder = Folder(uploads_url)
    new = _register_catalogue(store, folder, now)
    found = unsettled = set_aside = 0
    for places in _batched(folder.files(), 10_000):
        settled = [place for place in places if place.irregular or place.settled(now)]
        usable = [place for place in settled if not fault(place)]
        with store.begin() as connection:
            set_aside += sum(_set_aside(connection, place, now) for place in settled if fault(place))
            new += register_places(connection, [(place, None, None) for place in usable], now)
        found, unsettled = found + len(places), unsettled + len(places) - len(settled)
    with store.begin() as connection:
        new += audio_files.register_outdated(connection, ANALYSIS_VERSION)
        if parameters.reanalyse != "changed":
            states = ("rejected",) if parameters.reanalyse == "rejected" else ("analysed", "duplicate", "rejected")
            new += audio_files.register_again(connection, states)
    stage.done(found, "files", f"{new:,} to hear, {unsettled:,} still being written, {set_aside:,} set aside")
    return Scan(found, new, unsettled, set_aside)


def plan_batches(store: Store, parameters: UploadParameters) -> list[list[int]]:
    """The waiting files, by id, in batches; none where nothing waits."""
    most = min(parameters.most_files, parameters.batch_size * MOST_BATCHES)
    with store.begin() as connection:
        waiting = audio_files.waiting_files(connection, most)
    return list(_batched(waiting, parameters.batch_size))


def label(batch: list[int]) -> str:
    """How a batch is called."""
    return f"{len(batch)} files from {batch[0]}" if len(batch) > 1 else f"file {batch[0]}"


def analyse_batch(
    store: Store,
    artifacts: Artifacts,
    file_ids: list[int],
    uploads_url: str,
    *,
    scratch: Path,
    clock: Callable[[], dt.datetime],
    limits: Limits | None = None,
) -> BatchReport:
    """Hear the files that still wait; each is concluded in a transaction of its own.

    A file that can't be used costs itself only: it is set aside with its reason. One at which this process dies is
    tried again by the next, three times at most. The excerpts of all become one artifact. `scratch` is a folder for
    files that are fetched from a bucket.
    """
    stage = Stage(f"analyse {label(file_ids)}")
    with (
        audio_files.claims(store) as claims,
        _Batch(store, artifacts, Folder(uploads_url), scratch, clock, limits) as batch,
    ):
        for file_id in file_ids:
            file = audio_files.claim(claims, file_id)
            if file is None:
                batch.report.left += 1
                continue
            try:
                batch.take(file)
            finally:
                audio_files.release(claims, file_id)
        batch.join_excerpts()
    report = batch.report
    done = report.analysed + report.duplicate + report.rejected
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(report.reasons.items()))
    stage.done(
        done,
        "files",
        f"{report.new_tracks:,} new songs, {report.duplicate:,} known ones, "
        f"{report.rejected:,} set aside" + (f": {reasons}" if reasons else ""),
    )
    return report


class _Batch:
    """A batch at work: what it needs for each file, and what came of those done."""

    def __init__(
        self,
        store: Store,
        artifacts: Artifacts,
        folder: Folder,
        scratch: Path,
        clock: Callable[[], dt.datetime],
        limits: Limits | None,
    ) -> None:
        self.store, self.artifacts, self.folder, self.scratch = store, artifacts, folder, scratch
        self.clock, self.limits = clock, limits
        self.report = BatchReport()
        self._served, self._fence = Served(), listening_fence(limits)
        self._excerpts: list[tuple[str, int, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._fence.close()

    def _keep_up(self) -> None:
        """Predict with the network that serves now."""
        with self.store.begin() as connection:
            if self._served.is_champion(connection):
                return
            model = models.champion(connection, KIND)
        self._fence.close()
        self._served = Served.fetch(model, self.artifacts, self.scratch)
        self._fence = listening_fence(self.limits, self._served.options())

    def take(self, file: AudioFile) -> None:
        """Hear one claimed file and conclude it."""
        try:
            self._keep_up()
            heard = self._hear(file)
            if heard is None:
                self.report.left += 1
                return
            outcome = self._conclude(file, heard)
        except UnreadableAudioError as error:
            self._refuse(file, error)
        except (sa.exc.IntegrityError, sa.exc.DataError) as error:
            why = f"{shown_name(file.uri)!r} can't be analysed: {str(error.orig).splitlines()[0]}"
            self._refuse(file, UnreadableAudioError(Refusal.OUT_OF_RANGE, why))
        else:
            self.report.analysed += outcome.state == "analysed"
            self.report.duplicate += outcome.state == "duplicate"
            self.report.new_tracks += outcome.is_new

    def _hear(self, file: AudioFile) -> Heard | None:
        """None: the file is gone, or is no longer the one that was found."""
        name = shown_name(file.uri)
        if file.attempts > MOST_ATTEMPTS:
            why = f"{name!r} can't be analysed: {MOST_ATTEMPTS} processes ended while they were at it."
            raise UnreadableAudioError(Refusal.GIVEN_UP, why)
        try:
            with opened(file.uri, self.folder, self.scratch) as (descriptor, place):
                if place and (place.size, place.modified_at) != (file.size, file.modified_at):
                    log.info("%s has changed since it was found: left for the next run", name)
                    return None
                heard = hear(self._fence, descriptor, name)
        except FileNotFoundError:
            log.info("%s is gone", name)
            with self.store.begin() as connection:
                audio_files.forget(connection, file.file_id)
            return None
        for problem in heard.problems:
            log.info("%s: %s", name, problem)
        return heard

    def _conclude(self, file: AudioFile, heard: Heard) -> Outcome:
        """Excerpts are stored before the transaction ends: a file that is concluded has them."""
        uri = None
        with self.store.begin() as connection:
            advisory_lock(connection, "import")
            outcome = conclude_heard(
                connection, file, heard, self.folder.name_of(file.uri), self._served, now=self.clock()
            )
            if outcome.state == "analysed" and not heard.silent:
                mels = heard.hearing.mels
                uri = save_mels(self.artifacts, f"file-{file.file_id}", np.full(len(mels), outcome.track_id), mels)
        if uri:
            self._excerpts.append((uri, outcome.track_id, mels))
        return outcome

    def _refuse(self, file: AudioFile, error: UnreadableAudioError) -> None:
        if error.refusal is Refusal.KILLED and file.attempts < MOST_ATTEMPTS:
            log.warning("%s It is tried again.", error)
            self.report.left += 1
            return
        log.warning("Set aside: %s", error)
        reason = error.refusal.name.lower()
        self.report.rejected += 1
        self.report.reasons[reason] += 1
        with self.store.begin() as connection:
            audio_files.reject(
                connection, file, reason=reason, detail=str(error), version=ANALYSIS_VERSION, now=self.clock()
            )

    def join_excerpts(self) -> None:
        """Put the excerpts of the batch's files into one artifact."""
        if not self._excerpts:
            return
        track_ids = np.concatenate([np.full(len(mels), track_id) for _, track_id, mels in self._excerpts])
        name = f"batch-{self._excerpts[0][1]}-{self.clock():%Y%m%dT%H%M%S%f}"
        save_mels(self.artifacts, name, track_ids, np.concatenate([mels for _, _, mels in self._excerpts]))
        for uri, _, _ in self._excerpts:
            self.artifacts.delete(uri)


def summarise(store: Store, since: dt.datetime) -> dict[str, int]:
    """How many files came to what since a moment, whichever try of a task did them; logged with what still waits."""
    with store.begin() as connection:
        done = audio_files.count_files(connection, since)
        whole = audio_files.count_files(connection)
    log.info(
        "%s files were heard, %s hold known songs, %s could not be used; in all %s wait and %s are set aside",
        *(f"{n:,}" for n in (done.analysed, done.duplicate, done.rejected, whole.waiting, whole.rejected)),
    )
    return {
        "analysed": done.analysed,
        "duplicate": done.duplicate,
        "rejected": done.rejected,
        "waiting": whole.waiting,
    }


def _register_catalogue(store: Store, folder: Folder, now: dt.datetime) -> int:
    """Register the files that tracks name, those that are there."""
    with store.begin() as connection:
        named = audio_files.unregistered_tracks(connection)
    places: dict[str, tuple[Place, int, str]] = {}
    for track_id, uri in named:
        place = look_at(uri, folder)
        if place and place.settled(now) and not fault(place):
            places.setdefault(place.uri, (place, track_id, uri))
    if len(places) < len(named):
        log.info(
            "%s of the catalogue's files are not there, or not of a kind that is read", f"{len(named) - len(places):,}"
        )
    with store.begin() as connection:
        return register_places(connection, places.values(), now)


def _batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    following = iter(items)
    while batch := list(islice(following, size)):
        yield batch


def fault(place: Place) -> tuple[Refusal, str] | None:
    """Why a place is not even looked at."""
    if place.irregular:
        return Refusal.NOT_A_FILE, f"{shown_name(place.uri)!r} can't be analysed: it is {place.irregular}, not a file."
    if len(place.uri.encode()) > LONGEST_URI:
        return Refusal.NOT_A_FILE, f"{shown_name(place.uri)!r} can't be analysed: its name is too long."
    return None


def _set_aside(connection: sa.Connection, place: Place, now: dt.datetime) -> bool:
    found = fault(place)
    return found is not None and audio_files.set_aside(
        connection, place.uri, reason=found[0].name.lower(), detail=found[1], now=now
    )


def register_places(
    connection: sa.Connection, found: Iterable[tuple[Place, int | None, str | None]], now: dt.datetime
) -> int:
    """Register files, each with the track that names it and how that spells its uri; how many wait because of it."""
    rows: Iterator[tuple[Any, ...]] = ((place.uri, place.size, place.modified_at, *rest) for place, *rest in found)
    columns = list(zip(*rows, strict=True)) or [()] * 5
    types = (pa.string(), pa.int64(), pa.timestamp("us", "UTC"), pa.int64(), pa.string())
    names = ("uri", "size", "modified_at", "track_id", "audio_uri")
    table = pa.table({name: pa.array(column, kind) for name, column, kind in zip(names, columns, types, strict=True)})
    return audio_files.register(connection, table, now)
