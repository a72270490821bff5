"""The posts of the invented blogs: reviews, round-ups, concerts, interviews, press releases, letters."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from recommenders.demo import sentences
from recommenders.demo.genres import AXES, FIRST_NAMES, GENRES, LAST_NAMES, PLAIN_NAMES
from recommenders.demo.prose import Named, Prose, Value, compose, joined
from recommenders.demo.wording import EVERYDAY, UNWRITTEN, forms, is_noun
from recommenders.demo.world import World

Choice = TypeVar("Choice")

PLANTED_GENRE_WORDS, PLANTED_AXIS_WORDS = 1, 2
OTHER_FORM_SHARE, ALIAS_SHARE, BARE_TITLE_SHARE, PLAIN_SHARE = 0.2, 0.2, 0.15, 0.6
_ACCENTED = {
    "Bjork": "Björk", "Tjarn": "Tjärn", "Torbjorn": "Torbjörn", "Soren": "Søren", "Zelia": "Zélia", "Otavio": "Otávio",
    "Lidia": "Lídia", "Ines": "Inés", "Tavora": "Távora", "Kovacs": "Kovács", "Gorecki": "Górecki", "Szabo": "Szabó",
}  # fmt: skip
_ONE_PERSON = ("Mister", "Kid", "Lady", "Doc", "Captain", "Sister", "Uncle", "Deacon", "Auntie", "Grandpa", "Miss")
_SEVERAL = ("&", " and ", "Trio", "Quartet", "Quintet", "Sextet", "Octet", "Quarteto", "Conjunto", "Duo", "Spelmanslag")
_LABELS = ("Tall Ship", "Second Post", "Ninepin", "Loose Thread", "Half Measure", "Small Hours Club")


@dataclass(frozen=True)
class Planted:
    """A word that is said of an artist, as it stands and in other forms."""

    word: str
    forms: tuple[str, ...]
    motif: bool


@dataclass(frozen=True)
class Draft:
    """A post before it is dated: `headings` are the numbers of the paragraphs that are headings."""

    title: Prose
    paragraphs: tuple[Prose, ...]
    headings: frozenset[int] = frozenset()


def planted_words(world: World, artist: int) -> tuple[Planted, ...]:
    """What is said of an artist above all: a word of its genre, two of how it sounds, and its two motifs."""
    words = world.artists.words[artist]
    ends = {word for axis in AXES for end in axis for word in end}
    genre = set(GENRES[int(world.artists.genre[artist])].words)
    of_genre = [word for word in words if word in genre and word not in UNWRITTEN][:PLANTED_GENRE_WORDS]
    of_axes = [word for word in words if word in ends and word not in of_genre][:PLANTED_AXIS_WORDS]
    motifs = words[-2:]
    return tuple(
        Planted(word, forms(word, motif=word in motifs), word in motifs) for word in [*of_genre, *of_axes, *motifs]
    )


@dataclass
class Writer:
    """Writes posts; remembers what it has said of each artist, so that each planted word gets its turn."""

    world: World
    rng: np.random.Generator
    accents: bool = False
    marks: tuple[str, str] = ("“", "”")
    said: dict[int, Counter[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        titles = Counter(song_title(title) for title in self.world.tracks.titles)
        self._songs: dict[int, list[int]] = {}
        for track, version in enumerate(self.world.tracks.version):
            known = not self.world.tracks.unplayed[track]
            works = np.count_nonzero(self.world.tracks.work == self.world.tracks.work[track])
            if not version and known and titles[song_title(self.world.tracks.titles[track])] <= works:
                self._songs.setdefault(int(self.world.tracks.artist[track]), []).append(track)

    def review(self, artist: int, others: Sequence[int]) -> Draft:
        """One artist at length; others are named beside."""
        title = self._line(("{A}: {T}", "Review: {A}", "{A} and the art of {verb}", "On {T} by {A}"), artist)
        body = [
            [self._opening(artist), *self._words(artist, 2), self._everyday()],
            [*self._words(artist, 2), self._genre(artist), *(self._beside(artist, other) for other in others)],
            [self._line(sentences.PRAISE, artist), self._everyday()],
        ]
        return Draft(title, tuple(joined(self._mixed(part)) for part in body))

    def round_up(self, artists: Sequence[int]) -> Draft:
        """Several artists, each under a heading of its own."""
        title = self._line(
            ("{number} songs for a {day} in {month}", "What we played while {verb}", "The week in sound")
        )
        paragraphs, headings = [joined(self._aimless(2, artists))], set()
        for artist in artists:
            headings.add(len(paragraphs))
            paragraphs.append(self._line(("{A}: {T}", "{A}, {T}", "{T} by {A}"), artist))
            part = [self._opening(artist), *self._words(artist, 3), self._everyday()]
            paragraphs.append(joined(self._mixed(part)))
        return Draft(title, tuple(paragraphs), frozenset(headings))

    def concert(self, headliner: int, support: int) -> Draft:
        """Two artists on one evening."""
        title = self._line(
            ("{A} in {town}", "Live: {A} and {B}", "{number} hours in {town} with {A}"), headliner, support
        )
        first = [self._line(sentences.STAGE[:3], support), *self._words(support, 3), self._everyday()]
        second = [self._line(sentences.STAGE, headliner, support), *self._words(headliner, 2), self._genre(headliner)]
        last = [*self._words(headliner, 2), self._everyday()]
        return Draft(title, (joined(self._aimless(1, (headliner, support))), *map(joined, (first, second, last))))

    def interview(self, artist: int, other: int) -> Draft:
        """Questions and answers."""
        title = self._line(("In conversation: {A}", "{A}, at home", "Tea with {A}"), artist)
        paragraphs, headings = [joined([self._opening(artist), *self._words(artist, 2), self._everyday()])], set()
        for question in self.rng.permutation(len(sentences.QUESTIONS))[:3]:
            headings.add(len(paragraphs))
            paragraphs.append(self._line((sentences.QUESTIONS[question],), artist))
            paragraphs.append(joined([*self._answers(artist), *self._words(artist, 1)]))
        paragraphs.append(joined([self._beside(artist, other), self._everyday()]))
        return Draft(title, tuple(paragraphs), frozenset(headings))

    def guide(self, artists: Sequence[int]) -> Draft:
        """A genre in a few artists, without headings."""
        title = self._line(
            ("{genre} for beginners", "A short walk through {genre}", "Where {genre} is now"), artists[0]
        )
        parts = [
            joined([self._opening(artist), *self._mixed([*self._words(artist, 3), self._genre(artist)], first=0)])
            for artist in artists
        ]
        return Draft(title, (joined(self._aimless(2, artists)), *parts))

    def slating(self, artist: int) -> Draft:
        """A review that likes nothing about it."""
        title = self._line(("A {scorn} evening with {A}", "{A}: {T}, and why not", "Must we talk about {A}?"), artist)
        first = [
            self._line(sentences.SCORN, artist),
            self._line(sentences.SCORN_WITHOUT_NAMES, artist),
            self._everyday(),
        ]
        second = [*(self._line(sentences.SCORN_WITHOUT_NAMES, artist) for _ in range(2)), self._everyday()]
        return Draft(title, (joined(first), joined(second), self._line(sentences.SCORN, artist)))

    def release(self, artist: int) -> Draft:
        """A press release."""
        words = self._next_words(artist, 6)
        tone = [word.word for word in words if not word.motif]
        motifs = [word.word for word in words if word.motif]
        extra = {"w": tone[0], "x": tone[1], "m": motifs[0], "label": self._pick(_LABELS)}
        title = self._line(("{A} announce{z} new album", "New album by {A} in {month}"), artist)
        parts = [self._line(templates, artist, extra=extra) for templates in sentences.RELEASE]
        return Draft(title, tuple(joined(parts[first : first + 3]) for first in range(0, len(parts), 3)))

    def copied(self, release: Draft, artist: int) -> Draft:
        """A press release as another newsdesk prints it: a title and a first line of its own, a sentence less."""
        title = self._line(("{A}: new album", "News: {A}", "{A} return{z}", "Coming in {month}: {A}"), artist)
        first = self._line(sentences.WORDS_OF_A_NEWSDESK)
        return Draft(title, (first, *release.paragraphs))

    def letter(self) -> Draft:
        """A post about nothing that is for sale."""
        titles = ("Letters", "Notes from {town}", "A {day} without records", *sentences.PLAIN_TITLES.values())
        title = self._line(titles)
        return Draft(title, tuple(joined(self._aimless(4, ())) for _ in range(3)))

    def rising(self, artist: int, word: str, other: int) -> Draft:
        """A post about something new that an artist does."""
        title = self._line(("{A} and the {w}", "What {A} did next", "Notes on {A}"), artist, extra={"w": word})
        new = [self._line(sentences.RISING, artist, extra={"w": word}) for _ in range(3)]
        body = [
            [self._opening(artist), new[0], self._everyday(), new[1]],
            [*self._words(artist, 2), new[2], self._beside(artist, other)],
        ]
        return Draft(title, tuple(map(joined, body)))

    def author(self) -> str:
        """Somebody who is no artist."""
        while True:
            name = f"{self._pick(FIRST_NAMES)} {self._pick(LAST_NAMES)}"
            if name not in self.world.artists.names:
                return name

    def _opening(self, artist: int) -> Prose:
        has_songs = artist in self._songs
        return self._line(sentences.OPENINGS if has_songs else sentences.OPENINGS_WITHOUT_A_SONG, artist)

    def _words(self, artist: int, count: int) -> list[Prose]:
        """A sentence for each of the next planted words."""
        return [self._saying(artist, word) for word in self._next_words(artist, count)]

    def _next_words(self, artist: int, count: int) -> list[Planted]:
        """The words that were said least often so far."""
        said = self.said.setdefault(artist, Counter())
        words = planted_words(self.world, artist)
        order = sorted(self.rng.permutation(len(words)), key=lambda i: said[words[i].word])[:count]
        said.update(words[i].word for i in order)
        return [words[i] for i in order]

    def _saying(self, artist: int, word: Planted) -> Prose:
        if len(word.forms) > 1 and self.rng.random() < OTHER_FORM_SHARE:
            other = sentences.OTHER_MOTIFS if word.motif else sentences.OTHER_ADJECTIVES
            return self._line(other, artist, extra={"v": word.forms[1]})
        plain = sentences.NOUNS if is_noun(word.word) else sentences.ADJECTIVES
        return self._line(sentences.MOTIFS if word.motif else plain, artist, extra={"w": word.word})

    def _answers(self, artist: int) -> list[Prose]:
        words = planted_words(self.world, artist)
        extra = {
            "w": self._pick([word.word for word in words if not word.motif and not is_noun(word.word)]),
            "m": self._pick([word.word for word in words if word.motif]),
        }
        return [self._line(sentences.ANSWERS, artist, extra=extra) for _ in range(2)]

    def _genre(self, artist: int) -> Prose:
        return self._line(sentences.GENRES, artist)

    def _beside(self, artist: int, other: int) -> Prose:
        return self._line(sentences.OTHERS, artist, other)

    def _everyday(self) -> Prose:
        return self._line(sentences.EVERYDAY)

    def _aimless(self, count: int, about: Sequence[int]) -> list[Prose]:
        """Sentences about nothing, and some that hold an artist's name in its everyday sense."""
        chosen = self.rng.permutation(len(sentences.AIMLESS))[:count]
        found = [self._line((sentences.AIMLESS[i],)) for i in chosen]
        meant = {self.world.artists.names[artist] for artist in about}
        others = [name for name in PLAIN_NAMES.values() if name not in meant]
        if self.rng.random() < PLAIN_SHARE:
            found.append(self._line(sentences.PLAIN[self._pick(others)]))
        return self._mixed(found, first=0)

    def _mixed(self, parts: list[Prose], first: int = 1) -> list[Prose]:
        """The sentences, shuffled from the one with number `first` on."""
        order = first + self.rng.permutation(len(parts) - first)
        return [*parts[:first], *(parts[i] for i in order)]

    def _line(
        self,
        templates: Sequence[str],
        artist: int | None = None,
        other: int | None = None,
        extra: Mapping[str, Value] | None = None,
    ) -> Prose:
        """One of the templates, filled: one for which there is a song, and another artist, if it needs them."""
        songs = self._songs.get(artist, []) if artist is not None else []
        fitting = [
            template
            for template in templates
            if ("{T}" not in template or songs) and ("{B" not in template or other is not None)
        ]
        values: dict[str, Value] = {name: self._pick(words) for name, words in EVERYDAY.items()}
        values |= {f"{name}2": self._unlike(name, str(values[name])) for name in EVERYDAY}
        if artist is None:
            values["genre"] = self._pick([genre.name for genre in GENRES])
        else:
            values |= self._of_artist(artist, songs)
        if other is not None:
            values["B"] = self._named(other)
        return compose(self._pick(fitting or ["{A}"]), {**values, **(extra or {})})

    def _of_artist(self, artist: int, songs: Sequence[int]) -> dict[str, Value]:
        genre = GENRES[int(self.world.artists.genre[artist])]
        ours = {form for word in planted_words(self.world, artist) for form in word.forms}
        words = [word for word in genre.words if word not in ours and word not in UNWRITTEN and not is_noun(word)]
        g, h = self.rng.permutation(len(words))[:2]
        one = self._is_one(artist)
        verbs = ("is", "has", "does", "was", "s") if one else ("are", "have", "do", "were", "")
        values: dict[str, Value] = {"A": self._named(artist), "they": "they", "They": "They", "genre": genre.name}
        values |= {"g": words[g], "h": words[h], **dict(zip(("are", "have", "do", "were", "z"), verbs, strict=True))}
        if songs:
            values["T"] = self._song(int(self._pick(songs)))
        return values

    def _song(self, track: int) -> Named:
        title = song_title(self.world.tracks.titles[track])
        bare = " " in title and self.rng.random() < BARE_TITLE_SHARE
        return Named(title, int(self.world.tracks.artist[track]), track, ("", "") if bare else self.marks)

    def _named(self, artist: int) -> Named:
        """An artist as the blog writes it: now and then by another name, with a small "the", with accents."""
        name, aliases = self.world.artists.names[artist], self.world.artists.aliases[artist]
        if aliases and self.rng.random() < ALIAS_SHARE:
            name = aliases[0]
        if name.startswith("The ") and self.rng.random() < 0.5:
            name = f"the {name[4:]}"
        if self.accents:
            for plain, accented in _ACCENTED.items():
                name = name.replace(plain, accented)
        return Named(name, artist)

    def _is_one(self, artist: int) -> bool:
        """Whether the artist is one person, going by the name."""
        name = self.world.artists.names[artist]
        if GENRES[int(self.world.artists.genre[artist])].name == "techno":
            return True
        pools = (FIRST_NAMES, *(genre.pools.get("first", ()) for genre in GENRES))
        first = name.split()[0]
        return not any(mark in name for mark in _SEVERAL) and (first in _ONE_PERSON or any(first in p for p in pools))

    def _pick(self, choices: Sequence[Choice]) -> Choice:
        return choices[int(self.rng.integers(len(choices)))]

    def _unlike(self, name: str, word: str) -> str:
        return self._pick([other for other in EVERYDAY[name] if other != word])


def song_title(title: str) -> str:
    """A track's title as people write it: without its guest."""
    return re.split(r" \(?feat\. ", title, maxsplit=1)[0]
