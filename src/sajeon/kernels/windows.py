"""Plan a block of a word corpus: which words stay, which window each has, which noise it meets.

Skip-gram and CBOW share this plan; they differ in what they do with it. A plan is made ahead of
training, so that the trainer knows the rows a block will touch before it touches them
(`kernels/rounds.py`), and the training loop can fetch rows early.

Draws depend on nothing but (seed, epoch, token position) for a token and (seed, epoch, block) for
noise, so the plan of a block is the same whoever makes it.

Sources: subsampling and window shrinking, Mikolov et al. 2013, "Distributed Representations of
Words and Phrases and their Compositionality", section 2.3, and the released word2vec code.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..types import Array
from ._compile import jit, overload
from .draw import (
    alias_draw,
    alias_draw_reference,
    block_key,
    block_key_reference,
    draw,
    draw_reference,
)
from .targets import Noise, is_kind, question_of

NOISE_COUNTER = np.uint64(1 << 40)
"""Noise draws count on from here; token draws count from 0 within their epoch's key."""

TOKEN_STREAM = np.int64(1 << 40)
"""The "block" that keys the draws of tokens, which belong to a position and not to a block."""


class Windows(NamedTuple):
    """What the plan reads. V words: in the stacked table, input row w and output row V + w."""

    ids: Array  # (num_tokens,) int32, the corpus
    offsets: Array  # (num_sequences + 1,) int64, where each sequence begins
    block_starts: Array  # (num_blocks + 1,) int64, token positions
    block_sequences: Array  # (num_blocks,) int64, the sequence in which each block begins
    keep: Array  # (V,) uint32, a token stays if its draw is at most this
    noise_threshold: Array  # (V,) uint32, alias table of the noise distribution
    noise_alias: Array  # (V,) int32; the two interleaved, so that a draw reads one place
    window: int
    negatives: int
    reuse: int  # how many centres of a block share a group of noise words
    seed: int


class WindowPlan(NamedTuple):
    """One planned block. `n` centres and context words in order; all rows as slots, see below.

    Slot s of ``rows`` is the row ``rows[s]`` of the stacked table. A word in slot s as input has
    its output row in slot ``num_inputs + s``.
    """

    words: Array  # (capacity,) int32, slot of each kept word in text order, as input
    low: Array  # (capacity,) int32, first word of the window of each word; low >= high: no centre
    high: Array  # (capacity,) int32, one past the last
    noise: Array  # (groups * negatives,) int32, slot of each noise word among the outputs
    sizes: Array  # (3,) int64: kept words, noise groups, distinct inputs


def plan_capacity(block_length: int, window: int, negatives: int, reuse: int) -> tuple[int, int]:
    """Return how many kept words, and how many noise words, a block of `block_length` can have.

    Blocks hold less than twice their nominal length (`learn/blocks.py`), and see words of their
    neighbours on both sides of a cut.
    """
    words = 2 * block_length + 4 * window + 2
    groups = words // reuse + 1
    return words, groups * negatives


@jit
def plan_words(windows, epoch, block, words, low, high, rows, visits, slot_of):
    """Plan the words of a block and their windows, and list the distinct ones.

    Args:
        windows: What to read.
        epoch: Epoch number, from 0.
        block: Block number, from 0.
        words: (capacity,) int32, filled, as are `low` and `high`; see `WindowPlan`.
        low: Likewise.
        high: Likewise.
        rows: (capacity,) int32, filled: distinct words.
        visits: (capacity,) int32, filled: how often the block visits each of them.
        slot_of: (V,) int16, scratch that need not be cleared.

    Returns:
        How many words, and how many distinct ones.
    """
    key = block_key(windows.seed, epoch, TOKEN_STREAM)
    start, stop = windows.block_starts[block], windows.block_starts[block + 1]
    sequence = windows.block_sequences[block]
    offsets, ids, keep, window = windows.offsets, windows.ids, windows.keep, windows.window
    size = np.int64(0)
    position = start
    while position < stop:
        while offsets[sequence + 1] <= position:
            sequence += 1
        own_end = min(offsets[sequence + 1], stop)
        # Words of the neighbouring blocks are context here, so that a cut loses hardly any pair.
        first = max(offsets[sequence], position - 2 * window)
        last = min(offsets[sequence + 1], own_end + 2 * window)
        begin = size
        for p in range(first, last):
            bits = draw(key, np.uint64(p))
            word = ids[p]
            words[size] = word
            reach = 1 + np.int64(
                ((bits & np.uint64(0xFFFFFFFF)) * np.uint64(window)) >> np.uint64(32)
            )
            high[size] = reach if position <= p < own_end else 0
            size += np.int64(np.uint32(bits >> np.uint64(32)) <= keep[word])
        for i in range(begin, size):
            reach = np.int64(high[i])
            if reach > 0:
                low[i] = max(begin, i - reach)
                high[i] = min(size, i + reach + 1)
            else:
                low[i] = 0
        position = own_end
    return size, _list_words(words, size, rows, visits, slot_of)


@jit
def plan_windows(windows, epoch, block, plan, rows, visits, slot_of):
    """See `plan_windows_reference`; also lists the distinct rows.

    Args:
        windows: What to read.
        epoch: Epoch number, from 0.
        block: Block number, from 0.
        plan: Filled.
        rows: (capacity,) int32, filled: distinct rows, inputs first.
        visits: (capacity,) int32, filled: how often the block visits each of them.
        slot_of: (V,) int16, scratch that need not be cleared.

    Returns:
        How many rows.
    """
    size, num_inputs = plan_words(
        windows, epoch, block, plan.words, plan.low, plan.high, rows, visits, slot_of
    )
    noise = plan.noise
    num_outputs = num_inputs
    base = num_inputs  # output rows are listed after the inputs, in the same order
    for s in range(num_inputs):
        rows[base + s] = rows[s]
        visits[base + s] = visits[s]
    groups = (size + windows.reuse - 1) // windows.reuse
    key = block_key(windows.seed, epoch, block)
    for j in range(groups * windows.negatives):
        bits = draw(key, NOISE_COUNTER + np.uint64(j))
        word = alias_draw(bits, windows.noise_threshold, windows.noise_alias)
        slot = min(np.int64(slot_of[word]), num_outputs)
        rows[base + num_outputs] = word  # the sentinel: an unlisted word finds itself here
        if rows[base + slot] != word:
            slot = num_outputs
        new = slot == num_outputs  # a number and not a branch, since nobody could predict it
        visits[base + slot] = (0 if new else visits[base + slot]) + windows.reuse
        slot_of[word] = slot
        num_outputs += np.int64(new)
        noise[j] = slot
    num_embeddings = len(windows.keep)
    for s in range(base, base + num_outputs):
        rows[s] += num_embeddings
    plan.sizes[0], plan.sizes[1], plan.sizes[2] = size, groups, num_inputs
    return num_inputs + num_outputs


def plan_window_block(state, thread, half, slot, epoch, block, rounds):
    """`rounds.plan_block` of every objective whose state has `windows`, `plans` and `scratch`."""
    plans = state.plans
    plan = WindowPlan(
        plans.words[half, slot],
        plans.low[half, slot],
        plans.high[half, slot],
        plans.noise[half, slot],
        plans.sizes[half, slot],
    )
    rows, visits = rounds.rows[half, slot], rounds.visits[half, slot]
    return plan_windows(
        state.windows, epoch, block, plan, rows, visits, state.scratch.slot_of[thread]
    )


@overload(question_of)
def _noise_of(plans, windows, lanes, half, slot):
    if not is_kind(plans, WindowPlan):
        return None

    def noise_of(plans, windows, lanes, half, slot):
        return Noise(plans.noise[half, slot], plans.sizes[half, slot, 1], windows.negatives)

    return noise_of


@jit
def _list_words(words, size, rows, visits, slot_of):
    """List the distinct words and replace each by its slot: a sparse set, never cleared."""
    count = np.int64(0)
    for i in range(size):
        word = words[i]
        slot = min(np.int64(slot_of[word]), count)
        rows[count] = word
        if rows[slot] != word:
            slot = count
        new = slot == count
        visits[slot] = (0 if new else visits[slot]) + 1
        slot_of[word] = slot
        count += np.int64(new)
        words[i] = slot
    return count


def plan_windows_reference(windows: Windows, epoch: int, block: int) -> dict[str, Any]:
    """Plan one block in plain NumPy.

    Args:
        windows: What to read.
        epoch: Epoch number, from 0.
        block: Block number, from 0.

    Returns:
        ``words``: (n,) int64, the kept words of the block in text order, words of neighbouring
        blocks that its windows reach included. ``low``, ``high``: (n,) int64, the window of each
        centre i is ``words[low[i]:high[i]]`` without i itself; low = high = 0 where a word belongs
        to a neighbour. ``noise``: (groups, negatives) int64; centre i meets group i % groups.
    """
    key = block_key_reference(windows.seed, epoch, TOKEN_STREAM)
    start, stop = (int(x) for x in windows.block_starts[block : block + 2])
    words: list[int] = []
    low: list[int] = []
    high: list[int] = []
    position = start
    while position < stop:
        sequence = int(np.searchsorted(windows.offsets, position, side="right")) - 1
        ends = int(windows.offsets[sequence + 1])
        own_end = min(ends, stop)
        first = max(int(windows.offsets[sequence]), position - 2 * windows.window)
        last = min(ends, own_end + 2 * windows.window)
        bits = draw_reference(key, np.arange(first, last, dtype=np.uint64))
        tokens = windows.ids[first:last]
        kept = (bits >> np.uint64(32)) <= windows.keep[tokens]
        reach = 1 + (((bits & np.uint64(0xFFFFFFFF)) * np.uint64(windows.window)) >> np.uint64(32))
        own = (np.arange(first, last) >= position) & (np.arange(first, last) < own_end)
        begin, size = len(words), len(words) + int(kept.sum())
        for i, (r, mine) in enumerate(zip(reach[kept], own[kept], strict=True), start=begin):
            low.append(max(begin, i - int(r)) if mine else 0)
            high.append(min(size, i + int(r) + 1) if mine else 0)
        words.extend(int(token) for token in tokens[kept])
        position = own_end
    groups = -(-len(words) // windows.reuse)
    counters = NOISE_COUNTER + np.arange(groups * windows.negatives, dtype=np.uint64)
    bits = draw_reference(block_key_reference(windows.seed, epoch, block), counters)
    noise = alias_draw_reference(bits, windows.noise_threshold, windows.noise_alias)
    return {
        "words": np.array(words, np.int64),
        "low": np.array(low, np.int64),
        "high": np.array(high, np.int64),
        "noise": np.asarray(noise, np.int64).reshape(groups, windows.negatives),
    }


def contexts_of(plan: dict[str, Any], i: int) -> Array:
    """Return the context words of centre `i` of a plan of `plan_windows_reference`: (m,) int64."""
    low, high = plan["low"][i], plan["high"][i]
    window = plan["words"][low:high]
    return np.delete(window, i - low) if len(window) else window


class Centre(NamedTuple):
    """One question that training asks, for the NumPy twins."""

    word: int
    contexts: Array  # (m,) int64
    targets: Array  # (targets,) int64: the word itself, then noise; or the nodes of its path
    label: Array  # (targets,) float32: 1 for the word itself; or for each turn to the left
    live: Array  # (targets,) bool, False for noise that is the word itself


def centres_of(plan: dict[str, Any]) -> Iterator[Centre]:
    """Yield each centre of a plan of `plan_windows_reference` that has contexts, in order."""
    for i, word in enumerate(plan["words"]):
        contexts = contexts_of(plan, i)
        if len(contexts):
            if "paths" in plan:
                targets, label = plan["paths"].of(word)
                live = np.ones(len(targets), np.bool_)
            else:
                targets = np.concatenate([[word], plan["noise"][i % len(plan["noise"])]])
                label = np.zeros(len(targets), np.float32)
                label[0] = 1
                live = np.concatenate([[True], targets[1:] != word])
            yield Centre(word, contexts, targets, label, live)
