"""Deal the entries of a matrix into cells that can be trained side by side.

Words are dealt into strata, and entries into cells (stratum of the word, stratum of the context
word). Cells without a common stratum share no row of any table, so threads can train them at the
same time, and whatever they do, it is as if they had come one after another (Gemulla et al. 2011).
Within a cell the entries are shuffled, or words would be trained one after another.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ..kernels._compile import HAVE_NUMBA
from ..kernels.glove import Cells, count_cells, fill_cells
from ..types import Array, Counts, Ids
from .cooccurrence import UNIT, Cooccurrences, cut_rows
from .spill import Spill, in_order

CELL_BYTES = 16
"""On disk, for an entry."""

MAX_STRATA = 16
"""As many threads can work at once."""

PART_LENGTH = 8192
"""Entries of a block, about: cells are trained in parts of this length, in turn."""

_WORDS_PER_STRATUM = 64
_ENTRIES_PER_CELL = 1024


def num_strata(num_words: int, entries: int) -> int:
    """Return how many strata to deal into: few where there is little to deal."""
    by_entries = int((entries / _ENTRIES_PER_CELL) ** 0.5)
    return max(1, min(MAX_STRATA, num_words // _WORDS_PER_STRATUM, by_entries))


def strata_of(sizes: Counts, strata: int, seed: int) -> Array:
    """Deal words into strata that hold about the same number of entries.

    Words are taken by falling number of entries, and each `strata` of them are dealt in an order
    of their own, so that no stratum has the larger one every time.

    Args:
        sizes: (V,) int64. Entries of each word.
        strata: How many.
        seed: Key of the orders.

    Returns:
        (V,) uint8.
    """
    rng = np.random.default_rng([seed, strata])
    hands = -(-len(sizes) // strata)
    dealt = rng.permuted(np.tile(np.arange(strata, dtype=np.uint8), (hands, 1)), axis=1)
    stratum = np.empty(len(sizes), np.uint8)
    stratum[np.argsort(-sizes, kind="stable")] = dealt.ravel()[: len(sizes)]
    return stratum


def make_cells(
    counts: Cooccurrences, *, x_max: float, alpha: float, seed: int, threads: int
) -> Cells:
    """Write all entries to disk, in the order of training.

    They are written to where they belong in a file that is mapped, so memory holds no more than the
    order of one cell for each thread. (To gather a stratum of words in memory took 2.0 GB with 58
    million entries and 16 threads.)

    Raises:
        OSError: The disk is full.
    """
    strata = num_strata(counts.num_words, len(counts))
    stratum = strata_of(np.diff(counts.begins), strata, seed)
    ends = np.cumsum(_sizes(counts, stratum, strata, threads)).reshape(strata, strata)
    begins = np.column_stack([np.concatenate([[0], ends[:-1, -1]]), ends])
    places, targets = _room(len(counts), np.int32), _room(len(counts), np.float32)

    def deal(i: int) -> None:
        words = np.flatnonzero(stratum == i)
        fill = fill_cells if HAVE_NUMBA else fill_cells_reference
        fill(
            counts.begins, counts.columns, counts.values, words, stratum, UNIT, x_max, alpha,
            begins[i, :-1].copy(), places, targets,
        )  # fmt: skip
        rng = np.random.default_rng((seed, i))
        for first, last in pairwise(begins[i].tolist()):
            order = first + rng.permutation(last - first)
            places[first:last], targets[first:last] = places[order], targets[order]

    for _ in in_order(deal, range(strata), threads):
        pass
    places.flags.writeable = targets.flags.writeable = False
    parts = max(1, round(int(np.diff(begins, axis=1).max()) / PART_LENGTH))
    return Cells(places, targets, begins, parts)


def _room(entries: int, dtype: Any) -> Array:
    spill = Spill(dtype, "the entries to train", width=2)
    spill.extend(entries)
    return spill.mapped(writable=True)


def _sizes(counts: Cooccurrences, stratum: Array, strata: int, threads: int) -> Counts:
    """Return how many entries each cell has: (S, S) int64."""
    count = count_cells if HAVE_NUMBA else count_cells_reference

    def some(task: tuple[int, int]) -> Counts:
        sizes = np.zeros((strata, strata), np.int64)
        count(counts.begins, counts.columns, *task, stratum, sizes)
        return sizes

    total = np.zeros((strata, strata), np.int64)
    for sizes in in_order(some, cut_rows(np.diff(counts.begins)), threads):
        total += sizes
    return total


def count_cells_reference(
    begins: Ids, columns: Array, row: int, end: int, stratum: Array, sizes: Counts
) -> None:
    """`count_cells` in NumPy."""
    of_row = np.repeat(stratum[row:end], np.diff(begins[row : end + 1]))
    np.add.at(sizes, (of_row, stratum[columns[begins[row] : begins[end]]]), 1)


def fill_cells_reference(
    begins: Ids, columns: Array, values: Array, words: Ids, stratum: Array, unit: int,
    x_max: float, alpha: float, at: Counts, places: Array, targets: Array,
) -> None:  # fmt: skip
    """`fill_cells` in NumPy."""
    for r in words:
        row = slice(begins[r], begins[r + 1])
        x = values[row] / unit
        for j in range(len(at)):
            here = stratum[columns[row]] == j
            some = slice(at[j], at[j] + int(here.sum()))
            places[some, 0], places[some, 1] = r, columns[row][here]
            targets[some, 0] = np.log(x[here])
            targets[some, 1] = np.minimum(1, (x[here] / x_max) ** alpha)
            at[j] = some.stop
