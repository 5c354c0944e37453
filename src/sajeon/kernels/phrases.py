"""Pairs of ids that stand side by side: how often each does, and one new id in place of two.

A pair is kept as one number of 64 bits, mixed so that its low bits choose a slot and its size says
in which pass over a large corpus it is counted (`mixed`). A table holds numbers and what belongs
to each: open addressing with linear probing, never full.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..types import Array, Bools, Counts, Ids, Ids32
from ._compile import helper, jit

_ODD, _OTHER_ODD = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93
_UNDO, _UNDO_OTHER = (pow(factor, -1, 1 << 64) for factor in (_ODD, _OTHER_ODD))
_FIRST, _SECOND = np.uint64(_ODD), np.uint64(_OTHER_ODD)
_HALF, _ONE = np.uint64(32), np.uint64(1)
_LOW = np.uint64(0xFFFFFFFF)
GROUP = 32  # pairs whose slots are fetched before any is compared; see `count_pairs`


@helper
def mixed(first: int, second: int) -> Any:
    """Give a pair of ids its number: uint64, never 0, another for each pair."""
    number = ((np.uint64(first) << _HALF | np.uint64(second)) + _ONE) * _FIRST
    number = (number ^ number >> _HALF) * _SECOND
    return number ^ number >> _HALF


def mixed_pairs(first: Array, second: Array) -> Array:
    """Return the numbers (n,) uint64 of pairs of ids (n,), as `mixed` gives them."""
    number = ((first.astype(np.uint64) << _HALF | second.astype(np.uint64)) + _ONE) * _FIRST
    number = (number ^ number >> _HALF) * _SECOND
    return number ^ number >> _HALF


def unmixed(numbers: Array) -> tuple[Ids, Ids]:
    """Return the ids of pairs, first and second, each (n,) int64: the inverse of `mixed_pairs`."""
    pair = (numbers ^ numbers >> _HALF) * np.uint64(_UNDO_OTHER)
    pair = (pair ^ pair >> _HALF) * np.uint64(_UNDO) - _ONE
    return (pair >> _HALF).astype(np.int64), (pair & _LOW).astype(np.int64)


@helper
def _place(slots: Array, at: Any, number: Any) -> Any:
    """The slot of a number, or the free one where it belongs, looking from slot `at` on."""
    mask = len(slots) // 2 - 1
    while slots[2 * at] != 0 and slots[2 * at] != number:
        at = (at + 1) & mask
    return at


@jit
def put(numbers: Array, values: Array, slots: Array) -> None:
    """Put distinct numbers and their values into a table.

    Args:
        numbers: (n,) uint64.
        values: (n,) uint64.
        slots: (2 * a power of two above n,) uint64, changed. Numbers and values in turn; 0: free.
    """
    mask = np.uint64(len(slots) // 2 - 1)
    for i in range(len(numbers)):
        at = _place(slots, np.int64(numbers[i] & mask), numbers[i])
        slots[2 * at], slots[2 * at + 1] = numbers[i], values[i]


def count_pairs_reference(ids: Ids32, offsets: Counts) -> tuple[Array, Counts]:
    """Count the pairs of neighbours of a whole corpus; no pair spans two sequences.

    Args:
        ids: (tokens,) int32, none below 0.
        offsets: (sequences + 1,) int64. Sequence ``s`` is ``ids[offsets[s]:offsets[s + 1]]``.

    Returns:
        The number of each distinct pair (`mixed_pairs`), rising, (pairs,) uint64; and how often it
        occurs, (pairs,) int64.
    """
    within = np.ones(max(len(ids) - 1, 0), bool)
    borders = offsets[1:-1]
    within[borders[(borders > 0) & (borders < len(ids))] - 1] = False
    return np.unique(mixed_pairs(ids[:-1][within], ids[1:][within]), return_counts=True)


@jit
def count_pairs(
    ids: Ids32,
    offsets: Counts,
    sequence: int,
    at: int,
    low: Any,
    high: Any,
    slots: Array,
    used: Any,
) -> tuple[int, int, int]:
    """Count the pairs of neighbours whose number lies within ``low`` to ``high``, both included.

    The twin `count_pairs_reference` counts all, without a table. The slots of 32 pairs are fetched
    before any is compared, so that the processor waits for memory once a group: 0.65 s for 16M
    tokens with 4.3M distinct pairs, one by one 0.86; to sort all pairs takes NumPy 0.5 s with
    AVX-512, 1.3 without, and memory that grows with the corpus.

    Args:
        ids: (tokens,) int32.
        offsets: (sequences + 1,) int64.
        sequence: Where to begin: of which sequence ...
        at: ... at which id of all.
        low: uint64.
        high: uint64.
        slots: As `put` leaves them, changed. The value of a pair is its count.
        used: How many slots are taken.

    Returns:
        Sequence, id and `used` where it stopped: at the end, ``sequence`` being how many there
        are; or where three quarters of the slots would be taken.
    """
    mask = np.uint64(len(slots) // 2 - 1)
    room = len(slots) // 8 * 3
    numbers = np.empty(GROUP, np.uint64)
    places, firsts = np.empty(GROUP, np.int64), np.empty(GROUP, np.uint64)
    while sequence < len(offsets) - 1:
        last = offsets[sequence + 1] - 1
        while at < last:
            size = min(GROUP, last - at)
            if used + size > room:
                return sequence, at, used
            for t in range(size):
                numbers[t] = mixed(ids[at + t], ids[at + t + 1])
                places[t] = np.int64(numbers[t] & mask)
                firsts[t] = slots[2 * places[t]]
            for t in range(size):
                number = numbers[t]
                if number < low or number > high:
                    continue
                place = places[t]
                if firsts[t] != number:
                    place = _place(slots, place, number)
                    used += np.int64(slots[2 * place] == 0)
                    slots[2 * place] = number
                slots[2 * place + 1] += _ONE
            at += size
        sequence += 1
        at = max(at, last + 1)
    return sequence, at, used


def merge_pairs_reference(
    ids: Ids32, offsets: Counts, new_ids: dict[tuple[int, int], int]
) -> tuple[list[int], list[int]]:
    """Put one id in place of each pair in `new_ids`, from left to right, none used twice.

    Args:
        ids: (tokens,) int32.
        offsets: (sequences + 1,) int64.
        new_ids: By pair.

    Returns:
        The ids, and where each sequence ends in them.
    """
    merged: list[int] = []
    ends: list[int] = []
    for begin, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        at, sequence = 0, ids[begin:end].tolist()
        while at < len(sequence):
            found = new_ids.get(tuple(sequence[at : at + 2]))
            merged.append(sequence[at] if found is None else found)
            at += 1 if found is None else 2
        ends.append(len(merged))
    return merged, ends


@jit
def merge_pairs(
    ids: Ids32,
    offsets: Counts,
    sequence: int,
    at: int,
    begins: Bools,
    slots: Array,
    merged: Ids32,
    ends: Counts,
) -> tuple[int, int, int, int]:
    """See `merge_pairs_reference`; goes on from `at` until one of the outputs is full.

    Args:
        ids: (tokens,) int32.
        offsets: (sequences + 1,) int64.
        sequence: Where to begin: of which sequence ...
        at: ... at which id of all.
        begins: (types,) bool. The ids that any pair begins with.
        slots: As `put` leaves them. The value of a pair is its new id + 1.
        merged: (room,) int32, changed.
        ends: (room,) int64, changed.

    Returns:
        Sequence and id where it stopped; how many of `merged` and of `ends` are filled.
    """
    mask = np.uint64(len(slots) // 2 - 1)
    filled = ended = 0
    while sequence < len(offsets) - 1 and ended < len(ends):
        stop = offsets[sequence + 1]
        while at < stop and filled < len(merged):
            merged[filled] = ids[at]
            step = 1
            if begins[ids[at]] and at + 1 < stop:
                number = mixed(ids[at], ids[at + 1])
                place = _place(slots, np.int64(number & mask), number)
                if slots[2 * place] != 0:
                    merged[filled] = np.int64(slots[2 * place + 1]) - 1
                    step = 2
            at += step
            filled += 1
        if at < stop:
            break
        ends[ended] = filled
        ended += 1
        sequence += 1
    return sequence, at, filled, ended
