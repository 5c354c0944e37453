"""Steps of row optimisers in plain torch operations: any device, any floating dtype.

The reference of the compiled path as well: `compiled` has the same functions. float16 and bfloat16
tables are computed with in float32, and rounded when a row is written.

On a GPU the order of a sum is torch's: see ``torch.use_deterministic_algorithms``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..kernels.rows import ADAGRAD, ADAM, ROW_ADAGRAD, SGD
from .stash import Lookups


def working_dtype(weight: Tensor) -> torch.dtype:
    """Return what sums and states are kept in: float32, or float64 for such a table."""
    return torch.promote_types(weight.dtype, torch.float32)


@torch.no_grad()
def summed(
    weight: Tensor, lookups: Lookups, skipped: int, scratch: Any = None
) -> tuple[Tensor, Tensor]:
    """Sum the gradients of each distinct row.

    Args:
        weight: (num_embeddings, dim) The table; not read.
        lookups: Rows and gradients.
        skipped: A row that is left out, -1: none.
        scratch: Not used here.

    Returns:
        (distinct rows,) int64 and (distinct rows, dim) in the working dtype.
    """
    ids, scale = lookups.ids.to(torch.int64), lookups.scale
    source = lookups.source
    if skipped >= 0:
        kept = (ids != skipped).nonzero()[:, 0]
        ids = ids[kept]
        source = kept if source is None else source[kept]
        scale = None if scale is None else scale[kept]
    dtype = working_dtype(weight)
    grads = lookups.grads if source is None else lookups.grads.index_select(0, source)
    grads = grads.to(dtype)
    if scale is not None:
        grads = grads * scale.to(dtype)[:, None]
    rows, place = torch.unique(ids, return_inverse=True)
    return rows, grads.new_zeros(len(rows), weight.shape[1]).index_add_(0, place, grads)


@torch.no_grad()
def update(
    rule: int,
    settings: tuple[float, float, float, float, float],
    weight: Tensor,
    states: Sequence[Tensor],
    lookups: Lookups,
    skipped: int,
    scratch: Any = None,
) -> None:
    """Move the rows that were looked up, by the equations of `kernels.rows.update_rows_reference`.

    Args:
        rule: Which equation.
        settings: ``step, eps, rate, second_rate, keep``.
        weight: (num_embeddings, dim), changed.
        states: As many as the rule has, each (num_embeddings, dim) or (num_embeddings,); changed.
        lookups: Rows and gradients.
        skipped: A row that is left out, -1: none.
        scratch: Not used here.
    """
    rows, g = summed(weight, lookups, skipped)
    step, eps, rate, second_rate, keep = settings
    old = [state.index_select(0, rows) for state in states]
    w = weight.index_select(0, rows).to(g.dtype)
    if rule == SGD:
        w.add_(g, alpha=-step)
    elif rule == ADAGRAD:
        old[0].addcmul_(g, g)
        w.addcdiv_(g, old[0].sqrt().add_(eps), value=-step)
    elif rule == ROW_ADAGRAD:
        old[0] += g.square().mean(1) if g.shape[1] else 0
        w.addcdiv_(g, old[0].sqrt().add_(eps)[:, None], value=-step)
    elif rule == ADAM:
        old[0].add_(g - old[0], alpha=rate)
        old[1].add_(g * g - old[1], alpha=second_rate)
        w.mul_(keep).addcdiv_(old[0], old[1].sqrt().add_(eps), value=-step)
    weight.index_copy_(0, rows, w.to(weight.dtype))
    for state, new in zip(states, old, strict=True):
        state.index_copy_(0, rows, new)


def fetch(weight: Tensor, ids: Tensor) -> Tensor:
    """Return the row of each id: (..., dim)."""
    return torch.embedding(weight, ids)
