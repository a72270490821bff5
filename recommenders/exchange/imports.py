"""Bring data in: a file, a folder, or everything that lies in the landing folder."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath

import fsspec

from recommenders.errors import DataError
from recommenders.exchange import hetrec
from recommenders.exchange.article_files import import_articles, is_article_name
from recommenders.exchange.audio_folder import holds_audio, import_audio_folder
from recommenders.exchange.biographies import BIOGRAPHIES
from recommenders.exchange.catalogue import ARTISTS, TRACKS
from recommenders.exchange.editorial import editorial_layout, playlist_layout
from recommenders.exchange.layouts import Layout, recognise
from recommenders.exchange.listening import EVENTS, TOTALS, USERS
from recommenders.exchange.loading import ImportReport, Opened, load_file
from recommenders.exchange.readers import CsvFile, JsonLinesFile, ParquetFile, TableFile
from recommenders.exchange.rejections import Reason, UnreadableFileError, is_unfinished
from recommenders.exchange.tags import tags_layout
from recommenders.store import Store
from recommenders.store.imports import refresh_statistics, settle_imports

__all__ = [
    "FORMATS",
    "KINDS",
    "ImportReport",
    "LandingFile",
    "find_landing",
    "import_landed",
    "import_landing",
    "import_path",
]

# In the order in which they are imported: tracks must be known before they can have been heard, or be written about.
KINDS = ("catalogue", "users", "listening", "tags", "biographies", "articles", "editorial")
FORMATS = ("own", "hetrec")

SETTLED_S = 5.0  # a file that was written to less than this ago may still be growing


def _layouts(kind: str) -> tuple[Layout, ...]:
    """What a file of this kind can hold."""
    return {
        "catalogue": (TRACKS, ARTISTS),
        "users": (USERS,),
        "listening": (EVENTS, TOTALS),
        "tags": (tags_layout(),),
        "biographies": (BIOGRAPHIES,),
        "editorial": (editorial_layout(),),
    }[kind]


def import_path(
    store: Store,
    kind: str,
    path: Path,
    *,
    file_format: str = "own",
    now: datetime,
    progress: Callable[[int], None] | None = None,
) -> list[ImportReport]:
    """Import a file, or every file of a folder in the order of their names; one report a file. A catalogue may also be
    a folder of music, and articles a folder of pages and feeds: one report for all of it.

    What can't be used is set aside in the table `rejected`, line by line, and is not an error. Importing again adds
    nothing, but loads lines that have become good. `now`: what happened after it is set aside. `progress` is called
    with the number of rows of each stretch that is done. Raises DataError when there is no such kind, format or path,
    or the folder holds no such file.
    """
    _check_kind(kind, file_format)
    if not path.exists():
        raise DataError(f"There is no {path}.")
    if kind == "catalogue" and file_format == "own" and path.is_dir() and holds_audio(path):
        report = import_audio_folder(store, path, now=now, progress=progress)
        refresh_statistics(store, kind)
        return [report]
    if kind == "articles":
        report = import_articles(store, path, str(path), now=now, progress=progress)
        refresh_statistics(store, kind)
        return [report]
    paths = _files_of(path, kind, file_format) if path.is_dir() else [path]
    if not paths:
        raise DataError(f"The folder {path} holds no {kind} file of the format {file_format}.")
    open_file = _opener(kind, file_format)
    reports = [load_file(store, kind, each, str(each), open_file, now, progress) for each in paths]
    refresh_statistics(store, kind)
    return reports


def _check_kind(kind: str, file_format: str) -> None:
    if kind not in KINDS:
        raise DataError(f"There is no kind {kind}; there are {', '.join(KINDS)}.")
    if file_format not in FORMATS:
        raise DataError(f"There is no format {file_format}; there are {', '.join(FORMATS)}.")
    if file_format == "hetrec" and kind not in hetrec.FILES:
        raise DataError(f"HetRec holds no {kind}, only {' and '.join(hetrec.FILES)}.")


def _files_of(folder: Path, kind: str, file_format: str) -> list[Path]:
    if file_format == "hetrec":
        return [path for path in [folder / hetrec.FILES[kind]] if path.exists()]
    return sorted(path for path in folder.iterdir() if path.is_file() and not is_unfinished(path.name))


def _opener(kind: str, file_format: str) -> Callable[[Path], Opened]:
    if file_format == "hetrec":
        return partial(hetrec.open_hetrec, kind=kind)
    return partial(_open_own, kind=kind)


def _open_own(path: Path, kind: str) -> Opened:
    """The file by its ending, and the layout by its columns; raises UnreadableFileError where either is unknown."""
    if kind == "editorial" and (playlist := playlist_layout(path)):
        return playlist
    layouts = _layouts(kind)
    columns = frozenset[str]().union(*(layout.columns for layout in layouts))
    lists = frozenset[str]().union(*(layout.lists for layout in layouts))
    file: TableFile
    match path.suffix.lower():
        case ".csv":
            file = CsvFile(path)
        case ".jsonl" | ".ndjson":
            file = JsonLinesFile(path, columns, lists)
        case ".parquet":
            file = ParquetFile(path, lists)
        case suffix:
            raise UnreadableFileError(
                Reason.UNKNOWN_FORMAT, f"the ending {suffix or '(none)'} is none of .csv, .jsonl, .ndjson, .parquet"
            )
    return file, recognise(file.fields, layouts)


@dataclass(frozen=True)
class LandingFile:
    """A file in the landing folder: its kind, its format, and its name below the folder (KIND/... )."""

    kind: str
    file_format: str
    name: str


def find_landing(landing_url: str, *, now: datetime) -> list[LandingFile]:
    """The files that wait in the landing folder, in the order of the kinds, then by name.

    A file that is hidden, named like an unfinished one, or was written to in the last seconds is left for later.
    """
    filesystem, root = fsspec.core.url_to_fs(landing_url)
    filesystem.invalidate_cache()
    found = []
    for kind in KINDS:
        for file_format, folder in (("own", f"{root}/{kind}"), ("hetrec", f"{root}/{kind}/hetrec")):
            if (file_format == "hetrec" and kind not in hetrec.FILES) or not filesystem.isdir(folder):
                continue
            for path in sorted(filesystem.find(folder) if kind == "articles" else filesystem.ls(folder, detail=False)):
                wanted = _is_wanted(PurePosixPath(path).name, kind, file_format)
                if wanted and filesystem.isfile(path) and _settled(filesystem, path, now):
                    found.append(LandingFile(kind, file_format, str(PurePosixPath(path).relative_to(root))))
    return found


def _is_wanted(name: str, kind: str, file_format: str) -> bool:
    if kind == "articles":
        return is_article_name(name)  # a saved page brings its pictures along
    return not is_unfinished(name) and (file_format == "own" or name == hetrec.FILES[kind])


def _settled(filesystem: fsspec.AbstractFileSystem, path: str, now: datetime) -> bool:
    modified: datetime = filesystem.modified(path)
    age = now - (modified if modified.tzinfo else modified.replace(tzinfo=UTC))
    return abs(age.total_seconds()) >= SETTLED_S


def import_landed(
    store: Store, landing_url: str, file: LandingFile, *, now: datetime, run_key: str | None = None
) -> ImportReport | None:
    """Import one file of the landing folder and move it to imported/KIND/; None when it is no longer there."""
    filesystem, root = fsspec.core.url_to_fs(landing_url)
    path = f"{root}/{file.name}"
    if not filesystem.exists(path):
        return None
    beside = hetrec.BESIDE.get(file.kind) if file.file_format == "hetrec" else None
    with _local(filesystem, path, beside) as local:
        if file.kind == "articles":
            known_as = file.name.removeprefix("articles/")
            report = import_articles(store, local, file.name, name=known_as, now=now, run_key=run_key)
        else:
            open_file = _opener(file.kind, file.file_format)
            report = load_file(store, file.kind, local, file.name, open_file, now, run_key=run_key)
    target = f"{root}/imported/{file.name}"
    if filesystem.exists(target):
        name = PurePosixPath(file.name)
        target = f"{root}/imported/{name.parent}/{name.stem}.{now:%Y%m%dT%H%M%S}{name.suffix}"
    filesystem.makedirs(str(PurePosixPath(target).parent), exist_ok=True)
    filesystem.mv(path, target)
    return report


@contextmanager
def _local(filesystem: fsspec.AbstractFileSystem, path: str, beside: str | None) -> Iterator[Path]:
    """The file on this machine: itself, or a copy that lives as long as the block, with the one `beside` it."""
    if isinstance(filesystem, fsspec.implementations.local.LocalFileSystem):
        yield Path(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / PurePosixPath(path).name
        filesystem.get_file(path, str(copy))
        other = f"{PurePosixPath(path).parent}/{beside}"
        if beside and filesystem.exists(other):
            filesystem.get_file(other, str(copy.with_name(beside)))
        yield copy


def import_landing(
    store: Store, landing_url: str, *, now: datetime, kinds: Iterable[str] = KINDS, run_key: str | None = None
) -> list[ImportReport]:
    """Import every file of these kinds that waits in the landing folder; one report a file.

    The ledger names the run `run_key`: what a try of it loaded before it died is found there (`imported_by`).
    """
    waiting = [file for file in find_landing(landing_url, now=now) if file.kind in kinds]
    names = [file.name for file in waiting]
    for kind in kinds:
        with store.begin() as connection:
            settle_imports(connection, kind, names)
    reports = [import_landed(store, landing_url, file, now=now, run_key=run_key) for file in waiting]
    for kind in dict.fromkeys(file.kind for file in waiting):
        with store.begin() as connection:
            settle_imports(connection, kind, [])
        refresh_statistics(store, kind)
    return [report for report in reports if report]
