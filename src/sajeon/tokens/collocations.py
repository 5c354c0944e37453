"""Pairs of tokens that stand side by side more often than chance would have it, over ids.

Scores: "word2vec", (c(ab) - min_count) / (c(a) c(b)) times the number of distinct tokens and pairs
(Mikolov et al., "Distributed representations of words and phrases and their compositionality",
2013, equation 6; the factor is gensim's, and makes thresholds of one size fit corpora of any);
and "npmi", the logarithm of p(ab) / (p(a) p(b)) over that of 1 / p(ab), from -1 to 1 (Bouma,
"Normalized (pointwise) mutual information in collocation extraction", 2009).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..kernels._compile import HAVE_NUMBA
from ..kernels.phrases import (
    GROUP,
    count_pairs,
    count_pairs_reference,
    merge_pairs,
    merge_pairs_reference,
    mixed_pairs,
    put,
    unmixed,
)
from ..types import Array, Bools, Counts, Doubles, Ids, Ids32

Scoring = Literal["word2vec", "npmi"]

MOST_SLOTS = 1 << 24
"""Of the table of pairs: 256 MB, for 12.6M distinct pairs in one pass over the corpus."""
_FEWEST_SLOTS = 8 * GROUP
_LARGEST = (1 << 64) - 1
_BLOCK = 1 << 20  # ids merged at a time


@dataclass(frozen=True)
class Collocations:
    """Pairs of ids that are phrases, by falling count, ties by ids.

    Attributes:
        first, second: (pairs,) int64.
        counts: (pairs,) int64. How often the two stand side by side.
        scores: (pairs,) float64.
    """

    first: Ids
    second: Ids
    counts: Counts
    scores: Doubles


def find_collocations(
    ids: Ids32,
    offsets: Counts,
    counts: Counts,
    *,
    min_count: int,
    threshold: float,
    scoring: Scoring,
    most_slots: int = MOST_SLOTS,
) -> Collocations:
    """Find the pairs that score above a threshold.

    Args:
        ids: (tokens,) int32.
        offsets: (sequences + 1,) int64. Sequence ``s`` is ``ids[offsets[s]:offsets[s + 1]]``.
        counts: (types,) int64. How often each id occurs.
        min_count: Pairs seen less often are none; "word2vec" also takes it off each count.
        threshold: Scores must be above it.
        scoring: See the module.
        most_slots: Of the table in which pairs are counted, 16 bytes each, a power of two.
    """
    numbers, seen, num_pairs = frequent_pairs(ids, offsets, min_count, most_slots)
    first, second = unmixed(numbers)
    one, other = counts[first], counts[second]
    if scoring == "word2vec":
        num_types = int((counts > 0).sum()) + num_pairs
        scores = (seen - min_count) / (one * other.astype(np.float64)) * num_types
    else:
        scores = _npmi(seen, one, other, int(counts.sum()))
    kept = np.flatnonzero(scores > threshold)
    order = kept[np.lexsort((second[kept], first[kept], -seen[kept]))]
    return Collocations(first[order], second[order], seen[order], scores[order])


def _npmi(seen: Counts, one: Counts, other: Counts, total: int) -> Doubles:
    p_one, p_other, p_pair = one / total, other / total, seen / total
    scores: Doubles = np.log(p_pair / (p_one * p_other)) / -np.log(p_pair)
    return scores


def frequent_pairs(
    ids: Ids32, offsets: Counts, min_count: int, most_slots: int = MOST_SLOTS
) -> tuple[Array, Counts, int]:
    """Count pairs of neighbours exactly, in a table of bounded size.

    Where the table would overflow, it keeps the pairs with the lower half of the numbers in
    question, and the others are counted in a further pass over the corpus: nothing is estimated,
    and nothing goes to disk.

    Returns:
        Pairs seen at least `min_count` times, as `kernels.phrases.mixed_pairs` writes them,
        (pairs,) uint64, how often, (pairs,) int64; and how many distinct pairs there are in all.
    """
    if not HAVE_NUMBA:
        numbers, seen = count_pairs_reference(ids, offsets)
        kept = seen >= min_count
        return numbers[kept], seen[kept], len(seen)
    parts = list(_counted_in_passes(_frozen(ids), _frozen(offsets), min_count, most_slots))
    numbers, seen = (np.concatenate(part) for part in zip(*(p[:2] for p in parts), strict=True))
    return numbers, seen, sum(num_pairs for _, _, num_pairs in parts)


def _counted_in_passes(
    ids: Ids32, offsets: Counts, min_count: int, most_slots: int
) -> Iterator[tuple[Array, Counts, int]]:
    """Yield what `frequent_pairs` returns for each pass over the corpus: for a range of numbers."""
    low, width = 0, _LARGEST
    while low <= _LARGEST:
        slots, used, high = _counted(ids, offsets, low, min(low + width, _LARGEST), most_slots)
        kept = np.flatnonzero(slots[1::2] >= np.uint64(min_count))
        yield slots[2 * kept], slots[2 * kept + 1].astype(np.int64), used
        low, width = high + 1, high - low


def _counted(
    ids: Ids32, offsets: Counts, low: int, high: int, most_slots: int
) -> tuple[Array, int, int]:
    """Count the pairs from `low` to `high`, or to where the table is full.

    Returns:
        The table, how many pairs are in it, and the highest number that was counted.
    """
    slots = _table(min(len(ids) // 2, most_slots))
    sequence = at = used = 0
    while True:
        sequence, at, used = count_pairs(
            ids, offsets, sequence, at, np.uint64(low), np.uint64(high), slots, used
        )
        if sequence == len(offsets) - 1:
            return slots, used, high
        size = len(slots) // 2
        if 2 * size <= most_slots:
            size *= 2
        else:
            high = low + (high - low) // 2
        kept = np.flatnonzero((slots[::2] != 0) & (slots[::2] <= np.uint64(high)))
        slots, used = _filled(slots[2 * kept], slots[2 * kept + 1], size), len(kept)


class Merger:
    """Puts one id in place of each of some pairs.

    Args:
        first: (pairs,) int64.
        second: (pairs,) int64.
        new_ids: (pairs,) int64. What stands for each pair.
        num_types: Above all ids of the corpus.
    """

    def __init__(self, first: Ids, second: Ids, new_ids: Ids, num_types: int) -> None:
        self._pairs = first, second, new_ids
        self._begins: Bools = np.zeros(num_types, bool)
        self._begins[first] = True
        self._slots = _table(0)
        if HAVE_NUMBA:
            values = (new_ids + 1).astype(np.uint64)
            self._slots = _filled(mixed_pairs(first, second), values, 2 * len(first))

    def blocks(self, ids: Ids32, offsets: Counts) -> Iterator[tuple[Ids32, Counts]]:
        """Yield the corpus with pairs merged, from left to right, each token used once.

        Yields:
            (at most a million,) int32; and (sequences that end here,) int64, where they do.
        """
        if not HAVE_NUMBA:
            yield self._by_reference(ids, offsets)
            return
        ids, offsets = _frozen(ids), _frozen(offsets)
        sequence = at = 0
        while sequence < len(offsets) - 1:
            merged, ends = np.empty(_BLOCK, np.int32), np.empty(_BLOCK, np.int64)
            sequence, at, filled, ended = merge_pairs(
                ids, offsets, sequence, at, self._begins, self._slots, merged, ends
            )
            yield merged[:filled], ends[:ended]

    def _by_reference(self, ids: Ids32, offsets: Counts) -> tuple[Ids32, Counts]:
        first, second, new_ids = (part.tolist() for part in self._pairs)
        by_pair = dict(zip(zip(first, second, strict=True), new_ids, strict=True))
        merged, ends = merge_pairs_reference(ids, offsets, by_pair)
        return np.array(merged, np.int32), np.array(ends, np.int64)


def _table(slots: int) -> Array:
    """Return an empty table with at least so many slots."""
    size = 1 << max(slots - 1, _FEWEST_SLOTS - 1).bit_length()
    return np.zeros(2 * size, np.uint64)


def _filled(numbers: Array, values: Array, slots: int) -> Array:
    table = _table(slots)
    put(numbers, values, table)
    return table


def _frozen(array: Array) -> Array:
    """Return a read-only view, a plain array: a kernel is compiled for one type of argument."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view
