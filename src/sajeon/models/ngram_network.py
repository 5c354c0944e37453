"""The network of the n-gram language model."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ..nn import Embedding
from .device import Dropout


class NGramNetwork(torch.nn.Module):
    """Scores of the next token: embedding, the context's rows joined, linear, ReLU, linear.

    Bengio, Ducharme, Vincent and Jauvin, "A neural probabilistic language model", JMLR 3 (2003),
    equation 1, with ReLU for tanh and without direct connections.

    Args:
        num_embeddings: Tokens of the vocabulary.
        context: Tokens that predict the next.
        dim: Length of a token's row.
        hidden: Units of the hidden layer.
        dropout: Share of the joined rows and of the hidden units dropped in training.

    Shape:
        Ids (batch, context) int64; out (batch, num_embeddings), logarithms of probabilities.
    """

    def __init__(
        self, num_embeddings: int, context: int, dim: int, hidden: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.embedding = Embedding(num_embeddings, dim)
        self.hidden = torch.nn.Linear(context * dim, hidden)
        self.output = torch.nn.Linear(hidden, num_embeddings)
        self.dropout = Dropout(dropout)

    def features(self, contexts: Tensor) -> Tensor:
        """Return (batch, hidden): the units that all scores are made of."""
        return self.units(self.embedding(contexts))

    def units(self, rows: Tensor) -> Tensor:
        """Likewise, of rows that were looked up: (batch, context, dim)."""
        joined = self.dropout(rows.flatten(1))  # (batch, context * dim)
        out: Tensor = self.dropout(F.relu(self.hidden(joined)))
        return out

    def forward(self, contexts: Tensor) -> Tensor:
        """Return the logarithm of each token's probability to come next."""
        return F.log_softmax(self.output(self.features(contexts)), dim=-1)
