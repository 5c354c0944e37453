"""Means of rows of a table, over bags of them. The NumPy twin is `sajeon.pooling.mean_rows`."""

from __future__ import annotations

import numpy as np

from ..types import Array, Floats, Ids
from ._compile import jit


@jit
def mean_bags(table: Array, rows: Array, offsets: Ids, first: int, last: int, out: Floats) -> None:
    """Average the rows of bags `first` to `last`, each sum in float64 and in the order of the bag.

    Args:
        table: (rows, dim) float32.
        rows: (total,) integers. Rows of `table`, -1: none, which counts for nothing.
        offsets: (bags + 1,) int64. Bag ``b`` is ``rows[offsets[b]:offsets[b + 1]]``.
        first: The first bag.
        last: The one to stop before.
        out: (bags, dim) float32, changed. Zeros for a bag without rows.
    """
    dim = table.shape[1]
    total = np.empty(dim, np.float64)
    for bag in range(first, last):
        total[:] = 0.0
        size = 0
        for i in range(offsets[bag], offsets[bag + 1]):
            row = rows[i]
            if row >= 0:
                size += 1
                for d in range(dim):
                    total[d] += table[row, d]
        for d in range(dim):
            out[bag, d] = total[d] / max(size, 1)
