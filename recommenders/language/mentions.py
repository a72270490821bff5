"""Mentions: who is named where in an article, and in what mood.

Names are found by the gazetteer; plain ones, such as Air or Low, count only with support from the text: what stands
around them (`support`), a title of theirs beside them (`tracks`), surer mentions of them in the same article, lists of
artists. Titles of tracks count near their artist. Of names that overlap the longest one that counts is meant.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from recommenders.language.gazetteer import Gazetteer, Match
from recommenders.language.plainness import Plainness
from recommenders.language.sentiment import Moods
from recommenders.language.support import ENOUGH, NEVER, SURE, local_support
from recommenders.language.surface import Case, Surface
from recommenders.language.tokens import AND, tokens
from recommenders.language.tracks import QUOTED, Title, beside, find_titles, mentioned

NAMED_ELSEWHERE = 3.0  # points of a name whose artist the article surely names elsewhere
IN_A_LIST = 2.0  # points of a name beside another that counts, with a comma or the like between
WITH_AND = 2.5  # with an "and" between; "Finally, Radiohead" is no list
_COMMAS = frozenset((", ", "; ", "、"))
_ANDS = frozenset((" & ", " + ", " / ", "/", "・", " x ", " × "))
_HOPELESS = -1.0
FAIR = 1.0
TOGETHER_SURE = 4.0


@dataclass(frozen=True)
class Mention:
    """Where an artist, or one of its tracks, is named: offsets into the title, a line feed, and the text.

    `sentiment` (-1 to 1) is the mood of the sentence; 0 where it can't be told.
    """

    start: int
    end: int
    artist_id: int
    track_id: int | None
    sentiment: float


@dataclass(frozen=True)
class Candidate:
    """A name that may be meant: its words [first, last], whose it is, how that is written, and the points for it."""

    first: int
    last: int
    artist_id: int
    written: str
    points: float

    @property
    def counts(self) -> bool:
        """Whether there is support enough."""
        return self.points >= ENOUGH


def find_mentions(title: str, text: str, gazetteer: Gazetteer, language: str | None = None) -> list[Mention]:
    """Everybody whom an article names, in order of position, none overlapping.

    `language` is the article's (a code of two letters); the mood of a text that is known not to be English is 0.
    """
    whole = f"{title}\n{text}"
    found = tokens(whole)
    surface = Surface(whole, found)
    matches = gazetteer.find(found)
    candidates = _candidates(surface, matches, gazetteer)
    titles = find_titles(surface, matches, gazetteer, (one.artist_id for one in candidates))
    artists = _apart(_supported(surface, _with_titles(surface, candidates, titles)))
    places = defaultdict(list)
    for one in sorted(artists, key=lambda one: one.first):
        places[one.artist_id].append((one.first, one.last))
    tracks = mentioned(surface, titles, places, bisect_left(found.starts, len(title)))
    moods = Moods(whole, language)
    mentions = []
    for named in _merged(artists, tracks):
        start, end = _extent(surface, named.first, named.last, named.written)
        track_id = named.track_id if isinstance(named, Title) else None
        mentions.append(Mention(start, end, named.artist_id, track_id, moods.at(start, end)))
    return mentions


def _candidates(surface: Surface, matches: Sequence[Match], gazetteer: Gazetteer) -> list[Candidate]:
    """The names of artists among the matches, with the points of each by itself."""
    named = [match for match in matches if gazetteer.has_artists(match.name)]
    surface.find_headings((match.first, match.last) for match in named)
    candidates = []
    for match in named:
        plain = Plainness(gazetteer.plainness(match.name))
        in_prose = plain > Plainness.DISTINCT and _is_prose(surface, match)
        if in_prose and plain > Plainness.PHRASE:
            continue
        best: Candidate | None = None
        spellings = set[str]()
        for bearer in gazetteer.artists(match.name):
            if bearer.written in spellings or (in_prose and not bearer.written.islower()):
                continue
            spellings.add(bearer.written)
            points = local_support(surface, match.first, match.last, bearer.written, plain)
            if best is None or points > best.points:
                best = Candidate(match.first, match.last, bearer.artist_id, bearer.written, points)
        if best and best.points > NEVER:
            candidates.append(best)
    return _longest_spellings(candidates)


def _longest_spellings(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Of two spellings of an artist that end together, such as The Overcoats and Overcoats, the longer one."""
    kept: dict[tuple[int, int], Candidate] = {}
    for one in candidates:  # the longer ones begin earlier
        longer = kept.setdefault((one.artist_id, one.last), one)
        if one.points > longer.points:
            kept[one.artist_id, one.last] = replace(longer, points=one.points)
    return list(kept.values())


def _is_prose(surface: Surface, match: Match) -> bool:
    """Whether plain words have small letters in a text with capitals, and head nothing: most do, told apart fast."""
    is_small = all(surface.case(i) <= Case.LOWER for i in range(match.first, match.last + 1))
    return (
        is_small
        and surface.case(match.first) == Case.LOWER
        and surface.is_cased
        and surface.line(match.first).dash is None
    )


def _with_titles(surface: Surface, candidates: Sequence[Candidate], titles: Iterable[Title]) -> list[Candidate]:
    """The candidates with the points for titles of theirs beside them."""
    by_artist: Mapping[int, list[Title]] = defaultdict(list)
    for title in titles:
        by_artist[title.artist_id].append(title)
    return [
        replace(one, points=one.points + max(beside(surface, title, (one.first, one.last)) for title in own))
        if (own := by_artist.get(one.artist_id)) and not one.counts
        else one
        for one in candidates
    ]


def _supported(surface: Surface, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that count, by themselves or by what else the article names."""
    sure = _sure(candidates)
    raised = [
        replace(one, points=one.points + NAMED_ELSEWHERE)
        if one.artist_id in sure and _HOPELESS <= one.points < ENOUGH and surface.case(one.first) != Case.LOWER
        else one
        for one in candidates
    ]
    return _listed(surface, raised)


def _listed(surface: Surface, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that count, with those that stand in a list beside them, and those beside these."""
    counting = [one for one in candidates if one.counts]
    others = [one for one in candidates if ENOUGH - WITH_AND <= one.points < ENOUGH]
    while True:
        begins, ends = {one.first: one for one in counting}, {one.last for one in counting}
        raised = [replace(one, points=one.points + _beside(surface, one, begins, ends)) for one in others]
        if not any(one.counts for one in raised):
            return counting
        counting += [one for one in raised if one.counts]
        others = [one for one, higher in zip(others, raised, strict=True) if not higher.counts]


def _beside(surface: Surface, one: Candidate, begins: Mapping[int, Candidate], ends: Collection[int]) -> float:
    """Points for a name beside another that begins, or ends, at one of these words."""
    before, after = surface.before(one.first), surface.after(one.last)
    if (after in _ANDS and one.last + 1 in begins) or (before in _ANDS and one.first - 1 in ends):
        return WITH_AND
    if surface.word(one.last + 1) == AND and one.last + 2 in begins:
        return WITH_AND
    if surface.word(one.first - 1) == AND and one.first - 2 in ends:
        return WITH_AND
    if after in _COMMAS and one.last + 1 in begins:
        following = begins[one.last + 1]
        goes_on = surface.after(following.last) in _COMMAS and following.last + 1 in begins
        return WITH_AND if goes_on else IN_A_LIST
    return IN_A_LIST if before in _COMMAS and one.first - 1 in ends else 0.0


def _sure(candidates: Iterable[Candidate]) -> set[int]:
    """The artists whom the article names for sure: by one good mention, or by several fair ones of different kinds."""
    points = defaultdict(list)
    for one in candidates:
        if one.points >= FAIR:
            points[one.artist_id].append(one.points)
    return {
        artist_id
        for artist_id, all_points in points.items()
        if max(all_points) >= SURE or (sum(all_points) >= TOGETHER_SURE and len(set(all_points)) > 1)
    }


def _apart(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The longest first, none over another."""
    taken: set[int] = set()
    kept = []
    for one in sorted(candidates, key=lambda one: (one.first - one.last, -one.points, one.first)):
        words = range(one.first, one.last + 1)
        if taken.isdisjoint(words):
            taken.update(words)
            kept.append(one)
    return kept


def _merged(artists: Sequence[Candidate], titles: Sequence[Title]) -> list[Candidate | Title]:
    """In order, the titles, and the artists whom no title covers.

    A title inside an artist's name is none, unless it stands in quotation marks, all of it.
    """
    own = {word: one for one in artists for word in range(one.first, one.last + 1)}
    kept = [title for title in titles if _wins(title, own.get(title.first), own.get(title.last))]
    covered = {word for title in kept for word in range(title.first, title.last + 1)}
    free = [one for one in artists if covered.isdisjoint(range(one.first, one.last + 1))]
    return sorted([*kept, *free], key=lambda one: one.first)


def _wins(title: Title, first: Candidate | None, last: Candidate | None) -> bool:
    """Whether a title is meant, by the artists to whom its first and last words belong."""
    if first is None or first is not last:
        return True
    return (first.first, first.last) == (title.first, title.last) and title.points >= QUOTED


def _extent(surface: Surface, first: int, last: int, written: str) -> tuple[int, int]:
    """Where a name begins and ends, with the marks that are written as part of it: Wham!"""
    start, end = surface.starts[first], surface.ends[last]
    inside = tokens(written)
    head, tail = written[: inside.starts[0]], written[inside.ends[-1] :]
    if tail and surface.text.startswith(tail, end):
        end += len(tail)
    if head and surface.text.endswith(head, 0, start):
        start -= len(head)
    return start, end
