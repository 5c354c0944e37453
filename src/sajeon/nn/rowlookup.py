"""The lookup as a node of autograd's graph, whose gradient goes to the optimiser's stash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from . import checks, compiled
from .stash import Lookups, Stash

if TYPE_CHECKING:
    from .rowoptimizer import RowOptimizer


def fetch(weight: Tensor, ids: Tensor) -> Tensor:
    """Return the rows of ids (..., dim), without a graph."""
    if ids.is_cpu and compiled.can(weight):
        return compiled.fetch(weight, ids)
    try:
        return torch.embedding(weight, ids)
    except checks.REFUSALS as error:
        raise checks.explained(error, ids, len(weight)) from None


def one_by_frequency(ids: Tensor, dtype: torch.dtype) -> Tensor:
    """Return one over how often each id stands in `ids`: (lookups,) of `dtype`."""
    _, place, counts = torch.unique(ids, return_inverse=True, return_counts=True)
    each: Tensor = counts.to(dtype).reciprocal()[place]
    return each


def rows_of(optimizer: RowOptimizer, ids: Tensor, scale: Tensor | None) -> Tensor:
    """Return the row of each id, of which a backward stashes the gradient.

    Args:
        optimizer: Of the table.
        ids: (...) int64 or int32.
        scale: (lookups,) What to multiply each gradient by.
    """
    return node(_Rows, optimizer.anchor, ids, optimizer, scale)


def node(function: type[torch.autograd.Function], *args: Any) -> Tensor:
    """Return ``function.apply(*args)``, without what torch does first for its transforms.

    That takes 12 µs, a fifth of a lookup's time in Python, and is for `torch.func` alone.
    """
    apply: Any = function.apply
    if not torch._C._are_functorch_transforms_active():
        apply = super(torch.autograd.Function, function).apply  # type: ignore[misc]
    out: Tensor = apply(*args)
    return out


class _Rows(torch.autograd.Function):
    """The lookup in the graph. What it has for input is the optimiser's anchor, not the weight."""

    @staticmethod
    def forward(
        ctx: Any, anchor: Tensor, ids: Tensor, optimizer: RowOptimizer, scale: Tensor | None
    ) -> Tensor:
        ctx.save_for_backward(ids)  # torch then notices ids that are changed before the backward
        ctx.optimizer, ctx.scale = optimizer, scale
        ctx.set_materialize_grads(False)
        return fetch(optimizer.bound(), ids)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (ids,), grad = ctx.saved_tensors, grads[0]
        if grad is not None:
            flat = grad if grad.dim() == 2 else grad.reshape(-1, grad.shape[-1])
            ids = ids if ids.dim() == 1 else ids.reshape(-1)
            Stash.of(ctx.optimizer).lookups.append(Lookups(ids, flat, None, ctx.scale))
        return None, None, None, None
