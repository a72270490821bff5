"""What is set aside: one line of a file, with its reason."""

from dataclasses import dataclass
from enum import StrEnum

RAW_LENGTH = 1_000
UNFINISHED = (".part", ".tmp", ".crdownload", ".partial")


class Reason(StrEnum):
    """Why a line, or a whole file, is set aside."""

    EMPTY_FILE = "empty_file"
    UNKNOWN_FORMAT = "unknown_format"
    WRONG_HEADER = "wrong_header"
    DAMAGED_FILE = "damaged_file"
    ENCODING = "encoding"
    NUL_BYTE = "nul_byte"
    LINE_TOO_LONG = "line_too_long"
    OPEN_QUOTE = "open_quote"
    FIELD_COUNT = "field_count"
    BAD_JSON = "bad_json"
    UNKNOWN_FIELD = "unknown_field"
    MISSING = "missing"
    TEXT_TOO_LONG = "text_too_long"
    BAD_DATE = "bad_date"
    FUTURE = "future"
    BAD_NUMBER = "bad_number"
    NEGATIVE_COUNT = "negative_count"
    BAD_RATING = "bad_rating"
    UNKNOWN_KIND = "unknown_kind"
    UNKNOWN_TRACK = "unknown_track"
    UNKNOWN_ARTIST = "unknown_artist"
    DUPLICATE_ID = "duplicate_id"
    ARTISTS = "artists"
    BAD_ID = "bad_id"
    NOT_A_PAGE = "not_a_page"
    NO_TEXT = "no_text"
    TOO_SHORT = "too_short"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    TOO_SLOW = "too_slow"
    EMPTY_FEED = "empty_feed"
    NOT_A_FEED = "not_a_feed"


@dataclass(frozen=True)
class Rejection:
    """A line that was set aside: its number (from 1; in Parquet the row's), why, and how it reads."""

    line: int
    reason: Reason
    detail: str
    raw: str | None = None


class UnreadableFileError(Exception):
    """A whole file has to be set aside; `rejection` says why."""

    def __init__(self, reason: Reason, detail: str, line: int = 1, raw: str | None = None) -> None:
        super().__init__(detail)
        self.rejection = Rejection(line, reason, detail, raw)


def is_unfinished(name: str) -> bool:
    """Whether a file of this name is hidden, or still being written."""
    return name.startswith((".", "_")) or name.endswith(UNFINISHED)


def readable(raw: bytes | str) -> str:
    """The first 1,000 characters of a line as text that Postgres takes: UTF-8 without NUL."""
    if isinstance(raw, bytes):
        raw = raw[: 4 * RAW_LENGTH].decode(errors="backslashreplace")
    return raw.replace("\0", "\\x00")[:RAW_LENGTH]
