"""How like a song is to what a station asks for: by tags, by what is said, by how it sounds.

Each part is between 0 and 1. The score is their weighted mean over the parts that were asked for:

- tags: half the share of the tags that the song has at all, half the mean of how far it has them;
- terms: of what is said of the seed song, and of its tags, how much holds of this one too, rare words counting more;
- sound: the mean over key, tempo, loudness, danceability and energy of exp(-d^2 / 2), d being how far the two are
  apart in steps that a listener notices. What was not heard counts as songs do in the mean.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from recommenders.mixing.shelf import Shelf
from recommenders.store.attributes import FIGURES, Columns

Floats = npt.NDArray[np.float32]

# Steps: two on the circle of fifths; 15 % of the tempo; 4 loudness units; .3 of danceability, .15 of energy.
KEY_STEP, TEMPO_STEP = 2.0, float(np.log2(1.15))
STEPS = {"loudness_lufs": 4.0, "danceability": 0.3, "energy": 0.15}
COMMON = 0.2  # a term that holds of a greater share of all songs tells nothing


class Sounds(NamedTuple):
    """How each track sounds, by row of the shelf, NaN where it was not heard: `key` and `mode` (n_tracks,) with -1 for
    unknown, `figures` (n_tracks, 4) in the order of FIGURES."""

    key: npt.NDArray[np.int64]
    mode: npt.NDArray[np.int64]
    figures: Floats

    @staticmethod
    def of(shelf: Shelf, analyses: Columns) -> "Sounds":
        """The analyses of the store by row of the shelf."""
        n_tracks = len(shelf.track_ids)
        sounds = Sounds(
            np.full(n_tracks, -1, dtype=np.int64),
            np.full(n_tracks, -1, dtype=np.int64),
            np.full((n_tracks, len(FIGURES)), np.nan, dtype=np.float32),
        )
        rows = shelf.rows(analyses["track_id"])
        known = rows >= 0
        sounds.key[rows[known]], sounds.mode[rows[known]] = analyses["key"][known], analyses["mode"][known]
        for place, name in enumerate(FIGURES):
            sounds.figures[rows[known], place] = analyses[name][known]
        return sounds


def by_tags(strengths: csr_matrix) -> Floats:
    """How far each track has the tags, of `strengths` (n_tracks, n_tags): (n_tracks,), 0 where it has none of them."""
    n_tags = strengths.shape[1]
    if not n_tags:
        return np.zeros(strengths.shape[0], dtype=np.float32)
    has = np.diff(strengths.indptr) / n_tags
    mean = np.asarray(strengths.sum(axis=1)).ravel() / n_tags
    found: Floats = (0.5 * has + 0.5 * mean).astype(np.float32)
    return found


def shared(strengths: csr_matrix, seed: int, telling: Floats) -> csr_matrix:
    """What each term adds to how alike a track and the seed are said to be, (n_tracks, n_terms): `telling` (n_terms,) x
    rarity x the lesser of the two strengths, divided so that the seed itself has a sum of 1."""
    n_tracks = max(1, strengths.shape[0])
    counts = np.bincount(strengths.indices, minlength=strengths.shape[1])
    rarity = np.where((counts > 1) & (counts <= COMMON * n_tracks + 1), np.log(n_tracks / np.maximum(counts, 1)), 0)
    rarity *= telling
    own = strengths[[seed]].toarray().ravel()
    total = float((rarity * own).sum())
    found = strengths.astype(np.float32).tocsr(copy=True)
    found.data = (np.minimum(found.data, own[found.indices]) * rarity[found.indices] / (total or 1)).astype(np.float32)
    found.eliminate_zeros()
    return found


def by_sound(sounds: Sounds, seed: int) -> Floats:
    """How like each track sounds to the seed, (n_tracks,); NaN where neither key nor figures of both are known."""
    parts = [_by_key(sounds, seed), _near(np.log2(sounds.figures[:, 0]), seed, TEMPO_STEP)]
    parts += [_near(sounds.figures[:, FIGURES.index(name)], seed, step) for name, step in STEPS.items()]
    stacked = np.stack(parts)
    known = ~np.isnan(stacked)
    sums = np.where(known, stacked, 0).sum(axis=0)
    found: Floats = np.where(known.any(axis=0), sums / np.maximum(known.sum(axis=0), 1), np.nan).astype(np.float32)
    return found


def _near(values: npt.NDArray[np.floating], seed: int, step: float) -> npt.NDArray[np.float64]:
    near: npt.NDArray[np.float64] = np.exp(-(((values - values[seed]).astype(np.float64) / step) ** 2) / 2)
    return near


def _by_key(sounds: Sounds, seed: int) -> npt.NDArray[np.float64]:
    known = (sounds.key >= 0) & (sounds.mode >= 0)
    fifths = np.where(known, 7 * (sounds.key + np.where(sounds.mode == 0, 3, 0)) % 12, np.nan)
    apart = np.abs(fifths - fifths[seed])
    apart = np.minimum(apart, 12 - apart) + (sounds.mode != sounds.mode[seed])
    near: npt.NDArray[np.float64] = np.exp(-((apart / KEY_STEP) ** 2) / 2)
    return near


def weighted(parts: list[tuple[float, Floats]]) -> Floats:
    """The weighted mean of parts (n_tracks,); where a part is unknown, it is taken as its mean where it is known."""
    total = sum(weight for weight, _ in parts)
    score = np.zeros(len(parts[0][1]), dtype=np.float64)
    for weight, part in parts:
        known = ~np.isnan(part)
        usual = float(part[known].mean()) if known.any() else 0.0
        score += weight * np.where(known, part, usual)
    found: Floats = (score / total).astype(np.float32)
    return found
