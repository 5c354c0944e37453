"""The targets of a centre: its own output row and its noise rows, six at a time.

Six target rows and two input rows at once fill the twelve accumulators that registers have room
for. With more than five negatives there are several groups of six; the last one is filled up with
a row of zeros whose step is masked out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..types import Array
from ._compile import inline, overload
from .simd import LANES, aligned_zeros, padded, prefetch_write, store

GROUP = 6
HALF = LANES // 2
_GAP = 128  # bytes


class Scratch(NamedTuple):
    """Work space of each thread, by thread number.

    What one thread writes lies at least two cache lines from what another does: when they shared
    lines, two threads were hardly faster than one.
    """

    slot_of: Array  # (T, V + gap) int16, for the plan
    inputs: Array  # (T, contexts + gap) int64, addresses of the context rows
    targets: Array  # (T, groups * 6 + gap) int64, addresses of the target rows
    steps: Array  # (T, groups, contexts + gap, 8) float32: lr * (label - y), a row per context
    lanes: Array  # (T, kinds + 1, 4, 16) float32, see `empty_lanes`
    lane_of: Array  # (T, groups + gap) int64: addresses of the lanes of each group
    hidden: Array  # (T, stride) float32: the mean of the window (CBOW)
    nothing: Array  # (T, stride) float32: a row of zeros to fill a group with


def empty_lanes(kinds: int) -> Array:
    """Return (kinds, 4, 16) float32: what the six targets of a group, or two times six, stand for.

    The four are: the label; 1 where the target counts, else 0; likewise, but the first half only;
    1 - label, set where this is 1. Set the first two by `set_lane`.
    """
    lanes = np.zeros((kinds, 4, LANES), np.float32)
    lanes[:, 3, :] = 1
    return lanes


def set_lane(lanes: Array, lane: int, label: int) -> None:
    """Have a target of a group count, with a label."""
    both = [lane, lane + HALF]
    lanes[0, both], lanes[3, both] = label, 1 - label
    lanes[1, both], lanes[2, lane] = 1, 1


def noise_lanes(negatives: int) -> Array:
    """Return the lanes of each group where the first target is right and the others are noise."""
    lanes = empty_lanes(negatives // GROUP + 1)
    for target in range(1 + negatives):
        set_lane(lanes[target // GROUP], target % GROUP, int(target == 0))
    return lanes


def make_scratch(
    threads: int, num_words: int, window: int, groups: int, dim: int, lanes: Array
) -> Scratch:
    """Allocate the work space.

    Args:
        threads: How many.
        num_words: Words of the vocabulary.
        window: Context words on each side.
        groups: The most groups of targets that a centre has.
        dim: Length of a row.
        lanes: (kinds, 4, 16) float32. The first `groups` are taken until `set_targets` says others.
    """
    contexts = 2 * window + 2
    scratch = Scratch(
        slot_of=np.zeros((threads, num_words + _GAP // 2), np.int16),
        inputs=np.zeros((threads, contexts + _GAP // 8), np.int64),
        targets=np.zeros((threads, groups * GROUP + _GAP // 8), np.int64),
        steps=np.zeros((threads, groups, contexts + _GAP // (4 * HALF), HALF), np.float32),
        lanes=np.zeros((threads, len(lanes) + 1, 4, LANES), np.float32),
        lane_of=np.zeros((threads, groups + _GAP // 8), np.int64),
        hidden=aligned_zeros(threads, padded(dim)),
        nothing=aligned_zeros(threads, padded(dim)),
    )
    scratch.lanes[:, : len(lanes)] = lanes
    for thread in range(threads):
        scratch.targets[thread] = scratch.nothing[thread].ctypes.data
        first = scratch.lanes[thread].ctypes.data
        scratch.lane_of[thread, :groups] = first + np.arange(groups) * scratch.lanes.strides[1]
    return scratch


# Views of arrays are made once a block and handed on, here and in the kernels: making one counts a
# reference up and down, atomically, which for each centre cost a tenth of its time.


class Noise(NamedTuple):
    """What a centre of one block is told from: its own output row, and noise it shares."""

    words: Array  # (groups * negatives,) int32, slots of the noise words among the outputs
    groups: int
    negatives: int


def question_of(plans: Any, windows: Any, lanes: Array, half: int, slot: int) -> Any:
    """Return what the targets of the centres of one planned block are found by.

    Overloaded for each kind of plan, as are `set_targets` and `fetch_targets` for what this gives.
    """
    raise NotImplementedError(type(plans))


def set_targets(
    question: Any, targets: Array, lanes: Array, lane_of: Array, address: Array, outputs: int,
    i: int, centre: int, live_before: int,
) -> tuple[int, int]:  # fmt: skip
    """Set the addresses of one centre's targets, and of the lanes of each group of them.

    Args:
        question: From `question_of`.
        targets: (groups * 6,) int64, filled.
        lanes: See `Scratch`.
        lane_of: (groups,) int64, filled.
        address: (capacity,) int64, where each slot's row is.
        outputs: Slot of the first output row.
        i: Which word of the block this is.
        centre: Its slot.
        live_before: How many targets of the last centre counted, 0 in the beginning.

    Returns:
        How many of the targets count, and how many groups there are.
    """
    raise NotImplementedError(type(question))


def fetch_targets(
    question: Any, address: Array, outputs: int, i: int, words: Array, size: int, row_bytes: int
) -> None:
    """Ask for the target rows that centre i + 1 will need first.

    Measured in prototypes: 1.27 times faster than without.
    """
    raise NotImplementedError(type(question))


def is_kind(numba_type: Any, *kinds: type) -> bool:
    """Return whether a type that `overload` is asked about is one of these NamedTuples."""
    return getattr(numba_type, "instance_class", None) in kinds


@overload(set_targets, inlined=True)
def _set_noise(question, targets, lanes, lane_of, address, outputs, i, centre, live_before):
    if not is_kind(question, Noise):
        return None

    def set_noise(question, targets, lanes, lane_of, address, outputs, i, centre, live_before):
        noise, negatives = question.words, question.negatives
        first = i % question.groups * negatives
        targets[0] = address[outputs + centre]
        live = 1 + negatives
        for j in range(negatives):
            word = noise[first + j]
            targets[j + 1] = address[outputs + word]
            live -= word == centre  # noise that is the centre does not count, as in word2vec
        # Where all count, as at 999 centres of 1,000, lanes stay as they are. Setting them each
        # time cost a tenth of a centre: a vector read back right after it was written in pieces
        # waits for all of them.
        if live <= negatives or live_before <= negatives:
            for j in range(negatives):
                group, lane = (j + 1) // GROUP, (j + 1) % GROUP
                counts = np.float32(noise[first + j] != centre)
                lanes[group, 1, lane] = counts
                lanes[group, 1, lane + HALF] = counts
                lanes[group, 2, lane] = counts
        return live, negatives // GROUP + 1

    return set_noise


@overload(fetch_targets, inlined=True)
def _fetch_noise(question, address, outputs, i, words, size, row_bytes):
    if not is_kind(question, Noise):
        return None

    def fetch_noise(question, address, outputs, i, words, size, row_bytes):
        first = (i + 1) % question.groups * question.negatives
        for j in range(question.negatives):
            fetch(address[outputs + question.words[first + j]], row_bytes)
        if i + 1 < size:
            fetch(address[outputs + words[i + 1]], row_bytes)

    return fetch_noise


@inline
def fetch(address, row_bytes):
    """Ask for a row."""
    for k in range(0, row_bytes, 64):
        prefetch_write(address + k)


@inline
def list_contexts(inputs, address, words, i, low, high):
    """List the addresses of the context rows of centre i, the last one twice; return how many.

    Twice, because skip-gram takes contexts in pairs; the step of the odd one is not used.
    """
    count = 0
    for c in range(low, high):
        if c != i:
            inputs[count] = address[words[c]]
            count += 1
    inputs[count] = inputs[count - 1]
    return count


@inline
def sum_of(vector, place, same_place):
    """Return the sum of the lanes of `vector` in float64, by way of scratch memory at `place`."""
    store(place, vector)
    total = 0.0
    for lane in range(LANES):
        total += np.float64(same_place[lane])
    return total
