"""What a track's title says: the song, which version of it, and who else is on it.

Services write the version behind the song, in brackets or after a dash: "Song (Live at Wembley)", "Song - 2011
Remaster", "Song [feat. X]". Only such a part is looked at, never the words of the song itself, and it goes only when
its form is that of a version: "Live Forever" and "Song (Live and Let Die)" stay whole. Parts, numbers and reprises
("Part 2", "No. 3") are songs of their own.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from recommenders.catalogue.names import name_key


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _phrases(text: str) -> frozenset[str]:
    return frozenset(" ".join(phrase.split()) for phrase in text.split("|"))


# Everything below is compared with keys (see `name_key`): lower case, no accents, no punctuation.
_WORDS_OF_A_VERSION = _words(
    """
    remaster remastered remasters remastering remasterizado remasterizada remasterise remasterisee remasterisiert
    remasterizzato remix remixed remixes rmx unplugged rerecorded rerecording nightcore slowed soundcheck
    """
)
_LAST_WORDS_OF_A_VERSION = _words(
    """
    version versions versione versao edit edits mix mixes edition session sessions bootleg rework reworked remake refix
    dub vip ver cover redux cut acoustic acustico acustica acoustique akustik instrumental strumentale karaoke mono
    stereo acapella demo demos outtake outtakes rehearsal extended
    """
)
_VERSIONS = _phrases("""
    live|single|album|bonus|bonus track|hidden track|explicit|clean|deluxe|original|alternate|alternative|cappella
    |a cappella|audio|official audio|official video|official music video|official lyric video|lyric video|lyrics
    |music video|official visualizer|visualizer|hd|hq|4k|sped up|slowed and reverb|8d audio|inst|tv size|uncut|take
    |from the vault|re recorded|reimagined|revisited|7|12|7 inch|12 inch|spotify singles|alternate take|alt take
    |early take|home recording|in concert
""")
_NO_VERSIONS = _phrases("in the mix|final cut|the final cut|megamix|undercover")
_LIVE = re.compile(
    r"^(?:recorded |acoustic |unplugged |\d{4} )?live(?: (?:at|in|from|on|bei|aus|im|auf|a|au|en) .+)?$"
    r"|^recorded (?:at|in|on|for) "
    r"|\blive (?:lounge|performance|video|recording|studio|set)$"
    r"|\b(?:en vivo|en directo|ao vivo|dal vivo|en concert|en public)\b"
)
_ANY_SCRIPT = re.compile(
    r"版$|リマスター|リミックス|ライ[ブヴ]|インスト|カラオケ|アコースティック|[バヴ]ージョン$|伴奏|现场|現場|리믹스|라이브|어쿠스틱"
)
_YEAR = re.compile(r"^(?:19|20)\d\d$")
_FROM_A_FILM = re.compile(
    r"""^(?:music )?from\b.*(?:["“”„«'‘].+|\b(?:soundtrack|motion picture|film|movie)\b)""", re.IGNORECASE
)

_OPENING = {")": "(", "]": "[", "}": "{", "）": "（", "】": "【"}
_DASH = re.compile(r"\s+[-‐‑‒–—―~]+\s+")
_FEATURED = re.compile(r"^(?:feat(?:uring)?|ft)\b\.?\s*(?P<names>.+)$", re.IGNORECASE)
_FEATURED_UNMARKED = re.compile(r"\s(?:feat\.?|ft\.?|featuring)\s+(?P<names>[^()\[\]{}（）【】]+)", re.IGNORECASE)
_FEATURED_INSIDE = re.compile(
    r"\s*[(\[{]\s*(?:feat(?:uring)?|ft)\b\.?\s*(?P<names>[^()\[\]{}]+)[)\]}](?=\s*\S)", re.IGNORECASE
)
_WITH = re.compile(r"^(?:with\b|w/)\s*(?P<names>.+)$", re.IGNORECASE)
_REMIXER = re.compile(r"^(?P<name>.+?)(?:['’]s?)?\s+(?:\w+\s+)?(?:remix|rmx|mix|bootleg|rework|refix)$", re.IGNORECASE)
_BETWEEN_NAMES = re.compile(r"\s*[,;/]\s*(?:(?:and|&)\s+)?|\s+(?:&|\+|and|x|×)\s+", re.IGNORECASE)
_A_LENGTH = re.compile(
    r"(?:\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twenty|hundred|thousand))$", re.IGNORECASE
)

_PART = re.compile(r"\b(?:pt|part|teil|parte|partie) (?P<number>\d+|[ivx]+)\b")
_ROMAN = {
    "i": "1",
    "ii": "2",
    "iii": "3",
    "iv": "4",
    "v": "5",
    "vi": "6",
    "vii": "7",
    "viii": "8",
    "ix": "9",
    "x": "10",
}

# Titles that many different recordings share: they do not say which song it is.
_GENERIC = _phrases("""
    intro|outro|interlude|untitled|prelude|skit|introduction|finale|overture|reprise|intermission|hidden track|encore
    |bonus track|audio track|unknown|no title|silence|opening|ending|epilogue|prologue|main title|end credits|medley
    |applause|jam|improvisation|drum solo|guitar solo|coda|commentary|ohne titel|sans titre|sin titulo|senza titolo
""")
_GENERIC_NUMBER = re.compile(r"^(?:track|audio track|piste|pista|titel|recording) \d+$")


@dataclass(frozen=True)
class ParsedTitle:
    """A title taken apart.

    `song`: the title without what says which version it is. `version`: that part, None for a plain title.
    `featured`: guests as written, each maybe several names. `remixers`: names in front of "Remix", which may as well
    be no names ("Club Remix"). `key`: equal for two titles of the same song; never empty for a visible title.
    """

    song: str
    version: str | None
    featured: tuple[str, ...]
    remixers: tuple[str, ...]
    key: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", _song_key(self.song))


def parse_title(title: str, artists: Collection[str] = ()) -> ParsedTitle:
    """Take a title apart. `artists`: who is credited with it, so that "Artist - Song" and "(with Artist)" are read."""
    credited = {name_key(name) for name in artists}
    song, featured = _without_unmarked_guests(_without_artist(" ".join(title.split()), credited))
    featured += [match["names"].strip() for match in _FEATURED_INSIDE.finditer(song)]
    song = _FEATURED_INSIDE.sub("", song)
    versions: list[str] = []
    while found := _last_part(song):
        rest, part = found
        if guests := _guests(part, credited):
            featured.append(guests)
        elif _is_version(part):
            versions.insert(0, part)
        else:
            break
        song, more = _without_unmarked_guests(rest)
        featured += more
    remixers = [match["name"].strip() for part in versions if (match := _REMIXER.match(part))]
    return ParsedTitle(song, "; ".join(versions) or None, tuple(featured), tuple(remixers))


def split_guests(artist: str) -> tuple[str, tuple[str, ...]]:
    """An artist as credited, "A feat. B", as "A" and the guests, each maybe several names."""
    name, guests = _without_unmarked_guests(artist)
    return name, tuple(guests)


def split_names(phrase: str, known: Collection[str] = ()) -> list[str]:
    """The names in "A, B & C". A phrase whose key is in `known` is one name: "Earth, Wind & Fire"."""
    if name_key(phrase) in known:
        return [phrase]
    return [name for name in (part.strip() for part in _BETWEEN_NAMES.split(phrase)) if name_key(name)]


def is_generic(key: str) -> bool:
    """True for the key of a title that many songs share, such as "Intro" or "Track 7"."""
    return key in _GENERIC or _GENERIC_NUMBER.match(key) is not None


def _song_key(song: str) -> str:
    def as_part(match: re.Match[str]) -> str:
        return f"part {_ROMAN.get(match['number'], match['number'])}"

    return _PART.sub(as_part, name_key(song))


def _without_artist(title: str, credited: Collection[str]) -> str:
    """ "Artist - Song" as "Song"."""
    parts = _DASH.split(title, maxsplit=1)
    return parts[1] if len(parts) == 2 and name_key(parts[0]) in credited and name_key(parts[1]) else title


def _last_part(title: str) -> tuple[str, str] | None:
    """What stands before the last bracket or dash, and what is in the bracket or behind the dash."""
    if title[-1:] in _OPENING:
        found = _last_bracket(title)
    else:
        dashes = list(_DASH.finditer(title))
        found = (title[: dashes[-1].start()], title[dashes[-1].end() :]) if dashes else None
    return found if found and name_key(found[0]) else None


def _last_bracket(title: str) -> tuple[str, str] | None:
    closing, opening = title[-1], _OPENING[title[-1]]
    depth = 0
    for place in range(len(title) - 1, -1, -1):
        depth += (title[place] == closing) - (title[place] == opening)
        if depth == 0:
            return title[:place].rstrip(), title[place + 1 : -1].strip()
    return None


def _guests(part: str, credited: Collection[str]) -> str | None:
    if match := _FEATURED.match(part):
        return match["names"].strip()
    match = _WITH.match(part)
    if match and all(name_key(name) in credited for name in split_names(match["names"], credited)):
        return match["names"].strip()
    return None


def _without_unmarked_guests(title: str) -> tuple[str, list[str]]:
    """ "Song feat. X" as "Song" and ["X"]; "Six ft Under" stays."""
    match = _FEATURED_UNMARKED.search(title)
    before = title[: match.start()].rstrip() if match else ""
    if match is None or not name_key(before) or _A_LENGTH.search(before):
        return title, []
    names = _DASH.split(match["names"], maxsplit=1)[0].rstrip()
    behind = title[match.start("names") + len(names) :]
    return f"{before} {behind.strip()}".rstrip(), [names]


def _is_version(part: str) -> bool:
    key = name_key(part)
    if _YEAR.match(key):
        return True
    words = key.split()
    while len(words) > 1 and words[-1].isdigit():
        words.pop()
    phrase = " ".join(words)
    if not words or phrase in _NO_VERSIONS:
        return False
    return (
        phrase in _VERSIONS
        or words[-1] in _LAST_WORDS_OF_A_VERSION
        or not _WORDS_OF_A_VERSION.isdisjoint(words)
        or _LIVE.search(phrase) is not None
        or _ANY_SCRIPT.search(part) is not None
        or _FROM_A_FILM.match(part) is not None
    )
