"""GloVe: one block of weighted least squares by AdaGrad.

For a word i and a context word j that stand near each other X_ij times the loss is (Pennington,
Socher and Manning 2014, equation 8)

    f(X_ij) * (w_i . c_j + b_i + b'_j - log X_ij)**2 / 2,    f(x) = min(1, (x / x_max)**alpha)

and each number of w_i, c_j, b_i and b'_j moves against its gradient g by ``lr * g / sqrt(G)``, with
G = 1 + sum of (g * `ACCUMULATION`)**2 over the steps before (Duchi et al. 2011).

Entries of the matrix are dealt into cells by a stratum of i and one of j (`learn/cells.py`). The
blocks of a round hold cells without a common stratum, so that no two of them touch one row: they
train in the table itself, no row is copied, and no moves are merged (Gemulla et al. 2011,
"Large-scale matrix factorization with distributed stochastic gradient descent").

A row of the table is the vector, then its bias, then zeros. Four tables: words, contexts, and the
G of each.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..types import Array, Floats
from ._compile import jit, overload
from .rounds import plan_block, train_block
from .simd import (
    LIMIT,
    VECTOR_BYTES,
    fma,
    inverse_root,
    limited,
    load,
    load_splat,
    mul,
    prefetch_write,
    splat,
    store,
    sub,
    sum_lanes,
    zero,
)

ACCUMULATION = 0.05
"""Gradients count so much in the sum that slows their steps. Stanford's program squares the step,
lr * g with lr = 0.05, and so does this. With 1 (10 MB of English, 25 epochs, one seed) WordSim-353
was .317 instead of .319, analogies .032 instead of .030."""

_AHEAD = 3  # entries whose rows are asked for


class Cells(NamedTuple):
    """Entries of the matrix in the order of training."""

    places: Array  # (entries, 2) int32: word and context word
    targets: Array  # (entries, 2) float32: log X and f(X)
    begins: Array  # (S, S + 1) int64: cell (i, j) is the entries begins[i, j] to begins[i, j + 1]
    parts: int  # a cell is trained in so many blocks


class GloveState(NamedTuple):
    """What the GloVe kernel reads and writes besides the tables."""

    cells: Cells
    ranges: Array  # (2, S, 2) int64: the entries of each planned block
    masks: Array  # (2, 16) float32, for the last sixteen numbers of a row: 1 for the vector's, and
    #               1 for the bias
    sums: Array  # (threads, 16) float32, scratch


def entries_of(begins: Array, parts: int, block: int) -> tuple[int, int]:
    """Return the first entry of a block and one past its last; `_entries_of` does the same.

    A round takes, of each stratum of words, the block at the same place: cells (i, i + t), t the
    same for all i. The first part of every cell comes before the second of any.
    """
    strata = len(begins)
    i, place = divmod(block, strata * parts)
    part, t = divmod(place, strata)
    j = (i + t) % strata
    first, size = int(begins[i, j]), int(begins[i, j + 1] - begins[i, j])
    return first + size * part // parts, first + size * (part + 1) // parts


_entries_of = jit(entries_of)


def glove_reference(places: Array, targets: Array, table: Floats, lr: float) -> tuple[float, int]:
    """Train entries one after another in plain NumPy; `glove_block` does the same.

    Args:
        places: (entries, 2) int32.
        targets: (entries, 2) float32.
        table: (4 V, dim + 1) The four tables, changed in place.
        lr: Learning rate.

    Returns:
        The loss, summed, and over how many entries.
    """
    words, contexts, word_sums, context_sums = np.split(table, 4)
    loss = 0.0
    for (i, j), (log_x, weight) in zip(places, targets, strict=True):
        w, c = words[i].copy(), contexts[j].copy()
        error = np.clip(w[:-1] @ c[:-1] + w[-1] + c[-1] - log_x, -LIMIT, LIMIT)
        loss += 0.5 * float(weight * error * error)
        w[-1] = c[-1] = 1  # what a bias is multiplied by
        for rows, sums, row, other in ((words, word_sums, i, c), (contexts, context_sums, j, w)):
            gradient = weight * error * other
            rows[row] -= lr * gradient / np.sqrt(sums[row])
            sums[row] += (ACCUMULATION * gradient) ** 2
    return loss, len(places)


@jit
def glove_block(state, thread, half, slot, lr, rounds):
    """See `glove_reference`."""
    places, targets = state.cells.places, state.cells.targets
    first, last = state.ranges[half, slot]
    row_bytes = rounds.table.shape[1] * 4
    table_bytes = rounds.table.shape[0] // 4 * row_bytes
    words = np.int64(rounds.table.ctypes.data)
    given, masks = np.int64(targets.ctypes.data), np.int64(state.masks.ctypes.data)
    kept, bias = load(masks), load(masks + VECTOR_BYTES)
    rate, part = splat(np.float32(-lr)), splat(np.float32(ACCUMULATION))
    end = row_bytes - VECTOR_BYTES  # the last sixteen numbers, the bias among them
    losses = zero()
    for e in range(first, last):
        ahead = min(e + _AHEAD, last - 1)
        _fetch(words + places[ahead, 0] * row_bytes, 2 * table_bytes, row_bytes)
        _fetch(words + table_bytes + places[ahead, 1] * row_bytes, 2 * table_bytes, row_bytes)
        w = words + places[e, 0] * row_bytes
        c = words + table_bytes + places[e, 1] * row_bytes
        w_last, c_last = load(w + end), load(c + end)
        w_ones, c_ones = fma(w_last, kept, bias), fma(c_last, kept, bias)
        product = fma(w_last, c_ones, mul(c_last, bias))
        for k in range(0, end, VECTOR_BYTES):
            product = fma(load(w + k), load(c + k), product)
        error = limited(sub(_total(product), load_splat(given + e * 8)))
        gradient = mul(load_splat(given + e * 8 + 4), error)
        losses = fma(gradient, error, losses)
        for k in range(0, end, VECTOR_BYTES):
            old, other = load(w + k), load(c + k)
            _move(w + k, 2 * table_bytes, old, mul(gradient, other), rate, part)
            _move(c + k, 2 * table_bytes, other, mul(gradient, old), rate, part)
        _move(w + end, 2 * table_bytes, w_last, mul(gradient, c_ones), rate, part)
        _move(c + end, 2 * table_bytes, c_last, mul(gradient, w_ones), rate, part)
    sums = state.sums[thread]
    store(np.int64(sums.ctypes.data), losses)
    return 0.5 * np.float64(sums[0]), last - first


@jit
def _total(v):
    """The sum of all lanes in each lane."""
    return sum_lanes((v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v))


@jit
def _move(address, to_sums, old, gradient, rate, part):
    """One step of AdaGrad for sixteen numbers, whose sums lie `to_sums` bytes further on."""
    sums = load(address + to_sums)
    store(address, fma(mul(rate, gradient), inverse_root(sums), old))
    counted = mul(part, gradient)
    store(address + to_sums, fma(counted, counted, sums))


@jit
def _fetch(address, to_sums, row_bytes):
    for k in range(0, row_bytes, VECTOR_BYTES):
        prefetch_write(address + k)
        prefetch_write(address + to_sums + k)


@jit
def count_cells(begins, columns, row, end, stratum, sizes):
    """Count the entries of rows `row` to `end` (exclusive) by cell.

    Args:
        begins: (V + 1,) int64. Where each row begins among the entries.
        columns: (entries,) int32.
        row: First row.
        end: One past the last.
        stratum: (V,) uint8. Of each word.
        sizes: (S, S) int64. Added to.
    """
    for r in range(row, end):
        for e in range(begins[r], begins[r + 1]):
            sizes[stratum[r], stratum[columns[e]]] += 1


@jit
def fill_cells(begins, columns, values, words, stratum, unit, x_max, alpha, at, places, targets):
    """Deal the entries of some rows into cells, by the stratum of their column.

    Args:
        begins: (V + 1,) int64. Where each row begins among the entries.
        columns: (entries,) int32.
        values: (entries,) int64. Counts, in units.
        words: (rows,) int64. The rows to deal.
        stratum: (V,) uint8. Of each word.
        unit: How many units are 1.
        x_max: Counts from which on the weight is 1.
        alpha: Power of smaller ones.
        at: (S,) int64. Where the next entry of each cell goes; moved on.
        places: (capacity, 2) int32. Filled.
        targets: (capacity, 2) float32. Filled.
    """
    log_max = np.log(x_max)
    for r in words:
        for e in range(begins[r], begins[r + 1]):
            j = stratum[columns[e]]
            log_x = np.log(values[e] / unit)
            places[at[j], 0], places[at[j], 1] = r, columns[e]
            targets[at[j], 0] = np.float32(log_x)
            targets[at[j], 1] = np.float32(np.exp(min(0.0, alpha * (log_x - log_max))))
            at[j] += 1


@overload(plan_block)
def _plan(state, thread, half, slot, epoch, block, rounds):
    if getattr(state, "instance_class", None) is not GloveState:
        return None

    def plan(state, thread, half, slot, epoch, block, rounds):
        first, last = _entries_of(state.cells.begins, state.cells.parts, block)
        state.ranges[half, slot, 0], state.ranges[half, slot, 1] = first, last
        return 0  # no row is shared, so none is listed

    return plan


@overload(train_block)
def _train(state, thread, half, slot, lr, rounds):
    if getattr(state, "instance_class", None) is not GloveState:
        return None

    def train(state, thread, half, slot, lr, rounds):
        return glove_block(state, thread, half, slot, lr, rounds)

    return train


def planned(cells: Cells, block: int) -> dict[str, Any]:
    """Return the entries of a block, for the twin: ``places`` and ``targets``."""
    first, last = entries_of(cells.begins, cells.parts, block)
    return {"places": cells.places[first:last], "targets": cells.targets[first:last]}
