"""Mentions: who is named where in an article, and in what mood.

Names are found by the gazetteer; plain ones, such as Air or Low, count only with support from the text (see
`support`). Titles of tracks count near their artist. Of names that overlap the longest one that counts is meant.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from recommenders.language.gazetteer import Gazetteer, Match
from recommenders.language.plainness import Plainness
from recommenders.language.sentiment import Moods
from recommenders.language.support import ENOUGH, NEVER, SURE, local_support
from recommenders.language.surface import Case, Surface
from recommenders.language.tokens import tokens
from recommenders.language.tracks import find_tracks

NAMED_ELSEWHERE = 3.0  # points of a name whose artist the article surely names elsewhere
IN_A_LIST = 2.0  # points of a name beside another that counts, with a comma or an "and" between
_LISTS = frozenset((", ", " & ", " + ", " / ", "/", "; ", "、", "・", " x ", " × "))


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
    """A name that may be meant: its words [first, last], whose it is, and the points for it."""

    first: int
    last: int
    artist_id: int
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
    artists = _apart(_supported(surface, _candidates(surface, matches, gazetteer)))
    tracks = find_tracks(surface, matches, gazetteer, [(one.first, one.last, one.artist_id) for one in artists])
    moods = Moods(whole, language)
    spans = [(one.first, one.last, one.artist_id, None) for one in artists]
    mentions = []
    for first, last, artist_id, track_id in _merged(spans, tracks):
        start, end = surface.starts[first], surface.ends[last]
        mentions.append(Mention(start, end, artist_id, track_id, moods.at(start, end)))
    return sorted(mentions, key=lambda mention: mention.start)


def _candidates(surface: Surface, matches: Iterable[Match], gazetteer: Gazetteer) -> list[Candidate]:
    """The names of artists among the matches, with the points of each by itself."""
    candidates = []
    for match in matches:
        plain = Plainness(gazetteer.plainness(match.name))
        if not gazetteer.has_artists(match.name) or (plain > Plainness.PHRASE and _is_small(surface, match)):
            continue
        best: Candidate | None = None
        for bearer in gazetteer.artists(match.name):
            points = local_support(surface, match.first, match.last, bearer.written, plain)
            if best is None or points > best.points:
                best = Candidate(match.first, match.last, bearer.artist_id, points)
        if best and best.points > NEVER:
            candidates.append(best)
    return candidates


def _is_small(surface: Surface, match: Match) -> bool:
    """Whether the first word, of a text with capitals, has none: what most plain words are, told apart fast."""
    return surface.case(match.first) == Case.LOWER and surface.is_cased


def _supported(surface: Surface, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that count, by themselves or by what else the article names."""
    sure = {one.artist_id for one in candidates if one.points >= SURE}
    raised = [
        replace(one, points=one.points + NAMED_ELSEWHERE) if one.artist_id in sure and -2 < one.points < ENOUGH else one
        for one in candidates
    ]
    begins, ends = defaultdict(list), defaultdict(list)
    for one in raised:
        if one.counts:
            begins[one.first].append(one)
            ends[one.last].append(one)
    listed = []
    for one in raised:
        beside = (
            (one.last + 1 < len(surface.words) and surface.after(one.last) in _LISTS and begins[one.last + 1])
            or (one.first and surface.before(one.first) in _LISTS and ends[one.first - 1])
            or (one.last + 2 < len(surface.words) and surface.words[one.last + 1] == "and" and begins[one.last + 2])
            or (one.first > 1 and surface.words[one.first - 1] == "and" and ends[one.first - 2])
        )
        listed.append(replace(one, points=one.points + IN_A_LIST) if beside and not one.counts else one)
    return [one for one in listed if one.counts]


def _apart(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The longest first, none over another."""
    taken: set[int] = set()
    kept = []
    for one in sorted(candidates, key=lambda one: (one.first - one.last, -one.points, one.first)):
        span = range(one.first, one.last + 1)
        if taken.isdisjoint(span):
            taken.update(span)
            kept.append(one)
    return kept


Span = tuple[int, int, int, int | None]


def _merged(artists: Sequence[Span], tracks: Sequence[Span]) -> list[Span]:
    """Tracks and the artists whom no title covers; a title inside an artist's name is none."""
    kept = [track for track in tracks if not any(a[0] <= track[0] and track[1] <= a[1] for a in artists)]
    covered = {word for first, last, _, _ in kept for word in range(first, last + 1)}
    return [*kept, *(one for one in artists if covered.isdisjoint(range(one[0], one[1] + 1)))]
