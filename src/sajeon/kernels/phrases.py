"""Pairs of neighbouring ids: counted, and joined into one id each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from ..types import Array, Bools, Counts, Ids, Ids32
from ._compile import inline, jit

EMPTY = -1
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


def count_pairs_reference(
    ids: Ids32, offsets: Ids, frequent: Bools, part: int, parts: int
) -> tuple[Ids, Counts]:
    """Count the pairs of neighbours within sequences, in plain Python.

    Args:
        ids: (tokens,) int32.
        offsets: (sequences + 1,) int64. Where sequences begin in `ids`.
        frequent: (types,) bool. Pairs with another id are left out.
        part: Only pairs of this part are counted, from 0.
        parts: How many parts there are.

    Returns:
        (pairs,) int64, ``first << 32 | second``, and (pairs,) int64 counts, in any order.
    """
    counts: Counter[int] = Counter()
    for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        sequence = ids[start:end].tolist()
        for first, second in pairwise(sequence):
            if frequent[first] and frequent[second] and (first + second) % parts == part:
                counts[first << 32 | second] += 1
    return np.array(list(counts), np.int64), np.array(list(counts.values()), np.int64)


@jit
def count_pairs(ids, offsets, frequent, part, parts, start, keys, counts, used):
    """See `count_pairs_reference`; counts on from sequence `start` until the table is half full.

    Args:
        ids: As there.
        offsets: As there.
        frequent: As there.
        part: As there.
        parts: As there.
        start: The sequence to begin with.
        keys: (a power of two,) int64, changed: pairs by open addressing, `EMPTY` where none is.
        counts: (len(keys),) int64, changed.
        used: Places that are taken.

    Returns:
        The sequence to go on with in a larger table, their number if all is done; places taken.
    """
    for s in range(start, len(offsets) - 1):
        if used + offsets[s + 1] - offsets[s] > len(keys) // 2:
            return s, used
        for i in range(offsets[s], offsets[s + 1] - 1):
            first, second = np.int64(ids[i]), np.int64(ids[i + 1])
            if not (frequent[first] and frequent[second]) or (first + second) % parts != part:
                continue
            pair = first << 32 | second
            at = place_of(pair, keys)
            if keys[at] == EMPTY:
                keys[at] = pair
                used += 1
            counts[at] += 1
    return len(offsets) - 1, used


@inline
def place_of(pair, keys):
    """Return where a pair is in a table by open addressing, or where it would go."""
    mask = len(keys) - 1
    at = np.int64((np.uint64(pair) * _SPREAD) >> np.uint64(20)) & mask
    while keys[at] != EMPTY and keys[at] != pair:
        at = (at + 1) & mask
    return at


@jit
def rehash_pairs(keys, counts, new_keys, new_counts):
    """Move pairs and their counts into a larger table."""
    for i in range(len(keys)):
        if keys[i] != EMPTY:
            at = place_of(keys[i], new_keys)
            new_keys[at], new_counts[at] = keys[i], counts[i]


def join_pairs_reference(ids: Ids32, ends: Ids, joined: Mapping[int, int], out: Ids32) -> int:
    """Join pairs, from left to right, each id being in one pair at most.

    Args:
        ids: (tokens,) int32.
        ends: (sequences,) int64, changed. Where sequences end in `ids`; then in `out`.
        joined: The new id of each pair ``first << 32 | second``.
        out: (tokens,) int32, changed: the first part holds the result.

    Returns:
        How many ids there are now.
    """
    start = kept = 0
    for s, end in enumerate(ends.tolist()):
        i = start
        while i < end:
            pair = int(ids[i]) << 32 | int(ids[i + 1]) if i + 1 < end else EMPTY
            out[kept] = joined.get(pair, ids[i])
            i += 2 if pair in joined else 1
            kept += 1
        start, ends[s] = end, kept
    return kept


@jit
def join_pairs(ids, ends, keys, values, out):
    """See `join_pairs_reference`; pairs and their ids in a table by open addressing."""
    start = kept = np.int64(0)
    for s in range(len(ends)):
        end = ends[s]
        i = start
        while i < end:
            out[kept] = ids[i]
            if i + 1 < end:
                pair = np.int64(ids[i]) << 32 | np.int64(ids[i + 1])
                at = place_of(pair, keys)
                if keys[at] == pair:
                    out[kept] = values[at]
                    i += 1
            i += 1
            kept += 1
        start = end
        ends[s] = kept
    return kept


def table_of(pairs: Ids, values: Array) -> tuple[Ids, Array]:
    """Return the table by open addressing that `join_pairs` reads."""
    size = int(max(16, 1 << (2 * len(pairs)).bit_length()))
    keys, stored = np.full(size, EMPTY, np.int64), np.zeros(size, values.dtype)
    fill_table(pairs, values, keys, stored)
    return keys, stored


@jit
def fill_table(pairs, values, keys, stored):
    """Enter pairs into an empty table."""
    for i in range(len(pairs)):
        at = place_of(pairs[i], keys)
        keys[at], stored[at] = pairs[i], values[i]
