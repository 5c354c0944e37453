"""How the n-gram language model is trained: its settings, the two losses, its log-probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ..nn import SGD, LazyAdamW
from ..nn.optim import RowOptimizer
from ..sampling import NoiseSampler
from .checks import check_choice, check_number, check_whole
from .fitting import History, Plan, Schedule, run
from .ngram_network import NGramNetwork
from .pairs import Pairs
from .progress import Reporter
from .sampled import SampledSoftmax
from .touched import touched

_SCORES_AT_ONCE = 1 << 24  # numbers: 64 MB of scores, whatever the vocabulary
_FULL_UP_TO = 5_000
"""Tokens up to which "auto" takes the full softmax. A step of 256 pairs, 256 hidden units, 512
negatives, CPU milliseconds, full and sampled: 45 and 20 for 2,000 tokens, 98 and 21 for 5,000, 188
and 22 for 10,000."""

Stepping: TypeAlias = "tuple[Callable[[Tensor], Tensor], list[torch.optim.Optimizer]]"


@dataclass(frozen=True)
class Settings:
    """All that a model depends on besides texts and vocabulary; written into config.json.

    Raises:
        ValueError: A setting that cannot be used; the message says which.
    """

    context: int
    dim: int
    hidden: int
    init_std: float
    dropout: float
    boundary: str | None
    newest_first: bool
    loss: Literal["auto", "softmax", "sampled"]
    negatives: int
    noise_exponent: float
    optimizer: Literal["adamw", "sgd"]
    lr: float
    schedule: Schedule
    weight_decay: float
    epochs: int
    batch_size: int
    shuffle: bool
    patience: int
    seed: int

    def __post_init__(self) -> None:
        for name in ("context", "dim", "hidden", "negatives", "epochs", "batch_size", "patience"):
            check_whole(name, getattr(self, name), least=1)
        check_whole("seed", self.seed, least=0)
        check_number("dropout", self.dropout, low=0, high=1)
        check_number("init_std", self.init_std, low=0)
        check_number("lr", self.lr, low=0, high=1e38)
        check_number("weight_decay", self.weight_decay, low=0)
        check_number("noise_exponent", self.noise_exponent, low=0, high=10)
        check_choice("loss", self.loss, ("auto", "softmax", "sampled"))
        check_choice("optimizer", self.optimizer, ("adamw", "sgd"))
        check_choice("schedule", self.schedule, ("constant", "linear"))
        check_choice("newest_first", self.newest_first, (True, False))
        check_choice("shuffle", self.shuffle, (True, False))
        if not (self.boundary is None or isinstance(self.boundary, str)):
            raise ValueError(f"boundary must be a token or None, got {self.boundary!r}.")

    def full(self, num_embeddings: int) -> bool:
        """Return whether training takes the softmax over the whole vocabulary."""
        if self.loss == "auto":
            return num_embeddings <= _FULL_UP_TO
        return self.loss == "softmax"


def train(
    network: NGramNetwork,
    pairs: Pairs,
    settings: Settings,
    report: Reporter,
    held_out: Pairs | None,
) -> History:
    """Train the network, which is where the pairs are; leave it in evaluation mode."""
    network.dropout.generator = _generator(settings.seed, pairs.ids.device)
    if settings.full(network.embedding.num_embeddings):
        step, optimizers = _full_softmax(network, pairs, settings)
    else:
        step, optimizers = _sampled_softmax(network, pairs, settings)
    plan = Plan(
        settings.epochs, settings.batch_size, settings.lr, settings.schedule, settings.shuffle,
        settings.seed, settings.patience,
    )  # fmt: skip
    validate = None if held_out is None else lambda: -log_probs_of(network, held_out).mean().item()
    history = run(network, optimizers, step, len(pairs), plan, report, validate)
    network.dropout.generator = None
    return history


def _full_softmax(network: NGramNetwork, pairs: Pairs, settings: Settings) -> Stepping:
    def step(batch: Tensor) -> Tensor:
        batch = batch.to(pairs.ids.device)
        return F.nll_loss(network(pairs.contexts(batch)), pairs.targets(batch))

    return step, [_optimizer(list(network.parameters()), settings)]


def _sampled_softmax(network: NGramNetwork, pairs: Pairs, settings: Settings) -> Stepping:
    """Move the rows that a step touches, of both tables, and no others."""
    rules = [_row_optimizer(settings) for _ in range(2)]
    table = touched(network.embedding.weight, rules[0])
    counts = torch.bincount(pairs.targets(slice(None)), minlength=table.num_embeddings)
    # A token that never is a target is drawn too: otherwise nothing would push its score down, and
    # it would take a share of the full softmax.
    sampler = NoiseSampler(counts.clamp(min=1).cpu().numpy(), settings.noise_exponent)
    loss = SampledSoftmax(
        network.output, sampler, negatives=settings.negatives, rule=rules[1], seed=settings.seed
    )

    def step(batch: Tensor) -> Tensor:
        batch = batch.to(pairs.ids.device)
        return loss(network.units(table(pairs.contexts(batch))), pairs.targets(batch))

    rest = [*network.hidden.parameters(), network.output.bias]
    return step, [_optimizer(rest, settings), *rules]


def _row_optimizer(settings: Settings) -> RowOptimizer:
    if settings.optimizer == "sgd":
        return SGD(settings.lr)
    return LazyAdamW(settings.lr, weight_decay=settings.weight_decay)


def _optimizer(parameters: list[torch.nn.Parameter], settings: Settings) -> torch.optim.Optimizer:
    if settings.optimizer == "sgd":
        return torch.optim.SGD(parameters, settings.lr)
    return torch.optim.AdamW(parameters, settings.lr, weight_decay=settings.weight_decay)


def _generator(seed: int, device: torch.device) -> torch.Generator:
    return torch.Generator(device).manual_seed(seed)


@torch.no_grad()
def log_probs_of(network: NGramNetwork, pairs: Pairs) -> Tensor:
    """Return (pairs,) float64, on the CPU: each target's log-probability, of the whole softmax."""
    rows = max(1, _SCORES_AT_ONCE // network.embedding.num_embeddings)
    found = [torch.zeros(0, dtype=torch.float64)]
    for begin in range(0, len(pairs), rows):
        which = slice(begin, begin + rows)
        scores = network(pairs.contexts(which))  # (rows, num_embeddings)
        targets = pairs.targets(which)[:, None]
        found.append(scores.gather(1, targets)[:, 0].double().cpu())
    return torch.cat(found)
