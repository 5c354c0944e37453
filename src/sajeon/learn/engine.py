"""What trains rounds: compiled threads, or plain NumPy where Numba or the kernels are missing.

Both work on a stacked table and share one int64 array with the trainer, which reads progress from
it and writes the wish to stop into it (`kernels/rounds.py`).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ..kernels import rounds as r
from ..kernels.simd import aligned_zeros, padded
from ..kernels.threads import BARRIER_SIZE
from ..types import Array, Floats
from .objective import MERGE_RULES, CompiledObjective
from .schedule import Schedule


class Engine(Protocol):
    """Trains the rounds of one training.

    Attributes:
        threads: How many threads call `run`.
        table: (rows, stride) float32. All tables of the objective, stacked; `stride` >= dim.
        control: (`CONTROL_SIZE`,) int64. Progress out, the wish to stop in.
    """

    threads: int
    table: Floats
    control: Array

    def prepare(self) -> None:
        """Do what would disturb the clock: compile."""

    def begin(self, first: int) -> None:
        """Get ready to run from round `first` on; no thread runs."""

    def run(self, thread: int, first: int, last: int) -> None:
        """Run rounds `first` to `last` (exclusive), or fewer if `control` says stop."""


class CompiledEngine:
    """Runs `kernels/rounds.py` in as many threads as there are; the result does not depend on it.

    Args:
        objective: What is learned.
        schedule: Epochs and learning rate.
        threads: How many.
    """

    def __init__(self, objective: CompiledObjective, schedule: Schedule, threads: int) -> None:
        self.threads = min(threads, objective.blocks.per_round)
        self._schedule = schedule
        self._num_blocks = len(objective.blocks)
        self._arrays = _allocate(objective, self.threads)
        self._state = objective.make_state(self.threads)
        self.table, self.control = self._arrays.table, self._arrays.control

    def prepare(self) -> None:
        """Compile, or load what was compiled."""
        self._run(0, 1, 0, 0)

    def begin(self, first: int) -> None:
        """Forget what was planned for a round that did not come."""
        arrays = self._arrays
        arrays.barrier[:], arrays.tasks[:], arrays.num_rows[:] = 0, 0, 0
        arrays.touched[arrays.touched < r.HOT] = 0

    def run(self, thread: int, first: int, last: int) -> None:
        """Run rounds as one of the threads."""
        self._run(thread, self.threads, first, last)

    def _run(self, thread: int, threads: int, first: int, last: int) -> None:
        schedule = self._schedule
        r.run_rounds(
            self._state, self._arrays, thread, threads, first, last, self._num_blocks,
            schedule.epochs, schedule.lr, schedule.lr_end,
        )  # fmt: skip


def _allocate(objective: CompiledObjective, threads: int) -> r.Rounds:
    """Allocate the shared arrays. Memory that no block reaches is never touched, so never used."""
    per_round, capacity = objective.blocks.per_round, objective.row_capacity
    assert per_round <= r.MOST_PER_ROUND  # or a touch count could reach HOT
    num_rows = sum(table.num_rows for table in objective.tables)
    stride = padded(objective.dim)
    touched = np.zeros((3, num_rows), np.uint8)
    first = 0
    for table in objective.tables:
        touched[:, first : first + min(table.hot_rows, table.num_rows)] = r.HOT
        first += table.num_rows
    copies = aligned_zeros(per_round * capacity, stride).reshape(per_round, capacity, stride)
    return r.Rounds(
        table=aligned_zeros(num_rows, stride),
        merge_rule=np.array([MERGE_RULES[table.merge] for table in objective.tables], np.int64),
        merge_strength=np.array([table.strength for table in objective.tables], np.float64),
        table_ends=np.cumsum([table.num_rows for table in objective.tables], dtype=np.int64),
        rows=np.zeros((2, per_round, capacity), np.int32),
        visits=np.zeros((2, per_round, capacity), np.int32),
        num_rows=np.zeros((2, per_round), np.int64),
        touched=touched,
        copies=copies,
        copied=np.zeros((per_round, capacity), np.int32),
        copied_visits=np.zeros((per_round, capacity), np.int32),
        num_copied=np.zeros(per_round, np.int64),
        address=np.zeros((threads, capacity), np.int64),
        head=np.full(num_rows, -1, np.int32),
        following=np.zeros(per_round * capacity, np.int32),
        merging=np.zeros((threads, per_round * capacity), np.int32),
        total=aligned_zeros(threads, stride),
        losses=np.zeros((per_round, 2), np.float64),
        tasks=np.zeros((3, 8), np.int64),
        barrier=np.zeros(BARRIER_SIZE, np.int64),
        control=np.zeros(r.CONTROL_SIZE, np.int64),
    )
