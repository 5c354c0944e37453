"""Layers whose rows are updated as they are touched: what `Embedding` and `EmbeddingBag` call.

A lookup here is a node of autograd's graph that hands its gradient to the optimiser's stash instead
of to ``weight.grad`` (see `stash`). Under `torch.compile` there is a break in the graph around it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from . import checks, rowbag
from .portable import working_dtype
from .rowlookup import fetch, one_by_frequency, rows_of
from .stash import expect

if TYPE_CHECKING:
    from torch.nn import Parameter

    from .rowoptimizer import RowOptimizer


_DISTRIBUTED = torch.distributed.is_available()


def lookup(layer: Any, ids: Tensor) -> Tensor:
    """Look one vector up per id; a backward through the answer updates the rows.

    Args:
        layer: An `Embedding` with an optimiser.
        ids: (...) int64 or int32.

    Returns:
        (..., dim), a new tensor.

    Raises:
        IndexError: An id is no row. Nothing was changed.
        RuntimeError: Ids of another dtype, a weight the optimiser does not know, or several
            processes that train together.
    """
    run = _lookup_while_compiling if torch.compiler.is_compiling() else _lookup
    return run(layer, ids)


def bag(
    layer: Any, ids: Tensor, offsets: Tensor | None, per_sample_weights: Tensor | None
) -> Tensor:
    """Return a sum, mean or maximum of rows for each bag; a backward through it updates the rows.

    Args:
        layer: An `EmbeddingBag` with an optimiser.
        ids: (total,) or (batch, length) int64 or int32.
        offsets: (batch,) or None.
        per_sample_weights: The shape of `ids`, or None.

    Returns:
        (batch, dim), a new tensor.

    Raises:
        RuntimeError: As for `lookup`; an id that is no row is a RuntimeError too, as in torch.
        ValueError: What torch refuses.
    """
    run = _bag_while_compiling if torch.compiler.is_compiling() else _bag
    return run(layer, ids, offsets, per_sample_weights)


def _lookup(layer: Any, ids: Tensor) -> Tensor:
    weight = _begin(layer, ids, "embedding")
    if not _trains(weight):
        return fetch(weight.detach(), ids)
    scale = None
    if layer.scale_grad_by_freq:
        scale = one_by_frequency(ids.reshape(-1), working_dtype(weight))
    return rows_of(layer.optimizer, ids, scale)


def _bag(
    layer: Any, ids: Tensor, offsets: Tensor | None, per_sample_weights: Tensor | None
) -> Tensor:
    weight = _begin(layer, ids, "embedding_bag")
    if not _trains(weight):
        detached, weights = weight.detach(), per_sample_weights
        return rowbag.plain(layer, detached, ids, offsets, weights, layer.padding_idx)
    return rowbag.trained(layer, ids, offsets, per_sample_weights)


# The optimiser has imported torch's compiler already, as all of torch do, so this costs nothing.
_eager: Callable[..., Any] = torch.compiler.disable
_lookup_while_compiling: Callable[..., Tensor] = _eager(_lookup)
_bag_while_compiling: Callable[..., Tensor] = _eager(_bag)


def _begin(layer: Any, ids: Tensor, what: str) -> Parameter:
    """Check what can be checked before anything is written; shorten rows for `max_norm`."""
    weight: Parameter = layer._parameters["weight"]  # `layer.weight` takes a microsecond
    optimizer: RowOptimizer = layer.optimizer
    if weight is not optimizer.weight:
        raise RuntimeError(
            "the layer's weight is not the Parameter that its optimiser updates: it was replaced, "
            "or torch.func.functional_call put another in its place. Assign to `weight.data` "
            "instead, or make the layer anew; functional calls need a layer without optimizer=."
        )
    well_formed = isinstance(ids, Tensor) and ids.dtype in (torch.int64, torch.int32)
    if not well_formed or checks.ALWAYS or layer.max_norm is not None:
        checks.check_ids(ids, len(weight), what)
    if layer.max_norm is not None and ids.numel():
        with torch.no_grad():
            torch.embedding_renorm_(
                weight.detach(), ids.contiguous(), layer.max_norm, layer.norm_type
            )
    expect(optimizer)
    return weight


def _trains(weight: Parameter) -> bool:
    if not (weight.requires_grad and torch.is_grad_enabled()):
        return False
    if _DISTRIBUTED and torch.distributed.is_initialized():
        _refuse_replicas(torch.distributed.get_world_size())
    return True


def _refuse_replicas(world: int) -> None:
    if world > 1:
        raise RuntimeError(
            f"optimizer= updates the table of this process alone, and {world} processes train "
            "together: their tables would drift apart. Train in one process, or make the layer "
            "with sparse=True and without optimizer=, and use an optimiser of torch with "
            "DistributedDataParallel, which averages sparse gradients."
        )
