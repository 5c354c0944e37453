"""Hierarchical softmax for skip-gram and CBOW: the targets of a centre are the nodes of a path.

The words are the leaves of a binary tree (`learn/huffman.py`). On the way from the root to word c,
each inner node n asks one question, "left?", and with h the row that predicts c (Morin and Bengio
2005; Mikolov et al. 2013, "Distributed Representations ...", section 2.1)

    P(c | h)  =  product over the nodes n of the path of  s(h . w_n) where it turns left,
                                                          s(-h . w_n) where it turns right

Since s(x) + s(-x) = 1, the probabilities of all words sum to 1, though only those nodes are looked
at: some log2 V of them. -log P(c | h) is the loss of negative sampling with other targets and
labels, so `skipgram.py` and `cbow.py` train it as they are, six targets at a time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..types import Array, Floats, Ids
from ._compile import jit, overload
from .cbow import cbow_block
from .rounds import plan_block, train_block
from .skipgram import skipgram_block
from .targets import (
    GROUP,
    Scratch,
    empty_lanes,
    fetch,
    fetch_targets,
    is_kind,
    question_of,
    set_lane,
    set_targets,
)
from .windows import Windows, plan_words


class Paths(NamedTuple):
    """The path of each of V words, in groups of six nodes.

    In the stacked table, input row w and, of node n, row V + n. The root is node 0.
    """

    nodes: Array  # (groups * 6,) int32, -1 behind the end of a path
    codes: Array  # (groups,) uint8, which labels the nodes of a group have, see `path_lanes`
    first: Array  # (V + 1,) int64: word w has groups first[w] to first[w + 1]
    lengths: Array  # (V,) int32: how many nodes

    def of(self, word: int) -> tuple[Ids, Floats]:
        """Return the nodes of a path, (nodes,) int64, and their labels: 1 where it turns left."""
        groups = slice(self.first[word], self.first[word + 1])
        nodes = self.nodes.reshape(-1, GROUP)[groups].ravel().astype(np.int64)
        labels = (self.codes[groups, None] >> np.arange(GROUP)) & 1
        length = self.lengths[word]
        return nodes[:length], labels.ravel()[:length].astype(np.float32)


class PathPlan(NamedTuple):
    """One planned block; see `windows.WindowPlan`. Slots of nodes are behind those of the words."""

    words: Array  # (capacity,) int32
    low: Array  # (capacity,) int32
    high: Array  # (capacity,) int32
    sizes: Array  # (3,) int64: kept words, 0, distinct words
    slots: Array  # (groups * 6,) int32: slot of each node; the last slot of all where there is none
    codes: Array  # (groups,) uint8
    begins: Array  # (capacity,) int32: the first group of the word in each slot
    lengths: Array  # (capacity,) int32


class PathSkipGramState(NamedTuple):
    """What skip-gram with hierarchical softmax reads and writes besides the tables."""

    windows: Windows
    plans: PathPlan  # each array with two leading axes: (2, S), half and place of the block
    scratch: Scratch
    paths: Paths
    node_slot_of: Array  # (T, nodes + gap) int32, for the plan


class PathCbowState(NamedTuple):
    """What CBOW with hierarchical softmax reads and writes besides the tables."""

    windows: Windows
    plans: PathPlan
    scratch: Scratch
    paths: Paths
    node_slot_of: Array


class Path(NamedTuple):
    """What a centre of one block is told from: the nodes of its path."""

    slots: Array
    codes: Array
    begins: Array
    lengths: Array
    lanes: int  # address of `path_lanes`


def path_lanes() -> Array:
    """Return the lanes of every group of up to six nodes, by its code: (128, 4, 16) float32.

    The code is the labels as bits, the first node's lowest, with a 1 before them. So lanes need not
    be set for each centre (see `targets.py` on what that costs), and all fit in 32 KiB.
    """
    lanes = empty_lanes(2 << GROUP)
    for code in range(2, 2 << GROUP):
        for lane in range(code.bit_length() - 1):
            set_lane(lanes[code], lane, code >> lane & 1)
    return lanes


@jit
def list_nodes(paths, plans, half, slot, rows, visits, slot_of, num_inputs):
    """List the nodes of the words of a planned block behind its words; return how many rows.

    A sparse set, as in `windows.plan_windows`: `slot_of` is never cleared.
    """
    slots, codes = plans.slots[half, slot], plans.codes[half, slot]
    begins, lengths = plans.begins[half, slot], plans.lengths[half, slot]
    num_words, nowhere = len(paths.lengths), len(rows) - 1
    count, at = np.int64(num_inputs), 0
    for s in range(num_inputs):
        word, seen = rows[s], visits[s]
        begins[s], lengths[s] = at, paths.lengths[word]
        for g in range(paths.first[word], paths.first[word + 1]):
            codes[at] = paths.codes[g]
            for j in range(GROUP):
                node = np.int64(paths.nodes[g * GROUP + j])
                place = np.int64(nowhere)
                if node >= 0:
                    place = np.int64(slot_of[node])
                    if place < num_inputs or place >= count or rows[place] != num_words + node:
                        place = count
                        rows[count], visits[count] = num_words + node, 0
                        slot_of[node] = count
                        count += 1
                    visits[place] += seen
                slots[at * GROUP + j] = place
            at += 1
    return count


@overload(question_of)
def _path_of(plans, windows, lanes, half, slot):
    if not is_kind(plans, PathPlan):
        return None

    def path_of(plans, windows, lanes, half, slot):
        return Path(
            plans.slots[half, slot], plans.codes[half, slot], plans.begins[half, slot],
            plans.lengths[half, slot], lanes.ctypes.data,
        )  # fmt: skip

    return path_of


@overload(set_targets, inlined=True)
def _set_path(question, targets, lanes, lane_of, address, outputs, i, centre, live_before):
    if not is_kind(question, Path):
        return None

    def set_path(question, targets, lanes, lane_of, address, outputs, i, centre, live_before):
        first, length = np.int64(question.begins[centre]), np.int64(question.lengths[centre])
        groups = (length + GROUP - 1) // GROUP
        for g in range(groups):
            lane_of[g] = question.lanes + np.int64(question.codes[first + g]) * 256
        for j in range(groups * GROUP):
            targets[j] = address[question.slots[first * GROUP + j]]
        return length, groups

    return set_path


@overload(fetch_targets, inlined=True)
def _fetch_path(question, address, outputs, i, words, size, row_bytes):
    if not is_kind(question, Path):
        return None

    def fetch_path(question, address, outputs, i, words, size, row_bytes):
        if i + 1 < size:
            centre = words[i + 1]
            first = np.int64(question.begins[centre]) * GROUP
            for j in range(first, first + np.int64(question.lengths[centre])):
                fetch(address[question.slots[j]], row_bytes)

    return fetch_path


@overload(plan_block)
def _plan(state, thread, half, slot, epoch, block, rounds):
    if not is_kind(state, PathSkipGramState, PathCbowState):
        return None

    def plan(state, thread, half, slot, epoch, block, rounds):
        plans, rows, visits = state.plans, rounds.rows[half, slot], rounds.visits[half, slot]
        size, num_inputs = plan_words(
            state.windows, epoch, block, plans.words[half, slot], plans.low[half, slot],
            plans.high[half, slot], rows, visits, state.scratch.slot_of[thread],
        )  # fmt: skip
        plans.sizes[half, slot, 0], plans.sizes[half, slot, 2] = size, num_inputs
        return list_nodes(
            state.paths, plans, half, slot, rows, visits, state.node_slot_of[thread], num_inputs
        )

    return plan


@overload(train_block)
def _train(state, thread, half, slot, lr, rounds):
    if not is_kind(state, PathSkipGramState, PathCbowState):
        return None
    train_words = skipgram_block if is_kind(state, PathSkipGramState) else cbow_block

    def train(state, thread, half, slot, lr, rounds):
        address = rounds.address[thread]
        address[len(address) - 1] = state.scratch.nothing[thread].ctypes.data
        return train_words(state, thread, half, slot, lr, rounds)

    return train
