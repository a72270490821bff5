"""Where audio files lie: folders of this machine or buckets, how a file in them is called, and how it is opened."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import fsspec
from fsspec.implementations.local import LocalFileSystem

from recommenders.audio.analysis import Refusal, UnreadableAudioError
from recommenders.audio.files import clean, open_regular

UNFINISHED = (".part", ".tmp", ".crdownload", ".partial", ".download", ".filepart")
SETTLED_S = 5.0  # a file that was written to less than this ago may still be growing
LARGEST_COPY = 4 << 30  # bytes that are fetched from a bucket for one file
LONGEST_URI = 2_000  # bytes; a uri has to fit into an index

# Where the catalogue's files may lie. Web addresses are not among them: nothing is fetched because a file says so.
_PROTOCOLS = ("file", "s3", "s3a", "gs", "gcs", "abfs", "az", "adl", "hdfs", "webhdfs", "memory")


@dataclass(frozen=True)
class Place:
    """A file: its uri, size in bytes, and when it was changed. `irregular` says what it is, where it is no file."""

    uri: str
    size: int
    modified_at: datetime
    irregular: str | None = None

    def settled(self, now: datetime) -> bool:
        """Whether it has been left alone for some seconds."""
        return abs((now - self.modified_at).total_seconds()) >= SETTLED_S


class Folder:
    """The folder at a URL, in which files are found that nobody vouches for."""

    def __init__(self, url: str) -> None:
        self.filesystem, root = fsspec.core.url_to_fs(url)
        self.root = root.rstrip("/") or "/"
        self.local = Path(root) if isinstance(self.filesystem, LocalFileSystem) else None

    def files(self) -> Iterator[Place]:
        """Everything below, in the order of names, but for what is hidden or named like an unfinished file."""
        if self.local:
            if self.local.is_dir():
                yield from _walk(self.local)
            return
        self.filesystem.invalidate_cache()
        if not self.filesystem.exists(self.root):
            return
        for path, facts in sorted(self.filesystem.find(self.root, detail=True).items()):
            if not any(map(_passed_over, PurePosixPath(self._relative(path)).parts)):
                yield Place(self.filesystem.unstrip_protocol(path), int(facts["size"] or 0), _modified_at(facts))

    def name_of(self, uri: str) -> str | None:
        """The name of a file of this folder, below it; None of a file elsewhere."""
        if self.local:
            path = local_path(uri)
            return os.fspath(path.relative_to(self.local)) if path and path.is_relative_to(self.local) else None
        path = self.filesystem._strip_protocol(uri)
        same = fsspec.utils.get_protocol(uri) in _as_tuple(self.filesystem.protocol)
        return self._relative(path) if same and path.startswith(f"{self.root}/") else None

    def _relative(self, path: str) -> str:
        return path.removeprefix(self.root).lstrip("/")


def _as_tuple(protocol: str | tuple[str, ...]) -> tuple[str, ...]:
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)


def _passed_over(name: str) -> bool:
    return name.startswith(".") or name.lower().endswith(UNFINISHED)


def _walk(folder: Path) -> Iterator[Place]:
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: os.fsencode(entry.name))
    for entry in ordered:
        if _passed_over(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        else:
            try:
                yield _local_place(Path(entry.path), entry.stat(follow_symlinks=False))
            except FileNotFoundError:  # it was taken away meanwhile
                continue


def _local_place(path: Path, status: os.stat_result) -> Place:
    changed = datetime.fromtimestamp(0, UTC) if status.st_mtime < 0 else _moment(status.st_mtime_ns)
    kinds = {stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    kind = stat.S_IFMT(status.st_mode)
    irregular = None if kind == stat.S_IFREG else kinds.get(kind, "a device")
    return Place(path.absolute().as_uri(), status.st_size, changed, irregular)


def _moment(nanoseconds: int) -> datetime:
    microseconds = min(nanoseconds // 1000, 250_000_000_000_000_000)  # years that Python knows
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).replace(microsecond=microseconds % 1_000_000)


def _modified_at(facts: dict[str, Any]) -> datetime:
    """When a file of a bucket was changed, as its kind of bucket calls it."""
    for name in ("LastModified", "mtime", "updated", "last_modified", "modified", "created"):
        value = facts.get(name)
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value / (1000 if value > 1e11 else 1), UTC)
    return datetime.fromtimestamp(0, UTC)


def local_path(uri: str) -> Path | None:
    """The path of a file of this machine: of file:///a%20b, file:///a b or /a b; None of one elsewhere."""
    protocol, path = _split(uri)
    if protocol != "file":
        return None
    plain = Path(path)
    if "%" in path and not os.path.lexists(plain):
        return Path(os.fsdecode(unquote_to_bytes(path.encode(errors="surrogateescape"))))
    return plain


def _split(uri: str) -> tuple[str, str]:
    """The protocol and the path of a uri or a path."""
    if "://" not in uri:
        return ("file", uri.removeprefix("file:")) if uri.startswith(("/", "file:/")) else ("", uri)
    protocol = uri.split("://", 1)[0].lower()
    return protocol, uri[len(protocol) + 3 :].removeprefix("localhost") if protocol == "file" else uri


def look_at(uri: str, folder: Folder) -> Place | None:
    """The file that the catalogue names by `uri`; a relative one lies in `folder`. None: it isn't there (yet), or is of
    a kind that is never fetched.

    A file in a bucket is taken on trust, as asking for each takes long.
    """
    protocol, path = _split(uri)
    if not protocol:
        if not folder.local:
            uri = f"{folder.filesystem.unstrip_protocol(folder.root)}/{path}"
            protocol = fsspec.utils.get_protocol(uri)
        else:
            protocol, uri = "file", os.fspath(folder.local / path)
    if protocol not in _PROTOCOLS:
        return None
    local = local_path(uri)
    if local is None:
        return Place(uri, 0, datetime.fromtimestamp(0, UTC))
    try:
        place = _local_place(local, local.stat())
    except (OSError, ValueError):
        return None
    return None if stat.S_ISDIR(local.stat().st_mode) else place


def shown_name(uri: str) -> str:
    """The last part of a uri, as people read it."""
    path = local_path(uri)
    return clean(os.fsencode((path or PurePosixPath(urlsplit(uri).path)).name).decode(errors="backslashreplace"))


@contextmanager
def opened(uri: str, folder: Folder, scratch: Path) -> Iterator[tuple[int, Place | None]]:
    """A descriptor of the file, and how it is now; one in a bucket is copied into `scratch` first.

    Raises FileNotFoundError, and UnreadableAudioError for what is no regular file, or one of `folder` behind a link.
    """
    path = local_path(uri)
    if path is None:
        with _copied(uri, scratch) as copy:
            yield copy, None
        return
    below = folder.local if folder.local and path.is_relative_to(folder.local) else None
    descriptor = open_regular(path, below)
    try:
        yield descriptor, _local_place(path, os.fstat(descriptor))
    finally:
        os.close(descriptor)


@contextmanager
def _copied(uri: str, scratch: Path) -> Iterator[int]:
    filesystem, path = fsspec.core.url_to_fs(uri)
    size = int(filesystem.info(path)["size"] or 0)
    if size > LARGEST_COPY:
        raise UnreadableAudioError(
            Refusal.TOO_LARGE, f"{shown_name(uri)!r} can't be analysed: it has {size:,} bytes, too many to fetch."
        )
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=scratch) as copy:
        with filesystem.open(path, "rb") as source:
            while block := source.read(1 << 20):
                copy.write(block)
        copy.flush()
        yield copy.fileno()
