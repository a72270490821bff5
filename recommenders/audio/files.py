"""Files of music: opened only where they are regular files, and what their tags and names say."""

import errno
import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recommenders.audio.analysis import Refusal, UnreadableAudioError

_ENDINGS = "aac|aif|aifc|aiff|ape|flac|m4a|m4b|mka|mp2|mp3|mp4|mpc|oga|ogg|opus|wav|wave|wma|wv"
_AUDIO_NAME = re.compile(rf"\.({_ENDINGS})$", re.IGNORECASE)
LONGEST_TEXT = 500  # what the catalogue takes
MOST_GENRES = 20
_LONGEST_GENRE = 100

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY

# How the formats call the same thing, in lower case: Vorbis and APE, ID3, ASF.
_NAMES = {
    "title": ("title", "tit2"),
    "artist": ("artist", "tpe1", "author"),
    "album": ("album", "talb", "wm/albumtitle"),
    "date": ("date", "tdrc", "year", "tyer", "wm/year"),
    "isrc": ("isrc", "tsrc", "wm/isrc"),
    "mbid": ("musicbrainz_trackid", "ufid:http://musicbrainz.org", "musicbrainz/track id"),
    "genre": ("genre", "tcon", "wm/genre"),
}
_ISRC = re.compile(r"^[A-Z]{2}[A-Z0-9]{3}[0-9]{7}$")
_UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_NUMBER = re.compile(r"^\d{1,3}(?:\s*[-._)]\s+|\.\s*)(?=\S)")
_BETWEEN_GENRES = re.compile(r"[;,/|\0]")
_BETWEEN_ARTISTS = re.compile(r"[;\0]")


@dataclass(frozen=True)
class FileTags:
    """What a file says of itself; what it does not say is empty or None. `genres` are in lower case."""

    title: str | None = None
    artists: tuple[str, ...] = ()
    release: str | None = None
    date: str | None = None
    isrc: str | None = None
    mbid: str | None = None
    genres: tuple[str, ...] = ()
    duration_s: float | None = None

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> "FileTags":
        """What came out of JSON."""
        return cls(**{**fields, "artists": tuple(fields["artists"]), "genres": tuple(fields["genres"])})


def open_regular(path: Path, below: Path | None = None) -> int:
    """A descriptor of the regular file at `path`; with `below`, of one in that folder, and no link on the way to it.

    Raises UnreadableAudioError (NOT_A_FILE) for anything else, which is never opened, and FileNotFoundError.
    """
    try:
        if below is None:
            return _open_checked(os.fspath(path), None, follow=True)
        folder = os.open(below, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            *folders, name = path.relative_to(below).parts
            for part in folders:
                inner = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
                os.close(folder)
                folder = inner
            return _open_checked(name, folder, follow=False)
        finally:
            os.close(folder)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESTALE):
            raise FileNotFoundError(error.errno, error.strerror, os.fspath(path)) from error
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.ENXIO, errno.ENODEV, errno.EACCES, errno.EPERM):
            raise _no_file(path, f"it can't be opened ({error.strerror})") from error
        raise


def _open_checked(name: str, folder: int | None, *, follow: bool) -> int:
    """Looked at before it is opened, because opening a device may do something, and again afterwards."""
    _check_regular(os.stat(name, dir_fd=folder, follow_symlinks=follow), name)
    descriptor = os.open(name, _FLAGS | (0 if follow else os.O_NOFOLLOW), dir_fd=folder)
    try:
        _check_regular(os.fstat(descriptor), name)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_regular(status: os.stat_result, name: str) -> None:
    for is_kind, kind in (
        (stat.S_ISLNK, "a link"),
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    ):
        if is_kind(status.st_mode):
            raise _no_file(Path(name), f"it is {kind}, not a file")


def _no_file(path: Path, why: str) -> UnreadableAudioError:
    return UnreadableAudioError(Refusal.NOT_A_FILE, f"{path.name!r} can't be analysed: {why}.")


def is_audio_name(name: str) -> bool:
    """Whether a file is called like one of audio."""
    return _AUDIO_NAME.search(name) is not None


def read_tags(path: Path, name: str) -> FileTags | None:
    """The tags of the audio file at `path`, called `name`; None where it is none that mutagen knows.

    Raises whatever mutagen raises on damaged ones: call it inside a fence.
    """
    import mutagen

    with _Named(path.open("rb"), name) as file:
        found = mutagen.File(file, easy=True)
    if found is None:
        return None
    given: dict[str, list[str]] = {}
    for key, value in (found.tags or {}).items():
        given.setdefault(str(key).lower(), []).extend(_texts(value))
    duration_s = float(getattr(found.info, "length", 0) or 0)
    return tags_from(given, duration_s if 0 < duration_s < 1e6 else None)


def tags_from(given: Mapping[str, list[str]], duration_s: float | None = None) -> FileTags:
    """Tags, by the names that formats have for them, as the catalogue takes them; no bad isrc or mbid among them."""

    def all_of(what: str, between: re.Pattern[str] | None = None) -> list[str]:
        texts = next((given[name] for name in _NAMES[what] if any(map(clean, given.get(name, ())))), [])
        parts = [part for text in texts for part in (between.split(text) if between else [text])]
        return list(dict.fromkeys(cleaned for part in parts if (cleaned := clean(part))))

    def first_of(what: str) -> str | None:
        return next(iter(all_of(what)), None)

    isrc = (first_of("isrc") or "").upper().replace("-", "")
    mbid = (first_of("mbid") or "").lower()
    genres = [genre.lower() for genre in all_of("genre", _BETWEEN_GENRES) if len(genre) <= _LONGEST_GENRE]
    return FileTags(
        title=first_of("title"),
        artists=tuple(all_of("artist", _BETWEEN_ARTISTS)[:MOST_GENRES]),
        release=first_of("album"),
        date=first_of("date"),
        isrc=isrc if _ISRC.match(isrc) else None,
        mbid=mbid if _UUID.match(mbid) else None,
        genres=tuple(dict.fromkeys(genres))[:MOST_GENRES],
        duration_s=duration_s,
    )


def named_song(stem: str) -> tuple[str | None, str]:
    """(artist, title) of a file's name without its ending: "01 - Artist - Title", "Artist - Title", or only a title."""
    text = clean(stem.replace("_", " "))
    text = _NUMBER.sub("", text) or text
    artist, dash, title = text.partition(" - ")
    if dash and artist.strip() and title.strip():
        return artist.strip(), title.strip()
    return None, text or "Untitled"


def clean(text: str) -> str:
    """One line that Postgres and people can read, at most 500 characters long."""
    readable = text.encode(errors="replace").decode()
    return " ".join("".join(char if char.isprintable() else " " for char in readable).split())[:LONGEST_TEXT].strip()


class _Named:
    """An open file that says it has another name: mutagen looks at the ending where the content is not enough."""

    def __init__(self, file: Any, name: str) -> None:
        self._file, self.name = file, name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._file, attribute)

    def __enter__(self) -> "_Named":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _texts(value: Any) -> Iterable[str]:
    """The texts of one tag: a list of strings, an ID3 frame, a value of APE or ASF."""
    if isinstance(value, bytes):
        return [value.decode(errors="replace")]
    if isinstance(value, str):
        return [value]
    for attribute in ("text", "data"):
        if hasattr(value, attribute):
            return _texts(getattr(value, attribute))
    if isinstance(value, Iterable):
        return [text for part in value for text in _texts(part)]
    return [str(getattr(value, "value", value))]
