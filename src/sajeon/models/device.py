"""Where a network lives, and how it begins: the same numbers on any device, from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def as_device(device: torch.device | str | int | None) -> torch.device:
    """Return a device; None is torch's default: the CPU, unless you set another.

    Raises:
        ValueError: torch knows no such device, or this machine has none.
    """
    try:
        chosen = torch.get_default_device() if device is None else torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ValueError(f"device={device!r} cannot be used here: {error}") from error
    return chosen


@contextmanager
def beginning(seed: int) -> Iterator[None]:
    """Draw the numbers that new modules begin with from `seed`, on the CPU.

    torch's modules draw from its global generator, which afterwards is as it was. Drawn on the CPU,
    the same seed begins with the same numbers on every device.
    """
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would touch GPUs as well
        yield


class Dropout(torch.nn.Module):
    """`torch.nn.Dropout` that can draw from a generator of its own.

    Args:
        p: Share of the numbers set to zero while training; the others are divided by ``1 - p``.

    Attributes:
        generator: What it draws from, on the device of the numbers. None: torch's global one.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.generator: torch.Generator | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `x` with numbers dropped, of the same shape; in evaluation `x` itself."""
        if self.p == 0 or not self.training:
            return x
        kept = torch.empty_like(x).bernoulli_(1 - self.p, generator=self.generator)
        return x * kept / (1 - self.p)
