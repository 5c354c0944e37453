"""The rounds of `kernels/rounds.py` in plain NumPy: the definition of right, and the slow way.

Tests compare the compiled rounds with these. Training runs them where Numba is missing, or where an
objective has no kernels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ..kernels import rounds as r
from ..types import Array, Floats
from .objective import MERGE_RULES, Objective
from .schedule import Schedule


def run_rounds_reference(
    objective: Objective, table: Floats, schedule: Schedule, first: int = 0
) -> Iterator[tuple[int, float, int]]:
    """Train all rounds from `first` on.

    Args:
        objective: What is learned.
        table: (rows, dim) float32, the stacked table, changed in place.
        schedule: Epochs and learning rate.
        first: The first round.

    Yields:
        After each round: blocks, summed loss in nats and number of scores of this round.
    """
    per_round, num_blocks = schedule.per_round, schedule.num_blocks
    for begin in range(first * per_round, schedule.total_blocks, per_round):
        steps = range(begin, min(begin + per_round, schedule.total_blocks))
        if len(steps) == 1:  # nobody to merge with
            block = r.block_at_reference(begin % num_blocks, num_blocks, per_round)
            plan, _ = objective.plan_reference(begin // num_blocks, block)
            result = objective.train_reference(plan, table, schedule.lr_at(begin))
            yield 1, result.loss, result.pairs
            continue
        plans = [
            objective.plan_reference(
                step // num_blocks, r.block_at_reference(step % num_blocks, num_blocks, per_round)
            )
            for step in steps
        ]
        moved = [
            _train_apart(objective, plan, visits, table, schedule.lr_at(step))
            for (plan, visits), step in zip(plans, steps, strict=True)
        ]
        visits = [visits for _, visits in plans]
        _merge(objective, table, visits, [m[0] for m in moved], schedule.lr_at(begin))
        yield len(steps), sum(m[1] for m in moved), sum(m[2] for m in moved)


class PlainEngine:
    """Trains without Numba, word2vec some hundred times slower; see `engine.Engine`."""

    threads = 1

    def __init__(self, objective: Objective, schedule: Schedule) -> None:
        self._objective, self._schedule = objective, schedule
        num_rows = sum(table.num_rows for table in objective.tables)
        self.table: Floats = np.zeros((num_rows, objective.dim), np.float32)
        self.control: Array = np.zeros(r.CONTROL_SIZE, np.int64)

    def prepare(self) -> None:
        """Do nothing: there is nothing to compile."""

    def begin(self, first: int) -> None:
        """Do nothing: nothing is planned ahead."""

    def run(self, thread: int, first: int, last: int) -> None:
        """Run rounds until the last, or until told to stop."""
        control = self.control
        rounds = run_rounds_reference(self._objective, self.table, self._schedule, first)
        for blocks, loss, pairs in rounds:
            control[r.LOSS] += int(loss / r.LOSS_UNIT)
            control[r.PAIRS] += pairs
            control[r.DONE_BLOCKS] += blocks
            if control[r.STOP]:
                break


def _train_apart(
    objective: Objective, plan: object, visits: Mapping[int, int], table: Floats, lr: float
) -> tuple[dict[int, Floats], float, int]:
    """Train one block, and put the table back: return its rows as it would have them."""
    rows = np.array(sorted(visits), dtype=np.int64)
    before = table[rows].copy()
    result = objective.train_reference(plan, table, lr)
    after = dict(zip(rows.tolist(), table[rows].copy(), strict=True))
    table[rows] = before
    return after, result.loss, result.pairs


def _merge(
    objective: Objective,
    table: Floats,
    visits: list[Mapping[int, int]],
    moved: list[dict[int, Floats]],
    lr: float,
) -> None:
    """Merge what the blocks of a round made of each row, in the order of the blocks."""
    ends = np.cumsum([t.num_rows for t in objective.tables])
    for row in sorted(set().union(*visits)):
        blocks = [b for b, seen in enumerate(visits) if row in seen]
        if len(blocks) == 1:
            table[row] = moved[blocks[0]][row]
            continue
        spec = objective.tables[int(np.searchsorted(ends, row, side="right"))]
        seen = sum(visits[b][row] for b in blocks)
        factor = r.merge_factor_reference(
            MERGE_RULES[spec.merge], spec.strength, lr, len(blocks), seen
        )
        total = np.zeros_like(table[row])
        for b in blocks:
            total += moved[b][row] - table[row]
        table[row] += np.float32(factor) * total
