"""Translation by nearest rows, and how often it is right, over arrays.

In many dimensions a few rows, the hubs, are near to everything. Cross-domain similarity local
scaling takes off how near a row is to its own neighbours: CSLS(x, y) = 2 cos(x, y) - r(x) - r(y),
where r is the mean cosine of a row with its `K` nearest in the other table (Conneau et al., "Word
translation without parallel data", 2018, section 2.3).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .types import Floats, Ids

K = 10
_HELD = 1 << 24  # products held at once: 64 MB


def csls(queries: Floats, source: Floats, target: Floats, k: int = K) -> Floats:
    """Return CSLS of queries with all rows of the target: (queries, m) float32, a new array.

    Args:
        queries: (queries, dim) float32 of length 1, rows of the source or like them.
        source: (n, dim) float32 of length 1, in the target's space.
        target: (m, dim) float32 of length 1.
        k: Neighbours of which r is the mean.
    """
    own = mean_nearest(queries, target, k)
    scores: Floats = 2 * (queries @ target.T) - own[:, None] - mean_nearest(target, source, k)
    return scores


def mean_nearest(rows: Floats, others: Floats, k: int = K) -> Floats:
    """Return (n,) float32: the mean cosine of each row with its `k` nearest of the others.

    Args:
        rows: (n, dim) float32 of length 1.
        others: (m, dim) float32 of length 1; where there are fewer than `k`, all of them count.
        k: How many.
    """
    means = np.empty(len(rows), np.float32)
    first, step = max(len(others) - k, 0), max(1, _HELD // max(1, len(others)))
    for start in range(0, len(rows), step):
        products = rows[start : start + step] @ others.T
        products.partition(min(first, len(others) - 1), axis=1)
        means[start : start + step] = products[:, first:].mean(axis=1)
    return means


def ranks(scores: Floats, right: Sequence[Ids]) -> Ids:
    """Return (queries,) int64: how many rows score higher than the best of the right ones.

    Args:
        scores: (queries, m), as of `csls`, or cosines.
        right: For each query the rows that are right, at least one.
    """
    best = [row[ids].max() for row, ids in zip(scores, right, strict=True)]
    return np.array([(row > b).sum() for row, b in zip(scores, best, strict=True)], np.int64)
