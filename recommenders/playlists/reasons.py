"""Why a song is on a mixtape: codes in the database, sentences when somebody reads them."""

from enum import IntEnum


class Reason(IntEnum):
    """The numbers that `reason_name` in the database spells out."""

    PLAYS = 1
    TASTE = 2
    LISTENERS = 3
    POPULAR = 4
    UNHEARD = 5
    SOUND = 6
    CULTURE = 7
    EDITORIAL = 8


class Bend(IntEnum):
    """The rules that may bend, as numbers that `bend_name` in the database spells out; 0 = none bent."""

    EXPOSURE = 1
    FRESH = 2
    ARTIST = 3
    ORDER = 4


KEYS = ("C", "D♭", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")


def describe_sound(tempo_bpm: float | None, key: int | None, mode: int | None) -> str:
    """How a song sounds, in a few words: "92 bpm, A minor"; key 0 = C, mode 1 = major; what is unknown is left out."""
    words = [] if tempo_bpm is None else [f"{tempo_bpm:.0f} bpm"]
    if key is not None and mode is not None:
        words.append(f"{KEYS[key]} {'major' if mode else 'minor'}")
    return ", ".join(words)


def render_reason(reason: str, titles: list[str], artists: list[str], sound: str = "") -> str:
    """The sentence for a reason's name and the plays that it names; `sound` is how the song itself sounds."""
    plays = " and ".join(
        f"“{title}” by {artist}" if artist != title else title for title, artist in zip(titles, artists, strict=True)
    )
    if reason == "plays":
        return f"because you play {plays}"
    if reason == "sound":
        return f"hardly played yet; sounds like your {plays}{sound and ': '}{sound}"
    if reason == "culture":
        return f"described like your {plays}" if plays else "much is written about it this week"
    if reason == "editorial":
        return f"on a curator's list that suits your {plays}" if plays else "on a curator's list"
    return {
        "taste": "fits your taste as a whole",
        "listeners": "listeners who share your plays play it too",
        "popular": "popular here, and new to you",
        "unheard": "one of the few songs here that you have not heard",
    }[reason]
