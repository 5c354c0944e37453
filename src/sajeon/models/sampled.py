"""The softmax of a large vocabulary, estimated from a few of its words."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ..nn.optim import RowOptimizer
from ..sampling import NoiseSampler
from .touched import touched


class SampledSoftmax:
    """Loss of a step whose cost does not grow with the vocabulary.

    Of the sum over all words in the softmax, ``Z = Σ exp s(w)``, the right word's part is taken as
    it is, and the rest is estimated from words drawn from the noise distribution q, each worth
    ``exp s(w) / (K q(w))``. So the mean of the estimate is Z, training aims at the same
    probabilities as the full softmax, and they need no correction afterwards; the plain yes/no loss
    of negative sampling would leave scores that are no probabilities (Bengio and Senécal,
    "Adaptive importance sampling to accelerate training of a neural probabilistic language model",
    2008, section III; Jean et al., arXiv:1412.2007, section 3). One draw serves a whole batch.

    The loss reported is a little too low: the logarithm of an estimate is, on average, below that
    of the sum. `perplexity` takes the full sum.

    Args:
        output: The layer that gives the scores; its rows are moved by an optimiser of their own,
            the bias is left to that of the other parameters.
        sampler: Draws from q, in which a word of the training data has a share.
        negatives: K, words drawn for a batch.
        rule: Moves the rows.
        seed: Of the draws.
    """

    def __init__(
        self,
        output: torch.nn.Linear,
        sampler: NoiseSampler,
        *,
        negatives: int,
        rule: RowOptimizer,
        seed: int,
    ) -> None:
        self._sampler, self._negatives = sampler, negatives
        self._rng = np.random.default_rng([seed, 1])
        self._rows, self._bias = touched(output.weight, rule), output.bias
        expected = torch.from_numpy(negatives * sampler.probabilities)
        self._log_expected = expected.log().to(output.weight)  # (num_embeddings,)

    def __call__(self, features: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss: of (batch, hidden) features with (batch,) targets."""
        drawn = self._sampler.sample(self._negatives, seed=self._rng)
        noise = torch.from_numpy(drawn).to(targets.device)
        ids = torch.cat([targets, noise])
        rows, bias = self._rows(ids), self._bias[ids]
        n = len(targets)
        right = (features * rows[:n]).sum(1) + bias[:n]  # (batch,)
        wrong = torch.addmm(bias[n:] - self._log_expected[noise], features, rows[n:].T)
        wrong = wrong.masked_fill(noise == targets[:, None], -math.inf)  # already counted
        everything = torch.cat([right[:, None], wrong], dim=1)  # (batch, 1 + negatives)
        loss: Tensor = (torch.logsumexp(everything, dim=1) - right).mean()
        return loss
