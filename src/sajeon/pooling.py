"""Many token lists to one vector each: (weighted) means of rows, over arrays."""

from collections.abc import Iterable, Iterator

import numpy as np

from .types import Array, Counts, Doubles, Floats, Ids

SIF_A = 1e-3
"""The constant a of the weight a / (a + p), as Arora, Liang and Ma (ICLR 2017) chose it."""

_GATHERED = 1 << 20  # numbers gathered at once: 8 MB of float64, which stay in the cache


def mean_rows(matrix: Floats, bags: Iterable[Ids], weights: Floats | None = None) -> Floats:
    """Average the rows of each bag of ids.

    Args:
        matrix: (num_embeddings, dim) float32.
        bags: Each (length,) int64, of any length; an id may repeat.
        weights: (num_embeddings,) float32, by which rows are multiplied first. The sum is divided
            by the length of the bag all the same, not by the sum of the weights.

    Returns:
        (bags, dim) float32, a new array. An empty bag gives zeros.
    """
    dim = matrix.shape[1]
    limit = max(1, _GATHERED // max(1, dim))
    sums = [_sums(matrix, batch, weights, limit) for batch in _batches(bags, limit)]
    return np.concatenate([np.zeros((0, dim), np.float32), *sums])


def sif_weights(counts: Counts) -> Floats:
    """Return (num_embeddings,) float32: a / (a + p), p the share of each token in all counts."""
    share = counts / max(1, int(counts.sum()))
    return (SIF_A / (SIF_A + share)).astype(np.float32)


def _batches(bags: Iterable[Ids], limit: int) -> Iterator[list[Ids]]:
    """Yield the bags in order, in lists of about `limit` ids."""
    batch: list[Ids] = []
    size = 0
    for bag in bags:
        batch.append(bag)
        size += max(1, len(bag))
        if size >= limit:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _sums(matrix: Floats, batch: list[Ids], weights: Floats | None, limit: int) -> Floats:
    """Return (len(batch), dim) float32 means; long bags are read `limit` ids at a time."""
    result = np.zeros((len(batch), matrix.shape[1]))
    lengths = np.array([len(bag) for bag in batch])
    short = np.flatnonzero((lengths > 0) & (lengths <= limit))
    if short.size:
        ids = np.concatenate([batch[i] for i in short])
        starts = np.cumsum(lengths[short]) - lengths[short]
        result[short] = np.add.reduceat(_rows(matrix, ids, weights), starts, axis=0)
    for i in np.flatnonzero(lengths > limit):
        for start in range(0, len(batch[i]), limit):
            result[i] += _rows(matrix, batch[i][start : start + limit], weights).sum(axis=0)
    means: Array = result / np.maximum(lengths, 1)[:, None]
    return means.astype(np.float32)


def _rows(matrix: Floats, ids: Ids, weights: Floats | None) -> Doubles:
    rows = matrix[ids].astype(np.float64)  # sums of many float32 would lose digits
    return rows if weights is None else rows * weights[ids, None]
