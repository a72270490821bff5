"""Why a song is on a mixtape: codes in the database, sentences when somebody reads them."""

from collections.abc import Sequence
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
    TERMS = 9
    ARTIST = 10


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


def render_reason(
    reason: str,
    titles: list[str],
    artists: list[str],
    sound: str = "",
    *,
    terms: Sequence[tuple[str, str]] = (),
    shared_artist: str | None = None,
    newness: str = "",
    on_list: str | None = None,
) -> str:
    """The sentence for a reason's name and the plays that it names, by `titles` and `artists`.

    `sound` is how the song itself sounds, `terms` (text, kind) what it is called like the first of the plays,
    `shared_artist` whose both are; `newness` says how new it is, or that hardly anybody has played it; `on_list` names
    the one curator's list that holds it.
    """
    plays = " and ".join(
        f"“{title}” by {artist}" if artist != title else title for title, artist in zip(titles, artists, strict=True)
    )
    same = bool(titles) and all(artist == shared_artist != title for title, artist in zip(titles, artists, strict=True))
    only_titles = " and ".join(f"“{title}”" for title in titles)
    played = f"because you play {only_titles}, also by {shared_artist}" if same else f"because you play {plays}"
    beginning = f"{newness}; " if newness else ""
    listed = f"on the curator's list “{on_list}”" if on_list else "on a curator's list"
    return {
        "plays": played,
        "terms": f"people call it {describe_terms(terms)}, like your {plays}" if terms else played,
        "sound": f"{beginning}sounds like your {plays}{sound and ': '}{sound}",
        "artist": f"{beginning}by {shared_artist}: you play {only_titles if same else plays}"
        if shared_artist
        else played,
        "culture": f"described like your {plays}" if plays else "much is written about it this week",
        "editorial": f"{listed}, which suits your {plays}" if plays else listed,
        "taste": "fits your taste as a whole",
        "listeners": "listeners who share your plays play it too",
        "popular": "popular here, and new to you",
        "unheard": "one of the few songs here that you have not heard",
    }[reason]


def describe_terms(terms: Sequence[tuple[str, str]]) -> str:
    """Terms (text, kind) as people say them: "dreamy shoegaze", "bleak and towering"; what another says too is left
    out."""
    texts = [text for text, _ in terms]
    kept = [
        (text, kind)
        for text, kind in terms
        if not any(f" {text} " in f" {other} " and text != other for other in texts)
    ]
    adjectives = [text for text, kind in kept if kind == "adjective"]
    others = [text for text, kind in kept if kind != "adjective"]
    if adjectives and others:
        return f"{' and '.join(adjectives)} {' and '.join(others)}"
    return " and ".join(adjectives or others)


def newness(source: str, *, new: bool) -> str:
    """What there is to say of a song that hardly anybody knows yet: empty for any other."""
    if new:
        return "new this week"
    return "hardly played yet" if source in ("audio", "artist") else ""
