"""Keep the best scores of each query while a table goes by in blocks of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..types import Array, Floats, Ids
from ._compile import HAVE_NUMBA as HAVE_NUMBA
from ._compile import helper, jit

_GROUP = 64  # scores compared with the threshold before any of them is looked at alone


def keep_best_reference(
    products: Floats, inverse: Floats, first: int, ids: Ids, scores: Floats
) -> None:
    """Let the rows of one block compete with the best of the blocks before.

    A score is ``products[q, i] * inverse[i]``, in float32; NaN never enters. Of equal scores the
    lower id is better. Each row of `ids` and `scores` is a heap: the worst kept stands first.

    Args:
        products: (queries, block) float32. Products of the queries with rows.
        inverse: (block,) float32. What to multiply them by: one over the length of a row.
        first: Id of the block's first row; blocks come in rising order.
        ids: (queries, width) int64, changed. -1 in places not yet filled.
        scores: (queries, width) float32, changed. -inf in places not yet filled.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        block = products * inverse
        better = block > scores[:, :1]
    for q in np.flatnonzero(better.any(axis=1)):
        new = np.flatnonzero(better[q])
        all_ids = np.concatenate([ids[q], first + new])
        all_scores = np.concatenate([scores[q], block[q, new]])
        kept = np.lexsort((all_ids, -all_scores))[: scores.shape[1]][::-1]
        ids[q], scores[q] = all_ids[kept], all_scores[kept]  # rising, so a heap


@helper
def _is_worse(score: Any, row: Any, than: Any, than_row: Any) -> Any:
    return score < than or (score == than and row > than_row)


@helper
def _replace_worst(ids: Ids, scores: Floats, row: int, score: Any) -> None:
    """Put a new entry in the place of the first of a heap, and restore the heap."""
    at, width = 0, len(scores)
    while True:
        child = 2 * at + 1
        if child >= width:
            break
        other = child + 1
        if other < width and _is_worse(scores[other], ids[other], scores[child], ids[child]):
            child = other
        if not _is_worse(scores[child], ids[child], score, row):
            break
        scores[at], ids[at] = scores[child], ids[child]
        at = child
    scores[at], ids[at] = score, row


@jit
def keep_best(products: Floats, inverse: Floats, first: int, ids: Array, scores: Floats) -> None:
    """See `keep_best_reference`.

    After the first blocks nearly no score enters, so groups of 64 are compared with the threshold
    in vector registers, and only a group with a hit is gone through one by one.
    """
    size = len(inverse)
    for q in range(len(products)):
        row = products[q]
        for start in range(0, size, _GROUP):
            stop = min(start + _GROUP, size)
            least = scores[q, 0]
            hits = np.int32(0)
            for i in range(start, stop):
                hits += np.int32(row[i] * inverse[i] > least)
            if hits == 0:
                continue
            for i in range(start, stop):
                score = row[i] * inverse[i]
                if score > scores[q, 0]:
                    _replace_worst(ids[q], scores[q], first + i, score)
