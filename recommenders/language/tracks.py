"""Titles of tracks in an article: only of artists whom it may name, and written like titles."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recommenders.language.gazetteer import Gazetteer, Match
from recommenders.language.plainness import Plainness
from recommenders.language.support import content_words, fits
from recommenders.language.surface import Case, LineStyle, Surface
from recommenders.language.word_sets import BEFORE_TITLES, SMALL_WORDS

NEAR = 60  # words between a title and its artist's name
BESIDE = 12
ENOUGH = 2.5

_OPENING = frozenset("\"“„«'‘`*「『《〈")
_CLOSING = frozenset("\"”“»'’`*」』》〉")
_BASE = {
    Plainness.DISTINCT: 1.5,
    Plainness.PROPER: 0.5,
    Plainness.PHRASE: 0.5,
    Plainness.WORD: 0.0,
    Plainness.FILLER: -0.5,
}
QUOTED = 3.0
AS_WRITTEN = 2.5  # for several words just like the title, capitals and all
TOGETHER = 3.0  # for a title and an artist that share a line with nothing else
JOINED = 2.0  # for "Title by Artist" and "Artist's Title"
HOPELESS = -1.0
NEARBY = 2.5  # for a title in quotation marks; half for one word

Place = tuple[int, int]


@dataclass(frozen=True)
class Title:
    """A title that may be meant: its words [first, last], whose track it is, and the points for how it is written."""

    first: int
    last: int
    artist_id: int
    track_id: int
    written: str
    points: float


def find_titles(
    surface: Surface, matches: Iterable[Match], gazetteer: Gazetteer, artist_ids: Iterable[int]
) -> list[Title]:
    """The titles in a text of tracks by these artists that are written like titles."""
    artists = np.unique(np.fromiter(artist_ids, dtype=np.int64))
    found = []
    for match in matches:
        tracks = gazetteer.tracks(match.name, artists)
        if not tracks:
            continue
        written = gazetteer.title(match.name)
        points = _written(surface, match, written, Plainness(gazetteer.plainness(match.name)))
        if points > HOPELESS:
            found += [Title(match.first, match.last, *track, written, points) for track in tracks]
    return found


def _written(surface: Surface, match: Match, written: str, plain: Plainness) -> float:
    """Points for quotation marks, or capitals like those of a title."""
    first, last = match.first, match.last
    if not fits(surface, first, last, written):
        return -1.0
    points = _BASE[plain] + (0.5 if last > first else 0.0)
    points += QUOTED if _is_quoted(surface, first, last) else _capitals(surface, first, last, written)
    between = surface.before(first)
    if first and surface.words[first - 1] in BEFORE_TITLES and not between.strip(" \"“„«'‘`*"):
        points += 1.5
    return points


def _is_quoted(surface: Surface, first: int, last: int) -> bool:
    before, after = surface.before(first), surface.after(last)
    return before[-1:] in _OPENING and bool(before) and after.lstrip(",.!?")[:1] in _CLOSING and bool(after)


def _capitals(surface: Surface, first: int, last: int, written: str) -> float:
    content = content_words(surface, first, last)
    inside = [i for i in content if not surface.opens(i) and surface.is_capital(i)]
    if surface.raw(first, last) == written and last > first:
        points = AS_WRITTEN if inside else 1.0
    elif any(surface.case(i) == Case.LOWER for i in content):
        return -4.0
    elif inside and surface.line(first).style == LineStyle.SENTENCE:
        points = 2.0 if last > first else 1.0
    else:
        points = 0.5 if last > first else 0.0
    before = surface.before(first) == " " and surface.is_capital(first - 1) and not surface.opens(first - 1)
    after = surface.after(last) == " " and surface.is_capital(last + 1)
    if before and surface.words[first - 1] not in SMALL_WORDS:
        points -= 3.0
    return points - 3.0 * after


def beside(surface: Surface, title: Title, place: Place) -> float:
    """Points for a title and a name of its artist in a line together; 0 where they don't speak for each other."""
    first, last = place
    if title.first <= last and first <= title.last:
        return 0.0
    line = surface.line(first)
    begin, end = min(first, title.first), max(last, title.last)
    if title.first < line.first or title.last >= line.last:
        return 0.0
    between = surface.words[title.last + 1 : first] if first > title.last else surface.words[last + 1 : title.first]
    if begin == line.first and end + 1 == line.last and between in ([], ["by"], ["s"]):
        return TOGETHER
    if between in (["by"], ["s"]):
        return JOINED
    if len(between) > BESIDE or title.points < QUOTED:
        return 0.0
    return NEARBY if title.last > title.first else NEARBY / 2


def mentioned(
    surface: Surface, titles: Iterable[Title], places: Mapping[int, Sequence[Place]], title_words: int
) -> list[Title]:
    """Those titles that are meant: near a name of their artist, or of an artist in the article's own title."""
    kept = []
    for title in titles:
        near = _near(places.get(title.artist_id, ()), title, title_words)
        if near is None:
            continue
        together = max((beside(surface, title, place) for place in near), default=-0.5)
        if title.points + together >= ENOUGH:
            kept.append(title)
    return _apart(kept)


def _near(places: Sequence[Place], title: Title, title_words: int) -> list[Place] | None:
    """The names around a title; none of them where only the article's title names the artist; None if nothing does."""
    at = bisect_left(places, (title.first, title.last))
    around = [
        place
        for place in places[max(at - 2, 0) : at + 2]
        if title.first - NEAR <= place[1] and place[0] <= title.last + NEAR
    ]
    if around:
        return around
    return [] if places and places[0][0] < title_words else None


def _apart(titles: Sequence[Title]) -> list[Title]:
    """The longest and likeliest first, none over another."""
    taken: set[int] = set()
    kept = []
    for title in sorted(titles, key=lambda one: (one.first - one.last, -one.points, one.first, one.track_id)):
        words = range(title.first, title.last + 1)
        if taken.isdisjoint(words):
            taken.update(words)
            kept.append(title)
    return kept
