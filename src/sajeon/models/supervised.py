"""How the text classifier is trained."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..nn import LazyAdam
from ..types import Floats
from ..vocab import Vocabulary
from .fitting import History, Plan, run
from .pooled import PooledNetwork, loss_of
from .progress import Reporter
from .texts import Examples, padded
from .touched import touched

if TYPE_CHECKING:
    from .classifier import TextClassifier

Loss = Callable[[Tensor, Tensor], Tensor]

_VALIDATED_AT_ONCE = 512  # texts


def train(
    model: TextClassifier,
    network: PooledNetwork,
    vocab: Vocabulary,
    examples: Examples,
    held_out: Examples | None,
    weights: Floats | None,
    report: Reporter,
) -> History:
    """Train `network`, which is where it shall be, with the settings of `model`."""
    device = network.linear.weight.device
    class_weights = None if weights is None else torch.from_numpy(weights).to(device)
    loss = partial(loss_of, weights=class_weights, several=examples.several)
    plan = Plan(
        model.epochs, model.batch_size, model.lr, model.schedule, model.shuffle, model.seed,
        model.patience,
    )  # fmt: skip
    forward, optimizers = _forward(model, network)
    replaced = model.word_dropout if model.unk == "learn" and not model.freeze else 0.0
    unknown = _Unknown(vocab.unk_id, replaced, model.seed)
    targets = examples.targets(device)

    def step(batch: Tensor) -> Tensor:
        seqs = [examples.seqs[i] for i in batch.tolist()]
        ids, mask = padded(seqs, network, model.length, device)
        return loss(forward(unknown(ids, mask), mask), targets[batch.to(device)])

    validate = None
    if held_out is not None:
        validate = partial(_mean_loss, network, held_out, model.length, loss)
    network.dropout.generator = torch.Generator(device).manual_seed(model.seed)
    history = run(network, optimizers, step, len(examples), plan, report, validate)
    network.dropout.generator = None
    if model.unk == "mean" and not model.freeze:
        _set_unknown_to_mean(network, vocab)
    return history


def _forward(
    model: TextClassifier, network: PooledNetwork
) -> tuple[Callable[[Tensor, Tensor], Tensor], list[torch.optim.Optimizer]]:
    """Return the function from ids and mask to scores, and what moves its parameters."""
    if model.optimizer == "adam" or model.freeze:
        trained = [weight for weight in network.parameters() if weight.requires_grad]
        return network, [torch.optim.Adam(trained, model.lr)]
    rule = LazyAdam(model.lr)
    table = touched(network.embedding.weight, rule, network.pad_id)
    rest = torch.optim.Adam(network.linear.parameters(), model.lr)
    return lambda ids, mask: network.scores(table(ids), mask), [rest, rule]


class _Unknown:
    """Puts the unknown token in place of others at random, so that its row is learnt."""

    def __init__(self, unk_id: int | None, share: float, seed: int) -> None:
        self._unk_id = unk_id
        self._share = 0.0 if unk_id is None else share
        self._rng = np.random.default_rng([seed, 1])

    def __call__(self, ids: Tensor, mask: Tensor) -> Tensor:
        if self._share == 0:
            return ids
        hit = torch.from_numpy(self._rng.random(ids.shape) < self._share).to(ids.device)
        return torch.where(hit & mask, self._unk_id or 0, ids)


@torch.no_grad()
def _mean_loss(network: PooledNetwork, examples: Examples, length: int | None, loss: Loss) -> float:
    """Return the mean loss of held-out texts, in equal parts whatever the batches."""
    device, scores = network.linear.weight.device, []
    for first in range(0, len(examples), _VALIDATED_AT_ONCE):
        batch = padded(examples.seqs[first : first + _VALIDATED_AT_ONCE], network, length, device)
        scores.append(network(*batch))
    return loss(torch.cat(scores), examples.targets(device)).item()


@torch.no_grad()
def _set_unknown_to_mean(network: PooledNetwork, vocab: Vocabulary) -> None:
    """A word that was never seen is taken for an average one."""
    words = [i for i, token in enumerate(vocab.tokens) if token not in vocab.specials]
    if vocab.unk_id is not None and words:
        weight = network.embedding.weight
        weight[vocab.unk_id] = weight[torch.tensor(words, device=weight.device)].mean(dim=0)
