"""Words in groups: k-means over unit rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Floats

_ROUNDS = 20
_SAMPLE = 20_000  # rows the centres are learned from, the most frequent; all are then assigned
_CHUNK = 16_384  # rows compared with the centres at once


def cluster(rows: Floats, k: int, seed: int = 1) -> NDArray[np.uint8]:
    """Put rows of length 1 into `k` groups (spherical k-means: Dhillon and Modha, 2001).

    The first centres are rows far from each other (k-means++: Arthur and Vassilvitskii, 2007), the
    groups are numbered by falling size. The same rows and seed give the same groups.

    Args:
        rows: (num, dim) float32, of length 1 or zero.
        k: How many groups, at most 256; fewer where there are fewer rows.
        seed: Of the first centres.

    Returns:
        (num,) uint8: the group of each row.
    """
    sample = rows[:_SAMPLE]
    k = min(k, len(sample))
    centres = _first_centres(sample, k, np.random.default_rng(seed))
    for _ in range(_ROUNDS):
        groups = _nearest(sample, centres)
        sums = np.zeros_like(centres)
        np.add.at(sums, groups, sample)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        moved = np.where(lengths > 0, sums / np.where(lengths > 0, lengths, 1), centres)
        if np.allclose(moved, centres, atol=1e-5):
            break
        centres = moved
    groups = _nearest(rows, centres)
    place = np.empty(k, np.uint8)
    place[np.argsort(-np.bincount(groups, minlength=k), kind="stable")] = np.arange(k)
    return place[groups]


def _first_centres(rows: Floats, k: int, rng: np.random.Generator) -> Floats:
    chosen = [int(rng.integers(len(rows)))]
    farness = np.full(len(rows), np.inf)
    while len(chosen) < k:
        farness = np.minimum(farness, np.maximum(0, 1 - rows @ rows[chosen[-1]]))
        farness[chosen] = 0
        total = farness.sum()
        if total <= 0:  # all other rows are equal to a chosen one
            chosen.append(int(np.setdiff1d(np.arange(len(rows)), chosen)[0]))
        else:
            chosen.append(int(rng.choice(len(rows), p=farness / total)))
    return rows[chosen].copy()


def _nearest(rows: Floats, centres: Floats) -> NDArray[np.int64]:
    parts = [
        (rows[start : start + _CHUNK] @ centres.T).argmax(axis=1)
        for start in range(0, len(rows), _CHUNK)
    ]
    return np.concatenate(parts)
