"""One step of an optimiser on the rows of a table that were looked up, and on no others.

`group_rows` finds the distinct rows and chains the positions at which each was looked up, in their
order. `update_rows` then takes the rows one by one: it sums the gradients along the row's chain and
moves the row, which is read and written once. The lookups themselves are in `fetch.py`.

Rows are independent of each other, and the sum of a row is taken in the order of its chain, so it
does not matter which thread takes which row: the result is the same for any number of threads.

Chains instead of a buffer of sums: a buffer would be written and read once more, half a megabyte
for 4,096 lookups of 64 numbers. What makes the step fast is to ask for the row, its state and its
gradient some rows ahead of their use; the table is far larger than any cache.
"""

from __future__ import annotations

import numpy as np

from ..types import Array, Floats, Ids
from ._compile import HAVE_NUMBA as HAVE_NUMBA
from ._compile import inline, jit
from .simd import (
    LANES,
    add,
    fma,
    load,
    load_splat,
    mul,
    prefetch,
    prefetch_write,
    splat,
    store,
    sub,
    sum_lanes,
    zero,
)
from .simd_rows import (
    AHEAD,
    LINE,
    copy_row,
    divide,
    load_up_to,
    sqrt,
    store_part,
    store_up_to,
)
from .threads import take_number

SUM, SGD, ADAGRAD, ROW_ADAGRAD, ADAM = range(5)
"""What `update_rows` does with a summed gradient. `SUM` only stores it."""

_BLOCK = 64  # rows that a thread takes at once
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


def places_for(num_ids: int) -> int:
    """Length of the hash table for so many ids: a power of two, at most half full."""
    return int(max(16, 1 << (2 * num_ids - 1).bit_length()))


def group_rows_reference(
    ids: Array, skipped: int, places: Array, rows: Ids, first: Array, last: Array, following: Array
) -> int:
    """Find the distinct rows among `ids`, and chain the positions of each.

    Args:
        ids: (lookups,) int64 or int32. Rows of a table, each at least 0.
        skipped: A row that is left out, -1: none.
        places: (a power of two,) int32, changed: scratch, see `places_for`.
        rows: (lookups,) int64, changed. The distinct rows, in the order of their first lookup.
        first: (lookups,) int32, changed. Position of the first lookup of each distinct row.
        last: (lookups,) int32, changed: scratch.
        following: (lookups,) int32, changed. Next position with the same row, -1: no more.

    Returns:
        How many distinct rows there are.
    """
    chains: dict[int, list[int]] = {}
    for position, row in enumerate(ids.tolist()):
        if row != skipped:
            chains.setdefault(row, []).append(position)
    for slot, (row, chain) in enumerate(chains.items()):
        rows[slot], first[slot], last[slot] = row, chain[0], chain[-1]
        following[chain] = [*chain[1:], -1]
    return len(chains)


@jit
def group_rows(ids, skipped, places, rows, first, last, following):
    """See `group_rows_reference`. Open addressing; a place holds the number of a row + 1."""
    mask, shift = len(places) - 1, np.uint64(64)
    while np.int64(1) << (64 - np.int64(shift)) < len(places):
        shift -= np.uint64(1)
    places[:] = 0
    count = 0
    for position in range(len(ids)):
        row = np.int64(ids[position])
        if row == skipped:
            continue
        at = np.int64((np.uint64(row) * _SPREAD) >> shift)
        while places[at] != 0 and rows[places[at] - 1] != row:
            at = (at + 1) & mask
        following[position] = -1
        if places[at] == 0:
            rows[count], first[count], last[count] = row, position, position
            count += 1
            places[at] = count
        else:
            slot = places[at] - 1
            following[last[slot]] = position
            last[slot] = position
    return count


def update_rows_reference(
    rule: int,
    settings: tuple[float, float, float, float, float],
    weight: Floats,
    state: Floats,
    second_state: Floats,
    grads: Floats,
    rows: Ids,
    first: Array,
    following: Array,
    source: Array,
    scale: Floats,
) -> None:
    """Sum the gradients of each distinct row, and move the row.

    With g the sum, and ``step, eps, rate, second_rate, keep = settings``, elementwise:

    ===========  ==============================================================================
    SUM          w = g
    SGD          w = w - step g
    ADAGRAD      s = s + g²;  w = w - step g / (√s + eps)
    ROW_ADAGRAD  s = s + mean(g²), one number a row;  w = w - step g / (√s + eps)
    ADAM         m = m + rate (g - m);  v = v + second_rate (g² - v);
                 w = keep w - step m / (√v + eps)
    ===========  ==============================================================================

    Args:
        rule: Which of these.
        settings: As above.
        weight: (num_embeddings, dim) float32, changed. For `SUM`: (distinct rows, dim).
        state: (num_embeddings, dim) float32, changed: s or m; for `ROW_ADAGRAD` (num_embeddings,).
            Anything where there is none.
        second_state: (num_embeddings, dim) float32, changed: v. Likewise.
        grads: (gradients, dim) float32.
        rows: (distinct rows,) int64. As `group_rows` leaves them.
        first: (distinct rows,) int32. Likewise.
        following: (lookups,) int32. Likewise.
        source: (lookups,) int64. Which row of `grads` belongs to a position. Empty: its own.
        scale: (lookups,) float32. What to multiply it by. Empty: by nothing.
    """
    for slot, row in enumerate(rows.tolist()):
        g = np.zeros(weight.shape[1], np.float32)
        position = int(first[slot])
        while position >= 0:
            part = grads[source[position] if len(source) else position]
            g += part * scale[position] if len(scale) else part
            position = int(following[position])
        if rule == SUM:
            weight[slot] = g
        else:
            _move_row_reference(rule, settings, weight, state, second_state, row, g)


def _move_row_reference(
    rule: int,
    settings: tuple[float, float, float, float, float],
    weight: Floats,
    state: Floats,
    second_state: Floats,
    row: int,
    g: Floats,
) -> None:
    step, eps, rate, second_rate, keep = np.array(settings, np.float32)
    if rule == SGD:
        weight[row] -= step * g
    elif rule == ADAM:
        state[row] += rate * (g - state[row])
        second_state[row] += second_rate * (g * g - second_state[row])
        towards = state[row] / (np.sqrt(second_state[row]) + eps)
        weight[row] = keep * weight[row] - step * towards
    else:
        state[row] += (g * g).mean() if rule == ROW_ADAGRAD else g * g
        weight[row] -= step * g / (np.sqrt(state[row]) + eps)


@jit
def update_rows(
    rule,
    settings,
    weight,
    state,
    second_state,
    grads,
    dim,
    rows,
    first,
    following,
    source,
    scale,
    taken,
):
    """See `update_rows_reference`; the four tables are given by their addresses.

    Making an array of a tensor takes 6 µs, asking for its address 0.5, and a step some hundred.
    `dim` is the length of a row; `taken`, (1,) int64, is 0 at first: threads that call this with
    the same arrays share the rows out by it.
    """
    row_bytes = dim * 4
    total = np.empty(dim + 2 * LANES, np.float32)  # a row of sums, and a vector of partial sums
    sums, counter = np.int64(total.ctypes.data), np.int64(taken.ctypes.data)
    while True:
        begin = take_number(counter) * _BLOCK
        if begin >= len(rows):
            break
        for slot in range(begin, min(begin + _BLOCK, len(rows))):
            ahead = slot + AHEAD
            if ahead < len(rows):
                _ask_for(
                    rule, weight, state, second_state, rows[ahead], row_bytes,
                    grads + _source(source, np.int64(first[ahead])) * row_bytes,
                )  # fmt: skip
            g = _sum_chain(first[slot], following, source, scale, grads, sums, dim, row_bytes)
            row, at = rows[slot], rows[slot] * row_bytes
            if rule == SGD:
                _sgd(settings, weight + at, g, dim)
            elif rule == ADAGRAD:
                _adagrad(settings, weight + at, state + at, g, dim)
            elif rule == ROW_ADAGRAD:
                _row_adagrad(settings, weight + at, state + row * 4, g, sums + row_bytes, dim)
            elif rule == ADAM:
                _adam(settings, weight + at, state + at, second_state + at, g, dim)
            else:
                copy_row(weight + slot * row_bytes, g, dim)


@inline
def _source(source, position):
    return source[position] if len(source) > 0 else position


@inline
def _ask_for(rule, weight, state, second_state, row, row_bytes, grad):
    at = row * row_bytes
    for k in range(0, row_bytes, LINE):
        prefetch(grad + k)
        if rule != SUM:
            prefetch_write(weight + at + k)
        if rule != SUM and rule != SGD and rule != ROW_ADAGRAD:
            prefetch_write(state + at + k)
        if rule == ADAM:
            prefetch_write(second_state + at + k)
    if rule == ROW_ADAGRAD:
        prefetch_write(state + row * 4)


@inline
def _sum_chain(position, following, source, scale, given, sums, dim, row_bytes):
    """Return the address of the summed gradient: of the only one itself, or of `sums`."""
    position = np.int64(position)
    grad = given + _source(source, position) * row_bytes
    scaled = len(scale) > 0
    after = np.int64(following[position])
    if after < 0 and not scaled:
        return grad
    factor = splat(scale[position] if scaled else np.float32(1.0))
    for d in range(0, dim, LANES):
        store(sums + d * 4, mul(factor, load_up_to(grad + d * 4, dim - d)))
    while after >= 0:
        position = after
        after = np.int64(following[position])
        grad = given + _source(source, position) * row_bytes
        factor = splat(scale[position] if scaled else np.float32(1.0))
        for d in range(0, dim, LANES):
            part = load_up_to(grad + d * 4, dim - d)
            store(sums + d * 4, fma(factor, part, load(sums + d * 4)))
    return sums


@inline
def _sgd(settings, w, g, dim):
    step = splat(np.float32(-settings[0]))
    for d in range(0, dim, LANES):
        k, left = d * 4, dim - d
        moved = fma(step, load_up_to(g + k, left), load_up_to(w + k, left))
        store_up_to(w + k, moved, left)


@inline
def _adagrad(settings, w, s, g, dim):
    step, eps = splat(np.float32(-settings[0])), splat(np.float32(settings[1]))
    for d in range(0, dim, LANES):
        k, left = d * 4, dim - d
        grad = load_up_to(g + k, left)
        total = fma(grad, grad, load_up_to(s + k, left))
        store_up_to(s + k, total, left)
        part = divide(grad, add(sqrt(total), eps))
        store_up_to(w + k, fma(step, part, load_up_to(w + k, left)), left)


@inline
def _row_adagrad(settings, w, s, g, partial, dim):
    squares = zero()
    for d in range(0, dim, LANES):
        grad = load_up_to(g + d * 4, dim - d)
        squares = fma(grad, grad, squares)
    # Sixteen partial sums, then a tree over them: the same order on every machine.
    store(partial, sum_lanes((squares,)))
    mean = divide(load_splat(partial), splat(np.float32(dim)))
    total = add(load_splat(s), mean)
    store_part(s, total, 1)
    step = splat(np.float32(-settings[0]))
    step = divide(step, add(sqrt(total), splat(np.float32(settings[1]))))
    for d in range(0, dim, LANES):
        k, left = d * 4, dim - d
        moved = fma(step, load_up_to(g + k, left), load_up_to(w + k, left))
        store_up_to(w + k, moved, left)


@inline
def _adam(settings, w, m, v, g, dim):
    step, eps = splat(np.float32(-settings[0])), splat(np.float32(settings[1]))
    rate, second_rate = splat(np.float32(settings[2])), splat(np.float32(settings[3]))
    keep = splat(np.float32(settings[4]))
    for d in range(0, dim, LANES):
        k, left = d * 4, dim - d
        grad = load_up_to(g + k, left)
        mean, square = load_up_to(m + k, left), load_up_to(v + k, left)
        mean = fma(rate, sub(grad, mean), mean)
        square = fma(second_rate, sub(mul(grad, grad), square), square)
        store_up_to(m + k, mean, left)
        store_up_to(v + k, square, left)
        kept = mul(keep, load_up_to(w + k, left))
        store_up_to(w + k, fma(step, divide(mean, add(sqrt(square), eps)), kept), left)
