"""The rounds of `kernels/rounds.py` in plain NumPy: the definition of right, and the slow way.

Tests compare the compiled rounds with these; where Numba is missing, training runs them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

from ..kernels.rounds import block_at_reference, merge_factor_reference
from ..types import Floats
from .objective import MERGE_RULES, Objective
from .trainer import Progress, Trained, check_finite, split_tables


def run_rounds_reference(
    objective: Objective,
    table: Floats,
    *,
    epochs: int,
    lr: float,
    lr_end: float,
    report: Callable[[int, float, int], None] | None = None,
) -> tuple[float, int]:
    """Train all rounds.

    Args:
        objective: What is learned.
        table: (rows, dim) float32, the stacked table with its first values, changed in place.
        epochs: Passes over the corpus.
        lr: Learning rate of the first block.
        lr_end: The rate it falls to.
        report: Called after each round with blocks done, summed loss and number of scores.

    Returns:
        Summed loss in nats, and the number of scores.
    """
    num_blocks, per_round = len(objective.blocks), objective.blocks.per_round
    all_blocks = num_blocks * epochs
    loss, pairs = 0.0, 0
    for first in range(0, all_blocks, per_round):
        steps = range(first, min(first + per_round, all_blocks))
        plans = [
            objective.plan_reference(
                step // num_blocks, block_at_reference(step % num_blocks, num_blocks, per_round)
            )
            for step in steps
        ]
        rates = [lr - (lr - lr_end) * (step / all_blocks) for step in steps]
        moved = [
            _train_apart(objective, plan, visits, table, rate)
            for (plan, visits), rate in zip(plans, rates, strict=True)
        ]
        _merge(objective, table, [visits for _, visits in plans], [m[0] for m in moved], rates[0])
        loss += sum(m[1] for m in moved)
        pairs += sum(m[2] for m in moved)
        if report is not None:
            report(steps[-1] + 1, loss, pairs)
    return loss, pairs


def train_plainly(
    objective: Objective,
    num_tokens: int,
    *,
    epochs: int,
    lr: float,
    lr_end: float,
    report: Callable[[Progress], None] | None = None,
) -> Trained:
    """What `Trainer(...).run()` does, without Numba and some hundred times slower.

    Args:
        objective: What is learned.
        num_tokens: Tokens of the corpus.
        epochs: Passes over the corpus.
        lr: Learning rate of the first block.
        lr_end: The rate it falls to.
        report: Called after each round.
    """
    started = time.perf_counter()
    table = np.zeros((sum(t.num_rows for t in objective.tables), objective.dim), np.float32)
    objective.initialise(table)
    all_blocks = len(objective.blocks) * epochs

    def tell(blocks: int, loss: float, pairs: int) -> None:
        if report is not None:
            done, seconds = blocks / all_blocks, time.perf_counter() - started
            tokens = done * num_tokens * epochs
            report(
                Progress(
                    round(tokens), num_tokens * epochs, loss / max(pairs, 1),
                    lr - (lr - lr_end) * done, tokens / seconds, seconds * (1 - done) / done,
                )
            )  # fmt: skip

    loss, pairs = run_rounds_reference(
        objective, table, epochs=epochs, lr=lr, lr_end=lr_end, report=tell
    )
    check_finite(table, lr)
    seconds = time.perf_counter() - started
    tables = split_tables(objective, table)
    return Trained(tables, loss / max(pairs, 1), pairs, seconds, objective.blocks.per_round)


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
        factor = merge_factor_reference(
            MERGE_RULES[spec.merge], spec.strength, lr, len(blocks), seen
        )
        total = np.zeros_like(table[row])
        for b in blocks:
            total += moved[b][row] - table[row]
        table[row] += np.float32(factor) * total
