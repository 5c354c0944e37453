"""More rows for a table that is being trained, and for what an optimiser of torch keeps of it."""

from __future__ import annotations

import torch
from torch import Tensor


def with_new_rows(table: Tensor, n: int) -> Tensor:
    """Return a copy of a table (num_embeddings, dim) with `n` more rows, drawn like the first."""
    new = torch.nn.init.normal_(table.new_empty(n, table.shape[1]))
    return torch.cat([table, new])


def grow_state(optimizer: torch.optim.Optimizer, weight: Tensor, old_rows: int) -> None:
    """Give the new rows of `weight` the state that they would have without any step so far.

    That is zero, but for Adagrad's sums, which begin at `initial_accumulator_value`. A step count
    for the whole table stays: Adam's bias correction then takes new rows for old ones, which makes
    their first steps shorter.

    Args:
        optimizer: Any of torch's whose state for a table has one row for each of its rows.
        weight: (num_embeddings, dim), already with its new rows.
        old_rows: Rows that it had.
    """
    state = optimizer.state.get(weight, {})
    for name, value in state.items():
        if isinstance(value, Tensor) and value.dim() > 0 and value.shape[0] == old_rows:
            start = _initial(optimizer, weight) if name == "sum" else 0.0
            new = value.new_full((weight.shape[0] - old_rows, *value.shape[1:]), start)
            state[name] = torch.cat([value, new])


def _initial(optimizer: torch.optim.Optimizer, weight: Tensor) -> float:
    for group in optimizer.param_groups:
        if any(parameter is weight for parameter in group["params"]):
            return float(group.get("initial_accumulator_value", 0.0))
    return 0.0
