"""Terms of passages: what an article says of each artist and track that it mentions (Whitman & Lawrence 2002).

A sentence speaks of those whom it mentions, and a sentence without names of those who were spoken of before it, or whom
the title names; the less, the further away. How much an article says a term of somebody is the sum over its
sentences, at most 1, scaled by the sentiment of the mentions.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from recommenders.language.words import LONGEST_TERM, NAME, Sentence, Term, TermKind, sentences, terms_in
from recommenders.store.mentions import Mentioned

CARRIED = 0.5  # of what a sentence says of somebody, the next one without a name still says
CARRIED_FROM_HEADING = 0.9
SUBJECT = 0.5  # of the artist whom the title, or the whole article, is about, in a sentence without names
LEAST = 0.1  # what is said less than this is not said
MOST_SUBJECTS = 2
SENTIMENT = 0.5  # a mention of sentiment 1 counts half more, one of -1 half less
BESIDE = 0.5  # of an artist mentioned in the same paragraph, but not the same sentence
LONGEST_NAME = 200  # characters; a longer one is cut, so that it fits into an index
MOST_TERMS = 4_000  # of one artist or track in one article
HUMBLE = 0.05  # the least that structured text says of a term that it names

_PRONOUN = re.compile(r"\W*(?:it|its|it's|they|their|they're|he|his|he's|she|her|she's|this|these)\b", re.IGNORECASE)


class EntityKind(StrEnum):
    """Whom terms are about."""

    ARTIST = "artist"
    TRACK = "track"


Entity = tuple[EntityKind, int]


@dataclass(frozen=True)
class EntityTerms:
    """What one article says of one artist or track: `mass` is how much it counts, `masses` how much of that each
    term has."""

    entity_kind: EntityKind
    entity_id: int
    mass: float
    masses: dict[Term, float] = field(default_factory=dict)


def terms_of(
    title: str, text: str, mentions: Sequence[Mentioned], language: str | None, names: Mapping[int, str]
) -> list[EntityTerms]:
    """The terms of each artist and track that an article mentions.

    `mentions` are offsets into the title, a line feed, and the text; `names` are the artists' by their id. `language`
    is a code of two letters; None is read as English. Where tracks are mentioned, their artist is.
    """
    whole = f"{title}\n{text}"
    placed = sentences(whole)
    inside = _by_sentence(placed, mentions)
    said: dict[Entity, _Said] = defaultdict(_Said)
    for sentence, here, spoken_of in zip(placed, inside, _owners(whole, placed, inside, len(title)), strict=True):
        if not spoken_of:
            continue
        terms = terms_in(_without_names(whole, sentence, here), language)
        for entity, strength in spoken_of.items():
            said[entity].add(strength, terms)
    for entity, beside in _beside(placed, inside).items():
        for artist_id, strength in beside.items():
            if artist_id in names:
                said[entity].add_terms(strength, [(TermKind.ARTIST, names[artist_id][:LONGEST_NAME])])
    scales = _scales(mentions)
    return [said[entity].close(entity, scales.get(entity, 1.0)) for entity in sorted(said) if said[entity].strength]


def terms_of_biography(text: str, entity: Entity, language: str | None, own_names: Iterable[str] = ()) -> EntityTerms:
    """The terms of a text that is all about one artist or track, called `own_names`."""
    own = sorted(filter(None, own_names), key=len, reverse=True)
    if own:
        text = re.sub(rf"(?<!\w)(?:{'|'.join(map(re.escape, own))})(?!\w)", NAME, text, flags=re.IGNORECASE)
    said = _Said()
    for sentence in sentences(text):
        said.add(1.0, terms_in(text[sentence.start : sentence.end], language))
    return said.close(entity, 1.0)


def terms_of_tags(counts: Mapping[str, float], entity: Entity) -> EntityTerms:
    """The terms of tags, each with how many people gave it.

    A tag of several words is a phrase, its words and its pairs of words. Each has its share of the commonest tag, by
    which somebody describes the entity so; the more people, n, gave that one, the more the tags count: as log2(1 + n)
    articles.
    """
    most = max(counts.values(), default=0)
    said = _Said(strength=1.0)
    for tag, count in counts.items():
        if count > 0:
            said.add_terms(max(count / most, HUMBLE), terms_in(tag, "en") | _whole(tag))
    return said.close(entity, math.log2(1 + max(most, 0)))


def _whole(tag: str) -> set[Term]:
    words = tag.casefold().split()
    return {(TermKind.PHRASE, " ".join(words)[:LONGEST_TERM])} if len(words) > 1 else set()


@dataclass
class _Said:
    """What is said of somebody, while it is read."""

    strength: float = 0.0
    masses: dict[Term, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, strength: float, terms: Iterable[Term]) -> None:
        self.strength += strength
        self.add_terms(strength, terms)

    def add_terms(self, strength: float, terms: Iterable[Term]) -> None:
        for term in terms:
            self.masses[term] += strength

    def close(self, entity: Entity, scale: float) -> EntityTerms:
        mass = min(self.strength, 1.0)
        heaviest = sorted(self.masses.items(), key=lambda item: (-item[1], item[0]))[:MOST_TERMS]
        return EntityTerms(*entity, mass * scale, {term: min(strength, mass) * scale for term, strength in heaviest})


def _by_sentence(placed: Sequence[Sentence], mentions: Iterable[Mentioned]) -> list[list[Mentioned]]:
    """The mentions that begin in each sentence."""
    inside: list[list[Mentioned]] = [[] for _ in placed]
    number = 0
    for mention in sorted(mentions, key=lambda one: one.start):
        while number < len(placed) and placed[number].end <= mention.start:
            number += 1
        if number < len(placed) and placed[number].start <= mention.start:
            inside[number].append(mention)
    return inside


def _named(mentions: Iterable[Mentioned]) -> dict[Entity, float]:
    """Whom a sentence speaks of: the more artists it mentions, the less of each."""
    artists = {mention.artist_id for mention in mentions}
    tracks = {mention.track_id for mention in mentions if mention.track_id is not None}
    return {(EntityKind.ARTIST, artist): 1 / len(artists) for artist in artists} | {
        (EntityKind.TRACK, track): 1 / len(tracks) for track in tracks
    }


def _owners(
    whole: str, placed: Sequence[Sentence], inside: Sequence[list[Mentioned]], title_end: int
) -> list[dict[Entity, float]]:
    """Whom each sentence speaks of, and how much; "It is as slow as NAME" speaks of two."""
    subjects = _subjects(placed, inside, title_end)
    owners: list[dict[Entity, float]] = []
    spoken_of: dict[Entity, float] = {}
    before: Sentence | None = None
    for sentence, here in zip(placed, inside, strict=True):
        carried: dict[Entity, float] = {}
        if before and (before.line == sentence.line or (before.heads and before.start >= title_end)):
            kept = CARRIED_FROM_HEADING if before.heads else CARRIED
            carried = {entity: strength * kept for entity, strength in spoken_of.items()}
        if here:
            goes_on = _PRONOUN.match(whole, sentence.start, sentence.end)
            spoken_of = _strongest(_named(here), carried if goes_on else {})
        else:
            spoken_of = carried
        owners.append(spoken_of if here else _strongest(spoken_of, subjects))
        before = sentence
    return [{entity: by for entity, by in one.items() if by >= LEAST} for one in owners]


def _subjects(placed: Sequence[Sentence], inside: Sequence[list[Mentioned]], title_end: int) -> dict[Entity, float]:
    """Whom an article is about: whom its title names, or the one artist that it mentions at all."""
    in_title = [
        mention for sentence, here in zip(placed, inside, strict=True) if sentence.start < title_end for mention in here
    ]
    about = _named(in_title) or _named(mention for here in inside for mention in here)
    artists = [entity for entity in about if entity[0] is EntityKind.ARTIST]
    if not artists or len(artists) > (MOST_SUBJECTS if in_title else 1):
        return {}
    chosen = about if in_title else {artists[0]: 1.0}
    return {entity: strength * SUBJECT for entity, strength in chosen.items()}


def _strongest(one: Mapping[Entity, float], other: Mapping[Entity, float]) -> dict[Entity, float]:
    return {entity: max(one.get(entity, 0.0), other.get(entity, 0.0)) for entity in one.keys() | other.keys()}


def _beside(placed: Sequence[Sentence], inside: Sequence[list[Mentioned]]) -> dict[Entity, dict[int, float]]:
    """The artists mentioned beside each artist and track: in a sentence, and less so in a paragraph."""
    found: dict[Entity, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    paragraphs: dict[int, list[Mentioned]] = defaultdict(list)
    for sentence, here in zip(placed, inside, strict=True):
        _add_beside(found, here, 1.0)
        paragraphs[sentence.line].extend(here)
    for together in paragraphs.values():
        _add_beside(found, together, BESIDE)
    return found


def _add_beside(found: dict[Entity, dict[int, float]], together: Sequence[Mentioned], strength: float) -> None:
    artists = {mention.artist_id for mention in together}
    if len(artists) < 2:
        return
    share = strength / (len(artists) - 1)
    for mention in {(one.artist_id, one.track_id) for one in together}:
        artist_id, track_id = mention
        for other in artists - {artist_id}:
            for entity in _entities(artist_id, track_id):
                found[entity][other] = max(found[entity][other], share)


def _entities(artist_id: int, track_id: int | None) -> list[Entity]:
    artist = (EntityKind.ARTIST, artist_id)
    return [artist] if track_id is None else [artist, (EntityKind.TRACK, track_id)]


def _without_names(whole: str, sentence: Sentence, here: Iterable[Mentioned]) -> str:
    """The sentence with `NAME` in place of each name."""
    parts, at = [], sentence.start
    for mention in sorted(here, key=lambda one: one.start):
        if mention.start >= at:
            parts += [whole[at : mention.start], f" {NAME} "]
        at = max(at, mention.end)
    return "".join([*parts, whole[at : sentence.end]])


def _scales(mentions: Iterable[Mentioned]) -> dict[Entity, float]:
    """What the sentiment of the mentions makes of each entity's masses."""
    felt: dict[Entity, list[float]] = defaultdict(list)
    for mention in mentions:
        for entity in _entities(mention.artist_id, mention.track_id):
            felt[entity].append(mention.sentiment)
    return {entity: 1 + SENTIMENT * sum(values) / len(values) for entity, values in felt.items()}
