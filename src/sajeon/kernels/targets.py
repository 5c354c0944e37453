"""The targets of a centre: its own output row and its noise rows, six at a time.

Six target rows and two input rows at once fill the twelve accumulators that registers have room
for. With more than five negatives there are several groups of six; the last one is filled up with
a row of zeros whose step is masked out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..types import Array
from ._compile import inline
from .simd import LANES, aligned_zeros, padded, prefetch_write, store

GROUP = 6
HALF = LANES // 2
_GAP = 128  # bytes


class Scratch(NamedTuple):
    """Work space of each thread, by thread number.

    What one thread writes lies at least two cache lines from what another does: when they shared
    lines, two threads were hardly faster than one.
    """

    groups: int  # of six targets
    slot_of: Array  # (T, V + gap) int16, for the plan
    inputs: Array  # (T, contexts + gap) int64, addresses of the context rows
    targets: Array  # (T, groups * 6 + gap) int64, addresses of the target rows
    steps: Array  # (T, groups, contexts + gap, 8) float32: lr * (label - y), a row per context
    # (T, groups + gap, 4, 16) float32: label; live (0 or 1); live, but the first half only; noise.
    lanes: Array
    hidden: Array  # (T, stride) float32: the mean of the window (CBOW)
    nothing: Array  # (T, stride) float32: a row of zeros to fill a group with


def make_scratch(threads: int, num_words: int, window: int, negatives: int, dim: int) -> Scratch:
    """Allocate the work space; `lanes` and `targets` are set up for every centre alike."""
    groups = -(-(1 + negatives) // GROUP)
    contexts = 2 * window + 2
    scratch = Scratch(
        groups=groups,
        slot_of=np.zeros((threads, num_words + _GAP // 2), np.int16),
        inputs=np.zeros((threads, contexts + _GAP // 8), np.int64),
        targets=np.zeros((threads, groups * GROUP + _GAP // 8), np.int64),
        steps=np.zeros((threads, groups, contexts + _GAP // (4 * HALF), HALF), np.float32),
        lanes=np.zeros((threads, groups + 1, 4, LANES), np.float32),
        hidden=aligned_zeros(threads, padded(dim)),
        nothing=aligned_zeros(threads, padded(dim)),
    )
    scratch.lanes[:, 0, 0, [0, HALF]] = 1  # the first target of the first group is the word itself
    scratch.lanes[:, :, 3, :] = 1 - scratch.lanes[:, :, 0, :]
    for target in range(1 + negatives):
        group, lane = target // GROUP, target % GROUP
        scratch.lanes[:, group, 1, [lane, lane + HALF]] = 1
        scratch.lanes[:, group, 2, lane] = 1
    scratch.targets[:] = scratch.nothing.ctypes.data + (
        np.arange(threads)[:, None] * scratch.nothing.strides[0]
    )
    return scratch


# Views of arrays are made once a block and handed on, here and in the kernels: making one counts a
# reference up and down, atomically, which for each centre cost a tenth of its time.


@inline
def set_targets(targets, address, outputs, centre, noise, first, negatives):
    """Set the addresses of one centre's targets.

    Args:
        targets: (groups * 6,) int64, filled.
        address: (capacity,) int64, where each slot's row is.
        outputs: Slot of the first output row.
        centre: The centre's slot among the outputs.
        noise: (groups * negatives,) int32, slots of the noise words.
        first: Where this centre's noise begins.
        negatives: How many there are. One that is the centre itself does not count, as in word2vec.

    Returns:
        How many of the targets count.
    """
    targets[0] = address[outputs + centre]
    count = 1 + negatives
    for j in range(negatives):
        word = noise[first + j]
        targets[j + 1] = address[outputs + word]
        count -= word == centre
    return count


@inline
def set_live(lanes, noise, first, negatives, centre):
    """Mark the lanes of targets that count; needed only where one does not, and at the next centre.

    Setting them each time cost a tenth of a centre: a vector read back right after it was written
    in pieces waits for all of them.
    """
    for j in range(negatives):
        group, lane = (j + 1) // GROUP, (j + 1) % GROUP
        live = np.float32(noise[first + j] != centre)
        lanes[group, 1, lane] = live
        lanes[group, 1, lane + HALF] = live
        lanes[group, 2, lane] = live


@inline
def fetch_ahead(address, outputs, words, i, size, window, noise, first, negatives, row_bytes):
    """Ask for the rows that centre i + 1 will need first: its targets and its last new context.

    Measured in prototypes: 1.27 times faster than without.
    """
    for j in range(negatives):
        _fetch(address[outputs + noise[first + j]], row_bytes)
    if i + 1 < size:
        _fetch(address[outputs + words[i + 1]], row_bytes)
    if i + window + 1 < size:
        _fetch(address[words[i + window + 1]], row_bytes)


@inline
def _fetch(address, row_bytes):
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
