"""Many token lists to one vector each: (weighted) means of rows, over arrays."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from .cores import available_cores
from .stored import in_parts
from .types import Array, Counts, Floats, Ids

SIF_A = 1e-3
"""The constant a of the weight a / (a + p), as Arora, Liang and Ma (ICLR 2017) chose it."""

_GATHERED = 1 << 20  # numbers gathered at once: 8 MB of float64, which stay in the cache
_MEANS = 1 << 16  # numbers of means that a thread computes before it asks for more


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


def mean_many(take: Callable[[Ids], Array], dim: int, ids: Ids, offsets: Ids) -> Floats:
    """Do what `mean_rows` does, to the same bits, compiled and on all cores.

    Args:
        take: As there; asked for each distinct id once.
        dim: Numbers in a row.
        ids: (total,) int64. -1 is left out.
        offsets: (bags + 1,) int64. Bag ``b`` is ``ids[offsets[b]:offsets[b + 1]]``.

    Returns:
        (bags, dim) float32, a new array.
    """
    from .kernels.means import mean_bags

    is_used = np.zeros(ids.max(initial=-1) + 2, np.bool_)  # the last place is that of -1
    is_used[ids] = True
    distinct = np.flatnonzero(is_used[:-1])
    row_of = np.full(len(is_used), -1, np.int32)
    row_of[distinct] = np.arange(len(distinct))
    table, rows = np.ascontiguousarray(take(distinct)), row_of[ids]
    means = np.empty((len(offsets) - 1, dim), np.float32)

    def work(part: slice) -> None:
        mean_bags(table, rows, offsets, part.start, part.stop, means)

    in_parts(means, work, _MEANS, available_cores())
    return means


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
    """Return (len(batch), dim) float32 means; `limit` ids are read at a time."""
    ids = np.concatenate([np.zeros(0, np.int64), *batch])
    lengths = np.array([len(bag) for bag in batch])
    sums, ends = np.zeros((len(batch), dim)), np.cumsum(lengths).tolist()
    for start in range(0, len(ids), limit):
        # float64, since sums of many float32 would lose digits.
        rows = take(ids[start : start + limit]).astype(np.float64)
        for bag in range(bisect_right(ends, start), len(batch)):
            begin = ends[bag] - len(batch[bag]) - start
            _add(rows[max(begin, 0) : ends[bag] - start], sums[bag], goes_on=begin < 0)
            if ends[bag] - start >= len(rows):
                break
    means: Array = sums / np.maximum(lengths, 1)[:, None]
    return means.astype(np.float32)


def _add(rows: Array, total: Array, *, goes_on: bool) -> None:
    """Add rows (n, dim) to `total` (dim,) one after another, as the kernel does: to the same bits.

    Ten rows of 100 take 5 us; `np.add.at` took 90, and `np.add.reduceat` adds in pairs. `goes_on`
    says that some were added before; else the total is zero.
    """
    if len(total) == 1:  # a column is contiguous, and NumPy adds those in pairs, too
        total[0] = np.add.accumulate(np.append(total, rows))[-1]
    elif goes_on:
        np.add.reduce(np.concatenate([total[None], rows]), axis=0, out=total)
    else:
        np.add.reduce(rows, axis=0, out=total, initial=0.0)
