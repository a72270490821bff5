"""Why a song is on a mixtape: codes in the database, sentences when somebody reads them."""

from enum import IntEnum


class Reason(IntEnum):
    """The numbers that `reason_name` in the database spells out."""

    PLAYS = 1
    TASTE = 2
    LISTENERS = 3
    POPULAR = 4
    UNHEARD = 5


class Bend(IntEnum):
    """The rules that may bend, as numbers that `bend_name` in the database spells out; 0 = none bent."""

    EXPOSURE = 1
    FRESH = 2
    ARTIST = 3
    ORDER = 4


def render_reason(reason: str, titles: list[str], artists: list[str]) -> str:
    """The sentence for a reason's name and the plays that it names."""
    if reason == "plays":
        plays = [
            f"“{title}” by {artist}" if artist != title else title
            for title, artist in zip(titles, artists, strict=True)
        ]
        return f"because you play {' and '.join(plays)}"
    return {
        "taste": "fits your taste as a whole",
        "listeners": "listeners who share your plays play it too",
        "popular": "popular here, and new to you",
        "unheard": "one of the few songs here that you have not heard",
    }[reason]
