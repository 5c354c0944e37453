"""Deal the entries of a matrix into cells that can be trained side by side.

Words are dealt into strata, and entries into cells (stratum of the word, stratum of the context
word). Cells without a common stratum share no row of any table, so threads can train them at the
same time, and whatever they do, it is as if they had come one after another (Gemulla et al. 2011).
Within a cell the entries are shuffled, or words would be trained one after another.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..kernels._compile import HAVE_NUMBA
from ..kernels.glove import Cells, fill_cells
from ..types import Array, Counts, Ids
from .cooccurrence import UNIT, Cooccurrences
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

    In memory are those of a few strata of words.

    Raises:
        OSError: The disk is full.
    """
    strata = num_strata(counts.num_words, len(counts))
    stratum = strata_of(np.diff(counts.begins), strata, seed)

    def dealt(i: int) -> tuple[Counts, Array, Array]:
        words = np.flatnonzero(stratum == i)
        return _deal(counts, words, stratum, strata, (x_max, alpha), (seed, i))

    places = Spill(np.int32, "the entries to train", width=2)
    targets = Spill(np.float32, "the entries to train", width=2)
    begins = np.zeros((strata, strata + 1), np.int64)
    first = 0
    for i, (sizes, some_places, some_targets) in enumerate(in_order(dealt, range(strata), threads)):
        begins[i] = first + np.concatenate([[0], np.cumsum(sizes)])
        first = int(begins[i, -1])
        places.add(some_places)
        targets.add(some_targets)
    largest = int(np.diff(begins, axis=1).max())
    parts = max(1, round(largest / PART_LENGTH))
    return Cells(places.mapped(), targets.mapped(), begins, parts)


def _deal(
    counts: Cooccurrences,
    words: Ids,
    stratum: Array,
    strata: int,
    weighting: tuple[float, float],
    key: tuple[int, int],
) -> tuple[Counts, Array, Array]:
    """Return the sizes of the cells of some words, and their entries, cell after cell."""
    sizes = np.zeros(strata, np.int64)
    for _, columns, _ in _entries(counts, words):
        sizes += np.bincount(stratum[columns], minlength=strata)
    at = np.cumsum(sizes) - sizes
    places, targets = np.empty((sizes.sum(), 2), np.int32), np.empty((sizes.sum(), 2), np.float32)
    fill = fill_cells if HAVE_NUMBA else fill_cells_reference
    for rows, columns, values in _entries(counts, words):
        fill(columns, values, rows, stratum, UNIT, *weighting, at, places, targets)
    rng = np.random.default_rng(key)
    ends = np.cumsum(sizes).tolist()
    for first, last in zip([0, *ends[:-1]], ends, strict=True):
        order = first + rng.permutation(last - first)
        places[first:last], targets[first:last] = places[order], targets[order]
    return sizes, places, targets


_ROWS_AT_ONCE = 1024


def _entries(counts: Cooccurrences, words: Ids) -> Iterator[tuple[Array, Array, Array]]:
    """Yield rows, columns and values of the entries of some words, a few words at a time."""
    for start in range(0, len(words), _ROWS_AT_ONCE):
        some = words[start : start + _ROWS_AT_ONCE]
        sizes = counts.begins[some + 1] - counts.begins[some]
        rows = np.repeat(some.astype(np.int32), sizes)
        before = np.repeat(counts.begins[some] - (np.cumsum(sizes) - sizes), sizes)
        chosen = before + np.arange(len(rows))
        yield rows, counts.columns[chosen], counts.values[chosen]


def fill_cells_reference(
    columns: Array, values: Array, rows: Array, stratum: Array, unit: int, x_max: float,
    alpha: float, at: Counts, places: Array, targets: Array,
) -> None:  # fmt: skip
    """`fill_cells` in NumPy."""
    x = values / unit
    for j in range(len(at)):
        here = stratum[columns] == j
        some = slice(at[j], at[j] + int(here.sum()))
        places[some, 0], places[some, 1] = rows[here], columns[here]
        targets[some, 0] = np.log(x[here])
        targets[some, 1] = np.minimum(1, (x[here] / x_max) ** alpha)
        at[j] = some.stop
