"""Building the gazetteer: names and titles, as arrays that are stored as they are."""

from array import array
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from recommenders.language.plainness import plainness
from recommenders.language.tokens import words
from recommenders.language.variants import variants
from recommenders.store.mentions import ArtistNames, TrackTitles

LONGEST_NAME = 16  # words; a longer one is found by its first ones

Ints = npt.NDArray[np.int64]
Arrays = dict[str, npt.NDArray[Any]]


def build_arrays(artists: ArtistNames, tracks: TrackTitles) -> Arrays:
    """The arrays of a gazetteer.

    A spelling is an artist's name, a variant of it, or a title; spellings of the same folded words are one name.
    """
    own = _Spellings(artists.names)
    other = _Spellings(())
    bearers = array("q")
    for row, name in enumerate(artists.names):
        for variant in variants(name, own.words_of(row)):
            other.add(variant)
            bearers.append(row)
    titles = _Spellings(tracks.titles)
    row_of = np.concatenate([np.arange(len(own)), np.array(bearers, dtype=np.int64)])
    n_artist_rows = len(row_of)
    spelled = _Trie([own, other, titles])
    written = [*own.written, *other.written, *titles.written]
    encoded = [name.encode(errors="replace") for name in written]
    at = np.flatnonzero(spelled.name_of_row >= 0)
    of_artists, of_tracks = at[at < n_artist_rows], at[at >= n_artist_rows]
    return {
        "words": _bytes(spelled.vocabulary),
        "edges": spelled.edges,
        "name_of_node": spelled.name_of_node,
        "plainness": spelled.plainness(),
        "written": np.frombuffer(b"".join(encoded), dtype=np.uint8),
        "written_slices": _slices(np.array([len(one) for one in encoded], dtype=np.int64)),
        **_artist_rows(artists, row_of, of_artists, len(own), spelled.name_of_row, spelled.n_names),
        **_track_rows(tracks, of_tracks, n_artist_rows, spelled.name_of_row, spelled.n_names),
    }


class _Spellings:
    """Names as they are written, and their folded words."""

    def __init__(self, written: Sequence[str]) -> None:
        self.written: list[str] = []
        self.words: list[str] = []  # joined by spaces: a million lists would need ten times as much
        for name in written:
            self.add(name)

    def add(self, name: str) -> None:
        self.written.append(name)
        self.words.append(" ".join(words(name)[:LONGEST_NAME]))

    def words_of(self, row: int) -> list[str]:
        return self.words[row].split()

    def __len__(self) -> int:
        return len(self.written)


class _Trie:
    """The trie of all spellings, its nodes numbered level by level in the order of (parent, word); the root is 0.

    `edges` ascend: the i-th leads to node i + 1. `name_of_row` is -1 for a spelling without a word.
    """

    def __init__(self, parts: Sequence[_Spellings]) -> None:
        numbers: dict[str, int] = {}
        flat, lengths = array("q"), array("q")
        for part in parts:
            for joined in part.words:
                spelling = joined.split()
                flat.extend(numbers.setdefault(word, len(numbers) + 1) for word in spelling)
                lengths.append(len(spelling))
        self.vocabulary = list(numbers)
        self._flat, self._lengths = np.array(flat, dtype=np.int64), np.array(lengths, dtype=np.int64)
        self._begins = np.cumsum(self._lengths) - self._lengths
        self.edges, nodes = self._grow()
        ends, self._first_row, names = np.unique(nodes, return_index=True, return_inverse=True)
        empty = int(len(ends) > 0 and ends[0] == 0)  # what has no word ends at the root
        self._first_row = self._first_row[empty:]
        self.name_of_row: Ints = names - empty
        self.n_names = len(ends) - empty
        self.name_of_node = np.full(len(self.edges) + 1, -1, dtype=np.int32)
        self.name_of_node[ends[empty:]] = np.arange(self.n_names)

    def _grow(self) -> tuple[Ints, Ints]:
        """The edges, and the node at which each row ends."""
        nodes = np.zeros(len(self._lengths), dtype=np.int64)
        edges: list[Ints] = [np.empty(0, dtype=np.int64)]
        n_nodes = 1
        for depth in range(int(self._lengths.max(initial=0))):
            rows = np.flatnonzero(self._lengths > depth)
            keys = edge_key(nodes[rows], self._flat[self._begins[rows] + depth])
            level, at = np.unique(keys, return_inverse=True)
            nodes[rows] = n_nodes + at
            n_nodes += len(level)
            edges.append(level)
        return np.concatenate(edges), nodes

    def plainness(self) -> npt.NDArray[np.uint8]:
        """The plainness of each name."""
        found = array("B")
        for row in self._first_row.tolist():
            begin = self._begins[row]
            spelling = self._flat[begin : begin + self._lengths[row]].tolist()
            found.append(plainness([self.vocabulary[word - 1] for word in spelling]))
        return np.array(found, dtype=np.uint8)


def edge_key(nodes: Ints, words: Ints) -> Ints:
    """What an edge from a node by a word is found by."""
    return (nodes << 32) | words


def _artist_rows(artists: ArtistNames, row_of: Ints, at: Ints, n_own: int, name_of_row: Ints, n_names: int) -> Arrays:
    """The artists of each name: the catalogue's names before variants, then the more popular ones."""
    name, row = name_of_row[at], row_of[at]
    order = np.lexsort((row, -artists.popularity[row], at >= n_own, name))
    return {
        "artist_ids": artists.artist_ids[row[order]],
        "artist_written": at[order],
        "is_variant": (at >= n_own)[order],
        "artist_slices": _slices(np.bincount(name, minlength=n_names)),
    }


def _track_rows(tracks: TrackTitles, at: Ints, offset: int, name_of_row: Ints, n_names: int) -> Arrays:
    """The tracks of each title, ascending in artist and track."""
    name, row = name_of_row[at], at - offset
    order = np.lexsort((tracks.track_ids[row], tracks.artist_ids[row], name))
    written = np.full(n_names, -1)
    written[name[::-1]] = at[::-1]
    return {
        "track_ids": tracks.track_ids[row[order]],
        "track_artist_ids": tracks.artist_ids[row[order]],
        "track_slices": _slices(np.bincount(name, minlength=n_names)),
        "title_written": written,
    }


def _slices(counts: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _bytes(texts: Sequence[str]) -> npt.NDArray[np.uint8]:
    return np.frombuffer("\n".join(texts).encode(errors="replace"), dtype=np.uint8)


def texts_of(stored: npt.NDArray[np.uint8]) -> Iterator[str]:
    """The texts of stored octets, in order."""
    return iter(bytes(stored).decode().split("\n")) if len(stored) else iter(())
