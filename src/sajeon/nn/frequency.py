"""Bags with `scale_grad_by_freq`: torch's function with its gradient put right."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


def embedding_bag_by_frequency(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None,
    max_norm: float | None,
    norm_type: float,
    mode: str,
    sparse: bool,
    per_sample_weights: Tensor | None,
    include_last_offset: bool,
    padding_idx: int | None,
) -> Tensor:
    """Return `F.embedding_bag` with ``scale_grad_by_freq=True``, and a right gradient.

    The gradient of a row is divided by how often its id stands in `input`. torch's kernels for a
    dense gradient on the CPU divide by another number
    (https://github.com/pytorch/pytorch/issues/190063); all other cases are left to torch.

    Args:
        input: (total,) or (batch, length) ids.
        weight: (num_embeddings, dim)
        offsets: (batch,) or None.
        max_norm: As in `F.embedding_bag`, like all that follow.
        norm_type: Of `max_norm`.
        mode: "sum", "mean" or "max".
        sparse: Whether the gradient is a sparse tensor.
        per_sample_weights: The shape of `input`, or None.
        include_last_offset: Whether the last offset is the number of ids.
        padding_idx: Id that counts for nothing, or None.

    Returns:
        (batch, dim), to the bit what torch returns.
    """
    trained = weight.requires_grad and torch.is_grad_enabled()
    wrong = weight.device.type == "cpu" and not sparse and (mode == "sum" or mode == "mean")
    if trained and wrong and not input.is_nested and input.dtype in (torch.int64, torch.int32):
        if max_norm is not None:
            torch.embedding_renorm_(weight.detach(), input.reshape(-1), max_norm, norm_type)
        return _bags_of_rows(
            input, weight, offsets, mode, per_sample_weights, include_last_offset, padding_idx
        )
    return F.embedding_bag(
        input,
        weight,
        offsets,
        max_norm,
        norm_type,
        True,
        mode,
        sparse,
        per_sample_weights,
        include_last_offset,
        padding_idx,
    )


def _bags_of_rows(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None,
    mode: str,
    per_sample_weights: Tensor | None,
    include_last_offset: bool,
    padding_idx: int | None,
) -> Tensor:
    """Take the rows out one for each id, then make bags of those.

    `F.embedding` counts right, so it does the first step. The second adds the same numbers in the
    same order as torch's layer. The price is a copy of the rows, (total, dim).
    """
    ids = input.reshape(-1)
    places = torch.arange(ids.shape[0], dtype=ids.dtype, device=ids.device)
    padding_place: int | None = None
    if padding_idx is not None:  # a row more, to which all padding points
        padding_place = ids.shape[0]
        places = torch.where(ids == padding_idx, padding_place, places)
        ids = torch.cat([ids, torch.full([1], padding_idx, dtype=ids.dtype, device=ids.device)])
    rows = F.embedding(ids, weight, padding_idx, scale_grad_by_freq=True)
    return F.embedding_bag(
        places.reshape(input.shape),
        rows,
        offsets,
        mode=mode,
        per_sample_weights=per_sample_weights,
        include_last_offset=include_last_offset,
        padding_idx=padding_place,
    )
