"""Training the rows that a step looks up, and no others."""

from __future__ import annotations

from torch import Tensor

from ..nn import Embedding
from ..nn.optim import RowOptimizer


def touched(weight: Tensor, rule: RowOptimizer, padding_idx: int | None = None) -> Embedding:
    """Return a layer over the memory of `weight`, of which `rule` moves the rows looked up.

    The layer that owns `weight` sees them move, and stays a plain one: what `rule` remembers goes
    with the training.
    """
    num_embeddings, dim = weight.shape
    return Embedding(num_embeddings, dim, padding_idx, _weight=weight.detach(), optimizer=rule)
