"""Bags of rows that are updated as they are touched: sums and means at once, the rest by parts."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from . import checks, compiled
from .portable import working_dtype
from .rowlookup import node, one_by_frequency, rows_of
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
        return node(_Bags, layer.optimizer.anchor, ids, offsets, per_sample_weights, layer)
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
        fetched: tuple[Tensor, Tensor | None, Tensor | None] | None = None
        if compiled.can(table) and _is_common(layer, ids, offsets, per_sample_weights):
            fetched = compiled.fetch_bags(
                table,
                ids,
                offsets,
                layer.include_last_offset,
                per_sample_weights,
                optimizer.skipped,
                layer.mode == "mean",
            )
        if fetched is None:
            given = ids, offsets, per_sample_weights, layer.padding_idx
            fetched = plain(layer, table.detach(), *given), None, None
        ctx.save_for_backward(ids, offsets, per_sample_weights)
        ctx.set_materialize_grads(False)
        ctx.optimizer, ctx.mode, ctx.by_frequency = optimizer, layer.mode, layer.scale_grad_by_freq
        ctx.ends_with_total = layer.include_last_offset
        out, ctx.source, ctx.share = fetched
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        ids, offsets, weights = ctx.saved_tensors
        grad = grads[0]
        if grad is None:
            return None, None, None, None, None
        source = ctx.source
        if source is None:
            source = _bag_of_each(ids, offsets, ctx.ends_with_total)
        elif ctx.ends_with_total and offsets is not None:
            source = source[: int(offsets[-1])]  # what lies behind is in no bag
        used = source.numel()
        ids = ids.reshape(-1)[:used]
        scale = ctx.share if weights is None else weights.reshape(-1)
        if scale is not None:
            scale = scale[:used]
        elif ctx.mode == "mean":
            scale = _shares(ids, source, len(grad), ctx.optimizer.padding_idx).to(grad.dtype)
        if ctx.by_frequency:
            parts = one_by_frequency(ids, working_dtype(ctx.optimizer.bound()))
            scale = parts if scale is None else scale * parts
        Stash.of(ctx.optimizer).lookups.append(Lookups(ids, grad, source, scale))
        return None, None, None, None, None


def _is_common(layer: Any, ids: Tensor, offsets: Tensor | None, weights: Tensor | None) -> bool:
    """Return whether the kernel takes these bags. What torch refuses is left to torch's words."""
    if not ids.is_cpu or (weights is not None and not _weighs(weights, layer, ids)):
        return False
    if offsets is None:
        return ids.dim() == 2 and ids.size(1) > 0
    return (
        ids.dim() == 1
        and offsets.dim() == 1
        and offsets.numel() > 0
        and offsets.is_cpu
        and offsets.dtype in (torch.int64, torch.int32)
    )


def _weighs(weights: Tensor, layer: Any, ids: Tensor) -> bool:
    return (
        layer.mode == "sum"
        and weights.is_cpu
        and weights.dtype is torch.float32
        and weights.shape == ids.shape
    )


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


def _shares(ids: Tensor, source: Tensor, bags: int, padding_idx: int | None) -> Tensor:
    """Return one over how many ids of its bag are no padding, for each id: (lookups,) float64."""
    counted = source if padding_idx is None else source[ids != padding_idx]
    sizes = counted.bincount(minlength=bags).clamp(min=1)
    shares: Tensor = sizes.double().reciprocal()[source]
    return shares
