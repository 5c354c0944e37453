"""Bags of rows that are updated as they are touched: sums and means at once, the rest by parts."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from . import checks, compiled
from .portable import working_dtype
from .rowlookup import one_by_frequency, rows_of
from .stash import Lookups, Stash


def plain(
    layer: Any,
    weight: Tensor,
    ids: Tensor,
    offsets: Tensor | None,
    per_sample_weights: Tensor | None,
    padding_idx: int | None = None,
) -> Tensor:
    """Return torch's bags of `ids` in `weight`, which may be a part of the table: (batch, dim)."""
    try:
        return F.embedding_bag(
            ids,
            weight,
            offsets,
            mode=layer.mode,
            scale_grad_by_freq=layer.scale_grad_by_freq and layer.mode == "max",  # is refused
            per_sample_weights=per_sample_weights,
            include_last_offset=layer.include_last_offset,
            padding_idx=padding_idx,
        )
    except checks.REFUSALS as error:
        raise checks.explained(error, ids, len(weight)) from None


def trained(
    layer: Any, ids: Tensor, offsets: Tensor | None, per_sample_weights: Tensor | None
) -> Tensor:
    """Return the bags, of which a backward stashes the gradient: (batch, dim).

    Where a maximum is taken, or the weights want a gradient, the distinct rows are looked up as a
    small table, on which torch's own layer works.
    """
    weighted = per_sample_weights is not None and per_sample_weights.requires_grad
    if layer.mode in ("sum", "mean") and not weighted:
        bags: Tensor = _Bags.apply(layer.optimizer.anchor, ids, offsets, per_sample_weights, layer)  # type: ignore[no-untyped-call]
        return bags
    checks.check_ids(ids, len(layer.weight), "embedding_bag")
    rows, place, counts = torch.unique(ids, return_inverse=True, return_counts=True)
    dtype = working_dtype(layer.weight)
    scale = counts.to(dtype).reciprocal() if layer.scale_grad_by_freq else None
    padding = None
    if layer.padding_idx is not None:
        found = (rows == layer.padding_idx).nonzero()
        padding = int(found[0]) if len(found) else None
    small = rows_of(layer.optimizer, rows, scale)
    if offsets is not None:
        offsets = offsets.to(place.dtype)
    return plain(layer, small, place, offsets, per_sample_weights, padding)


class _Bags(torch.autograd.Function):
    """Sums or means in the graph: the gradient of a bag is that of each of its rows."""

    @staticmethod
    def forward(
        ctx: Any,
        anchor: Tensor,
        ids: Tensor,
        offsets: Tensor | None,
        per_sample_weights: Tensor | None,
        layer: Any,
    ) -> Tensor:
        optimizer = layer.optimizer
        table = optimizer.bound()
        bounds = bounds_of(layer, ids, offsets, per_sample_weights) if compiled.can(table) else None
        source = sizes = None
        if bounds is None:
            given = ids, offsets, per_sample_weights, layer.padding_idx
            out = plain(layer, table.detach(), *given)
        else:
            scale = None if per_sample_weights is None else per_sample_weights.reshape(-1)
            out, source, sizes = compiled.fetch_bags(
                table, ids, bounds, scale, optimizer.skipped, layer.mode == "mean"
            )
        ctx.save_for_backward(ids, offsets, per_sample_weights)
        ctx.set_materialize_grads(False)
        ctx.optimizer, ctx.mode, ctx.by_frequency = optimizer, layer.mode, layer.scale_grad_by_freq
        ctx.source, ctx.sizes, ctx.ends_with_total = source, sizes, layer.include_last_offset
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        ids, offsets, weights = ctx.saved_tensors
        grad = grads[0]
        if grad is None:
            return None, None, None, None, None
        source, sizes = ctx.source, ctx.sizes
        if source is None:
            source = _bag_of_each(ids, offsets, ctx.ends_with_total)
        elif ctx.ends_with_total and offsets is not None:
            source = source[: int(offsets[-1])]  # what lies behind is in no bag
        ids = ids.reshape(-1)
        scale = None if weights is None else weights.reshape(-1)
        if len(ids) > len(source):
            ids, scale = ids[: len(source)], None if scale is None else scale[: len(source)]
        if ctx.mode == "mean":
            if sizes is None:
                sizes = _sizes(ids, source, len(grad), ctx.optimizer.padding_idx)
            grad = grad / sizes.clamp(min=1).to(grad.dtype)[:, None]
        if ctx.by_frequency:
            parts = one_by_frequency(ids, working_dtype(ctx.optimizer.bound()))
            scale = parts if scale is None else scale * parts
        Stash.of(ctx.optimizer).lookups.append(Lookups(ids, grad, source, scale))
        return None, None, None, None, None


def bounds_of(
    layer: Any, ids: Tensor, offsets: Tensor | None, per_sample_weights: Tensor | None
) -> Tensor | None:
    """Return (bags + 1,) int64, where the bags begin and end; None: torch shall look at it.

    What torch refuses is left to torch, whose words are known. So is all that is not on the CPU.
    """
    weights = per_sample_weights
    if not (ids.is_cpu and (offsets is None or offsets.is_cpu)):
        return None
    if weights is not None and (
        weights.shape != ids.shape
        or weights.dtype != layer.weight.dtype
        or not weights.is_cpu
        or layer.mode != "sum"
    ):
        return None
    if ids.dim() == 2 and offsets is None and ids.shape[1] > 0:
        return torch.arange(0, ids.numel() + 1, ids.shape[1])
    if ids.dim() != 1 or offsets is None or offsets.dim() != 1 or len(offsets) == 0:
        return None
    if offsets.dtype not in (torch.int64, torch.int32):
        return None
    bounds = offsets.to(torch.int64)
    if not layer.include_last_offset:
        bounds = torch.cat([bounds, bounds.new_tensor([len(ids)])])
    rising = bool((bounds[1:] >= bounds[:-1]).all())
    fits = int(bounds[0]) == 0 and int(bounds[-1]) <= len(ids)
    return bounds.contiguous() if rising and fits else None


def _bag_of_each(ids: Tensor, offsets: Tensor | None, ends_with_total: bool) -> Tensor:
    """Return which bag each id is in: (total,) int64, less what lies behind the last bag."""
    if offsets is None:
        batch, length = ids.shape
        return torch.arange(batch, device=ids.device).repeat_interleave(length)
    ends = offsets[1:].to(torch.int64)
    if not ends_with_total:
        ends = torch.cat([ends, ends.new_full((min(1, len(offsets)),), len(ids))])
    sizes = ends - offsets[: len(ends)]
    return torch.arange(len(sizes), device=ids.device).repeat_interleave(sizes)


def _sizes(ids: Tensor, source: Tensor, bags: int, padding_idx: int | None) -> Tensor:
    """Return how many ids each bag has that are no padding: (batch,)."""
    counted = source if padding_idx is None else source[ids != padding_idx]
    return counted.bincount(minlength=bags)
