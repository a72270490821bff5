"""Titles of tracks in an article: only of artists whom it names, near their names, and written like titles."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

import numpy as np

from recommenders.language.gazetteer import Gazetteer, Match
from recommenders.language.plainness import Plainness
from recommenders.language.support import fits
from recommenders.language.surface import Case, LineStyle, Surface
from recommenders.language.word_sets import BEFORE_TITLES, SMALL_WORDS

NEAR = 60  # words between a title and its artist's name
ENOUGH = 2.5

_OPENING = "\"“„«'‘`*「『《〈"
_CLOSING = "\"”“»'’`*」』》〉"
_BASE = {
    Plainness.DISTINCT: 1.5,
    Plainness.PROPER: 0.5,
    Plainness.PHRASE: 0.5,
    Plainness.WORD: 0.0,
    Plainness.FILLER: -0.5,
}

Span = tuple[int, int, int, int | None]


def find_tracks(
    surface: Surface, matches: Iterable[Match], gazetteer: Gazetteer, named: Sequence[tuple[int, int, int]]
) -> list[Span]:
    """(first word, last word, artist_id, track_id) of the titles by artists `named` (first, last, artist_id)."""
    artist_ids = np.unique(np.array([artist_id for _, _, artist_id in named], dtype=np.int64))
    if not len(artist_ids):
        return []
    places: dict[int, list[tuple[int, int]]] = {}
    for first, last, artist_id in sorted(named):
        places.setdefault(artist_id, []).append((first, last))
    found: list[tuple[float, Span]] = []
    for match in matches:
        for artist_id, track_id in gazetteer.tracks(match.name, artist_ids):
            points = _points(surface, match, gazetteer, places[artist_id])
            if points >= ENOUGH:
                found.append((points, (match.first, match.last, artist_id, track_id)))
    return _apart(found)


def _points(surface: Surface, match: Match, gazetteer: Gazetteer, places: Sequence[tuple[int, int]]) -> float:
    first, last = match.first, match.last
    away, between = _distance(surface, first, last, places)
    if away > NEAR or not fits(surface, first, last, gazetteer.title(match.name)):
        return -1.0
    plain = Plainness(gazetteer.plainness(match.name))
    points = _BASE[plain] + (0.5 if last > first else 0.0)
    quoted = _quoted(surface, first, last)
    points += 3.0 if quoted else _written(surface, first, last)
    points += between - (1.0 if away > NEAR / 2 else 0.0)
    if first and surface.words[first - 1] in BEFORE_TITLES and surface.before(first).strip(_OPENING + " ") == "":
        points += 1.5
    return points


def _distance(surface: Surface, first: int, last: int, places: Sequence[tuple[int, int]]) -> tuple[int, float]:
    """How many words lie between the title and its artist, and points for how they are joined."""
    at = bisect_left(places, (first, last))
    away, points = NEAR + 1, 0.0
    for begin, end in places[max(at - 1, 0) : at + 1]:
        away = min(away, first - end - 1 if end < first else max(begin - last - 1, 0))
        joining = surface.words[last + 1 : begin] if begin > last else surface.words[end + 1 : first]
        if joining in (["by"], ["s"]) or (not joining and surface.line(first).dash in (first, begin)):
            points = max(points, 2.0)
        elif len(joining) < 8:
            points = max(points, 0.5)
    return away, points


def _quoted(surface: Surface, first: int, last: int) -> bool:
    before, after = surface.before(first), surface.after(last)
    return bool(before) and bool(after) and before[-1] in _OPENING and after.lstrip(",.!?")[:1] in tuple(_CLOSING)


def _written(surface: Surface, first: int, last: int) -> float:
    """Points for capitals like those of a title."""
    content = [i for i in range(first, last + 1) if surface.words[i] not in SMALL_WORDS] or [first]
    cases = [surface.case(i) for i in content]
    if any(case == Case.LOWER for case in cases):
        return -4.0
    if surface.line(first).style != LineStyle.SENTENCE:
        return 0.0
    points = 0.0
    if any(case > 0 and not surface.opens(i) for case, i in zip(cases, content, strict=True)):
        points = 2.0 if last > first else 1.0
    before = first and surface.before(first) == " " and surface.case(first - 1) > 0
    after = last + 1 < len(surface.words) and surface.after(last) == " " and surface.case(last + 1) > 0
    return points - 3.0 * bool(before and surface.words[first - 1] not in SMALL_WORDS) - 3.0 * bool(after)


def _apart(found: Sequence[tuple[float, Span]]) -> list[Span]:
    """The longest and likeliest first, none over another."""
    taken: set[int] = set()
    kept = []
    for _, span in sorted(found, key=lambda one: (one[1][0] - one[1][1], -one[0], one[1])):
        words = range(span[0], span[1] + 1)
        if taken.isdisjoint(words):
            taken.update(words)
            kept.append(span)
    return kept
