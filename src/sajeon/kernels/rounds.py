"""Train in rounds of blocks, with the same bits for any number of threads.

A corpus is cut into fixed blocks. A round is a few blocks, taken from distant parts of the corpus.
In phase A of a round, threads take tasks: train a block of this round, or plan one of the next. A
plan lists the rows that its block will touch. Rows that no other block of the round touches are
trained in place, since nobody else can see them. Rows that several blocks touch are copied by each
of them, and trained on the copy. In phase B the copies are merged into the table, row by row, in
the order of the blocks. Nothing depends on which thread did what, or when: not the draws (keyed by
block), not the copies, not the order of any sum.

All tables of an objective lie in one array of rows ("stacked"), so that one mechanism serves
whatever an objective trains: a table is a range of rows with a rule for merging
(`learn/objective.py`). An objective takes part by two functions, `plan_block` and `train_block`,
which are chosen at compile time by the type of its state (see `skipgram.py` and `cbow.py`). They
are not arguments, because Numba's on-disk cache never hits for a function that takes functions.

The merge by contraction: k blocks each moved a row from x to x + d_b, with N visits in all. Had the
visits come one after another, each would have found the row already moved by those before. If a
visit shrinks the distance to where the row is drawn by a factor exp(-lr * c), then the k moves
together stand for (1 - exp(-a)) / (k (1 - exp(-a / k))) of their sum, with a = lr * c * N: the sum
where a is small (rare words), the average where it is large (frequent words).
Plain sums diverge for frequent words, plain averages learn rare words too slowly.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..types import Array
from ._compile import inline, jit, overload
from .simd import VECTOR_BYTES, add, fma, load, prefetch, splat, store, sub, zero
from .threads import count_up, take_number, wait_for_all

HOT = np.uint8(128)
"""A touch count this large marks a row that always counts as shared, and is not counted."""

MOST_PER_ROUND = 64
"""A round has at most so many blocks. Touches are counted in bytes: four bytes each made the whole
training a quarter slower, since the counts then fill the cache that rows need."""

SUM, AVERAGE, CONTRACTION = 0, 1, 2

# What the shared int64 array says (`Rounds.control`).
STOP, DONE_BLOCKS, LOSS, PAIRS, STOPPED = range(5)
CONTROL_SIZE = 16

LOSS_UNIT = 2.0**-10
"""The loss is added up as a whole number of these, in block order, so no sum depends on threads.
A block's loss is some hundred nats, and 2**53 nats fit: ten million times an English Wikipedia."""

_COPY_AHEAD = 6
_MERGE_AHEAD = 2


class Rounds(NamedTuple):
    """The arrays that blocks of a round share. S blocks a round, T threads, R rows in all."""

    table: Array  # (R, stride) float32, every row of every table
    merge_rule: Array  # (tables,) int64
    merge_strength: Array  # (tables,) float64, the c of the contraction
    table_ends: Array  # (tables,) int64, one past the last row of each table
    rows: Array  # (2, S, capacity) int32, the distinct rows of each planned block
    visits: Array  # (2, S, capacity) int32
    num_rows: Array  # (2, S) int64
    touched: Array  # (3, R) uint8, by how many blocks of a round
    copies: Array  # (S, capacity, stride) float32
    copied: Array  # (S, capacity) int32, the row that each copy is of
    copied_visits: Array  # (S, capacity) int32
    num_copied: Array  # (S,) int64
    address: Array  # (T, capacity) int64, where a block finds each of its rows
    head: Array  # (R,) int32, first copy of each row in this round, or -1
    following: Array  # (S * capacity,) int32, next copy of the same row, or -1
    merging: Array  # (T, S * capacity) int32, the rows a thread merges
    total: Array  # (T, stride) float32, zeros between uses
    losses: Array  # (S, 2) float64: loss and pairs of each block of this round
    tasks: Array  # (3, 8) int64, task counters, one round each, a cache line apart
    barrier: Array  # (BARRIER_SIZE,) int64, see `threads.wait_for_all`
    control: Array  # (CONTROL_SIZE,) int64


def plan_block(
    state: Any, thread: int, half: int, slot: int, epoch: int, block: int, rounds: Rounds
) -> int:
    """Plan `block` into place (half, slot) of the objective's state; return how many rows.

    Overloaded for each objective's state; this body serves no state.
    """
    raise NotImplementedError(type(state))


def train_block(
    state: Any, thread: int, half: int, slot: int, lr: np.float32, rounds: Rounds
) -> tuple[float, int]:
    """Train the block planned in (half, slot), rows at ``rounds.address[thread]``.

    Overloaded for each objective's state; this body serves no state.

    Returns:
        Summed loss in nats, and how many scores it is summed over.
    """
    raise NotImplementedError(type(state))


def end_round(
    state: Any, thread: int, num_threads: int, half: int, blocks: int, lr: float, rounds: Rounds
) -> None:
    """Move the rows that blocks of a round only read: those for which `thread` is responsible.

    Called by each thread once the copies are merged. Overloaded for objectives that have such rows
    (`kernels/subword.py`), whose states are in `ENDING`; for all others it does nothing.
    """


ENDING: set[type] = set()
"""States of objectives that have an `end_round` of their own."""


@overload(end_round)
def _end_round(state, thread, num_threads, half, blocks, lr, rounds):
    if getattr(state, "instance_class", None) in ENDING:
        return None
    return lambda state, thread, num_threads, half, blocks, lr, rounds: None


@inline
def block_at(i, num_blocks, per_round):
    """Return the block that comes i-th in an epoch: a round takes blocks far from each other.

    Neighbouring blocks share their subject, and so their rows; distant ones need fewer copies.
    """
    column, row = i % per_round, i // per_round
    height, rest = num_blocks // per_round, num_blocks % per_round
    return column * height + min(column, rest) + row


def block_at_reference(i: int, num_blocks: int, per_round: int) -> int:
    """Return the block that comes i-th in an epoch, by listing them all."""
    columns = np.array_split(np.arange(num_blocks), per_round)
    order = [
        column[row] for row in range(len(columns[0])) for column in columns if row < len(column)
    ]
    return int(order[i])


@jit
def run_rounds(
    state, rounds, thread, num_threads, first, last, num_blocks, epochs, lr_start, lr_end
):
    """Run rounds `first` to `last` (exclusive) as one of `num_threads` threads.

    Args:
        state: The objective's arrays.
        rounds: The shared arrays.
        thread: Which thread this is, from 0.
        num_threads: How many threads call this with the same arguments.
        first: First round.
        last: One past the last round.
        num_blocks: Blocks in an epoch.
        epochs: Epochs in the whole training.
        lr_start: Learning rate of the first block of the training.
        lr_end: The rate it falls to, evenly, by the last block.
    """
    per_round = rounds.rows.shape[1]
    all_blocks = num_blocks * epochs
    tasks, barrier = np.int64(rounds.tasks.ctypes.data), np.int64(rounds.barrier.ctypes.data)
    passed = 0
    for r in range(first - 1, last):  # the first pass only plans
        here = min(per_round, all_blocks - r * per_round) if r >= first else 0
        ahead = min(per_round, all_blocks - (r + 1) * per_round) if r + 1 < last else 0
        half, counter = r & 1, tasks + ((r + 1) % 3) * 64
        while True:
            task = take_number(counter)
            if task < here:
                step = r * per_round + task
                lr = lr_start - (lr_start - lr_end) * (step / all_blocks)
                _place_rows(rounds, thread, half, task, r % 3)
                loss, pairs = train_block(state, thread, half, task, np.float32(lr), rounds)
                rounds.losses[task, 0], rounds.losses[task, 1] = loss, pairs
            elif task - here < ahead:
                task -= here
                step = (r + 1) * per_round + task
                block = block_at(step % num_blocks, num_blocks, per_round)
                _forget_counts(rounds, 1 - half, task, (r + 2) % 3)
                n = plan_block(state, thread, 1 - half, task, step // num_blocks, block, rounds)
                rounds.num_rows[1 - half, task] = n
                _count_rows(rounds, 1 - half, task, (r + 1) % 3, num_threads)
            else:
                break
        passed = wait_for_all(barrier, num_threads, passed)
        if thread == 0:
            rounds.tasks[(r + 2) % 3, 0] = 0  # nobody takes from the round after next yet
            _report(rounds, here)
        lr = lr_start - (lr_start - lr_end) * (max(r, 0) * per_round / all_blocks)
        _merge(rounds, thread, num_threads, here, lr)
        end_round(state, thread, num_threads, half, here, lr, rounds)
        passed = wait_for_all(barrier, num_threads, passed)
        if rounds.control[STOPPED] != 0:
            break


@inline
def _report(rounds, here):
    """Add this round's losses in block order; take the request to stop, once for all threads."""
    control = rounds.control
    for b in range(here):
        control[LOSS] += np.int64(rounds.losses[b, 0] / LOSS_UNIT)
        control[PAIRS] += np.int64(rounds.losses[b, 1])
    control[DONE_BLOCKS] += here
    control[STOPPED] = control[STOP]


@inline
def _forget_counts(rounds, half, slot, of):
    """Clear the counts of the block that was planned into this place two rounds ago."""
    rows, touched = rounds.rows[half, slot], rounds.touched[of]
    for s in range(rounds.num_rows[half, slot]):
        if touched[rows[s]] < HOT:
            touched[rows[s]] = 0


@inline
def _count_rows(rounds, half, slot, of, num_threads):
    rows, touched = rounds.rows[half, slot], rounds.touched[of]
    base = np.int64(touched.ctypes.data)
    for s in range(rounds.num_rows[half, slot]):
        if touched[rows[s]] < HOT:
            if num_threads > 1:
                count_up(base + np.int64(rows[s]))
            else:
                touched[rows[s]] += 1


@jit
def _place_rows(rounds, thread, half, slot, of):
    """Decide where the block finds each row: in the table, or in a copy if others touch it too."""
    rows, visits, touched = rounds.rows[half, slot], rounds.visits[half, slot], rounds.touched[of]
    copied, copied_visits = rounds.copied[slot], rounds.copied_visits[slot]
    address = rounds.address[thread]
    row_bytes = rounds.table.shape[1] * 4
    table = np.int64(rounds.table.ctypes.data)
    copies = np.int64(rounds.copies[slot].ctypes.data)
    num_rows = rounds.num_rows[half, slot]
    n = 0
    for s in range(num_rows):
        if s + _COPY_AHEAD < num_rows:
            _prefetch_row(table + np.int64(rows[s + _COPY_AHEAD]) * row_bytes, row_bytes)
        row = np.int64(rows[s])
        address[s] = table + row * row_bytes
        if touched[row] > 1:
            copy = copies + n * row_bytes
            _copy_row(copy, address[s], row_bytes)
            address[s] = copy
            copied[n] = row
            copied_visits[n] = visits[s]
            n += 1
    rounds.num_copied[slot] = n


@inline
def _prefetch_row(address, row_bytes):
    for k in range(0, row_bytes, 64):
        prefetch(address + k)


@inline
def _exp_minus(x):
    """exp(-x) for x >= 0 by products alone: a library's exp may differ between machines."""
    t = x / 1024
    p = 1.0 - t * (1.0 - t * (0.5 - t * (1.0 / 6 - t / 24)))
    for _ in range(10):
        p *= p
    return p


@inline
def merge_factor(rule, strength, lr, blocks, visits):
    """Return what part of the summed moves of a row is applied (see the top of this file)."""
    if rule == SUM:
        return 1.0
    if rule == AVERAGE:
        return 1.0 / blocks
    a = lr * strength * visits
    if a < 0.02:  # the first terms of the series, where the quotient would lose digits
        return 1.0 - a * (1.0 - 1.0 / blocks) / 2
    if a > 500.0:
        a = 500.0
    return (1.0 - _exp_minus(a)) / (blocks * (1.0 - _exp_minus(a / blocks)))


def merge_factor_reference(
    rule: int, strength: float, lr: float, blocks: int, visits: int
) -> float:
    """`merge_factor` as the formula at the top of this file has it.

    Args:
        rule: `SUM`, `AVERAGE` or `CONTRACTION`.
        strength: c of the contraction.
        lr: Learning rate of the round.
        blocks: How many blocks moved the row, k.
        visits: How often they visited it, all together, N.

    Returns:
        What part of the summed moves is applied, in (0, 1].
    """
    if rule == SUM:
        return 1.0
    if rule == AVERAGE:
        return 1.0 / blocks
    a = min(lr * strength * visits, 500.0)
    if a == 0:
        return 1.0
    return float(np.expm1(-a) / (blocks * np.expm1(-a / blocks)))


@jit
def _merge(rounds, thread, num_threads, blocks, lr):
    """Merge the copies of those rows that fall to this thread."""
    merging, head, following = rounds.merging[thread], rounds.head, rounds.following
    visits = rounds.copied_visits.reshape(-1)
    ends, rules, strengths = rounds.table_ends, rounds.merge_rule, rounds.merge_strength
    row_bytes = rounds.table.shape[1] * 4
    table, copies = np.int64(rounds.table.ctypes.data), np.int64(rounds.copies.ctypes.data)
    total = np.int64(rounds.total[thread].ctypes.data)
    count = _chain_copies(rounds, merging, thread, num_threads, blocks)
    for i in range(count):
        if i + _MERGE_AHEAD < count:
            row = np.int64(merging[i + _MERGE_AHEAD])
            _prefetch_row(table + row * row_bytes, row_bytes)
            copy = np.int64(head[row])
            while copy >= 0:
                _prefetch_row(copies + copy * row_bytes, row_bytes)
                copy = np.int64(following[copy])
        row = np.int64(merging[i])
        target, copy = table + row * row_bytes, np.int64(head[row])
        head[row] = -1
        if following[copy] < 0:  # one block after all (a hot row): its copy is the row
            _copy_row(target, copies + copy * row_bytes, row_bytes)
            continue
        seen, touching = np.int64(0), 0
        while copy >= 0:
            _add_move(total, copies + copy * row_bytes, target, row_bytes)
            seen += visits[copy]
            touching += 1
            copy = np.int64(following[copy])
        t = 0
        while ends[t] <= row:
            t += 1
        factor = merge_factor(rules[t], strengths[t], lr, touching, seen)
        _apply(target, total, np.float32(factor), row_bytes)


@inline
def _copy_row(to, source, row_bytes):
    for k in range(0, row_bytes, VECTOR_BYTES):
        store(to + k, load(source + k))


@inline
def _add_move(total, moved, target, row_bytes):
    for k in range(0, row_bytes, VECTOR_BYTES):
        store(total + k, add(load(total + k), sub(load(moved + k), load(target + k))))


@inline
def _apply(target, total, factor, row_bytes):
    part = splat(factor)
    for k in range(0, row_bytes, VECTOR_BYTES):
        store(target + k, fma(part, load(total + k), load(target + k)))
        store(total + k, zero())


@inline
def thread_of(row, num_threads):
    """Return which thread merges a row, by a hash."""
    spread = np.uint64(np.uint32(row)) * np.uint64(0x9E3779B1) & np.uint64(0xFFFFFFFF)
    return np.int64((spread * np.uint64(num_threads)) >> np.uint64(32))


@inline
def _chain_copies(rounds, merging, thread, num_threads, blocks):
    """Link the copies of each row, first block first; list the rows. A hash shares rows out."""
    head, following = rounds.head, rounds.following
    capacity = rounds.copied.shape[1]
    count = 0
    for b in range(blocks - 1, -1, -1):
        copied = rounds.copied[b]
        for n in range(rounds.num_copied[b]):
            row = copied[n]
            if num_threads > 1 and thread_of(row, num_threads) != thread:
                continue
            if head[row] < 0:
                merging[count] = row
                count += 1
            following[b * capacity + n] = head[row]
            head[row] = b * capacity + n
    return count
