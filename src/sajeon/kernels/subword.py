"""Words as the means of their own row and the rows of their n-grams, one block at a time.

A word of a block is composed once: h = mean of its rows (Bojanowski et al. 2017, equation 2, with
fastText's mean in place of the sum). Skip-gram or CBOW then train the block as they always do, on
the composed rows in place of input rows. In the end each row of a word moves by as much as its
composed row did: a step g on h moves every one of n rows by g, and so their mean by g, as in
fastText. What a word does to the n-grams it shares is thus seen by the others from the next round
on. fastText composes a word anew for each of its pairs, and spreads as often: some ten times the
memory traffic.

Blocks only read the rows of n-grams, so these need neither copies nor a plan. Once all blocks of a
round are trained, each thread moves the rows that are its own: by what the words that have them
moved, in the order of blocks and words, under the rule of merging (`rounds.py`). Measured against
copies of n-gram rows for each block, as of all others: 1.5 times as fast.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..types import Array, Floats, Ids32
from ._compile import inline, jit, overload
from .cbow import cbow_block
from .rounds import ENDING, end_round, merge_factor, plan_block, thread_of, train_block
from .simd import (
    add,
    fma,
    load,
    load_address,
    mul,
    prefetch,
    prefetch_write,
    splat,
    store,
    sub,
    zero,
)
from .skipgram import skipgram_block
from .targets import Scratch
from .windows import WindowPlan, Windows, plan_window_block

NGRAMS = 2
"""The table of n-grams, behind the input and the output rows of words."""

_AHEAD = 2  # rows


class Features(NamedTuple):
    """The rows of words besides their own, and what composing and spreading need.

    V words: in the stacked table, input row w, output row V + w, and the rows of n-grams behind.
    T threads, S blocks in a round, P pairs of a word and one of its n-grams in a round, at most.
    """

    rows: Array  # (total,) int32, rows of the stacked table
    offsets: Array  # (V + 1,) int64: word w has rows[offsets[w]:offsets[w + 1]]
    own: Array  # (T, words + gap) int64, where the rows of a block's words are
    composed: Array  # (T, words, stride) float32, composed rows as they are trained
    moved: Array  # (S, words, stride) float32: composed rows before training, then their moves
    listed: Array  # (T, P + gap) int64, addresses of the rows of a word, or of the moves of a row
    changed: Array  # (T, P + gap) int32, the rows that a thread moves
    mover: Array  # (T, P + gap) int32: block * words + place of a word that moves a row
    following: Array  # (T, P + gap) int32, the next pair with the same row, or -1


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


ENDING.update((SubwordSkipGramState, SubwordCbowState))


def compose_reference(table: Floats, word: int, rows: Ids32) -> Floats:
    """Return (dim,) float32: the mean of row `word` and `rows`, added in this order."""
    total = table[word].copy()
    for row in rows:
        total += table[row]
    composed: Floats = total * (np.float32(1) / np.float32(1 + len(rows)))
    return composed


@jit
def compose_words(features, address, listed, composed, moved, words, num_inputs, table, row_bytes):
    """Write the mean of each word's rows to `composed` and `moved`.

    Args:
        features: What is read of it: rows and offsets.
        address: (capacity,) int64, where the own row of each word is.
        listed: (P,) int64, scratch.
        composed: Address of (words, stride) float32, filled.
        moved: Address of (words, stride) float32, filled.
        words: (capacity,) int32, the distinct words of a block.
        num_inputs: How many words there are.
        table: Address of the stacked table.
        row_bytes: Bytes of a row.
    """
    rows, offsets = features.rows, features.offsets
    list_of = np.int64(listed.ctypes.data)
    for s in range(num_inputs):
        first, last = offsets[words[s]], offsets[words[s] + 1]
        count = last - first
        for j in range(count):
            listed[j] = table + np.int64(rows[first + j]) * row_bytes
        if s + 1 < num_inputs:
            for f in range(offsets[words[s + 1]], offsets[words[s + 1] + 1]):
                _fetch(table + np.int64(rows[f]) * row_bytes, row_bytes)
        share = splat(np.float32(1) / np.float32(count + 1))
        for k in range(0, row_bytes, 64):
            total = load(address[s] + k)
            for j in range(count):
                total = add(total, load(load_address(list_of + j * 8) + k))
            total = mul(total, share)
            store(composed + s * row_bytes + k, total)
            store(moved + s * row_bytes + k, total)


@inline
def _fetch(address, row_bytes):
    for k in range(0, row_bytes, 64):
        prefetch(address + k)


@inline
def _fetch_to_change(address, row_bytes):
    for k in range(0, row_bytes, 64):
        prefetch_write(address + k)


@jit
def take_moves(address, composed, moved, num_inputs, row_bytes):
    """Turn `moved` into how far the composed rows have moved, and move the words' own rows so."""
    for s in range(num_inputs):
        for k in range(s * row_bytes, (s + 1) * row_bytes, 64):
            move = sub(load(composed + k), load(moved + k))
            store(moved + k, move)
            own = address[s] + (k - s * row_bytes)
            store(own, add(load(own), move))


@jit
def spread_moves(state, thread, num_threads, half, blocks, lr, rounds):
    """Move the n-gram rows of this thread by what the words of a round have moved."""
    features, visits = state.features, rounds.visits[half]
    changed, listed = features.changed[thread], features.listed[thread]
    mover, following, head = features.mover[thread], features.following[thread], rounds.head
    rule, strength = rounds.merge_rule[NGRAMS], rounds.merge_strength[NGRAMS]
    row_bytes, per_block = rounds.table.shape[1] * 4, features.moved.shape[1]
    table, list_of = np.int64(rounds.table.ctypes.data), np.int64(listed.ctypes.data)
    moved = np.int64(features.moved.ctypes.data)
    count = _chain_movers(state, thread, num_threads, half, blocks, rounds, changed)
    for i in range(count):
        if i + _AHEAD < count:
            _fetch_to_change(table + np.int64(changed[i + _AHEAD]) * row_bytes, row_bytes)
        pair = np.int64(head[changed[i]])
        head[changed[i]] = -1
        moves, touching, last, seen = 0, np.int64(0), np.int64(-1), np.int64(0)
        while pair >= 0:
            block, s = mover[pair] // per_block, mover[pair] % per_block
            listed[moves] = moved + np.int64(mover[pair]) * row_bytes
            moves += 1
            touching += np.int64(block != last)
            last = np.int64(block)
            seen += visits[block, s]
            pair = np.int64(following[pair])
        factor = 1.0 if touching == 1 else merge_factor(rule, strength, lr, touching, seen)
        part, target = splat(np.float32(factor)), table + np.int64(changed[i]) * row_bytes
        for k in range(0, row_bytes, 64):
            total = zero()
            for j in range(moves):
                total = add(total, load(load_address(list_of + j * 8) + k))
            store(target + k, fma(part, total, load(target + k)))


@inline
def _chain_movers(state, thread, num_threads, half, blocks, rounds, changed):
    """Link the words that move each row, the first one first; list the rows; return how many."""
    features, head = state.features, rounds.head
    rows, offsets, per_block = features.rows, features.offsets, features.moved.shape[1]
    mover, following = features.mover[thread], features.following[thread]
    count, pairs = 0, 0
    for b in range(blocks - 1, -1, -1):
        words = rounds.rows[half, b]
        for s in range(state.plans.sizes[half, b, 2] - 1, -1, -1):
            for f in range(offsets[words[s]], offsets[words[s] + 1]):
                row = rows[f]
                if num_threads > 1 and thread_of(row, num_threads) != thread:
                    continue
                if head[row] < 0:
                    changed[count] = row
                    count += 1
                mover[pairs] = b * per_block + s
                following[pairs] = head[row]
                head[row] = pairs
                pairs += 1
    return count


def _is(state: Any, *kinds: type) -> bool:
    return getattr(state, "instance_class", None) in kinds


@overload(plan_block)
def _plan(state, thread, half, slot, epoch, block, rounds):
    return plan_window_block if _is(state, SubwordSkipGramState, SubwordCbowState) else None


@overload(train_block)
def _train(state, thread, half, slot, lr, rounds):
    if not _is(state, SubwordSkipGramState, SubwordCbowState):
        return None
    train_words = skipgram_block if _is(state, SubwordSkipGramState) else cbow_block

    def train(state, thread, half, slot, lr, rounds):
        features, address = state.features, rounds.address[thread]
        words, num_inputs = rounds.rows[half, slot], state.plans.sizes[half, slot, 2]
        own, row_bytes = features.own[thread], rounds.table.shape[1] * 4
        composed = np.int64(features.composed[thread].ctypes.data)
        moved = np.int64(features.moved[slot].ctypes.data)
        for s in range(num_inputs):
            own[s] = address[s]
            address[s] = composed + s * row_bytes
        compose_words(features, own, features.listed[thread], composed, moved, words, num_inputs,
                      np.int64(rounds.table.ctypes.data), row_bytes)  # fmt: skip
        result = train_words(state, thread, half, slot, lr, rounds)
        take_moves(own, composed, moved, num_inputs, row_bytes)
        return result

    return train


@overload(end_round)
def _end(state, thread, num_threads, half, blocks, lr, rounds):
    if not _is(state, SubwordSkipGramState, SubwordCbowState):
        return None

    def end(state, thread, num_threads, half, blocks, lr, rounds):
        spread_moves(state, thread, num_threads, half, blocks, lr, rounds)

    return end
