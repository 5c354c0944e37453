"""The network of the text classifier."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ..nn import Embedding
from .device import Dropout


class PooledNetwork(torch.nn.Module):
    """Scores of classes: embedding, the mean of a text's rows or all of them joined, linear.

    Args:
        num_embeddings: Tokens of the vocabulary.
        dim: Length of a token's row.
        outputs: Scores of a text.
        pad_id: The token that fills up short texts; its row is zero and stays so.
        length: Tokens of a text, where rows are joined; None: their mean is taken.
        dropout: Share of the pooled numbers dropped in training.

    Shape:
        Ids (batch, length) int64 and, if given, mask (batch, length) bool, true for tokens of a
        text; out (batch, outputs), before sigmoid or softmax.
    """

    def __init__(
        self,
        num_embeddings: int,
        dim: int,
        outputs: int,
        *,
        pad_id: int,
        length: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = Embedding(num_embeddings, dim, padding_idx=pad_id)
        self.linear = torch.nn.Linear(dim * (length or 1), outputs)
        self.dropout = Dropout(dropout)
        self.length, self.pad_id = length, pad_id

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the scores of each text."""
        if mask is None:
            mask = ids != self.pad_id
        return self.scores(self.embedding(ids), mask)

    def scores(self, rows: Tensor, mask: Tensor) -> Tensor:
        """Likewise, of rows that were looked up: (batch, length, dim)."""
        rows = rows * mask[..., None]
        if self.length is not None:
            pooled = rows.flatten(1)
        else:
            pooled = rows.sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp(min=1)
        out: Tensor = self.linear(self.dropout(pooled))
        return out


def loss_of(scores: Tensor, targets: Tensor, weights: Tensor | None, *, several: bool) -> Tensor:
    """Return the mean loss of texts, nats.

    Args:
        scores: (batch, outputs): one a text where there are two classes, else one a class.
        targets: (batch,) int64, the class of each; with `several` (batch, classes) float.
        weights: (classes,) How much a text of each class counts: their mean is a weighted one, as
            in torch.nn.CrossEntropyLoss. With `several`: what the loss of a label that a text has
            is multiplied by, as `pos_weight` of torch.nn.BCEWithLogitsLoss.
        several: Whether a text may have several labels.
    """
    if several:
        return F.binary_cross_entropy_with_logits(scores, targets, pos_weight=weights)
    if scores.shape[1] > 1:
        return F.cross_entropy(scores, targets, weight=weights)
    answers = targets.to(scores.dtype)
    if weights is None:
        return F.binary_cross_entropy_with_logits(scores[:, 0], answers)
    each = F.binary_cross_entropy_with_logits(scores[:, 0], answers, reduction="none")
    return (each * weights[targets]).sum() / weights[targets].sum()
