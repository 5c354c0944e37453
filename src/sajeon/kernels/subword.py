"""Words as the means of their own row and the rows of their n-grams, one block at a time.

A word of a block is composed once: h = mean of its rows (Bojanowski et al. 2017, equation 2, with
fastText's mean in place of the sum). Skip-gram or CBOW then train the block as they always do, on
the composed rows in place of input rows. In the end each row of a word moves by as much as its
composed row did: a step g on h moves every one of n rows by g, and so their mean by g, as in
fastText. What a word does to the n-grams it shares is thus seen by the others from the next block
on. fastText composes a word anew for each of its pairs, and spreads as often: some ten times the
memory traffic.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..types import Array, Floats, Ids32
from ._compile import jit, overload
from .cbow import cbow_block
from .rounds import plan_block, train_block
from .simd import add, load, load_address, mul, prefetch_write, splat, store, sub
from .skipgram import skipgram_block
from .targets import Scratch
from .windows import WindowPlan, Windows, plan_window_block

_AHEAD = 4  # rows


class Features(NamedTuple):
    """The rows of words besides their own, and what a block needs to compose with them.

    V words: in the stacked table, input row w, output row V + w, and the rows of n-grams behind.
    """

    rows: Array  # (total,) int32, rows of the stacked table
    offsets: Array  # (V + 1,) int64: word w has rows[offsets[w]:offsets[w + 1]]
    slots: Array  # (2, S, capacity) int32: of a planned block, slots of its words' rows in order
    slot_of: Array  # (T, n-gram rows + gap) int32, for the plan
    own: Array  # (T, words + gap) int64, where the rows of a block's words are
    listed: Array  # (T, longest + gap) int64, where the rows of one word are
    before: Array  # (T, words, stride) float32, composed rows as they were
    composed: Array  # (T, words, stride) float32, and as they are trained


class SubwordSkipGramState(NamedTuple):
    """What skip-gram with n-grams reads and writes besides the tables."""

    windows: Windows
    plans: WindowPlan
    scratch: Scratch
    features: Features


class SubwordCbowState(NamedTuple):
    """What CBOW with n-grams reads and writes besides the tables."""

    windows: Windows
    plans: WindowPlan
    scratch: Scratch
    features: Features


def compose_reference(table: Floats, word: int, rows: Ids32) -> Floats:
    """Return (dim,) float32: the mean of row `word` and `rows`, added in this order."""
    total = table[word].copy()
    for row in rows:
        total += table[row]
    composed: Floats = total * (np.float32(1) / np.float32(1 + len(rows)))
    return composed


@jit
def list_features(features, half, slot, thread, rows, visits, num_inputs, num_rows):
    """List the distinct n-gram rows of a planned block behind its other rows; return how many all.

    A sparse set, as in `windows.plan_windows`: `slot_of` is never cleared.
    """
    slots, slot_of = features.slots[half, slot], features.slot_of[thread]
    first_row = len(features.offsets) - 1
    first_row += first_row  # words have two rows each
    count, at = num_rows, 0
    for s in range(num_inputs):
        word, seen = rows[s], visits[s]
        for f in range(features.offsets[word], features.offsets[word + 1]):
            row = features.rows[f]
            place = np.int64(slot_of[row - first_row])
            if place < num_rows or place >= count or rows[place] != row:
                place = count
                rows[count], visits[count] = row, 0
                slot_of[row - first_row] = count
                count += 1
            visits[place] += seen
            slots[at] = place
            at += 1
    return count


@jit
def compose_words(features, slots, rounds, thread, rows, num_inputs):
    """Compose the words of a block, and have their slots lead to the composed rows."""
    address, own = rounds.address[thread], features.own[thread]
    listed = features.listed[thread]
    list_of = np.int64(listed.ctypes.data)
    row_bytes = rounds.table.shape[1] * 4
    composed = np.int64(features.composed[thread].ctypes.data)
    before = np.int64(features.before[thread].ctypes.data)
    at = 0
    for s in range(num_inputs):
        word = rows[s]
        count = features.offsets[word + 1] - features.offsets[word]
        own[s] = address[s]
        listed[0] = address[s]
        for j in range(count):
            listed[j + 1] = address[slots[at + j]]
            _fetch(address[slots[at + j + count]], row_bytes)  # of the words to come, about
        at += count
        share = splat(np.float32(1) / np.float32(count + 1))
        for k in range(0, row_bytes, 64):
            total = load(own[s] + k)
            for j in range(1, count + 1):
                total = add(total, load(load_address(list_of + j * 8) + k))
            total = mul(total, share)
            store(composed + s * row_bytes + k, total)
            store(before + s * row_bytes + k, total)
        address[s] = composed + s * row_bytes


@jit
def spread_moves(features, slots, rounds, thread, rows, num_inputs):
    """Move every row of each word of a block by as much as its composed row has moved."""
    address, own = rounds.address[thread], features.own[thread]
    listed = features.listed[thread]
    list_of = np.int64(listed.ctypes.data)
    row_bytes = rounds.table.shape[1] * 4
    composed = np.int64(features.composed[thread].ctypes.data)
    before = np.int64(features.before[thread].ctypes.data)
    at = 0
    for s in range(num_inputs):
        word = rows[s]
        count = features.offsets[word + 1] - features.offsets[word]
        listed[0] = own[s]
        for j in range(count):
            listed[j + 1] = address[slots[at + j]]
            _fetch(address[slots[at + j + count]], row_bytes)
        at += count
        for k in range(0, row_bytes, 64):
            moved = sub(load(composed + s * row_bytes + k), load(before + s * row_bytes + k))
            for j in range(count + 1):
                row = load_address(list_of + j * 8) + k
                store(row, add(load(row), moved))


@jit
def _fetch(address, row_bytes):
    for k in range(0, row_bytes, 64):
        prefetch_write(address + k)


def _is(state: Any, *kinds: type) -> bool:
    return getattr(state, "instance_class", None) in kinds


@overload(plan_block)
def _plan(state, thread, half, slot, epoch, block, rounds):
    if not _is(state, SubwordSkipGramState, SubwordCbowState):
        return None

    def plan(state, thread, half, slot, epoch, block, rounds):
        num_rows = plan_window(state, thread, half, slot, epoch, block, rounds)
        return list_features(
            state.features, half, slot, thread, rounds.rows[half, slot],
            rounds.visits[half, slot], state.plans.sizes[half, slot, 2], num_rows,
        )  # fmt: skip

    return plan


plan_window = jit(plan_window_block)


@overload(train_block)
def _train(state, thread, half, slot, lr, rounds):
    if not _is(state, SubwordSkipGramState, SubwordCbowState):
        return None
    train_words = skipgram_block if _is(state, SubwordSkipGramState) else cbow_block

    def train(state, thread, half, slot, lr, rounds):
        features, slots = state.features, state.features.slots[half, slot]
        rows, num_inputs = rounds.rows[half, slot], state.plans.sizes[half, slot, 2]
        compose_words(features, slots, rounds, thread, rows, num_inputs)
        result = train_words(state, thread, half, slot, lr, rounds)
        spread_moves(features, slots, rounds, thread, rows, num_inputs)
        return result

    return train
