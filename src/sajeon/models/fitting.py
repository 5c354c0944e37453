"""The loop that fits a network: epochs of batches, the mean loss of each, early stopping."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..errors import TrainingError
from .progress import Progress, Reporter

Step = Callable[[Tensor], Tensor]
"""(batch,) int64, on the CPU, which examples -> their mean loss, with a graph behind it."""

Schedule = Literal["constant", "linear"]


@dataclass(frozen=True)
class Plan:
    """How to go through the examples.

    Attributes:
        epochs: Passes over them.
        batch_size: Examples of a step; the last batch of an epoch may have fewer.
        lr: Learning rate at the start.
        schedule: "constant", or "linear": falling evenly to 0 over all epochs.
        shuffle: Whether each epoch has an order of its own, drawn from `seed`.
        seed: Of the orders.
        patience: Epochs without a smaller loss on the held-out data after which it stops.
    """

    epochs: int
    batch_size: int
    lr: float
    schedule: Schedule
    shuffle: bool
    seed: int
    patience: int


@dataclass
class History:
    """Mean losses in nats, one an epoch: of training, and on held-out data where there are such."""

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)


def run(
    network: torch.nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    step: Step,
    num_examples: int,
    plan: Plan,
    report: Reporter,
    validate: Callable[[], float] | None = None,
) -> History:
    """Fit `network`, and leave it in evaluation mode.

    With `validate` it stops once `plan.patience` epochs in a row have not made the loss on held-out
    data smaller, and the network gets back the weights of the epoch in which it was smallest.

    Raises:
        TrainingError: The loss or a weight is no longer a finite number.
    """
    history, best = History(), _Best(network)
    try:
        for epoch in range(plan.epochs):
            network.train()
            loss = _epoch(epoch, optimizers, step, num_examples, plan, report)
            _check_weights(network, epoch, plan.lr)
            history.loss.append(loss)
            held_out = None
            if validate is not None:
                network.eval()
                held_out = validate()
                history.validation_loss.append(held_out)
                best.look(held_out)
            report(Progress(epoch + 1, plan.epochs, num_examples, num_examples, loss, held_out))
            if best.age >= plan.patience:
                break
    finally:
        network.eval()
    best.restore()
    return history


def _epoch(
    epoch: int,
    optimizers: Sequence[torch.optim.Optimizer],
    step: Step,
    num_examples: int,
    plan: Plan,
    report: Reporter,
) -> float:
    """Train one epoch and return the mean loss of an example."""
    per_epoch = -(-num_examples // plan.batch_size)
    total, done = 0.0, 0
    for b, batch in enumerate(batches(num_examples, plan, epoch)):
        if plan.schedule == "linear":
            share = (epoch * per_epoch + b) / (plan.epochs * per_epoch)
            _set_lr(optimizers, plan.lr * (1 - share))
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss = step(batch)
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingError(_diverged(f"the loss is {value}", epoch, b, plan.lr))
        loss.backward()  # type: ignore[no-untyped-call]
        for optimizer in optimizers:
            optimizer.step()
        total, done = total + value * len(batch), done + len(batch)
        if done < num_examples:
            report(Progress(epoch + 1, plan.epochs, done, num_examples, total / done))
    return total / done


def batches(num_examples: int, plan: Plan, epoch: int) -> Iterator[Tensor]:
    """Yield which examples come together, each (batch,) int64.

    The order is keyed by (seed, epoch) and drawn by NumPy: no global generator is touched, and it
    is the same on every device.
    """
    if plan.shuffle:
        order = np.random.default_rng([plan.seed, epoch]).permutation(num_examples)
    else:
        order = np.arange(num_examples)
    yield from torch.split(torch.from_numpy(order), plan.batch_size)


def _set_lr(optimizers: Sequence[torch.optim.Optimizer], lr: float) -> None:
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = lr


def _check_weights(network: torch.nn.Module, epoch: int, lr: float) -> None:
    """The last step of an epoch may have gone wrong, and no loss would show it."""
    for name, weight in network.named_parameters():
        if not torch.isfinite(weight.detach().sum()):
            raise TrainingError(
                _diverged(f"{name} holds numbers that are not finite", epoch, -1, lr)
            )


def _diverged(what: str, epoch: int, batch: int, lr: float) -> str:
    where = f"epoch {epoch + 1}" + (f", batch {batch + 1}" if batch >= 0 else "")
    return (
        f"{what} in {where}: the steps are too long, and the weights have grown without bound. "
        f"Expected finite numbers; use a smaller lr than {lr:g}, for example {lr / 10:g}."
    )


class _Best:
    """The weights with the smallest loss on held-out data so far, and how many epochs ago."""

    def __init__(self, network: torch.nn.Module) -> None:
        self._network = network
        self._loss = math.inf
        self._weights: dict[str, Tensor] | None = None
        self.age = 0

    def look(self, loss: float) -> None:
        self.age += 1
        if loss < self._loss:
            self._loss, self.age = loss, 0
            self._weights = {name: w.clone() for name, w in self._network.state_dict().items()}

    def restore(self) -> None:
        if self._weights is not None:
            self._network.load_state_dict(self._weights)
