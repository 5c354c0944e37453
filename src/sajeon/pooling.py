"""Many token lists to one vector each: (weighted) means of rows, over arrays."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from .types import Array, Counts, Floats, Ids

SIF_A = 1e-3
"""The constant a of the weight a / (a + p), as Arora, Liang and Ma (ICLR 2017) chose it."""

_GATHERED = 1 << 20  # numbers gathered at once: 8 MB of float64, which stay in the cache


def mean_rows(take: Callable[[Ids], Array], dim: int, bags: Iterable[Ids]) -> Floats:
    """Average the rows of each bag of ids.

    Args:
        take: Gives the rows (ids, dim) of ids, floating point, multiplied by whatever weights.
        dim: Numbers in a row.
        bags: Each (length,) int64, of any length; an id may repeat.

    Returns:
        (bags, dim) float32, a new array: sums divided by the length of the bag, not by the sum of
        any weights. An empty bag gives zeros.
    """
    limit = max(1, _GATHERED // max(1, dim))
    sums = [_sums(take, dim, batch, limit) for batch in _batches(bags, limit)]
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


def _sums(take: Callable[[Ids], Array], dim: int, batch: list[Ids], limit: int) -> Floats:
    """Return (len(batch), dim) float32 means; long bags are read `limit` ids at a time."""
    result = np.zeros((len(batch), dim))
    lengths = np.array([len(bag) for bag in batch])
    short = np.flatnonzero((lengths > 0) & (lengths <= limit))
    if short.size:
        ids = np.concatenate([batch[i] for i in short])
        starts = np.cumsum(lengths[short]) - lengths[short]
        # float64, since sums of many float32 would lose digits
        result[short] = np.add.reduceat(take(ids).astype(np.float64), starts, axis=0)
    for i in np.flatnonzero(lengths > limit):
        for start in range(0, len(batch[i]), limit):
            rows = take(batch[i][start : start + limit])
            result[i] += rows.sum(axis=0, dtype=np.float64)
    means: Array = result / np.maximum(lengths, 1)[:, None]
    return means.astype(np.float32)
