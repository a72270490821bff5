"""The stored log-mel excerpts: a file for each analysed batch, from which the network learns without decoding again."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recommenders.audio.mel import BANDS, FRAMES
from recommenders.store.artifacts import Artifacts, column_matrix, matrix_column

FOLDER = "audio/mels"
BLOCK = 128  # excerpts in memory at a time: 20 MB

Ids = npt.NDArray[np.int64]
Mels = npt.NDArray[np.float16]


def save_mels(artifacts: Artifacts, name: str, track_ids: Ids, mels: Mels) -> str:
    """Store the excerpts of a batch as the artifact audio/mels/NAME; return its URI.

    `track_ids` (n,) names the track of each of `mels` (n, 599, 128) float16; a track may have several, side by side.
    """
    flat = mels.astype(np.float16, copy=False).reshape(len(track_ids), FRAMES * BANDS)
    blocks = (
        pa.table({"track_id": track_ids[first : first + BLOCK], "mel": matrix_column(flat[first : first + BLOCK])})
        for first in range(0, max(len(track_ids), 1), BLOCK)
    )
    return artifacts.write_blocks(f"{FOLDER}/{name}", blocks)


def analysed_tracks(artifacts: Artifacts) -> tuple[Ids, npt.NDArray[np.int64]]:
    """The tracks that have excerpts, ascending, and how many each has in its newest file."""
    counts = [np.unique(ids[kept], return_counts=True) for _, ids, kept in _newest(artifacts)]
    if not counts:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    track_ids, numbers = (np.concatenate(columns) for columns in zip(*counts, strict=True))
    order = np.argsort(track_ids)
    return track_ids[order], numbers[order]


def read_mels(artifacts: Artifacts, wanted: Ids | None = None) -> Iterator[tuple[Ids, Mels]]:
    """Blocks of excerpts, (n,) track ids and (n, 599, 128), of the tracks `wanted` (all); one is in memory at a time.

    Where a track is in several files, those of the newest count. Raises ArtifactError when a file is damaged.
    """
    for uri, ids, kept in _newest(artifacts):
        chosen = kept if wanted is None else kept & np.isin(ids, wanted)
        if not chosen.any():
            continue
        first = 0
        for block in artifacts.read_blocks(uri):
            rows = chosen[first : first + block.num_rows]
            first += block.num_rows
            if rows.any():
                mels: Mels = column_matrix(block["mel"]).reshape(-1, FRAMES, BANDS)
                yield block["track_id"].to_numpy()[rows], mels[rows]


def _newest(artifacts: Artifacts) -> Iterator[tuple[str, Ids, npt.NDArray[np.bool_]]]:
    """Every file, newest first, with the tracks of its rows and which of them no newer file has."""
    known = np.empty(0, dtype=np.int64)
    for uri in artifacts.newest_first(FOLDER):
        table, _ = artifacts.read(uri, columns=["track_id"])
        ids = table["track_id"].to_numpy()
        yield uri, ids, ~np.isin(ids, known)
        known = np.union1d(known, ids)
