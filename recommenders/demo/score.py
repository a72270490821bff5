"""What the musicians of an invented song play: chords, melody, bass and drums in its key, mode and metre."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from recommenders.demo.catalogue import Floats, Ints
from recommenders.demo.genres import GENRE_NAMES

PHRASE_BARS = 4
_SLOW_BPM, _FAST_BPM = 92, 165
_SCALES = {0: (0, 2, 3, 5, 7, 8, 10), 1: (0, 2, 4, 5, 7, 9, 11)}
# Degrees of the scale, a chord a bar. Each begins at home and leans on the dominant, so that nobody hears the
# relative key instead.
_PROGRESSIONS = {
    0: (
        (0, 3, 4, 0),
        (0, 5, 3, 4),
        (0, 3, 0, 4),
        (0, 0, 3, 4),
        (0, 4, 0, 0),
        (0, 5, 4, 0),
        (0, 3, 3, 0),
        (0, 4, 3, 0),
        (0, 0, 5, 4),
    ),
    1: (
        (0, 3, 4, 0),
        (0, 4, 5, 3),
        (0, 5, 3, 4),
        (0, 3, 0, 4),
        (0, 1, 4, 0),
        (0, 0, 3, 4),
        (0, 4, 3, 0),
        (0, 3, 1, 4),
        (0, 0, 4, 0),
    ),
}
_PASSING = {0: (4, 3, 0), 1: (4, 3, 1, 0)}
_PASSING_SHARE = 0.45
_ADDED_SHARE = 0.3  # of chords have a second or a sixth added
# Where the strong beats of a bar lie; the rest of the music leans on the first of them most.
_STRONG = {3: (0,), 4: (0, 2), 5: (0, 3), 6: (0, 3), 7: (0, 4)}
_MELODY_RHYTHMS = ((1.0, 0.0), (1.0, 0.5), (1.0, 0.0), (0.0, 0.0), (1.0, 0.25))  # chance of the beat, of its off-beat


@dataclass(frozen=True)
class Manner:
    """How a genre plays: `drums` names a pattern of _drums, `comp` one of _comp; `swing` delays every second eighth.

    `partials` are the strengths of the first overtones of its melody instrument.
    """

    drums: str
    comp: str
    partials: tuple[float, ...]
    swing: float = 0.0
    sevenths: bool = False


MANNERS = dict(
    zip(
        GENRE_NAMES,
        (
            Manner("rock", "eighths", (1, 0.6, 0.5, 0.3, 0.25, 0.1)),
            Manner("rock", "eighths", (1, 0.8, 0.9, 0.6, 0.6, 0.5, 0.4, 0.3)),
            Manner("four", "offbeats", (1, 0.1, 0.7, 0.1, 0.5, 0.1, 0.3)),
            Manner("four", "sixteenths", (1, 0.5, 0.6, 0.4, 0.5, 0.3, 0.4, 0.2, 0.3)),
            Manner("pulse", "beats", (1, 0.2, 0.05)),
            Manner("train", "roll", (0.6, 1, 0.8, 0.9, 0.7, 0.6, 0.5, 0.4)),
            Manner("pulse", "roll", (0.8, 1, 0.7, 0.8, 0.5, 0.4, 0.3)),
            Manner("ride", "beats", (1, 0.7, 0.8, 0.5, 0.4, 0.2), swing=0.15, sevenths=True),
            Manner("bossa", "bossa", (1, 0.3, 0.1, 0.05), sevenths=True),
            Manner("rock", "beats", (1, 0.2, 0.6, 0.1, 0.3), swing=0.06),
            Manner("half", "beats", (1, 0.4, 0.2, 0.2)),
            Manner("half", "eighths", (1, 0.9, 0.9, 0.8, 0.7, 0.6, 0.6, 0.5)),
            Manner("train", "beats", (1, 0.05, 0.05, 0.6)),
        ),
        strict=True,
    )
)


@dataclass(frozen=True)
class Notes:
    """Notes of one instrument: `beat` and `length` in beats, `pitch` as MIDI numbers, `level` as a factor."""

    beat: Floats
    pitch: Ints
    length: Floats
    level: Floats


@dataclass(frozen=True)
class Hits:
    """Strokes of one drum: `beat` in beats, `level` as a factor."""

    beat: Floats
    level: Floats


@dataclass(frozen=True)
class Score:
    """All that is played, by the name of the instrument."""

    notes: dict[str, Notes]
    hits: dict[str, Hits]


def compose(
    genre: str, key: int, mode: int, metre: int, tempo_bpm: float, n_bars: int, rng: np.random.Generator
) -> Score:
    """A song of `n_bars` bars: phrases of four bars in the order A A B A, each with its own chords and melody.

    Slow songs leave the eighths out and fast ones mark every beat, so that the tempo is the one which people would tap.
    The first bar of each phrase is on the tonic, and every bar is marked by a change of chord and a low note.
    """
    manner = MANNERS[genre]
    if tempo_bpm < _SLOW_BPM and manner.comp in ("eighths", "sixteenths"):
        manner = replace(manner, comp="beats")
    if tempo_bpm > _FAST_BPM:
        manner = replace(manner, drums="four")
    phrases = [_Phrase(manner, key, mode, metre, tempo_bpm, rng) for _ in range(2)]
    order = [phrases[(0, 0, 1, 0)[i % 4]] for i in range(-(-n_bars // PHRASE_BARS))]
    length = PHRASE_BARS * metre
    notes = {name: _join_notes([phrase.notes[name] for phrase in order], length) for name in phrases[0].notes}
    hits = {name: _join_hits([phrase.hits[name] for phrase in order], length) for name in phrases[0].hits}
    return Score(notes, hits)


class _Phrase:
    """Four bars: the parts of all instruments, in beats from its beginning."""

    def __init__(
        self, manner: Manner, key: int, mode: int, metre: int, tempo_bpm: float, rng: np.random.Generator
    ) -> None:
        self._manner, self._key, self._mode, self._metre, self._rng = manner, key, mode, metre, rng
        self._slow = tempo_bpm < _SLOW_BPM
        progressions = _PROGRESSIONS[mode]
        self._chords = progressions[int(rng.integers(len(progressions)))]
        self._harmony = self._per_beat()
        self.hits = {name: _hits(strokes) for name, strokes in _drums(manner, metre, tempo_bpm, rng).items()}
        self.notes = {
            "bass": self._bass(),
            "sub": self._sub(),
            "comp": self._comp(),
            "pad": self._pad(),
            "melody": self._melody(),
            "bells": self._bells(),
            "drone": self._drone(),
            "arpeggio": self._arpeggio(),
            "clank": self._clank(),
        }

    def _per_beat(self) -> list[int]:
        """The degree under each beat; some bars pass on to another chord on their second strong beat."""
        rng, metre = self._rng, self._metre
        harmony = []
        for degree in self._chords:
            bar = [degree] * metre
            if len(_STRONG[metre]) > 1 and rng.random() < _PASSING_SHARE:
                turn = _STRONG[metre][1]
                bar[turn:] = [int(rng.choice(_PASSING[self._mode]))] * (metre - turn)
            harmony += bar
        return harmony

    def _pitch(self, degree: int, base: int, leading: bool = False) -> int:
        """The MIDI number of a degree of the scale; in minor the dominant has its `leading` note raised."""
        octave, step = divmod(degree, 7)
        raised = 1 if leading and self._mode == 0 and step == 6 else 0
        return base + self._key + 12 * octave + _SCALES[self._mode][step] + raised

    def _chord(self, degree: int, low: int) -> list[int]:
        """The pitches of the triad (or seventh chord) on a degree, each in the octave from `low` upwards."""
        steps = (0, 2, 4, 6) if self._manner.sevenths and degree in (1, 4) else (0, 2, 4)
        pitches = [self._pitch(degree + step, 0, leading=degree == 4) for step in steps]
        return sorted(low + (pitch - low) % 12 for pitch in pitches)

    def _bass(self) -> Notes:
        """The root on the first beat; on the others a figure of the song's own among the notes of the chord."""
        rows = []
        figure = self._rng.choice([0, 0, 2, 4], self._metre)
        for at, degree in enumerate(self._harmony):
            beat = at % self._metre
            low = 40 + (self._pitch(degree, 0) - 40) % 12
            if beat == 0:
                rows.append((at, low, 1.4, 1.0))
                continue
            step = self._pitch(degree + int(figure[beat]), 0, leading=degree == 4)
            strong = beat in _STRONG[self._metre]
            rows.append((at, 40 + (step - 40) % 12, 0.9 if strong else 0.5, 0.55 if strong else 0.3))
        return _notes(rows)

    def _sub(self) -> Notes:
        roots = [24 + (self._pitch(degree, 0) - 23) % 12 - 1 for degree in self._chords]
        return _notes([(bar * self._metre, root, self._metre * 0.95, 1.0) for bar, root in enumerate(roots)])

    def _comp(self) -> Notes:
        """Chords, or one note of them at a time, in a figure that is the song's own."""
        rng, rows = self._rng, []
        pattern = _comp(self._manner, self._metre, rng)
        low = int(rng.integers(50, 61))
        figure = rng.integers(4, size=len(pattern))
        added = np.where(rng.random(len(pattern)) < _ADDED_SHARE, rng.choice([1, 5], len(pattern)), 0)
        for bar in range(PHRASE_BARS):
            for place, (beat, level) in enumerate(pattern):
                at = bar * self._metre + beat
                degree = self._harmony[int(at)]
                chord = self._chord(degree, low)
                chord.append(low + (self._pitch(degree + int(added[place]), 0) - low) % 12)
                if self._manner.comp in ("roll", "sixteenths"):
                    rows.append((at, chord[figure[place] % len(chord)], 0.8, 1.4 * level))
                else:
                    rows += [(at, pitch, 0.45 if level < 0.5 else 0.9, 0.65 * level) for pitch in sorted(set(chord))]
        return _notes(rows)

    def _pad(self) -> Notes:
        rows = []
        for bar in range(PHRASE_BARS):
            starts = [beat for beat in _STRONG[self._metre] if self._changes(bar, beat)] + [self._metre]
            for beat, end in pairwise(starts):
                at = bar * self._metre + beat
                chord = self._harmony[at]
                rows += [
                    (at, pitch, end - beat, 0.5 if at else 0.6) for low in (52, 64) for pitch in self._chord(chord, low)
                ]
        return _notes(rows)

    def _changes(self, bar: int, beat: int) -> bool:
        at = bar * self._metre + beat
        return beat == 0 or self._harmony[at] != self._harmony[at - 1]

    def _melody(self) -> Notes:
        rng, metre = self._rng, self._metre
        degree = int(rng.choice([0, 2, 4]))
        rows: list[tuple[float, int, float, float]] = []
        rhythm = [_MELODY_RHYTHMS[i] for i in rng.integers(len(_MELODY_RHYTHMS), size=metre)]
        between = 0.2 if self._slow else 1.0
        for bar in range(PHRASE_BARS):
            for beat in range(metre):
                root = self._harmony[bar * metre + beat]
                on, off = rhythm[beat]
                for place, chance in ((0.0, max(on, float(beat == 0))), (0.5, between * off)):
                    if rng.random() >= chance:
                        continue
                    degree = int(np.clip(degree + rng.choice([-2, -1, -1, 0, 1, 1, 2]), -3, 8))
                    if place == 0 and beat in _STRONG[metre]:
                        degree = _nearest_chord_tone(degree, root)
                    pitch = self._pitch(degree, 60, leading=root == 4)
                    rows.append((bar * metre + beat + place, pitch, 1.0, 1.0 if beat == 0 else 0.75))
        starts = [row[0] for row in rows] + [PHRASE_BARS * metre]
        return _notes([(at, p, min(starts[i + 1] - at, 2.0) * 0.95, v) for i, (at, p, _, v) in enumerate(rows)])

    def _bells(self) -> Notes:
        rng = self._rng
        places = np.sort(rng.choice(2 * self._metre, 3, replace=False)) / 2
        if self._slow:
            places = np.unique(np.floor(places))
        return _notes(
            [
                (at, self._chord(self._harmony[int(at)], 95)[int(rng.integers(3))], 1.5, 1.0)
                for bar in range(PHRASE_BARS)
                for at in (bar * self._metre + places).tolist()
            ]
        )

    def _drone(self) -> Notes:
        low = 36 + (self._key - 36) % 12 - 12 * (self._key > 7)
        beats = PHRASE_BARS * self._metre
        return _notes([(0, low, beats, 1.0), (0, low + 7, beats, 0.5), (0, low + 12, beats, 0.5)])

    def _arpeggio(self) -> Notes:
        rows = []
        for at, degree in enumerate(self._harmony):
            chord = self._chord(degree, 81)
            up = [*chord, chord[0] + 12]
            rows += [
                (at + step / 4, up[((4 * at + step) * 3) % len(up)], 0.2, 0.6 if step else 1.0) for step in range(4)
            ]
        return _notes(rows)

    def _clank(self) -> Notes:
        rng = self._rng
        rows = []
        between = 0.0 if self._slow else 0.5
        for bar in range(PHRASE_BARS):
            for beat in rng.choice(self._metre, 2, replace=False):
                rows.append((bar * self._metre + float(beat) + between, 69, 1.0, 1.0))
        return _notes(rows)


def _nearest_chord_tone(degree: int, root: int) -> int:
    return min((root + step + 7 * octave for octave in (-1, 0, 1) for step in (0, 2, 4)), key=lambda d: abs(d - degree))


def _comp(manner: Manner, metre: int, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Where the chords of a bar are struck, and how strongly."""
    beats = range(metre)
    accents = {beat: 1.0 if beat == 0 else 0.7 if beat in _STRONG[metre] else 0.55 for beat in beats}
    if manner.comp == "beats":
        return [(float(beat), accents[beat]) for beat in beats]
    if manner.comp == "offbeats":
        stabs = np.sort(rng.choice(np.arange(1, 4 * metre), metre, replace=False)) / 4
        return [(0.0, 0.8), *((float(stab), 0.6) for stab in stabs)]
    if manner.comp == "sixteenths":
        return [(beat + step / 4, accents[beat] * (1, 0.4, 0.6, 0.4)[step]) for beat in beats for step in range(4)]
    if manner.comp == "bossa" and metre == 4:
        return [(0.0, 1.0), (1.0, 0.6), (1.5, 0.5), (2.0, 0.6), (3.0, 0.6), (3.5, 0.5)]
    late = 0.5 + manner.swing
    return [(beat + place, accents[beat] * (1 if place == 0 else 0.5)) for beat in beats for place in (0.0, late)]


def _drums(
    manner: Manner, metre: int, tempo_bpm: float, rng: np.random.Generator
) -> dict[str, list[tuple[float, float]]]:
    """The strokes of four bars by drum. Hats mark the eighths, shakers the sixteenths between them."""
    strong = _STRONG[metre]
    back = [beat for beat in range(metre) if beat not in strong]
    kick: list[tuple[float, float]] = [(0.0, 1.0)]
    snare: list[tuple[float, float]] = [(float(beat), 1.0 if metre == 4 else 0.6) for beat in back]
    late = 0.5 + manner.swing
    extra = float(rng.choice([metre - 1 + late, 1 + late]))
    slow = tempo_bpm < _SLOW_BPM
    match manner.drums:
        case "four":
            kick += [(float(beat), 0.6) for beat in range(1, metre)]
        case "rock":
            kick += [(float(beat), 0.5) for beat in strong[1:]] + [(extra, 0.25)]
        case "half":
            kick += [(float(beat), 0.4) for beat in strong[1:]] + [(extra, 0.0 if slow else 0.2)]
        case "train":
            kick += [(float(beat), 0.55) for beat in strong[1:]]
            snare = [(at, 0.7) for at, _ in snare]
        case "bossa":
            kick += [(float(beat), 0.5) for beat in strong[1:]] + [(beat + 1.5, 0.3) for beat in strong[: metre // 2]]
            snare = [(at, 0.5) for at, _ in snare]
        case _:
            kick += [(float(beat), 0.5) for beat in strong[1:]]
            snare = [(at, 0.35) for at, _ in snare]
    hat = [
        (beat + place, level) for beat in range(metre) for place, level in ((0.0, 1.0), (late, 0.15 if slow else 0.35))
    ]
    shaker = [(beat + place, 1.0) for beat in range(metre) for place in (0.25, 0.75)]
    bars = {"kick": kick, "snare": snare, "hat": hat, "shaker": shaker}
    return {
        name: [(bar * metre + at, level) for bar in range(PHRASE_BARS) for at, level in strokes]
        for name, strokes in bars.items()
    } | {"crash": [(0.0, 1.0)]}


def _notes(rows: Sequence[tuple[float, int, float, float]]) -> Notes:
    beat, pitch, length, level = (np.array(column) for column in zip(*rows, strict=True))
    return Notes(beat.astype(np.float32), pitch.astype(np.int64), length.astype(np.float32), level.astype(np.float32))


def _hits(rows: list[tuple[float, float]]) -> Hits:
    beat, level = (np.array(column, dtype=np.float32) for column in zip(*rows, strict=True))
    return Hits(beat, level)


def _join_notes(parts: list[Notes], phrase_beats: int) -> Notes:
    return Notes(
        beat=np.concatenate([part.beat + i * phrase_beats for i, part in enumerate(parts)]),
        pitch=np.concatenate([part.pitch for part in parts]),
        length=np.concatenate([part.length for part in parts]),
        level=np.concatenate([part.level for part in parts]),
    )


def _join_hits(parts: list[Hits], phrase_beats: int) -> Hits:
    return Hits(
        beat=np.concatenate([part.beat + i * phrase_beats for i, part in enumerate(parts)]),
        level=np.concatenate([part.level for part in parts]),
    )
