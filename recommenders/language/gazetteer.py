"""The gazetteer: all names of artists and titles of tracks, found in a text in one pass.

A trie over words, not letters (the goto function of Aho & Corasick 1975): names begin and end at words by themselves,
and a million of them need some 110 MB. Names are a few words long, so instead of failure links every place of a text
is followed at once, one word deeper with each of a handful of vectorised steps. The nodes lie in the order of
(parent, word) in one array, and a step is a search in it.
"""

import io
from dataclasses import dataclass
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from recommenders.errors import ArtifactError
from recommenders.language.gazetteer_building import LONGEST_NAME, Arrays, Ints, build_arrays, edge_key, texts_of
from recommenders.language.tokens import Tokens
from recommenders.store.mentions import ArtistNames, TrackTitles

VERSION = 1
_UNKNOWN = 0


@dataclass(frozen=True)
class Match:
    """A name in a text: its first and last word, and the number of the name in the gazetteer."""

    first: int
    last: int
    name: int


@dataclass(frozen=True)
class Bearer:
    """An artist of a name, and how the name is written; `is_variant`: not by the catalogue."""

    artist_id: int
    written: str
    is_variant: bool


class Gazetteer:
    """Names to be found. Made by `build` or `from_bytes`; it never changes, and holds no open file."""

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays
        self._vocabulary = {word: number for number, word in enumerate(texts_of(arrays["words"]), start=1)}
        self._edges: Ints = arrays["edges"]
        self._name_of_node: npt.NDArray[np.int32] = arrays["name_of_node"]
        self._plainness: npt.NDArray[np.uint8] = arrays["plainness"]

    @classmethod
    def build(cls, artists: ArtistNames, tracks: TrackTitles) -> "Gazetteer":
        """The gazetteer of these names and titles; names without a word are left out."""
        return cls(build_arrays(artists, tracks))

    def to_bytes(self) -> bytes:
        """All of it, to be stored."""
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, version=np.array([VERSION]), **self._arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Gazetteer":
        """The gazetteer that gave `content`; raises ArtifactError for anything else."""
        try:
            with np.load(io.BytesIO(content)) as stored:
                arrays = {name: stored[name] for name in stored.files}
        except (OSError, ValueError, EOFError, BadZipFile) as error:
            raise ArtifactError(f"The gazetteer can't be read: {error}. Build it again.") from error
        if arrays.pop("version", [0])[0] != VERSION:
            raise ArtifactError("The gazetteer is of another version. Build it again.")
        return cls(arrays)

    def __len__(self) -> int:
        """How many different names and titles there are."""
        return len(self._plainness)

    def find(self, text: Tokens) -> list[Match]:
        """Every name in the text, however they overlap, in order of their first word, then their last."""
        ids = np.array([self._vocabulary.get(word, _UNKNOWN) for word in text.words], dtype=np.int64)
        starts = np.arange(len(ids))
        nodes = np.zeros(len(ids), dtype=np.int64)
        found: list[tuple[Ints, int, npt.NDArray[np.int32]]] = []
        for depth in range(LONGEST_NAME):
            inside = starts + depth < len(ids)
            starts, nodes = starts[inside], nodes[inside]
            starts, nodes = self._step(starts, nodes, ids[starts + depth])
            if not len(starts):
                break
            names = self._name_of_node[nodes]
            found.append((starts[names >= 0], depth, names[names >= 0]))
        matches = [
            Match(first, first + depth, name)
            for firsts, depth, names in found
            for first, name in zip(firsts.tolist(), names.tolist(), strict=True)
        ]
        return sorted(matches, key=lambda match: (match.first, match.last))

    def _step(self, starts: Ints, nodes: Ints, ids: Ints) -> tuple[Ints, Ints]:
        """The starts from which the trie goes on with these words, and where to."""
        known = ids != _UNKNOWN
        starts, wanted = starts[known], edge_key(nodes[known], ids[known])
        at = np.searchsorted(self._edges, wanted)
        hit = self._edges[np.minimum(at, len(self._edges) - 1)] == wanted if len(self._edges) else at < 0
        return starts[hit], at[hit] + 1

    def plainness(self, name: int) -> int:
        """The `Plainness` of a name."""
        return int(self._plainness[name])

    def artists(self, name: int) -> list[Bearer]:
        """The artists of a name, the likeliest first: those whose name it is before those of a variant."""
        a = self._arrays
        first, last = a["artist_slices"][name : name + 2]
        return [
            Bearer(int(a["artist_ids"][row]), self._written(int(a["artist_written"][row])), bool(a["is_variant"][row]))
            for row in range(first, last)
        ]

    def has_artists(self, name: int) -> bool:
        """Whether some artist has this name."""
        slices = self._arrays["artist_slices"]
        return bool(slices[name] < slices[name + 1])

    def tracks(self, name: int, artist_ids: Ints) -> list[tuple[int, int]]:
        """(artist_id, track_id) of the tracks with this title by one of these artists (ascending)."""
        a = self._arrays
        first, last = a["track_slices"][name : name + 2]
        if first == last:
            return []
        by = a["track_artist_ids"][first:last]
        begins, ends = np.searchsorted(by, artist_ids), np.searchsorted(by, artist_ids, side="right")
        return [
            (int(artist), int(track))
            for artist, begin, end in zip(artist_ids, begins, ends, strict=True)
            for track in a["track_ids"][first + begin : first + end]
        ]

    def title(self, name: int) -> str:
        """How the first track with this title is written."""
        return self._written(int(self._arrays["title_written"][name]))

    def _written(self, row: int) -> str:
        first, last = self._arrays["written_slices"][row : row + 2]
        return bytes(self._arrays["written"][first:last]).decode()
